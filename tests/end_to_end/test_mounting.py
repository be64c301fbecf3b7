import copy
import pickle
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import verto_resilience
from tests.end_to_end.sessions import QUICK, Mounter, adapter_of, circuit, quick, report
from tests.end_to_end.wire import Wirer
from verto_resilience import ConfigurationError, Policy, VertoAdapter, mount, unmount
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

CERTIFICATE = Path(__file__).parents[1] / "testing" / "loopback.pem"
KEY = CERTIFICATE.with_suffix(".key")
QUIET = {f"VERTO_RESILIENCE_{name.upper()}": str(value) for name, value in QUICK.items()}


class PrivatelyTrusting(HTTPAdapter):
    """Trusts the certificate of these tests, by a TLS context of its own."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Hand the context to the pools."""
        context = ssl.create_default_context(cafile=str(CERTIFICATE))
        super().init_poolmanager(*args, ssl_context=context, **kwargs)


def pickled(session: requests.Session) -> requests.Session:
    """Send a session through pickle and back."""
    copied: requests.Session = pickle.loads(pickle.dumps(session))  # noqa: S301 - its own
    return copied


def test_one_line_is_enough(verto: Sandbox) -> None:
    """The line of the README works in a fresh interpreter, and says nothing of its own."""
    line = (
        "import requests, verto_resilience; s = requests.Session(); verto_resilience.mount(s); "
        f"print(s.get('{verto.url}/status/200').status_code)"
    )

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", line], capture_output=True, text=True, check=False
    )

    assert (ran.stdout, ran.stderr, ran.returncode) == ("200\n", "", 0)


def test_adapter_mounted_by_hand_sends(verto: Sandbox, plain: requests.Session) -> None:
    """``session.mount`` with a ``VertoAdapter`` resends a 503."""
    verto.script("/x", [503, Reply(204)])

    plain.mount("http://", VertoAdapter(policy=quick()))

    assert plain.get(f"{verto.url}/x").status_code == 204
    assert verto.arrived == 2


def test_mount_wraps_every_adapter_that_is_there(plain: requests.Session) -> None:
    """``mount`` wraps each adapter of the session in place, whatever its prefix."""
    own = HTTPAdapter()
    plain.mount("https://api.example.invalid/", own)
    before = dict(plain.adapters)

    given = mount(plain, policy=quick())

    assert given is plain
    assert list(plain.adapters) == list(before)
    for prefix, adapter in plain.adapters.items():
        assert isinstance(adapter, VertoAdapter)
        assert adapter.inner is before[prefix]


def test_mounts_of_a_session_share_their_circuits(verto: Sandbox, plain: requests.Session) -> None:
    """What one prefix learns of an origin, another prefix of the session knows."""
    plain.mount(f"{verto.url}/other", HTTPAdapter())
    mount(plain, policy=quick(max_attempts=1))

    for _ in range(5):
        plain.get(f"{verto.url}/status/503")

    with pytest.raises(verto_resilience.CircuitOpenError):
        plain.get(f"{verto.url}/other")


def test_named_prefix_alone_is_wrapped(verto: Sandbox, plain: requests.Session) -> None:
    """With a prefix named, calls elsewhere go as plain requests sends them."""
    with Sandbox() as elsewhere:
        mount(plain, verto.url, policy=quick())

        within = plain.get(f"{verto.url}/status/503")
        outside = plain.get(f"{elsewhere.url}/status/503")

        assert len(report(within).attempts) == verto.arrived == 3
        assert verto_resilience.report(outside) is None
        assert elsewhere.arrived == 1


def test_mounting_twice_changes_nothing(verto: Sandbox, mounted: Mounter) -> None:
    """A session that is mounted again keeps its adapters, and no call is resent twice over."""
    session = mounted()
    before = dict(session.adapters)

    mount(session, policy=quick())
    session.get(f"{verto.url}/status/503")

    assert session.adapters == before
    assert verto.arrived == 3


def test_unmount_gives_the_session_back(verto: Sandbox, plain: requests.Session) -> None:
    """After ``unmount`` the very adapters from before send, with the retries they had."""
    own = HTTPAdapter(max_retries=3)
    plain.mount("http://", own)
    before = dict(plain.adapters)
    with pytest.warns(UserWarning, match="retries"):
        mount(plain, policy=quick())

    given = unmount(plain)
    response = plain.get(f"{verto.url}/status/503")

    assert given is plain
    assert plain.adapters == before
    assert own.max_retries.total == 3
    assert verto_resilience.report(response) is None
    assert verto.arrived == 1


def test_tls_context_of_the_inner_adapter_is_used(plain: requests.Session) -> None:
    """An adapter that brings its own TLS context goes on using it once it is wrapped."""
    with Sandbox(tls=(str(CERTIFICATE), str(KEY))) as verto:
        plain.mount("https://", PrivatelyTrusting())
        mount(plain, policy=quick())
        adapter = adapter_of(plain, verto.url)
        assert isinstance(adapter.inner, PrivatelyTrusting)

        assert plain.get(f"{verto.url}/status/200").status_code == 200
        assert verto.arrived == 1


