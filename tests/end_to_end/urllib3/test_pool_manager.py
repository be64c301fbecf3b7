import copy
import pickle
import threading
import time
import warnings
from typing import Any

import pytest
import urllib3
from urllib3 import PoolManager, ProxyManager

import verto_resilience
from tests.end_to_end.faults import KEY, LOOPBACK
from tests.end_to_end.sessions import quick, report
from tests.end_to_end.test_proxies import Tunnel
from tests.end_to_end.urllib3.managers import Manager, attempts, circuit
from tests.end_to_end.wire import Wirer, answer
from verto_resilience import ConfigurationError, Policy, VertoPoolManager
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


def test_it_is_a_pool_manager(managed: Manager) -> None:
    """Code that asks for a ``urllib3.PoolManager`` takes it."""
    assert isinstance(managed(), PoolManager)


def test_every_way_to_call_is_driven(verto: Sandbox, managed: Manager) -> None:
    """``request``, ``request_encode_url``, ``request_encode_body`` and ``urlopen`` alike."""
    manager, url = managed(), f"{verto.url}/status/200"
    verto.script(None, [503, 200] * 4)

    came = [
        manager.request("GET", url, fields={"a": "1"}),
        manager.request_encode_url("GET", url, {"a": "1"}),
        manager.request_encode_body("PUT", url, {"a": "1"}),
        manager.urlopen("GET", url, True),
    ]

    assert [(response.status, attempts(response)) for response in came] == [(200, 2)] * 4
    assert [arrival.query for arrival in verto.log] == ["a=1"] * 4 + [""] * 4


def test_multipart_and_json_arrive_whole_each_time(verto: Sandbox, managed: Manager) -> None:
    """What urllib3 encodes is sent again to the byte, boundary and all."""
    manager, url = managed(), f"{verto.url}/status/200"
    verto.script(None, [503, 200, 503, 200])

    manager.request("PUT", url, fields={"file": ("a.txt", b"content")})
    manager.request("PUT", url, json={"amount": 1})

    first, second, third, fourth = verto.log
    assert first.body == second.body
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    assert b"content" in first.body
    assert third.body == fourth.body == b'{"amount":1}'


def test_headers_of_the_manager_go_along(verto: Sandbox, managed: Manager) -> None:
    """Headers that it was made with, and those set later, are sent; a call's own replace them."""
    manager, url = managed(pools={"headers": {"X-A": "made"}}), f"{verto.url}/status/200"
    manager.request("GET", url)
    manager.headers = {"X-A": "set"}
    manager.request("GET", url)
    manager.request("GET", url, headers={"X-B": "given"})

    sent = [(arrival.headers.get("X-A"), arrival.headers.get("X-B")) for arrival in verto.log]
    assert sent == [("made", None), ("set", None), (None, "given")]


def test_the_callers_headers_are_not_written_to(verto: Sandbox, managed: Manager) -> None:
    """What is added goes into a copy, whatever kind of mapping was given."""
    manager = managed(verto_hosts=("127.0.0.1",))
    plain, dictionary = {"x-a": "1"}, urllib3.HTTPHeaderDict({"X-A": "1"})
    dictionary.add("X-A", "2")

    for headers in (plain, dictionary):
        manager.request("GET", f"{verto.url}/status/200", headers=headers)

    assert plain == {"x-a": "1"}
    assert list(dictionary.iteritems()) == [("X-A", "1"), ("X-A", "2")]
    assert all(arrival.headers["Vfx-Correlation-Id"] for arrival in verto.log)
    assert [arrival.headers["X-A"] for arrival in verto.log] == ["1", "1, 2"]


def test_a_manager_that_exists_goes_on_with_its_pools(verto: Sandbox, managed: Manager) -> None:
    """Wrapped, it sends through the pool, and the very connection, that it has."""
    inner = PoolManager(num_pools=3)
    url = f"{verto.url}/status/200"
    inner.request("GET", url)
    pool = inner.connection_from_url(url)
    manager = managed(inner)

    manager.request("GET", url)

    assert manager.connection_from_url(url) is pool
    assert manager.pools is inner.pools
    assert (pool.num_connections, pool.num_requests) == (1, 2)


def test_pools_are_left_as_they_are(verto: Sandbox, managed: Manager) -> None:
    """What is sent through a pool by hand is no call of ours: nothing counts, nothing resends."""
    manager, url = managed(), f"{verto.url}/status/503"
    pool = manager.connection_from_url(verto.url)

    statuses = [pool.request("GET", "/status/503").status for _ in range(6)]

    assert statuses == [503] * 6
    assert verto.arrived == 6
    assert circuit(manager, url).calls == 0


