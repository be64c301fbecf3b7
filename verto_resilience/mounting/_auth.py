"""``VertoAuth``: logs in with an API key, and signs requests with the token."""

import logging
import weakref
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, NoReturn, Self

import requests
from requests.auth import AuthBase
from requests.models import PreparedRequest

from verto_resilience.errors import ConfigurationError, LoginError
from verto_resilience.mounting._given import insist_on_way
from verto_resilience.pipeline import Clock, Policy, SystemClock
from verto_resilience.transports import (
    Flights,
    Login,
    RefusedCredentials,
    RequestsLoginError,
    front_and_path,
    is_verto,
    refuse_insecure,
    target_of,
)

_log = logging.getLogger("verto_resilience")

SANDBOX_LOGIN = "https://api-v3-sandbox.vertofx.com/users/login"
"""Verto's sandbox, where a mistake moves no money.

Source: docs.verto.co/docs/legacy-endpoint-migration-guide.
"""
TOKEN_LIFETIME = 3_600.0
"""Seconds (docs.verto.co/reference/login)."""
RENEWED_BEFORE = 300.0
"""Seconds before its end at which a token is renewed; till then there is one to go on with."""
TRIED_AGAIN_AFTER = 30.0
"""Seconds after a renewal that failed, while the token in hand is still good."""


@dataclass(frozen=True, slots=True)
class _Token:
    """The value of the header, and when to have another; in monotonic seconds."""

    header: str = field(repr=False)
    renewed_at: float
    ends_at: float


