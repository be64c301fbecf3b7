"""Answers written as text, for a command line, a marker and a quick script.

::

    503 x2, 429 retry-after=2, ok delay=0.5, reset
"""

import re
from collections.abc import Callable
from typing import Any

from verto_resilience.errors import ConfigurationError
from verto_resilience.testing._impossible import impossible
from verto_resilience.testing._reply import Fault, Reply

OWN = "ok"
"""The word for what the path answers by itself."""

MOST = 10_000
"""How often one answer may be asked for in a row."""

_NAME = re.compile(r"[a-z_]+")
_TIMES = re.compile(r"x([0-9]{1,5})")


def is_written(script: str) -> bool:
    """Whether this is a list of answers; a single word that stands for none is a name."""
    word = script.strip().lower()
    return word == OWN or word in tuple(Fault) or _NAME.fullmatch(word) is None


def read_replies(script: str) -> tuple[Reply, ...]:
    """Read a list of answers.

    Args:
        script: Answers, separated by commas. Each is a status, ``ok`` (what the path answers by
            itself) or a :class:`Fault`; then, as they are wanted, ``delay=SECONDS``,
            ``retry-after=SECONDS``, ``form=date``, ``code=CODE``, ``fault=FAULT``, ``executes``
            and ``x3`` for three of them.

    Raises:
        ConfigurationError: One error that names every answer that cannot be read.
    """
    replies: list[Reply] = []
    problems: list[str] = []
    for number, answer in enumerate(script.split(","), start=1):
        try:
            replies += _read(answer.split())
        except ConfigurationError as error:
            problems += [f"answer {number} ({answer.strip()!r}): {p}" for p in error.problems]
    if problems:
        raise impossible(*problems)
    return tuple(replies)


def _read(words: list[str]) -> list[Reply]:
    if not words:
        raise impossible("nothing stands between the commas")
    status, settings = _first(words[0].lower())
    times = 1
    for word in words[1:]:
        repeated = _TIMES.fullmatch(word)
        name, sign, value = word.partition("=")
        name = name.lower()
        if repeated is not None:
            times = int(repeated[1])
        elif name == "executes" and not sign:
            settings["executes"] = True
        elif sign and name in _OPTIONS:
            option, read = _OPTIONS[name]
            settings[option] = _value(word, value, read)
        else:
            known = ", ".join(f"{name}=" for name in _OPTIONS)
            raise impossible(f"{word!r} is unknown; there are {known}, executes and x2")
    if not 1 <= times <= MOST:
        raise impossible(f"x{times} is no number from x1 to x{MOST}")
    return [Reply(status, **settings)] * times


def _first(word: str) -> tuple[int | None, dict[str, Any]]:
    if word == OWN:
        return None, {"executes": True}
    if word in tuple(Fault):
        return 200, {"fault": word}
    if word.isascii() and word.isdigit():
        return int(word), {}
    raise impossible(f"{word!r} is no status, and neither {OWN} nor one of {', '.join(Fault)}")


def _value(word: str, value: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(value)
    except ValueError:
        raise impossible(f"{word!r} has no number") from None


def _code(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


_OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "delay": ("delay", float),
    "retry-after": ("retry_after", int),
    "form": ("retry_after_form", str),
    "code": ("code", _code),
    "fault": ("fault", str),
}
