"""For tests of code that calls Verto: a server on this machine, and a clock that does not wait."""

from verto_resilience.testing._clock import FakeClock
from verto_resilience.testing._headers import Headers
from verto_resilience.testing._log import Arrival
from verto_resilience.testing._reply import Fault, Reply, RetryAfterForm
from verto_resilience.testing._sandbox import Sandbox
from verto_resilience.testing._scripts import SCRIPT_NAMES
from verto_resilience.testing._serve import serve

__all__ = [
    "SCRIPT_NAMES",
    "Arrival",
    "FakeClock",
    "Fault",
    "Headers",
    "Reply",
    "RetryAfterForm",
    "Sandbox",
    "serve",
]
