import pickle
import traceback
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from verto_resilience.errors import LoginError
from verto_resilience.transports import Login, RequestsLoginError

URL = "https://api.vertofx.com/users/login"
KEY = "key-canary-5d1e"


class Broken(BaseAdapter):
    """Raises, with all it was given in the message."""

    def __init__(self, kind: type[Exception]) -> None:
        """Raise this kind."""
        super().__init__()
        self._kind = kind

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Raise."""
        message = f"{request.body!r} {kwargs}"
        raise self._kind(message)

    def close(self) -> None:
        """Have nothing to close."""


def _login() -> Login:
    return Login(URL, "client-canary-5d1e", KEY, "apiKey")


@pytest.mark.parametrize("kind", [requests.exceptions.Timeout, OSError, ValueError, RuntimeError])
def test_what_a_session_raises_is_not_carried_along(kind: type[Exception]) -> None:
    """Its message, its request and its frames may all hold the key."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", Broken(kind))

        with pytest.raises(LoginError, match=f"failed: .*{kind.__name__}$") as raised:
            _login().through(session)

    error = raised.value
    assert isinstance(error, RequestsLoginError)
    assert (error.__cause__, error.__context__, error.request) == (None, None, None)
    assert "canary" not in "".join(traceback.format_exception(error)) + repr(error)


def test_an_interrupt_passes() -> None:
    """Ctrl-C during a login is no login that failed."""

    class Interrupted(Broken):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
            raise KeyboardInterrupt

    with requests.Session() as session:
        session.mount("https://", Interrupted(OSError))

        with pytest.raises(KeyboardInterrupt):
            _login().through(session)


def test_it_is_not_shown() -> None:
    """Its ``repr`` says where, and there is no pickle of it."""
    assert repr(_login()) == "<Login at https://api.vertofx.com:443>"
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(_login())


def test_the_error_travels() -> None:
    """Pickled, it keeps message and facts."""
    error = RequestsLoginError("what", status=429, retry_after=1.5)

    twin = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert (str(twin), twin.status, twin.retry_after) == ("what", 429, 1.5)
