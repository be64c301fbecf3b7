import gc
import itertools
import math
import random
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

import verto_resilience.pipeline
from tests.machines.threads import interrupted
from tests.pipeline.makers import (
    KEY,
    READ,
    START,
    TRADE,
    answer,
    are_locked,
    half,
    locks_of,
)
from verto_resilience.machines import CircuitBreaker, Mode, State
from verto_resilience.outcome import Operation, OperationKind, Repeatable
from verto_resilience.pipeline import Call, CircuitKey, Circuits, Origin, Policy

PIPELINE = str(Path(verto_resilience.pipeline.__file__).parent)
RATES = Operation("GET", "/rates", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS)


def _circuits(**settings: Any) -> Circuits:
    return Circuits(Policy(**settings), chance=half)


def _keys(circuits: Circuits) -> set[str]:
    return {origin.key for origin in circuits.known()}


def _fill(circuits: Circuits, *keys: str) -> None:
    """Ask for these, one after the other, and keep none of them."""
    for key in keys:
        circuits.at(key, START)


def _fill_at(circuits: Circuits, now: float, *keys: str) -> None:
    """Ask for these at this time."""
    for key in keys:
        circuits.at(key, now)


def _hold(origin: Origin, seconds: float) -> None:
    """Have an origin ask for quiet."""
    origin.pause.hold(seconds, sent_at=START, now=START)


def _half_open(origin: Origin) -> None:
    """Have a probe out."""
    origin.breaker.open(START - 5.5)
    origin.breaker.try_acquire(START)


def _force(origin: Origin) -> None:
    """Switch a circuit by hand."""
    origin.breaker.mode = Mode.FORCED_OPEN


