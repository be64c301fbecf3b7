import http.client
import uuid
from typing import Any

import pytest
import requests
from requests.auth import AuthBase
from requests.exceptions import InvalidHeader, RequestException
from requests.models import PreparedRequest

from tests.end_to_end.sessions import Mounter, report
from tests.end_to_end.wire import Wirer, answer
from verto_resilience import ConfigurationError, VertoAdapter
from verto_resilience.outcome import OperationKind, Operations, Repeatable
from verto_resilience.pipeline import End, IdempotencyKeys
from verto_resilience.testing import Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

QUICK_BAND = {"server_error_wait_min": 0.01, "server_error_wait_max": 0.02}
ON_THIS_HOST = QUICK_BAND | {"verto_hosts": ("127.0.0.1",)}
AUTO = ON_THIS_HOST | {"idempotency_keys": IdempotencyKeys.AUTO}
OFF = ON_THIS_HOST | {"idempotency_keys": IdempotencyKeys.OFF}
PAYMENT = "/payments/create"
TRADE = "/orders/v2.1/fx"
BODY = {"paymentType": "WALLET_PAYOUT", "paymentId": "p-1", "amount": 10}
ROWS = Operations.documented().rows()


def _sent(verto: Sandbox, name: str) -> list[str | None]:
    return [arrival.headers.get(name) for arrival in verto.log]


class TestCorrelationIds:
    """One id for each call, whatever it takes."""

    def test_it_stays_the_same_on_every_resend(self, verto: Sandbox, mounted: Mounter) -> None:
        """Three attempts of a call carry one UUID, the one that the report names."""
        verto.script(TRADE, [503, 503])

        response = mounted(**ON_THIS_HOST).get(verto.url + TRADE)

        (sent,) = set(_sent(verto, "Vfx-Correlation-Id"))
        assert len(verto.log) == 3
        assert sent == report(response).correlation_id
        assert uuid.UUID(str(sent)).version == 4

    def test_every_call_has_its_own(self, verto: Sandbox, mounted: Mounter) -> None:
        """It belongs to the call, not to the session."""
        session = mounted(**ON_THIS_HOST)

        session.get(verto.url + TRADE)
        session.get(verto.url + TRADE)

        assert len(set(_sent(verto, "Vfx-Correlation-Id"))) == 2

    @pytest.mark.parametrize(
        "value",
        ["id\r\nX-Injected: 1", "id\r\n X-Injected: 1", "id\nX-Injected: 1", "идентификатор"],
        ids=["line", "folded line", "line feed", "not Latin"],
    )
    @pytest.mark.parametrize("ids", [True, False])
    @pytest.mark.parametrize("is_verto", [True, False])
    def test_one_that_breaks_the_headers_apart_is_never_sent(
        self, verto: Sandbox, mounted: Mounter, value: str, ids: bool, is_verto: bool
    ) -> None:
        """Set where requests no longer looks, it is refused as requests refuses others."""
        hosts = ("127.0.0.1",) if is_verto else ()
        session = mounted(verto_hosts=hosts, correlation_ids=ids)

        with pytest.raises(InvalidHeader, match="Vfx-Correlation-Id"):
            session.get(verto.url + TRADE, auth=_Sets("Vfx-Correlation-Id", value))

        assert verto.log == ()


