import threading
from typing import Any

import pytest
import requests

import verto_resilience
from tests.config.observed import ELSEWHERE, VERTO, Inner
from verto_resilience import (
    Operation,
    OperationKind,
    Operations,
    Policy,
    Repeatable,
    VertoAdapter,
    knowing,
)

SEARCH = Operation("POST", "/search", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS)
NEVER = Operation(
    "POST", "/payments/create", kind=OperationKind.MOVES_MONEY, repeatable=Repeatable.NEVER
)
KEY = {"Idempotency-Key": "key-1"}


def _sends(path: str, **options: Any) -> int:
    """Make a call to a server that fails once, and count what is sent."""
    inner = Inner((503, b""))
    policy = Policy(server_error_wait_min=0, server_error_wait_max=0, backoff_base=0.001)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", VertoAdapter(inner=inner, policy=policy))
        session.post(path if path.startswith("http") else f"{VERTO}{path}", **options)
    return len(inner.sent)


def test_a_request_is_repeated_where_its_caller_says_so() -> None:
    """A search over POST is sent again in the block, and not outside."""
    with knowing(SEARCH):
        inside = _sends("/search")

    assert (inside, _sends("/search")) == (2, 1)


def test_what_is_no_operation_is_told() -> None:
    """An endpoint alone says nothing of what may be repeated, so the error says what does."""
    written = r"is written Operation\('POST', '/path', kind=..., repeatable=...\), not as str$"

    with pytest.raises(TypeError, match=written), knowing("POST /search"):  # type: ignore[arg-type]
        pass
    with pytest.raises(TypeError, match=written):
        Operations(["POST /search"])  # type: ignore[list-item]


def test_a_request_is_not_repeated_where_its_caller_forbids_it() -> None:
    """The word of the caller goes before the table, which allows it under a key."""
    with knowing(NEVER):
        inside = _sends("/payments/create", headers=KEY)

    assert (inside, _sends("/payments/create", headers=KEY)) == (1, 2)


def test_other_requests_are_what_they_are() -> None:
    """What does not fit is looked up as ever, a login on the way included."""
    with knowing(SEARCH):
        assert _sends("/payments/create", headers=KEY) == 2
        assert _sends("/fx/rate") == 1
        assert _sends(f"{ELSEWHERE}/search") == 1


def test_blocks_nest() -> None:
    """The inner one goes first, and the outer one holds again behind it."""
    never = Operation("POST", "/search", kind=OperationKind.WRITE, repeatable=Repeatable.NEVER)

    with knowing(SEARCH):
        with knowing(never, NEVER):
            inner = [_sends("/search"), _sends("/payments/create", headers=KEY)]
        outer = [_sends("/search"), _sends("/payments/create", headers=KEY)]

    assert (inner, outer) == ([1, 1], [2, 2])


def test_an_error_ends_the_block_too() -> None:
    """Nothing is left of it."""
    with pytest.raises(RuntimeError), knowing(SEARCH):
        raise RuntimeError

    assert _sends("/search") == 1


def test_it_holds_for_nobody_else() -> None:
    """A thread beside goes on by what it knows."""
    sends: list[int] = []

    with knowing(SEARCH):
        thread = threading.Thread(target=lambda: sends.append(_sends("/search")))
        thread.start()
        thread.join()

    assert sends == [1]


def test_the_outcome_names_the_operation() -> None:
    """So do spans and the circuits of operations, which are told the same."""
    inner = Inner((503, b""), (503, b""), (503, b""))
    policy = Policy(server_error_wait_min=0, server_error_wait_max=0)

    with requests.Session() as session, knowing(SEARCH):
        session.trust_env = False
        session.mount("https://", VertoAdapter(inner=inner, policy=policy))
        response = session.post(f"{VERTO}/search")

    assert verto_resilience.outcome(response).operation is SEARCH
