import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "build", "dist", ".*_cache", "__pycache__")
UNREACHABLE = ("dns error", "Failed to fetch", "error sending request")

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build twice, from copies of other places, ages and rights."""
    if not UV.is_file():
        pytest.skip("needs uv: make venv")
    places = []
    for age, rights in ((1_000_000_000, 0o644), (1_700_000_000, 0o600)):
        tree = tmp_path_factory.mktemp("tree") / "source"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for path in tree.rglob("*"):
            if path.is_file() and not os.access(path, os.X_OK):
                path.chmod(rights)
            os.utime(path, (age, age))
        places.append(tree.parent / "dist")
        environ = {n: value for n, value in os.environ.items() if n != "VIRTUAL_ENV"}
        built = subprocess.run(
            [UV, "build", "--quiet", "--out-dir", places[-1], tree],
            env=environ | {"SOURCE_DATE_EPOCH": "1600000000"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if any(words in built.stderr for words in UNREACHABLE):
            pytest.skip(f"needs the package index for the build backend: {built.stderr}")
        assert built.returncode == 0, built.stderr
    return places


def test_two_builds_are_the_same(builds: list[Path]) -> None:
    """Whoever builds a release from the same sources gets the same bytes."""
    first, second = (
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in place.glob("verto*")}
        for place in builds
    )

    assert len(first) == 2
    assert first == second


def test_the_wheel_says_what_it_is(builds: list[Path]) -> None:
    """It is typed, has the licence and the data, and tells the Pythons it is tested with."""
    (path,) = builds[0].glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = HeaderParser().parsestr(wheel.read(metadata).decode("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "verto_resilience").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert names >= sources
    assert {name.partition("/")[0] for name in names} == {
        "verto_resilience",
        metadata.partition("/")[0],
    }
    assert f"{metadata.rpartition('/')[0]}/licenses/LICENSE" in names
    assert told.get_all("Classifier") == project["classifiers"]
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.11"} <= set(
        project["classifiers"]
    )
    assert told["Requires-Python"] == project["requires-python"]


def test_the_source_distribution_can_be_worked_with(builds: list[Path]) -> None:
    """Whoever has it alone can read it, test it, and build the site and the changelog."""
    (path,) = builds[0].glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert names >= {
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "docs/conf.py",
        "docs/changes/template.jinja",
        "examples/existing_client.py",
        "pyproject.toml",
        "tests/conftest.py",
        "uv.lock",
        "verto_resilience/py.typed",
    }
