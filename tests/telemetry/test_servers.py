import pytest

from verto_resilience.telemetry._servers import server_of


@pytest.mark.parametrize(
    ("origin", "host", "server"),
    [
        ("https://api.example.com:443", None, ("api.example.com", 443)),
        ("http://api.example.com:80", None, ("api.example.com", 80)),
        ("http://127.0.0.1:8080", None, ("127.0.0.1", 8080)),
        ("https://[::1]:8443", None, ("::1", 8443)),
        ("https://10.0.0.1:8443", "api.example.com", ("api.example.com", 443)),
        ("http://10.0.0.1:8080", "api.example.com", ("api.example.com", 80)),
        ("http://10.0.0.1:8080", "api.example.com:90", ("api.example.com", 90)),
        ("https://10.0.0.1:443", "[::1]", ("::1", 443)),
        ("https://10.0.0.1:443", "[::1]:8443", ("::1", 8443)),
        ("https://10.0.0.1:443", "api:what", ("api", 443)),
        ("https://10.0.0.1:443", "api:123456", ("api", 443)),
        ("https://api.example.com:443", "", ("api.example.com", 443)),
    ],
)
def test_name_and_port_are_always_there(
    origin: str, host: str | None, server: tuple[str, int]
) -> None:
    """The Host header goes before the URL, and the port is filled in where neither names it."""
    assert server_of(origin, host) == server
