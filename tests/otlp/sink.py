"""A receiver of OTLP over HTTP that decodes what it is sent."""

import gzip
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Value = str | bool | int | float | None


class Scope(NamedTuple):
    """Who recorded it."""

    name: str
    version: str
    schema_url: str


class Item(NamedTuple):
    """A span, a metric or a log record, with where it comes from."""

    resource: dict[str, Value]
    scope: Scope
    data: Any


class Sink:
    """Listens on a free port of this machine until it is left.

    Attributes:
        bodies: Every body as it came, decompressed.
        paths: Where each was sent.
    """

    def __init__(self) -> None:
        """Listen; nothing is answered before it is entered."""
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self._lock = threading.Lock()
        self._requests: list[Any] = []
        handler = type("Handler", (_Handler,), {"sink": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        """Keep what was sent.

        Raises:
            KeyError: Nothing is received at this path.
            google.protobuf.message.DecodeError: The body is none of the path's messages.
        """
        decoded = _Handler.messages[path].FromString(body)
        with self._lock:
            self.bodies.append(body)
            self.paths.append(path)
            self._requests.append(decoded)

    def spans(self) -> list[Item]:
        """Give every span."""
        return list(
            self._items(ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans")
        )

    def metrics(self) -> list[Item]:
        """Give every metric."""
        return list(
            self._items(ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics")
        )

    def logs(self) -> list[Item]:
        """Give every log record."""
        return list(
            self._items(ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records")
        )

    def _items(self, kind: type[Any], *levels: str) -> Iterator[Item]:
        by_resource, by_scope, inner = levels
        with self._lock:
            received = [request for request in self._requests if isinstance(request, kind)]
        for request in received:
            for of_resource in getattr(request, by_resource):
                resource = plain(of_resource.resource.attributes)
                for of_scope in getattr(of_resource, by_scope):
                    scope = Scope(of_scope.scope.name, of_scope.scope.version, of_scope.schema_url)
                    for data in getattr(of_scope, inner):
                        yield Item(resource, scope, data)


class _Handler(BaseHTTPRequestHandler):
    messages: ClassVar[dict[str, type[Any]]] = {
        "/v1/traces": ExportTraceServiceRequest,
        "/v1/metrics": ExportMetricsServiceRequest,
        "/v1/logs": ExportLogsServiceRequest,
    }
    sink: ClassVar[Sink]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.sink.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's own name
        """Say nothing."""


def plain(attributes: Sequence[KeyValue]) -> dict[str, Value]:
    """Give attributes as a dictionary."""
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(given: AnyValue) -> Value:
    kind = given.WhichOneof("value")
    value: Value = getattr(given, kind) if kind else None
    return value
