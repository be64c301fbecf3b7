from verto_resilience.telemetry._bounds import Bounded, Remembered


def test_only_the_first_values_are_admitted() -> None:
    """Values after the limit are refused, those before it are admitted again and again."""
    bounded: Bounded[str] = Bounded(2)

    answers = [bounded.admits(value) for value in ("a", "b", "c", "a", "b", "c")]

    assert answers == [True, True, False, True, True, False]


def test_what_is_remembered_is_made_once() -> None:
    """A value is made when first asked for and found after that."""
    made: list[int] = []

    def make(key: int) -> list[int]:
        made.append(key)
        return [key]

    remembered = Remembered(make, limit=9)

    first, second = remembered[1], remembered[1]

    assert first is second
    assert made == [1]


def test_a_full_memory_starts_over() -> None:
    """It never holds more than its limit, and goes on giving the right values."""
    remembered: Remembered[int, int] = Remembered(lambda n: n * n, limit=3)

    squares = [remembered[n] for n in range(10)]

    assert squares == [n * n for n in range(10)]
    assert len(remembered) <= 3
