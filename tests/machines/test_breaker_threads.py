from typing import SupportsIndex

from tests.machines.makers import START, allowed, closed, half_open, opened
from tests.machines.threads import WatchedLock, held_by_another, together
from verto_resilience.machines import CircuitBreaker, Permit, Refusal, State, Transition

OVER = START + 4.0
CALLS = 4


def test_64_threads_keep_exact_counts() -> None:
    """No call and no failure of many threads is lost or counted twice."""
    breaker = closed(minimum_calls=10_000)

    def work(number: int) -> None:
        for turn in range(CALLS):
            permit = allowed(breaker, START)
            breaker.record(permit, bad=(number + turn) % 2 == 0, now=START)

    together(64, work)

    snapshot = breaker.snapshot(START)
    assert (snapshot.calls, snapshot.failures) == (64 * CALLS, 32 * CALLS)


def test_32_threads_are_followed_exactly() -> None:
    """Where calls are followed, each is counted once, and nobody is left behind."""
    breaker = closed(minimum_calls=10_000, slow_call_duration=2.0)

    def work(number: int) -> None:
        for turn in range(CALLS):
            permit = allowed(breaker, START)
            if turn % 4 == 0:
                breaker.release(permit)
            else:
                breaker.record(permit, bad=False, now=START + 2.0 * (turn % 2))

    together(32, work)

    snapshot = breaker.snapshot(START + 2.0)
    assert (snapshot.calls, snapshot.slow, snapshot.in_flight) == (32 * 3, 32 * 2, 0)


def test_50_threads_at_the_end_of_a_break_get_one_probe() -> None:
    """Nobody stampedes: one is let through, one is told of the move, the rest are refused."""
    breaker = opened()

    answers = together(50, lambda _: breaker.try_acquire(OVER))

    permits = [answer for answer in answers if isinstance(answer, Permit)]
    assert len(permits) == 1
    assert permits[0].probe
    assert sum(answer.transition is not None for answer in answers) == 1
    assert breaker.snapshot(OVER).probes == 1


def test_50_threads_share_the_permitted_probes() -> None:
    """As many as permitted are let through, and not one more."""
    breaker = opened(permitted_probes=3)

    answers = together(50, lambda _: breaker.try_acquire(OVER))

    assert sum(isinstance(answer, Permit) for answer in answers) == 3


def test_a_lease_that_ended_is_given_to_one() -> None:
    """The place of a vanished probe goes to one of those who ask."""
    breaker, _ = half_open()

    answers = together(50, lambda _: breaker.try_acquire(OVER + 6.0))

    assert sum(isinstance(answer, Permit) for answer in answers) == 1


def test_probes_given_up_come_back_while_others_ask() -> None:
    """16 late results at once all count, and free no place: 16 who ask meanwhile get one."""
    breaker = opened(permitted_probes=1, successes_to_close=100)
    late = [allowed(breaker, OVER + 6.0 * number) for number in range(16)]
    now = OVER + 6.0 * 16

    def work(number: int) -> Permit | Refusal | None:
        if number < 16:
            breaker.record(late[number], bad=False, now=now)
            return None
        return breaker.try_acquire(now)

    answers = together(32, work)

    assert sum(isinstance(answer, Permit) for answer in answers) == 1
    snapshot = breaker.snapshot(now)
    assert (snapshot.state, snapshot.successes, snapshot.probes) == (State.HALF_OPEN, 16, 1)


def test_many_failures_at_once_open_it_once() -> None:
    """64 calls that fail together cause one move, and one trip."""
    breaker = closed(consecutive_failures=5, minimum_calls=10_000)
    permits = [allowed(breaker, START) for _ in range(64)]

    def work(number: int) -> Transition | None:
        return breaker.record(permits[number], bad=True, now=START)

    moves = [move for move in together(64, work) if move is not None]

    assert len(moves) == 1
    snapshot = breaker.snapshot(START)
    assert (snapshot.state, snapshot.trips, snapshot.generation) == (State.OPEN, 1, 2)


