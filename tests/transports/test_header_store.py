from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from verto_resilience.transports._header_store import copy_of, value_of, values_of


class Spelt(CaseInsensitiveDict[Any]):
    """Headers of a program's own kind, which shows values in its own way."""

    def __getitem__(self, key: str) -> Any:
        return f"<{super().__getitem__(key)}>"


@pytest.fixture(params=[CaseInsensitiveDict, Spelt])
def headers(request: pytest.FixtureRequest) -> Any:
    """Give headers of requests' own kind, and of another."""
    return request.param([("B", "1"), ("a", b"2"), ("B", "3")])


def test_a_value_is_what_the_headers_say(headers: Any) -> None:
    """Any spelling finds it; what is not there is `None`."""
    names = ("B", "b", "A", "", "c")

    assert [value_of(headers, name) for name in names] == [headers.get(name) for name in names]


def test_the_values_are_all_that_the_headers_have(headers: Any) -> None:
    """One for each name, in their order."""
    assert list(values_of(headers)) == list(headers.values())


def test_a_copy_keeps_apart(headers: Any) -> None:
    """It can be written to by any spelling; the original keeps what it has."""
    before = list(headers.items())

    copied = copy_of(headers)

    assert type(copied) is type(headers.copy())
    assert list(copied.items()) == list(headers.copy().items())
    copied["b"] = "4"
    del copied["A"]
    assert copied["B"] == "4"
    assert list(headers.items()) == before


def test_headers_kept_in_another_way_are_asked() -> None:
    """A mapping of any other kind goes by its own methods."""
    plain = {"B": "1"}

    assert value_of(plain, "B") == "1"
    assert value_of(plain, "b") is None
    assert list(values_of(plain)) == ["1"]
    assert copy_of(plain) == plain
