"""One login with an API key: the request, the answer, and an error that holds nothing of either."""

import time
from http import HTTPStatus
from typing import Any, NoReturn

import requests
from requests.hooks import default_hooks
from requests.models import PreparedRequest

from verto_resilience.errors import (
    CallRejectedError,
    ConfigurationError,
    LoginError,
    ResilienceError,
)
from verto_resilience.outcome import DEFAULT_CODE_KEYS, read_api_error, scrub, told_to_wait
from verto_resilience.pipeline import Policy, class_name
from verto_resilience.transports._header_values import is_header_value
from verto_resilience.transports._insecure import refuse_insecure
from verto_resilience.transports._requests import ResilientAdapter
from verto_resilience.transports._target import front_and_path, split_origin

_LARGEST_ANSWER = 65_536
_TIMEOUT = (3.05, 30.0)
"""Seconds to connect and to read, where no adapter of ours gives the policy's."""


class RequestsLoginError(LoginError, requests.exceptions.RequestException):
    """A login brought no token; also a :class:`requests.exceptions.RequestException`.

    It carries neither request nor response, for the one holds the key and the other may.
    """

    __module__ = "verto_resilience.transports"


class Login:
    """What it takes to log in; neither its ``repr`` nor a pickle holds any of it.

    Args:
        url: Where to post to.
        client_id: As Verto gave it.
        api_key: As Verto gave it.
        mode: Which kind of login it is.

    Raises:
        ConfigurationError: A part is missing, or ``url`` is no address; no value is quoted.
    """

    __slots__ = ("_fields", "host", "origin", "path", "url")

    def __init__(self, url: str, client_id: str, api_key: str, mode: str) -> None:
        """Keep them, and see whether they can be."""
        self._fields = {"clientId": client_id, "apiKey": api_key, "mode": mode}
        problems = [
            f"{name} must be text that is not empty"
            for name, value in self._fields.items()
            if not isinstance(value, str) or not value.strip()
        ]
        self.url = url
        self.origin, self.host, self.path = "", "", ""
        if _is_address(url):
            front, path, _ = front_and_path(url)
            self.path = path or "/"
            if "@" not in front:
                self.origin, self.host = split_origin(front)
        if not self.host:
            problems.append(
                "login_url must begin with https:// and a host (and port) that can be, "
                "without user or key"
            )
        if problems:
            raise ConfigurationError("VertoAuth: " + "; ".join(problems), problems=tuple(problems))

    def policy(self, session: requests.Session) -> Policy | None:
        """Give the policy of the adapter that sends the login; ``None`` if that is none of ours."""
        try:
            adapter = session.get_adapter(self.url)
        except requests.exceptions.InvalidSchema:
            return None
        return adapter.pipeline.policy if isinstance(adapter, ResilientAdapter) else None

    def through(self, session: requests.Session) -> str:
        """Log in, and give the token.

        Sent once by the session's own adapters, with its proxies, certificates and headers; its
        hooks and its ``auth`` have no part in it. A redirect is not followed.

        Raises:
            RequestsLoginError: There was no answer, or none with a token.
        """
        answer = self._ask(session)
        if isinstance(answer, LoginError):
            # Raised here, where it has no context: what requests raised holds the request.
            raise answer
        token = self._token(answer)
        if token is None:
            raise self._refusal(answer)
        return token

    def _ask(self, session: requests.Session) -> requests.Response | RequestsLoginError:
        try:
            return self._send(session)
        except ResilienceError as error:
            # Its message is ours.
            after = error.retry_after if isinstance(error, CallRejectedError) else None
            return self._error(str(error), retry_after=after)
        except Exception as error:  # noqa: BLE001 - a session of the user's may raise anything
            return self._error(class_name(type(error)))

    def _send(self, session: requests.Session) -> requests.Response:
        # A header of None is one that the session is not to add.
        unsigned: Any = {"Authorization": None}
        request = requests.Request(
            "POST", self.url, json=self._fields, headers=unsigned, auth=_leave_unsigned
        )
        prepared = session.prepare_request(request)
        prepared.hooks = default_hooks()
        settings: dict[str, Any] = dict(
            session.merge_environment_settings(prepared.url, {}, False, None, None)  # noqa: FBT003
        )
        policy = self.policy(session)
        refuse_insecure(
            self.origin, self.host, verify=settings["verify"], policy=policy or Policy()
        )
        if policy is None or policy.disabled:
            settings["timeout"] = _TIMEOUT
        return session.send(prepared, allow_redirects=False, **settings)

    def _token(self, response: requests.Response) -> str | None:
        document = _json(response)
        token = document.get("token")
        good = response.ok and not response.is_redirect and document.get("success") is not False
        if not good or not is_header_value(token) or not str(token).strip():
            return None
        return str(token).strip()

    def _refusal(self, response: requests.Response) -> RequestsLoginError:
        status = response.status_code
        try:
            name = f"{status} {HTTPStatus(status).phrase}"
        except ValueError:
            name = str(status)
        said = read_api_error(
            response.content,
            response.headers.get("Content-Type"),
            code_keys=DEFAULT_CODE_KEYS,
            limit=_LARGEST_ANSWER,
        )
        words = "" if said is None else scrub(said.message or "", self._fields.values())
        quoted = f', "{words}"' if words else ""
        without = " without a token" if response.ok else ""
        return self._error(
            f"{name}{without}{quoted}",
            status=status,
            retry_after=told_to_wait(response.headers, time.time()),
        )

    def _error(
        self, what: str, *, status: int | None = None, retry_after: float | None = None
    ) -> RequestsLoginError:
        return RequestsLoginError(
            f"login at {self.origin} failed: {what}", status=status, retry_after=retry_after
        )

    def __repr__(self) -> str:
        """Say where, not who."""
        return f"<Login at {self.origin}>"

    def __reduce__(self) -> NoReturn:
        """Stay here."""
        raise TypeError("a login holds an API key and is not pickled")


def _is_address(url: object) -> bool:
    """Say whether requests would send to it."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return False
    try:
        PreparedRequest().prepare_url(url, None)
    except ValueError:
        return False
    return True


def _leave_unsigned(request: PreparedRequest) -> PreparedRequest:
    return request


def _json(response: requests.Response) -> dict[str, Any]:
    if len(response.content) > _LARGEST_ANSWER:
        return {}
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
