"""The edges, each behind the same few words, so that one set of tests asks the same of all.

An edge that is asynchronous runs a loop of its own behind these words: a test blocks, and need not
know. To add one: write its ``Edge`` and put it into ``EDGES``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Protocol

import requests
import urllib3

import verto_resilience
from verto_resilience import Observer, Policy, VertoAdapter
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

    def read(self) -> bytes:
        """Read the rest of the body; what the host library raises is raised."""
        ...

    def close(self) -> None:
        """Be done with it, read or not."""
        ...


class Client(Protocol):
    """A client of the host library, with the edge in it; redirects are followed."""

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

    def stream(self, method: str, url: str, *, timeout: float | None = None) -> Stream:
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
    """

    name: str
    errors: type[Exception]

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Make a client that no proxy variable touches."""
        ...


class RequestsEdge:
    """``requests``, by ``mount``."""

    name = "requests"
    errors: type[Exception] = requests.exceptions.RequestException

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Mount on a new session."""
        return _RequestsClient(policy, observer)


class _RequestsClient:
    def __init__(self, policy: Policy, observer: Observer | None) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        verto_resilience.mount(self._session, policy=policy, observer=observer)

    @property
    def pipeline(self) -> Pipeline:
        adapter = self._session.get_adapter("https://")
        assert isinstance(adapter, VertoAdapter)
        return adapter.pipeline

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

    def stream(self, method: str, url: str, *, timeout: float | None = None) -> Stream:
        return _RequestsStream(self._session.request(method, url, stream=True, timeout=timeout))

    def close(self) -> None:
        self._session.close()


class _RequestsStream:
    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.status = response.status_code

    def read(self) -> bytes:
        return self._response.content

    def close(self) -> None:
        self._response.close()


class Urllib3Edge:
    """``urllib3``, by ``VertoPoolManager``."""

    name = "urllib3"
    errors: type[Exception] = urllib3.exceptions.HTTPError

    def client(self, policy: Policy, observer: Observer | None = None) -> Client:
        """Make a pool manager."""
        return _Urllib3Client(policy, observer)


class _Urllib3Client:
    def __init__(self, policy: Policy, observer: Observer | None) -> None:
        self._manager = verto_resilience.VertoPoolManager(policy=policy, observer=observer)

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

    def stream(self, method: str, url: str, *, timeout: float | None = None) -> Stream:
        given: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        return _Urllib3Stream(self._manager.request(method, url, preload_content=False, **given))

    def close(self) -> None:
        self._manager.clear()


class _Urllib3Stream:
    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.status = response.status

    def read(self) -> bytes:
        return self._response.read()

    def close(self) -> None:
        self._response.close()


EDGES: tuple[Edge, ...] = (RequestsEdge(), Urllib3Edge())
