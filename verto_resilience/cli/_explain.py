"""``verto-resilience explain``: what a status, and an API error code, mean here."""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import typer

from verto_resilience.cli._codes import catalogue_in_force
from verto_resilience.cli._wrapped import wrapped
from verto_resilience.outcome import (
    Catalogue,
    Category,
    CodeEntry,
    Health,
    Resend,
    StatusEntry,
    WaitRule,
)
from verto_resilience.transports import CallOutcome, error_class

_STATUSES = range(100, 1000)
_INDENT = "  "
_LABEL = re.compile(r"[a-z]+:\s+")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a status, and of a code where one was asked for."""

    status: int
    entry: StatusEntry | None
    message: str
    category: Category
    health: Health
    resend: Resend
    wait: WaitRule
    source: str
    error: str | None
    code: int | None
    code_entry: CodeEntry | None


def explain(
    status: Annotated[int, typer.Argument(metavar="STATUS", help="An HTTP status, 100 to 999.")],
    code: Annotated[
        int | None,
        typer.Argument(metavar="CODE", help="The API error code with it.", show_default=False),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain a status and an API error code: what they mean, and what a call makes of them."""
    if status not in _STATUSES:
        raise typer.BadParameter(f"{status} is no HTTP status: 100 to 999", param_hint="STATUS")
    if code is not None and code < 0:
        raise typer.BadParameter(f"{code} is no API error code: 0 or more", param_hint="CODE")
    explanation = explanation_of(catalogue_in_force(), status, code)
    if as_json:
        print(json.dumps(as_plain_data(explanation), indent=2))
        return
    headline, *lines = _told(explanation)
    print(wrapped(headline, others=_INDENT))
    for line in lines:
        label = _LABEL.match(line)
        below = " " * (len(label[0]) if label else 0)
        print(wrapped(line, first=_INDENT, others=_INDENT + below))


def explanation_of(catalogue: Catalogue, status: int, code: int | None) -> Explanation:
    """Look a status and a code up."""
    entry, rule = catalogue.status(status), catalogue.rule(status)
    is_error = rule.category not in (Category.SUCCESS, Category.REDIRECT)
    outcome = CallOutcome(status=status, category=rule.category)
    return Explanation(
        status=status,
        entry=entry,
        message=_phrase(status) if entry is None else entry.message,
        category=rule.category,
        health=rule.health,
        resend=rule.resend,
        wait=rule.wait,
        source=rule.source,
        error=error_class(outcome).__name__ if is_error else None,
        code=code,
        code_entry=None if code is None else catalogue.code(code),
    )


def as_plain_data(explanation: Explanation) -> dict[str, object]:
    """Give what JSON can hold."""
    entry, code = explanation.entry, explanation.code_entry
    return {
        "status": explanation.status,
        "documented": entry is not None,
        "message": explanation.message,
        "meaning": None if entry is None else entry.meaning,
        "description": None if entry is None else entry.description,
        "category": explanation.category,
        "health": explanation.health,
        "resend": explanation.resend,
        "wait": explanation.wait,
        "source": explanation.source,
        "error": explanation.error,
        "code": explanation.code,
        "code_description": None if code is None else code.description,
        "code_status": None if code is None else code.status,
    }


_CIRCUIT = {
    Health.GOOD: "counts as a good answer",
    Health.BAD: "counts as a failure, and may open it",
    Health.UNKNOWN: "not counted",
}
_RESEND = {
    Resend.NEVER: "never",
    Resend.AFTER_REFRESH: "once, where the caller can renew the credentials",
    Resend.IF_REPEATABLE: "only where that cannot execute the request twice",
    Resend.ALWAYS: "whatever the request",
}
_WAIT = {
    WaitRule.NONE: "",
    WaitRule.BACKOFF: "as long as Retry-After says, else by the backoff",
    WaitRule.SERVER_ERROR_BAND: (
        "as long as Retry-After says, else 5 to 10 s (as set) on Verto's hosts"
    ),
}


def _told(explanation: Explanation) -> list[str]:
    entry = explanation.entry
    lines = [f"{explanation.status} {explanation.message}".rstrip()]
    if entry is None:
        lines.append(f"Not in the catalogue: the rule of {explanation.status // 100}xx holds.")
    else:
        lines.append(entry.meaning)
        if entry.description and entry.description != entry.meaning:
            lines.append(f'Verto: "{entry.description}"')
    lines += [
        f"kind:     {explanation.category}",
        f"circuit:  {_CIRCUIT[explanation.health]}",
        f"resent:   {_RESEND[explanation.resend]}",
    ]
    if _WAIT[explanation.wait]:
        lines.append(f"wait:     {_WAIT[explanation.wait]}")
    if explanation.error is not None:
        lines.append(f"raises:   {explanation.error}, by raise_for_outcome()")
    lines.append(f"source:   {explanation.source}")
    return [*lines, *_code_told(explanation)]


def _code_told(explanation: Explanation) -> list[str]:
    entry = explanation.code_entry
    if explanation.code is None:
        return []
    if entry is None:
        return [f"API error code {explanation.code} is not in the catalogue; the status rules."]
    told = [f"API error code {entry.code}: {entry.description} (source: {entry.source})"]
    if entry.status != explanation.status:
        told.append(f"The catalogue lists it with status {entry.status}.")
    return told


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
