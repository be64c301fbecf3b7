import http.client
import io
import socket
import ssl
from collections.abc import Callable

import pytest
import requests.exceptions as rex
import urllib3.exceptions as uex
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.response import HTTPResponse
from urllib3.util.ssl_ import assert_fingerprint
from urllib3.util.ssl_match_hostname import CertificateError

from verto_resilience.errors import CircuitOpenError, PausedError
from verto_resilience.outcome import Failure
from verto_resilience.transports import RequestsCircuitOpenError
from verto_resilience.transports._requests_failures import failure_of

HERE = HTTPConnection("127.0.0.1", 1)
POOL = HTTPConnectionPool("127.0.0.1", 1)


def _retried(reason: Exception) -> uex.MaxRetryError:
    """Wrap as urllib3 does when no retry is left."""
    return uex.MaxRetryError(POOL, "/", reason)


def _aborted(cause: Exception) -> uex.ProtocolError:
    """Wrap as urllib3 does when a connection breaks."""
    return uex.ProtocolError("Connection aborted.", cause)


def _broken(cause: Exception) -> uex.ProtocolError:
    """Wrap as urllib3 does when a body breaks off."""
    return uex.ProtocolError(f"Connection broken: {cause!r}", cause)


def _read_timeout() -> uex.ReadTimeoutError:
    return uex.ReadTimeoutError(POOL, "/", "Read timed out.")


def _timed_out(cause: Exception) -> uex.ReadTimeoutError:
    error = _read_timeout()
    error.__cause__ = cause
    return error


def _raised_in(name: str, error: Exception) -> Exception:
    """Give the exception as it is after it passed through a function of this name."""
    scope: dict[str, object] = {"error": error}
    exec(f"def {name}():\n    raise error\n", scope)  # noqa: S102
    try:
        scope[name]()  # type: ignore[operator]
    except Exception as caught:  # noqa: BLE001
        return caught
    raise AssertionError


INVALID_CHUNK = uex.InvalidChunkLength(HTTPResponse(io.BytesIO(), preload_content=False), b"xyz")

SENT_NOTHING = {
    "connect timeout": (
        rex.ConnectTimeout(_retried(uex.ConnectTimeoutError(HERE, "timed out"))),
        Failure.CONNECT_TIMEOUT,
    ),
    "connect timeout by urllib3": (uex.ConnectTimeoutError(HERE, "x"), Failure.CONNECT_TIMEOUT),
    "refused": (
        rex.ConnectionError(_retried(uex.NewConnectionError(HERE, "refused"))),
        Failure.CONNECT,
    ),
    "no such name": (
        rex.ConnectionError(_retried(uex.NameResolutionError("x", HERE, socket.gaierror()))),
        Failure.NAME_RESOLUTION,
    ),
    "proxy": (
        rex.ProxyError(_retried(uex.ProxyError("cannot connect", uex.ConnectTimeoutError("x")))),
        Failure.PROXY,
    ),
    "proxy inside": (
        rex.ConnectionError(
            _retried(uex.ProxyError("cannot connect", uex.ConnectTimeoutError("x")))
        ),
        Failure.PROXY,
    ),
    "closed pool": (
        rex.ConnectionError(uex.ClosedPoolError(POOL, "x")),
        Failure.CALLER,
    ),
    "empty pool": (
        rex.ConnectionError(uex.EmptyPoolError(POOL, "x")),
        Failure.CALLER,
    ),
    "bad location": (rex.ConnectionError(uex.LocationValueError("x")), Failure.CALLER),
    "bad URL": (rex.InvalidURL("x"), Failure.CALLER),
    "bad proxy URL": (rex.InvalidProxyURL("x"), Failure.CALLER),
    "bad schema": (rex.InvalidSchema("x"), Failure.CALLER),
    "no schema": (rex.MissingSchema("x"), Failure.CALLER),
    "body that cannot be rewound": (rex.UnrewindableBodyError("x"), Failure.CALLER),
    "refused by us": (CircuitOpenError("x"), Failure.CALLER),
    "paused by us": (PausedError("x"), Failure.CALLER),
    "refused by another adapter of ours": (RequestsCircuitOpenError("x"), Failure.CALLER),
    "no CA bundle": (OSError("Could not find a suitable TLS CA bundle"), Failure.CALLER),
    "bad timeout": (ValueError("timeout must be"), Failure.CALLER),
}

