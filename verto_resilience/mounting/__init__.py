"""Puts it together: the environment's policy, telemetry and an edge."""

from verto_resilience.mounting._adapter import VertoAdapter, mount, unmount

__all__ = ["VertoAdapter", "mount", "unmount"]
