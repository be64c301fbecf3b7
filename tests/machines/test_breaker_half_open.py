import pytest

from tests.machines.makers import START, allowed, call, closed, half_open, opened, refused
from verto_resilience.machines import Permit, Refusal, State, Transition, Trigger, TripReason

OVER = START + 4.0


def test_one_probe_is_out_at_a_time() -> None:
    """While a probe is out everybody else is refused, without a time to wait."""
    breaker, probe = half_open()

    refusal = refused(breaker, OVER)

    assert probe.probe
    assert refusal == Refusal(State.HALF_OPEN, None, TripReason.CONSECUTIVE_FAILURES, "first")
    assert breaker.snapshot(OVER).probes == 1
    assert breaker.refuses_for(OVER) == 0.0


@pytest.mark.parametrize("permitted", [1, 2, 3])
def test_as_many_probes_as_permitted_are_out(permitted: int) -> None:
    """The limit is one of probes at once, and it is kept exactly."""
    breaker = opened(permitted_probes=permitted)

    answers = [breaker.try_acquire(OVER) for _ in range(5)]

    assert [isinstance(answer, Permit) for answer in answers] == [n < permitted for n in range(5)]


def test_a_probe_that_ended_makes_room_for_the_next() -> None:
    """A good probe gives its place back."""
    breaker, probe = half_open()

    assert breaker.record(probe, bad=False, now=OVER) is None

    assert breaker.snapshot(OVER).successes == 1
    assert allowed(breaker, OVER).probe


def test_enough_good_probes_close_it() -> None:
    """The last good probe that is needed closes the circuit, and no earlier one."""
    breaker, probe = half_open(successes_to_close=2)
    assert breaker.record(probe, bad=False, now=OVER) is None

    moved = breaker.record(allowed(breaker, OVER), bad=False, now=OVER + 1.0)

    assert moved == Transition(
        State.HALF_OPEN, State.CLOSED, Trigger.PROBES_GOOD, None, None, 4, "first"
    )
    snapshot = breaker.snapshot(OVER + 1.0)
    assert (snapshot.state, snapshot.successes, snapshot.calls) == (State.CLOSED, 0, 0)
    assert snapshot.trips == 1


def test_one_bad_probe_opens_it_again_at_once() -> None:
    """Whatever the good ones before it, a bad probe begins the next, longer break."""
    breaker, probe = half_open(successes_to_close=3)
    breaker.record(probe, bad=False, now=OVER)

    moved = breaker.record(allowed(breaker, OVER), bad=True, now=OVER + 1.0, failure="503")

    assert moved == Transition(
        State.HALF_OPEN, State.OPEN, Trigger.PROBE_BAD, TripReason.PROBE_FAILED, 8.0, 4, "503"
    )
    snapshot = breaker.snapshot(OVER + 1.0)
    assert (snapshot.successes, snapshot.probes, snapshot.trips) == (0, 0, 2)
    assert (snapshot.reason, snapshot.last_failure) == (TripReason.PROBE_FAILED, "503")


def test_successes_do_not_outlive_a_break() -> None:
    """Each half-open stretch starts to count its good probes anew."""
    breaker, probe = half_open(successes_to_close=2)
    breaker.record(probe, bad=False, now=OVER)
    call(breaker, OVER, bad=True)

    snapshot = call(breaker, OVER + 8.0)

    assert (snapshot.state, snapshot.successes) == (State.HALF_OPEN, 1)


def test_a_released_probe_gives_its_place_back() -> None:
    """An attempt that said nothing is no success and no failure, and blocks nobody."""
    breaker, probe = half_open()

    breaker.release(probe)

    snapshot = breaker.snapshot(OVER)
    assert (snapshot.state, snapshot.probes, snapshot.successes) == (State.HALF_OPEN, 0, 0)
    assert allowed(breaker, OVER).probe


