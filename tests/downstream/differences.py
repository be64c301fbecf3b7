"""What differs between the bare run of a suite and one with the adapter, and why it may."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.downstream.runs import Way

REASONS = Path(__file__).with_name("differences.toml")


class Difference(NamedTuple):
    """One test that does not end as in the bare run."""

    suite: str
    way: str
    test: str


class Found(NamedTuple):
    """A difference with what came of the test in both runs."""

    difference: Difference
    bare: str
    ours: str


def differences(
    suite: str, way: Way, bare: Mapping[str, str], ours: Mapping[str, str]
) -> list[Found]:
    """Compare two runs test by test; one that ran in only one of them is ``missing`` in the other.

    A test that failed in the bare run tells nothing, so long as it does not pass with the adapter.
    """
    failed = {"failed", "error"}
    found = []
    for test in sorted(bare.keys() | ours.keys()):
        before, after = bare.get(test, "missing"), ours.get(test, "missing")
        if before != after and not {before, after} <= failed:
            found.append(Found(Difference(suite, way.value, test), before, after))
    return found


def reasons(path: Path = REASONS) -> dict[Difference, str]:
    """Read the differences that are known, each with its reason."""
    rows = tomllib.loads(path.read_text(encoding="utf-8")).get("difference", ())
    return {
        Difference(row["suite"], way, test): row["reason"]
        for row in rows
        for way in row["ways"]
        for test in row["tests"]
    }


def unexplained(found: Iterable[Found], known: Mapping[Difference, str]) -> list[Found]:
    """Give the differences that have no reason."""
    return [one for one in found if one.difference not in known]
