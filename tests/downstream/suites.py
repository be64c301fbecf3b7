"""The table of suites, with the versions and hashes that the lock names."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = Path(__file__).with_name("suites.toml")
LOCK = ROOT / "uv.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The suite of one project, and how it is run.

    Attributes:
        name: The project's name in the lock.
        version: The version that the lock names.
        sha256: Hash of its source distribution.
        tests: Files and folders, from the top of the source distribution.
        seconds: After which a run is stopped.
        arguments: More arguments for pytest.
        plugins: Plugins to load; no other is.
        environment: More variables.
    """

    name: str
    version: str
    sha256: str
    tests: tuple[str, ...]
    seconds: float
    arguments: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def read_suites(table: Path = TABLE, lock: Path = LOCK) -> list[Suite]:
    """Read the table.

    Raises:
        SystemExit: The lock does not name a source distribution for one of them.
    """
    packages: dict[str, dict[str, Any]] = {
        package["name"]: package
        for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]
    }
    return [
        _suite(row, packages.get(row["name"], {}))
        for row in tomllib.loads(table.read_text(encoding="utf-8"))["suite"]
    ]


def _suite(row: dict[str, Any], package: dict[str, Any]) -> Suite:
    hashed = package.get("sdist", {}).get("hash", "")
    kind, _, digest = hashed.partition(":")
    if kind != "sha256":
        raise SystemExit(f"uv.lock names no source distribution of {row['name']}")
    return Suite(
        name=row["name"],
        version=package["version"],
        sha256=digest,
        tests=tuple(row["tests"]),
        seconds=row["seconds"],
        arguments=tuple(row.get("arguments", ())),
        plugins=tuple(row.get("plugins", ())),
        environment=row.get("environment", {}),
    )
