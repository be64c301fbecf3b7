"""Whatever a server puts on the wire: what a call ends with, when, and what it leaves behind."""

import contextlib
import gc
import logging
import threading
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import verto_resilience
from tests.end_to_end.faults import (
    BODIES,
    FAULTS,
    RESETS,
    UNPACKS_IN_PIECES,
    Fault,
    bomb,
)
from tests.end_to_end.sessions import PATIENT, quick
from tests.end_to_end.wire import CLOSE_AT_ONCE, Wire, answer

pytestmark = [pytest.mark.end_to_end, pytest.mark.long]

CALL = 1.2
"""Seconds that a call may last here."""
READ = 0.4
"""Seconds for one read."""
LATE = 3.3
"""Seconds that a busy machine may add; what goes on for ever is ended by the server after 5."""
HOPS = 31
"""Calls that a redirect without end makes, each with its own time."""
MEMORY = 40_000_000
"""Bytes that a call and the server, which lives in this process, may hold at the most."""
REPEATS = 40
"""How often a server says the same: more often than it is asked."""
TIMES = {"call_timeout": CALL, "read_timeout": READ, "connect_timeout": READ}

BOUNDED = {name: fault for name, fault in FAULTS.items() if fault.ends}
IN_THE_BODY = RESETS | BODIES
unpacks_in_pieces = pytest.mark.skipif(
    not UNPACKS_IN_PIECES, reason="urllib3 below 2.6 unpacks at one go what it has read"
)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_ends_in_time_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    """A call ends as the table says, by its deadline, with the pool usable and nothing left."""
    with nothing_left(caplog), serving(fault) as (wire, url), fresh(fault) as session:
        verto_resilience.mount(session, policy=quick(**PATIENT, **TIMES))
        began = time.monotonic()

        came = outcome(session, url)

        hops = HOPS if came == "TooManyRedirects" else 1
        assert time.monotonic() - began < CALL * hops + LATE
        assert came == fault.comes
        if not fault.wire:
            wire.forget()
            assert session.get(f"{wire.url}/after").content == b"fine"


@pytest.mark.parametrize("fault", IN_THE_BODY.values(), ids=IN_THE_BODY)
def test_fault_in_a_stream_ends_in_time_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    """So it does where the caller reads the body."""
    with nothing_left(caplog), serving(fault) as (wire, url), fresh(fault) as session:
        verto_resilience.mount(session, policy=quick(**PATIENT, **TIMES))
        began = time.monotonic()

        came = outcome(session, url, stream=True)

        assert time.monotonic() - began < CALL + READ + LATE
        assert came == fault.comes
        wire.forget()
        assert session.get(f"{wire.url}/after").content == b"fine"


@pytest.mark.parametrize("fault", BOUNDED.values(), ids=BOUNDED)
def test_table_says_what_plain_requests_ends_with(fault: Fault) -> None:
    """Nothing in the table is of our making: a plain session ends with the same."""
    with serving(fault) as (_, url), fresh(fault) as session:
        assert outcome(session, url) == fault.comes


@unpacks_in_pieces
@pytest.mark.parametrize("status", [200, 400, 503])
def test_bomb_in_a_stream_is_unpacked_as_it_is_read(
    caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """A body that is streamed takes the memory of a piece, however large it becomes."""
    fault = Fault(status, bomb(status))
    with nothing_left(caplog), serving(fault) as (_, url), fresh(fault) as session:
        verto_resilience.mount(session, policy=quick(**PATIENT, max_attempts=2))

        response = session.get(url, stream=True)
        came = response.status_code, sum(map(len, response.iter_content(0x10000)))
        del response  # a plain one holds its socket as well, for as long as it is there

        assert came == (status, 100 * 2**20)


def test_connection_that_went_stale_is_replaced_where_plain_requests_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A kept connection that is dropped under a request is an error there, and none here."""
    fault = Fault(200)
    came = []
    for mounted in (False, True):
        with nothing_left(caplog), Wire(answer(), CLOSE_AT_ONCE) as wire, fresh(fault) as session:
            if mounted:
                verto_resilience.mount(session, policy=quick(**PATIENT, **TIMES))
            came.append([outcome(session, wire.url) for _ in range(2)])

    assert came == [[200, "ConnectionError"], [200, 200]]


@contextlib.contextmanager
def serving(fault: Fault) -> Iterator[tuple[Wire, str]]:
    """Give a server with this fault, and the URL to call it by."""
    with Wire(*[fault.says] * REPEATS, **fault.wire) as wire:
        yield wire, wire.url.replace(*fault.url, 1) if fault.url[0] else wire.url


@contextlib.contextmanager
def fresh(fault: Fault) -> Iterator[requests.Session]:
    """Give a plain session."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = fault.verify
        yield session


def outcome(session: requests.Session, url: str, *, stream: bool = False) -> int | str:
    """Call once, and say what came of it."""
    # urllib3 leaves the socket of some of these answers to the collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            response = session.get(url, timeout=READ, stream=stream)
            _ = response.content
            came: int | str = response.status_code
        except requests.exceptions.RequestException as error:
            came = type(error).__name__
        gc.collect()
    return came


@contextlib.contextmanager
def nothing_left(caplog: pytest.LogCaptureFixture, memory: int = MEMORY) -> Iterator[None]:
    """See that no thread, no socket and no great amount of memory is taken in the meantime."""
    # It logs headers that it cannot read with a traceback, and what is captured holds a socket.
    caplog.set_level(logging.CRITICAL, "urllib3")
    gc.collect()
    threads, files = set(threading.enumerate()), _open_files()
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    gc.collect()

    assert peak < memory
    # What is left of an earlier test may end meanwhile.
    assert set(threading.enumerate()) <= threads
    assert _open_files() <= files


def _open_files() -> int:
    where = Path("/proc/self/fd")
    return len(list(where.iterdir())) if where.exists() else 0
