import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from verto_resilience.cli import _watch
from verto_resilience.machines import TripReason
from verto_resilience.pipeline import StoreAddress
from verto_resilience.state import About, Place, Record, Standing, Word

PLACE = Place(StoreAddress("unix:///run/redis.sock"), "default")
REST = Standing((), 0)


def _open(*, left: float) -> Standing:
    about = About("web-1:1:0", TripReason.CONSECUTIVE_FAILURES, "503")
    record = Record(
        kind="c",
        key="https://x:443",
        word=Word.OPEN,
        generation=7,
        until=left,
        left=left,
        age=60.0 - left,
        trips=1,
        about=about,
    )
    return Standing((record,), 0)


@contextmanager
def _piped() -> Iterator[int]:
    """Have the output go into a pipe, and give its other end."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as output, redirect_stdout(output):
        yield reading


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "_BETWEEN_LOOKS", 0.01)


def _one_after_another(*standings: Standing) -> Callable[[], Standing]:
    left = iter(standings)

    def ask() -> Standing:
        for standing in left:
            return standing
        raise KeyboardInterrupt

    return ask


def test_into_a_pipe_goes_a_picture_for_each_change() -> None:
    """That time has passed is none; that a break is over is one."""
    ask = _one_after_another(REST, REST, *(_open(left=left) for left in (2.0, 1.0, 0.0, 0.0)), REST)

    with _piped() as pipe, pytest.raises(KeyboardInterrupt):
        _watch.watch(ask, PLACE, as_json=False)

    pictures = os.read(pipe, 65_536).decode().split("\n\n")[:-1]
    os.close(pipe)
    told = [" ".join(picture.splitlines()[1:-1]) for picture in pictures]
    assert [text.partition("; ")[0] for text in told] == [
        "nothing is open and nothing is paused",
        "https://x:443     open for 2.0 s more: consecutive_failures, last failure 503",
        "https://x:443     open, and to be probed: consecutive_failures, last failure 503",
        "nothing is open and nothing is paused",
    ]
    assert not any("\x1b" in picture for picture in pictures)


@pytest.mark.skipif(os.name == "nt", reason="it is not told there")
@pytest.mark.parametrize("as_json", [False, True])
def test_it_ends_when_nobody_reads_any_more(*, as_json: bool) -> None:
    """At once and without a word, although there is nothing new to be written."""
    asked = 0

    def ask() -> Standing:
        nonlocal asked
        asked += 1
        if asked == 2:
            os.close(pipe)
        return REST

    with _piped() as pipe:
        _watch.watch(ask, PLACE, as_json=as_json)

    assert asked == 2


def test_a_file_is_written_like_a_pipe(tmp_path: Path) -> None:
    """Whoever keeps it finds when it was."""
    file = tmp_path / "watched.txt"

    with file.open("w") as output, redirect_stdout(output), pytest.raises(KeyboardInterrupt):
        _watch.watch(_one_after_another(REST, REST), PLACE, as_json=False)

    when, *picture = file.read_text().splitlines()
    assert when[:2] == "20"
    assert picture == [
        "nothing is open and nothing is paused",
        "unix:///run/redis.sock, namespace default",
        "",
    ]
