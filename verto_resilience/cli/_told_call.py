"""What happened to one call, as a tree for people and as data for scripts; without secrets."""

from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.segment import Segment, Segments
from rich.text import Text
from rich.tree import Tree

from verto_resilience.cli._wrapped import wrapped
from verto_resilience.machines import CircuitSnapshot, Mode
from verto_resilience.outcome import Category
from verto_resilience.pipeline import Attempt
from verto_resilience.transports import CallOutcome

_BELOW = "    "
_BOUND = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCall:
    """A call that is over.

    Attributes:
        outcome: What came of it.
        error: Name of the exception, when it brought no response.
        cause: What lies at the bottom of it, in words; ``None`` where nobody says.
        switched_off: Whether the kill switch was thrown: then there is no history.
        circuit_key: The origin; ``None`` when none was asked.
        circuit: The circuit that answered for it, as the call left it.
        paused_for: Seconds for which the origin is paused still.
        budget: Resends that the origin may get still.
    """

    outcome: CallOutcome
    error: str | None
    cause: str | None
    switched_off: bool
    circuit_key: str | None
    circuit: CircuitSnapshot | None
    paused_for: float
    budget: float | None


def as_plain_data(told: ToldCall) -> dict[str, Any]:
    """Give what JSON can hold."""
    outcome, circuit = told.outcome, told.circuit
    operation = outcome.operation
    return {
        "asked": outcome.asked,
        "status": outcome.status,
        "category": outcome.category,
        "documented": outcome.documented,
        "error": told.error,
        "cause": told.cause,
        "failure": outcome.failure,
        "code": outcome.code,
        "message": outcome.message,
        "retry_after": outcome.retry_after,
        "call_id": outcome.call_id,
        "correlation_id": outcome.correlation_id,
        "operation": None
        if operation is None
        else {
            "method": operation.method,
            "template": operation.template,
            "kind": operation.kind,
            "repeatable": operation.repeatable,
        },
        "attempts": [_attempt_data(attempt) for attempt in outcome.attempts],
        "end": outcome.end,
        "ambiguous": outcome.ambiguous,
        "possibly_executed": outcome.possibly_executed,
        "switched_off": told.switched_off,
        "circuit": None
        if circuit is None
        else {
            "key": told.circuit_key,
            "state": circuit.state,
            "mode": circuit.mode,
            "calls": circuit.calls,
            "failures": circuit.failures,
            "open_for": circuit.open_for,
            "reason": circuit.reason,
            "last_failure": circuit.last_failure,
        },
        "paused_for": told.paused_for,
        "budget": told.budget,
    }


def show_tree(told: ToldCall) -> None:
    """Draw it: each wait and each attempt in order, why it ended, what it left behind."""
    console = Console(highlight=False)
    # The attempts have branches of their own.
    headline, *lines = str(replace(told.outcome, attempts=())).splitlines()
    # Not as the tree's label, for that would be broken within the URL.
    method_and_url = wrapped(headline.replace(" ", _BOUND, 1), others=_BELOW)
    style = f"bold {_colour(told.outcome.category)}"
    console.print(Text(method_and_url.replace(_BOUND, " "), style=style), soft_wrap=True)
    for line in console.render_lines(_tree(told, lines), pad=False)[1:]:
        console.print(Segments([*line, Segment.line()]), end="", soft_wrap=True)


def _tree(told: ToldCall, lines: list[str]) -> Tree:
    """Give what stands below the headline."""
    outcome = told.outcome
    tree = Tree("")
    if outcome.operation is not None:
        kind, repeatable = outcome.operation.kind, outcome.operation.repeatable
        tree.add(f"operation: {kind}, resent: {repeatable}")
    if told.switched_off:
        tree.add("switched off: it went straight to the inner adapter")
    for attempt in outcome.attempts:
        _add_attempt(tree, attempt)
    if outcome.end is not None:
        tree.add(f"ended: {outcome.end}: {outcome.end.sentence}")
    if told.error is not None:
        cause = "" if told.cause is None else f": {told.cause}"
        tree.add(Text(f"raised: {told.error}{cause}"))
    _add_lines(tree, lines)
    _add_origin(tree, told)
    return tree


def _attempt_data(attempt: Attempt) -> dict[str, Any]:
    outcome = attempt.outcome
    return {
        "number": attempt.number,
        "status": outcome.status,
        "failure": outcome.failure,
        "category": outcome.category,
        "health": outcome.health,
        "resend": outcome.resend,
        "seconds": attempt.seconds,
        "waited": attempt.waited,
        "wait_source": attempt.wait_source,
        "retry_after": outcome.retry_after,
    }


def _add_lines(tree: Tree, lines: list[str]) -> None:
    """Add what an outcome says of itself: an indented line belongs to the one before."""
    paragraph = ""
    branch = tree
    for line in lines:
        if not line.startswith(_BELOW):
            paragraph = line.strip()
            branch = tree.add(Text(paragraph))
        elif paragraph.endswith(":"):
            branch.add(Text(line.strip()))
        else:
            paragraph += f" {line.strip()}"
            branch.label = Text(paragraph)


def _add_attempt(tree: Tree, attempt: Attempt) -> None:
    outcome = attempt.outcome
    if attempt.waited > 0.0:
        tree.add(Text(f"waited {attempt.waited:.3g} s ({attempt.wait_source})", style="dim"))
    branch = tree.add(
        Text.assemble(
            f"attempt {attempt.number}: ",
            (outcome.cause, f"bold {_colour(outcome.category)}"),
            f" after {attempt.seconds:.3f} s",
        )
    )
    branch.add(f"{outcome.category}; health {outcome.health}; resend {outcome.resend}")
    if outcome.retry_after is not None:
        branch.add(f"told to wait {outcome.retry_after:.3g} s")


def _add_origin(tree: Tree, told: ToldCall) -> None:
    if told.circuit is not None:
        tree.add(Text(f"circuit of {told.circuit_key}: {_circuit(told.circuit)}"))
    if told.paused_for > 0.0:
        tree.add(f"paused for {told.paused_for:.3g} s more")
    if told.budget is not None:
        tree.add(f"retry budget: {told.budget:.3g} left")


def _circuit(circuit: CircuitSnapshot) -> str:
    state = f"{circuit.state}, {circuit.failures} of {circuit.calls} attempts failed"
    if circuit.open_for > 0.0:
        state = f"{circuit.state} for {circuit.open_for:.3g} s ({circuit.reason})"
    match circuit.mode:
        case Mode.ENFORCE:
            return state
        case Mode.OBSERVE_ONLY:
            return f"{state}; it only observes, and refuses no call"
        case Mode.FORCED_OPEN:
            return "forced open by the settings: every call is refused"
        case Mode.OFF:
            return "switched off by the settings: nothing is counted or refused"


def _colour(category: Category | None) -> str:
    match category:
        case Category.SUCCESS | Category.REDIRECT:
            return "green"
        case Category.CLIENT_ERROR | Category.RATE_LIMITED | Category.API_FAILURE:
            return "yellow"
        case _:
            return "red"
