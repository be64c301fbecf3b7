import pytest
from opentelemetry.trace import SpanKind

from tests.contract.edges import Edge
from tests.contract.seen import Maker, told
from tests.end_to_end.sessions import Told
from tests.end_to_end.telemetry.setups import OURS, drawn_by, id_of, parent_of, shown
from tests.end_to_end.wire import SHORT_BODY, Wirer, answer
from tests.telemetry.makers import Sdk
from verto_resilience import Failure
from verto_resilience.pipeline import CallEnded, OutcomeUnknown
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


def test_each_attempt_has_its_span_and_its_trace_header(
    sdk: Sdk, client: Maker, verto: Sandbox
) -> None:
    """Three sends are three CLIENT spans with their resend counts, below one of the call."""
    verto.script(None, [503, 503])

    client().send("GET", f"{verto.url}/status/200")

    spans = drawn_by(sdk, OURS)
    calls = [span for span in spans if span.kind is SpanKind.INTERNAL]
    attempts = [span for span in spans if span.kind is SpanKind.CLIENT]
    carried = [arrival.headers["traceparent"].split("-")[2] for arrival in verto.log]
    assert len(calls) == 1
    assert [shown(span, "http.request.resend_count") for span in attempts] == [None, 1, 2]
    assert [shown(span, "http.response.status_code") for span in attempts] == [503, 503, 200]
    assert {parent_of(span) for span in attempts} == {id_of(calls[0])}
    assert carried == [id_of(span) for span in attempts]


def test_each_attempt_names_the_protocol_it_was_answered_by(
    sdk: Sdk, client: Maker, verto: Sandbox
) -> None:
    """The version is there, and in the words of the conventions, whatever the library calls it."""
    client().send("GET", f"{verto.url}/status/200")

    attempts = [span for span in drawn_by(sdk, OURS) if span.kind is SpanKind.CLIENT]
    assert [shown(span, "network.protocol.version") for span in attempts] == ["1.1"]


@pytest.mark.parametrize("came_back", ["received", "sent"])
def test_no_identifier_is_shown_at_any_length(
    sdk: Sdk, client: Maker, verto: Sandbox, came_back: str
) -> None:
    """A long id shows its beginning: one that the server made up, and one that it repeats."""
    long = {"Vfx-Api-Call-Id": "x" * 999, "Vfx-Correlation-Id": "z" * 999}
    verto.script(None, [Reply(200, headers=long)])
    sent = {"Vfx-Correlation-Id": "z" * 999} if came_back == "sent" else None

    client(verto_hosts=("127.0.0.1",)).send("GET", f"{verto.url}/x", headers=sent)

    (attempt,) = [span for span in drawn_by(sdk, OURS) if span.kind is SpanKind.CLIENT]
    assert shown(attempt, "verto.api_call_id") == "x" * 128
    assert shown(attempt, f"verto.correlation_id.{came_back}") == "z" * 128
    assert all(len(str(value)) <= 128 for value in (attempt.attributes or {}).values())


def test_each_call_ends_in_an_event(client: Maker, wired: Wirer) -> None:
    """An observer is told what became of the call, as the report has it."""
    wire = wired(SHORT_BODY, answer())
    heard = Told()

    came = client(observer=heard).send("GET", wire.url)

    (ended,) = heard.of(CallEnded)
    assert ended.report == told(came)
    assert len(ended.report.attempts) == 2
    assert wire.connections == 2


def test_a_write_whose_body_breaks_late_is_told_as_unknown(
    edge: Edge, client: Maker, wired: Wirer
) -> None:
    """An observer hears of it once, though the call ended well at its headers."""
    heard = Told()
    stream = client(observer=heard).stream("POST", wired(SHORT_BODY).url)

    with pytest.raises(edge.errors):
        stream.read()
    stream.close()

    (unknown,) = heard.of(OutcomeUnknown)
    assert unknown.outcome.failure is Failure.BODY
