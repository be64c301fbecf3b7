import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.httpx_edge.conftest import Call, Clients
from tests.end_to_end.httpx_edge.looks import STREAM, circuit, transport_of
from tests.end_to_end.sessions import Told, failures, report
from tests.end_to_end.test_proxies import Tunnel
from tests.end_to_end.wire import (
    CLOSE_AT_ONCE,
    RESET_AT_ONCE,
    RESET_IN_BODY,
    STALLED,
    Say,
    Then,
    Wirer,
    answer,
)
from verto_resilience import (
    ConfigurationError,
    Failure,
    Health,
    RefusedCredentials,
    VertoAuth,
    VertoTransport,
)
from verto_resilience.pipeline import CallEnded
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

CERTIFICATE = Path(__file__).parents[2] / "testing" / "loopback.pem"
KEY = CERTIFICATE.with_suffix(".key")
ON_THIS_HOST = {"verto_hosts": ("127.0.0.1",)}


@pytest.fixture
def secured() -> ssl.SSLContext:
    """Give what makes a wire speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(
    call: Call, wired: Wirer, secured: ssl.SSLContext
) -> None:
    """Sent once, and told for what it is."""
    wire = wired(tls=secured)

    with pytest.raises(httpx.ConnectError) as failed:
        call("GET", wire.url)

    assert failures(failed.value) == [Failure.CERTIFICATE]
    assert wire.heard == ()


@pytest.mark.parametrize("door", ["no_tls", "reset"])
def test_a_handshake_that_fails_comes_before_the_request(
    call: Call, wired: Wirer, door: str
) -> None:
    """Nothing was sent: a POST is tried again, and nothing is unknown."""
    said = {"no_tls": answer(status=400, then=Then.CLOSE), "reset": RESET_AT_ONCE}[door]
    wire = wired(at_the_door=said)

    with pytest.raises(httpx.TransportError) as failed:
        call("POST", wire.url.replace("http", "https"), content=b"x", max_attempts=2)

    assert failures(failed.value) == [Failure.TLS_HANDSHAKE] * 2
    assert not report(failed.value).ambiguous


def test_a_proxy_that_is_not_there_is_tried_again(call: Call, closed_port: str) -> None:
    """A proxy that refuses the connection has passed nothing on."""
    with pytest.raises(httpx.ConnectError) as failed:
        call("POST", "http://far.example.invalid/", content=b"x", proxy=closed_port, max_attempts=2)

    assert failures(failed.value) == [Failure.PROXY] * 2
    assert not report(failed.value).ambiguous


@pytest.mark.parametrize(
    "said", [answer(status=407), CLOSE_AT_ONCE, STALLED], ids=["denied", "closed", "silent"]
)
def test_a_tunnel_that_is_not_made_has_passed_nothing_on(
    call: Call, wired: Wirer, said: Say
) -> None:
    """What a proxy answers to ``CONNECT`` is about the way, not about the request."""
    wire = wired(said, said)

    with pytest.raises(httpx.TransportError) as failed:
        call(
            "POST",
            "https://far.example.invalid/",
            content=b"x",
            proxy=wire.url,
            max_attempts=2,
            timeout=0.3,
        )

    assert failures(failed.value) == [Failure.PROXY] * 2
    assert not report(failed.value).ambiguous
    assert [heard.method for heard in wire.heard] == ["CONNECT"] * 2


def test_what_is_lost_behind_a_tunnel_is_unknown(
    call: Call, wired: Wirer, secured: ssl.SSLContext
) -> None:
    """Once the request is out, it does not matter that it went through a proxy."""
    wire = wired(RESET_AT_ONCE, tls=secured)
    trusted = ssl.create_default_context(cafile=str(CERTIFICATE))

    with Tunnel(wire.port) as tunnel, pytest.raises(httpx.TransportError) as failed:
        call("POST", wire.url, content=b"x", verify=trusted, proxy=tunnel.url)

    assert report(failed.value).ambiguous
    assert len(failures(failed.value)) == 1
    assert len(wire.heard) == 1


def test_a_connection_that_went_stale_is_housekeeping(client: Clients, wired: Wirer) -> None:
    """Closed with the second request on its way: sent again at once, and no sign of illness."""
    wire = wired(answer(b"one"), CLOSE_AT_ONCE, answer(b"two"))
    sender = client()
    sender.get(wire.url)

    response = sender.get(wire.url)

    assert response.content == b"two"
    assert failures(response) == [Failure.STALE_CONNECTION, None]
    assert circuit(sender, wire.url).failures == 0


def test_a_used_connection_that_breaks_in_a_body_did_not_go_stale(
    client: Clients, wired: Wirer
) -> None:
    """The server has answered: that it breaks off is a sign of illness."""
    wire = wired(answer(b"one"), RESET_IN_BODY, answer(b"two"))
    sender = client()
    sender.get(wire.url)

    response = sender.get(wire.url)

    assert failures(response) == [Failure.RESET, None]
    assert [heard.connection for heard in wire.heard] == [1, 1, 2]
    assert circuit(sender, wire.url).failures == 1


def test_a_pool_that_is_full_says_nothing_of_the_server(client: Clients, wired: Wirer) -> None:
    """Nothing is sent again for want of a connection, and nothing is counted."""
    wire = wired(answer(b"x" * 100), answer())
    inner = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1))
    sender = client(inner=inner)
    began = time.monotonic()

    with (
        sender.stream("GET", wire.url, extensions=STREAM),
        pytest.raises(httpx.PoolTimeout) as failed,
    ):
        sender.get(wire.url, timeout=0.1)

    last = report(failed.value).attempts[-1].outcome
    assert (last.failure, last.health) == (Failure.CALLER, Health.UNKNOWN)
    assert len(report(failed.value).attempts) == 1
    assert time.monotonic() - began < 5.0


def test_a_redirect_is_a_resend_of_what_the_user_asked(client: Clients, wired: Wirer) -> None:
    """Hops are calls of their own, that know how often was sent before them."""
    wire = wired(answer(status=302, head="Location: /there\r\n"), answer(status=503), answer())
    heard = Told()

    client(observer=heard).get(wire.url)

    ended = heard.of(CallEnded)
    assert [event.request.sends_before for event in ended] == [0, 1]
    assert [heard.path for heard in wire.heard] == ["/", "/there", "/there"]


def test_the_same_request_sent_anew_counts_anew(client: Clients, wired: Wirer) -> None:
    """A user who sends a request twice has asked twice."""
    wire = wired()
    heard = Told()
    sender = client(observer=heard)
    request = sender.build_request("GET", wire.url)

    sender.send(request)
    sender.send(request)

    assert [event.request.sends_before for event in heard.of(CallEnded)] == [0, 0]


def test_an_answer_to_a_challenge_counts_on(client: Clients, wired: Wirer) -> None:
    """Digest sends the same request again, with credentials."""
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
    wire = wired(answer(status=401, head=challenge), answer())
    heard = Told()

    client(observer=heard).get(wire.url, auth=httpx.DigestAuth("user", "pass"))

    assert [event.request.sends_before for event in heard.of(CallEnded)] == [0, 1]


def test_the_request_is_left_as_it_was(client: Clients, verto: Sandbox) -> None:
    """What goes out in addition is on a copy."""
    sender = client(**ON_THIS_HOST)
    request = sender.build_request("GET", f"{verto.url}/status/200")
    headers = dict(request.headers)

    sender.send(request)

    assert dict(request.headers) == headers
    assert verto.log[0].headers["Vfx-Correlation-Id"]


def test_a_401_is_sent_again_once_with_new_credentials(client: Clients, verto: Sandbox) -> None:
    """The hook is told what was refused, and what it gives goes with the resend."""
    verto.script(None, [Reply(401)])
    asked: list[RefusedCredentials] = []

    def renew(refused: RefusedCredentials) -> str:
        asked.append(refused)
        return "Bearer new"

    response = client(refresh=renew, **ON_THIS_HOST).get(
        f"{verto.url}/status/200", headers={"Authorization": "Bearer old"}
    )

    carried = [arrival.headers["Authorization"] for arrival in verto.log]
    assert response.status_code == 200
    assert carried == ["Bearer old", "Bearer new"]
    assert [one.authorization for one in asked] == ["Bearer old"]


def test_new_credentials_that_are_refused_too_are_forgotten(
    client: Clients, verto: Sandbox
) -> None:
    """The next call asks the hook again, instead of going on with what did not help."""
    verto.script(None, [Reply(401)] * 3)
    given = iter(["Bearer bad", "Bearer good"])
    sender = client(refresh=lambda refused: next(given), **ON_THIS_HOST)
    old = {"Authorization": "Bearer old"}

    statuses = [sender.get(f"{verto.url}/status/200", headers=old).status_code for _ in range(2)]

    carried = [arrival.headers["Authorization"] for arrival in verto.log]
    assert statuses == [401, 200]
    assert carried == ["Bearer old", "Bearer bad", "Bearer old", "Bearer good"]


def test_a_hook_may_send_through_the_same_pool(client: Clients, verto: Sandbox) -> None:
    """The refused answer, of which nobody has read the body, is not in its way."""
    verto.script("/anything", [Reply(401)])
    inner = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1))
    senders: list[httpx.Client] = []

    def log_in(refused: RefusedCredentials) -> str:
        senders[0].get(f"{verto.url}/status/200", timeout=1.0)
        return "Bearer new"

    senders.append(client(inner=inner, refresh=log_in, **ON_THIS_HOST))

    with senders[0].stream("GET", f"{verto.url}/anything", extensions=STREAM):
        pass

    paths = [arrival.path for arrival in verto.log]
    assert paths == ["/anything", "/status/200", "/anything"]


def test_verto_is_not_called_in_the_clear(call: Call) -> None:
    """Nothing is sent, and the error is of ours and of httpx's."""
    with pytest.raises(ConfigurationError, match="Use https://") as refused:
        call("GET", "http://api.far.invalid/", verto_hosts=("far.invalid",))

    assert isinstance(refused.value, httpx.TransportError)
    assert refused.value.request.url == "http://api.far.invalid/"