class VertoAuth(AuthBase):
    """Signs requests with a token that it gets, shares and renews.

    For ``session.auth``, or the ``auth`` of a request. It logs in when the first request needs it,
    once for all threads, and again five minutes before the token's 60 minutes end; while one thread
    does, the others go on with the token in hand. Given as ``refresh`` to :func:`mount` as well, it
    answers a 401 by one new login.

    Only requests to the origin of ``login_url`` are signed, and where its host is in one of the
    policy's ``verto_hosts``, those to the hosts of the same one: with a login at
    ``api-v3-sandbox.vertofx.com`` those to ``vertofx.com`` and what is below it. Over ``http://``
    only where the policy lets Verto be called so. The policy is that of the adapter that sends the
    login; the defaults, where that is none of ours.

    Neither key nor token is in a ``repr``, a log line or an error. It is not pickled: each process
    makes its own. A copy is the same object.

    Args:
        client_id: As Verto gave it.
        api_key: As Verto gave it, to be sent as it is.
        login_url: Where to log in, with the path. By default Verto's sandbox; production has a
            host of its own.
        mode: Which kind of login it is.
        session: Whose adapters send the login; not closed. ``None`` is the session on which it is
            mounted as ``refresh``, for as long as there is one, else one of its own, mounted by the
            environment's settings.
        clock: Where time comes from; the machine's by default.

    Raises:
        ConfigurationError: A part is missing, or ``login_url`` is no address.
        TypeError: ``session`` is none of requests, or ``clock`` has no ``monotonic``.
    """

    __module__ = "verto_resilience"

    def __init__(
        self,
        client_id: str,
        api_key: str,
        *,
        login_url: str = SANDBOX_LOGIN,
        mode: str = "apiKey",
        session: requests.Session | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Keep what it takes; nothing is sent yet."""
        insist_on_way(session=session, clock=clock)
        self._login = Login(login_url, client_id, api_key, mode)
        self._session = session
        self._mounted_on: weakref.ref[requests.Session] | None = None
        self._own_session: requests.Session | None = None
        self._clock: Clock = SystemClock() if clock is None else clock
        self._flights: Flights[_Token | LoginError] = Flights()
        self._token: _Token | None = None

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Sign a request that goes to Verto, after a login where one is due.

        Raises:
            LoginError: There is no token to be had; also a ``RequestException``.
        """
        if self._signs(r.url or ""):
            r.headers["Authorization"] = self._header(None)
        return r

    def renew(self, refused: RefusedCredentials) -> str | None:
        """Give another header than the refused one; log in unless another thread just has.

        Returns:
            ``None`` for a host that is not signed for.

        Raises:
            LoginError: There is no token to be had.
        """
        if not self._signs(f"{refused.origin}/"):
            return None
        return self._header(refused.authorization)

    def log_in_through(self, session: requests.Session) -> None:
        """Log in by the adapters of this session, unless one was given before and is there yet."""
        if self._mounted_on is None or self._mounted_on() is None:
            # Weakly: the session holds this, and is gone as soon as it is dropped.
            self._mounted_on = weakref.ref(session)

    def _signs(self, url: str) -> bool:
        login = self._login
        policy = login.policy(self._way()) or _DEFAULT
        try:
            target = target_of(url, policy.verto_hosts)
        except ValueError:
            return False
        if target.origin == login.origin:
            # Where anybody could read it, the login says so and fails.
            return login.path not in url or front_and_path(url)[1] != login.path
        return target.verto and _belongs(
            target.origin, target.host, login.host, policy.verto_hosts, policy.insecure_hosts
        )

    def _header(self, refused: str | None) -> str:
        token = self._in_hand(refused)
        if token is not None and self._clock.monotonic() < token.renewed_at:
            return token.header
        # With a token in hand nobody waits for the one who renews it.
        patience = None if token is None else 0.0
        got = self._flights.run("login", partial(self._log_in, refused), patience)
        if isinstance(got, _Token):
            return got.header
        if token is not None:
            return token.header
        if got is None:
            raise RequestsLoginError(
                f"login at {self._login.origin} failed: the one that was waited for came to no end"
            )
        # Each thread raises its own: a traceback is of one thread.
        raise RequestsLoginError(str(got), status=got.status, retry_after=got.retry_after)

    def _in_hand(self, refused: str | None) -> _Token | None:
        token = self._token
        if token is None or token.header == refused or self._clock.monotonic() >= token.ends_at:
            return None
        return token

    def _log_in(self, refused: str | None) -> _Token | LoginError:
        # Between the look and the turn another thread may have been through.
        token, now = self._in_hand(refused), self._clock.monotonic()
        if token is not None and now < token.renewed_at:
            return token
        try:
            text = self._login.through(self._way())
        except LoginError as error:
            if token is not None:
                _log.warning("%s; the token in hand is used until it ends", error)
                self._token = replace(token, renewed_at=now + TRIED_AGAIN_AFTER)
            return error.with_traceback(None)
        finally:
            if self._own_session is not None:
                # There is an hour to the next login.
                self._own_session.close()
        ends_at = now + TOKEN_LIFETIME
        self._token = _Token(f"Bearer {text}", ends_at - RENEWED_BEFORE, ends_at)
        return self._token

    def _way(self) -> requests.Session:
        session = self._session
        if session is None and self._mounted_on is not None:
            session = self._mounted_on()
        if session is not None:
            return session
        if self._own_session is None:
            from verto_resilience.mounting._adapter import mount  # it imports this module

            self._own_session = mount(requests.Session())
        return self._own_session

    def __repr__(self) -> str:
        """Say where it logs in, not as whom."""
        return f"<{type(self).__name__} by {self._login.origin}>"

    def __copy__(self) -> Self:
        """Give this one: a copy would log in again."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Give this one: a copy would log in again."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled, with the session that it belongs to."""
        raise TypeError(
            "VertoAuth holds an API key and is not pickled; make one in each process, after the "
            "session has got there"
        )


@lru_cache(maxsize=1024)
def _belongs(
    origin: str,
    host: str,
    login: str,
    verto_hosts: tuple[str, ...],
    insecure_hosts: tuple[str, ...],
) -> bool:
    """Say whether a host is of the domain of the login's, and cannot be overheard."""
    policy = Policy(verto_hosts=verto_hosts, insecure_hosts=insecure_hosts)
    try:
        refuse_insecure(origin, host, verify=True, policy=policy)
    except ConfigurationError:
        return False
    return any(is_verto(login, (name,)) and is_verto(host, (name,)) for name in verto_hosts)


_DEFAULT = Policy()
