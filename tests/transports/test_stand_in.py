import copy
from typing import Any

import pytest

from verto_resilience.transports import StandIn


class Inner:
    """What is stood in for."""

    kind = "inner"

    def __init__(self) -> None:
        """Have something to be asked for, and to be set."""
        self.pool = "before"
        self.both = "inner's"


class Outer(StandIn):
    """What stands in for it."""

    kind = "outer"

    def __init__(self, inner: Inner) -> None:
        """Keep it."""
        self.both = "its own"
        self.inner = inner


@pytest.fixture
def inner() -> Inner:
    """Give one to stand in for."""
    return Inner()


@pytest.fixture
def outer(inner: Inner) -> Any:
    """Give one around it."""
    return Outer(inner)


def test_it_answers_for_what_the_inner_one_has(outer: Any) -> None:
    """Code that knows the inner one's attributes finds them."""
    assert outer.pool == "before"


def test_its_own_goes_first(outer: Any) -> None:
    """What both have is asked of the outer one, be it of the class or of the object."""
    assert (outer.kind, outer.both) == ("outer", "its own")


def test_what_neither_has_is_missed_by_name(outer: Any) -> None:
    """The error is the one that any object raises."""
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = outer.nothing_of_the_kind


def test_what_is_set_is_set_where_it_is_read(inner: Inner, outer: Any) -> None:
    """What only the inner one has is set there; all else is set on the outer one."""
    outer.pool, outer.both, outer.kind, outer.new = "after", "after", "after", "after"

    assert (inner.pool, inner.both, inner.kind) == ("after", "inner's", "inner")
    assert "pool" not in vars(outer)
    assert (outer.both, outer.kind, outer.new) == ("after", "after", "after")
    assert not hasattr(inner, "new")


def test_it_does_not_pretend_to_have_the_inner_ones_protocols(inner: Inner, outer: Any) -> None:
    """What Python asks by a name of its own, as ``copy`` does, is not answered by the inner one."""
    inner.__deepcopy__ = lambda memo: "the inner one's"  # type: ignore[attr-defined]

    assert isinstance(copy.deepcopy(outer), Outer)


def test_one_that_is_not_built_yet_has_nothing() -> None:
    """As while it is copied or unpickled: no endless search for what it stands in for."""
    with pytest.raises(AttributeError, match=r"^pool$"):
        _ = Outer.__new__(Outer).pool
