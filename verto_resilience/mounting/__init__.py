"""Puts it together: the environment's policy, telemetry and an edge."""

from verto_resilience.mounting._adapter import VertoAdapter, mount, unmount
from verto_resilience.mounting._auth import VertoAuth
from verto_resilience.mounting._install import Instrumentor, install, uninstall

__all__ = ["Instrumentor", "VertoAdapter", "VertoAuth", "install", "mount", "uninstall", "unmount"]