PERHAPS_SENT = {
    "read timeout": (rex.ReadTimeout(_read_timeout()), Failure.READ_TIMEOUT),
    "read timeout in a body": (rex.ConnectionError(_read_timeout()), Failure.READ_TIMEOUT),
    "read timeout inside": (rex.ConnectionError(_retried(_read_timeout())), Failure.READ_TIMEOUT),
    "read timeout by urllib3": (_read_timeout(), Failure.READ_TIMEOUT),
    "some timeout": (rex.Timeout("timed out"), Failure.READ_TIMEOUT),
    "reset": (rex.ConnectionError(_aborted(ConnectionResetError(104, "reset"))), Failure.RESET),
    "broken pipe": (rex.ConnectionError(_aborted(BrokenPipeError(32, "pipe"))), Failure.RESET),
    "closed without a response": (
        rex.ConnectionError(_aborted(http.client.RemoteDisconnected("closed"))),
        Failure.RESET,
    ),
    "closed, after retries": (
        rex.ConnectionError(_retried(_aborted(http.client.RemoteDisconnected("closed")))),
        Failure.RESET,
    ),
    "no cause": (rex.ConnectionError(), Failure.RESET),
    "a cause in words": (rex.ConnectionError("gone"), Failure.RESET),
    "a cause of another kind": (rex.ConnectionError(OSError("gone")), Failure.RESET),
    "a protocol error of urllib3's own": (
        uex.ProtocolError("Response ended prematurely"),
        Failure.BODY,
    ),
    "reset in a body": (
        rex.ChunkedEncodingError(_broken(ConnectionResetError(104, "reset"))),
        Failure.RESET,
    ),
    "strange chunk": (
        rex.ChunkedEncodingError(_broken(INVALID_CHUNK)),
        Failure.BODY,
    ),
    "strange chunk by urllib3": (INVALID_CHUNK, Failure.BODY),
    "a protocol error with a strange cause": (uex.ProtocolError("gone", "why"), Failure.RESET),
    "some error of urllib3": (uex.HTTPError("gone"), Failure.RESET),
    "retries without a reason": (
        uex.MaxRetryError(POOL, "/"),
        Failure.RESET,
    ),
    "too many error responses": (
        rex.RetryError(_retried(uex.ResponseError("too many 503"))),
        Failure.RESET,
    ),
    "bad header of the response": (
        rex.InvalidHeader(uex.InvalidHeader("Content-Length contained multiple unmatching values")),
        Failure.MALFORMED_RESPONSE,
    ),
    "not HTTP": (
        rex.ConnectionError(_aborted(http.client.BadStatusLine("SSH-2.0"))),
        Failure.MALFORMED_RESPONSE,
    ),
    "endless header": (
        rex.ConnectionError(_aborted(http.client.LineTooLong("header line"))),
        Failure.MALFORMED_RESPONSE,
    ),
    "too many headers": (
        rex.ConnectionError(_aborted(http.client.HTTPException("got more than 100 headers"))),
        Failure.MALFORMED_RESPONSE,
    ),
    "short body": (
        rex.ChunkedEncodingError(_broken(http.client.IncompleteRead(b"ab", 3))),
        Failure.BODY,
    ),
    "short body by urllib3": (_broken(http.client.IncompleteRead(b"ab", 3)), Failure.BODY),
    "short body, counted by urllib3": (_broken(uex.IncompleteRead(2, 3)), Failure.BODY),
    "short body, bare": (uex.IncompleteRead(2, 3), Failure.BODY),
    "short body in requests": (rex.ConnectionError(uex.IncompleteRead(2, 3)), Failure.BODY),
    "cannot be decoded": (rex.ContentDecodingError(uex.DecodeError("gzip")), Failure.BODY),
    "cannot be decoded, by urllib3": (uex.DecodeError("gzip"), Failure.BODY),
}


