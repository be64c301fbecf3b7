import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.machines.makers import PAUSE, START
from verto_resilience.machines import Pause, PauseSnapshot, Pausing

STEPS = [0.0, 0.001, 0.25, 0.5, 1.0, 8.0, 9.999, 10.0, 10.001, 60.0, 61.0]


class PauseModel(RuleBasedStateMachine):
    """A gate beside the list of ends it was given."""

    def __init__(self) -> None:
        """Start open."""
        super().__init__()
        self.now = START
        self.spread = 0.5
        self.gate = Pause(PAUSE, chance=lambda: self.spread)
        self.ends = [0.0]
        self.began = -math.inf
        self.strikes = 0
        self.turns: list[float] = []

    @property
    def end(self) -> float:
        """The latest end there was."""
        return max(self.ends)

    @rule(step=st.sampled_from(STEPS))
    def time_passes(self, step: float) -> None:
        """Steps around every length there is."""
        self.now += step

    @precondition(lambda self: self.end > self.now)
    @rule(side=st.sampled_from([-math.inf, None, math.inf]))
    def pause_is_about_over(self, side: float | None) -> None:
        """To the end of the pause, or one float beside it."""
        self.now = max(self.now, self.end if side is None else math.nextafter(self.end, side))

    @rule(spread=st.sampled_from([0.0, 0.3, 0.5, 0.999]))
    def chance_changes(self, spread: float) -> None:
        """Other jitter from now on."""
        self.spread = spread

    @rule(
        asked=st.one_of(st.none(), st.sampled_from([0.0, 0.5, 10.0, 60.0, 61.0, 1e9])),
        sent=st.sampled_from([0.0, 0.1, 1.0, 20.0]),
    )
    def refused(self, asked: float | None, sent: float) -> None:
        """A 429 came, to a request sent this long ago."""
        again = self.strikes == 0 or self.now - sent > self.began
        self.strikes += again
        told = asked is not None and asked > 0.0
        length = asked
        if length is None or not told:
            ceiling = min(PAUSE.backoff_limit, PAUSE.backoff_base * 2.0 ** (self.strikes - 1))
            length = self.spread * ceiling
        held = min(length, PAUSE.max_pause)
        grows = self.now + held > max(self.end, self.now) and (again or told)
        expected = Pausing(held, told=told, cut=length > held) if grows else None
        if again:
            self.began = self.now
        if grows:
            self.ends.append(self.now + held)
            self.turns = []

        assert self.gate.hold(asked, sent_at=self.now - sent, now=self.now) == expected

    @rule(sent=st.sampled_from([0.0, 0.1, 1.0, 20.0]))
    def succeeded(self, sent: float) -> None:
        """A request sent this long ago succeeded."""
        if self.now - sent > self.began:
            self.strikes = 0

        self.gate.forgive(sent_at=self.now - sent)

    @rule()
    def ask(self) -> None:
        """Nobody's turn comes before the end, nor twice, nor after the ramp."""
        wait = self.gate.wait(self.now)

        if self.now >= self.end:
            assert wait == 0.0
            return
        turn = self.now + wait
        assert turn >= self.end
        assert wait <= self.end - self.now + PAUSE.ramp
        self.turns.append(turn)

    @rule()
    def lift(self) -> None:
        """A person opens it."""
        self.gate.lift()
        self.ends = [0.0]
        self.strikes = 0

    @invariant()
    def it_is_as_the_list_says(self) -> None:
        """The end is the latest there was, never beyond the limit; counts are exact."""
        left = max(0.0, self.end - self.now)

        snapshot = self.gate.snapshot(self.now)

        waiting = len(self.turns) if left else 0
        assert snapshot == PauseSnapshot(left, self.strikes, waiting)
        assert snapshot.remaining <= PAUSE.max_pause + 1e-9
        more = PAUSE.backoff_limit if self.strikes else 0.0
        assert self.gate.busy_until() == self.end + more


TestPauseModel = PauseModel.TestCase
TestPauseModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