@pytest.mark.parametrize(
    ("after", "free"), [(0.0, False), (5.999, False), (6.0, True), (9.0, True)]
)
def test_a_probe_that_never_returns_frees_itself(after: float, free: bool) -> None:
    """At the end of its lease, and not before, another probe takes its place."""
    breaker, _ = half_open(probe_lease=6.0)

    answer = breaker.try_acquire(OVER + after)

    assert isinstance(answer, Permit) is free
    assert breaker.snapshot(OVER + after).probes == 1


def test_half_open_it_is_busy_to_the_end_of_the_newest_lease() -> None:
    """Also when that probe came back: somebody may yet come for the next one."""
    breaker = opened(permitted_probes=2, probe_lease=6.0)
    allowed(breaker, OVER)
    assert breaker.busy_until() == OVER + 6.0

    newest = allowed(breaker, OVER + 3.0)
    breaker.record(newest, bad=False, now=OVER + 4.0)

    assert breaker.busy_until() == OVER + 9.0


def test_each_probe_has_a_lease_of_its_own() -> None:
    """A vanished probe frees its own place, and not that of one still on its way."""
    breaker = opened(permitted_probes=2, probe_lease=6.0)
    allowed(breaker, OVER)
    allowed(breaker, OVER + 3.0)

    third = allowed(breaker, OVER + 6.0)

    assert third.probe
    assert breaker.snapshot(OVER + 6.0).probes == 2
    refused(breaker, OVER + 6.0)


def test_a_probe_given_up_that_comes_back_good_counts() -> None:
    """The end of a lease frees a place; what the probe found out is worth as much as before."""
    breaker, late = half_open(successes_to_close=1)
    allowed(breaker, OVER + 6.0)

    moved = breaker.record(late, bad=False, now=OVER + 7.0)

    assert moved is not None
    assert moved.trigger is Trigger.PROBES_GOOD


def test_a_probe_given_up_that_comes_back_bad_opens_it_again() -> None:
    """A failure that took longer than the lease is a failure."""
    breaker, late = half_open()
    allowed(breaker, OVER + 6.0)

    moved = breaker.record(late, bad=True, now=OVER + 7.0, failure="timeout")

    assert moved is not None
    assert moved.trigger is Trigger.PROBE_BAD
    assert breaker.snapshot(OVER + 7.0).last_failure == "timeout"


@pytest.mark.parametrize("back", ["good", "release"])
@pytest.mark.parametrize("permitted", [1, 2])
def test_a_probe_given_up_takes_no_place_back(permitted: int, back: str) -> None:
    """Its place is another's by then, and stays so whatever becomes of it."""
    breaker = opened(permitted_probes=permitted, successes_to_close=3)
    late = [allowed(breaker, OVER) for _ in range(permitted)]
    for _ in range(permitted):
        allowed(breaker, OVER + 6.0)

    for probe in late:
        if back == "good":
            breaker.record(probe, bad=False, now=OVER + 7.0)
        else:
            breaker.release(probe)

    snapshot = breaker.snapshot(OVER + 7.0)
    assert (snapshot.state, snapshot.probes) == (State.HALF_OPEN, permitted)
    assert snapshot.successes == (permitted if back == "good" else 0)
    refused(breaker, OVER + 7.0)


def test_probes_that_all_outlast_their_lease_close_it() -> None:
    """An origin that answers well, but always later than the lease, does not stay half-open."""
    breaker, first = half_open(probe_lease=6.0, successes_to_close=2)
    second = allowed(breaker, OVER + 6.0)

    breaker.record(first, bad=False, now=OVER + 7.0)
    third = allowed(breaker, OVER + 12.0)
    moved = breaker.record(second, bad=False, now=OVER + 13.0)

    assert moved is not None
    assert moved.after is State.CLOSED
    assert breaker.record(third, bad=True, now=OVER + 19.0) is None


