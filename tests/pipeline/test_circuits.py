import gc
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import pytest

from tests.pipeline.makers import KEY, START, TRADE, half
from verto_resilience.machines import CircuitBreaker, Mode, State
from verto_resilience.outcome import Operation, OperationKind, Repeatable
from verto_resilience.pipeline import CircuitKey, Circuits, Origin, Policy

RATES = Operation("GET", "/rates", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS)


def _circuits(**settings: Any) -> Circuits:
    return Circuits(Policy(**settings), chance=half)


def _keys(circuits: Circuits) -> set[str]:
    return {origin.key for origin in circuits.known()}


def _fill(circuits: Circuits, *keys: str) -> None:
    """Ask for these, one after the other, and keep none of them."""
    for key in keys:
        circuits.at(key, START)


def _names(count: int) -> list[str]:
    return [f"origin {number}" for number in range(count)]


class Meddler:
    """A lock before which, the first time, somebody else gets a turn."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        """Take what the other does."""
        self._lock = threading.Lock()
        self._meddle: Callable[[], object] | None = meddle

    def __enter__(self) -> None:
        """Let the other go first."""
        meddle, self._meddle = self._meddle, None
        if meddle is not None:
            meddle()
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Free it."""
        self._lock.release()


class TestOrigin:
    """The machines of one origin."""

    def test_it_starts_well(self) -> None:
        """A new origin has a closed circuit, an open gate and a full budget."""
        origin = _circuits(budget_capacity=7.0).at(KEY, START)

        assert origin.key == KEY
        assert origin.breaker.state is State.CLOSED
        assert origin.pause.wait(START) == 0.0
        assert origin.budget.balance(START) == 7.0
        assert origin.is_idle(START)

    def test_its_machines_have_the_policy_s_numbers(self) -> None:
        """Breaker, pause and budget are made from the policy of the registry."""
        policy = Policy(
            break_duration=7.0,
            max_pause=8.0,
            budget_deposit=0.3,
            breaker_mode=Mode.OBSERVE_ONLY,
        )

        origin = Circuits(policy, chance=half).at(KEY, START)

        assert origin.breaker.settings == policy.breaker_settings()
        assert origin.breaker.mode is Mode.OBSERVE_ONLY
        assert origin.pause.settings == policy.pause_settings()
        assert origin.budget.settings == policy.budget_settings()

    def test_its_machines_have_the_registry_s_chance(self) -> None:
        """Breaks are jittered, and pauses spread, by the chance that the registry was given."""
        circuits = Circuits(Policy(break_jitter=1.0, break_duration=4.0), chance=lambda: 0.25)
        origin = circuits.at(KEY, START)

        moved = origin.breaker.open(START)
        pausing = origin.pause.hold(None, sent_at=START, now=START)

        assert moved.break_duration == 5.0
        assert pausing is not None
        assert pausing.seconds == 0.125

    @pytest.mark.parametrize("operation", [None, RATES, TRADE], ids=["none", "rates", "trade"])
    def test_an_origin_has_one_circuit(self, operation: Operation | None) -> None:
        """Where circuits are kept for each origin, every operation has the same."""
        origin = _circuits().at(KEY, START)

        assert origin.circuit(operation) == (KEY, origin.breaker)
        assert origin.circuits() == ((KEY, origin.breaker),)

    def test_an_operation_may_have_a_circuit_of_its_own(self) -> None:
        """Where circuits are kept for each operation, one that fails leaves the others closed."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)

        key, breaker = origin.circuit(RATES)
        breaker.open(START)

        assert key == f"{KEY} GET /rates"
        assert origin.circuit(RATES) == (key, breaker)
        assert origin.circuit(TRADE)[1].state is State.CLOSED
        assert origin.breaker.state is State.CLOSED

    def test_an_unknown_operation_has_the_origin_s_circuit(self) -> None:
        """What is in no table is counted together, so that paths make no circuits."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)

        assert origin.circuit(None) == (KEY, origin.breaker)
        assert len(origin.circuits()) == 1

    def test_all_its_circuits_are_listed(self) -> None:
        """The origin's own circuit comes first, then those of its operations."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        rates, trade = origin.circuit(RATES), origin.circuit(TRADE)

        assert origin.circuits() == ((KEY, origin.breaker), rates, trade)

    def test_operations_of_one_path_are_told_apart_by_method(self) -> None:
        """A circuit is named by method and template."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        fx = Operation("GET", "/fx", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS)

        assert origin.circuit(fx)[0] == f"{KEY} GET /fx"
        assert origin.circuit(TRADE)[0] == f"{KEY} POST /fx"

    def test_threads_make_one_circuit_for_an_operation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A circuit that somebody else made meanwhile is taken, not replaced."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        others: list[CircuitBreaker] = []

        def make_late(*args: Any, **kwargs: Any) -> CircuitBreaker:
            monkeypatch.undo()
            others.append(origin.circuit(RATES)[1])
            return CircuitBreaker(*args, **kwargs)

        monkeypatch.setattr("verto_resilience.pipeline._circuits.CircuitBreaker", make_late)

        mine = origin.circuit(RATES)[1]

        assert mine is others[0]

    def test_it_has_a_lock_for_each_machine(self) -> None:
        """Pause, budget and every circuit are named when all locks are wanted."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        _, rates = origin.circuit(RATES)

        assert origin.locks() == [
            origin.pause.lock,
            origin.budget.lock,
            origin.breaker.lock,
            rates.lock,
        ]

    def test_it_is_busy_while_paused(self) -> None:
        """An origin that asked for quiet would be forgotten with a loss until the quiet is over."""
        origin = _circuits().at(KEY, START)
        origin.pause.hold(5.0, sent_at=START, now=START)
        origin.pause.forgive(sent_at=START + 1.0)

        assert not origin.is_idle(START + 4.9)
        assert origin.is_idle(START + 5.0)

    def test_it_is_busy_while_a_circuit_is_open(self) -> None:
        """One open circuit of an operation is enough to be missed."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        origin.circuit(TRADE)
        assert origin.is_idle(START)

        origin.circuit(RATES)[1].open(START)

        assert not origin.is_idle(START)