def test_private_authority_of_the_session_is_used(mounted: Mounter) -> None:
    """``session.verify`` with a bundle of one's own is handed on to each attempt."""
    with Sandbox(tls=(str(CERTIFICATE), str(KEY))) as verto:
        session = mounted()
        session.verify = str(CERTIFICATE)
        verto.script("/x", [503, Reply(204)])

        assert session.get(f"{verto.url}/x").status_code == 204


def test_client_certificate_of_the_session_is_sent(mounted: Mounter, wired: Wirer) -> None:
    """A server that demands a client certificate gets ``session.cert``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(CERTIFICATE))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(CERTIFICATE, KEY)
    wire = wired(tls=context)
    session = mounted()
    session.verify = str(CERTIFICATE)
    session.cert = (str(CERTIFICATE), str(KEY))

    assert session.get(wire.url).content == b"fine"


def test_proxy_of_the_session_is_used(verto: Sandbox, mounted: Mounter) -> None:
    """Every attempt goes through ``session.proxies``, and the origin is the server behind it."""
    session = mounted()
    session.proxies = {"http": verto.url}
    verto.script("/x", [503, Reply(204)])

    response = session.get("http://far.example.invalid/x")

    assert response.status_code == 204
    assert [arrival.headers["Host"] for arrival in verto.log] == ["far.example.invalid"] * 2
    assert circuit(session, "http://far.example.invalid/").calls == 2
    assert circuit(session, verto.url).calls == 0


def test_pool_of_the_inner_adapter_keeps_its_size(verto: Sandbox, plain: requests.Session) -> None:
    """A pool of one connection that blocks stays one connection, however many threads send."""
    plain.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
    mount(plain, policy=quick())

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: plain.get(f"{verto.url}/status/200"), range(12)))

    assert {answer.status_code for answer in answers} == {200}
    assert {arrival.connection for arrival in verto.log} == {1}


def test_what_the_inner_adapter_has_can_be_asked_for(plain: requests.Session) -> None:
    """Code that looks for attributes of ``HTTPAdapter`` on a mounted adapter finds them."""
    own = HTTPAdapter()
    plain.mount("http://", own)
    mount(plain, policy=quick())

    assert adapter_of(plain, "http://x").poolmanager is own.poolmanager
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = adapter_of(plain, "http://x").nothing_of_the_kind


@pytest.mark.parametrize(
    "twin",
    [pickled, copy.deepcopy],
    ids=["pickled", "deep_copied"],
)
def test_twin_of_a_session_sends_by_itself(verto: Sandbox, mounted: Mounter, twin: Any) -> None:
    """A session that was pickled or copied resends by the same policy, with counts of its own."""
    session = mounted(max_attempts=2)
    session.headers["X-Kept"] = "yes"
    session.get(f"{verto.url}/status/503")
    verto.clear()

    with twin(session) as other:
        report(other.get(f"{verto.url}/status/503"))

        assert verto.arrived == 2
        assert {arrival.headers["X-Kept"] for arrival in verto.log} == {"yes"}
        assert circuit(other, verto.url).failures == 2
        assert circuit(session, verto.url).failures == 2
        assert other.adapters["http://"].circuits is other.adapters["https://"].circuits


def test_shallow_copy_of_a_session_shares_its_adapters(mounted: Mounter) -> None:
    """``copy.copy`` gives a session around the same adapters, as it does for a plain one."""
    session = mounted()

    assert copy.copy(session).adapters is session.adapters


def test_pickled_session_can_be_unmounted(plain: requests.Session) -> None:
    """A session that was pickled while mounted gets the retries of its own adapter back."""
    plain.mount("http://", HTTPAdapter(max_retries=3))
    with pytest.warns(UserWarning, match="retries"):
        mount(plain, policy=quick())

    with pickled(plain) as other:
        unmount(other)

        given_back: Any = other.adapters["http://"]
        assert given_back.max_retries.total == 3


def test_close_closes_what_mount_wrapped(verto: Sandbox, mounted: Mounter) -> None:
    """``session.close`` closes the connections, as it does for a plain session."""
    session = mounted()
    session.get(f"{verto.url}/status/200")

    session.close()
    session.get(f"{verto.url}/status/200")

    assert [arrival.connection for arrival in verto.log] == [1, 2]


def test_close_leaves_what_it_was_given(verto: Sandbox, plain: requests.Session) -> None:
    """Closing a ``VertoAdapter`` around an adapter of yours leaves your connections open."""
    own = HTTPAdapter()
    adapter = VertoAdapter(inner=own, policy=quick())
    plain.mount("http://", adapter)
    plain.get(f"{verto.url}/status/200")

    adapter.close()
    plain.mount("http://", own)
    plain.get(f"{verto.url}/status/200")

    assert [arrival.connection for arrival in verto.log] == [1, 1]


def test_session_resends_after_it_was_closed(verto: Sandbox, mounted: Mounter) -> None:
    """A closed session can be used again, as a plain one can, and waits again where it must."""
    session = mounted()
    session.close()
    verto.script("/x", [503, Reply(204)])

    assert session.get(f"{verto.url}/x").status_code == 204


@pytest.mark.parametrize("nothing", [None, {}, "https://", requests])
def test_only_a_session_can_be_mounted_on(nothing: Any) -> None:
    """``mount`` on something else is a TypeError that names what was given and what is needed."""
    with pytest.raises(TypeError, match=rf"requests\.Session.*{type(nothing).__name__}"):
        mount(nothing)


def test_prefix_that_nothing_answers_for_is_refused(plain: requests.Session) -> None:
    """A prefix without an adapter to wrap is requests' own InvalidSchema."""
    with pytest.raises(requests.exceptions.InvalidSchema, match="ftp://"):
        mount(plain, "ftp://", policy=quick())


