"""One connection of the sandbox: read, decide, write down, answer."""

import contextlib
import json
import math
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from verto_resilience.testing._http import (
    MalformedRequestError,
    Request,
    RequestReader,
    head,
    imf_fixdate,
)
from verto_resilience.testing._ledger import Answer
from verto_resilience.testing._log import Arrival, ArrivalLog
from verto_resilience.testing._reply import BODILESS, Fault, Reply, RetryAfterForm, phrase
from verto_resilience.testing._scripts import Stage
from verto_resilience.testing._verto import Verto

STACK_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "sandbox.invalid"))
"""The ``Vfx-Api-Stack-Id`` of every sandbox."""

_NOTHING_DONE = Answer(200)
_CONTENT_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Message:
    """An answer ready to be sent; ``arrival`` is its entry in the log."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    fault: Fault | None
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that a connection needs to be served, shared by all connections of a sandbox.

    Attributes:
        lock: Held while a script is asked.
        log: Where arrivals are written down.
        stage: Which scripts play.
        verto: What answers when none does.
        closing: Set when the sandbox closes; ends every delay.
        code_key: JSON key of the API error code.
        clock_skew: Seconds that the server's wall clock is ahead of this machine's.
        on_answer: Told of each answered arrival, in the connection's thread; ``None`` for nobody.
    """

    lock: threading.RLock
    log: ArrivalLog
    stage: Stage
    verto: Verto
    closing: threading.Event
    code_key: str
    clock_skew: float
    on_answer: Callable[[Arrival], object] | None

    def hold(self, sock: socket.socket, number: int) -> None:
        """Answer requests on a connection until one side has enough of it.

        Raises:
            OSError: The client went away while it was answered.
        """
        reader = RequestReader(sock)
        while True:
            try:
                request = reader.read()
            except MalformedRequestError as error:
                sock.sendall(_refusal(error))
                return
            if request is None or not self._exchange(sock, request, number):
                return

    def _exchange(self, sock: socket.socket, request: Request, number: int) -> bool:
        arrival = self.log.open(request, number)
        with self.lock:
            reply = self.stage.take(request.path, request.method, request.arrived)
        answer = self._natural(request) if reply is None or reply.executes else _NOTHING_DONE
        if answer.executed:
            arrival = replace(arrival, executed=True)
            self.log.update(arrival)
        if reply is not None and reply.delay and self.closing.wait(reply.delay):
            self.log.settle(arrival)
            return False
        message = self._message(arrival, reply, answer)
        settled = self.log.settle(message.arrival)
        if self.on_answer is not None:
            self.on_answer(settled)
        return _send(sock, request, message)

    def _natural(self, request: Request) -> Answer:
        return self.verto.answer(request, now=time.monotonic(), wall=self._wall())

    def _wall(self) -> float:
        return time.time() + self.clock_skew

    def _message(self, arrival: Arrival, reply: Reply | None, answer: Answer) -> Message:
        status, body = answer.status, self._json(answer.body, answer.code)
        if reply is not None and reply.status is not None:
            status, body = reply.status, self._scripted_body(reply, reply.status)
        told, form = answer.retry_after, RetryAfterForm(answer.form)
        if reply is not None and (reply.status is not None or reply.retry_after is not None):
            told, form = reply.retry_after, reply.retry_after_form
        fault = None if reply is None else reply.fault
        fields = self._fields(reply, status, told, form)
        silent = fault in (Fault.RESET, Fault.CLOSE, Fault.GARBAGE)
        arrival = replace(
            arrival,
            status=None if silent else status,
            retry_after=None if silent or fault is Fault.NO_HEADERS else told,
            executed=answer.executed,
            replayed=answer.replayed,
            fault=fault,
            call_id=fields.get("vfx-api-call-id", ("", ""))[1],
            correlation_id=fields.get("vfx-correlation-id", ("", ""))[1],
        )
        return Message(status, tuple(fields.values()), body, fault, arrival)

    def _fields(
        self, reply: Reply | None, status: int, told: int | None, form: RetryAfterForm
    ) -> dict[str, tuple[str, str]]:
        date = math.floor(self._wall())
        fields = {"date": ("Date", imf_fixdate(date))}
        if status not in BODILESS:
            fields["content-type"] = ("Content-Type", _CONTENT_TYPE)
        if reply is None or reply.vfx_headers:
            fields["vfx-api-call-id"] = ("Vfx-Api-Call-Id", str(uuid.uuid4()))
            fields["vfx-correlation-id"] = ("Vfx-Correlation-Id", str(uuid.uuid4()))
            fields["vfx-api-stack-id"] = ("Vfx-Api-Stack-Id", STACK_ID)
        if told is not None:
            text = imf_fixdate(date + told) if form is RetryAfterForm.DATE else str(told)
            fields["retry-after"] = ("Retry-After", text)
        if reply is not None:
            fields |= {name.lower(): (name, value) for name, value in reply.headers.items()}
        return fields

    def _scripted_body(self, reply: Reply, status: int) -> bytes:
        if reply.body is not None:
            return reply.body
        if reply.json is not None:
            return json.dumps(reply.json).encode()
        return b"" if status in BODILESS else self._json({"message": phrase(status)}, reply.code)

    def _json(self, body: object, code: int | str | None) -> bytes:
        if not isinstance(body, dict):
            return b""
        if code is not None:
            body = {**body, self.code_key: code}
        return json.dumps(body).encode()


def _send(sock: socket.socket, request: Request, message: Message) -> bool:
    """Put the message on the wire; ``False`` when the connection is over."""
    named = {name.lower(): value.lower() for name, value in message.fields}
    keeps_alive = request.keeps_alive and "close" not in named.get("connection", "")
    body = message.body
    fields = list(message.fields)
    if message.status not in BODILESS:
        promised = len(body) or (1 if message.fault is not None else 0)
        fields.append(("Content-Length", str(promised)))
    if not keeps_alive and "connection" not in named:
        fields.append(("Connection", "close"))
    start = head(message.status, phrase(message.status), fields)
    if request.method == "HEAD":
        body = b""
    if message.fault is None:
        sock.sendall(start + body)
        return keeps_alive
    _fail(sock, message.fault, message.status, start, body)
    return False


def _fail(sock: socket.socket, fault: Fault, status: int, start: bytes, body: bytes) -> None:
    match fault:
        case Fault.RESET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case Fault.CLOSE:
            pass
        case Fault.GARBAGE:
            sock.sendall(b"\x00\x01 this is no HTTP \x02\r\n\r\n")
        case Fault.NO_HEADERS:
            sock.sendall(head(status, phrase(status), ()) + body)
        case Fault.CLOSE_AFTER_HEADERS:
            sock.sendall(start)
        case Fault.TRUNCATED:
            sock.sendall(start + body[: len(body) // 2])
        case Fault.STALLED:
            sock.sendall(start + body[: len(body) // 2])
            # Silence until the client hangs up or close() shuts the socket: either ends the read.
            with contextlib.suppress(OSError):
                sock.recv(1)


def _refusal(error: MalformedRequestError) -> bytes:
    body = json.dumps({"message": str(error)}).encode()
    fields = (
        ("Content-Type", _CONTENT_TYPE),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    )
    return head(error.status, phrase(error.status), fields) + body