@pytest.mark.parametrize(("error", "failure"), SENT_NOTHING.values(), ids=SENT_NOTHING)
def test_what_was_surely_not_sent_is_known(error: Exception, failure: Failure) -> None:
    """Failures before the request, and mistakes of the caller, are told from the rest."""
    assert failure_of(error) is failure
    assert failure.nothing_sent


@pytest.mark.parametrize(("error", "failure"), PERHAPS_SENT.values(), ids=PERHAPS_SENT)
def test_what_may_have_been_sent_is_taken_for_sent(error: Exception, failure: Failure) -> None:
    """Wherever an exception does not tell, the server may have seen the request."""
    assert failure_of(error) is failure
    assert not failure.nothing_sent


class TestTls:
    """What went wrong with a secured connection."""

    @pytest.mark.parametrize(
        "cause",
        [
            ssl.SSLCertVerificationError(1, "certificate has expired"),
            uex.SSLError(ssl.SSLCertVerificationError(1, "self-signed certificate")),
        ],
        ids=["ssl", "urllib3"],
    )
    def test_a_bad_certificate_is_known(self, cause: Exception) -> None:
        """However it is wrapped, a certificate that is refused is no failure to be repeated."""
        wrapped = rex.SSLError(_retried(uex.SSLError(cause)))

        assert failure_of(wrapped) is Failure.CERTIFICATE

    def test_a_certificate_for_another_host_is_bad(self) -> None:
        """What urllib3 itself finds wrong with the name is a certificate error too."""
        mismatch = CertificateError("hostname 'a.example' doesn't match 'b.example'")

        error = rex.SSLError(_retried(uex.SSLError(mismatch)))

        assert failure_of(error) is Failure.CERTIFICATE

    def test_a_certificate_with_another_fingerprint_is_bad(self) -> None:
        """A pinned certificate that is not the one shown is a certificate error too."""
        with pytest.raises(uex.SSLError) as caught:
            assert_fingerprint(b"a certificate", "00" * 32)

        error = rex.SSLError(_retried(caught.value))

        assert failure_of(error) is Failure.CERTIFICATE

    def test_a_handshake_that_failed_sent_nothing(self) -> None:
        """What ``ssl`` raised during the handshake came before the request."""
        cause = _raised_in("do_handshake", ssl.SSLError(1, "wrong version number"))

        error = rex.SSLError(_retried(uex.SSLError(cause)))

        assert failure_of(error) is Failure.TLS_HANDSHAKE

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda cause: rex.ConnectionError(_aborted(cause)),
            lambda cause: rex.ReadTimeout(_timed_out(cause)),
        ],
        ids=["reset", "timeout"],
    )
    def test_a_handshake_that_broke_sent_nothing(
        self, wrap: Callable[[Exception], Exception]
    ) -> None:
        """A reset or a timeout during the handshake came before the request too."""
        cause = _raised_in("do_handshake", ConnectionResetError(104, "reset"))

        assert failure_of(wrap(cause)) is Failure.TLS_HANDSHAKE

    def test_a_real_handshake_is_known_by_its_method(self) -> None:
        """The method that does a handshake is named as this looks for it."""
        assert ssl.SSLSocket.do_handshake.__name__ == "do_handshake"
        assert ssl.SSLObject.do_handshake.__name__ == "do_handshake"

    @pytest.mark.parametrize(
        "cause",
        [
            _raised_in("recv_into", ssl.SSLError(1, "bad record mac")),
            ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
            None,
        ],
        ids=["in a read", "nowhere", "no cause"],
    )
    def test_a_later_failure_is_a_reset(self, cause: Exception | None) -> None:
        """A connection that breaks after its handshake may have carried the request."""
        inner = uex.SSLError("broken") if cause is None else uex.SSLError(cause)

        assert failure_of(rex.SSLError(_retried(inner))) is Failure.RESET

    def test_a_tls_error_of_urllib3_is_known(self) -> None:
        """Reading a body of one's own raises what urllib3 raises."""
        error = uex.SSLError(ssl.SSLCertVerificationError(1, "expired"))

        assert failure_of(error) is Failure.CERTIFICATE
        assert failure_of(_retried(error)) is Failure.CERTIFICATE
        assert failure_of(rex.ConnectionError(error)) is Failure.CERTIFICATE

    @pytest.mark.parametrize("link", ["__cause__"])
    def test_a_cause_is_found_wherever_it_hangs(self, link: str) -> None:
        """Exceptions are followed by argument, reason, cause and context."""
        error = rex.SSLError("broken")
        setattr(error, link, ssl.SSLCertVerificationError(1, "expired"))

        assert failure_of(error) is Failure.CERTIFICATE

    def test_causes_that_go_round_in_circles_come_to_an_end(self) -> None:
        """Two exceptions that name each other are looked at once each."""
        one, other = rex.SSLError("one"), OSError("other")
        one.__context__, other.__context__ = other, one

        assert failure_of(one) is Failure.RESET


