"""``verto-resilience simulate``: a fleet, its server and an incident, in simulated time."""

import csv
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from verto_resilience.cli._told_error import tell_error
from verto_resilience.cli._told_runs import show_runs, watched
from verto_resilience.config import PREFIX, load_policy
from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy
from verto_resilience.simulation import (
    HEADER,
    IncidentKind,
    Played,
    Scenario,
    ServiceTimes,
    Strategy,
    figures,
    page,
    play_side_by_side,
    require_plotly,
    rows,
)

_INTERRUPTED = 130
_STANDARD_OUTPUT = Path("-")


def _one_of(kinds: type[IncidentKind | ServiceTimes | Strategy]) -> str:
    names = [kind.value for kind in kinds]
    return f"{', '.join(names[:-1])} or {names[-1]}"


_DEFAULT = Scenario()


def simulate(
    *,
    clients: Annotated[
        int, typer.Option(metavar="COUNT", help="Processes with machines of their own.")
    ] = _DEFAULT.clients,
    rate: Annotated[
        float, typer.Option(metavar="COUNT", help="Calls a second, of all clients together.")
    ] = _DEFAULT.rate,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="What the application gives an attempt.")
    ] = _DEFAULT.timeout,
    workers: Annotated[
        int, typer.Option(metavar="COUNT", help="Requests the server works on at once.")
    ] = _DEFAULT.workers,
    service: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long a request keeps a worker.")
    ] = _DEFAULT.service,
    service_times: Annotated[
        ServiceTimes,
        typer.Option(metavar="KIND", help=f"How that is spread: {_one_of(ServiceTimes)}."),
    ] = _DEFAULT.service_times,
    queue: Annotated[
        int | None,
        typer.Option(metavar="COUNT", help="Requests that may wait for a worker; any by default."),
    ] = _DEFAULT.queue,
    incident: Annotated[
        IncidentKind,
        typer.Option(metavar="KIND", help=f"What goes wrong: {_one_of(IncidentKind)}."),
    ] = _DEFAULT.incident,
    severity: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the server that is lost by it.")
    ] = _DEFAULT.severity,
    start: Annotated[
        float, typer.Option(metavar="SECONDS", help="When it begins.")
    ] = _DEFAULT.start,
    length: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long it lasts.")
    ] = _DEFAULT.length,
    retry_after: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Told with a 429; 0 for a 429 that names no time."),
    ] = 10.0,
    seconds: Annotated[
        int, typer.Option(metavar="SECONDS", help="Length of the whole run.")
    ] = _DEFAULT.seconds,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Of chance; the same gives the same run.")
    ] = _DEFAULT.seed,
    only: Annotated[
        list[Strategy] | None,
        typer.Option(metavar="STRATEGY", help=f"{_one_of(Strategy)}; may be repeated."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The settings, as a policy file.")
    ] = None,
    env: Annotated[
        bool, typer.Option("--env", help=f"Take the settings of {PREFIX}* variables.")
    ] = False,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write a row for each strategy and second; - for standard output, alone.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """See in simulated time whether a fleet brings its server back up after an incident.

    The same calls are made with each strategy: sent once, sent again by urllib3's Retry, and
    through this library with the default settings, those of a file or of the environment. Exits
    with 1 when the library's clients have not recovered by the end of the run.
    """
    scenario = Scenario(
        clients=clients,
        rate=rate,
        timeout=timeout,
        workers=workers,
        service=service,
        service_times=service_times,
        queue=queue,
        incident=incident,
        severity=severity,
        start=start,
        length=length,
        retry_after=retry_after or None,
        seconds=seconds,
        seed=seed,
    )
    settings = _settings(policy, env=env)
    if as_json and csv_file == _STANDARD_OUTPUT:
        raise typer.BadParameter("- and --json cannot both be printed", param_hint="--csv")
    _check_writable(csv_file, "--csv")
    if report is not None:
        _check_report(report)
    runs = _play(scenario, list(dict.fromkeys(only or Strategy)), settings)
    # Before anything is printed, for whoever reads that may go away before its end.
    _write(runs, settings, None if csv_file == _STANDARD_OUTPUT else csv_file, report)
    if csv_file == _STANDARD_OUTPUT:
        _write_rows(runs, sys.stdout)
    elif as_json:
        print(json.dumps(_plain_data(scenario, runs), indent=2))
    else:
        show_runs(runs)
    lost = [run for run in runs if run.strategy.is_ours and figures(run).recovered is None]
    raise typer.Exit(1 if lost else 0)


def _settings(policy: Path | None, *, env: bool) -> Policy:
    given = {} if policy is None else {"policy_file": str(policy)}
    settings = load_policy(os.environ if env else {}, **given)
    if settings.disabled:
        problem = f"{PREFIX}DISABLED is set, so there is nothing to simulate"
        raise ConfigurationError(problem, problems=(problem,))
    return settings


def _check_writable(path: Path | None, option: str) -> None:
    """Make sure early that a file can be written there."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise typer.BadParameter(f"{path} cannot be written there", param_hint=option)


def _check_report(path: Path) -> None:
    try:
        require_plotly()
    except ModuleNotFoundError as missing:
        tell_error(missing)
        raise typer.Exit(2) from None
    if path == _STANDARD_OUTPUT:
        raise typer.BadParameter("a page goes into a file: name one", param_hint="--report")
    _check_writable(path, "--report")


def _play(scenario: Scenario, strategies: Sequence[Strategy], policy: Policy) -> list[Played]:
    try:
        with watched(strategies) as progress:
            return play_side_by_side(
                scenario,
                strategies,
                policy,
                processes=_processors(),
                progress=progress,
            )
    except ChildProcessError as error:
        tell_error(error)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None


def _processors() -> int:
    """Count those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _plain_data(scenario: Scenario, runs: Sequence[Played]) -> dict[str, Any]:
    return {
        "scenario": asdict(scenario),
        "runs": {run.strategy.value: asdict(figures(run)) for run in runs},
    }


def _write_rows(runs: Sequence[Played], file: TextIO) -> None:
    csv.writer(file, lineterminator="\n").writerows([HEADER, *rows(runs)])


def _write(
    runs: Sequence[Played], policy: Policy, csv_file: Path | None, report: Path | None
) -> None:
    try:
        if csv_file is not None:
            with csv_file.open("w", encoding="utf-8", newline="") as file:
                _write_rows(runs, file)
        if report is not None:
            report.write_text(page(runs, policy), encoding="utf-8")
    except OSError as error:
        tell_error(f"{error.filename} cannot be written: {error.strerror}")
        raise typer.Exit(2) from None
    for path in filter(None, (csv_file, report)):
        print(f"written: {path}", file=sys.stderr)
