"""Plays every incident with every client, and writes figures, plots and table into the docs.

``make incidents`` runs this; it takes six minutes, and needs no network but loopback.
"""

import argparse
import csv
import datetime as dt
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from docs.generate.incident_plot import drawn
from tests.incidents.clients import BY_OPERATION, CLIENTS, Client, ours_by_operation
from tests.incidents.figures import WIDTH, Fifth, Figures, fifths, figures
from tests.incidents.play import OFFERED, Played, play
from tests.incidents.script import INCIDENTS, Incident

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
PLACE = ROOT / "docs" / "reliability"
BEFORE = 2.0
AFTER = 6.0
# A run in which the machine held threads up for longer than that is played again, a few times.
MOST_STALL = 0.03
TRIES = 6

_MARKED = re.compile(r"(<!-- table: incidents -->\n).*?(<!-- end incidents -->)", re.DOTALL)
_HEAD = (
    "| incident | client | requests that reached the server, trigger on | goodput, trigger on "
    "| time to open | time to recover | calls failed after |\n"
    "|---|---|---|---|---|---|---|"
)


def clients_of(incident: Incident) -> dict[str, Client]:
    """Give who meets an incident."""
    if incident.name == "bad-route":
        return CLIENTS | {BY_OPERATION: ours_by_operation}
    return CLIENTS


def main(arguments: list[str]) -> int:
    """Play, print and write."""
    parser = argparse.ArgumentParser(prog="docs/generate/incidents.py", description=__doc__)
    known = [incident.name for incident in INCIDENTS]
    parser.add_argument("--only", choices=known, help="one incident; the page is left as it is")
    chosen = parser.parse_args(arguments)
    PLACE.mkdir(exist_ok=True)
    rows = []
    for incident in INCIDENTS:
        if chosen.only not in (None, incident.name):
            continue
        runs = {
            name: _undisturbed(incident, client) for name, client in clients_of(incident).items()
        }
        _write(incident, runs)
        for name, played in runs.items():
            rows.append(_row(incident, name, figures(played)))
            print(rows[-1], flush=True)
    if chosen.only is None:
        _into_page("\n".join([_HEAD, *rows, "", _made_with()]))
    return 0


def _undisturbed(incident: Incident, client: Client) -> Played:
    tries: list[Played] = []
    while len(tries) < TRIES and not (tries and tries[-1].stall <= MOST_STALL):
        tries.append(play(incident, client, before=BEFORE, after=AFTER))
    best = min(tries, key=lambda played: played.stall)
    print(f"tries: {len(tries)}, held up for {best.stall:.3f} s at most", flush=True)
    return best


def _write(incident: Incident, runs: Mapping[str, Played]) -> None:
    cut = {name: fifths(played) for name, played in runs.items()}
    plot = drawn(incident.title, runs, cut)
    (PLACE / f"{incident.name}.svg").write_text(plot, encoding="utf-8")
    _write_csv(PLACE / f"{incident.name}.csv", cut)


def _write_csv(path: Path, cut: Mapping[str, Sequence[Fifth]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("client", "second", "wanted", "called", "reached", "succeeded", "failed"))
        for name, part in cut.items():
            for fifth in part:
                writer.writerow(
                    (
                        name,
                        fifth.at,
                        f"{OFFERED * WIDTH:g}",
                        fifth.called,
                        fifth.reached,
                        fifth.succeeded,
                        fifth.failed,
                    )
                )


def _row(incident: Incident, client: str, found: Figures) -> str:
    opened = "" if found.opened is None else f"{found.opened:.2f} s"
    recovered = "not seen" if found.recovered is None else f"{found.recovered:.1f} s"
    if found.last_break:
        recovered += f" (last break {found.last_break:.1f} s)"
    share = f"{found.during:.0f}/s ({found.during / found.before:.0%})"
    return (
        f"| {incident.title} | {client} | {found.reached} | {share} | {opened} | {recovered} "
        f"| {found.failed_after} |"
    )


def _made_with() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("requests", "urllib3"))
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    return (
        f"`make incidents`, {today}, {platform.python_implementation()} "
        f"{platform.python_version()}, {packages}, {os.cpu_count()} processors."
    )


def _into_page(text: str) -> None:
    before = PAGE.read_text(encoding="utf-8")
    after, places = _MARKED.subn(lambda m: f"{m[1]}{text}\n{m[2]}", before)
    if places != 1:
        message = f"{PAGE}: one place for the table expected, {places} found"
        raise ValueError(message)
    PAGE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
