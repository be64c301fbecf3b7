import pytest
import urllib3
from opentelemetry.trace import SpanKind
from urllib3 import Retry
from urllib3.exceptions import MaxRetryError

from tests.end_to_end.sessions import Told, report
from tests.end_to_end.telemetry.setups import OURS, drawn_by, shown
from tests.end_to_end.urllib3.managers import Manager, circuit
from tests.end_to_end.wire import SHORT_BODY, Say, Then, Wirer, answer
from tests.telemetry.makers import Sdk
from verto_resilience.pipeline import CallEnded
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


def to(place: str, status: int = 302, then: Then = Then.KEEP) -> Say:
    """Make an answer that leads elsewhere."""
    return answer(b"", status=status, head=f"Location: {place}\r\n", then=then)


def test_hops_are_followed_each_as_a_call(wired: Wirer, managed: Manager) -> None:
    """Each hop is a call with its own report; the answer is the last one's."""
    wire = wired(to("/second"), answer(status=503), answer(b"there"))
    told = Told()

    response = managed(observer=told).request("GET", f"{wire.url}/first")

    assert response.data == b"there"
    assert [heard.path for heard in wire.heard] == ["/first", "/second", "/second"]
    calls = [len(ended.report.attempts) for ended in told.of(CallEnded)]
    assert calls == [1, 2]
    assert [past.redirect_location for past in response.retries.history] == ["/second"]  # type: ignore[union-attr]
    assert response.geturl() == "/second"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_hops_are_sent_as_plain_urllib3_sends_them(
    wired: Wirer, managed: Manager, status: int
) -> None:
    """Method, body and headers of each hop are those of a plain manager."""
    heard = []
    for manager in (urllib3.PoolManager(), managed()):
        wire = wired(to("/second?x=1", status))
        manager.request("POST", f"{wire.url}/first", body=b"body", headers={"X-A": "1"})
        heard.append([(one.method, one.path, one.body, one.headers["X-A"]) for one in wire.heard])

    assert heard[0] == heard[1]
    assert len(heard[0]) == 2


def test_credentials_stay_with_their_host(wired: Wirer, managed: Manager) -> None:
    """A hop to another origin loses ``Authorization``; one at the same keeps it."""
    there = wired()
    here = wired(to("/again"), to(f"{there.url}/other"))

    managed().request("GET", here.url, headers={"Authorization": "Bearer canary"})

    assert [heard.headers.get("Authorization") for heard in here.heard] == ["Bearer canary"] * 2
    assert [heard.headers.get("Authorization") for heard in there.heard] == [None]


def test_each_origin_has_its_own_circuit(wired: Wirer, managed: Manager) -> None:
    """What fails behind a redirect is held against the place that it leads to."""
    there = wired(*[answer(status=503)] * 3)
    here = wired(to(f"{there.url}/other"))
    manager = managed()

    response = manager.request("GET", here.url)

    assert response.status == 503
    assert (circuit(manager, here.url).failures, circuit(manager, there.url).failures) == (0, 3)


@pytest.mark.parametrize(
    "retries", [Retry(0, redirect=2), 2, Retry(2)], ids=["redirect", "int", "total"]
)
@pytest.mark.filterwarnings("ignore:PoolManager retries by itself")
def test_too_many_hops_are_what_the_retry_says(
    wired: Wirer, managed: Manager, retries: int | Retry
) -> None:
    """The error and the number of hops are those of a plain manager, and the error has a report."""
    ends: list[tuple[object, ...]] = []
    for manager in (urllib3.PoolManager(), managed()):
        wire = wired(*[to("/on")] * 9)
        try:
            response = manager.request("GET", wire.url, retries=retries)
            ends.append((response.status, len(wire.heard)))
        except MaxRetryError as error:
            ends.append((type(error.reason), str(error.reason), len(wire.heard)))
            last = error

    assert ends[0] == ends[1]
    assert type(last.pool).__name__ == "HTTPConnectionPool"
    assert report(last).attempts[0].outcome.status == 302


@pytest.mark.parametrize(
    "given",
    [{"redirect": False}, {"retries": False}, {"retries": Retry(0, redirect=False)}],
    ids=["redirect", "retries", "retry"],
)
def test_who_wants_no_redirect_gets_the_answer(
    wired: Wirer, managed: Manager, given: dict[str, object]
) -> None:
    """A 302 is returned where the caller follows by hand."""
    wire = wired(to("/on"))

    response = managed().request("GET", wire.url, **given)  # type: ignore[arg-type]

    assert (response.status, len(wire.heard)) == (302, 1)


def test_a_stream_is_followed(wired: Wirer, managed: Manager) -> None:
    """With ``preload_content=False`` the hops before are let go, and the last is the caller's."""
    wire = wired(to("/second"), answer(b"there"))
    manager = managed(pools={"block": True, "maxsize": 1})

    response = manager.request("GET", wire.url, preload_content=False)

    assert response.read() == b"there"
    assert wire.connections == 1


def test_the_body_of_a_streamed_hop_may_break(wired: Wirer, managed: Manager) -> None:
    """What nobody reads is forgiven, as by plain urllib3, and not held against the server."""
    broken = Say(SHORT_BODY.data.replace(b"200 OK\r\n", b"302 Go\r\nLocation: /on\r\n"), Then.CLOSE)
    wire = wired(broken, answer(b"there"))
    manager = managed()

    response = manager.request("GET", wire.url, preload_content=False)

    assert response.read() == b"there"
    assert circuit(manager, wire.url).failures == 0


def test_resend_counts_go_on_over_hops(sdk: Sdk, verto: Sandbox, managed: Manager) -> None:
    """A hop is a resend of the user's request: its span says which one."""
    verto.script("/status/302", [503, Reply(302, headers={"Location": "/status/200"})])

    managed().request("GET", f"{verto.url}/status/302")

    spans = [span for span in drawn_by(sdk, OURS) if span.kind is SpanKind.CLIENT]
    assert [shown(span, "http.request.resend_count") for span in spans] == [None, 1, 2]