BUSY: dict[str, Callable[[Origin], object]] = {
    "paused": lambda origin: _hold(origin, 60.0),
    "open": lambda origin: origin.breaker.open(START),
    "half_open": _half_open,
    "forced": _force,
}


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
        assert origin.busy_until() <= START

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

        assert moved.break_duration == 3.0
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

        monkeypatch.setattr("verto_resilience.pipeline._origin.CircuitBreaker", make_late)

        mine = origin.circuit(RATES)[1]

        assert mine is others[0]

    def test_settings_that_change_in_this_very_instant_hold(self) -> None:
        """Who finds that operations have no circuits any more is given the origin's own."""
        circuits = _circuits(circuit_key=CircuitKey.OPERATION)
        origin = circuits.at(KEY, START)
        origin._making = Meddler(lambda: setattr(origin, "_breakers", None))  # type: ignore[assignment]

        assert origin.circuit(RATES) == (KEY, origin.breaker)

    def test_held_still_every_machine_is(self) -> None:
        """Pause, budget and every circuit are locked, and new circuits are kept away."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        origin.circuit(RATES)

        taken = origin.hold_still()
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(origin.circuit, TRADE)
            busy = are_locked(*locks_of(origin))
            early = made.done()
            for lock in taken:
                lock.release()
            made.result(timeout=10.0)

        assert busy == [True] * 4
        assert not early
        assert len(taken) == 5

    def test_it_is_busy_while_paused(self) -> None:
        """An origin that asked for quiet would be forgotten with a loss until the quiet is over."""
        origin = _circuits().at(KEY, START)
        origin.pause.hold(5.0, sent_at=START, now=START)
        origin.pause.forgive(sent_at=START + 1.0)

        assert origin.busy_until() == START + 5.0

    def test_it_is_busy_while_a_circuit_is_open(self) -> None:
        """One open circuit of an operation is enough, until a lease after its break."""
        origin = _circuits(
            circuit_key=CircuitKey.OPERATION,
            break_duration=7.0,
            break_jitter=0.0,
            probe_lease=40.0,
        ).at(KEY, START)
        origin.circuit(TRADE)
        assert origin.busy_until() <= START

        origin.circuit(RATES)[1].open(START)

        assert origin.busy_until() == START + 47.0

    @pytest.mark.parametrize("mode", [Mode.FORCED_OPEN, Mode.OFF, Mode.OBSERVE_ONLY])
    def test_it_is_busy_while_a_person_s_mode_holds(self, mode: Mode) -> None:
        """A mode that was set by hand, and not by the policy, would be lost."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        rates = origin.circuit(RATES)[1]

        rates.mode = mode
        assert origin.busy_until() == math.inf
        rates.mode = Mode.ENFORCE

        assert origin.busy_until() <= START

    def test_a_mode_of_the_policy_makes_nobody_busy(self) -> None:
        """An origin that comes back is given the policy's mode anyway."""
        origin = _circuits(breaker_mode=Mode.FORCED_OPEN).at(KEY, START)

        assert origin.busy_until() <= START

    def test_whether_it_is_busy_is_said_without_a_lock(self) -> None:
        """Whoever looks for one to let go waits for no call."""
        origin = _circuits(circuit_key=CircuitKey.OPERATION).at(KEY, START)
        origin.circuit(RATES)

        with ThreadPoolExecutor(1) as pool:
            taken = origin.hold_still()
            looked = pool.submit(origin.busy_until).result(timeout=10.0)
            for lock in taken:
                lock.release()

        assert looked <= START


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

        with circuits._lock, ThreadPoolExecutor(1) as pool:
            assert pool.submit(circuits.at, KEY, START).result(timeout=10.0) is origin

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

    @pytest.mark.parametrize("make_busy", BUSY.values(), ids=BUSY)
    @pytest.mark.parametrize("most", [2, 3, 20, 100])
    def test_a_busy_one_stays_while_another_can_be_spared(
        self, most: int, make_busy: Callable[[Origin], object]
    ) -> None:
        """Wherever it stands in the order, one that would be missed does not leave for another."""
        for at in range(0, most, max(1, most // 20)):
            circuits = _circuits(max_origins=most)
            _fill(circuits, *_names(most))
            make_busy(circuits.at(f"origin {at}", START))

            _fill(circuits, "new")

            assert f"origin {at}" in _keys(circuits)

    @pytest.mark.parametrize("make_busy", BUSY.values(), ids=BUSY)
    @pytest.mark.parametrize("most", [2, 65, 200])
    def test_all_the_busy_stay_where_one_can_be_spared(
        self, most: int, make_busy: Callable[[Origin], object]
    ) -> None:
        """However many are busy, a stream of others passes through the one place that is left."""
        circuits = _circuits(max_origins=most)
        busy = _names(most - 1)
        for key in busy:
            make_busy(circuits.at(key, START))

        for number in range(300):
            circuits.at(f"other {number}", START + number / 100.0)

        assert _keys(circuits) == {*busy, "other 299"}

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

    @pytest.mark.parametrize("most", [1, 4, 64, 65, 200])
    def test_where_nobody_can_be_spared_the_bound_holds_all_the_same(self, most: int) -> None:
        """With every origin paused one of them leaves, and not the newcomer."""
        circuits = _circuits(max_origins=most)
        for key in _names(3 * most):
            _hold(circuits.at(key, START), 60.0)

        circuits.at("new", START)

        assert len(circuits) == most
        assert "new" in _keys(circuits)

    def test_where_nobody_can_be_spared_the_one_soonest_free_leaves(self) -> None:
        """The longer an origin will be busy, the longer it stays."""
        circuits = _circuits(max_origins=4, backoff_limit=5.0)
        for key, seconds in [("a", 40.0), ("b", 20.0), ("c", 60.0), ("d", 30.0)]:
            _hold(circuits.at(key, START), seconds)

        stay = []
        for number in range(3):
            _hold(circuits.at(f"longer {number}", START), 100.0)
            stay.append(_keys(circuits) & {"a", "b", "c", "d"})

        assert stay == [{"a", "c", "d"}, {"a", "c"}, {"c"}]

    def test_a_person_s_mode_is_the_last_to_be_lost(self) -> None:
        """Whoever was switched by hand stays while another is only paused, however long."""
        circuits = _circuits(max_origins=3)
        circuits.at(KEY, START).breaker.mode = Mode.FORCED_OPEN

        for number in range(20):
            _hold(circuits.at(f"paused {number}", START), 300.0)

        assert KEY in _keys(circuits)

    def test_a_pause_outlives_the_place_of_its_origin(self) -> None:
        """An origin that had to leave while paused is paused to the same end when it is back."""
        circuits = _circuits(max_origins=1)
        _hold(circuits.at(KEY, START), 60.0)
        _fill(circuits, *_names(5))

        back = circuits.at(KEY, START + 10.0)

        assert len(circuits) == 1
        assert back.pause.remaining(START + 10.0) == 50.0
        assert back.breaker.state is State.CLOSED

    def test_a_pause_that_ended_meanwhile_is_not_brought_back(self) -> None:
        """Whoever comes back after the end finds the gate open."""
        circuits = _circuits(max_origins=1)
        _hold(circuits.at(KEY, START), 60.0)
        _fill(circuits, *_names(5))

        assert circuits.at(KEY, START + 60.0).pause.remaining(START + 60.0) == 0.0

    def test_the_longest_of_its_pauses_is_kept(self) -> None:
        """Leaving a second time, with less of a pause, does not shorten what is kept."""
        circuits = _circuits(max_origins=1)
        _hold(circuits.at(KEY, START), 60.0)
        _fill(circuits, "a")
        circuits.at(KEY, START).pause.lift()
        _fill(circuits, "b")

        assert circuits.at(KEY, START).pause.remaining(START) == 60.0

    def test_what_is_kept_of_pauses_is_bounded(self) -> None:
        """Of thousands of paused origins that had to leave a table of fixed size is left."""
        circuits = _circuits(max_origins=2)
        for key in _names(3000):
            _hold(circuits.at(key, START), 60.0)
        gc.collect()

        assert len(circuits) == len(circuits._held) == 2
        assert len(circuits._departures._quiet_until) == 1024
        first = circuits.at("origin 0", START)
        assert first.pause.remaining(START) == 60.0

    def test_an_origin_nobody_comes_to_probe_is_spared_in_the_end(self) -> None:
        """A dead origin does not keep its place for ever, nor one left half-open."""
        circuits = _circuits(max_origins=3, probe_lease=30.0, break_duration=5.0, break_jitter=0.0)
        circuits.at("dead", START).breaker.open(START)
        half_open = circuits.at("half-open", START).breaker
        half_open.open(START)
        half_open.try_acquire(START + 5.0)

        _fill_at(circuits, START + 34.9, "a", "b")
        assert {"dead", "half-open"} < _keys(circuits)
        for origin in circuits.known():
            origin.asked_for = False
        _fill_at(circuits, START + 36.0, "c", "d", "e")

        assert _keys(circuits).isdisjoint({"dead", "half-open"})

    def test_where_all_are_asked_for_all_the_time_one_leaves_all_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Being asked for protects once; the search ends."""
        circuits = _circuits(max_origins=3)
        sought = property(lambda _: True, lambda *_: None)
        monkeypatch.setattr(Origin, "asked_for", sought)

        _fill(circuits, *_names(10))

        assert len(circuits) == 3

    def test_one_that_is_busy_no_more_is_noticed(self) -> None:
        """A gate that was opened by hand, and a circuit that closed, protect nobody for long."""
        circuits = _circuits(max_origins=2)
        lifted, closed = circuits.at("lifted", START), circuits.at("closed", START)
        _hold(lifted, 60.0)
        closed.breaker.open(START)
        circuits.at("a", START)
        lifted.pause.lift()
        closed.breaker.reset(START)

        _fill_at(circuits, START + 1.0, "b", "c")

        assert _keys(circuits) == {"b", "c"}

    @pytest.mark.parametrize("learns", ["pause", "circuit"])
    def test_what_a_call_learns_after_its_origin_left_is_kept(self, learns: str) -> None:
        """An idle origin with a call under way may leave; what the call brings home stays."""
        circuits = _circuits(max_origins=2, consecutive_failures=1)
        call = Call(READ, circuits.at(KEY, START), circuits.policy, chance=half, now=START)
        call.admit(START)
        _fill(circuits, *_names(5))
        assert KEY not in _keys(circuits)

        call.settle(answer(429, retry_after=50.0) if learns == "pause" else answer(500), START)
        del call
        _fill_at(circuits, START, "a", "b", "c")
        gc.collect()

        origin = circuits.at(KEY, START)
        assert origin.pause.remaining(START) == (50.0 if learns == "pause" else 0.0)
        assert origin.breaker.state is (State.CLOSED if learns == "pause" else State.OPEN)
        assert len(circuits) == 2

    def test_an_origin_of_a_registry_that_is_gone_stays_nowhere(self) -> None:
        """A call may outlive the registry it came from."""
        circuits = _circuits()
        origin = circuits.at(KEY, START)
        del circuits
        gc.collect()

        origin.stay(START)

        assert origin.pause.remaining(START) == 0.0

    def test_threads_never_call_an_origin_before_the_time_it_told(self) -> None:
        """With four times as many paused origins as places nobody finds a gate open too early."""
        circuits = _circuits(max_origins=8)
        told: dict[str, float] = {}
        early: list[str] = []
        ticks = itertools.count()
        barrier = threading.Barrier(16)

        def work(seed: int) -> None:
            chance = random.Random(seed)
            calls: list[Origin] = []
            barrier.wait(timeout=10.0)
            for _ in range(300):
                key = f"origin {chance.randrange(32)}"
                known = told.get(key, 0.0)
                now = START + next(ticks) / 1000.0
                origin = circuits.at(key, now)
                # Read again: another thread may have made this origin, after the end of its pause.
                later = START + next(ticks) / 1000.0
                if later + origin.pause.remaining(later) < known - 1e-9:
                    early.append(key)
                calls.append(origin)
                del origin
                if len(calls) > 4:
                    called = calls.pop(0)
                    if called.pause.hold(1.0, sent_at=now, now=now) is not None:
                        called.stay(now)
                        told[called.key] = now + 1.0

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(work, range(16), timeout=60.0))
        finally:
            sys.setswitchinterval(interval)

        assert early == []
        assert len(circuits) <= 8


class TestInterrupted:
    """The registry is used while it is in use, in the same thread."""

    def test_a_full_registry_may_be_asked_by_what_interrupts_it(self) -> None:
        """At whichever line: nothing hangs or is raised, and everybody stands in line once."""
        for at in itertools.count():
            circuits = _circuits(max_origins=3, circuit_key=CircuitKey.OPERATION)
            _hold(circuits.at("paused", START), 60.0)
            _fill(circuits, "a", "b")

            def work(circuits: Circuits = circuits) -> None:
                for key in ("c", "d", "paused"):
                    circuits.at(key, START + 2.0).circuit(RATES)
                for key in ("c", "d", "e"):
                    _hold(circuits.at(key, START + 2.0), 90.0)
                circuits.at("f", START + 2.0).stay(START + 2.0)

            def meddle(circuits: Circuits = circuits) -> None:
                for key in ("d", "g", "paused"):
                    origin = circuits.at(key, START + 2.0)
                    origin.circuit(RATES)
                    origin.stay(START + 2.0)

            reached = interrupted(work, meddle, at=at, within=PIPELINE)

            departures = circuits._departures
            listed = [*departures._line, *departures._aside]
            assert sorted(map(id, listed)) == sorted(map(id, circuits.known())), at
            assert len(circuits) <= 3, at
            assert circuits.at("paused", START + 2.0).pause.remaining(START + 2.0) == 58.0, at
            if not reached:
                break
        assert at > 50


class TestFork:
    """Holding still while the process is copied."""

    def test_every_lock_is_held_and_freed_again(self) -> None:
        """Registry, pause, budget and circuits stand still between the two calls."""
        circuits = _circuits(circuit_key=CircuitKey.OPERATION)
        circuits.at("one", START).circuit(RATES)
        circuits.at("two", START)
        locks = [lock for origin in circuits.known() for lock in locks_of(origin)]

        circuits.hold_still()
        held = are_locked(circuits._lock, *locks)
        circuits.go_on()
        freed = are_locked(circuits._lock, *locks)

        assert held == [True] * 8
        assert freed == [False] * 8

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
        locked = are_locked(*locks_of(held))
        circuits.go_on()

        assert locked == [True, True, True]

    def test_a_call_that_ends_meanwhile_disturbs_nobody(self) -> None:
        """The table of those in use may change while it is read, and is read again."""
        circuits = _circuits()
        origin = circuits.at(KEY, START)

        class Changing(dict[str, Origin]):
            """Changes once while it is read."""

            reads = 0

            def values(self) -> Any:
                """Fail as a dictionary does that changes size during iteration."""
                Changing.reads += 1
                if Changing.reads == 1:
                    raise RuntimeError
                return super().values()

        circuits._held = Changing({KEY: origin})  # type: ignore[assignment]

        circuits.reconfigure(Policy(break_duration=9.0))

        assert origin.breaker.settings.break_duration == 9.0

    def test_an_empty_registry_holds_still(self) -> None:
        """There need be no origin."""
        circuits = _circuits()

        circuits.hold_still()
        circuits.go_on()

        assert len(circuits) == 0
        assert circuits.known() == ()


class Greeter:
    """Keeps the keys of those who came."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.came: list[tuple[str, str, State]] = []

    def greet(self, origin: Origin, key: str, breaker: CircuitBreaker) -> None:
        """Note it, and open its circuit as a fleet would."""
        self.came.append((origin.key, key, breaker.state))
        breaker.open(START)


def test_newcomers_are_greeted_once_and_before_they_are_used() -> None:
    """Whoever is told of an origin may set its circuit before the first call asks."""
    circuits, greeter = _circuits(), Greeter()
    circuits.newcomers = greeter

    first, again = circuits.at(KEY, START), circuits.at(KEY, START)

    assert first is again
    assert greeter.came == [(KEY, KEY, State.CLOSED)]
    assert first.breaker.state is State.OPEN


def test_a_circuit_of_an_operation_is_greeted_too() -> None:
    """When it is first asked for, with its own key."""
    circuits, greeter = _circuits(circuit_key=CircuitKey.OPERATION), Greeter()
    circuits.newcomers = greeter
    origin = circuits.at(KEY, START)

    for _ in range(2):
        key, breaker = origin.circuit(RATES)

    assert [came[1] for came in greeter.came] == [KEY, key]
    assert breaker.state is State.OPEN


def test_an_origin_is_found_without_being_made() -> None:
    """A look remembers nobody."""
    circuits = _circuits()
    assert circuits.find(KEY) is None

    origin = circuits.at(KEY, START)

    assert circuits.find(KEY) is origin
    assert circuits.find("https://other:443") is None
    assert len(circuits) == 1


def test_an_origin_that_left_is_found_while_it_is_used() -> None:
    """As a call that holds it would be."""
    circuits = _circuits(max_origins=1)
    held = circuits.at(KEY, START)
    _fill(circuits, "https://other:443")

    assert circuits.find(KEY) is held


def test_the_first_use_is_told_once() -> None:
    """Whatever is asked for, and nothing is lost or slower afterwards."""
    circuits = _circuits()
    known, told = circuits.at(KEY, START), []
    circuits.tell_of_use(lambda: told.append(len(circuits)))

    assert circuits.at(KEY, START) is known
    _fill(circuits, KEY, "https://other:443")

    assert told == [1]
    assert _keys(circuits) == {KEY, "https://other:443"}
    assert type(circuits._origins) is dict


def test_a_first_use_by_many_threads_is_told_once() -> None:
    """They may all be the first."""
    circuits, told = _circuits(), []
    circuits.tell_of_use(lambda: told.append(1))
    barrier = threading.Barrier(8)

    def ask(number: int) -> None:
        barrier.wait(10)
        circuits.at(f"https://api{number}:443", START)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))

    assert told == [1]
    assert len(circuits) == 8
