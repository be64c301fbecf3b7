import copy
import json
import logging
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException

import verto_resilience
from tests.end_to_end.sessions import PATIENT, Told, report
from tests.end_to_end.wire import Wirer, answer
from tests.telemetry.makers import Sdk, global_sdk
from verto_resilience import (
    ConfigurationError,
    LoginError,
    Policy,
    RefusedCredentials,
    UnauthorizedError,
    VertoAdapter,
    VertoAuth,
    raise_for_outcome,
)
from verto_resilience.pipeline import End, WaitBegan
from verto_resilience.testing import FakeClock, Fault, Reply, Sandbox

pytestmark = pytest.mark.end_to_end

LOGIN = "/users/login"
WALLETS = "/profile/v2.1/wallets"
PAYMENT = "/payments/create"
TRADE = "/orders/v2.1/fx"
BODY = {"paymentType": "WALLET_PAYOUT", "paymentId": "p-1", "amount": 10}
CLIENT_ID, API_KEY = "client-canary-5d1e", "key-canary-5d1e"
THREADS = 20

Hook = Callable[[RefusedCredentials], str | None]


@pytest.fixture
def locked() -> Iterator[Sandbox]:
    """Give a sandbox that asks for a token."""
    with Sandbox(require_auth=True, credentials=(CLIENT_ID, API_KEY)) as sandbox:
        yield sandbox


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a session that no proxy variable touches, with a connection for each thread."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
        yield session


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Give an SDK that is the global one for the time of a test."""
    return global_sdk(monkeypatch)


def _policy(**settings: Any) -> Policy:
    return Policy(
        **(
            PATIENT
            | {
                "verto_hosts": ("127.0.0.1",),
                "server_error_wait_min": 0.01,
                "server_error_wait_max": 0.02,
            }
            | settings
        )
    )


def _auth(verto: Sandbox, **options: Any) -> VertoAuth:
    return VertoAuth(CLIENT_ID, API_KEY, **({"login_url": verto.url + LOGIN} | options))


def _signed_in(verto: Sandbox, session: requests.Session, **settings: Any) -> VertoAuth:
    """Mount on a session that signs with a ``VertoAuth``, and renews with it."""
    auth = _auth(verto)
    session.auth = auth
    verto_resilience.mount(session, policy=_policy(**settings), refresh=auth)
    return auth


def _logger_in(verto: Sandbox) -> Hook:
    """Make a hook as a caller would write it: by a plain request."""

    def log_in(refused: RefusedCredentials) -> str | None:
        with requests.Session() as plain:
            plain.trust_env = False
            fields = {"clientId": CLIENT_ID, "apiKey": API_KEY, "mode": "apiKey"}
            return f"Bearer {plain.post(verto.url + LOGIN, json=fields).json()['token']}"

    return log_in


def _logins(verto: Sandbox) -> int:
    return len(verto.arrivals(LOGIN))


def _at_once(work: Callable[[], Any], threads: int = THREADS) -> list[Any]:
    """Do the same in many threads that begin together."""
    barrier = threading.Barrier(threads)

    def begin() -> Any:
        barrier.wait(10.0)
        return work()

    with ThreadPoolExecutor(threads) as pool:
        return [one.result(30.0) for one in [pool.submit(begin) for _ in range(threads)]]


class TestRefresh:
    """What a 401 leads to."""

    def test_without_a_hook_the_401_goes_back(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """The control: nobody to ask, nothing asked."""
        verto_resilience.mount(session, policy=_policy())

        assert session.get(locked.url + WALLETS).status_code == 401
        assert len(locked.log) == 1

    def test_new_credentials_are_got_and_sent(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """One refresh and one resend, with everything but the credentials as it was."""
        asked = []

        def refresh(refused: RefusedCredentials) -> str | None:
            asked.append(refused)
            return _logger_in(locked)(refused)

        verto_resilience.mount(session, policy=_policy(), refresh=refresh)

        response = session.post(
            locked.url + PAYMENT, data=json.dumps(BODY), headers={"Authorization": "Bearer old"}
        )

        first, second = locked.arrivals(PAYMENT)
        assert (first.status, second.status, response.status_code) == (401, 201, 201)
        assert [(one.origin, one.authorization) for one in asked] == [(locked.url, "Bearer old")]
        assert first.body == second.body == json.dumps(BODY).encode()
        names = {"authorization", "traceparent"}
        for name in {name.lower() for name in (*first.headers, *second.headers)} - names:
            assert first.headers.get(name) == second.headers.get(name), name
        assert first.headers["Authorization"] == "Bearer old"
        assert second.headers["Authorization"].startswith("Bearer sandbox-")

    def test_the_call_tells_of_both(self, locked: Sandbox, session: requests.Session) -> None:
        """Two attempts in the report, the resend published, the budget untouched."""
        told = Told()
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked), observer=told)

        response = session.get(locked.url + WALLETS)

        assert [one.outcome.status for one in report(response).attempts] == [401, 200]
        assert report(response).waited == 0.0
        (wait,) = told.of(WaitBegan)
        assert (wait.seconds, wait.outcome.status) == (0.0, 401)
        adapter = session.get_adapter(locked.url)
        assert isinstance(adapter, VertoAdapter)
        (origin,) = adapter.circuits.known()
        assert origin.budget.balance(time.monotonic()) == 1000.0

    def test_the_response_has_the_request_that_was_answered(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """Its headers are those that were sent; the caller's own request stays as it was."""
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))
        prepared = session.prepare_request(requests.Request("GET", locked.url + WALLETS))

        response = session.send(prepared)

        assert response.request.headers["Authorization"].startswith("Bearer sandbox-")
        assert "Authorization" not in prepared.headers

    def test_an_adapter_takes_a_hook_as_well(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """``VertoAdapter(refresh=...)`` is the other way to mount it."""
        adapter = VertoAdapter(policy=_policy(), refresh=_logger_in(locked))
        session.mount("http://", adapter)

        assert session.get(locked.url + WALLETS).status_code == 200
        adapter.close()

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_401_that_stays_goes_back(
        self, locked: Sandbox, session: requests.Session, stream: bool
    ) -> None:
        """Never twice in a call: two sends and one refresh, and the second 401 is the answer."""
        locked.script(WALLETS, [401], repeat=True)
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))

        response = session.get(locked.url + WALLETS, stream=stream)

        assert (response.status_code, response.json()["message"]) == (401, "Unauthorized")
        assert (len(locked.arrivals(WALLETS)), _logins(locked)) == (2, 1)
        assert report(response).end is End.ANSWERED

    def test_what_was_given_in_vain_is_not_given_again(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """The next call asks the hook anew."""
        locked.script(WALLETS, [401, 401])
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))

        first, second = session.get(locked.url + WALLETS), session.get(locked.url + WALLETS)

        assert (first.status_code, second.status_code, _logins(locked)) == (401, 200, 2)

    @pytest.mark.parametrize("status", [400, 403, 404, 409])
    def test_no_other_refusal_asks(
        self, locked: Sandbox, session: requests.Session, status: int
    ) -> None:
        """A 403 above all: the credentials are good, and lack the permission."""
        locked.script(WALLETS, [status])
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))

        assert session.get(locked.url + WALLETS).status_code == status
        assert len(locked.log) == 1

    def test_a_login_does_not_ask(self, locked: Sandbox, session: requests.Session) -> None:
        """A login that is refused is refused, and not made again by a login."""
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))
        fields = {"clientId": "who", "apiKey": "what", "mode": "apiKey"}

        assert session.post(locked.url + LOGIN, json=fields).status_code == 401
        assert len(locked.log) == 1

    def test_another_host_gets_no_credentials(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """Whoever else says 401 is not handed a token of Verto's."""
        asked: list[RefusedCredentials] = []
        policy = _policy(verto_hosts=("vertofx.com",))

        def refresh(refused: RefusedCredentials) -> str | None:
            asked.append(refused)
            return "Bearer token"

        verto_resilience.mount(session, policy=policy, refresh=refresh)

        assert session.get(locked.url + WALLETS).status_code == 401
        assert (len(locked.log), asked) == (1, [])

    def test_a_body_that_cannot_be_sent_again_ends_the_call(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """Nothing is asked for in vain, and the report says why there was no resend."""
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))

        response = session.post(locked.url + PAYMENT, data=iter([json.dumps(BODY).encode()]))

        assert (response.status_code, report(response).end) == (401, End.BODY_NOT_REPLAYABLE)
        assert _logins(locked) == 0

    def test_a_hook_may_use_the_same_session(self, locked: Sandbox) -> None:
        """With one connection in its pool, and the 401 unread: it is set aside before."""
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", HTTPAdapter(pool_maxsize=1, pool_block=True))
            fields = {"clientId": CLIENT_ID, "apiKey": API_KEY, "mode": "apiKey"}

            def refresh(refused: RefusedCredentials) -> str | None:
                return f"Bearer {session.post(locked.url + LOGIN, json=fields).json()['token']}"

            verto_resilience.mount(session, policy=_policy(), refresh=refresh)

            with session.get(locked.url + WALLETS, stream=True, timeout=5.0) as response:
                assert response.status_code == 200

    def test_a_hook_whose_own_request_gets_a_401_is_not_asked_by_it(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """It neither comes round to itself nor waits for itself."""
        statuses = []

        def refresh(refused: RefusedCredentials) -> str | None:
            statuses.append(session.get(locked.url + WALLETS).status_code)
            return None

        verto_resilience.mount(session, policy=_policy(), refresh=refresh)

        assert session.get(locked.url + WALLETS).status_code == 401
        assert statuses == [401]

    def test_a_hook_that_fails_is_contained(
        self, locked: Sandbox, session: requests.Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The 401 goes back, and one line names hook and error, and no secret."""

        def ask_the_vault(refused: RefusedCredentials) -> str | None:
            message = f"no {API_KEY} for {refused.authorization}"
            raise OSError(message)

        verto_resilience.mount(session, policy=_policy(), refresh=ask_the_vault)

        for _ in range(3):
            response = session.get(
                locked.url + WALLETS, headers={"Authorization": "Bearer canary-5d1e"}
            )
            assert (response.status_code, len(report(response).attempts)) == (401, 1)

        (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
        assert "ask_the_vault failed: OSError" in record.getMessage()
        assert "canary-5d1e" not in caplog.text

    def test_many_401s_at_once_are_one_refresh(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """Twenty threads with one token that has expired: the hook is asked once."""
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))
        session.headers["Authorization"] = "Bearer expired"

        responses = _at_once(lambda: session.get(locked.url + WALLETS))

        assert {response.status_code for response in responses} == {200}
        assert _logins(locked) == 1
        assert [arrival.status for arrival in locked.arrivals(WALLETS)].count(401) == THREADS

    def test_those_who_wait_keep_to_their_deadline(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """A hook that takes long costs the others no more than their own time."""
        began, may_end = threading.Event(), threading.Event()

        def refresh(refused: RefusedCredentials) -> str | None:
            began.set()
            may_end.wait(10.0)
            return None

        verto_resilience.mount(
            session,
            policy=_policy(call_timeout=0.3, read_timeout=0.2, connect_timeout=0.2),
            refresh=refresh,
        )
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(session.get, locked.url + WALLETS)
            assert began.wait(5.0)
            before = time.monotonic()

            response = session.get(locked.url + WALLETS)

            took = time.monotonic() - before
            may_end.set()
            assert slow.result(5.0).status_code == 401
        assert response.status_code == 401
        assert 0.2 < took < 2.0

    def test_the_new_credentials_stay_out_of_an_error(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """A server that quotes what it was sent is not quoted on that."""
        quoted = Reply(401, json={"message": "What is renewed-canary-5d1e?"})
        locked.script(WALLETS, [401, quoted])
        verto_resilience.mount(
            session, policy=_policy(), refresh=lambda _: "Bearer renewed-canary-5d1e"
        )

        with pytest.raises(UnauthorizedError) as raised:
            raise_for_outcome(session.get(locked.url + WALLETS))

        assert "What is [removed]?" in str(raised.value)

    def test_an_adapter_with_a_hook_travels(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """A function that pickles goes along; what it once gave does not."""
        verto_resilience.mount(session, policy=_policy(), refresh=_given)
        session.get(locked.url + WALLETS)

        pickled = pickle.dumps(session)

        assert b"given-canary-5d1e" not in pickled
        with pickle.loads(pickled) as twin:  # noqa: S301
            twin.get(locked.url + WALLETS)
        sent = [one.headers.get("Authorization") for one in locked.log]
        assert sent == [None, "Bearer given-canary-5d1e"] * 2

    def test_a_reload_keeps_the_hook(self, locked: Sandbox, session: requests.Session) -> None:
        """Other settings do not take it away."""
        verto_resilience.mount(session, policy=_policy(), refresh=_logger_in(locked))
        adapter = session.get_adapter(locked.url)
        assert isinstance(adapter, VertoAdapter)

        adapter.reconfigure(_policy(max_attempts=2))

        assert session.get(locked.url + WALLETS).status_code == 200


GIVEN = "given-canary-5d1e"


def _given(refused: RefusedCredentials) -> str:
    return "Bearer " + GIVEN


class TestSigning:
    """A session that signs with ``VertoAuth``."""

    def test_it_logs_in_once(self, locked: Sandbox, session: requests.Session) -> None:
        """The first request logs in with the documented fields, and the others use its token."""
        _signed_in(locked, session)

        for _ in range(3):
            assert session.get(locked.url + WALLETS).status_code == 200

        (login,) = locked.arrivals(LOGIN)
        fields = {"clientId": CLIENT_ID, "apiKey": API_KEY, "mode": "apiKey"}
        assert (login.method, login.json()) == ("POST", fields)
        assert "Authorization" not in login.headers
        assert len(locked.log) == 4

    def test_threads_share_one_login(self, locked: Sandbox, session: requests.Session) -> None:
        """Twenty first requests at once: one login, and nobody is sent away."""
        locked.script(LOGIN, [Reply.ok(delay=0.05)])
        _signed_in(locked, session)

        responses = _at_once(lambda: session.get(locked.url + WALLETS))

        assert {response.status_code for response in responses} == {200}
        assert (_logins(locked), len(locked.log)) == (1, THREADS + 1)

    @pytest.mark.parametrize("_", range(3))
    def test_one_expiry_is_one_login(
        self, locked: Sandbox, session: requests.Session, _: int
    ) -> None:
        """Twenty threads meet one expired token: exactly one login in the server's log."""
        _signed_in(locked, session)
        session.get(locked.url + WALLETS)
        locked.expire_tokens()

        responses = _at_once(lambda: session.get(locked.url + WALLETS))

        assert {response.status_code for response in responses} == {200}
        assert _logins(locked) == 2

    def test_a_look_that_came_too_early_is_taken_again(
        self, locked: Sandbox, plain: requests.Session
    ) -> None:
        """Who saw no token, and gets his turn when another thread has been through, has one."""
        auth = _auth(locked, session=plain)
        run = auth._flights.run

        def late(*args: Any) -> Any:
            auth._flights.run = run  # type: ignore[method-assign]
            auth.renew(RefusedCredentials(locked.url))
            return run(*args)

        auth._flights.run = late  # type: ignore[assignment,method-assign]

        assert auth.renew(RefusedCredentials(locked.url)) is not None
        assert _logins(locked) == 1

    def test_one_expiry_is_one_login_for_all_sessions(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """Sessions that share the object share the token, each with an adapter of its own."""
        auth = _signed_in(locked, session)
        session.get(locked.url + WALLETS)
        locked.expire_tokens()

        def get() -> int:
            with requests.Session() as own:
                own.trust_env = False
                own.auth = auth
                verto_resilience.mount(own, policy=_policy(), refresh=auth)
                return own.get(locked.url + WALLETS).status_code

        assert set(_at_once(get)) == {200}
        assert _logins(locked) == 2

    def test_it_is_renewed_before_its_end(self, locked: Sandbox, plain: requests.Session) -> None:
        """After 55 minutes, while the old token is still good."""
        clock = FakeClock()
        plain.auth = _auth(locked, session=plain, clock=clock)
        logins = []

        for seconds in (0.0, 3_299.0, 1.0, 3_299.0):
            clock.advance(seconds)
            assert plain.get(locked.url + WALLETS).status_code == 200
            logins.append(_logins(locked))

        assert logins == [1, 1, 2, 2]
        first, *_, last = [one.headers["Authorization"] for one in locked.arrivals(WALLETS)]
        assert first != last

    def test_nobody_waits_for_a_renewal(self, locked: Sandbox, plain: requests.Session) -> None:
        """While one thread renews, the others go on with the token in hand."""
        clock = FakeClock()
        plain.auth = _auth(locked, session=plain, clock=clock)
        plain.get(locked.url + WALLETS)
        clock.advance(3_400.0)
        locked.script(LOGIN, [Reply.ok(delay=1.0)])

        with ThreadPoolExecutor(1) as pool:
            renewing = pool.submit(plain.get, locked.url + WALLETS)
            assert locked.wait_for(3)
            before = time.monotonic()
            assert plain.get(locked.url + WALLETS).status_code == 200
            took = time.monotonic() - before
            assert renewing.result(10.0).status_code == 200

        assert took < 0.8
        assert _logins(locked) == 2

    def test_a_renewal_that_fails_is_made_up_for(
        self, locked: Sandbox, plain: requests.Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The token in hand is used to its end, and another login tried after half a minute."""
        clock = FakeClock()
        plain.auth = _auth(locked, session=plain, clock=clock)
        plain.get(locked.url + WALLETS)
        locked.script(LOGIN, [503, 503])
        logins = []

        for seconds in (3_300.0, 29.0, 1.0, 30.0):
            clock.advance(seconds)
            assert plain.get(locked.url + WALLETS).status_code == 200
            logins.append(_logins(locked))

        assert logins == [2, 2, 3, 4]
        warnings = [one.getMessage() for one in caplog.records if one.name == "verto_resilience"]
        assert len(warnings) == 2
        assert "503 Service Unavailable" in warnings[0]
        assert "the token in hand is used until it ends" in warnings[0]

    def test_a_token_that_has_ended_is_not_used(
        self, locked: Sandbox, plain: requests.Session
    ) -> None:
        """After its hour there is nothing to go on with."""
        clock = FakeClock()
        plain.auth = _auth(locked, session=plain, clock=clock)
        plain.get(locked.url + WALLETS)
        locked.script(LOGIN, [503])
        clock.advance(3_600.0)

        with pytest.raises(LoginError, match="503 Service Unavailable"):
            plain.get(locked.url + WALLETS)
        assert plain.get(locked.url + WALLETS).status_code == 200

    def test_without_the_hook_an_early_401_goes_back(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """The control: as ``auth`` alone it knows of no answer."""
        session.auth = _auth(locked)
        verto_resilience.mount(session, policy=_policy())
        session.get(locked.url + WALLETS)
        locked.expire_tokens()

        assert session.get(locked.url + WALLETS).status_code == 401

    def test_a_login_that_fails_after_a_401_sends_the_401_back(
        self, locked: Sandbox, session: requests.Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The call has an answer, and that is better than an error about a login."""
        _signed_in(locked, session)
        session.get(locked.url + WALLETS)
        locked.expire_tokens()
        locked.script(LOGIN, [403])

        assert session.get(locked.url + WALLETS).status_code == 401
        assert f"VertoAuth.renew failed: {_name(LoginError)}" in caplog.text
        assert "403 Forbidden" in caplog.text


def _name(kind: type[LoginError]) -> str:
    """Name the error as it is raised at this edge."""
    from verto_resilience.pipeline import class_name
    from verto_resilience.transports import RequestsLoginError

    assert issubclass(RequestsLoginError, kind)
    return class_name(RequestsLoginError)


class TestWhere:
    """Which requests are signed, and how the login goes out."""

    @pytest.mark.parametrize(
        ("login", "url", "signed"),
        [
            ("https://api-v3-sandbox.vertofx.com/l", "https://api-v3-sandbox.vertofx.com/x", True),
            ("https://api-v3-sandbox.vertofx.com/l", "https://api-wallet.vertofx.com/x", True),
            ("https://api-v3-sandbox.vertofx.com/l", "https://vertofx.com/x", True),
            ("https://api-v3-sandbox.vertofx.com/l", "https://API.VERTOFX.COM/x", True),
            ("https://api-v3-sandbox.vertofx.com/l", "https://VERTOFX.com:8443/x", True),
            ("https://api-v3-sandbox.vertofx.com/l", "https://api.verto.co/x", False),
            ("https://api-v3-sandbox.vertofx.com/l", "https://api.vertofx.dev/x", False),
            ("https://api-v3-sandbox.vertofx.com/l", "https://vertofx.com.evil.example/x", False),
            ("https://api-v3-sandbox.vertofx.com/l", "https://evilvertofx.com/x", False),
            ("https://api-v3-sandbox.vertofx.com/l", "https://a@evil.example/vertofx.com", False),
            ("https://api-v3-sandbox.vertofx.com/l", "http://api-wallet.vertofx.com/x", False),
            ("https://api-v3-sandbox.vertofx.com/l", "https://api-v3-sandbox.vertofx.com/l", False),
            ("https://verto.co/l", "https://verto.co/x", True),
            ("https://verto.co/l", "https://api.verto.co/x", True),
            ("https://verto.co.uk/l", "https://verto.co.uk/x", True),
            ("https://verto.co.uk/l", "https://evil.co.uk/x", False),
            ("https://verto.github.io/l", "https://evil.github.io/x", False),
            ("https://api.corp.example/l", "https://www.corp.example/x", False),
            ("https://api.corp.example/l", "https://api.corp.example:8443/x", False),
            ("https://api.corp.example:443/l", "https://api.corp.example/x", True),
            ("https://api.corp.example/l?a=1", "https://api.corp.example/l?b=2", False),
            ("https://api.corp.example/l", "http://api.corp.example/x", False),
            ("https://api.corp.example/l", "https://[::1/x", False),
            ("https://10.0.0.1/l", "https://10.0.0.1/x", True),
            ("https://10.0.0.1/l", "https://10.0.0.2/x", False),
            ("http://127.0.0.1:80/l", "http://127.0.0.1/x", True),
            ("http://127.0.0.1:80/l", "http://127.0.0.1:8080/x", False),
            ("http://localhost:80/l", "https://localhost/x", False),
            ("http://[::1]/l", "http://[::1]:80/x", True),
        ],
    )
    def test_only_those_the_token_is_for_get_it(self, login: str, url: str, signed: bool) -> None:
        """A token goes to no other owner's host, nor into the clear, nor to the login itself."""
        auth = VertoAuth(CLIENT_ID, API_KEY, login_url=login)

        assert auth._signs(url) is signed

    def test_elsewhere_there_is_neither_login_nor_header(
        self, locked: Sandbox, plain: requests.Session
    ) -> None:
        """A request to another host goes out as it is."""
        plain.auth = VertoAuth(CLIENT_ID, API_KEY, session=plain)

        assert plain.get(locked.url + WALLETS).status_code == 401
        (arrival,) = locked.log
        assert "Authorization" not in arrival.headers
        assert plain.auth.renew(RefusedCredentials(locked.url, "Bearer x")) is None

    def test_the_login_goes_through_the_session_s_adapters(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """Its headers, its adapter with resends; not its hooks, which are for what it asks."""
        seen: list[requests.Response] = []
        session.hooks["response"].append(lambda r, **_: seen.append(r))
        session.headers["User-Agent"] = "mine/1"
        session.headers["Authorization"] = "Bearer stale"
        locked.script(LOGIN, [Reply(429, retry_after=0)])
        _signed_in(locked, session)

        response = session.get(locked.url + WALLETS)

        assert (response.status_code, [one.url for one in seen]) == (200, [locked.url + WALLETS])
        assert [one.status for one in locked.arrivals(LOGIN)] == [429, 200]
        assert {one.headers["User-Agent"] for one in locked.log} == {"mine/1"}
        assert {one.headers.get("Authorization") for one in locked.arrivals(LOGIN)} == {None}
        assert {one.connection for one in locked.log} == {1}

    def test_without_a_session_it_has_one_of_its_own(
        self, locked: Sandbox, plain: requests.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Mounted by the settings of the environment, which no code has to touch."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("VERTO_RESILIENCE_VERTO_HOSTS", "127.0.0.1")
        plain.auth = _auth(locked)

        assert plain.get(locked.url + WALLETS).status_code == 200
        (login,) = locked.arrivals(LOGIN)
        assert "Vfx-Correlation-Id" in login.headers

    def test_a_session_that_was_given_is_kept(
        self, locked: Sandbox, plain: requests.Session, session: requests.Session
    ) -> None:
        """Mounting it elsewhere does not take it from the session it was given."""
        plain.headers["X-Session"] = "given"
        auth = _auth(locked, session=plain)
        session.auth = auth
        verto_resilience.mount(session, policy=_policy(), refresh=auth)

        session.get(locked.url + WALLETS)

        assert locked.arrivals(LOGIN)[0].headers["X-Session"] == "given"

    def test_a_redirect_is_not_followed(self, wired: Wirer, plain: requests.Session) -> None:
        """Whoever redirects a login does not get the key sent somewhere else."""
        wire = wired(answer(status=307, head="Location: /elsewhere\r\n"))
        plain.auth = VertoAuth(CLIENT_ID, API_KEY, login_url=wire.url + LOGIN, session=plain)

        with pytest.raises(LoginError, match="307 Temporary Redirect"):
            plain.get(wire.url + WALLETS)
        assert [heard.path for heard in wire.heard] == [LOGIN]

    @pytest.mark.parametrize("mounted", [False, True])
    def test_a_key_is_not_sent_in_the_clear(self, plain: requests.Session, mounted: bool) -> None:
        """Not by a plain session either, and not without looking at the certificate."""
        if mounted:
            verto_resilience.mount(plain, policy=Policy())
        auth = VertoAuth(
            CLIENT_ID, API_KEY, login_url="http://api.vertofx.com/users/login", session=plain
        )

        with pytest.raises(LoginError, match=r"not sent: http://api\.vertofx\.com:80 would be"):
            auth.renew(RefusedCredentials("http://api.vertofx.com:80"))

        plain.verify = False
        auth = VertoAuth(CLIENT_ID, API_KEY, session=plain)
        with pytest.raises(LoginError, match="without checking its certificate"):
            auth.renew(RefusedCredentials("https://api.vertofx.com:443"))


class TestLoginThatFails:
    """One clear error, and nothing in it that is nobody's business."""

    @pytest.mark.parametrize(
        ("reply", "told", "status"),
        [
            (Reply(401, json={"message": f"who is {CLIENT_ID}?"}), '401 Unauthorized, "who', 401),
            (Reply(403, body=b"<html>request blocked</html>"), "403 Forbidden", 403),
            (Reply(400, json={"message": f"apiKey {API_KEY} is bad"}), "400 Bad Request", 400),
            (Reply(503), "503 Service Unavailable", 503),
            (Reply(599), "failed: 599", 599),
            (Reply(200, json={"success": False, "token": "t"}), "200 OK without a token", 200),
            (Reply(200, json={"success": True}), "200 OK without a token", 200),
            (Reply(200, json={"token": ""}), "200 OK without a token", 200),
            (Reply(200, json={"token": 7}), "200 OK without a token", 200),
            (Reply(200, json={"token": "a\r\nX: 1"}), "200 OK without a token", 200),
            (Reply(200, json=["token"]), "200 OK without a token", 200),
            (Reply(200, body=b"{"), "200 OK without a token", 200),
            (Reply(200, body=b'{"token": "' + b"x" * 70_000 + b'"}'), "without a token", 200),
            (Reply(200, body=b"[" * 60_000), "without a token", 200),
            (Reply(200, fault=Fault.RESET), "ConnectionError", None),
        ],
        ids=[
            "401",
            "403 of a gateway",
            "400",
            "503",
            "599",
            "success denied",
            "no token",
            "empty token",
            "no text",
            "no header",
            "no object",
            "no JSON",
            "too long",
            "too deep",
            "reset",
        ],
    )
    def test_it_says_what_came_back(
        self, locked: Sandbox, plain: requests.Session, reply: Reply, told: str, status: int | None
    ) -> None:
        """Host and status, or the kind of error; neither key nor client id, nor the token."""
        locked.script(LOGIN, [reply])
        plain.auth = _auth(locked, session=plain)

        with pytest.raises(RequestException) as raised:
            plain.get(locked.url + WALLETS)

        error = raised.value
        assert isinstance(error, LoginError)
        assert str(error).startswith(f"login at {locked.url} failed: ")
        assert told in str(error)
        assert error.status == status
        assert len(locked.log) == 1
        assert (error.request, error.response) == (None, None)
        assert (error.__cause__, error.__context__) == (None, None)
        text = "".join(traceback.format_exception(error))
        assert "canary-5d1e" not in text + repr(error) + repr(pickle.dumps(error))

    def test_it_says_when_to_try_again(self, locked: Sandbox, session: requests.Session) -> None:
        """What the server said, or what the adapter knows of the origin's pause."""
        locked.script(LOGIN, [Reply(429, retry_after=90)])
        _signed_in(locked, session)

        told = []
        for _ in range(2):
            with pytest.raises(LoginError) as raised:
                session.get(locked.url + WALLETS)
            told.append(raised.value)

        assert (told[0].status, told[0].retry_after) == (429, 90.0)
        assert told[1].status is None
        assert "not sent" in str(told[1])
        assert 80.0 < (told[1].retry_after or 0.0) <= 91.0
        assert len(locked.log) == 1

    def test_all_who_waited_are_told(self, locked: Sandbox, plain: requests.Session) -> None:
        """One login that fails is one error for each thread, not one login for each."""
        locked.script(LOGIN, [Reply(403, delay=0.3)] * THREADS)
        auth = _auth(locked, session=plain)

        def renew() -> LoginError:
            with pytest.raises(LoginError) as raised:
                auth.renew(RefusedCredentials(locked.url))
            return raised.value

        errors = _at_once(renew)

        assert {error.status for error in errors} == {403}
        assert len({id(error) for error in errors}) == THREADS
        assert _logins(locked) == 1

    @pytest.mark.parametrize(
        ("client_id", "api_key", "options", "problem"),
        [
            ("", API_KEY, {}, "clientId must be text that is not empty"),
            (CLIENT_ID, " ", {}, "apiKey must be text that is not empty"),
            (CLIENT_ID, None, {}, "apiKey must be text that is not empty"),
            (CLIENT_ID, API_KEY, {"mode": ""}, "mode must be text that is not empty"),
            (CLIENT_ID, API_KEY, {"login_url": "api.verto.co"}, "login_url must begin with"),
            (CLIENT_ID, API_KEY, {"login_url": "https://"}, "login_url must begin with"),
            (CLIENT_ID, API_KEY, {"login_url": f"https://a:{API_KEY}@verto.co/"}, "login_url must"),
        ],
        ids=["client id", "key", "no key", "mode", "no scheme", "no host", "user"],
    )
    def test_what_cannot_be_is_refused_at_once(
        self, client_id: Any, api_key: Any, options: dict[str, Any], problem: str
    ) -> None:
        """The mistake shows where it is made, and quotes nothing."""
        with pytest.raises(ConfigurationError, match=problem) as raised:
            VertoAuth(client_id, api_key, **options)

        assert "canary" not in str(raised.value)


class TestSecrets:
    """Nothing of it gets out."""

    def test_neither_key_nor_token_is_anywhere(
        self,
        locked: Sandbox,
        session: requests.Session,
        sdk: Sdk,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Logins, an expiry, a refusal and a failure: logs, events, telemetry, reprs, errors."""
        caplog.set_level(logging.DEBUG)
        told = Told()
        auth = _auth(locked)
        session.auth = auth
        verto_resilience.mount(session, policy=_policy(), refresh=auth, observer=told)
        session.get(locked.url + WALLETS)
        found: list[object] = [f"{auth} {auth._token} {vars(auth)} {session.adapters}"]
        locked.expire_tokens()
        response = session.post(locked.url + PAYMENT, json=BODY)
        locked.script(PAYMENT, [401, 401])
        refused = session.post(locked.url + PAYMENT, json=BODY)
        with pytest.raises(UnauthorizedError) as unauthorized:
            raise_for_outcome(refused)
        locked.script(LOGIN, [500] * 9)
        locked.expire_tokens()
        session.get(locked.url + WALLETS)
        auth._token = None
        with pytest.raises(LoginError) as failed:
            session.get(locked.url + WALLETS)

        adapter = session.get_adapter(locked.url)
        assert isinstance(adapter, VertoAdapter)
        found += [report(response), report(refused), adapter.refresher, told.events]
        found += [unauthorized.value, str(unauthorized.value), failed.value, str(failed.value)]
        found += ["".join(traceback.format_exception(failed.value)), sdk.spans, caplog.text]
        found += [span.to_json() for span in sdk.spans] + [sdk.data()]
        text = "\n".join(map(repr, found)) + caplog.text
        assert "canary-5d1e" not in text
        assert "sandbox-" not in text.replace("api-v3-sandbox-", "")
        assert len(sdk.spans) > 5
        assert _logins(locked) > 3

    def test_it_is_not_pickled(self, locked: Sandbox, session: requests.Session) -> None:
        """Nor is a session that has it: the message says what to do instead."""
        auth = _signed_in(locked, session)
        session.get(locked.url + WALLETS)

        for thing in (auth, session, session.get_adapter(locked.url)):
            with pytest.raises(TypeError, match="is not pickled; make one in each process"):
                pickle.dumps(thing)

    def test_a_response_is_pickled_without_it(
        self, locked: Sandbox, session: requests.Session
    ) -> None:
        """What requests pickles of a response holds no way to the key."""
        _signed_in(locked, session)

        pickled = pickle.dumps(session.get(locked.url + WALLETS))

        assert b"canary-5d1e" not in pickled

    def test_a_copy_is_the_same(self, locked: Sandbox) -> None:
        """Two that log in for themselves would be one login too many."""
        auth = _auth(locked)

        assert copy.copy(auth) is auth
        assert copy.deepcopy({"auth": auth})["auth"] is auth
        assert repr(auth) == f"<VertoAuth by {locked.url}>"
