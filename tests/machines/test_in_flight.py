import math

import pytest

from verto_resilience.machines import Permit
from verto_resilience.machines._in_flight import InFlight

START = 1000.0


def _out(*starts: float) -> tuple[InFlight, list[Permit]]:
    in_flight = InFlight()
    permits = [Permit(1, started=start) for start in starts]
    for permit in permits:
        in_flight.enter(permit)
    return in_flight, permits


def _newly_overdue(in_flight: InFlight, now: float) -> int:
    return in_flight.newly_overdue(now, threshold=2.0, lease=6.0)


def test_it_counts_what_is_out() -> None:
    """Each call that went out and did not end is counted, overdue or not."""
    in_flight, permits = _out(START, START + 1.0, START + 3.0)
    _newly_overdue(in_flight, START + 3.0)

    in_flight.leave(permits[1])

    assert len(in_flight) == 2


@pytest.mark.parametrize(
    ("age", "overdue"),
    [(0.0, 0), (math.nextafter(2.0, 0.0), 0), (2.0, 1), (2.1, 1)],
)
def test_a_call_is_overdue_from_the_threshold_on(age: float, overdue: int) -> None:
    """A call that is out for exactly the threshold is overdue, one an instant younger is not."""
    in_flight, _ = _out(0.0)

    assert _newly_overdue(in_flight, age) == overdue


def test_a_call_is_newly_overdue_once() -> None:
    """The same call is not counted again by the next question."""
    in_flight, _ = _out(START, START)
    assert _newly_overdue(in_flight, START + 2.0) == 2

    assert _newly_overdue(in_flight, START + 3.0) == 0


def test_only_the_old_are_overdue() -> None:
    """A question stops at the first call that is young enough."""
    in_flight, permits = _out(START, START + 1.0, START + 2.0)

    assert _newly_overdue(in_flight, START + 3.0) == 2
    assert in_flight.leave(permits[2]) is False


def test_leaving_says_whether_it_was_counted() -> None:
    """A call that ends in time was not counted yet, an overdue one was."""
    in_flight, (old, young) = _out(START, START + 2.0)
    _newly_overdue(in_flight, START + 2.0)

    assert in_flight.leave(old) is True
    assert in_flight.leave(young) is False


@pytest.mark.parametrize("wait", [0.0, 2.0])
def test_leaving_twice_is_noticed(wait: float) -> None:
    """A call that is not out any more gives None, overdue before or not."""
    in_flight, (permit,) = _out(START)
    _newly_overdue(in_flight, START + wait)
    in_flight.leave(permit)

    assert in_flight.leave(permit) is None


@pytest.mark.parametrize(("age", "left"), [(7.9, 1), (8.0, 0), (9.0, 0)])
def test_a_lost_call_is_out_no_more(age: float, left: int) -> None:
    """One that is out for the lease beyond the threshold is not counted among those out."""
    in_flight, (permit,) = _out(START)
    _newly_overdue(in_flight, START + 2.0)

    _newly_overdue(in_flight, START + age)

    assert len(in_flight) == left
    assert in_flight.leave(permit) is True


def test_a_lost_call_that_comes_back_is_known_once() -> None:
    """Its end is told like that of any overdue call, and a second one is noticed."""
    in_flight, (permit,) = _out(START)
    _newly_overdue(in_flight, START + 8.0)

    assert in_flight.leave(permit) is True
    assert in_flight.leave(permit) is None
    assert len(in_flight) == 0


def test_lost_calls_take_bounded_memory() -> None:
    """Of very many that never come back the oldest are forgotten in the end."""
    in_flight, permits = _out(*[START] * 3000)

    _newly_overdue(in_flight, START + 8.0)

    known = [permit for permit in permits if in_flight.leave(permit)]
    assert known == permits[-1000:]


def test_a_call_lost_before_anybody_asked_is_still_counted_once() -> None:
    """A first question that comes after the lease finds the call overdue, and lets it go."""
    in_flight, _ = _out(START, START + 100.0)

    assert _newly_overdue(in_flight, START + 101.0) == 1
    assert len(in_flight) == 1


class CameBack(dict[Permit, bool]):
    """Calls that are out; whoever is taken from them has just come back."""

    def pop(self, permit: Permit, default: bool) -> bool:  # type: ignore[override]
        """Say that it is gone."""
        super().pop(permit, default)
        return default


def test_a_call_that_comes_back_while_it_is_judged_is_not_overdue() -> None:
    """One that was there at the look and gone at the grip is counted by nobody."""
    in_flight, (permit,) = _out(START)
    in_flight._out = CameBack(in_flight._out)

    assert _newly_overdue(in_flight, START + 2.0) == 0
    assert in_flight.leave(permit) is None


def test_cleared_nothing_is_out() -> None:
    """Clearing forgets the overdue and the young."""
    in_flight, (old, young) = _out(START, START + 2.0)
    _newly_overdue(in_flight, START + 2.0)

    in_flight.clear()

    assert len(in_flight) == 0
    assert in_flight.leave(old) is None
    assert in_flight.leave(young) is None


def test_cleared_nobody_is_lost() -> None:
    """Clearing forgets those taken for lost as well."""
    in_flight, (permit,) = _out(START)
    _newly_overdue(in_flight, START + 8.0)

    in_flight.clear()

    assert in_flight.leave(permit) is None
