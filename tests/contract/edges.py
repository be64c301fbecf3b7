"""The edges, each behind the same few words, so that one set of tests asks the same of all.

An edge that is asynchronous runs a loop of its own behind these words: a test blocks, and need not
know. To add one: write its ``Edge`` and put it into ``EDGES``.
"""

import io
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Protocol

import httpx
import requests
import urllib3
from anyio.from_thread import BlockingPortal, start_blocking_portal

import verto_resilience
from verto_resilience import (
    AsyncVertoTransport,
    Observer,
    Policy,
    VertoAdapter,
    VertoTransport,
)
from verto_resilience.pipeline import Pipeline

Body = bytes | IO[bytes] | Iterable[bytes] | None
"""In memory, a file that can be rewound, or what can be read once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call brought.

    Attributes:
        status: The HTTP status.
        body: The whole body.
        bearer: The host library's own response, which bears the report.
    """

    status: int
    body: bytes
    bearer: Any


class Stream(Protocol):
    """An answer whose body the caller reads."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def bearer(self) -> Any:
        """The host library's own response, which bears the report."""
        ...

    def read(self) -> bytes:
        """Read the rest of the body; what the host library raises is raised."""
        ...

    def close(self) -> None:
        """Be done with it, read or not."""
        ...


class Client(Protocol):
    """A client of the host library, with the edge in it; redirects are followed."""

    @property
    def edge(self) -> Any:
        """What of ours stands in the client."""
        ...

    @property
    def pipeline(self) -> Pipeline:
        """What the edge sends by."""
        ...

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Call, and read the body in the way that is usual: as a part of the attempt.

        Args:
            method: Such as ``POST``.
            url: Whole.
            body: What to send.
            headers: These, besides those of the host library.
            timeout: Seconds to connect, and for each read; ``None`` gives none.
        """
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """Call, and give the answer once its headers are there."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Edge(Protocol):
    """One edge.

    Attributes:
        name: For the ids of tests.
        errors: The root of what the host library raises: our errors at this edge are of it, too.
        status_error: What it raises for a status, where it is asked to.
    """

    name: str
    errors: type[Exception]
    status_error: type[Exception]

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Make a client that no proxy variable touches."""
        ...


class RequestsEdge:
    """``requests``, by ``mount``."""

    name = "requests"
    errors: type[Exception] = requests.exceptions.RequestException
    status_error: type[Exception] = requests.HTTPError

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Mount on a new session."""
        return _RequestsClient(policy, observer)


class _RequestsClient:
    def __init__(self, policy: Policy, observer: Observer | None) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        verto_resilience.mount(self._session, policy=policy, observer=observer)

    @property
    def edge(self) -> VertoAdapter:
        adapter = self._session.get_adapter("https://")
        assert isinstance(adapter, VertoAdapter)
        return adapter

    @property
    def pipeline(self) -> Pipeline:
        return self.edge.pipeline

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        given: Any = body
        response = self._session.request(method, url, data=given, headers=headers, timeout=timeout)
        return Answer(response.status_code, response.content, response)

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Stream:
        return _RequestsStream(
            self._session.request(method, url, headers=headers, stream=True, timeout=timeout)
        )

    def close(self) -> None:
        self._session.close()


class _RequestsStream:
    def __init__(self, response: requests.Response) -> None:
        self._response = self.bearer = response
        self.status = response.status_code

    def read(self) -> bytes:
        return self._response.content

    def close(self) -> None:
        self._response.close()


class Urllib3Edge:
    """``urllib3``, by ``VertoPoolManager``."""

    name = "urllib3"
    errors: type[Exception] = urllib3.exceptions.HTTPError
    status_error: type[Exception] = urllib3.exceptions.HTTPError

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Make a pool manager."""
        return _Urllib3Client(policy, observer)


class _Urllib3Client:
    def __init__(self, policy: Policy, observer: Observer | None) -> None:
        self._manager = verto_resilience.VertoPoolManager(policy=policy, observer=observer)

    @property
    def edge(self) -> verto_resilience.VertoPoolManager:
        return self._manager

    @property
    def pipeline(self) -> Pipeline:
        return self._manager.pipeline

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        given: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        response = self._manager.request(method, url, body=body, headers=headers, **given)
        return Answer(response.status, response.data, response)

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Stream:
        given: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        return _Urllib3Stream(
            self._manager.request(method, url, headers=headers, preload_content=False, **given)
        )

    def close(self) -> None:
        self._manager.clear()


class _Urllib3Stream:
    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = self.bearer = response
        self.status = response.status

    def read(self) -> bytes:
        return self._response.data

    def close(self) -> None:
        self._response.close()


class HttpxEdge:
    """``httpx``, by ``VertoTransport``."""

    name = "httpx"
    errors: type[Exception] = httpx.TransportError
    status_error: type[Exception] = httpx.HTTPStatusError

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Make a client."""
        return _HttpxClient(policy, observer)


