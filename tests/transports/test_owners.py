import weakref
from typing import Any

from verto_resilience.transports._owners import owner_of


class StandsIn:
    """What stands in for a method of an object that is gone, as far as its reference tells."""

    def __init__(self, owner: object) -> None:
        self.reference = weakref.ref(owner)

    def ask(self) -> Any:
        """Tell whose it is, some calls away from who asks."""
        return self._owner()

    def _owner(self) -> Any:
        return owner_of(self, "ask", self.reference)


class Thing:
    """What has the method, and calls it."""

    ask: Any

    def call(self, method: Any) -> Any:
        """Call it."""
        return method()


def _gone() -> StandsIn:
    return StandsIn(Thing())


def test_an_object_that_lives_is_the_owner() -> None:
    """Whoever asks."""
    owner, other = Thing(), Thing()
    owner.ask = other.ask = StandsIn(owner).ask

    assert owner.ask() is owner
    assert other.call(other.ask) is owner


def test_whoever_calls_its_own_method_is_the_owner() -> None:
    """Where the reference is dead, as it is while the owner is collected."""
    owner = Thing()
    owner.ask = _gone().ask

    assert owner.call(owner.ask) is owner


def test_nobody_is_the_owner_of_what_is_not_its_own() -> None:
    """A function that calls it, or an object that has another one."""
    stranger, other = Thing(), Thing()
    method, other.ask = _gone().ask, _gone().ask

    assert method() is None
    assert stranger.call(method) is None
    assert other.call(method) is None