class _Sets(AuthBase):
    """Sets a header after requests has looked at the others, as an ``auth`` may."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers[self._name] = self._value
        return r


class TestIdempotencyKeys:
    """Whose key a write carries, and what it is good for."""

    def test_by_default_there_is_none_but_the_caller_s(
        self, verto: Sandbox, mounted: Mounter
    ) -> None:
        """A write without a key goes out without one, and is not resent."""
        verto.script(PAYMENT, [503])

        response = mounted(**ON_THIS_HOST).post(verto.url + PAYMENT, json=BODY)

        assert _sent(verto, "Idempotency-Key") == [None]
        assert report(response).end is End.NOT_REPEATABLE
        assert report(response).idempotency_key is None

    def test_auto_makes_one_for_each_call(self, verto: Sandbox, mounted: Mounter) -> None:
        """All attempts of a call carry one UUID, and another call another."""
        verto.script(PAYMENT, [503, Reply.ok(fault=Fault.RESET)])
        session = mounted(**AUTO)

        response = session.post(verto.url + PAYMENT, json=BODY)
        session.post(verto.url + PAYMENT, json=BODY | {"paymentId": "p-2"})

        keys = _sent(verto, "Idempotency-Key")
        assert [arrival.status for arrival in verto.log] == [503, None, 201, 201]
        assert keys[0] == keys[1] == keys[2] == report(response).idempotency_key != keys[3]
        assert uuid.UUID(str(keys[0])).version == uuid.UUID(str(keys[3])).version == 4
        assert [payment["paymentId"] for payment in verto.payments] == ["p-1", "p-2"]

    def test_auto_keeps_the_caller_s(self, verto: Sandbox, mounted: Mounter) -> None:
        """Who sends a key has a reason to."""
        verto.script(PAYMENT, [503])

        mounted(**AUTO).post(
            verto.url + PAYMENT, json=BODY, headers={"idempotency-key": "erp_payout_ref_7788"}
        )

        assert _sent(verto, "Idempotency-Key") == ["erp_payout_ref_7788"] * 2

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.template}{row.body}")
    def test_auto_is_for_writes_that_a_key_makes_repeatable(
        self, verto: Sandbox, mounted: Mounter, row: Any
    ) -> None:
        """Each known operation: a key where the table says so, and for no other."""
        name, _, value = row.body.partition("=")
        body = {name: value} if name else {}
        url = verto.url + row.template.replace("/**", "").replace("{", "").replace("}", "")
        wanted = row.repeatable is Repeatable.WITH_KEY and row.kind is not OperationKind.READ

        response = mounted(**AUTO).request(row.method, url, params=row.query, json=body)

        assert report(response).operation == row
        assert [key is not None for key in _sent(verto, "Idempotency-Key")] == [wanted]

    @pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
    def test_auto_makes_none_for_what_is_not_known(
        self, verto: Sandbox, mounted: Mounter, method: str
    ) -> None:
        """Nothing says that an unknown path honours a key."""
        mounted(**AUTO).request(method, verto.url + "/unknown", json={})

        assert _sent(verto, "Idempotency-Key") == [None]

    def test_auto_makes_none_for_others(self, verto: Sandbox, mounted: Mounter) -> None:
        """What is known of Verto's paths is no business of another host."""
        mounted(**(AUTO | {"verto_hosts": ()})).post(verto.url + PAYMENT, json=BODY)

        assert _sent(verto, "Idempotency-Key") == [None]

    @pytest.mark.parametrize(
        ("settings", "path"),
        [(OFF, PAYMENT), (OFF, "/unknown"), (OFF | {"verto_hosts": ()}, PAYMENT)],
        ids=["known", "unknown", "elsewhere"],
    )
    def test_off_trusts_no_key(
        self, verto: Sandbox, mounted: Mounter, settings: dict[str, Any], path: str
    ) -> None:
        """The caller's key is sent, and the write is not resent on its strength."""
        verto.script(path, [503])

        response = mounted(**settings).post(
            verto.url + path, json=BODY, headers={"Idempotency-Key": "k"}
        )

        assert _sent(verto, "Idempotency-Key") == ["k"]
        assert report(response).end is End.NOT_REPEATABLE
        assert report(response).idempotency_key == "k"

    def test_off_adds_none(self, verto: Sandbox, mounted: Mounter) -> None:
        """A write without a key goes out without one."""
        mounted(**OFF).post(verto.url + PAYMENT, json=BODY)

        assert _sent(verto, "Idempotency-Key") == [None]

    def test_an_empty_key_is_none(self, verto: Sandbox, mounted: Mounter) -> None:
        """Nothing deduplicates by an empty value."""
        verto.script(PAYMENT, [503])

        response = mounted(**ON_THIS_HOST).post(
            verto.url + PAYMENT, json=BODY, headers={"Idempotency-Key": ""}
        )

        assert (len(verto.log), report(response).end) == (1, End.NOT_REPEATABLE)

    def test_the_caller_s_request_is_not_written_to(self, verto: Sandbox, mounted: Mounter) -> None:
        """Sent a second time by the caller, it is a call of its own with a key of its own."""
        session = mounted(**AUTO)
        prepared = session.prepare_request(requests.Request("POST", verto.url + PAYMENT, json=BODY))

        session.send(prepared)
        session.send(prepared)

        assert "Idempotency-Key" not in prepared.headers
        assert len(set(_sent(verto, "Idempotency-Key"))) == 2


