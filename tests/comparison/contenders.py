"""What is compared: each is a way to make calls, put together as its documentation advises.

All have three attempts, resend what is safe by its method, and open a circuit after five failures
where they have one. What differs beyond that is the library.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

RESENT = (429, 500, 502, 503, 504)
SAFE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
_POOL = 16


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a probe asks for.

    Attributes:
        attempts: Sends of a call at the most.
        cooldown: Seconds a circuit stays open.
        patience: Seconds a call may take, where that can be said.
    """

    attempts: int = 3
    cooldown: float = 30.0
    patience: float = 60.0


class Client(Protocol):
    """Makes a call, as a program would."""

    def __call__(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Give the response, or raise what the program would have to catch."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to make calls.

    Attributes:
        title: Its column.
        packages: What it is made of, by name in the package index.
        build: Puts a client together.
        tells: Says of a response or exception whether it tells that the outcome is unknown.
    """

    title: str
    packages: tuple[str, ...]
    build: Callable[[Tuning], Client]
    tells: Callable[[object], bool]

    def versions(self) -> str:
        """Name the packages with the versions that are installed."""
        return ", ".join(f"{name} {version(name)}" for name in self.packages)


def _session(adapter: HTTPAdapter) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", adapter)
    return session


def _through(session: requests.Session) -> Client:
    def call(method: str, url: str, **kwargs: Any) -> requests.Response:
        return session.request(method, url, **kwargs)

    return call


def _retry(tuning: Tuning) -> Retry:
    return Retry(total=tuning.attempts - 1, backoff_factor=0.05, status_forcelist=RESENT)


def _plain(_: Tuning) -> Client:
    return _through(_session(HTTPAdapter(pool_maxsize=_POOL)))


def _urllib3_retry(tuning: Tuning) -> Client:
    return _through(_session(HTTPAdapter(pool_maxsize=_POOL, max_retries=_retry(tuning))))


def _circuitbreaker(tuning: Tuning) -> Client:
    from circuitbreaker import circuit

    request = _urllib3_retry(tuning)

    def call(method: str, url: str, **kwargs: Any) -> requests.Response:
        response = request(method, url, **kwargs)
        response.raise_for_status()
        return response

    guarded: Client = circuit(failure_threshold=5, recovery_timeout=tuning.cooldown)(call)
    return guarded


def _tenacity_pybreaker(tuning: Tuning) -> Client:
    import pybreaker
    import tenacity

    request = _plain(tuning)
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=tuning.cooldown)

    @breaker
    def once(method: str, url: str, **kwargs: Any) -> requests.Response:
        response = request(method, url, **kwargs)
        response.raise_for_status()
        return response

    retrying = tenacity.retry(
        stop=tenacity.stop_after_attempt(tuning.attempts)
        | tenacity.stop_after_delay(tuning.patience),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
        retry=tenacity.retry_if_exception(_may_pass),
        reraise=True,
    )
    return _where_safe(once, retrying(once))


def _interlock(tuning: Tuning) -> Client:
    import tenacity
    from interlock import Config
    from interlock.integrations.requests import CircuitBreakerAdapter
    from interlock.integrations.tenacity import retry_unless_open

    config = Config(minimum_number_of_calls=5, wait_duration_in_open=tuning.cooldown)
    request = _through(_session(CircuitBreakerAdapter(config=config, pool_maxsize=_POOL)))

    def once(method: str, url: str, **kwargs: Any) -> requests.Response:
        response = request(method, url, **kwargs)
        response.raise_for_status()
        return response

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(tuning.attempts)
        | tenacity.stop_after_delay(tuning.patience),
        wait=tenacity.wait_exponential_jitter(initial=0.05, max=1, jitter=0.1),
        retry=retry_unless_open(requests.RequestException),
        reraise=True,
    )

    def again(method: str, url: str, **kwargs: Any) -> requests.Response:
        return retrying(once, method, url, **kwargs)

    return _where_safe(once, again)


def _stamina_purgatory(tuning: Tuning) -> Client:
    import purgatory
    import stamina

    request = _plain(tuning)

    def call(method: str, url: str, **kwargs: Any) -> requests.Response:
        response = request(method, url, **kwargs)
        response.raise_for_status()
        return response

    circuits = purgatory.SyncCircuitBreakerFactory(
        default_threshold=5,
        default_ttl=tuning.cooldown,
        exclude=[(requests.HTTPError, _is_a_client_s)],
    )
    once: Client = circuits("verto")(call)
    again: Client = stamina.retry(
        on=_may_pass,
        attempts=tuning.attempts,
        timeout=tuning.patience,
        wait_initial=0.05,
        wait_max=1.0,
        wait_jitter=0.1,
    )(once)
    return _where_safe(once, again)


def _verto(tuning: Tuning) -> Client:
    import verto_resilience

    session = _session(HTTPAdapter(pool_maxsize=_POOL))
    policy = verto_resilience.Policy(
        max_attempts=tuning.attempts,
        backoff_base=0.05,
        break_duration=tuning.cooldown,
        break_jitter=0.0,
        call_timeout=tuning.patience,
        read_timeout=min(30.0, tuning.patience),
        connect_timeout=min(3.05, tuning.patience),
    )
    return _through(verto_resilience.mount(session, policy=policy))


def _may_pass(error: BaseException) -> bool:
    """Whether trying again may help: no answer, or one of the statuses that pass."""
    if not isinstance(error, requests.RequestException):
        return False
    return error.response is None or error.response.status_code in RESENT


def _is_a_client_s(error: requests.HTTPError) -> bool:
    """Whether a status says nothing of the server's health; purgatory's manual leaves it out."""
    return 400 <= error.response.status_code < 500


def _where_safe(once: Client, again: Client) -> Client:
    def call(method: str, url: str, **kwargs: Any) -> requests.Response:
        return (again if method in SAFE else once)(method, url, **kwargs)

    return call


def _tells_in_words(came: object) -> bool:
    """Whether a person who reads what came is told."""
    words = [str(came), *getattr(came, "__notes__", ())]
    return any("unknown" in text or "ambiguous" in text for text in words)


def _verto_tells(came: object) -> bool:
    import verto_resilience

    if not isinstance(came, (requests.Response, Exception)):
        return False
    return verto_resilience.outcome(came).ambiguous


CONTENDERS = {
    "requests": Contender("plain requests", ("requests",), _plain, _tells_in_words),
    "retry": Contender("urllib3 Retry", ("urllib3",), _urllib3_retry, _tells_in_words),
    "circuitbreaker": Contender(
        "Retry + circuitbreaker", ("circuitbreaker",), _circuitbreaker, _tells_in_words
    ),
    "pybreaker": Contender(
        "tenacity + pybreaker", ("tenacity", "pybreaker"), _tenacity_pybreaker, _tells_in_words
    ),
    "interlock": Contender("interlock + tenacity", ("interlock-cb",), _interlock, _tells_in_words),
    "stamina": Contender(
        "stamina + purgatory", ("stamina", "purgatory"), _stamina_purgatory, _tells_in_words
    ),
    "verto": Contender("verto_resilience", ("verto-resilience",), _verto, _verto_tells),
}
OURS = "verto"
