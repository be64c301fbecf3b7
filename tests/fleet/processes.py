"""A fleet: several processes that run :mod:`tests.fleet.worker`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
QUICK = {
    "VERTO_RESILIENCE_BREAK_DURATION": "2",
    "VERTO_RESILIENCE_MAX_BREAK_DURATION": "2",
    "VERTO_RESILIENCE_BACKOFF_BASE": "0.1",
    "VERTO_RESILIENCE_BACKOFF_LIMIT": "0.2",
}


@dataclass(frozen=True)
class Seen:
    """What one process saw; instants are monotonic seconds."""

    moves: Sequence[tuple[float, str, str, str]]
    pauses: Sequence[tuple[float, float, bool]]
    store: Sequence[tuple[float, str, str]]
    calls: Sequence[tuple[float, float, str]]

    def first(self, after: str, *, since: float = 0.0) -> float:
        """Say when its circuit first moved to a state; infinity when never."""
        return min((m[0] for m in self.moves if m[2] == after and m[0] >= since), default=1e99)


class Fleet:
    """Processes that begin together.

    Args:
        url: What they get.
        store: The address of their store; ``None`` for none.
        processes: How many.
        threads: Of each.
        seconds: For how long at the most.
        pace: Calls of each thread per second.
        settings: More variables.
    """

    def __init__(
        self,
        url: str,
        *,
        store: str | None,
        processes: int = 8,
        threads: int = 4,
        seconds: float = 60.0,
        pace: float = 8.0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start the processes; they wait."""
        environ = {name: text for name, text in os.environ.items() if "VERTO" not in name}
        environ |= QUICK | dict(settings or {})
        if store is not None:
            environ["VERTO_RESILIENCE_STORE"] = store
        command = [sys.executable, "-m", "tests.fleet.worker", url, str(threads), str(seconds)]
        self._processes = [
            subprocess.Popen(
                [*command, str(pace)],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for process in self._processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def go(self) -> Self:
        """Have all of them begin."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return self

    @property
    def pids(self) -> list[int]:
        """Their numbers."""
        return [process.pid for process in self._processes]

    def stop(self, *, without: int | None = None) -> list[Seen]:
        """End them, and give what each saw.

        Args:
            without: The number of one that was killed.
        """
        seen = []
        for process in self._processes:
            if process.pid != without:
                told, _ = process.communicate(timeout=30)
                seen.append(Seen(**json.loads(told)))
        return seen

    def __enter__(self) -> Self:
        """Be ready."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no process behind."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
