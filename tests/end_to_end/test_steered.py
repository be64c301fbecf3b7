"""What a server can make the client say, keep and wait for by what it answers: little."""

import gc
import gzip
import itertools
import json
import logging
import time
import tracemalloc
from typing import Any

import pytest

import verto_resilience
from tests.end_to_end.sessions import Mounter, Told
from tests.end_to_end.wire import Say, Wirer, answer
from verto_resilience import OutcomeError
from verto_resilience.flight import FlightRecorder
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

MEGABYTE = 1_000_000
LONG = {
    "call_id": answer(status=400, head=f"Vfx-Api-Call-Id: {'i' * 60_000}\r\n"),
    "message": answer(
        json.dumps({"code": 1, "message": "m" * MEGABYTE}).encode(),
        status=400,
        head="Content-Type: application/json\r\n",
    ),
    "message_that_is_read": answer(
        json.dumps({"code": 1, "message": "m" * 60_000}).encode(),
        status=400,
        head="Content-Type: application/json\r\n",
    ),
    "message_that_unpacks": answer(
        gzip.compress(json.dumps({"code": 1, "message": "m" * MEGABYTE}).encode()),
        status=400,
        head="Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
    ),
    "code_of_digits": answer(
        b'{"code": ' + b"9" * 60_000 + b"}", status=400, head="Content-Type: application/json\r\n"
    ),
    "many_keys": answer(
        json.dumps({f"code{n}": n for n in range(5_000)}).encode(),
        status=400,
        head="Content-Type: application/json\r\n",
    ),
    "retry_after": answer(status=503, head=f"Retry-After: {'9' * 60_000}\r\n"),
    "rate_limit": answer(status=429, head=f"RateLimit: {'r=0;t=9,' * 7_000}\r\n"),
    "reason": answer(status=400).data.replace(b"Said", b"S" * 60_000),
    "cookies": answer(status=400, head=f"Set-Cookie: a={'b' * 60_000}\r\n" * 90),
}


@pytest.mark.parametrize("said", LONG.values(), ids=LONG)
def test_answer_cannot_make_the_client_say_or_keep_much(
    mounted: Mounter, wired: Wirer, caplog: pytest.LogCaptureFixture, said: Any
) -> None:
    """However long its parts are, what is logged, reported and raised for it stays short."""
    caplog.set_level(logging.DEBUG, "verto_resilience")
    told = Told()
    wire = wired(said if not isinstance(said, bytes) else Say(said))
    session = mounted(max_attempts=1, observer=told)
    began = time.monotonic()

    response = session.get(wire.url)
    outcome = verto_resilience.outcome(response)
    with pytest.raises(OutcomeError) as failed:
        verto_resilience.raise_for_outcome(response)

    assert time.monotonic() - began < 5
    texts = [
        caplog.text,
        str(told.events),
        str(verto_resilience.report(response)),
        str(outcome),
        str(failed.value),
        repr(failed.value),
    ]
    assert [len(text) for text in texts if len(text) > 3_000] == []


def test_codes_without_end_take_no_more_memory_than_a_few(mounted: Mounter, verto: Sandbox) -> None:
    """A server that makes up a new code and a new message each time leaves nothing behind."""
    codes = itertools.count()

    def more(times: int) -> list[Reply]:
        told = [f"message {code} {'m' * 300}" for code in itertools.islice(codes, times)]
        return [Reply(400, json={"code": next(codes), "message": one}) for one in told]

    session = mounted(max_attempts=1, observer=FlightRecorder(keep=20))

    def call(times: int) -> int:
        verto.script("/x", more(times))
        for _ in range(times):
            verto_resilience.outcome(session.get(f"{verto.url}/x"))
        verto.script("/x", [200])
        verto.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    call(100)
    tracemalloc.start()
    try:
        first, last = call(100), call(900)
    finally:
        tracemalloc.stop()

    assert last - first < 40_000
