"""What the semantic conventions 1.44 say of HTTP client spans and metrics, written down by hand.

``test_registry.py`` compares the names with the package ``opentelemetry-semantic-conventions``.
That package knows no requirement levels; those are from the text of the conventions.
"""

from dataclasses import dataclass
from enum import StrEnum

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)
SECRET_KEYS = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "sig",
        "X-Goog-Signature",
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
    }
)


class Level(StrEnum):
    """How far an attribute is asked for."""

    REQUIRED = "required"
    CONDITIONAL = "conditional"
    RECOMMENDED = "recommended"
    OPT_IN = "opt_in"


@dataclass(frozen=True, slots=True)
class Known:
    """One attribute: its type, and its level on an HTTP client span; ``None``: not mentioned."""

    type: type
    on_span: Level | None


ATTRIBUTES: dict[str, Known] = {
    "http.request.method": Known(str, Level.REQUIRED),
    "http.request.method_original": Known(str, Level.CONDITIONAL),
    "server.address": Known(str, Level.REQUIRED),
    "server.port": Known(int, Level.REQUIRED),
    "url.full": Known(str, Level.REQUIRED),
    "http.response.status_code": Known(int, Level.CONDITIONAL),
    "error.type": Known(str, Level.CONDITIONAL),
    "network.protocol.name": Known(str, Level.CONDITIONAL),
    "http.request.resend_count": Known(int, Level.RECOMMENDED),
    "network.protocol.version": Known(str, Level.RECOMMENDED),
    "network.peer.address": Known(str, Level.RECOMMENDED),
    "network.peer.port": Known(int, Level.RECOMMENDED),
    "url.scheme": Known(str, Level.OPT_IN),
    "url.template": Known(str, Level.OPT_IN),
    "user_agent.original": Known(str, Level.OPT_IN),
    "user_agent.synthetic.type": Known(str, Level.OPT_IN),
    "network.transport": Known(str, Level.OPT_IN),
    "http.request.size": Known(int, Level.OPT_IN),
    "http.request.body.size": Known(int, Level.OPT_IN),
    "http.response.size": Known(int, Level.OPT_IN),
    "http.response.body.size": Known(int, Level.OPT_IN),
    "url.path": Known(str, None),
    "url.query": Known(str, None),
    "exception.type": Known(str, None),
    "exception.message": Known(str, None),
    "exception.stacktrace": Known(str, None),
}

DEPRECATED = frozenset(
    {
        "http.method",
        "http.url",
        "http.status_code",
        "http.target",
        "http.host",
        "http.scheme",
        "http.flavor",
        "http.user_agent",
        "http.client_ip",
        "http.resend_count",
        "net.peer.name",
        "net.peer.port",
        "net.peer.ip",
        "net.host.name",
        "net.host.port",
        "net.protocol.name",
        "net.protocol.version",
        "error.message",
        "exception.escaped",
    }
)

DURATION = "http.client.request.duration"
DURATION_UNIT = "s"
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DURATION_REQUIRED = frozenset({"http.request.method", "server.address", "server.port"})
DURATION_ALLOWED = DURATION_REQUIRED | {
    "error.type",
    "http.response.status_code",
    "network.protocol.name",
    "network.protocol.version",
}
OLD_DURATION = "http.client.duration"
