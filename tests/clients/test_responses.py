"""responses, in users' tests: it answers in place of ``HTTPAdapter.send``, below the adapter."""

from collections.abc import Iterator

import pytest
import requests
import responses

import verto_resilience
from tests.end_to_end.sessions import failures, quick, report

URL = "https://api-v3-sandbox.vertofx.com/orders/v2.1/fx"


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a mounted session that does not wait long."""
    band = {"server_error_wait_min": 0.0, "server_error_wait_max": 0.01}
    with requests.Session() as session:
        yield verto_resilience.mount(session, policy=quick(**band))


def test_each_attempt_is_a_call_of_the_mock(session: requests.Session) -> None:
    """A registered 503 is resent, and the answers are given in their order."""
    with responses.RequestsMock() as mock:
        mock.get(URL, status=503)
        mock.get(URL, json={"rate": 0.9})

        response = session.get(URL)

        assert response.json() == {"rate": 0.9}
        assert len(mock.calls) == 2
    assert [attempt.outcome.status for attempt in report(response).attempts] == [503, 200]


def test_an_exception_for_a_body_is_a_failed_attempt(session: requests.Session) -> None:
    """What a test lets the mock raise is classified like the real one."""
    with responses.RequestsMock() as mock:
        mock.get(URL, body=requests.ReadTimeout("too late"))
        mock.get(URL, json={})

        response = session.get(URL)

    assert failures(response) == ["read_timeout", None]


def test_a_call_that_is_not_registered_is_named_by_the_mock(session: requests.Session) -> None:
    """It fails with the mock's own message, which a test shows."""
    with (
        responses.RequestsMock(),
        pytest.raises(requests.ConnectionError, match="Connection refused by Responses"),
    ):
        session.post(URL)


def test_a_mock_that_was_there_first_is_found(session: requests.Session) -> None:
    """A session that is mounted while the mock is active has it below, too."""
    with responses.RequestsMock() as mock, requests.Session() as later:
        mock.get(URL, status=503)
        mock.get(URL, status=204)
        verto_resilience.mount(later, policy=session.get_adapter(URL).policy)  # type: ignore[attr-defined]

        assert later.get(URL).status_code == 204
