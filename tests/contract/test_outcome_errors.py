"""``raise_for_outcome``: what is raised is of this library's family, and of the client's."""

import pickle

import pytest

import verto_resilience
from tests.contract.edges import Edge
from tests.contract.seen import Maker, told
from verto_resilience import BadRequestError, OutcomeError, ServiceUnavailableError
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


def test_an_error_is_the_clients_own_too(edge: Edge, client: Maker, verto: Sandbox) -> None:
    """What catches the client's errors for a status catches it, and finds answer and report."""
    verto.script(None, [Reply(400, code=2)])
    came = client().send("PUT", f"{verto.url}/a", body=b"{}")

    with pytest.raises(edge.status_error) as raised:
        verto_resilience.raise_for_outcome(came.bearer)

    error = raised.value
    assert isinstance(error, BadRequestError)
    assert type(error).__name__ == "BadRequestError"
    assert (error.code, error.response) == (2, came.bearer)
    assert verto_resilience.report(error) == told(came)
    assert getattr(error, "request", None) is getattr(came.bearer, "request", None)


def test_an_error_is_what_it_was_after_a_pickle(edge: Edge, client: Maker, verto: Sandbox) -> None:
    """So it is in another process, with its outcome and its notes."""
    verto.script(None, [503] * 3)
    came = client().send("GET", f"{verto.url}/a")
    with pytest.raises(OutcomeError) as raised:
        verto_resilience.raise_for_outcome(came.bearer)
    raised.value.add_note("while paying")

    copy = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - made here

    assert type(copy) is type(raised.value)
    assert isinstance(copy, edge.status_error)
    assert isinstance(copy, ServiceUnavailableError)
    assert (str(copy), copy.outcome) == (str(raised.value), raised.value.outcome)
    assert copy.__notes__ == ["while paying"]


def test_a_success_raises_nothing(client: Maker, verto: Sandbox) -> None:
    """What came of it is given back."""
    came = client().send("GET", f"{verto.url}/status/200")

    assert verto_resilience.raise_for_outcome(came.bearer).status == 200