class _HttpxClient:
    def __init__(self, policy: Policy, observer: Observer | None) -> None:
        self._transport = VertoTransport(policy=policy, observer=observer)
        self._client = httpx.Client(
            transport=self._transport, trust_env=False, follow_redirects=True
        )

    @property
    def edge(self) -> VertoTransport:
        return self._transport

    @property
    def pipeline(self) -> Pipeline:
        return self._transport.pipeline

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        response = self._client.request(method, url, content=body, headers=headers, timeout=timeout)
        return Answer(response.status_code, response.content, response)

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Stream:
        request = self._client.build_request(
            method, url, headers=headers, timeout=timeout, extensions=STREAMED
        )
        return _HttpxStream(self._client.send(request, stream=True))

    def close(self) -> None:
        self._client.close()


class _HttpxStream:
    def __init__(self, response: httpx.Response) -> None:
        self._response = self.bearer = response
        self.status = response.status_code

    def read(self) -> bytes:
        return self._response.read()

    def close(self) -> None:
        self._response.close()


class AsyncHttpxEdge:
    """``httpx`` in tasks, by ``AsyncVertoTransport``."""

    errors: type[Exception] = httpx.TransportError
    status_error: type[Exception] = httpx.HTTPStatusError

    def __init__(self, backend: str) -> None:
        """Run the loops of this library."""
        self.name = f"httpx async ({backend})"
        self._backend = backend

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Make a client in a loop of its own."""
        return _AsyncHttpxClient(self._backend, policy, observer)


class _AsyncHttpxClient:
    def __init__(self, backend: str, policy: Policy, observer: Observer | None) -> None:
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal(backend))
        self._transport = AsyncVertoTransport(policy=policy, observer=observer)
        self._client = httpx.AsyncClient(
            transport=self._transport, trust_env=False, follow_redirects=True
        )

    @property
    def edge(self) -> AsyncVertoTransport:
        return self._transport

    @property
    def pipeline(self) -> Pipeline:
        return self._transport.pipeline

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        content = body if body is None or isinstance(body, bytes) else _for_tasks(body)
        response = self._portal.call(
            partial(
                self._client.request,
                method,
                url,
                content=content,
                headers=headers,
                timeout=timeout,
            )
        )
        return Answer(response.status_code, response.content, response)

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Stream:
        request = self._client.build_request(
            method, url, headers=headers, timeout=timeout, extensions=STREAMED
        )
        response = self._portal.call(partial(self._client.send, request, stream=True))
        return _AsyncHttpxStream(self._portal, response)

    def close(self) -> None:
        self._portal.call(self._client.aclose)
        self._stack.close()


class _AsyncHttpxStream:
    def __init__(self, portal: BlockingPortal, response: httpx.Response) -> None:
        self._portal = portal
        self._response = self.bearer = response
        self.status = response.status_code

    def read(self) -> bytes:
        return self._portal.call(self._response.aread)

    def close(self) -> None:
        self._portal.call(self._response.aclose)


def _for_tasks(body: IO[bytes] | Iterable[bytes]) -> AsyncIterable[bytes]:
    return _TaskFile(body) if isinstance(body, io.BytesIO) else _in_tasks(body)


async def _in_tasks(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


class _TaskFile:
    """A file in memory that tasks read, and that can be rewound."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._file.read()


STREAMED = {"verto_stream": True}
EDGES: tuple[Edge, ...] = (
    RequestsEdge(),
    Urllib3Edge(),
    HttpxEdge(),
    AsyncHttpxEdge("asyncio"),
    AsyncHttpxEdge("trio"),
)