@pytest.mark.parametrize("bad", [True, False])
def test_a_probe_given_up_counts_once(bad: bool) -> None:
    """A second result, and one after a release, leave the snapshot equal."""
    breaker = opened(permitted_probes=2, successes_to_close=5)
    recorded, released = allowed(breaker, OVER), allowed(breaker, OVER)
    allowed(breaker, OVER + 6.0)
    breaker.record(recorded, bad=False, now=OVER + 7.0)
    breaker.release(released)
    before = breaker.snapshot(OVER + 7.0)

    for probe in (recorded, released):
        assert breaker.record(probe, bad=bad, now=OVER + 7.0, failure="again") is None

    assert breaker.snapshot(OVER + 7.0) == before


def test_a_probe_given_up_is_none_of_the_next_half_open() -> None:
    """Only while the circuit is half-open for the same time does its result count."""
    breaker, late = half_open(successes_to_close=1)
    breaker.record(allowed(breaker, OVER + 6.0), bad=True, now=OVER + 6.0)
    allowed(breaker, OVER + 14.0)
    before = breaker.snapshot(OVER + 14.0)

    assert breaker.record(late, bad=False, now=OVER + 14.0) is None

    assert breaker.snapshot(OVER + 14.0) == before


def test_a_probe_recorded_twice_counts_once() -> None:
    """A second result of the same probe leaves the snapshot equal."""
    breaker, probe = half_open(successes_to_close=2)
    breaker.record(probe, bad=False, now=OVER)
    before = breaker.snapshot(OVER)

    for bad in (False, True):
        assert breaker.record(probe, bad=bad, now=OVER, failure="again") is None

    assert breaker.snapshot(OVER) == before


@pytest.mark.parametrize("bad", [True, False])
def test_a_call_from_before_the_trip_is_no_probe(bad: bool) -> None:
    """A call let through while closed neither closes nor re-opens a half-open circuit."""
    breaker = closed(consecutive_failures=1, successes_to_close=1)
    stale = allowed(breaker, START)
    call(breaker, START, bad=True)
    allowed(breaker, OVER)
    before = breaker.snapshot(OVER)

    assert breaker.record(stale, bad=bad, now=OVER, failure="stale") is None
    assert breaker.fail_late(stale, now=OVER, failure="stale") is None

    assert breaker.snapshot(OVER) == before


def test_a_probe_of_an_earlier_half_open_is_none_of_this_one() -> None:
    """A probe that comes back when the circuit is half-open for the second time is stale."""
    breaker = opened(permitted_probes=2, successes_to_close=1)
    old, bad = allowed(breaker, OVER), allowed(breaker, OVER)
    breaker.record(bad, bad=True, now=OVER)
    allowed(breaker, OVER + 8.0)
    before = breaker.snapshot(OVER + 8.0)

    assert breaker.record(old, bad=False, now=OVER + 8.0) is None

    assert breaker.snapshot(OVER + 8.0) == before


def test_a_probe_on_its_way_when_it_closes_counts_nothing() -> None:
    """The circuit closed by another probe does not count the rest."""
    breaker = opened(permitted_probes=2, successes_to_close=1, consecutive_failures=1)
    rest, good = allowed(breaker, OVER), allowed(breaker, OVER)
    breaker.record(good, bad=False, now=OVER)
    before = breaker.snapshot(OVER)

    assert breaker.record(rest, bad=True, now=OVER, failure="late") is None

    assert breaker.snapshot(OVER) == before


def test_a_probe_whose_body_fails_late_is_bad() -> None:
    """A probe recorded good whose body breaks off opens the circuit again."""
    breaker, probe = half_open(successes_to_close=2)
    breaker.record(probe, bad=False, now=OVER)

    moved = breaker.fail_late(probe, now=OVER + 1.0, failure="truncated")

    assert moved is not None
    assert moved.trigger is Trigger.PROBE_BAD
    assert breaker.snapshot(OVER + 1.0).last_failure == "truncated"


def test_a_clock_that_goes_backwards_frees_no_probe() -> None:
    """An earlier time does not end a lease, and lets nobody through beside the probe."""
    breaker, probe = half_open()

    refused(breaker, START - 3600.0)

    breaker.record(probe, bad=False, now=START - 3600.0)
    assert breaker.snapshot(OVER).successes == 1