class TestAt:
    """Finding an origin."""

    def test_the_same_key_gives_the_same_origin(self) -> None:
        """Whoever asks for a key shares its machines."""
        circuits = _circuits()

        assert circuits.at(KEY, START) is circuits.at(KEY, START + 1.0)
        assert len(circuits) == 1

    def test_other_keys_give_other_origins(self) -> None:
        """Origins share nothing but their numbers."""
        circuits = _circuits()

        one, other = circuits.at("one", START), circuits.at("other", START)

        assert one is not other
        assert one.breaker is not other.breaker
        assert circuits.known() == (one, other)
        assert len(circuits) == 2

    def test_a_hit_takes_no_lock(self) -> None:
        """Whoever asks for a known origin does not wait for anybody."""
        circuits = _circuits()
        origin = circuits.at(KEY, START)

        with circuits._lock:
            assert circuits.at(KEY, START) is origin

    def test_what_another_thread_made_meanwhile_is_taken(self) -> None:
        """An origin that appeared while this thread waited for the lock is not made again."""
        circuits, others = _circuits(), list[Origin]()
        circuits._lock = Meddler(lambda: others.append(circuits.at(KEY, START)))  # type: ignore[assignment]

        mine = circuits.at(KEY, START)

        assert mine is others[0]

    def test_64_threads_that_ask_for_a_new_key_get_the_same_origin(self) -> None:
        """However many threads meet a new origin at once, it is made once."""
        circuits = _circuits()
        barrier = threading.Barrier(64)

        def ask(_: int) -> list[Origin]:
            barrier.wait(timeout=10.0)
            return [circuits.at(f"origin {number}", START) for number in range(20)]

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(64) as pool:
                answers = list(pool.map(ask, range(64), timeout=30.0))
        finally:
            sys.setswitchinterval(interval)

        assert len({tuple(map(id, answer)) for answer in answers}) == 1
        assert len(circuits) == 20


