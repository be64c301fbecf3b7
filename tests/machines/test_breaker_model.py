import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from tests.machines.makers import BREAKER, START
from tests.machines.reference import Reference
from verto_resilience.machines import (
    BreakerSettings,
    CircuitBreaker,
    Mode,
    Permit,
    Refusal,
    State,
    TripReason,
)

# Thresholds so low that each way to move is a few steps away.
SETTINGS = [
    replace(BREAKER, minimum_calls=3, consecutive_failures=2, break_jitter=0.5),
    replace(BREAKER, minimum_calls=2, permitted_probes=2, failure_rate_threshold=0.6),
    replace(BREAKER, minimum_calls=2, slow_call_duration=2.0, permitted_probes=3),
    replace(BREAKER, minimum_calls=3, slow_call_duration=2.0, consecutive_failures=3, buckets=1),
]
EDGES = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 16.0, 20.0]
STEPS = [edge + off for edge in EDGES for off in (-0.001, 0.0, 0.001) if edge + off >= 0.0]
FAILURES = st.sampled_from(["503", "reset"])


class BreakerModel(RuleBasedStateMachine):
    """A breaker beside one that keeps everything and counts again."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        """Start with settings that are replaced at once."""
        super().__init__()
        self.now = START
        self.begin(BREAKER)

    @initialize(numbers=st.sampled_from(SETTINGS))
    def begin(self, numbers: BreakerSettings) -> None:
        """Start closed."""
        self.spread = 0.0
        self.breaker = CircuitBreaker(numbers, chance=lambda: self.spread)
        self.reference = Reference(numbers)
        self.generation = 0
        self.longest = numbers.max_break_duration

    @rule(step=st.sampled_from(STEPS))
    def time_passes(self, step: float) -> None:
        """Steps around every length there is."""
        self.now += step

    @precondition(lambda self: self.breaker.state is State.OPEN)
    @rule(side=st.sampled_from([-math.inf, None, math.inf]))
    def break_is_about_over(self, side: float | None) -> None:
        """To the end of the break, or one float beside it."""
        end = self.reference.until if side is None else math.nextafter(self.reference.until, side)
        self.now = max(self.now, end)

    @precondition(lambda self: self.reference.probes)
    @rule(side=st.sampled_from([-math.inf, None, math.inf]))
    def lease_is_about_over(self, side: float | None) -> None:
        """To the end of the oldest probe's lease, or one float beside it."""
        end = self.reference.probes[0].started + self.reference.settings.probe_lease
        self.now = max(self.now, end if side is None else math.nextafter(end, side))

    @precondition(lambda self: self.breaker.mode is Mode.ENFORCE)
    @rule(target=permits)
    def probes_outlast_their_lease(self) -> MultipleResults[Permit]:
        """The way to a half-open circuit whose probe was given up, and another let through."""
        if self.breaker.state is State.CLOSED:
            self.open_by_hand()
        self.break_is_about_over(None)
        asked = [self.ask()]
        if self.reference.probes:
            self.lease_is_about_over(None)
            asked.append(self.ask())
        return multiple(*(answer for answer in asked if isinstance(answer, Permit)))

    @precondition(lambda self: self.breaker.state is State.CLOSED)
    @rule(target=permits)
    def call_is_lost(self) -> MultipleResults[Permit]:
        """A call is out for so long that the next question takes it for lost."""
        asked = [self.ask()]
        numbers = self.breaker.settings
        self.now += (numbers.slow_call_duration or 0.0) + numbers.probe_lease
        asked.append(self.ask())
        return multiple(*(answer for answer in asked if isinstance(answer, Permit)))

    @rule(spread=st.sampled_from([0.0, 0.5, 0.999]))
    def chance_changes(self, spread: float) -> None:
        """Other jitter from now on."""
        self.spread = self.reference.spread = spread

    @rule(target=permits)
    def ask(self) -> Permit | MultipleResults[Permit]:
        """Ask; a refusal without a time means that probes are out."""
        real, moved = self.reference.ask(self.now)

        answer = self.breaker.try_acquire(self.now)

        assert answer.transition == moved
        if isinstance(answer, Permit):
            assert (answer.generation == self.reference.generation) is real
            if real:
                self.reference.given(answer, self.now)
            return answer
        assert not real
        self._check_refusal(answer)
        return multiple()

    @rule(permit=permits, bad=st.booleans(), failure=FAILURES)
    def record(self, permit: Permit, bad: bool, failure: str) -> None:
        """Record any permit ever given, also for the second time; a stale one changes nothing."""
        before = self.breaker.snapshot(self.now)
        moved = self.reference.record(permit, self.now, bad=bad, failure=failure)

        assert self.breaker.record(permit, bad=bad, now=self.now, failure=failure) == moved

        if permit.generation != before.generation:
            assert self.breaker.snapshot(self.now) == before

    @precondition(lambda self: self.reference.given_up or self.reference.lost)
    @rule(bad=st.booleans(), failure=FAILURES, again=st.booleans())
    def one_given_up_comes_back(self, bad: bool, failure: str, again: bool) -> None:
        """A probe or a call whose time was up has a result after all, which counts once."""
        given_up = [*self.reference.given_up, *self.reference.lost][0].permit

        self.record(given_up, bad=bad, failure=failure)

        if again:
            self.record(given_up, bad=True, failure="again")

    @rule(permit=permits, failure=FAILURES)
    def fail_late(self, permit: Permit, failure: str) -> None:
        """A body breaks off."""
        moved = self.reference.fail_late(permit, self.now, failure)

        assert self.breaker.fail_late(permit, now=self.now, failure=failure) == moved

    @rule(permit=permits)
    def abandon(self, permit: Permit) -> None:
        """Give back any permit, also for the second time."""
        self.breaker.release(permit)
        self.reference.release(permit)

    @rule(mode=st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, *Mode]))
    def mode_changes(self, mode: Mode) -> None:
        """Any mode, at any time."""
        self.breaker.mode = mode
        self.reference.set_mode(mode)

    @rule(probes=st.integers(1, 3), successes=st.integers(1, 3))
    def settings_change(self, probes: int, successes: int) -> None:
        """New numbers for the probes keep the state."""
        changed = replace(
            self.breaker.settings, permitted_probes=probes, successes_to_close=successes
        )
        self.breaker.settings = self.reference.settings = changed

    @precondition(lambda self: self.breaker.state is not State.OPEN)
    @rule()
    def open_by_hand(self) -> None:
        """A person opens it."""
        assert self.breaker.open(self.now) == self.reference.open(self.now)

    @precondition(lambda self: self.breaker.state is not State.CLOSED)
    @rule()
    def reset_by_hand(self) -> None:
        """A person closes it."""
        assert self.breaker.reset(self.now) == self.reference.reset(self.now)

    @invariant()
    def it_is_as_the_reference_says(self) -> None:
        """The whole snapshot is equal, and the look agrees with it."""
        snapshot = self.breaker.snapshot(self.now)

        assert snapshot == self.reference.snapshot(self.now)
        assert self.breaker.state is snapshot.state
        if snapshot.mode is Mode.ENFORCE:
            assert self.breaker.refuses_for(self.now) == snapshot.open_for

    @invariant()
    def generations_never_fall(self) -> None:
        """A generation once left is never come back to."""
        generation = self.breaker.snapshot(self.now).generation

        assert generation >= self.generation
        self.generation = generation

    @invariant()
    def breaks_are_bounded(self) -> None:
        """No break is longer than the longest, jitter included."""
        assert 0.0 <= self.breaker.snapshot(self.now).open_for <= self.longest

    def _check_refusal(self, refusal: Refusal) -> None:
        snapshot = self.breaker.snapshot(self.now)
        if snapshot.mode is Mode.FORCED_OPEN:
            assert refusal.reason is TripReason.MANUAL
            assert refusal.retry_after is None
        elif snapshot.state is State.HALF_OPEN:
            assert refusal.retry_after is None
            assert snapshot.probes >= self.breaker.settings.permitted_probes
        else:
            assert refusal.retry_after is not None
            assert 0.0 < refusal.retry_after <= self.longest


