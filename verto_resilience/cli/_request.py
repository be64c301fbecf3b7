"""``verto-resilience request``: one call through the adapter, and what happened to it."""

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import getproxies

import requests
import typer
from urllib3.exceptions import LocationParseError

from verto_resilience.cli._cause import cause_of
from verto_resilience.cli._input import standard_input
from verto_resilience.cli._kill_switch import what_counts
from verto_resilience.cli._output import UnwrittenError
from verto_resilience.cli._told_call import ToldCall, as_plain_data, show_tree
from verto_resilience.cli._told_error import tell_note
from verto_resilience.config import did_you_mean, is_switched_off, load_policies, read_text
from verto_resilience.errors import ConfigurationError
from verto_resilience.mounting import VertoAdapter
from verto_resilience.outcome import scrub_known
from verto_resilience.pipeline import Event, Policy, WaitBegan, settings_table
from verto_resilience.transports import CallOutcome, outcome_of, report_of

_FIRST_ERROR = 400
_NOT_ANSWERED = 3
_INTERRUPTED = 130
_METHOD = re.compile(r"[A-Za-z]{1,20}")
# Before anything is sent, requests and urllib3 raise these for what they were given.
_UNUSABLE = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    TypeError,
    ValueError,
)


def request(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="An HTTP method.")],
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where to; redirects are not followed.")
    ],
    *,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="A header; may be repeated."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="BODY",
            help="The body; @FILE takes it from a file, @- from standard input.",
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy", "-p", metavar="NAME=VALUE", help="A setting for this call; may be repeated."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make one call through the adapter, and show what happened to it as a tree.

    Nothing secret is shown: no header, no query value, no body. A body that is JSON is sent as
    such. Exits with 0 after a 2xx or 3xx, with 1 after another status, with 2 for a mistake, with
    3 when the call was refused or brought no answer, with 4 when it was made and what came of it
    cannot be written.
    """
    if _METHOD.fullmatch(method) is None:
        raise typer.BadParameter(f"{method!r} is no HTTP method", param_hint="METHOD")
    headers = dict(_header(text) for text in header or ())
    body = None if data is None else _body(data)
    if body is not None and _is_json(body):
        headers = {"Content-Type": "application/json"} | headers
    given = dict(_setting(text) for text in policy or ())
    # Elsewhere what is given here may put right what is wrong there.
    environ = what_counts()[0] if is_switched_off() else os.environ
    settings = load_policies(environ, source="--policy", **given).general
    try:
        told = _call(settings, method.upper(), url, headers, body)
    except ConfigurationError:
        raise
    except _UNUSABLE as error:
        raise typer.BadParameter(_unusable(error)) from None
    except OSError as error:
        # Raised before anything is sent, such as for a certificate bundle that is not there.
        problem = f"it could not be sent: {error}; verto-resilience doctor looks for the reason"
        raise ConfigurationError(problem, problems=(problem,)) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    try:
        if as_json:
            print(json.dumps(as_plain_data(told), indent=2))
        else:
            show_tree(told)
        sys.stdout.flush()
    except UnwrittenError as error:
        if not error.is_unread:
            # Else somebody would make the call once more to see what comes of it.
            tell_note(_what_came(told))
        raise
    raise typer.Exit(_exit_code(told))


def _what_came(told: ToldCall) -> str:
    """Say in one line that the call was made, and how it ended."""
    outcome = told.outcome
    ended = f"it ended with {outcome.status or told.error}"
    if told.switched_off:
        return f"the call has been made; {ended}"
    if not outcome.attempts:
        return f"nothing was sent; {ended}"
    made = f"the call has been made (attempts: {len(outcome.attempts)}); {ended}"
    return f"{made}, and the server may have executed it" if outcome.ambiguous else made


def _unusable(error: Exception) -> str:
    """Say why a request cannot be sent; the exception's own text may hold the URL."""
    match error:
        case requests.exceptions.InvalidHeader():
            return "a header cannot be sent as it is"
        case requests.exceptions.InvalidSchema() if "SOCKS support" in str(error):
            return "the proxy is a SOCKS proxy, which needs: pip install 'requests[socks]'"
        case requests.exceptions.InvalidSchema() | requests.exceptions.MissingSchema():
            return "the URL must begin with https:// or http://"
        case requests.exceptions.InvalidURL() | LocationParseError():
            proxy = ", or that of the proxy (HTTPS_PROXY, HTTP_PROXY)," if getproxies() else ""
            return f"the URL{proxy} cannot be read"
        case _:
            return "it cannot be sent"


class _Waits:
    """Says on a terminal what is waited for, so that nobody takes a wait for a hang."""

    def on_event(self, event: Event) -> None:
        """Say it."""
        if isinstance(event, WaitBegan) and sys.stderr.isatty():
            print(f"waiting {event.seconds:.1f} s ({event.source})", file=sys.stderr)


def _call(
    policy: Policy, method: str, url: str, headers: dict[str, str], body: bytes | None
) -> ToldCall:
    bearer: requests.Response | requests.RequestException
    adapter = VertoAdapter(policy=policy, observer=_Waits())
    with requests.Session() as session:
        for prefix in ("https://", "http://"):
            session.mount(prefix, adapter)
        try:
            bearer = session.request(method, url, headers=headers, data=body, allow_redirects=False)
        except (ConfigurationError, *_UNUSABLE):
            raise
        except requests.RequestException as error:
            bearer = error
        now = adapter.pipeline.clock.monotonic()
        origin = next(iter(adapter.circuits.known()), None)
        report = report_of(bearer)
        return ToldCall(
            outcome=_without_query_values(outcome_of(bearer), url),
            error=type(bearer).__name__ if isinstance(bearer, Exception) else None,
            cause=cause_of(bearer) if isinstance(bearer, Exception) else None,
            switched_off=adapter.policy.disabled,
            circuit_key=None if origin is None else origin.key,
            circuit=None
            if origin is None
            else origin.circuit(None if report is None else report.operation)[1].snapshot(now),
            paused_for=0.0 if origin is None else origin.pause.remaining(now),
            budget=None if origin is None else origin.budget.balance(now),
        )


def _without_query_values(outcome: CallOutcome, url: str) -> CallOutcome:
    """Take out what the server quotes of the query, whatever its names."""
    if outcome.message is None:
        return outcome
    values = [value for _, value in parse_qsl(urlsplit(url).query)]
    return replace(outcome, message=scrub_known(outcome.message, values))


def _exit_code(told: ToldCall) -> int:
    status = told.outcome.status
    if told.error is not None or status is None:
        return _NOT_ANSWERED
    return 1 if status >= _FIRST_ERROR else 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        # The text may hold a credential.
        raise typer.BadParameter("a header is written 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()


def _body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    if data == "@-":
        return standard_input()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(
            f"{data[1:]} cannot be read: {error.strerror}", param_hint="--data"
        ) from None


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    rows = {row.name: row for row in settings_table()}
    row = rows.get(name.strip().lower())
    if row is None:
        hint = did_you_mean(name.strip(), rows)
        raise typer.BadParameter(f"{name.strip()} is no setting{hint}", param_hint="--policy")
    if not sign:
        raise typer.BadParameter(
            f"{row.name} has no value: write {row.name}=VALUE", param_hint="--policy"
        )
    parsed, refusal = read_text(row, value.strip())
    if refusal is not None:
        raise typer.BadParameter(f"{text}: {refusal}", param_hint="--policy")
    return row.name, parsed