def test_the_inner_manager_sends_as_before_by_itself(wired: Wirer, managed: Manager) -> None:
    """Whoever still calls it meets its own resends, for they are switched off call by call."""
    wire = wired(*[answer(status=503, head="Retry-After: 0\r\n")] * 2)
    inner = PoolManager()
    managed(inner)

    response = inner.request("GET", wire.url, retries=urllib3.Retry(2, status_forcelist=[503]))

    assert response.status == 200
    assert len(wire.heard) == 3


def test_plain_http_goes_through_a_proxy(verto: Sandbox, managed: Manager) -> None:
    """A ``ProxyManager`` that is wrapped asks its proxy for the whole URL, resends included."""
    manager = managed(ProxyManager(verto.url))
    verto.script(None, [503])

    response = manager.request("GET", "http://far.example.invalid/status/200")

    assert response.status == 200
    assert [arrival.headers["Host"] for arrival in verto.log] == ["far.example.invalid"] * 2
    assert str(manager.connection_from_url("http://far.example.invalid/").port) in verto.url
    assert circuit(manager, "http://far.example.invalid/").calls == 2


def test_https_goes_through_a_tunnel(managed: Manager) -> None:
    """So does TLS, by ``CONNECT``, with the certificate checked."""
    with Sandbox(tls=(LOOPBACK, KEY)) as secured, Tunnel(secured.port) as tunnel:
        secured.script(None, [503])
        manager = managed(ProxyManager(tunnel.url, ca_certs=LOOPBACK))

        response = manager.request("GET", f"{secured.url}/status/200")

        assert (response.status, attempts(response)) == (200, 2)
        assert tunnel.asked == [f"CONNECT 127.0.0.1:{secured.port}".encode()]
        manager.clear()


def test_a_subclass_is_asked_for_every_attempt(verto: Sandbox, managed: Manager) -> None:
    """What a manager of the user's does in its ``urlopen`` it does for each send."""

    class Signing(PoolManager):
        def urlopen(  # type: ignore[override]
            self, method: str, url: str, redirect: bool = True, **kw: Any
        ) -> urllib3.BaseHTTPResponse:
            kw["headers"] = {**kw["headers"], "X-Signed": "yes"}
            return super().urlopen(method, url, redirect=redirect, **kw)

    verto.script(None, [503])

    managed(Signing()).request("GET", f"{verto.url}/status/200")

    assert [arrival.headers["X-Signed"] for arrival in verto.log] == ["yes", "yes"]


def test_leaving_it_ends_the_waits_and_the_pools(verto: Sandbox) -> None:
    """A thread that waits for a pause gets its answer when the ``with`` block is left."""
    verto.script(None, [Reply(429, retry_after=30)], repeat=True)
    ended: list[int] = []

    with VertoPoolManager(policy=quick()) as manager:
        thread = threading.Thread(
            target=lambda: ended.append(manager.request("GET", f"{verto.url}/status/200").status)
        )
        thread.start()
        assert verto.wait_for(1, answered=True)
        time.sleep(0.1)
    thread.join(5)

    assert ended == [429]
    assert len(manager.pools) == 0


def test_it_can_be_used_after_it_was_cleared(verto: Sandbox, managed: Manager) -> None:
    """As a plain one: pools are made anew."""
    manager, url = managed(), f"{verto.url}/status/200"
    manager.request("GET", url)
    manager.clear()

    assert manager.request("GET", url).status == 200
    assert len(manager.pools) == 1


def test_it_pickles_no_more_than_a_plain_one() -> None:
    """A pool manager holds locks; one of ours says the same of itself."""
    for manager in (PoolManager(), VertoPoolManager(policy=Policy())):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(manager)


def test_a_copy_shares_what_it_was_copied_from(verto: Sandbox, managed: Manager) -> None:
    """Pools and circuits are the same ones."""
    manager = managed()
    copied = copy.copy(manager)

    copied.request("GET", f"{verto.url}/status/503")

    assert copied.pools is manager.pools
    assert circuit(manager, verto.url).failures == 3


def test_one_inside_another_is_refused(managed: Manager) -> None:
    """Attempts would multiply; the message says what to do."""
    with pytest.raises(ConfigurationError, match=r"inner=manager\.inner"):
        VertoPoolManager(inner=managed())


@pytest.mark.parametrize(
    "given",
    [
        {"inner": object()},
        {"inner": PoolManager(), "num_pools": 3},
        {"inner": PoolManager(), "headers": {}},
        {"inner": PoolManager(), "maxsize": 3},
        {"policy": {"max_attempts": 3}},
        {"refresh": 1},
    ],
)
def test_what_cannot_be_is_said_at_once(given: dict[str, object]) -> None:
    """A wrong argument is a ``TypeError``, not something that is ignored."""
    with pytest.raises(TypeError):
        VertoPoolManager(**given)  # type: ignore[arg-type]