class TestBound:
    """How many origins are remembered."""

    @pytest.mark.parametrize("most", [1, 2, 3, 16, 17, 40])
    def test_there_are_never_more_than_the_bound(self, most: int) -> None:
        """However many origins come by, the registry does not grow beyond its bound."""
        circuits = _circuits(max_origins=most)

        for number, key in enumerate(_names(3 * most), start=1):
            circuits.at(key, START)

            assert len(circuits) == min(number, most)

    @pytest.mark.parametrize("most", [1, 2, 16, 17, 40])
    def test_the_one_just_asked_for_stays(self, most: int) -> None:
        """Whoever comes last is remembered."""
        circuits = _circuits(max_origins=most)

        for key in _names(3 * most):
            circuits.at(key, START)

            assert key in _keys(circuits)

    def test_one_that_was_not_asked_for_lately_leaves_first(self) -> None:
        """Among idle origins the oldest that nobody asked for since the last look leaves."""
        circuits = _circuits(max_origins=3)
        _fill(circuits, "a", "b", "c", "d")
        assert _keys(circuits) == {"b", "c", "d"}
        _fill(circuits, "b")

        _fill(circuits, "e")

        assert _keys(circuits) == {"b", "d", "e"}

    def test_one_that_is_asked_for_again_and_again_stays(self) -> None:
        """An origin in steady use outlives a stream of origins that are asked for once."""
        circuits = _circuits(max_origins=4)
        circuits.at(KEY, START).budget.try_withdraw(START)

        for key in _names(100):
            circuits.at(key, START)
            circuits.at(KEY, START)

        assert circuits.at(KEY, START).budget.balance(START) == 9.0

    def test_one_with_a_call_under_way_is_never_made_twice(self) -> None:
        """An origin that is held is found again whatever came by meanwhile, with what it learnt."""
        circuits = _circuits(max_origins=2)
        held = circuits.at(KEY, START)
        held.breaker.open(START)

        _fill(circuits, *_names(100))

        assert circuits.at(KEY, START) is held
        assert len(circuits) == 2
        assert held in circuits.known()

    def test_one_that_left_and_is_held_by_nobody_is_freed(self) -> None:
        """What leaves the registry leaves the memory."""
        circuits = _circuits(max_origins=2)
        gone = weakref.ref(circuits.at(KEY, START))

        _fill(circuits, *_names(5))
        gc.collect()

        assert gone() is None
        assert len(circuits._held) == 2

    @pytest.mark.parametrize("most", [2, 3, 15, 16, 17, 20, 40, 100])
    def test_an_open_circuit_stays_while_idle_ones_leave(self, most: int) -> None:
        """An origin whose circuit is open is remembered as long as another can be spared."""
        for at in range(most):
            circuits = _circuits(max_origins=most)
            _fill(circuits, *_names(most))
            circuits.at(f"origin {at}", START).breaker.open(START)

            _fill(circuits, "new")

            assert f"origin {at}" in _keys(circuits)

    @pytest.mark.parametrize("most", [2, 3, 15, 16, 17, 20, 40, 100])
    def test_a_paused_origin_stays_while_idle_ones_leave(self, most: int) -> None:
        """An origin that asked for quiet is remembered as long as another can be spared."""
        for at in range(most):
            circuits = _circuits(max_origins=most)
            _fill(circuits, *_names(most))
            circuits.at(f"origin {at}", START).pause.hold(60.0, sent_at=START, now=START)

            _fill(circuits, "new")

            assert f"origin {at}" in _keys(circuits)

    def test_an_open_circuit_outlives_a_stream_of_origins(self) -> None:
        """However many idle origins come by, the open one is still known at the end."""
        circuits = _circuits(max_origins=10)
        circuits.at(KEY, START).breaker.open(START)

        _fill(circuits, *_names(100))

        assert KEY in _keys(circuits)

    def test_a_pause_that_is_over_protects_nobody(self) -> None:
        """Whether an origin can be spared is judged at the time of the question."""
        circuits = _circuits(max_origins=2)
        paused = circuits.at(KEY, START)
        paused.pause.hold(5.0, sent_at=START, now=START)
        paused.pause.forgive(sent_at=START + 1.0)
        paused.asked_for = False

        circuits.at("second", START + 6.0)
        circuits.at("third", START + 6.0)

        assert _keys(circuits) == {"second", "third"}

    @pytest.mark.parametrize("most", [1, 4, 16, 20, 64, 65, 200])
    def test_where_nobody_can_be_spared_the_bound_holds_all_the_same(self, most: int) -> None:
        """With every circuit open one of them leaves, and not the newcomer."""
        circuits = _circuits(max_origins=most)
        for key in _names(most):
            circuits.at(key, START).breaker.open(START)

        circuits.at("new", START)

        assert len(circuits) == most
        assert "new" in _keys(circuits)


class TestFork:
    """Holding still while the process is copied."""

    def test_every_lock_is_held_and_freed_again(self) -> None:
        """Registry, pause, budget and circuits stand still between the two calls."""
        circuits = _circuits(circuit_key=CircuitKey.OPERATION)
        circuits.at("one", START).circuit(RATES)
        circuits.at("two", START)
        locks = [lock for origin in circuits.known() for lock in origin.locks()]

        circuits.hold_still()
        held = [lock.locked() for lock in (circuits._lock, *locks)]
        circuits.go_on()
        freed = [not lock.locked() for lock in (circuits._lock, *locks)]

        assert held == freed == [True] * 8

    def test_it_can_be_done_again(self) -> None:
        """A process may be copied many times, and its circuits work afterwards."""
        circuits = _circuits()
        origin = circuits.at(KEY, START)

        for _ in range(3):
            circuits.hold_still()
            circuits.go_on()

        assert origin.budget.try_withdraw(START)
        assert circuits.at("other", START) is not origin

    def test_an_origin_that_left_but_is_in_use_stands_still_too(self) -> None:
        """A call may hold an origin that the registry let go, and its locks are held as well."""
        circuits = _circuits(max_origins=1)
        held = circuits.at(KEY, START)
        circuits.at("other", START)
        assert held not in circuits.known()

        circuits.hold_still()
        locked = [lock.locked() for lock in held.locks()]
        circuits.go_on()

        assert locked == [True, True, True]

    def test_an_empty_registry_holds_still(self) -> None:
        """There need be no origin."""
        circuits = _circuits()

        circuits.hold_still()
        circuits.go_on()

        assert len(circuits) == 0
        assert circuits.known() == ()
