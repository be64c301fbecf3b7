import time

import pytest

from verto_resilience.pipeline import Policy, quoted, settings_table
from verto_resilience.pipeline._hosts import is_host, without_brackets

LISTS = ("verto_hosts", "insecure_hosts", "propagate_to")
ROWS = {row.name: row for row in settings_table()}
GOOD = (
    "vertofx.com",
    "API-v3-beta.vertofx.com",
    "localhost",
    "stand_in",
    "127.0.0.1",
    "::1",
    "[::1]",
    "2001:db8::ff00:42:8329",
    "xn--mnchen-3ya.example",
)
BAD = (
    "https://vertofx.com",
    "vertofx.com:443",
    "vertofx.com/v2",
    "user@vertofx.com",
    "*",
    "*.vertofx.com",
    ".vertofx.com",
    "vertofx.com.",
    "a..b",
    "-a.example",
    "a-.example",
    "a b",
    "a,b",
    "münchen.example",
    "[::1]:443",
    "[vertofx.com]",
    "[::1",
    "1::2::3",
    " ",
    "a.example\n",
    "a" * 254,
)


@pytest.mark.parametrize("host", GOOD)
def test_names_and_addresses_are_hosts(host: str) -> None:
    """Domains, single names and addresses, as they stand in URLs."""
    assert is_host(host)
    assert all(ROWS[name].problem((host,)) is None for name in LISTS)


@pytest.mark.parametrize("host", BAD)
@pytest.mark.parametrize("name", LISTS)
def test_nothing_else_is_one(name: str, host: str) -> None:
    """A URL, a port, a pattern: each would match no request, and nobody would notice."""
    assert not is_host(host)
    assert ROWS[name].problem(("vertofx.com", host)) == (
        f"{name} is {quoted(('vertofx.com', host))}; {quoted(host)} is no host name; "
        f"allowed is {ROWS[name].allowed}"
    )


def test_text_is_no_list() -> None:
    """Whoever writes the host itself in code is shown how a list of it is written."""
    problem = ROWS["verto_hosts"].problem("vertofx.com")

    assert problem is not None
    assert problem.endswith("such as ('vertofx.com',)")


@pytest.mark.parametrize("value", [[1], ("",), (None,), {"a"}])
def test_what_are_no_names_is_refused(value: object) -> None:
    """A list of hosts is a tuple of texts, and none of them is empty."""
    problem = ROWS["verto_hosts"].problem(value)

    assert problem is not None
    assert problem.endswith(f"allowed is {ROWS['verto_hosts'].allowed}")


def test_a_list_of_one_is_not_told_twice() -> None:
    """What is wrong with it can be seen."""
    assert ROWS["verto_hosts"].problem(("*",)) == (
        f"verto_hosts is ['*']; allowed is {ROWS['verto_hosts'].allowed}"
    )


def test_the_word_none_is_no_host() -> None:
    """Who writes it means an empty list, and would get a host of that name."""
    problem = ROWS["insecure_hosts"].problem(("a.example", "None"))

    assert problem is not None
    assert "'None' is no host name" in problem


def test_it_is_said_what_is_allowed() -> None:
    """In words, for the documentation and for errors."""
    words = "host names or IP addresses separated by commas, without scheme, port or *"

    assert ROWS["verto_hosts"].allowed == words
    assert ROWS["propagate_to"].allowed == f"{words}, or none"


@pytest.mark.parametrize(
    ("host", "bare"),
    [
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("a.example", "a.example"),
        ("[a]", "[a]"),
        ("", ""),
        ("[:", "[:"),
    ],
)
def test_brackets_belong_to_the_url(host: str, bare: str) -> None:
    """Only an address can have them, and its host is what stands between."""
    assert without_brackets(host) == bare


def test_a_policy_keeps_addresses_as_urls_are_split() -> None:
    """So that the host of a request is found in the list."""
    policy = Policy(insecure_hosts=("[::1]", "a.example"), propagate_to=("[2001:db8::1]",))

    assert policy.insecure_hosts == ("::1", "a.example")
    assert policy.propagate_to == ("2001:db8::1",)


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a." * 10**6, "a-" * 10**6, ":" * 10**6, "[" * 10**6]
)
def test_a_hostile_text_costs_little(text: str) -> None:
    """What is far too long is not looked at for long."""
    began = time.process_time()

    assert not is_host(text)
    assert time.process_time() - began < 1.0
