"""The clients that meet an incident, each a session as people set it up.

Times are a tenth of the usual ones, so that a run is a tenth as long: each setting in seconds is
divided by ten, each rate per second multiplied by ten, each count as it is.
"""

from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import verto_resilience
from verto_resilience import Policy
from verto_resilience.pipeline import CircuitKey, Observer, Unit, settings_table

FASTER = 10.0
THREADS = 20

RETRY = Retry(
    3,
    status_forcelist=(429, 500, 502, 503, 504),
    backoff_factor=0.5 / FASTER,
)


def faster(**settings: Any) -> Policy:
    """Give the default policy of a Verto host in a world that is ten times as fast."""
    scaled: dict[str, Any] = {}
    for row in settings_table():
        if row.unit is Unit.SECONDS and row.default is not None:
            scaled[row.name] = row.default / FASTER
    scaled["budget_trickle"] = Policy().budget_trickle * FASTER
    return Policy(**(scaled | {"verto_hosts": ("127.0.0.1",)} | settings))


def plain(_observer: Observer) -> requests.Session:
    """Give plain requests."""
    return _session()


def retrying(_observer: Observer) -> requests.Session:
    """Give requests over urllib3's Retry."""
    return _session(max_retries=RETRY)


def ours(observer: Observer) -> requests.Session:
    """Give requests with the adapter mounted."""
    return verto_resilience.mount(_session(), policy=faster(), observer=observer)


def ours_by_operation(observer: Observer) -> requests.Session:
    """Give the same with a circuit for each operation."""
    policy = faster(circuit_key=CircuitKey.OPERATION)
    return verto_resilience.mount(_session(), policy=policy, observer=observer)


Client = Callable[[Observer], requests.Session]

CLIENTS: dict[str, Client] = {
    "plain requests": plain,
    "urllib3 Retry(3)": retrying,
    "verto_resilience": ours,
}
BY_OPERATION = "verto_resilience, circuit_key=operation"


def _session(**options: Any) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=THREADS, **options))
    return session
