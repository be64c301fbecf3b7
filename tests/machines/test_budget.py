from dataclasses import replace

import pytest

from tests.machines.makers import BUDGET, START, budget
from tests.machines.threads import WatchedLock, together
from verto_resilience.machines import RetryBudget


def _empty(now: float = START, **changes: float) -> RetryBudget:
    bucket = budget(**changes)
    while bucket.try_withdraw(now):
        pass
    return bucket


def test_it_starts_full() -> None:
    """A new budget allows as many resends at once as its capacity says, and no more."""
    bucket = budget(capacity=3.0)

    answers = [bucket.try_withdraw(START) for _ in range(5)]

    assert answers == [True, True, True, False, False]


def test_a_refusal_takes_nothing() -> None:
    """A resend that is refused does not lower the balance."""
    bucket = _empty(capacity=3.5)

    bucket.try_withdraw(START)

    assert bucket.balance(START) == 0.5


def test_calls_earn_resends() -> None:
    """Deposits add up to a whole token, and less than a whole one allows nothing."""
    bucket = _empty()
    bucket.deposit()
    assert not bucket.try_withdraw(START)

    bucket.deposit()

    assert bucket.try_withdraw(START)
    assert bucket.balance(START) == 0.0


def test_calls_fill_it_to_its_capacity() -> None:
    """No number of calls raises the balance above the capacity."""
    bucket = _empty()

    for _ in range(100):
        bucket.deposit()

    assert bucket.balance(START) == 3.0


def test_the_last_deposit_is_cut_at_the_capacity() -> None:
    """A deposit into an almost full bucket does not make it overflow."""
    bucket = budget(deposit=0.75)
    bucket.try_withdraw(START)

    bucket.deposit()
    bucket.deposit()

    assert repr(bucket) == "<RetryBudget 3.0 of 3>"


@pytest.mark.parametrize(("after", "allowed"), [(0.0, False), (3.9, False), (4.0, True)])
def test_time_earns_resends(after: float, allowed: bool) -> None:
    """A client that makes no calls gets a resend for each token that trickles in."""
    bucket = _empty(trickle=0.25)

    assert bucket.try_withdraw(START + after) is allowed


def test_a_token_given_back_is_there_again() -> None:
    """A resend that was not made after all costs nothing."""
    bucket = budget(capacity=3.0, trickle=0.0)
    assert bucket.try_withdraw(START)
    assert bucket.try_withdraw(START)

    bucket.give_back()

    assert bucket.balance(START) == 2.0


def test_no_more_is_given_back_than_there_is_room_for() -> None:
    """The capacity is the limit, whatever was earned meanwhile."""
    bucket = budget(capacity=3.0, trickle=0.0)

    bucket.give_back()

    assert bucket.balance(START) == 3.0


def test_the_first_second_of_a_clock_counts() -> None:
    """On a clock that starts at zero it trickles from zero on."""
    bucket = _empty(0.0, trickle=0.25)

    assert bucket.balance(1.0) == 0.25


def test_the_trickle_counts_each_second_once() -> None:
    """Asking often does not make it drip faster."""
    bucket = _empty(trickle=0.25)

    for step in range(1, 5):
        bucket.balance(START + step * 0.5)

    assert bucket.balance(START + 2.0) == 0.5


@pytest.mark.parametrize("gap", [12.0, 1e9, 1e300])
def test_a_clock_that_jumps_ahead_fills_it_to_its_capacity(gap: float) -> None:
    """However long the gap, no more than the capacity drips in."""
    bucket = _empty()

    assert bucket.balance(START + gap) == 3.0


def test_a_clock_that_goes_backwards_neither_gives_nor_takes() -> None:
    """An earlier time leaves the balance, and the time gone through twice drips once."""
    bucket = _empty(trickle=0.25)
    bucket.balance(START + 4.0)

    assert bucket.balance(START - 3600.0) == 1.0
    assert bucket.balance(START + 4.0) == 1.0


def test_a_lower_capacity_holds_at_once() -> None:
    """A capacity set lower while running is never exceeded, not even in the same instant."""
    bucket = budget(capacity=3.0)
    bucket.balance(START)

    bucket.settings = replace(BUDGET, capacity=1.0)

    assert bucket.balance(START) == 1.0
    assert [bucket.try_withdraw(START) for _ in range(2)] == [True, False]


def test_a_higher_capacity_gives_no_tokens() -> None:
    """A capacity set higher while running must be earned."""
    bucket = budget(capacity=3.0)
    bucket.balance(START)

    bucket.settings = replace(BUDGET, capacity=5.0)

    assert bucket.balance(START) == 3.0
    bucket.deposit()
    assert bucket.balance(START) == 3.5


def test_a_full_bucket_takes_no_lock_for_a_call() -> None:
    """While nothing is resent, a call does not wait for another thread."""
    bucket = budget()
    bucket.lock = lock = WatchedLock()  # type: ignore[assignment]

    bucket.deposit()

    assert lock.taken == 0


def test_whoever_changes_it_takes_the_lock() -> None:
    """Withdrawing, looking and depositing into a bucket that is not full exclude each other."""
    bucket = budget()
    bucket.lock = lock = WatchedLock()  # type: ignore[assignment]

    bucket.try_withdraw(START)
    bucket.deposit()
    bucket.balance(START)

    assert lock.taken == 3


def test_threads_share_its_tokens_exactly() -> None:
    """64 threads that ask at once get as many resends as there are tokens."""
    bucket = budget(capacity=20.0, trickle=0.0)

    answers = together(64, lambda _: bucket.try_withdraw(START))

    assert sum(answers) == 20
    assert bucket.balance(START) == 0.0


def test_no_deposit_of_many_threads_is_lost() -> None:
    """64 threads that deposit at once leave exactly the sum."""
    bucket = _empty(capacity=100.0, deposit=0.5, trickle=0.0)

    together(64, lambda _: bucket.deposit())

    assert bucket.balance(START) == 32.0


def test_its_repr_shows_the_balance() -> None:
    """Tokens and capacity can be read in a debugger."""
    bucket = budget()
    bucket.try_withdraw(START)

    assert repr(bucket) == "<RetryBudget 2.0 of 3>"
