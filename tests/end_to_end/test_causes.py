import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from tests.end_to_end.sessions import Mounter, failures, quick, report
from tests.end_to_end.wire import CLOSE_AT_ONCE, STALLED, Say, Then, Wirer, answer
from verto_resilience import Failure
from verto_resilience.pipeline import End
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end


@pytest.fixture(params=["tls", "refused"])
def fails_early(
    request: pytest.FixtureRequest, plain: requests.Session, wired: Wirer
) -> Iterator[Callable[[], Any]]:
    """Give what fails before a request of its own is sent, and not by the adapter."""
    no_tls = wired(at_the_door=answer(status=400, then=Then.CLOSE))
    with socket.socket() as holder:
        # Nobody listens here, and nobody else can.
        holder.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{holder.getsockname()[1]}"
        url = no_tls.url.replace("http", "https") if request.param == "tls" else refused
        yield lambda: plain.get(url)


def _post_while_handling(fail: Callable[[], Any], post: Callable[[], Any]) -> Exception:
    try:
        fail()
    except requests.exceptions.RequestException:
        with pytest.raises(requests.exceptions.RequestException) as failed:
            post()
    handled = []
    link: BaseException | None = failed.value
    while link is not None:
        handled.append(link)
        link = link.__context__
    assert any(isinstance(one, requests.exceptions.RequestException) for one in handled[1:])
    return failed.value


class TestInAnExceptBlock:
    """A request that is sent while an error of the caller's own is being handled."""

    @pytest.mark.parametrize(
        ("fault", "failure"),
        [(CLOSE_AT_ONCE, Failure.RESET), (STALLED, Failure.READ_TIMEOUT)],
        ids=["closed", "stalled"],
    )
    def test_what_was_handled_is_no_cause(
        self,
        mounted: Mounter,
        wired: Wirer,
        fails_early: Callable[[], Any],
        *,
        fault: Say,
        failure: Failure,
    ) -> None:
        """A handshake or a connection that failed before says nothing of this write: sent once."""
        wire, session = wired(fault), mounted()

        error = _post_while_handling(
            fails_early, lambda: session.post(wire.url, data=b"once", timeout=(5, 1))
        )

        assert failures(error) == [failure]
        assert [heard.body for heard in wire.heard] == [b"once"]
        assert report(error).ambiguous
        assert report(error).end is End.NOT_REPEATABLE

    def test_its_own_handshake_is_its_cause(
        self, mounted: Mounter, plain: requests.Session, wired: Wirer
    ) -> None:
        """A timeout that was handled does not hide that this write never left: it is resent."""
        silent, no_tls = wired(STALLED), wired(at_the_door=answer(status=400, then=Then.CLOSE))
        session = mounted(max_attempts=2)

        error = _post_while_handling(
            lambda: plain.get(silent.url, timeout=(5, 0.2)),
            lambda: session.post(no_tls.url.replace("http", "https"), data=b"x"),
        )

        assert failures(error) == [Failure.TLS_HANDSHAKE] * 2
        assert not report(error).ambiguous


class Failing(HTTPAdapter):
    """Sends, and raises when the answer is there, as an adapter with a fault of its own does."""

    def __init__(self, error: Exception) -> None:
        """Keep what to raise."""
        super().__init__()
        self.error = error

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send, and raise."""
        super().send(*args, **kwargs).close()
        raise self.error


class TestUnknown:
    """What an adapter raises that nobody knows."""

    def _call(
        self, session: requests.Session, verto: Sandbox, inner: HTTPAdapter, **options: Any
    ) -> Exception:
        session.mount("http://", inner)
        verto_resilience.mount(session, policy=quick(max_attempts=2))
        kind = type(inner.error) if isinstance(inner, Failing) else ValueError
        with pytest.raises(kind) as failed:
            session.request(url=f"{verto.url}/status/200", **options)
        return failed.value

    @pytest.mark.parametrize(
        "error",
        [KeyError("a bug"), OSError("no CA bundle"), requests.exceptions.InvalidURL("x")],
        ids=["bug", "os_error", "invalid_url"],
    )
    @pytest.mark.parametrize(
        "headers", [{}, {"Idempotency-Key": "k"}], ids=["without_key", "with_key"]
    )
    def test_after_a_write_was_sent_nobody_knows(
        self,
        verto: Sandbox,
        plain: requests.Session,
        error: Exception,
        headers: dict[str, str],
    ) -> None:
        """The server has the write, and so it is told as unknown and not sent again."""
        raised = self._call(plain, verto, Failing(error), method="POST", data=b"x", headers=headers)

        assert raised is error
        assert failures(raised) == [Failure.UNKNOWN]
        assert verto.arrived == 1
        assert report(raised).ambiguous
        assert "outcome unknown" in "\n".join(raised.__notes__)

    def test_after_a_read_was_sent_nothing_is_in_doubt(
        self, verto: Sandbox, plain: requests.Session
    ) -> None:
        """A GET changes nothing: the exception goes to the caller, and that is all."""
        raised = self._call(plain, verto, Failing(KeyError("a bug")), method="GET")

        assert failures(raised) == [Failure.UNKNOWN]
        assert verto.arrived == 1
        assert not report(raised).ambiguous

    def test_before_anything_was_sent_it_is_the_callers(
        self, verto: Sandbox, plain: requests.Session
    ) -> None:
        """A mistake that kept the request from being sent leaves no doubt."""
        raised = self._call(plain, verto, HTTPAdapter(), method="POST", timeout=(1, 2, 3))

        assert failures(raised) == [Failure.CALLER]
        assert verto.arrived == 0
        assert not report(raised).ambiguous

    def test_what_only_looks_as_if_nothing_was_sent_is_not_believed(
        self, verto: Sandbox, plain: requests.Session
    ) -> None:
        """The connection has sent the write, whatever the exception says: it is not resent."""
        error = requests.exceptions.ConnectTimeout("says nothing was sent")

        raised = self._call(plain, verto, Failing(error), method="POST", data=b"x")

        assert failures(raised) == [Failure.RESET]
        assert verto.arrived == 1
        assert report(raised).ambiguous
