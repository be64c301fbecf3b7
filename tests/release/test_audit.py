from typing import Any

import pytest

from tests.release.audit import judge

FINE: dict[str, Any] = {"name": "fine", "version": "1", "vulns": []}
BAD: dict[str, Any] = {
    "name": "bad",
    "version": "1",
    "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}],
}
UNKNOWN: dict[str, Any] = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "code", "told"),
    [
        ([FINE], 0, "no known vulnerability in 1 packages"),
        ([FINE, BAD], 1, "bad 1: CVE-1, mended in 2"),
        ([BAD, UNKNOWN], 1, "bad 1: CVE-1, mended in 2"),
        ([FINE, UNKNOWN], 0, "NOT AUDITED: the service"),
    ],
    ids=["fine", "bad", "bad_and_unknown", "unknown"],
)
def test_what_was_not_audited_is_never_called_fine(
    capsys: pytest.CaptureFixture[str], found: list[dict[str, Any]], code: int, told: str
) -> None:
    """A vulnerability is a failure; a package that nobody could look up is said so."""
    assert judge(found) == code

    said = capsys.readouterr()
    assert told in said.out + said.err
    assert ("no known" in said.out) is (found == [FINE])
