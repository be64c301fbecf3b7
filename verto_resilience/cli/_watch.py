"""What a store holds, for as long as somebody looks at it."""

import json
import select
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.live import Live

from verto_resilience.cli._output import UnwrittenError, drop_what_is_left
from verto_resilience.cli._told_fleet import as_plain_data, as_text
from verto_resilience.state import Place, Standing

_BETWEEN_LOOKS = 1.0


def watch(ask: Callable[[], Standing], place: Place, *, as_json: bool) -> None:
    """Show it anew each second, until interrupted or until nobody reads any more.

    A terminal gets a picture that is drawn over, whatever else a picture for each change, below
    the last one.

    Args:
        ask: Gives what the store holds.
        place: Where it is.
        as_json: A line of JSON each second instead.
    """
    console = Console(highlight=False)
    try:
        if as_json:
            _write_lines(ask, place)
        elif sys.stdout.isatty() and not console.is_dumb_terminal:
            _draw_over(ask, place, console)
        else:
            _write_changes(ask, place)
    except BrokenPipeError:
        drop_what_is_left(sys.stdout)
    except UnwrittenError as error:
        if not error.is_unread:
            raise


def _write_lines(ask: Callable[[], Standing], place: Place) -> None:
    while True:
        print(json.dumps(as_plain_data(ask(), place)), flush=True)
        _rest()


def _draw_over(ask: Callable[[], Standing], place: Place, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(as_text(ask(), place), refresh=True)
            time.sleep(_BETWEEN_LOOKS)


def _write_changes(ask: Callable[[], Standing], place: Place) -> None:
    last = None
    while True:
        standing = ask()
        if (new := _without_time(standing)) != last:
            last = new
            # How long ago something was said counts from here.
            now = time.strftime("%Y-%m-%d %H:%M:%S %z")
            print(f"{now}\n{as_text(standing, place).plain}\n", flush=True)
        _rest()


def _without_time(standing: Standing) -> Any:
    """Give what it says, without what differs with each look."""
    told = [(r.key, r.word, r.generation, r.about, r.left > 0.0) for r in standing.records]
    return told, standing.ignored


def _rest() -> None:
    """Wait for the next look.

    Raises:
        BrokenPipeError: Nobody reads any more; who only writes would hear of it with a change.
    """
    if not hasattr(select, "poll"):
        time.sleep(_BETWEEN_LOOKS)
        return
    reader = select.poll()
    # No event is asked for: that the other end is closed is told without.
    reader.register(sys.stdout.fileno(), 0)
    if reader.poll(_BETWEEN_LOOKS * 1000.0):
        raise BrokenPipeError
