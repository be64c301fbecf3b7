import pickle

import pytest

from tests.pipeline.makers import KEY, READ, START, TRADE, Bench, answer, half
from verto_resilience.machines import Mode, State
from verto_resilience.pipeline import (
    GENERAL,
    CircuitKey,
    Circuits,
    Pipeline,
    Policies,
    Policy,
    settings_table,
)

GENERAL_POLICY = Policy(max_attempts=2)
OF_ORIGIN = Policy(max_attempts=4)
OF_HOST = Policy(max_attempts=6)
BOTH = Policies(GENERAL_POLICY, {KEY: OF_ORIGIN, "api.example.com": OF_HOST})


class TestOf:
    """Which policy an origin has."""

    @pytest.mark.parametrize(
        ("origin", "policy"),
        [
            (KEY, OF_ORIGIN),
            ("https://api.example.com:8443", OF_HOST),
            ("http://api.example.com:80", OF_HOST),
            ("https://www.api.example.com:443", GENERAL_POLICY),
            ("https://example.com:443", GENERAL_POLICY),
        ],
    )
    def test_the_origin_goes_before_the_host(self, origin: str, policy: Policy) -> None:
        """An origin has its own policy, else its host's, else the general one."""
        assert BOTH.of(origin) is policy

    def test_a_host_may_be_an_address(self) -> None:
        """An IPv6 address keeps its brackets."""
        policies = Policies(GENERAL_POLICY, {"[::1]": OF_HOST})

        assert policies.of("http://[::1]:8080") is OF_HOST

    def test_a_policy_alone_holds_for_all(self) -> None:
        """Without others the general one is given."""
        assert Policies(OF_HOST).of(KEY) is OF_HOST

    def test_they_travel(self) -> None:
        """Policies go along when an adapter is pickled."""
        assert pickle.loads(pickle.dumps(BOTH)) == BOTH  # noqa: S301 - its own

    def test_general_settings_are_settings(self) -> None:
        """What holds for all origins is named as the table names it."""
        assert {row.name for row in settings_table()} >= GENERAL


class TestPipeline:
    """A call has the policy of its origin."""

    @pytest.mark.parametrize(("policies", "sends"), [(Policies(GENERAL_POLICY), 2), (BOTH, 4)])
    def test_a_call_goes_by_the_policy_of_its_origin(self, policies: Policies, sends: int) -> None:
        """An origin that may have four attempts has four, another two."""
        here = Bench()
        pipeline = Pipeline(policies, clock=here.clock, chance=half)
        script = here.script(*[answer(503)] * 9)

        pipeline.run(READ, script)

        assert script.sends == sends


class TestCircuits:
    """Machines of an origin have its settings, also when they change."""

    def test_each_origin_has_its_own_numbers(self) -> None:
        """The machines of an origin are made by its policy, those of another by the general one."""
        own = Policy(break_duration=7.0, max_pause=8.0, budget_capacity=3.0)
        circuits = Circuits(Policies(Policy(), {KEY: own}), chance=half)

        origin, other = circuits.at(KEY, START), circuits.at("https://other:443", START)

        assert origin.policy is own
        assert origin.breaker.settings == own.breaker_settings()
        assert origin.pause.settings == own.pause_settings()
        assert origin.budget.settings == own.budget_settings()
        assert other.breaker.settings == Policy().breaker_settings()

    def test_what_is_known_outlives_a_change(self) -> None:
        """An open circuit stays open, a pause goes on, what was spent is spent."""
        circuits = Circuits(Policy(), chance=half)
        origin = circuits.at(KEY, START)
        origin.breaker.open(START)
        origin.pause.hold(20.0, sent_at=START, now=START)
        origin.budget.try_withdraw(START)
        before = (
            origin.breaker.snapshot(START),
            origin.pause.snapshot(START),
            origin.budget.balance(START),
        )

        circuits.reconfigure(Policy(break_duration=50.0, max_pause=90.0, budget_trickle=0.5))

        assert circuits.at(KEY, START) is origin
        assert before == (
            origin.breaker.snapshot(START),
            origin.pause.snapshot(START),
            origin.budget.balance(START),
        )
        assert origin.breaker.settings.break_duration == 50.0
        assert origin.pause.settings.max_pause == 90.0
        assert origin.budget.settings.trickle == 0.5

    def test_counts_outlive_a_change_of_thresholds(self) -> None:
        """Failures counted under the old threshold count under the new one."""
        circuits = Circuits(Policy(consecutive_failures=5), chance=half)
        breaker = circuits.at(KEY, START).breaker
        for _ in range(2):
            permit = breaker.try_acquire(START)
            breaker.record(permit, bad=True, now=START)  # type: ignore[arg-type]

        circuits.reconfigure(Policy(consecutive_failures=3))
        breaker.record(breaker.try_acquire(START), bad=True, now=START)  # type: ignore[arg-type]

        assert breaker.state is State.OPEN

    def test_a_change_that_changes_nothing_keeps_permits_valid(self) -> None:
        """What is out while the same settings are set again is counted when it comes back."""
        circuits = Circuits(Policy(consecutive_failures=1), chance=half)
        breaker = circuits.at(KEY, START).breaker
        permit = breaker.try_acquire(START)

        circuits.reconfigure(Policy(consecutive_failures=1))
        breaker.record(permit, bad=True, now=START)  # type: ignore[arg-type]

        assert breaker.state is State.OPEN

    def test_the_mode_changes_while_running(self) -> None:
        """A circuit can be switched to observing and forced open without being made anew."""
        circuits = Circuits(Policy(), chance=half)
        breaker = circuits.at(KEY, START).breaker

        circuits.reconfigure(Policy(breaker_mode=Mode.FORCED_OPEN))

        assert breaker.mode is Mode.FORCED_OPEN

    def test_an_origin_that_left_but_is_in_use_changes_too(self) -> None:
        """A call that holds an origin goes on with the new numbers."""
        circuits = Circuits(Policy(max_origins=1), chance=half)
        held = circuits.at(KEY, START)
        circuits.at("https://other:443", START)

        circuits.reconfigure(Policy(max_origins=1, break_duration=9.0))

        assert held not in circuits.known()
        assert held.breaker.settings.break_duration == 9.0

    def test_origins_to_come_have_the_new_settings(self) -> None:
        """A registry makes origins by the policy in force."""
        circuits = Circuits(Policy(), chance=half)

        circuits.reconfigure(Policies(Policy(), {KEY: OF_ORIGIN}))

        assert circuits.at(KEY, START).policy is OF_ORIGIN
        assert circuits.policy == Policy()

    def test_circuits_may_come_to_be_kept_for_each_operation(self) -> None:
        """The origin's own circuit is kept when operations get theirs, and when they lose them."""
        circuits = Circuits(Policy(), chance=half)
        origin = circuits.at(KEY, START)
        origin.breaker.open(START)

        circuits.reconfigure(Policy(circuit_key=CircuitKey.OPERATION, break_duration=9.0))
        name, own = origin.circuit(TRADE)
        circuits.reconfigure(Policy())

        assert name != KEY
        assert own.settings.break_duration == 9.0
        assert origin.circuit(TRADE) == (KEY, origin.breaker)
        assert origin.breaker.state is State.OPEN
