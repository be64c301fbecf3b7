from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest

from verto_resilience.transports._pools import forget_pools, remember_pools

ASK = "request_url"
URLS = (
    "http://h",
    "http://h/",
    "http://h/a%20b;c=d?x=1&y=%2F#part",
    "http://h?x=1",
    "http://h//a///b",
    "http://user:secret@h:81/a@b?c@d",
    "http://[::1]:81/a",
    "https://h/a?",
    "HTTPS://H/a",
)
PROXIES: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"http": "http://p:3128"},
    {"https": "http://p:3128"},
    {"all": "http://p:3128"},
    {"http://h": "http://p:3128"},
    {"all://elsewhere": "http://p:3128"},
    {"all": "socks5://p:1080"},
)


@pytest.fixture
def adapters() -> Iterator[tuple[HTTPAdapter, HTTPAdapter]]:
    """Give an adapter as it comes, and one that remembers."""
    with requests.Session() as session:
        plain, ours = HTTPAdapter(), HTTPAdapter()
        session.mount("a:", plain)
        session.mount("b:", ours)
        remember_pools(ours)
        yield plain, ours


def _put(url: str) -> PreparedRequest:
    """Give a request whose URL is exactly this."""
    prepared = requests.Request("GET", "http://h/").prepare()
    prepared.url = url
    return prepared


@pytest.mark.parametrize("proxies", PROXIES, ids=str)
@pytest.mark.parametrize("url", URLS)
def test_what_is_asked_for_is_what_requests_asks_for(
    adapters: tuple[HTTPAdapter, HTTPAdapter], url: str, proxies: dict[str, str] | None
) -> None:
    """Through a proxy or not, the request line names what that of a plain adapter names."""
    plain, ours = adapters

    asked = ours.request_url(_put(url), proxies)

    assert asked == plain.request_url(_put(url), proxies)


def test_a_url_that_cannot_be_read_is_refused_as_by_requests(
    adapters: tuple[HTTPAdapter, HTTPAdapter],
) -> None:
    """What parses a URL raises the same."""
    plain, ours = adapters

    for adapter in (plain, ours):
        with pytest.raises(ValueError, match="Invalid IPv6 URL"):
            adapter.request_url(_put("http://[::1/a"), {})


def test_an_adapter_that_asks_in_its_own_way_goes_on() -> None:
    """What a subclass, or the instance, does with the path is not passed by."""

    class Own(HTTPAdapter):
        def request_url(self, request: PreparedRequest, proxies: Any) -> str:
            return "/own" + super().request_url(request, proxies)

    subclass, instance = Own(), HTTPAdapter()
    instance.request_url = lambda *_: "/mine"  # type: ignore[method-assign]
    for adapter in (subclass, instance):
        remember_pools(adapter)

    assert subclass.request_url(_put("http://h/a"), {}) == "/own/a"
    assert instance.request_url(_put("http://h/a"), {}) == "/mine"
    forget_pools(instance)
    assert instance.request_url(_put("http://h/a"), {}) == "/mine"


def test_an_adapter_with_its_own_pools_asks_in_the_short_way_too() -> None:
    """One does not depend on the other, and both are given back."""

    class Own(HTTPAdapter):
        def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
            return super().get_connection_with_tls_context(*args, **kwargs)

    adapter = Own()
    remember_pools(adapter)

    assert ASK in vars(adapter)
    assert vars(adapter)["get_connection_with_tls_context"].__name__ == "watch"
    forget_pools(adapter)
    assert ASK not in vars(adapter)
