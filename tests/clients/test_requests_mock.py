"""requests-mock, in users' tests: its mocker stands above the adapter, its adapter below."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock

import verto_resilience
from tests.end_to_end.sessions import quick, report
from verto_resilience.mounting import install, uninstall

URL = "https://example.com/x"
TWICE: list[dict[str, Any]] = [{"status_code": 503}, {"json": {"rate": 0.9}}]


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a plain session."""
    with requests.Session() as session:
        yield session


def test_its_mocker_takes_the_place_of_every_adapter(session: requests.Session) -> None:
    """What it answers is seen as it is, and nothing is resent: the adapter is not asked."""
    verto_resilience.mount(session, policy=quick())

    with requests_mock.Mocker() as mock:
        mock.get(URL, TWICE)
        response = session.get(URL)

    assert response.status_code == 503
    assert verto_resilience.report(response) is None
    assert mock.call_count == 1


def test_its_adapter_is_mounted_around(session: requests.Session) -> None:
    """Mounted first, it is what the calls reach: each attempt is one of its requests."""
    adapter = requests_mock.Adapter()
    adapter.register_uri("GET", URL, TWICE)
    session.mount("https://", adapter)
    verto_resilience.mount(session, policy=quick())

    response = session.get(URL)

    assert response.json() == {"rate": 0.9}
    assert adapter.call_count == 2
    assert len(report(response).attempts) == 2


def test_an_exception_that_is_registered_is_a_failed_attempt(session: requests.Session) -> None:
    """A test of a time-out meets the resend that production has."""
    adapter = requests_mock.Adapter()
    adapter.register_uri("GET", URL, [{"exc": requests.ConnectTimeout}, {"text": "late"}])
    session.mount("https://", adapter)
    verto_resilience.mount(session, policy=quick())

    assert session.get(URL).text == "late"


def test_its_mocker_goes_before_install(session: requests.Session) -> None:
    """With every session wrapped, a mocked one is mocked; afterwards it is wrapped again."""
    install(policy=quick())
    try:
        with requests_mock.Mocker() as mock:
            mock.get(URL, TWICE)
            mocked = session.get(URL)
        adapter = requests_mock.Adapter()
        adapter.register_uri("GET", URL, TWICE)
        session.mount("https://", adapter)
        called = session.get(URL)
    finally:
        uninstall()

    assert mocked.status_code == 503
    assert called.status_code == 200
    assert len(report(called).attempts) == 2
