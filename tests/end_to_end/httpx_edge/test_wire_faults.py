"""Whatever a server puts on the wire: what a call ends with, when, and what it leaves behind."""

import ssl
import time
from functools import lru_cache
from typing import Any

import anyio
import httpx
import pytest

from tests.end_to_end.faults import FAULTS, Fault
from tests.end_to_end.httpx_edge.looks import STREAM
from tests.end_to_end.httpx_edge.test_tasks import theirs
from tests.end_to_end.sessions import PATIENT, quick
from tests.end_to_end.test_wire_faults import IN_THE_BODY, LATE, nothing_left, serving
from verto_resilience import AsyncVertoTransport, Policy, VertoTransport

pytestmark = [pytest.mark.end_to_end, pytest.mark.long, theirs]

CALL = 0.5
"""Seconds that a call may last here."""
READ = 0.2
"""Seconds for one read."""
LONG_READ = 0.4
"""The same where what comes is compared, and a machine that is busy must not look like a server."""
HOPS = 21
"""Calls that a redirect without end makes, each with its own time."""
TIMES = {"call_timeout": CALL, "read_timeout": READ, "connect_timeout": READ}

BOUNDED = {name: fault for name, fault in FAULTS.items() if fault.ends}


class Ended:
    """What came of a call, and how long it took."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self.came: tuple[object, ...] = ()
        self.after: bytes | None = None
        self._began = time.monotonic()
        self.seconds = 0.0

    def with_response(self, response: httpx.Response) -> None:
        """It was answered."""
        self.came = response.status_code, len(response.content)
        self.seconds = time.monotonic() - self._began

    def with_error(self, error: httpx.HTTPError) -> None:
        """It failed as httpx says it."""
        self.came = (type(error),)
        self.seconds = time.monotonic() - self._began


@lru_cache(maxsize=8)
def verified_by(verify: bool | str) -> ssl.SSLContext:
    """Give what an inner transport checks certificates by; to make one takes a while."""
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return httpx.create_ssl_context(verify=verify)


def end(
    loop: str, fault: Fault, policy: Policy | None, *, stream: bool = False, then: bool = True
) -> Ended:
    """Call once, in threads or in tasks.

    Args:
        loop: ``threads``, or the library whose tasks call.
        fault: What the server does.
        policy: ``None`` calls through plain httpx.
        stream: Whether the caller alone reads the body.
        then: Whether to call once more when the server has come to its senses; times are short
            then.
    """
    with serving(fault) as (wire, url):
        ended = Ended()
        after = f"{wire.url}/after" if then and not fault.wire else None
        given: dict[str, Any] = {
            "timeout": READ if then else LONG_READ,
            "extensions": STREAM if stream else {},
        }
        common: dict[str, Any] = {"trust_env": False, "follow_redirects": True}
        verify = verified_by(fault.verify)

        def in_threads() -> None:
            plain = httpx.HTTPTransport(verify=verify)
            ours = plain if policy is None else VertoTransport(inner=plain, policy=policy)
            with httpx.Client(transport=ours, **common) as sender:
                try:
                    ended.with_response(sender.get(url, **given))
                except httpx.HTTPError as error:
                    ended.with_error(error)
                if after is not None:
                    wire.forget()
                    ended.after = sender.get(after).content

        async def in_tasks() -> None:
            plain = httpx.AsyncHTTPTransport(verify=verify)
            ours = plain if policy is None else AsyncVertoTransport(inner=plain, policy=policy)
            async with httpx.AsyncClient(transport=ours, **common) as sender:
                try:
                    ended.with_response(await sender.get(url, **given))
                except httpx.HTTPError as error:
                    ended.with_error(error)
                if after is not None:
                    wire.forget()
                    ended.after = (await sender.get(after)).content

        if loop == "threads":
            in_threads()
        else:
            anyio.run(in_tasks, backend=loop)
        return ended


@pytest.mark.parametrize("fault", BOUNDED.values(), ids=BOUNDED)
def test_it_ends_as_plain_httpx_ends(fault: Fault) -> None:
    """Status and length of the body, or the class of the error, are the same."""
    ours = end("threads", fault, quick(**PATIENT, max_attempts=1), then=False)

    assert ours.came == end("threads", fault, None, then=False).came


@pytest.mark.parametrize("loop", ["threads", "asyncio"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_ends_in_time_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, fault: Fault, loop: str
) -> None:
    """A call ends by its deadline, resends included, with the pool usable and nothing left."""
    with nothing_left(caplog):
        ended = end(loop, fault, quick(**PATIENT, **TIMES))

    _in_time(ended, fault)


@pytest.mark.parametrize("loop", ["threads", "trio"])
@pytest.mark.parametrize("fault", IN_THE_BODY.values(), ids=IN_THE_BODY)
def test_a_stream_ends_in_time_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, fault: Fault, loop: str
) -> None:
    """So it does where the caller reads the body."""
    with nothing_left(caplog):
        ended = end(loop, fault, quick(**PATIENT, **TIMES), stream=True)

    _in_time(ended, fault)


def _in_time(ended: Ended, fault: Fault) -> None:
    hops = HOPS if httpx.TooManyRedirects in ended.came else 1
    assert ended.seconds < CALL * hops + READ + LATE
    assert ended.came
    assert ended.after == (None if fault.wire else b"fine")
