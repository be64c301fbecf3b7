from dataclasses import replace
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.machines.makers import BUDGET, START
from verto_resilience.machines import BudgetSettings, RetryBudget

# Powers of two, so that floats and fractions agree to the last digit.
SETTINGS = st.builds(
    BudgetSettings,
    capacity=st.sampled_from([1.0, 2.0, 3.5]),
    deposit=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    trickle=st.sampled_from([0.0, 0.125, 1.0]),
)
STEPS = st.sampled_from([0.0, 0.25, 1.0, 7.75, 8.0, 1e6])


class BudgetModel(RuleBasedStateMachine):
    """A budget beside the same sums in exact fractions."""

    def __init__(self) -> None:
        """Start with numbers that are replaced at once."""
        super().__init__()
        self.now = START
        self.budget = RetryBudget(BUDGET)
        self.tokens = Fraction(0)
        self.allowance = Fraction(0)
        self.resends = 0

    @initialize(numbers=SETTINGS)
    def begin(self, numbers: BudgetSettings) -> None:
        """Start full."""
        self.budget = RetryBudget(numbers)
        self.tokens = self.allowance = Fraction(numbers.capacity)
        self.budget.balance(self.now)

    @rule(step=STEPS)
    def time_passes(self, step: float) -> None:
        """What drips in is cut at the capacity."""
        self.now += step
        self._earn(Fraction(step) * Fraction(self.budget.settings.trickle))

    @rule(seconds=STEPS)
    def clock_was_read_before(self, seconds: float) -> None:
        """An earlier reading changes nothing."""
        balance = self.budget.balance(self.now)

        assert self.budget.balance(self.now - seconds) == balance

    @rule()
    def call(self) -> None:
        """A call puts in its share."""
        self.budget.balance(self.now)
        self.budget.deposit()
        self._earn(Fraction(self.budget.settings.deposit))

    @rule()
    def resend(self) -> None:
        """A resend takes a token, or is refused because there is none."""
        allowed = self.budget.try_withdraw(self.now)

        assert allowed is (self.tokens >= 1)
        if allowed:
            self.tokens -= 1
            self.resends += 1

    @precondition(lambda self: self.now > START)
    @rule(capacity=st.sampled_from([1.0, 2.0, 3.5]))
    def capacity_changes(self, capacity: float) -> None:
        """A live change keeps the tokens, as far as they still fit."""
        self.budget.balance(self.now)
        self.budget.settings = replace(self.budget.settings, capacity=capacity)
        self.tokens = min(self.tokens, Fraction(capacity))

    @invariant()
    def balance_is_that_of_the_fractions(self) -> None:
        """Never below 0, never above the capacity, and exact."""
        balance = self.budget.balance(self.now)

        assert balance == float(self.tokens)
        assert 0.0 <= balance <= self.budget.settings.capacity

    @invariant()
    def resends_are_a_share(self) -> None:
        """Never more resends than capacity, deposits and trickle allow together."""
        assert self.resends <= self.allowance

    def _earn(self, tokens: Fraction) -> None:
        self.allowance += tokens
        self.tokens = min(Fraction(self.budget.settings.capacity), self.tokens + tokens)


TestBudgetModel = BudgetModel.TestCase
TestBudgetModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
