"""Ours with one saving taken back: what the saving is worth is what a call then takes more."""

import http.client
from collections.abc import Callable
from typing import Any

import requests

from tests.bench.contender import Contender


def _pools(session: requests.Session, url: str) -> None:
    """Let requests work out the key of the pool for each request."""
    inner: Any = _inner(session, url)
    inner.get_connection_with_tls_context = inner.get_connection_with_tls_context.__self__.watch


def _request_line(session: requests.Session, url: str) -> None:
    """Let requests parse the URL to find that no proxy needs more than its path."""
    del vars(_inner(session, url))["request_url"]


def _body(session: requests.Session, url: str) -> None:
    """Let requests read a short body through its generators."""
    from verto_resilience.transports import _requests_exchange

    def read_whole(response: requests.Response) -> None:
        response.content  # noqa: B018

    vars(_requests_exchange)["read_whole"] = read_whole


def _headers(session: requests.Session, url: str) -> None:
    """Let the parser for e-mail read each header."""
    parse: Any = http.client.parse_headers

    def parse_headers(*given: Any) -> Any:
        return parse(*given)

    vars(http.client)["parse_headers"] = parse_headers


def _settings(session: requests.Session, url: str) -> None:
    """Let requests look for proxies in the environment."""
    del vars(session)["merge_environment_settings"]


def _inner(session: requests.Session, url: str) -> requests.adapters.BaseAdapter:
    adapter: Any = session.get_adapter(url)
    return adapter.inner  # type: ignore[no-any-return]


def _without(take_back: Callable[[requests.Session, str], None]) -> Callable[[str], Contender]:
    def build(url: str) -> Contender:
        import verto_resilience

        session = verto_resilience.mount(requests.Session())
        take_back(session, url)
        return Contender(lambda: session.get(url))

    return build


SPARED = {
    "mounted, pools of requests": _without(_pools),
    "mounted, line of requests": _without(_request_line),
    "mounted, body of requests": _without(_body),
    "mounted, headers of e-mail": _without(_headers),
    "mounted, settings of requests": _without(_settings),
}
