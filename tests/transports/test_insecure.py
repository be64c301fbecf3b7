import pickle

import pytest
import requests

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import Policy
from verto_resilience.transports import InsecureRequestError, is_loopback, refuse_insecure

HOST = "api.vertofx.com"


def _refuse(origin: str, host: str = HOST, *, verify: object = True, names: str = "") -> None:
    policy = Policy(insecure_hosts=tuple(names.split()))
    refuse_insecure(origin, host, verify=verify, policy=policy)


@pytest.mark.parametrize("verify", [True, "/etc/ssl/ca.pem"])
def test_a_checked_connection_passes(verify: object) -> None:
    """HTTPS with a certificate that is checked, by the usual bundle or one's own."""
    _refuse(f"https://{HOST}:443", verify=verify)


@pytest.mark.parametrize("verify", [True, False])
def test_plain_http_is_refused(verify: object) -> None:
    """The message names the origin, the fault, and what to do."""
    with pytest.raises(InsecureRequestError) as raised:
        _refuse(f"http://{HOST}:80", verify=verify)

    told = str(raised.value)
    assert told.startswith(f"not sent: http://{HOST}:80 would be called over http://")
    assert "Use https://" in told
    assert f"VERTO_RESILIENCE_INSECURE_HOSTS={HOST}" in told


@pytest.mark.parametrize("verify", [False, None, 0, ""])
def test_an_unchecked_certificate_is_refused(verify: object) -> None:
    """Whatever requests would take for *do not check* is refused."""
    with pytest.raises(InsecureRequestError, match=r"verify=False.*CA bundle.*insecure_hosts"):
        _refuse(f"https://{HOST}:443", verify=verify)


@pytest.mark.parametrize("names", [HOST, HOST.upper(), f"other.example {HOST}"])
def test_a_named_host_passes(names: str) -> None:
    """Who names a host takes it on himself; case does not count."""
    _refuse(f"http://{HOST}:80", names=names)
    _refuse(f"https://{HOST}:443", verify=False, names=names)


@pytest.mark.parametrize("names", ["vertofx.com", "com", f"x.{HOST}"])
def test_the_name_must_be_exact(names: str) -> None:
    """A domain does not stand for its hosts: what is let pass is named."""
    with pytest.raises(InsecureRequestError):
        _refuse(f"http://{HOST}:80", names=names)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("localhost.vertofx.com", False),
        ("127.0.0.1.vertofx.com", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - judged, not bound
        (HOST, False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, loopback: bool) -> None:
    """Addresses of the machine itself and the name localhost; no other name that begins so."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(("host", "name"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_loopback_passes(host: str, name: str) -> None:
    """What is sent to a loopback address leaves the machine in no case."""
    _refuse(f"http://{name}:8080", host)
    _refuse(f"https://{name}:8443", host, verify=False)


def test_the_error_is_caught_as_both() -> None:
    """Code that catches what requests raises catches it, and so does code that checks settings."""
    with pytest.raises(ConfigurationError) as raised:
        _refuse(f"http://{HOST}:80")

    error = raised.value
    assert isinstance(error, requests.exceptions.RequestException)
    assert len(error.problems) == 1


def test_the_error_travels() -> None:
    """Pickled, it keeps its message and its problems."""
    error = InsecureRequestError("what", problems=("a",))

    twin = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert (str(twin), twin.problems, twin.request) == ("what", ("a",), None)
