"""Source distributions: had from the package index by pip, and believed by their hash alone."""

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.downstream.suites import Suite

_PATIENCE = 180.0


class MissingSourceError(Exception):
    """A source distribution cannot be had."""


def source_of(suite: Suite, folder: Path) -> Path:
    """Give the source distribution of a suite; only what is not in the folder yet is downloaded.

    Raises:
        MissingSourceError: The index cannot be reached, or has something else.
    """
    found = _in(folder, suite)
    if found is None:
        _download(suite, folder)
        found = _in(folder, suite)
    if found is None:
        raise MissingSourceError(f"what came is not {suite.name} {suite.version} of uv.lock")
    return found


def unpacked(source: Path, folder: Path) -> Path:
    """Unpack a source distribution, and give its top folder."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (top,) = (path for path in folder.iterdir() if path.is_dir())
    return top


def _in(folder: Path, suite: Suite) -> Path | None:
    for path in folder.glob("*.tar.gz"):
        if hashlib.sha256(path.read_bytes()).hexdigest() == suite.sha256:
            return path
    return None


def _download(suite: Suite, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / f"{suite.name}.txt"
    wanted.write_text(
        f"{suite.name}=={suite.version} --hash=sha256:{suite.sha256}\n", encoding="utf-8"
    )
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    only = ["--no-deps", "--no-binary", suite.name, "--require-hashes", "-r", str(wanted)]
    try:
        done = subprocess.run(
            [*pip, *only, "--dest", str(folder)],
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise MissingSourceError(f"pip had not got it after {_PATIENCE:g} s") from None
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")][-1:]
        raise MissingSourceError((last or ["pip failed"])[0])