TestBreakerModel = BreakerModel.TestCase
TestBreakerModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(
    numbers=st.sampled_from(SETTINGS),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ask", "good", "bad", "release", "late"]),
            st.one_of(st.sampled_from([START, START + 4.0, 0.0, 1e9, 1e15]), st.floats(-1e6, 1e6)),
        ),
        max_size=40,
    ),
)
def test_a_clock_that_jumps_does_no_harm(
    numbers: BreakerSettings, steps: list[tuple[str, float]]
) -> None:
    """Whatever the clock says, counts and times stay in their bounds and generations grow."""
    breaker = CircuitBreaker(numbers, chance=lambda: 0.5)
    longest = numbers.max_break_duration
    out: list[Permit] = []
    generation = 0
    for what, now in steps:
        if what == "ask" or not out:
            answer = breaker.try_acquire(now)
            if isinstance(answer, Permit):
                out.append(answer)
            else:
                assert answer.retry_after is None or 0.0 <= answer.retry_after <= longest
        elif what == "release":
            breaker.release(out.pop())
        elif what == "late":
            breaker.fail_late(out[-1], now=now)
        else:
            breaker.record(out.pop(0), bad=what == "bad", now=now)

        snapshot = breaker.snapshot(now)
        assert snapshot.generation >= generation
        generation = snapshot.generation
        assert 0 <= snapshot.slow <= snapshot.calls <= len(steps)
        assert 0 <= snapshot.failures <= len(steps)
        assert 0 <= snapshot.probes <= numbers.permitted_probes
        assert 0 <= snapshot.trips <= len(steps)
        assert 0.0 <= snapshot.open_for <= longest
