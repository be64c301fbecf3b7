import threading

from verto_resilience.testing import Headers
from verto_resilience.testing._http import Request
from verto_resilience.testing._log import ArrivalLog


def request(path: str, arrived: float) -> Request:
    """Make a request that came at an instant."""
    return Request("GET", path, "", Headers(), b"", arrived, keeps_alive=True)


def test_answer_to_a_forgotten_request_changes_nothing() -> None:
    """What is answered after a clear does not overwrite the request that has its number now."""
    log = ArrivalLog(threading.RLock(), limit=10)
    before = log.open(request("/before", 1.0), 1)
    log.clear()
    after = log.open(request("/after", 2.0), 1)

    log.settle(before)

    assert log.snapshot() == (after,)


def test_answered_ones_are_counted_apart() -> None:
    """Waiting for answers does not count a request that is still under way."""
    log = ArrivalLog(threading.RLock(), limit=10)
    first = log.open(request("/a", 1.0), 1)
    log.open(request("/a", 2.0), 2)
    log.settle(first)

    assert log.wait_for(2, 0.0, answered=False)
    assert log.wait_for(1, 0.0, answered=True)
    assert not log.wait_for(2, 0.0, answered=True)
