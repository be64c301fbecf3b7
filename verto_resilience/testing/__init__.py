"""For tests of code that calls Verto: a server on this machine, and a clock that does not wait."""

import typing

from verto_resilience import _late

if typing.TYPE_CHECKING:
    from verto_resilience.testing._chaos import ChaosAdapter, ChaosFault, Injection
    from verto_resilience.testing._clock import FakeClock
    from verto_resilience.testing._headers import Headers
    from verto_resilience.testing._log import Arrival
    from verto_resilience.testing._reply import Fault, Reply, RetryAfterForm
    from verto_resilience.testing._sandbox import Sandbox
    from verto_resilience.testing._scripts import SCRIPT_NAMES
    from verto_resilience.testing._serve import describe, serve
    from verto_resilience.testing._written import read_replies

__all__ = [
    "SCRIPT_NAMES",
    "Arrival",
    "ChaosAdapter",
    "ChaosFault",
    "FakeClock",
    "Fault",
    "Headers",
    "Injection",
    "Reply",
    "RetryAfterForm",
    "Sandbox",
    "describe",
    "read_replies",
    "serve",
]

if not typing.TYPE_CHECKING:
    # pytest loads this package in every run, for the plugin in it.
    __getattr__ = _late.loader(
        __name__,
        {
            "._chaos": ("ChaosAdapter", "ChaosFault", "Injection"),
            "._clock": ("FakeClock",),
            "._headers": ("Headers",),
            "._log": ("Arrival",),
            "._reply": ("Fault", "Reply", "RetryAfterForm"),
            "._sandbox": ("Sandbox",),
            "._scripts": ("SCRIPT_NAMES",),
            "._serve": ("describe", "serve"),
            "._written": ("read_replies",),
        },
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
