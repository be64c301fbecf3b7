from typing import Any

from verto_resilience.transports._owners import owner_of


class StandsIn:
    """What stands in for a method of an object to which it has lost the reference."""

    def ask(self) -> Any:
        """Tell whose it is, some calls away from who asks."""
        return self._owner()

    def _owner(self) -> Any:
        return owner_of(self, "ask")


class Thing:
    """What has the method, and calls it."""

    ask: Any

    def call(self, method: Any) -> Any:
        """Call it."""
        return method()


def test_whoever_calls_its_own_method_is_the_owner() -> None:
    """However many calls of what stands in lie in between."""
    owner = Thing()
    owner.ask = StandsIn().ask

    assert owner.call(owner.ask) is owner


def test_nobody_is_the_owner_of_what_is_not_its_own() -> None:
    """A function that calls it, or an object that has another one."""
    stranger, other = Thing(), Thing()
    method, other.ask = StandsIn().ask, StandsIn().ask

    assert method() is None
    assert stranger.call(method) is None
    assert other.call(method) is None