def test_inner_must_be_an_adapter() -> None:
    """``inner`` that cannot send is a TypeError that names it."""
    inner: Any = "HTTPAdapter"
    with pytest.raises(TypeError, match="adapter, not str"):
        VertoAdapter(inner=inner)


def test_retries_of_the_inner_adapter_never_multiply(
    verto: Sandbox, plain: requests.Session
) -> None:
    """An adapter that retries by itself is told of once, with the remedy, and retries no more."""
    eager = HTTPAdapter(
        max_retries=Retry(3, status_forcelist=[503], allowed_methods=None, raise_on_status=False)
    )
    plain.mount("http://", eager)
    plain.mount("https://", eager)

    with pytest.warns(UserWarning, match=r"retries by itself.*max_retries=0") as warned:
        mount(plain, policy=quick(max_attempts=2))
    plain.get(f"{verto.url}/status/503")
    plain.post(f"{verto.url}/status/503")

    assert len(warned) == 1
    assert [arrival.method for arrival in verto.log] == ["GET", "GET", "POST"]


def test_warning_about_retries_points_at_the_caller(plain: requests.Session) -> None:
    """The warning stands at the line that mounts, so that it is found, and shown once for it."""
    plain.mount("http://", HTTPAdapter(max_retries=3))

    with pytest.warns(UserWarning, match="retries") as warned:
        mount(plain, policy=quick())

    assert Path(warned[0].filename) == Path(__file__)


def test_disabled_adapter_is_the_inner_one(verto: Sandbox, mounted: Mounter) -> None:
    """With ``disabled`` nothing is resent, refused, added or reported."""
    session = mounted(disabled=True, verto_hosts=("127.0.0.1",))

    responses = [session.get(f"{verto.url}/status/503") for _ in range(7)]

    assert verto.arrived == 7
    assert {verto_resilience.report(response) for response in responses} == {None}
    assert not any("Vfx-Correlation-Id" in arrival.headers for arrival in verto.log)


def test_disabled_adapter_leaves_inner_retries_alone(
    verto: Sandbox, plain: requests.Session
) -> None:
    """With ``disabled`` an adapter that retries by itself goes on doing so, without a warning."""
    eager = HTTPAdapter(max_retries=Retry(1, status_forcelist=[503], raise_on_status=False))
    plain.mount("http://", eager)

    mount(plain, policy=quick(disabled=True))
    plain.get(f"{verto.url}/status/503")

    assert verto.arrived == 2


def test_kill_switch_beats_a_policy_in_code(
    verto: Sandbox, mounted: Mounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``VERTO_RESILIENCE_DISABLED`` holds for sessions whose policy is written in code."""
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")

    mounted().get(f"{verto.url}/status/503")

    assert verto.arrived == 1


def test_environment_is_the_policy_where_code_gives_none(
    verto: Sandbox, plain: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount without a policy follows the variables, on the wire."""
    for name, value in (QUIET | {"VERTO_RESILIENCE_MAX_ATTEMPTS": "2"}).items():
        monkeypatch.setenv(name, value)

    mount(plain).get(f"{verto.url}/status/503")

    assert verto.arrived == 2


def test_policy_in_code_beats_the_environment(
    verto: Sandbox, mounted: Mounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that is given is taken as it is."""
    monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "7")

    mounted(max_attempts=2).get(f"{verto.url}/status/503")

    assert verto.arrived == 2


def test_bad_variables_are_refused_all_at_once(
    plain: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error names every bad variable and every unknown one, and the session stays plain."""
    monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "0")
    monkeypatch.setenv("VERTO_RESILIENCE_BREAK_DURATION", "soon")
    monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATEMPTS", "3")
    before = dict(plain.adapters)

    with pytest.raises(ConfigurationError) as refused:
        mount(plain)

    assert len(refused.value.problems) == 3
    for part in ("MAX_ATTEMPTS='0'", "BREAK_DURATION='soon'", "did you mean"):
        assert part in str(refused.value)
    assert plain.adapters == before


def test_impossible_policy_is_refused() -> None:
    """Settings that cannot work together are one ConfigurationError, before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"break_duration \(9\).*max_break_duration \(8\)"):
        VertoAdapter(policy=Policy(break_duration=9, max_break_duration=8))
