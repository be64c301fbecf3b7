import math
from typing import Any

import pytest

from verto_resilience.machines import State
from verto_resilience.pipeline import Circuits, Policy
from verto_resilience.pipeline._chance import Chance

SECRET = "canary-77aa"


class ChanceError(Exception):
    """What a chance function raises."""


def broken() -> float:
    """Fail."""
    raise ChanceError(SECRET)


@pytest.mark.parametrize("drawn", [0.0, 0.25, 1.0, 1, 0])
def test_number_is_given_as_it_was_drawn(drawn: float) -> None:
    """What is from 0 to 1 is no mistake."""
    chance = Chance(lambda: drawn)

    assert chance() == drawn
    assert chance.mistake is None


@pytest.mark.parametrize("drawn", [math.nan, -1, 1.5, math.inf, None, "x"])
def test_whatever_else_is_drawn_is_one_half(drawn: Any) -> None:
    """No answer is lost, and no wait is endless, for what a stranger's function gives."""
    chance = Chance(lambda: drawn)

    assert [chance(), chance()] == [0.5, 0.5]
    assert chance.mistake is not None


def test_mistake_is_told_once_and_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """One line names the function and the class; nothing is logged while it draws."""
    chance = Chance(broken)
    chance()
    assert caplog.records == []

    for _ in range(3):
        chance()
        chance.tell()

    (record,) = caplog.records
    assert "broken" in record.getMessage()
    assert "ChanceError" in record.getMessage()
    assert SECRET not in caplog.text
    assert chance.mistake is None


def test_interrupt_while_drawing_is_none_of_its_mistakes() -> None:
    """Ctrl-C passes."""

    def interrupted() -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Chance(interrupted)()


def test_chance_of_a_chance_is_itself() -> None:
    """What is shared is told once."""
    chance = Chance(broken)

    assert Chance.of(chance) is chance


def test_registry_of_its_own_is_safe_from_it_too() -> None:
    """A circuit opens though the chance that its registry was given fails."""
    origin = Circuits(Policy(), chance=broken).at("https://a:443", 0.0)

    assert origin.breaker.open(1.0).after is State.OPEN
