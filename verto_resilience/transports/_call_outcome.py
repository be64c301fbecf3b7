"""What came of a call, in one value: what code decides by, and what a person reads at night."""

import textwrap
from dataclasses import dataclass

from verto_resilience.outcome import Category, Failure, Operation
from verto_resilience.pipeline import Attempt, End, WaitSource

_LINE = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """What came of a call.

    Holds no credential: what looks like one, and what the request carried as one, is taken out of
    the server's messages. ``str()`` of it is for people.

    Attributes:
        asked: Method and URL; the path as the operation's template where the operation is known,
            without query in any case.
        status: The HTTP status; ``None`` when no response came.
        status_message: The status's short name in the catalogue, or its registered one.
        status_meaning: What the catalogue says of the status; ``None`` when it does not list it.
        category: What kind of answer it is; ``None`` when nothing was sent.
        documented: Whether the catalogue lists ``status``; ``False``: the rule of its class holds.
        failure: Why no usable response came; ``None`` when one did, or nothing was sent.
        code: API error code of the body, or ``None``.
        code_meaning: What the catalogue says of the code; ``None`` when it does not list it.
        message: The server's own words, at most 500 characters on one line; ``None`` without any.
        call_id: The response's ``Vfx-Api-Call-Id``: what to quote to Verto's support.
        stack_id: The response's ``Vfx-Api-Stack-Id``.
        correlation_id: The ``Vfx-Correlation-Id`` that was sent.
        correlation_id_received: The one that came back; whether they agree is not documented.
        idempotency_key: The ``Idempotency-Key`` of the request, the caller's or the one made for
            it, at most 255 characters; what to look for when reconciling.
        attempts: Every send with what came of it, in order; empty when nothing was sent, or the
            call did not go through the adapter.
        end: Why there was no further attempt; ``None`` when it did not go through the adapter.
        ambiguous: Whether a write may have been executed although it was not seen to succeed. Of
            what did not go through the adapter: unless the method is known to be safe, or the
            answer or the exception says that it was not.
        possibly_executed: Whether this answer may speak of an earlier attempt of the same call
            having succeeded.
        retry_after: Seconds that the server, or a refusal to send, asked to wait; ``None`` when
            nobody said.
        operation: The known operation that it was, or ``None``.
    """

    __module__ = "verto_resilience"

    asked: str = ""
    status: int | None = None
    status_message: str | None = None
    status_meaning: str | None = None
    category: Category | None = None
    documented: bool = False
    failure: Failure | None = None
    code: int | None = None
    code_meaning: str | None = None
    message: str | None = None
    call_id: str | None = None
    stack_id: str | None = None
    correlation_id: str | None = None
    correlation_id_received: str | None = None
    idempotency_key: str | None = None
    attempts: tuple[Attempt, ...] = ()
    end: End | None = None
    ambiguous: bool = False
    possibly_executed: bool = False
    retry_after: float | None = None
    operation: Operation | None = None

    def __str__(self) -> str:
        """Tell it: the first line says what happened, the others what to know and to do."""
        lines = (
            self._meaning(),
            *self._said(),
            *self._doubt(),
            *self._history(),
            self._key(),
            *self._ids(),
        )
        return "\n  ".join([self._headline(), *(line for line in lines if line)])

    def _headline(self) -> str:
        if self.failure is not None:
            what = f"no usable answer ({self.failure.value})"
        elif self.status is None:
            what = f"not sent: {self.end.sentence}" if self.end is not None else "no answer"
        else:
            what = f"{self.status} {self.status_message or ''}".rstrip()
            if self.category is Category.API_FAILURE:
                what += ', but the body says "success": false'
        doubt = "; outcome unknown" if self.ambiguous else ""
        return f"{self.asked}: {what}{doubt}" if self.asked else f"{what}{doubt}"

    def _meaning(self) -> str:
        if self.status is None or self.category is Category.API_FAILURE:
            return ""
        if self.status_meaning is None:
            return "Verto does not document this status: it is treated as its class."
        return self.status_meaning

    def _said(self) -> list[str]:
        told = []
        if self.code is not None:
            meaning = self.code_meaning or "not in the catalogue"
            told.append(f"API error code {self.code} ({meaning})")
        if self.message is not None:
            told.append(f'"{self.message}"')
        line = f"The server says: {', '.join(told)}"
        if len(told) > 1 and len(line) > _LINE:
            return [f"The server says: {told[0]},", f"  {told[1]}"]
        return [line] if told else []

    def _doubt(self) -> list[str]:
        if self.possibly_executed:
            return _lines(
                "An earlier attempt of this call may have been executed, and this answer may be "
                "about that: reconcile before doing it again."
            )
        if self.ambiguous:
            return _lines("The server may have executed it: reconcile before doing it again.")
        return []

    def _history(self) -> list[str]:
        told = []
        if self.attempts:
            sends = ", then ".join(_told(attempt) for attempt in self.attempts)
            count = len(self.attempts)
            told += _lines(f"{count} attempt{'s' if count > 1 else ''}: {sends}.")
            if self.end not in (None, End.ANSWERED):
                told += _lines(f"Not sent again: {self.end.sentence}.")
        if self.retry_after is not None:
            told.append(f"Asked to wait {_digits(self.retry_after)} s.")
        return told

    def _key(self) -> str:
        return f"Idempotency-Key: {self.idempotency_key}" if self.idempotency_key else ""

    def _ids(self) -> list[str]:
        sent, received = self.correlation_id, self.correlation_id_received
        named = (
            ("Vfx-Api-Call-Id", self.call_id),
            ("Vfx-Api-Stack-Id", self.stack_id),
            ("Vfx-Correlation-Id", sent),
            ("Vfx-Correlation-Id received", None if received == sent else received),
        )
        ids = [f"  {name} {value}" for name, value in named if value]
        return ["Quote to Verto's support:", *ids] if ids else []


def _lines(text: str) -> list[str]:
    # Not so what the server says: that is looked for in logs as it was said.
    return textwrap.wrap(text, _LINE, subsequent_indent="  ", break_on_hyphens=False)


def _told(attempt: Attempt) -> str:
    cause = attempt.outcome.cause
    if attempt.waited <= 0:
        return cause
    source = "" if attempt.wait_source is WaitSource.NONE else f" ({attempt.wait_source.value})"
    return f"after {_digits(attempt.waited)} s{source} {cause}"


def _digits(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= _WHOLE else f"{seconds:.3g}"


# Three digits are enough below, and above they would be a power of ten.
_WHOLE = 100
