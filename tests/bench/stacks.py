"""Says to which part of a call a stack belongs."""

from collections import Counter
from pathlib import Path
from types import FrameType

_SOCKET = "socket"
_REST = "requests, the rest"
SDK = "OpenTelemetry itself"

# Of our files, by the path in the package: the first that fits names the part.
_OURS = (
    ("transports/_pools.py", "pool memory"),
    ("transports/_limits.py", "limits"),
    ("transports/_sends.py", "describe"),
    ("transports/_bodies.py", "describe"),
    ("pipeline/_request.py", "describe"),
    ("pipeline/_circuits.py", "machines"),
    ("pipeline/_events.py", "events"),
    ("pipeline/_observer.py", "events"),
    ("telemetry/_log.py", "events"),
    ("telemetry/_metrics.py", "events"),
    ("machines/", "machines"),
    ("pipeline/", "call"),
    ("outcome/", "classify"),
    ("telemetry/", "telemetry"),
    ("transports/", "exchange"),
    ("", "other of ours"),
)
# Functions whose part is another than their file's.
_FUNCTIONS = {
    "_describe": "describe",
    "front_and_path": "describe",
    "split_origin": "describe",
    "is_verto": "describe",
    "_classify": "classify",
    "_outgoing": "outgoing headers",
}
_RIVALS = (("opentelemetry/instrumentation/", "instrumentor"), ("pybreaker/", "pybreaker"))
# Steps of requests and urllib3, by function: the innermost counts.
_STEPS = {
    "get_connection_with_tls_context": "finding the pool",
    "connection_from_pool_key": "finding the pool",
    "prepare_request": "preparing the request",
    "merge_environment_settings": "environment: proxies, CA bundle",
    "get_netrc_auth": "environment: netrc",
    "_make_request": "connection and http.client",
    "urlopen": "urlopen",
    "build_response": "building the response",
    "content": "reading the body",
    "extract_cookies_to_jar": "cookies",
}
# Where our code hands over to others again: what is below is theirs.
_BORDERS = (
    ("requests/adapters.py", ("send",), _REST),
    ("requests/models.py", ("content",), "reading the body"),
    ("urllib3/connection.py", ("request", "connect"), "connection and http.client"),
    ("http/client.py", (), "connection and http.client"),
    ("/socket.py", (), _SOCKET),
)


class Samples:
    """Counts stacks by part, and our functions.

    Args:
        package: The folder of our package.

    Attributes:
        parts: How many stacks belonged to each part.
        own: How many of our functions' stacks had them innermost among ours.
        inclusive: How many had them anywhere between a border and the end.
        taken: How many stacks there were.
    """

    def __init__(self, package: Path) -> None:
        self.parts: Counter[str] = Counter()
        self.own: Counter[str] = Counter()
        self.inclusive: Counter[str] = Counter()
        self.taken = 0
        self._package = f"{package}/"

    def take(self, _number: int, frame: FrameType | None) -> None:
        """Count a stack; may be set as the handler of a signal."""
        self.taken += 1
        step, part, in_sdk = None, None, False
        met: set[str] = set()
        while frame is not None:
            path, name = frame.f_code.co_filename, frame.f_code.co_name
            own = self._ours(path, name)
            if own is not None:
                title = f"{path.removeprefix(self._package)}: {frame.f_code.co_qualname}"
                if part is None:
                    part = SDK if in_sdk else own
                    self.own[title] += 1
                met.add(title)
            elif part is None:
                rival = next((part for end, part in _RIVALS if end in path), None)
                border = _border(path, name)
                if rival is not None:
                    part = SDK if in_sdk else rival
                elif border is not None:
                    part = step or border
                    break
                elif "/opentelemetry/" in path:
                    in_sdk = True
                elif step is None and ("/requests/" in path or "/urllib3/" in path):
                    step = _STEPS.get(name)
            elif _border(path, name) is not None:
                break
            frame = frame.f_back
        self.parts[part or step or _REST] += 1
        self.inclusive.update(met)

    def _ours(self, path: str, name: str) -> str | None:
        if not path.startswith(self._package):
            return None
        below = path.removeprefix(self._package)
        return _FUNCTIONS.get(name) or next(part for end, part in _OURS if below.startswith(end))


def _border(path: str, name: str) -> str | None:
    for end, names, step in _BORDERS:
        if path.endswith(end) and (not names or name in names):
            return step
    return None
