"""Which settings hold for an origin: the general ones, or those that name it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from verto_resilience.pipeline._policy import Policy

GENERAL = frozenset(
    {
        "disabled",
        "install",
        "max_origins",
        "catalogue",
        "operations",
        "policy_file",
        "verto_hosts",
        "insecure_hosts",
        "call_span",
        "beside",
        "propagate_to",
        "allowed_query",
        "store",
        "store_namespace",
        "store_username",
        "store_password",
        "store_poll",
    }
)
"""Settings that are asked for before an origin is known, or that all origins share."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The general policy, and those of single origins; immutable, shared by threads.

    Attributes:
        general: Holds for every origin without one of its own.
        origins: Whole policies by origin, such as ``https://api.example.com:443``, or by host,
            such as ``api.example.com``, for every scheme and port. The origin goes before the host.
    """

    general: Policy
    origins: Mapping[str, Policy] = field(default_factory=dict)

    def of(self, origin: str) -> Policy:
        """Give the policy of an origin (scheme, host and port)."""
        own = self.origins
        if not own:
            return self.general
        return own.get(origin) or own.get(host_of(origin)) or self.general


def host_of(origin: str) -> str:
    """Give the host of an origin."""
    return origin.partition("://")[2].rpartition(":")[0]


def as_policies(given: Policy | Policies) -> Policies:
    """Give policies; a single one holds for every origin."""
    return Policies(given) if isinstance(given, Policy) else given