def test_the_kill_switch_makes_it_a_plain_one(wired: Wirer, managed: Manager) -> None:
    """Switched off, the caller's ``Retry`` resends again, and no report is kept."""
    wire = wired(*[answer(status=503)] * 2)
    manager = managed(disabled=True)

    response = manager.request("GET", wire.url, retries=urllib3.Retry(2, status_forcelist=[503]))

    assert (response.status, verto_resilience.report(response)) == (200, None)
    assert len(wire.heard) == 3


def test_settings_can_be_changed_on_the_way(verto: Sandbox, managed: Manager) -> None:
    """``reconfigure`` holds for the next call; circuits keep what they know."""
    manager, url = managed(), f"{verto.url}/status/503"
    manager.request("GET", url)

    manager.reconfigure(quick(max_attempts=1))
    response = manager.request("GET", url)

    assert attempts(response) == 1
    assert manager.policy.max_attempts == 1
    assert circuit(manager, url).failures == 4


def test_threads_share_the_pause(verto: Sandbox, managed: Manager) -> None:
    """A 429 to one thread holds back the others."""
    manager, url = managed(), f"{verto.url}/status/200"
    verto.throttle(1.0)
    statuses: list[int] = []
    manager.request("GET", url, retries=False)
    verto.throttle(0.5)

    threads = [
        threading.Thread(target=lambda: statuses.append(manager.request("GET", url).status))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert statuses == [200] * 8


def test_report_goes_with_the_response(verto: Sandbox, managed: Manager) -> None:
    """``verto_resilience.report`` knows a response of urllib3."""
    response = managed().request("GET", f"{verto.url}/status/404")

    assert [attempt.outcome.status for attempt in report(response).attempts] == [404]


@pytest.mark.filterwarnings("ignore:URLs without a scheme")
@pytest.mark.parametrize("url", ["http://[::1", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", ""])
def test_what_is_no_url_is_refused_as_ever(managed: Manager, url: str) -> None:
    """The error is the one of a plain manager, and it is raised once."""
    errors = []
    for manager in (PoolManager(), managed()):
        with pytest.raises(urllib3.exceptions.HTTPError) as failed:
            manager.request("GET", url, timeout=1.0, retries=False)
        errors.append((type(failed.value), str(failed.value)))

    assert errors[0] == errors[1]


def test_a_url_without_a_scheme_is_one_of_http(verto: Sandbox, managed: Manager) -> None:
    """It is driven like any other, with urllib3's own warning where its version has one, once."""
    manager = managed()
    said = []

    for one in (PoolManager(), manager):
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            one.request("GET", f"127.0.0.1:{verto.port}/status/404")
        said.append([(warning.category, str(warning.message)) for warning in warned])

    assert circuit(manager, verto.url).calls == 1
    assert said[0] == said[1]
    assert len(said[0]) <= 1


def test_outcome_goes_with_the_response(verto: Sandbox, managed: Manager) -> None:
    """``verto_resilience.outcome`` tells of a response of urllib3: status, code, ids, history."""
    verto.script(None, [503, Reply(400, code=2)])

    response = managed(
        verto_hosts=("127.0.0.1",), server_error_wait_min=0.01, server_error_wait_max=0.02
    ).request("GET", f"{verto.url}/orders/v2.1/fx")

    told = verto_resilience.outcome(response)
    assert (told.status, told.code, told.category) == (400, 2, "client_error")
    assert told.asked == f"GET {verto.url}/orders/v2.1/fx"
    assert told.call_id == verto.log[1].call_id
    assert [attempt.outcome.status for attempt in told.attempts] == [503, 400]


def test_outcome_goes_with_the_error(closed_port: str, managed: Manager) -> None:
    """So it does of an exception."""
    with pytest.raises(urllib3.exceptions.MaxRetryError) as failed:
        managed().request("POST", closed_port, body=b"{}")

    told = verto_resilience.outcome(failed.value)
    assert (told.failure, told.ambiguous, len(told.attempts)) == ("connect", False, 3)


def test_outcome_reads_nothing_from_the_connection(verto: Sandbox, managed: Manager) -> None:
    """A body that is the caller's to read is still there afterwards."""
    response = managed().request("GET", f"{verto.url}/status/404", preload_content=False)

    told = verto_resilience.outcome(response)

    assert (told.status, told.message) == (404, None)
    assert b"Not Found" in response.read()
