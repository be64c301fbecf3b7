"""Build what is released, twice, and try the wheel: ``python -m tests.release.build``.

The two builds must be the same byte for byte, and the wheel, installed by itself in an environment
that has nothing else, must work.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
SMOKE = Path(__file__).with_name("smoke.py")
UV = str(Path(sys.executable).with_name("uv"))
TWINE = str(Path(sys.executable).with_name("twine"))
EPOCH = "315532800"
"""The first second that a zip file can tell, for a source tree that has no history."""


def main() -> None:
    """Build into ``dist``, check, install, try."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder, "again")
        for place in (DIST, again):
            _run(UV, "build", "--quiet", "--out-dir", str(place), str(ROOT))
        first, second = _sums(DIST), _sums(again)
        if first != second:
            sys.exit(f"two builds differ: {first} and {second}")
        _run(TWINE, "check", "--strict", *map(str, sorted(DIST.glob("verto_resilience-*"))))
        (wheel,) = DIST.glob("*.whl")
        environment = Path(folder, "environment")
        _run(UV, "venv", "--quiet", "--python", sys.executable, str(environment))
        python = str(next(environment.glob("[bS]*/python*")))
        _run(UV, "pip", "install", "--quiet", "--python", python, f"{wheel}[cli]")
        _run(python, "-I", str(SMOKE), cwd=Path(folder))
    for name, digest in sorted(first.items()):
        print(f"{digest}  dist/{name}")


def _sums(place: Path) -> dict[str, str]:
    built = sorted(place.glob("verto_resilience-*"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in built}


def _run(*command: str, cwd: Path = ROOT) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environ.setdefault("SOURCE_DATE_EPOCH", _moment())
    ran = subprocess.run(command, cwd=cwd, env=environ, timeout=300, check=False)
    if ran.returncode:
        sys.exit(f"{Path(command[0]).name} {command[1]} ended with {ran.returncode}")


def _moment() -> str:
    """Give the time of the last change, which is the same for whoever builds it."""
    told = subprocess.run(
        ["git", "log", "-1", "--format=%ct"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or EPOCH


if __name__ == "__main__":
    main()
