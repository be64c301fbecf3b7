"""Whether what OpenTelemetry is told to send to can be reached."""

import os
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

import requests

from verto_resilience.cli._cause import cause_of
from verto_resilience.cli._finding import Finding, State

_SIGNALS = ("traces", "metrics", "logs")
_TIMEOUT = 3.0
_FIRST_ERROR = 400
_PORTS = {"http": 80, "https": 443}
_NONE = frozenset({"none", "console"})


def check_otlp(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Send nothing (an export without content) to each OTLP endpoint that the environment names.

    Over gRPC only a connection is made. Where nothing is named, nothing is asked.
    """
    environ = os.environ if environ is None else environ
    targets: dict[tuple[str, bool], list[str]] = {}
    for signal in _SIGNALS:
        target = _target(signal, environ)
        if target is not None:
            targets.setdefault(target, []).append(signal)
    if not targets:
        yield Finding("OTLP", State.NOTE, "no endpoint is named (OTEL_EXPORTER_OTLP_ENDPOINT)")
    for (url, over_http), signals in targets.items():
        problem = _post(url, signals[0], environ) if over_http else _connect(url)
        what = f"{', '.join(signals)} to {_shown(url)}"
        if problem is None:
            yield Finding("OTLP", State.OK, f"{what}: it can be reached")
        else:
            yield Finding("OTLP", State.WRONG, f"{what}: {problem}")


def _target(signal: str, environ: Mapping[str, str]) -> tuple[str, bool] | None:
    """Give where a signal goes and whether over HTTP; ``None`` when that is not said."""
    own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_"
    exporter = environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip().lower()
    if exporter in _NONE or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    protocol = environ.get(f"{own}PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    over_http = protocol.strip().lower() != "grpc"
    url = environ.get(f"{own}ENDPOINT", "").strip()
    if url:
        return url, over_http
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if not base:
        return None
    return (f"{base.rstrip('/')}/v1/{signal}", True) if over_http else (base, False)


def _post(url: str, signal: str, environ: Mapping[str, str]) -> str | None:
    headers = {"Content-Type": "application/x-protobuf", **_headers(signal, environ)}
    try:
        response = requests.post(
            url, data=b"", headers=headers, timeout=_TIMEOUT, allow_redirects=False
        )
    except (requests.RequestException, ValueError) as error:
        return _unreachable(error)
    status = response.status_code
    return None if status < _FIRST_ERROR else f"it answers {status}"


def _connect(url: str) -> str | None:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _PORTS.get(parts.scheme, 4317)
        with socket.create_connection((parts.hostname or "", port), timeout=_TIMEOUT):
            return None
    except (OSError, ValueError) as error:
        return _unreachable(error)


def _unreachable(error: Exception) -> str:
    # The exception's own text may hold what the variable holds.
    return f"it cannot be reached ({cause_of(error) or type(error).__name__})"


def _headers(signal: str, environ: Mapping[str, str]) -> dict[str, str]:
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_HEADERS")
    text = own or environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs if name.strip()}


def _shown(url: str) -> str:
    """Give scheme, host, port and path: a user, a password or a query may be secret."""
    front, mark, rest = url.partition("://")
    if not mark:
        front, rest = "", url
    authority, slash, path = rest.partition("?")[0].partition("#")[0].partition("/")
    return f"{front}{mark}{authority.rpartition('@')[2]}{slash}{path}"
