import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOWEST = Path(__file__).with_name("lowest.txt")
BOUND = re.compile(r"^(?P<name>[a-z0-9-]+)>=(?P<least>[\w.]+)")


def test_lowest_versions_are_those_that_are_declared() -> None:
    """What 'make test-lowest' installs is each lower bound itself; 'make lock' sees to that."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for names in project["optional-dependencies"].values() for one in names]
    bounds = filter(None, map(BOUND.match, [*project["dependencies"], *extras]))
    pins = [line.partition(" ")[0] for line in LOWEST.read_text(encoding="utf-8").splitlines()]
    installed = dict(pin.split("==") for pin in pins)

    found = {bound["name"]: (bound["least"], installed[bound["name"]]) for bound in bounds}

    assert found
    assert not {name: versions for name, versions in found.items() if not _same(*versions)}


def _same(least: str, installed: str) -> bool:
    return installed in (least, f"{least}.0", f"{least}.0.0")