class TestTunnel:
    """What went wrong while a proxy was asked for a tunnel."""

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda cause: rex.ConnectionError(_aborted(cause)),
            lambda cause: rex.ReadTimeout(_timed_out(cause)),
            lambda cause: rex.ProxyError(_retried(uex.ProxyError("cannot connect", cause))),
            lambda cause: rex.ConnectionError(_retried(uex.ProxyError("cannot connect", cause))),
        ],
        ids=["reset", "timeout", "proxy", "proxy inside"],
    )
    def test_a_tunnel_that_did_not_come_about_sent_nothing(
        self, wrap: Callable[[Exception], Exception]
    ) -> None:
        """Whatever broke off ``CONNECT`` came before the request."""
        cause = _raised_in("_tunnel", ConnectionResetError(104, "reset"))

        assert failure_of(wrap(cause)) is Failure.PROXY

    @pytest.mark.parametrize("inside", [False, True])
    def test_a_proxy_that_broke_off_elsewhere_may_have_passed_it_on(self, inside: bool) -> None:
        """What urllib3 calls a proxy it cannot connect to may have had the request."""
        cause = _raised_in("getresponse", ConnectionResetError(104, "reset"))
        proxy = _retried(uex.ProxyError("cannot connect", cause))

        error = rex.ConnectionError(proxy) if inside else rex.ProxyError(proxy)

        assert failure_of(error) is Failure.RESET

    def test_a_real_tunnel_is_known_by_its_method(self) -> None:
        """The method that asks a proxy is named as this looks for it."""
        assert HTTPConnection._tunnel.__name__ == "_tunnel"


KINDS = [
    kind
    for kind in vars(rex).values()
    if isinstance(kind, type) and issubclass(kind, rex.RequestException)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_exception_of_requests_is_some_failure(kind: type[Exception]) -> None:
    """Whatever requests raises, and however little it says, there is an answer."""
    error = kind.__new__(kind)

    assert failure_of(error) in Failure


@settings(deadline=None)
@given(
    st.recursive(
        st.sampled_from([OSError(), ssl.SSLError(), http.client.HTTPException(), ValueError()]),
        lambda inner: (
            st.builds(
                lambda kind, cause: kind(cause),
                st.sampled_from(
                    [rex.ConnectionError, rex.SSLError, uex.SSLError, uex.ProtocolError]
                ),
                inner,
            )
            | st.builds(_retried, inner)
            | st.builds(_aborted, inner)
        ),
        max_leaves=5,
    )
)
def test_however_it_is_wrapped_there_is_an_answer(error: Exception) -> None:
    """No nesting of exceptions makes the question itself fail."""
    assert failure_of(error) in Failure


def test_an_exception_of_anybody_is_the_caller_s() -> None:
    """What neither requests nor urllib3 raises says nothing of the server."""

    class OddError(Exception):
        def __init__(self) -> None:
            super().__init__(object())

    assert failure_of(OddError()) is Failure.CALLER
