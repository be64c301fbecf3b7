import pytest

from tests.pipeline.makers import KEY, READ, TRADE
from verto_resilience.outcome import Operation, OperationKind, Operations, Repeatable
from verto_resilience.pipeline import CallRequest


@pytest.mark.parametrize(
    ("method", "writes"),
    [
        ("GET", False),
        ("get", False),
        ("HEAD", False),
        ("OPTIONS", False),
        ("TRACE", False),
        ("POST", True),
        ("PUT", True),
        ("PATCH", True),
        ("DELETE", True),
        ("delete", True),
        ("PROPFIND", True),
        ("", True),
    ],
)
def test_an_unknown_operation_writes_unless_its_method_is_safe(method: str, writes: bool) -> None:
    """Without an operation the method decides, and only the safe ones of RFC 9110 do not write."""
    request = CallRequest(method=method, url=KEY, origin=KEY)

    assert request.writes is writes


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("kind", "writes"),
    [
        (OperationKind.READ, False),
        (OperationKind.WRITE, True),
        (OperationKind.MOVES_MONEY, True),
    ],
)
def test_a_known_operation_overrules_the_method(
    method: str, kind: OperationKind, writes: bool
) -> None:
    """A read over POST does not write, and a GET that writes does."""
    operation = Operation(method, "/x", kind=kind, repeatable=Repeatable.NEVER)
    request = CallRequest(method=method, url=KEY, origin=KEY, operation=operation)

    assert request.writes is writes


def test_its_repr_shows_no_url() -> None:
    """A URL may hold secrets, and is not shown where requests are printed."""
    request = READ._replace(url=f"{KEY}/login?token=s3cret", operation=TRADE)

    assert "s3cret" not in repr(request)
    assert KEY in repr(request)


def test_it_is_taken_for_the_worst_unless_told() -> None:
    """A request of which nothing is known is not repeatable and no business of Verto's."""
    request = CallRequest(method="POST", url=KEY, origin=KEY)

    assert not request.repeatable
    assert not request.verto
    assert request.replayable
    assert (request.operation, request.host, request.correlation_id) == (None, None, None)
    assert request.sends_before == 0
    assert (request.idempotency_key, request.refreshable, request.logs_in) == (None, False, False)


@pytest.mark.parametrize(
    ("method", "path", "logs_in"),
    [
        ("POST", "/users/login", True),
        ("POST", "/v2/auth/token", True),
        ("GET", "/users/login", False),
        ("POST", "/orders/v2.1/fx", False),
        ("GET", "/fx/health", False),
    ],
)
def test_a_login_is_known_by_its_operation(method: str, path: str, logs_in: bool) -> None:
    """The table of operations says which request is a login, for its 401 is about its body."""
    operation = Operations.documented().match(method, path)
    request = CallRequest(method=method, url=KEY + path, origin=KEY, operation=operation)

    assert request.logs_in is logs_in
