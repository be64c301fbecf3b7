"""Runs the Python of a page as a reader would: ``python -m tests.docs.page docs/sandbox.md``.

Blocks of a page share their names, one after the other. Where a ``text`` block follows, it is what
the block before it prints; ``...`` stands for anything, as in a doctest. A block below the comment
``<!-- not run: REASON -->`` is only compiled. Nothing but this machine is reached.
"""

import contextlib
import doctest
import io
import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r"(?P<comment><!-- not run: [^\n]+ -->\n+)?"
    r"^```python\n(?P<code>.*?)^```$"
    r"(?:\n+```text\n(?P<shown>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code.

    Attributes:
        code: The text, with as many empty lines before it as make its numbers those of the page.
        shown: What the page says that it prints; ``None``: nothing is said.
        run: Whether it is run.
    """

    code: str
    shown: str | None
    run: bool


def blocks(page: str) -> Iterator[Block]:
    """Give the Python of a page."""
    for found in _BLOCK.finditer(page):
        before = page.count("\n", 0, found.start("code"))
        yield Block("\n" * before + found["code"], found["shown"], found["comment"] is None)


def main(path: str) -> str | None:
    """Run the page; give the first thing that is not as it says."""
    socket.socket.connect = _connect(socket.socket.connect)  # type: ignore[method-assign]
    socket.getaddrinfo = _look_up(socket.getaddrinfo)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(Path(path).read_text(encoding="utf-8")):
        compiled = compile(block.code, path, "exec")
        if not block.run:
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compiled, names)  # noqa: S102 - the page's own
        if block.shown is not None and not _same(block.shown, printed.getvalue()):
            return f"{path} shows\n{block.shown}\nand this came:\n{printed.getvalue()}"
    return None


def _same(shown: str, came: str) -> bool:
    shown, came = (re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", text) for text in (shown, came))
    return doctest.OutputChecker().check_output(shown, came, doctest.ELLIPSIS)


def _connect(connect: Any) -> Any:
    def connected(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in _HERE:
            raise PermissionError(f"a page calls {address}")
        connect(self, address)

    return connected


def _look_up(look_up: Any) -> Any:
    def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in _HERE:
            raise PermissionError(f"a page asks for {host}")
        return look_up(host, *args, **kwargs)

    return looked_up


if __name__ == "__main__":
    place = os.path.abspath(sys.argv[1])  # noqa: PTH100 - before the folder is left
    sys.exit(main(place))
