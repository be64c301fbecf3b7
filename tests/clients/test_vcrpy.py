"""vcrpy, in users' tests: it takes the place of connections, below everything of requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import vcr  # type: ignore[import-untyped]

import verto_resilience
from tests.end_to_end.sessions import quick, report
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a mounted session."""
    with requests.Session() as session:
        yield verto_resilience.mount(session, policy=quick())


def test_a_cassette_has_every_attempt_and_plays_them_again(
    verto: Sandbox, session: requests.Session, tmp_path: Path
) -> None:
    """What was refused is recorded as well, so a replay takes the same course without a server."""
    verto.script("/x", [503, Reply(429, retry_after=0), Reply(200, json={"rate": 0.9})])
    cassette = str(tmp_path / "quote.yaml")
    url = f"{verto.url}/x"
    with vcr.use_cassette(cassette, record_mode="once") as recorded:
        first = session.get(url)
    verto.close()

    with vcr.use_cassette(cassette, record_mode="none") as played, requests.Session() as other:
        verto_resilience.mount(other, policy=quick())
        second = other.get(url)

    courses = [[a.outcome.status for a in report(answer).attempts] for answer in (first, second)]
    assert courses == [[503, 429, 200], [503, 429, 200]]
    assert second.json() == {"rate": 0.9}
    assert (len(recorded), played.play_count) == (3, 3)


def test_a_session_with_open_connections_is_played_to(
    verto: Sandbox, session: requests.Session, tmp_path: Path
) -> None:
    """A cassette that is put in later answers in place of connections that are open already."""
    url = f"{verto.url}/status/204"
    session.get(url)
    cassette = str(tmp_path / "late.yaml")

    for _ in range(2):
        with vcr.use_cassette(cassette, record_mode="once"):
            assert session.get(f"{verto.url}/status/200").status_code == 200
    arrived = verto.arrived
    session.get(url)

    assert arrived == 2
    assert verto.arrived == 3


def test_a_request_that_is_not_on_the_cassette_is_named(
    verto: Sandbox, session: requests.Session, tmp_path: Path
) -> None:
    """What the cassette refuses is raised as it is, and not resent: it is no fault of a server."""
    cassette = str(tmp_path / "empty.yaml")

    with (
        vcr.use_cassette(cassette, record_mode="none"),
        pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException) as caught,
    ):
        session.get(f"{verto.url}/x")

    assert len(report(caught.value).attempts) == 1
    assert verto.arrived == 0
