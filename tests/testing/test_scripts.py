import math
from typing import Any

import pytest

from verto_resilience.errors import ConfigurationError
from verto_resilience.testing import SCRIPT_NAMES, Reply, RetryAfterForm
from verto_resilience.testing._scripts import (
    Script,
    SequenceScript,
    Stage,
    WindowScript,
    named_script,
    throttle_script,
)


def statuses(script: Script, count: int, now: float = 0.0) -> list[int | None]:
    """Ask a script so many times; ``None`` is the end or the path's own answer."""
    replies = [script.take(now) for _ in range(count)]
    return [None if reply is None else reply.status for reply in replies]


def test_sequence_ends_after_its_last_reply() -> None:
    """Replies come in their order, once each."""
    script = SequenceScript([503, Reply(429)])

    assert statuses(script, 4) == [503, 429, None, None]


def test_repeated_sequence_begins_again() -> None:
    """A repeated sequence has no end."""
    script = SequenceScript([503, 200], repeat=True)

    assert statuses(script, 5) == [503, 200, 503, 200, 503]


def test_nothing_cannot_be_repeated() -> None:
    """A repeated script without replies is refused instead of looping for ever."""
    with pytest.raises(ConfigurationError, match="nothing to repeat"):
        SequenceScript([], repeat=True)


def test_sequence_takes_only_replies_and_statuses() -> None:
    """Something else in a script is refused and named."""
    with pytest.raises(ConfigurationError, match="'503'"):
        SequenceScript(["503"])  # type: ignore[list-item]


def test_throttle_tells_the_whole_seconds_left_rounded_up() -> None:
    """Each 429 tells no less than what is left, and at its end the window is over."""
    script = throttle_script(2.0, "seconds")

    told = [script.take(now) for now in (10.0, 10.1, 11.0, 11.5, 12.0)]

    assert [None if reply is None else reply.retry_after for reply in told] == [2, 2, 1, 1, None]


@pytest.mark.parametrize("now", [0.1, 1402.632283876, 1e9 + 0.3, 7.000000000000001])
def test_throttle_never_tells_a_second_too_many(now: float) -> None:
    """Whatever the clock reads, a window of two seconds begins by telling two."""
    reply = throttle_script(2.0, "seconds").take(now)

    assert reply is not None
    assert reply.retry_after == 2


def test_request_from_before_the_window_is_told_no_more_than_its_length() -> None:
    """Of two requests at once the earlier may ask later, and still the window is not longer."""
    script = throttle_script(2.0, "seconds")

    told = [script.take(now) for now in (10.0, 9.9)]

    assert [reply.retry_after for reply in told if reply] == [2, 2]


def test_throttle_writes_the_form_it_was_given() -> None:
    """The form of ``Retry-After`` goes into each reply."""
    reply = throttle_script(2.0, "date").take(0.0)

    assert reply is not None
    assert reply.retry_after_form is RetryAfterForm.DATE


def test_window_counts_from_the_first_request_or_from_an_instant() -> None:
    """Without a beginning a window waits for the first request."""
    reply = Reply(503)
    waiting = WindowScript(5.0, lambda _left: reply)
    begun = WindowScript(5.0, lambda _left: reply, since=0.0)

    assert [waiting.take(now) for now in (100.0, 104.9, 105.0)] == [reply, reply, None]
    assert [begun.take(now) for now in (4.9, 5.0, 100.0)] == [reply, None, None]


@pytest.mark.parametrize("seconds", [-1, math.inf, math.nan, "2", True])
def test_window_needs_a_length(seconds: Any) -> None:
    """What is no length of time is refused."""
    with pytest.raises(ConfigurationError, match="seconds"):
        throttle_script(seconds, "seconds")


def test_named_scripts_say_what_they_promise() -> None:
    """Each named script answers as its name says."""
    assert statuses(named_script("healthy"), 1) == [None]
    assert statuses(named_script("throttled"), 2) == [429, 429]
    assert statuses(named_script("down", count=2), 3) == [503, 503, None]
    assert statuses(named_script("down"), 50) == [503] * 50
    assert statuses(named_script("recovering", count=1), 3) == [503, 429, None]


def test_down_for_seconds_ends_by_time() -> None:
    """An outage by time is over when its time is."""
    script = named_script("down", seconds=2.0)

    assert [script.take(now) is None for now in (0.0, 1.9, 2.0)] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("throtled", {}, "choose one of healthy, throttled, down, recovering"),
        ("healthy", {"seconds": 1.0}, "'seconds'"),
        ("throttled", {"count": 1}, "'count'"),
        ("down", {"form": "date"}, "'form'"),
        ("down", {"seconds": 1.0, "count": 1}, "not both"),
        ("down", {"count": 0}, "count 0"),
        ("throttled", {"form": "weeks"}, "choose one of seconds, date"),
        ("throttled", {"seconds": -1.0}, "seconds -1"),
    ],
)
def test_bad_named_script_is_refused(name: str, options: dict[str, Any], named: str) -> None:
    """An unknown name, or an option that the script does not have, is named in one error."""
    with pytest.raises(ConfigurationError, match=named):
        named_script(name, **options)


def test_every_name_can_be_built() -> None:
    """The list of names holds nothing that cannot be played."""
    for name in SCRIPT_NAMES:
        named_script(name)


def test_script_put_on_last_is_asked_first() -> None:
    """Of scripts that fit, the newest answers until it is over, then the older one."""
    stage = Stage()
    stage.put(None, None, SequenceScript([500], repeat=True))
    stage.put("/a", None, SequenceScript([503]))

    taken = [stage.take("/a", "GET", 0.0) for _ in range(2)]

    assert [reply.status for reply in taken if reply] == [503, 500]


def test_script_of_the_same_path_and_method_is_replaced() -> None:
    """There is one script for each path and method."""
    stage = Stage()
    stage.put("/a", "get", SequenceScript([500], repeat=True))
    stage.put("/a", "GET", SequenceScript([503]))

    taken = [stage.take("/a", "GET", 0.0) for _ in range(2)]

    assert [None if reply is None else reply.status for reply in taken] == [503, None]


def test_script_plays_only_where_it_was_put() -> None:
    """Another path or another method is not touched, and uses nothing up."""
    stage = Stage()
    stage.put("/payments/{id}", "GET", SequenceScript([503]))

    missed = [stage.take("/payments", "GET", 0.0), stage.take("/payments/7", "POST", 0.0)]
    met = stage.take("/payments/7", "GET", 0.0)

    assert missed == [None, None]
    assert met == Reply(503)


def test_clear_ends_one_path_or_all() -> None:
    """A path's scripts can be ended alone."""
    stage = Stage()
    stage.put("/a", None, SequenceScript([503], repeat=True))
    stage.put("/b", None, SequenceScript([503], repeat=True))

    stage.clear("/a")
    after_one = [stage.take(path, "GET", 0.0) for path in ("/a", "/b")]
    stage.clear()
    after_all = stage.take("/b", "GET", 0.0)

    assert after_one == [None, Reply(503)]
    assert after_all is None
