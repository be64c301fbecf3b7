import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.telemetry.check import Traffic, check
from tests.telemetry.makers import ORIGIN, READ, WRITE, Bench, Edge, HostError, answer, failed
from tests.telemetry.records import kept_records
from verto_resilience.errors import CallRejectedError
from verto_resilience.outcome import Failure
from verto_resilience.pipeline import CallSpan, Policy

CANARIES = ["CANARY", "s3cret", "the body said this"]
SECRET = READ._replace(
    url="https://s3cret:s3cret@api.example.com/rates?sig=s3cret&key=s3cret#s3cret"
)


@pytest.fixture
def log() -> Iterator[list[logging.LogRecord]]:
    """Give every record the library writes."""
    with kept_records() as records:
        yield records


def _send_everything(bench: Bench) -> None:
    """Have one call of each sort, one after the other."""
    bench.run(answer(200))
    bench.run(answer(503), answer(429), answer(200))
    bench.run(answer(302))
    bench.run(answer(200), request=READ._replace(sends_before=1))
    elsewhere = "https://other.example:8443"
    bench.run(answer(302))
    bench.run(
        answer(503),
        answer(200),
        request=READ._replace(origin=elsewhere, url=f"{elsewhere}/", sends_before=1),
    )
    bench.run(answer(401))
    bench.run(answer(200), request=READ._replace(sends_before=1))
    for kind in Failure:
        with suppress(HostError, CallRejectedError):
            bench.run(*[failed(kind)] * 4)
        bench.clock.advance(600.0)
        bench.run(answer(200))
        bench.run(answer(200))
    bench.run(answer(200), request=READ._replace(method="FOO"))
    bench.run(answer(200), request=READ._replace(host="named.example"))
    bench.run(answer(200), request=READ._replace(origin="http://h:80", url="http://h/"))
    bench.run(answer(404, code=1), request=SECRET)
    bench.run(answer(429, retry_after=2.0), answer(200))
    bench.run(answer(429, retry_after=290.0))
    with suppress(CallRejectedError):
        bench.run(answer(200))
    bench.clock.advance(600.0)
    with suppress(HostError):
        bench.run(failed(), request=WRITE._replace(url=f"{WRITE.url}?token=s3cret"))
    bench.run(answer(503), answer(409), request=WRITE._replace(repeatable=True))
    with suppress(KeyboardInterrupt):
        bench.run(KeyboardInterrupt("CANARY"))
    with suppress(ZeroDivisionError):
        bench.run(ZeroDivisionError("CANARY"))
    bench.pipeline.run(READ, Edge(answer(200), details=None))
    now = bench.clock.monotonic()
    bench.circuits.at(ORIGIN, now).breaker.open(now)
    with suppress(CallRejectedError):
        bench.run(answer(200), request=SECRET)


@pytest.mark.parametrize("call_span", list(CallSpan))
def test_nothing_the_project_emits_breaks_a_rule(
    call_span: CallSpan, log: list[logging.LogRecord]
) -> None:
    """Traffic of every sort, with secrets planted in it, gives no finding of any level."""
    bench = Bench(policy=Policy(call_span=call_span))

    _send_everything(bench)

    traffic = Traffic(bench.sdk.spans, bench.sdk.data(), log, CANARIES)
    assert len(bench.sdk.clients) > 40
    assert len(log) > 5
    assert check(traffic) == []


def test_the_secrets_were_there_to_be_found() -> None:
    """The planted URL reaches the telemetry, so that its redaction is what keeps it out."""
    bench = Bench()

    bench.run(answer(200), request=SECRET)

    (span,) = bench.sdk.clients
    shown = (span.attributes or {})["url.full"]
    assert shown == "https://REDACTED:REDACTED@api.example.com/rates?sig=REDACTED&key=REDACTED"
