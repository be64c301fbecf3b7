import pytest

from verto_resilience.machines import Permit
from verto_resilience.machines._probes import Probes

START = 1000.0


def _out(*ends: float) -> tuple[Probes, list[Permit]]:
    probes = Probes()
    permits = [Permit(1, probe=True) for _ in ends]
    for permit, end in zip(permits, ends, strict=True):
        probes.enter(permit, until=end)
    return probes, permits


def test_each_probe_takes_a_place() -> None:
    """As many places are in use as probes are out."""
    probes, permits = _out(START, START + 1.0, START + 2.0)
    assert len(probes) == 3

    probes.leave(permits[1])

    assert len(probes) == 2


@pytest.mark.parametrize(("now", "left"), [(START - 0.1, 2), (START, 1), (START + 1.0, 0)])
def test_a_place_is_free_from_the_end_of_its_lease_on(now: float, left: int) -> None:
    """Each lease ends by itself, at its instant and not before."""
    probes, _ = _out(START + 1.0, START)

    probes.give_up(now)

    assert len(probes) == left


@pytest.mark.parametrize("now", [START - 0.1, START])
def test_a_probe_comes_back_once(now: float) -> None:
    """Given up or not, its first result counts and a second does not."""
    probes, (permit,) = _out(START)
    probes.give_up(now)

    assert [probes.leave(permit) for _ in range(2)] == [True, False]
    assert len(probes) == 0


def test_who_was_never_out_does_not_come_back() -> None:
    """A permit of somebody else's is none of these."""
    probes, _ = _out(START)

    assert probes.leave(Permit(1)) is False
    assert len(probes) == 1


def test_giving_up_twice_changes_nothing() -> None:
    """A probe whose place was freed is still known when others are given up."""
    probes, (first, second) = _out(START, START + 1.0)
    probes.give_up(START)

    probes.give_up(START + 1.0)

    assert [probes.leave(first), probes.leave(second)] == [True, True]


def test_those_given_up_take_bounded_memory() -> None:
    """Of very many that vanished the oldest are forgotten in the end."""
    probes = Probes()
    permits = []
    for number in range(3000):
        permits.append(Permit(1, probe=True))
        probes.enter(permits[-1], until=START + number)
        probes.give_up(START + number)

    assert [permit for permit in permits if probes.leave(permit)] == permits[-1000:]


def test_cleared_nobody_comes_back() -> None:
    """Clearing forgets those out and those given up."""
    probes, permits = _out(START, START + 1.0)
    probes.give_up(START)

    probes.clear()

    assert len(probes) == 0
    assert not any(probes.leave(permit) for permit in permits)
