"""A real redis-server or valkey-server, on a socket of its own below the test's folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest
import redis

from tests.conftest import NEEDS

KINDS = ("redis-server", "valkey-server")


class RedisServer:
    """A server that can be stopped, killed, started again; nothing is written to disk.

    Args:
        folder: Where its socket stands.
        kind: Its program.
        tcp: Whether it listens on a port of the loopback too.
        settings: Lines of its configuration.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kind: str = "redis-server",
        tcp: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing yet."""
        program = shutil.which(kind)
        if program is None:
            # Debian has the other one only in its newer releases.
            lacking = f"{NEEDS}{kind} (tests/fleet/install.sh)" if kind == KINDS[0] else kind
            pytest.skip(lacking)
        self._program = program
        self.path = folder / f"{kind}.sock"
        self.port = free_port() if tcp else 0
        self._settings = {"port": str(self.port), "bind": "127.0.0.1", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}" if self.port else f"unix://{self.path}"

    def client(self, **options: Any) -> "redis.Redis":
        """Give a client of its own, to look and to meddle."""
        return redis.Redis(unix_socket_path=str(self.path), **options)

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        given = {
            "unixsocket": str(self.path),
            "save": "",
            "appendonly": "no",
            "dir": str(self.path.parent),
            **self._settings,
        }
        command = [self._program]
        for name, value in given.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 20.0
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except redis.AuthenticationError:
                return self
            except redis.RedisError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return self

    def freeze(self) -> None:
        """Have it answer nobody; its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
            self._process = None
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.kill()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
