import pytest

from tests.end_to_end.sessions import Mounter
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end


def test_paused_origin_that_had_to_leave_is_not_called_early(
    verto: Sandbox, mounted: Mounter
) -> None:
    """With room for one origin, another takes its place and not its pause, by the server's log."""
    session = mounted(max_origins=1, max_attempts=1)
    verto.script("/x", [Reply(429, retry_after=1), 200])
    session.get(f"{verto.url}/x")
    with Sandbox() as other:
        session.get(f"{other.url}/status/200")
        session.get(f"{other.url}/status/200")

        response = session.get(f"{verto.url}/x")

    first, second = verto.arrivals("/x")
    assert response.status_code == 200
    assert second.arrived - (first.answered or 0.0) >= 1.0
