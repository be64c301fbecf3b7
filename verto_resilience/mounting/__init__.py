"""Puts it together: the environment's policy, telemetry and an edge."""

import typing

from verto_resilience import _late
from verto_resilience.mounting._adapter import VertoAdapter, mount, unmount
from verto_resilience.mounting._auth import VertoAuth
from verto_resilience.mounting._install import Instrumentor, install, uninstall

if typing.TYPE_CHECKING:
    from verto_resilience.mounting._httpx import AsyncVertoTransport, VertoTransport
    from verto_resilience.mounting._pool_manager import VertoPoolManager

__all__ = [
    "Instrumentor",
    "VertoAdapter",
    "VertoAuth",
    "VertoPoolManager",
    "install",
    "mount",
    "uninstall",
    "unmount",
]

# Public as the others are, and not for a star import: what they need may not be there.
_OF_EXTRAS = ("AsyncVertoTransport", "VertoTransport")

if typing.TYPE_CHECKING:
    __all__ += ["AsyncVertoTransport", "VertoTransport"]
else:
    # A program has one kind of client, mostly.
    __getattr__ = _late.loader(
        __name__,
        {
            "._httpx": _OF_EXTRAS,
            "._pool_manager": ("VertoPoolManager",),
        },
    )
