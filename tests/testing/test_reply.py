import dataclasses
from typing import Any

import pytest

from verto_resilience.errors import ConfigurationError
from verto_resilience.testing import Fault, Reply, RetryAfterForm


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"status": 199}, "status"),
        ({"status": 1000}, "status"),
        ({"status": True}, "status"),
        ({"status": "200"}, "status"),
        ({"status": None}, "executes"),
        ({"status": None, "executes": True, "json": {}}, "body"),
        ({"status": 200, "delay": -1}, "delay"),
        ({"status": 200, "delay": float("nan")}, "delay"),
        ({"status": 200, "delay": 10**400}, "delay"),
        ({"status": 429, "retry_after": -1}, "retry_after"),
        ({"status": 429, "retry_after": 1.5}, "retry_after"),
        ({"status": 429, "retry_after": 1, "retry_after_form": "weeks"}, "retry_after_form"),
        ({"status": 200, "fault": "fire"}, "fault"),
        ({"status": 200, "json": {}, "body": b""}, "json and body"),
        ({"status": 200, "json": {1, 2}}, "json"),
        ({"status": 204, "body": b"x"}, "204"),
        ({"status": 304, "fault": Fault.TRUNCATED}, "304"),
        ({"status": 200, "headers": {"X-A": "a\r\nX-B: b"}}, "X-A"),
        ({"status": 200, "headers": {"X A": "a"}}, "X A"),
        ({"status": 200, "headers": {"content-length": "3"}}, "content-length"),
    ],
)
def test_reply_that_cannot_be_sent_is_refused(settings: dict[str, Any], named: str) -> None:
    """A reply out of its range is refused when it is made, by an error that names the fault."""
    with pytest.raises(ConfigurationError, match=named):
        Reply(settings.pop("status"), **settings)


def test_all_faults_are_listed_in_one_error() -> None:
    """One error tells everything that is wrong with a reply."""
    with pytest.raises(ConfigurationError) as caught:
        Reply(7, delay=-1, retry_after=-1)

    assert len(caught.value.problems) == 3


def test_reply_is_a_value() -> None:
    """Replies compare by content and cannot be changed."""
    reply = Reply(429, headers={"X-A": "a"})

    assert reply == Reply(429, headers={"x-a": "a"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        reply.status = 200  # type: ignore[misc]


def test_names_are_taken_for_enum_members() -> None:
    """A fault and a form may be given by their lower-case names."""
    reply = Reply(429, fault="reset", retry_after_form="date")  # type: ignore[arg-type]

    assert reply.fault is Fault.RESET
    assert reply.retry_after_form is RetryAfterForm.DATE


def test_ok_lets_the_path_do_its_work() -> None:
    """An ok reply executes, whether or not it brings a body of its own."""
    assert (Reply.ok().status, Reply.ok().executes) == (None, True)
    assert (Reply.ok(json={"a": 1}).status, Reply.ok(json={"a": 1}).executes) == (200, True)
