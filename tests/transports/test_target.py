"""Where a request goes, read from its URL."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience.pipeline import Policy
from verto_resilience.transports._target import (
    _target,
    front_and_path,
    is_verto,
    split_origin,
    target_of,
)


class TestOrigin:
    """Scheme, host and port."""

    @pytest.mark.parametrize(
        ("front", "origin", "host"),
        [
            ("https://api.verto.co", "https://api.verto.co:443", "api.verto.co"),
            ("http://api.verto.co", "http://api.verto.co:80", "api.verto.co"),
            ("https://api.verto.co:8443", "https://api.verto.co:8443", "api.verto.co"),
            ("http://api.verto.co:443", "http://api.verto.co:443", "api.verto.co"),
            ("https://API.Verto.CO", "https://api.verto.co:443", "api.verto.co"),
            ("HTTPS://api.verto.co", "https://api.verto.co:443", "api.verto.co"),
            ("https://user:pass@api.verto.co", "https://api.verto.co:443", "api.verto.co"),
            ("https://a@b:c@api.verto.co:1", "https://api.verto.co:1", "api.verto.co"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]", "http://[::1]:80", "::1"),
            ("http://[::1]:8080", "http://[::1]:8080", "::1"),
            ("http+unix://%2Fvar%2Frun", "http+unix://%2fvar%2frun:0", "%2fvar%2frun"),
            ("https://api.verto.co:", "https://api.verto.co:443", "api.verto.co"),
            ("https://api.verto.co:port", "https://api.verto.co:443", "api.verto.co"),
            ("https://api.verto.co:99999", "https://api.verto.co:443", "api.verto.co"),
            ("https://", "https://:443", ""),
            ("", "://:0", ""),
        ],
    )
    def test_it_is_read_from_the_front_of_a_url(self, front: str, origin: str, host: str) -> None:
        """The port is always named, case does not count and nothing secret goes along."""
        assert split_origin(front) == (origin, host)

    def test_the_same_origin_is_the_same_key(self) -> None:
        """However it is written, an origin has one circuit."""
        spellings = ["https://x.example", "https://X.example:443", "https://u:p@x.example:443"]

        assert len({split_origin(spelling)[0] for spelling in spellings}) == 1


class TestFrontAndPath:
    """Cutting a URL."""

    @pytest.mark.parametrize(
        ("url", "parts"),
        [
            ("https://h/p?q", ("https://h", "/p", "q")),
            ("https://h/p/q/", ("https://h", "/p/q/", "")),
            ("https://h", ("https://h", "", "")),
            ("https://h/", ("https://h", "/", "")),
            ("https://h?q=/x", ("https://h", "", "q=/x")),
            ("https://h#f/x?y", ("https://h", "", "")),
            ("https://h/p#f?x", ("https://h", "/p", "")),
            ("https://h/p?q#f", ("https://h", "/p", "q")),
            ("https://h/p?q?r", ("https://h", "/p", "q?r")),
            ("https://h/p?", ("https://h", "/p", "")),
            ("https://u:p@h:1/p", ("https://u:p@h:1", "/p", "")),
            ("https://h/a://b", ("https://h", "/a://b", "")),
            ("https://h//p", ("https://h", "//p", "")),
        ],
    )
    def test_front_path_and_query_are_cut_apart(
        self, url: str, parts: tuple[str, str, str]
    ) -> None:
        """The fragment belongs to nothing, and marks inside other marks do not count."""
        assert front_and_path(url) == parts

    @settings(deadline=None)
    @given(st.text(max_size=40))
    def test_no_text_makes_it_raise(self, text: str) -> None:
        """Whatever is no URL is cut somewhere."""
        front, _, _ = front_and_path(text)

        assert text.startswith(front)

    @settings(deadline=None)
    @given(
        host=st.from_regex(r"[a-z0-9.]{1,12}(:[0-9]{1,4})?", fullmatch=True),
        path=st.from_regex(r"(/[a-z]{0,5}){0,3}", fullmatch=True),
        query=st.from_regex(r"[a-z=&?/]{0,8}", fullmatch=True),
        fragment=st.from_regex(r"[a-z?#/]{0,5}", fullmatch=True),
    )
    def test_what_was_put_together_is_cut_apart(
        self, host: str, path: str, query: str, fragment: str
    ) -> None:
        """Cutting undoes joining."""
        url = f"https://{host}{path}" + (f"?{query}" if query else "") + f"#{fragment}"

        assert front_and_path(url) == (f"https://{host}", path, query)


class TestIsVerto:
    """Whose host it is."""

    @pytest.mark.parametrize(
        ("host", "verto"),
        [
            ("verto.co", True),
            ("api.verto.co", True),
            ("api.v3.vertofx.com", True),
            ("x.vertofx.dev", True),
            ("notverto.co", False),
            ("verto.co.example.com", False),
            ("verto.com", False),
            ("127.0.0.1", False),
            ("", False),
        ],
    )
    def test_a_domain_holds_for_its_subdomains(self, host: str, verto: bool) -> None:
        """A host is Verto's if it is one of the domains or under one, not if it only ends so."""
        assert is_verto(host, Policy().verto_hosts) is verto

    def test_the_domains_are_the_policy_s(self) -> None:
        """Other hosts can be named in their place, or none."""
        assert is_verto("127.0.0.1", ("127.0.0.1",))
        assert not is_verto("api.verto.co", ("127.0.0.1",))
        assert not is_verto("api.verto.co", ())

    def test_the_case_of_a_domain_does_not_count(self) -> None:
        """A domain may be written in capitals (RFC 4343)."""
        assert is_verto("api.verto.co", ("Verto.CO",))


class TestTargetOf:
    """Looking it up."""

    @pytest.mark.parametrize(
        "url",
        [
            "https://h/p",
            "https://u:secret@h/p",
            "https://u@h:x@h/p",
            "https://h?secret=/x",
            "https://u:secret@h?secret=/x",
            "https://h#secret",
            "https://h",
        ],
    )
    def test_nothing_but_the_origin_is_remembered(self, url: str) -> None:
        """Users, passwords, queries and fragments are no part of what is kept."""
        _target.cache_clear()
        target_of("https://h/", ())

        target = target_of(url, ())

        assert target.origin == "https://h:443"
        assert _target.cache_info().currsize == 1