class TestInsecureHosts:
    """Verto is not called in the clear, nor without looking at its certificate."""

    def test_plain_http_is_refused_before_anything_is_sent(self, mounted: Mounter) -> None:
        """One error that is ours and that of requests, with the request and the remedy."""
        session = mounted()

        with pytest.raises(RequestException, match=r"http://.*Use https://.*INSECURE_HOSTS") as e:
            session.post("http://api-v3-sandbox.vertofx.com/users/login", json={"apiKey": "c4n4ry"})

        assert isinstance(e.value, ConfigurationError)
        assert e.value.request is not None
        assert "c4n4ry" not in str(e.value)

    @pytest.mark.parametrize("url", ["https://api.verto.co/x", "https://API.VERTO.CO./x"])
    def test_a_certificate_that_is_not_checked_is_refused(self, mounted: Mounter, url: str) -> None:
        """``verify=False`` on a call or on the session."""
        session = mounted()

        with pytest.raises(ConfigurationError, match=r"verify=False"):
            session.get(url, verify=False)
        session.verify = False
        with pytest.raises(ConfigurationError, match=r"verify=False"):
            session.get(url)

    def test_a_redirect_into_the_clear_is_refused(self, wired: Wirer, mounted: Mounter) -> None:
        """Each hop is looked at: a token does not follow where anybody can read it."""
        wire = wired(answer(status=302, head="Location: http://api.verto.co/\r\n"))

        with pytest.raises(ConfigurationError, match=r"http://api\.verto\.co:80"):
            mounted().get(wire.url)

    def test_loopback_and_other_hosts_are_let_pass(self, verto: Sandbox, mounted: Mounter) -> None:
        """A sandbox on this machine needs no naming, and what is not Verto is not judged."""
        assert mounted(**ON_THIS_HOST).get(verto.url + TRADE).status_code == 400
        assert mounted().get(verto.url + TRADE, verify=False).status_code == 400

    def test_a_host_that_is_named_is_let_pass(
        self, verto: Sandbox, mounted: Mounter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """For a stand-in with a name of its own: here one that a hosts file would give."""
        port = verto.url.rpartition(":")[2]
        _resolve(monkeypatch, "verto.test", to="127.0.0.1")
        url = f"http://verto.test:{port}{TRADE}"
        names = {"verto_hosts": ("verto.test",)}

        with pytest.raises(ConfigurationError, match=r"VERTO_RESILIENCE_INSECURE_HOSTS=verto.test"):
            mounted(**names).get(url)
        assert verto.log == ()

        response = mounted(**names, insecure_hosts=("verto.test",)).get(url)

        assert (response.status_code, len(verto.log)) == (400, 1)

    def test_it_can_be_set_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names separated by commas, as for the other lists of hosts."""
        monkeypatch.setenv("VERTO_RESILIENCE_INSECURE_HOSTS", "a.test, b.test")
        monkeypatch.setenv("VERTO_RESILIENCE_IDEMPOTENCY_KEYS", "auto")

        policy = VertoAdapter().policy

        assert policy.insecure_hosts == ("a.test", "b.test")
        assert policy.idempotency_keys is IdempotencyKeys.AUTO

    def test_the_kill_switch_leaves_everything_to_requests(
        self, verto: Sandbox, mounted: Mounter
    ) -> None:
        """Disabled, the adapter refuses nothing and adds nothing."""
        mounted(disabled=True, **AUTO).post(verto.url + PAYMENT, json=BODY)

        assert _sent(verto, "Idempotency-Key") == [None]
        assert _sent(verto, "Vfx-Correlation-Id") == [None]


def _resolve(monkeypatch: pytest.MonkeyPatch, name: str, *, to: str) -> None:
    """Have a name resolve to an address, as an entry in the hosts file would."""
    from urllib3.util import connection

    resolve = connection.socket.getaddrinfo  # type: ignore[attr-defined]

    def getaddrinfo(host: str, *args: Any) -> Any:
        return resolve(to if host == name else host, *args)

    monkeypatch.setattr(connection.socket, "getaddrinfo", getaddrinfo)  # type: ignore[attr-defined]


def test_http_client_lets_folded_lines_pass() -> None:
    """The reason for a check of our own: the standard library takes a folded line for one value."""
    assert http.client._is_illegal_header_value(b"id\r\nX: 1")  # type: ignore[attr-defined]
    assert not http.client._is_illegal_header_value(b"id\r\n X: 1")  # type: ignore[attr-defined]
