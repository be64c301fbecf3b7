"""What a script tells the sandbox to answer, faults included."""

import json as json_text
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Self, TypeGuard

from verto_resilience.testing._headers import Headers
from verto_resilience.testing._impossible import impossible

LOWEST_STATUS = 200
HIGHEST_STATUS = 999
LONGEST = 10**9
"""The greatest number of seconds that is taken; the machine's own waits end not far above."""
BODILESS = frozenset({204, 304})
"""Statuses whose response has no body (RFC 9110 §6.4.1)."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class Fault(StrEnum):
    """How an answer goes wrong on the wire."""

    RESET = "reset"
    """Nothing is answered; the connection is reset (TCP RST)."""
    CLOSE = "close"
    """Nothing is answered; the connection is closed in good order."""
    CLOSE_AFTER_HEADERS = "close_after_headers"
    """The headers promise a body; the connection closes before its first byte."""
    TRUNCATED = "truncated"
    """The connection closes half-way through the body."""
    STALLED = "stalled"
    """Half the body is sent, then nothing more until the client leaves or the sandbox closes."""
    GARBAGE = "garbage"
    """The answer is no HTTP at all."""
    NO_HEADERS = "no_headers"
    """A status line and a body up to the end of the connection, without one header field."""


BODY_FAULTS = frozenset({Fault.CLOSE_AFTER_HEADERS, Fault.TRUNCATED, Fault.STALLED})


class RetryAfterForm(StrEnum):
    """The two ways to write ``Retry-After`` (RFC 9110 §10.2.3)."""

    SECONDS = "seconds"
    DATE = "date"


def phrase(status: int) -> str:
    """Name a status as Verto's page does; its names are the registered ones.

    Args:
        status: The status code; one that nobody registered is ``Status`` and its number.
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer.

    Without ``json`` and ``body`` the answer is the documented message of its status as JSON.

    Attributes:
        status: 200 to 999, or ``None`` for whatever the path answers by itself (:meth:`ok`).
        json: Body to be sent as JSON; ``None`` for none.
        body: Body to be sent as it is; ``None`` for none.
        headers: Header fields to add, or to send in place of the sandbox's own.
        delay: Seconds between the request and the answer; a write that executes does so before.
        retry_after: Seconds told in ``Retry-After``; ``None`` for no such header.
        retry_after_form: ``date`` tells the ``Date`` header plus ``retry_after``.
        code: API error code for the JSON error body; ``None`` for none.
        fault: What goes wrong on the wire; ``None`` for nothing.
        executes: Whether the path does its work (books the trade, takes the payment) although this
            reply is what the client gets. Always so when ``status`` is ``None``.
        vfx_headers: ``False`` leaves out Verto's own headers, as an answer from a gateway in
            front of the API might.

    Raises:
        ConfigurationError: A value is out of its range, or two contradict each other.
    """

    status: int | None
    json: object = field(default=None, kw_only=True)
    body: bytes | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=Headers, kw_only=True)
    delay: float = field(default=0.0, kw_only=True)
    retry_after: int | None = field(default=None, kw_only=True)
    retry_after_form: RetryAfterForm = field(default=RetryAfterForm.SECONDS, kw_only=True)
    code: int | str | None = field(default=None, kw_only=True)
    fault: Fault | None = field(default=None, kw_only=True)
    executes: bool = field(default=False, kw_only=True)
    vfx_headers: bool = field(default=True, kw_only=True)

    @classmethod
    def ok(
        cls, *, delay: float = 0.0, fault: Fault | None = None, json: object | None = None
    ) -> Self:
        """Let the path do its work and answer by itself.

        Args:
            delay: Seconds between the work and the answer.
            fault: What goes wrong with the answer once the work is done: with
                :attr:`Fault.RESET` the outcome stays unknown to the client.
            json: A body of your own, sent with 200 in place of the path's.
        """
        status = None if json is None else 200
        return cls(status, json=json, delay=delay, fault=fault, executes=True)

    def __post_init__(self) -> None:
        """Refuse what cannot be sent, all faults at once."""
        object.__setattr__(self, "headers", Headers(self.headers.items()))
        problems: list[str] = []
        for name, kind in (("fault", Fault), ("retry_after_form", RetryAfterForm)):
            given = getattr(self, name)
            if given is None and name == "fault":
                continue
            try:
                object.__setattr__(self, name, kind(given))
            except ValueError:
                allowed = ", ".join(kind)
                problems.append(f"{name} {given!r} is unknown; choose one of {allowed}")
        problems += [*self._range_problems(), *self._body_problems(), *self._header_problems()]
        if problems:
            raise impossible(*problems, what="this reply")

    def _range_problems(self) -> list[str]:
        problems: list[str] = []
        if self.status is None:
            if not self.executes:
                problems.append("status None is the path's own answer and needs executes=True")
        elif not is_status(self.status):
            problems.append(
                f"status {self.status!r} is no whole number from {LOWEST_STATUS} to "
                f"{HIGHEST_STATUS}"
            )
        if not is_length(self.delay):
            problems.append(f"delay {self.delay!r} is no number of seconds from 0 to {LONGEST}")
        told = self.retry_after
        if told is not None and (type(told) is not int or not 0 <= told <= LONGEST):
            problems.append(
                f"retry_after {told!r} is no whole number of seconds from 0 to {LONGEST}"
            )
        return problems

    def _body_problems(self) -> list[str]:
        problems: list[str] = []
        has_body = self.json is not None or self.body is not None
        if self.json is not None and self.body is not None:
            problems.append("json and body are both given; give one")
        if self.status is None and has_body:
            problems.append("status None is the path's own answer, body included")
        if self.status in BODILESS and (has_body or self.fault in BODY_FAULTS):
            problems.append(f"a {self.status} has no body")
        try:
            json_text.dumps(self.json)
        except (TypeError, ValueError) as error:
            problems.append(f"json cannot be written: {error}")
        return problems

    def _header_problems(self) -> list[str]:
        problems: list[str] = []
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name) or _UNSAFE.search(value):
                problems.append(f"header {name!r} is not allowed in HTTP")
            elif name.lower() in _FRAMING:
                problems.append(f"header {name!r} is the sandbox's own; use a fault to break it")
        return problems


def is_status(value: object) -> bool:
    """Say whether this is a status that the sandbox can answer."""
    return type(value) is int and LOWEST_STATUS <= value <= HIGHEST_STATUS


def is_length(value: object) -> bool:
    """Say whether this is a length of time in seconds, 0 included."""
    return is_number(value) and 0 <= value <= LONGEST


def is_number(value: object) -> TypeGuard[int | float]:
    """Say whether this is a number; truth values are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