def test_verto_is_not_called_without_a_look_at_its_certificate(call: Call) -> None:
    """A context that checks nothing is found in the transport that sends."""
    with pytest.raises(ConfigurationError, match="without checking its certificate"):
        call("GET", "https://api.far.invalid/", verto_hosts=("far.invalid",), verify=False)


def test_a_trace_of_the_callers_own_goes_on(client: Clients, wired: Wirer) -> None:
    """Httpcore's events still come to whoever asked for them, those of the body too."""
    events: list[str] = []

    def note(name: str, info: object) -> None:
        events.append(name)

    client().get(wired().url, extensions={"trace": note})

    assert "http11.send_request_headers.started" in events
    assert "http11.receive_response_body.complete" in events


def test_of_a_body_httpcore_need_not_tell(client: Clients) -> None:
    """It is asked to tell of a request until that is answered, and no longer than it matters."""
    sent: list[httpx.Request] = []
    asked: list[bool] = []

    def note(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        asked.append("trace" in request.extensions)
        return httpx.Response(200, stream=Telling())

    class Telling(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            asked.append("trace" in sent[0].extensions)
            yield b"{}"

    client(inner=httpx.MockTransport(note)).get("https://api.far.invalid/")

    assert asked == [True, False]


def test_retries_of_the_inner_transport_are_switched_off(wired: Wirer) -> None:
    """What connects again by itself is told of, on the line that built it, and does so no more."""
    with pytest.warns(UserWarning, match=r"retries=3.*retries=0") as told:
        transport = VertoTransport(inner=httpx.HTTPTransport(retries=3))

    assert told[0].filename == __file__
    assert transport.inner._pool._retries == 0  # type: ignore[attr-defined]
    transport.close()


def test_a_foreign_transport_will_do(client: Clients) -> None:
    """What has no pool and tells nothing is classified by what it raises and returns."""
    said: list[Any] = [
        httpx.ConnectError("no"),
        httpx.Response(503),
        httpx.Response(200, json={"a": 1}),
    ]

    def answer_it(request: httpx.Request) -> httpx.Response:
        it = said.pop(0)
        if isinstance(it, Exception):
            raise it
        answered: httpx.Response = it
        return answered

    response = client(inner=httpx.MockTransport(answer_it)).get("https://api.far.invalid/")

    assert response.json() == {"a": 1}
    assert failures(response) == [Failure.CONNECT, None, None]


def test_switched_off_it_is_the_inner_transport(client: Clients, wired: Wirer) -> None:
    """The kill switch leaves nothing but a plain client."""
    wire = wired(answer(status=503))
    sender = client(disabled=True)

    response = sender.get(wire.url)

    assert response.status_code == 503
    assert len(wire.heard) == 1
    assert not transport_of(sender)._keeps_time


def test_a_new_token_that_the_server_quotes_goes_into_no_report(
    client: Clients, wired: Wirer
) -> None:
    """What a hook gave is a credential as well as what the caller sent."""
    quoted = b'{"message": "nothing known as canary-of-the-hook"}'
    head = "Content-Type: application/json\r\n"
    wire = wired(answer(status=401), answer(quoted, status=400, head=head))
    sender = client(refresh=lambda refused: "Bearer canary-of-the-hook", **ON_THIS_HOST)

    response = sender.get(wire.url)

    error = report(response).attempts[-1].outcome.api_error
    assert error is not None
    assert "nothing known" in str(error.message)
    assert "canary" not in str(error.message)


def test_a_login_by_requests_serves_here_too(call: Call) -> None:
    """``VertoAuth`` is given as the hook: a 401 logs in, and the request goes out again, signed."""
    with Sandbox(require_auth=True) as verto:
        auth = VertoAuth("client-id", "api-key", login_url=f"{verto.url}/users/login")

        response = call("GET", f"{verto.url}/profile/v2.1/wallets", refresh=auth, **ON_THIS_HOST)

        assert response.status_code == 200
        assert [arrival.status for arrival in verto.log] == [401, 200, 200]
