"""What cannot be a way to log in, or to ask for new credentials, is told when it is given."""

import time
from typing import Any

import httpx
import pytest
import requests

from tests.mounting.test_given import EDGES, Edge
from verto_resilience import ConfigurationError, Policy, VertoAuth, VertoPoolManager
from verto_resilience.testing import FakeClock


class Ask:
    """A hook that is called, once it is made."""

    def __call__(self, refused: object) -> None:
        """Have nothing new."""


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("https://api.example.com", "str"),
        (requests.Session, "the class Session"),
        (httpx.Client(), "Client"),
        (VertoPoolManager(policy=Policy()), "VertoPoolManager"),
    ],
    ids=["text", "class", "httpx", "urllib3"],
)
def test_what_is_no_session_cannot_log_in(given: Any, named: str) -> None:
    """The first request would find out, by an error that speaks of a login."""
    told = rf"^session must be a requests\.Session\(\), not {named}; without one it is the session"

    with pytest.raises(TypeError, match=told):
        VertoAuth("client-id", "api-key", session=given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (time.monotonic, "builtin_function_or_method"),
        (FakeClock, "the class FakeClock"),
        (3600.0, "float"),
    ],
    ids=["function", "class", "number"],
)
def test_what_is_no_clock_cannot_tell_when_a_token_ends(given: Any, named: str) -> None:
    """The function that gives the time is not what has it as a method."""
    told = rf"^clock must be an object with a method monotonic\(\), not {named}; without one it is"

    with pytest.raises(TypeError, match=told):
        VertoAuth("client-id", "api-key", clock=given)


def test_what_can_be_is_taken() -> None:
    """Sessions of other classes, and clocks for tests; ``None`` is as if it were left out."""

    class Session(requests.Session):
        """Somebody's own."""

    VertoAuth("client-id", "api-key", session=Session(), clock=FakeClock())
    VertoAuth("client-id", "api-key", session=None, clock=None)


@pytest.mark.parametrize(
    "url",
    ["https://h:99999/x", "https://h:abc/x", "https://[::1/x", "https://*/x"],
)
def test_an_address_that_cannot_be_is_no_place_to_log_in(url: str) -> None:
    """What requests would refuse to send to is refused at once, and not quoted."""
    with pytest.raises(ConfigurationError, match="login_url must begin with") as told:
        VertoAuth("client-id", "api-key", login_url=url)

    assert url not in str(told.value)


@pytest.mark.parametrize(
    "url", ["https://[::1]:8443/x", "http://127.0.0.1:1", "https://bücher.example/a b"]
)
def test_an_address_that_can_be_is_taken(url: str) -> None:
    """With a port or without, by number or by a name of any letters."""
    assert VertoAuth("client-id", "api-key", login_url=url)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("given", [VertoAuth, Ask])
def test_a_class_is_nobody_to_ask_for_new_credentials(edge: Edge, given: Any) -> None:
    """It can be called, or has the method, and the first 401 would find out that it gives none."""
    name = given.__name__
    told = rf"renew\(refused\), not the class {name}; give what {name}\(\.\.\.\) makes$"

    with pytest.raises(TypeError, match=f"^refresh must be a function of one argument, .*{told}"):
        edge(policy=Policy(), refresh=given)


@pytest.mark.parametrize("edge", EDGES)
def test_what_a_class_makes_may_be_asked(edge: Edge) -> None:
    """Whether it is called itself, or has the method."""
    assert edge(policy=Policy(), refresh=Ask())
    assert edge(policy=Policy(), refresh=VertoAuth("client-id", "api-key"))