def test_calls_and_hands_at_once_leave_it_sound() -> None:
    """While it is opened and reset by hand, every caller is answered and each move is told once."""
    breaker = closed()

    def work(number: int) -> list[int]:
        if number % 4 == 0:
            return [breaker.open(START).generation, breaker.reset(START).generation]
        answer = breaker.try_acquire(START)
        if isinstance(answer, Permit):
            breaker.record(answer, bad=True, now=START)
        return []

    generations = [g for told in together(32, work) for g in told]

    snapshot = breaker.snapshot(START)
    moves = snapshot.generation - 1
    assert len(set(generations)) == len(generations) == 16
    assert 16 <= moves <= 24
    assert snapshot.calls == snapshot.failures


def test_whoever_changes_it_takes_the_lock() -> None:
    """Every method that moves or counts takes the lock, and takes it once."""
    breaker, probe = half_open()
    lock = WatchedLock()
    breaker.lock = lock  # type: ignore[assignment]
    taken: list[int] = []

    def took() -> int:
        taken.append(lock.taken)
        return taken[-1] - taken[-2] if len(taken) > 1 else taken[0]

    assert isinstance(breaker.try_acquire(OVER), Refusal)
    assert took() == 1
    breaker.record(probe, bad=False, now=OVER)
    assert took() == 1
    breaker.fail_late(probe, now=OVER)
    assert took() == 1
    breaker.release(probe)
    assert took() == 1
    breaker.open(OVER)
    assert took() == 1
    breaker.reset(OVER)
    assert took() == 1
    breaker.snapshot(OVER)
    assert took() == 1


def test_a_move_hangs_the_door_for_all() -> None:
    """Once a circuit closed, every thread is given the one shared permit of its generation."""
    breaker: CircuitBreaker
    breaker, probe = half_open(successes_to_close=1)
    breaker.record(probe, bad=False, now=OVER)

    answers = together(16, lambda _: breaker.try_acquire(OVER))

    assert len(set(map(id, answers))) == 1


def test_a_good_result_waits_for_nobody() -> None:
    """Where the lock is held a good result is put down, and the next look counts it."""
    breaker = closed()
    permit = allowed(breaker, START)

    with held_by_another(breaker.lock):
        for _ in range(3):
            assert breaker.record(permit, bad=False, now=START) is None

    assert breaker.snapshot(START).calls == 3


def test_what_was_put_down_is_counted_by_the_next_good_result() -> None:
    """Nothing piles up where every call goes well."""
    breaker = closed()
    permit = allowed(breaker, START)
    with held_by_another(breaker.lock):
        breaker.record(permit, bad=False, now=START)

    breaker.record(permit, bad=False, now=START)

    assert breaker._waiting == []
    assert breaker.snapshot(START).calls == 2


class Refilled(list[tuple[Permit, float]]):
    """What was put down, by threads as quick as the one that counts."""

    more = 20

    def pop(self, index: SupportsIndex = -1) -> tuple[Permit, float]:
        """Take one, and find another in its place."""
        put_down = super().pop(index)
        self.more -= 1
        if self.more > 0:
            self.append(put_down)
        return put_down


def test_nobody_counts_for_others_without_end() -> None:
    """A thread counts what was put down before it came, and then goes its way."""
    breaker = closed()
    permit = allowed(breaker, START)
    breaker._waiting = Refilled([(permit, START)] * 3)

    breaker.record(permit, bad=False, now=START)

    assert breaker._evidence.window.calls == 4


def test_what_was_put_down_counts_before_a_failure() -> None:
    """A failure that trips on the rate sees the good results that were put down before it."""
    breaker = closed(minimum_calls=4, failure_rate_threshold=0.5, consecutive_failures=None)
    permit = allowed(breaker, START)
    with held_by_another(breaker.lock):
        for _ in range(3):
            breaker.record(permit, bad=False, now=START)

    moved = breaker.record(permit, bad=True, now=START)

    assert moved is None
    assert breaker.snapshot(START).failures == 1
    assert breaker.snapshot(START).calls == 4


def test_what_was_put_down_is_stale_after_a_move() -> None:
    """A good result put down before the circuit opened counts for nothing after it."""
    breaker = closed()
    permit = allowed(breaker, START)
    with held_by_another(breaker.lock):
        breaker.record(permit, bad=False, now=START)
    breaker.open(START)
    breaker.reset(START)

    assert breaker.snapshot(START).calls == 0
