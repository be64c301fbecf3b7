"""Whatever a server puts on the wire: what a call ends with, when, and what it leaves behind."""

import gc
import time
import warnings
import weakref
from typing import Any

import pytest
import urllib3
from urllib3 import PoolManager, Timeout

from tests.end_to_end.faults import FAULTS, Fault
from tests.end_to_end.sessions import PATIENT, quick
from tests.end_to_end.test_wire_faults import (
    CALL,
    IN_THE_BODY,
    LATE,
    READ,
    TIMES,
    nothing_left,
    serving,
)
from tests.end_to_end.urllib3.managers import Manager, attempts
from tests.end_to_end.wire import STALLED, Say, Wirer, answer
from verto_resilience import VertoPoolManager

pytestmark = [pytest.mark.end_to_end, pytest.mark.long]

BOUNDED = {name: fault for name, fault in FAULTS.items() if fault.ends}
HOPS = 4
"""Calls that a redirect without end makes, each with its own time."""


def pools(fault: Fault) -> dict[str, Any]:
    """Give what a pool manager checks certificates by."""
    return {"ca_certs": fault.verify} if isinstance(fault.verify, str) else {}


def end(manager: PoolManager, url: str, **given: Any) -> tuple[object, ...]:
    """Call once, and say what came of it."""
    # urllib3 leaves the socket of some of these answers to the collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            response = manager.request("GET", url, timeout=READ, **given)
            came: tuple[object, ...] = response.status, len(response.data)
        except urllib3.exceptions.HTTPError as error:
            came = type(error), type(getattr(error, "reason", None))
        gc.collect()
    return came


@pytest.mark.parametrize("fault", BOUNDED.values(), ids=BOUNDED)
def test_it_ends_as_plain_urllib3_ends(fault: Fault) -> None:
    """Status and length of the body, or the class of the error and of its reason, are the same."""
    ends = []
    policy = quick(**PATIENT, max_attempts=1)
    for make in (PoolManager, lambda **given: VertoPoolManager(policy=policy, **given)):
        with serving(fault) as (_, url), make(**pools(fault)) as manager:
            ends.append(end(manager, url, retries=False))

    assert ends[0] == ends[1]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_ends_in_time_and_leaves_nothing(caplog: pytest.LogCaptureFixture, fault: Fault) -> None:
    """A call ends by its deadline, resends included, with the pool usable and nothing left."""
    _in_time(caplog, fault, preload=True)


@pytest.mark.parametrize("fault", IN_THE_BODY.values(), ids=IN_THE_BODY)
def test_a_stream_ends_in_time_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    """So it does where the caller reads the body."""
    _in_time(caplog, fault, preload=False)


def _in_time(caplog: pytest.LogCaptureFixture, fault: Fault, *, preload: bool) -> None:
    policy = quick(**PATIENT, **TIMES)
    with nothing_left(caplog), serving(fault) as (wire, url):
        with VertoPoolManager(policy=policy, **pools(fault)) as manager:
            began = time.monotonic()
            end(manager, url, preload_content=preload)

            assert time.monotonic() - began < CALL * HOPS + LATE
            if not fault.wire:
                wire.forget()
                assert manager.request("GET", f"{wire.url}/after").data == b"fine"
        del manager


@pytest.mark.parametrize(
    "given",
    [{"timeout": 0.2}, {"timeout": Timeout(read=0.2)}, {"timeout": Timeout(connect=9, read=0.2)}],
    ids=["seconds", "read", "pair"],
)
@pytest.mark.parametrize("of_the_pool", [False, True], ids=["call", "pool"])
def test_timeouts_of_the_caller_hold(
    managed: Manager, wired: Wirer, given: dict[str, Any], of_the_pool: bool
) -> None:
    """Given with the call or with the manager, they are those of each attempt."""
    wire = wired(*[STALLED] * 2)
    manager = managed(max_attempts=2, pools=given if of_the_pool else {})
    began = time.monotonic()

    with pytest.raises(urllib3.exceptions.MaxRetryError) as failed:
        manager.request("GET", wire.url, **({} if of_the_pool else given))

    assert isinstance(failed.value.reason, urllib3.exceptions.ReadTimeoutError)
    assert attempts(failed.value) == 2
    assert time.monotonic() - began < 0.4 + LATE


def test_pools_from_before_keep_the_deadline_too(managed: Manager, wired: Wirer) -> None:
    """A connection that the wrapped manager had open already is cut off at the deadline as well."""
    wire = wired(answer())
    inner = PoolManager()
    inner.request("GET", wire.url)
    wire.say(Say(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", over=b"x", every=0.1))
    began = time.monotonic()

    with pytest.raises(urllib3.exceptions.HTTPError):
        managed(inner, call_timeout=0.6, read_timeout=0.4, connect_timeout=0.4).request(
            "GET", wire.url
        )

    assert time.monotonic() - began < LATE
    assert wire.connections == 1


def test_one_that_is_dropped_is_gone_at_once(wired: Wirer) -> None:
    """No circle of references keeps a manager, or the sockets of its pools, until a collection."""
    gc.collect()
    gc.disable()
    try:
        wire = wired()
        manager = VertoPoolManager(policy=quick())
        manager.request("GET", wire.url)
        inner = weakref.ref(manager.inner)
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            del manager

        assert inner() is None
    finally:
        gc.enable()
