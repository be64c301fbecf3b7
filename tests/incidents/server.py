"""A loopback origin with a capacity, in a process of its own, that goes through an incident.

It reads the stages as JSON, prints its port, reads the monotonic instant at which the run begins,
and at the end of its standard input prints what reached it, as JSON. A request that has been read
is worked off although its client has left, as it is in most servers.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
from typing import Any

from tests.incidents.script import NOTHING, Stage

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PHRASES = {200: "OK", 429: "Too Many Requests", 503: "Service Unavailable"}


class Origin:
    """Answers by the stage that is on.

    Args:
        stages: With seconds from the beginning of the run.
        workers: How many requests are worked on at once.
        seed: Of what fails by chance.

    Attributes:
        begin: Monotonic instant at which the run begins.
        log: The second at which each request arrived.
    """

    def __init__(self, stages: list[Stage], workers: int, seed: str) -> None:
        """Prepare; nobody works yet."""
        self._stages = stages
        self._chance = random.Random(seed)
        self._workers = asyncio.Semaphore(workers)
        self.begin = time.monotonic()
        self.log: list[float] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass  # the client has left, or the run is over
        writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        path = head.split(b" ", 2)[1].decode("ascii")
        arrived = time.monotonic() - self.begin
        self.log.append(arrived)
        stage = self._stage(arrived, path)
        if stage.reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            return False
        if stage.retry_after is not None:
            writer.write(_response(429, f"Retry-After: {stage.retry_after}\r\n"))
            return True
        async with self._workers:
            taken_up = time.monotonic() - self.begin
            stage = self._stage(taken_up, path)
            status = 503 if self._chance.random() < stage.failing else 200
            await asyncio.sleep(stage.service_at(taken_up))
        writer.write(_response(status))
        return True

    def _stage(self, instant: float, path: str) -> Stage:
        for stage in self._stages:
            if stage.start <= instant < stage.end and stage.path in (None, path):
                return stage
        return NOTHING


def _response(status: int, more: str = "") -> bytes:
    text = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: 2\r\n{more}\r\n{{}}"
    )
    return text.encode("ascii")


async def serve(stages: list[Stage], workers: int, seed: str) -> list[float]:
    """Serve until standard input ends; give what reached it."""
    origin = Origin(stages, workers, seed)
    server = await asyncio.start_server(origin.talk, "127.0.0.1", 0, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    origin.begin = float(await asyncio.to_thread(sys.stdin.readline))
    await asyncio.to_thread(sys.stdin.read)
    return origin.log


def main() -> None:
    """Serve, then print the log."""
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    stages = [Stage(**stage) for stage in told["stages"]]
    print(json.dumps(asyncio.run(serve(stages, told["workers"], told["seed"]))))


if __name__ == "__main__":
    main()
