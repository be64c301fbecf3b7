from types import SimpleNamespace

import pytest

from verto_resilience.transports._answers import version_of


@pytest.mark.parametrize(
    ("number", "version"), [(10, "1.0"), (11, "1.1"), (20, "2"), (0, None), (9, None)]
)
def test_a_version_is_told_as_telemetry_writes_it(number: int, version: str | None) -> None:
    """Numbers are those of http.client, and urllib3's 20 for HTTP/2; any other is not known."""
    assert version_of(SimpleNamespace(version=number)) == version


def test_an_answer_without_a_version_has_none() -> None:
    """As one that a stand-in for a server made up."""
    assert version_of(None) is None
