"""Scripts: what paths answer in place of their own answer, and for how long.

A script is asked at each request and gives a reply, or ``None`` once it is over. Nothing here
reads a clock: the caller passes ``now`` and holds the sandbox's lock.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from verto_resilience.testing._impossible import impossible
from verto_resilience.testing._paths import PathTemplate
from verto_resilience.testing._reply import LONGEST, Reply, RetryAfterForm, is_length
from verto_resilience.testing._written import is_written, read_replies


class Script(Protocol):
    """Anything that says what comes next."""

    def take(self, now: float) -> Reply | None:
        """Give the next reply; ``None`` once the script is over, and from then on."""


class SequenceScript:
    """Gives replies one after the other."""

    __slots__ = ("_at", "_repeat", "_replies")

    def __init__(self, replies: Iterable[Reply | int], *, repeat: bool = False) -> None:
        """Keep the replies.

        Args:
            replies: In their order; a bare status stands for ``Reply(status)``.
            repeat: Begin again after the last one, for ever.

        Raises:
            ConfigurationError: One of them is no reply, or nothing is to be repeated.
        """
        self._replies = tuple(as_reply(given) for given in replies)
        if repeat and not self._replies:
            raise impossible("there is nothing to repeat: the script has no replies")
        self._repeat = repeat
        self._at = 0

    def take(self, now: float) -> Reply | None:  # noqa: ARG002  one script among several kinds
        """Give the next reply."""
        if self._at == len(self._replies):
            if not self._repeat:
                return None
            self._at = 0
        self._at += 1
        return self._replies[self._at - 1]


class WindowScript:
    """Gives replies for a length of time, counted from the first request or from an instant."""

    __slots__ = ("_reply", "_seconds", "_since")

    def __init__(
        self, seconds: float, reply: Callable[[float], Reply], *, since: float | None = None
    ) -> None:
        """Set the window.

        Args:
            seconds: Its length.
            reply: Makes the reply, given the seconds that are left.
            since: When it begins; ``None`` for the first request.

        Raises:
            ConfigurationError: ``seconds`` is no length of time.
        """
        if not is_length(seconds):
            raise impossible(f"seconds {seconds!r} is no number from 0 to {LONGEST}")
        self._seconds = float(seconds)
        self._reply = reply
        self._since = since

    def take(self, now: float) -> Reply | None:
        """Give the reply while the window is open."""
        if self._since is None:
            self._since = now
        # Of two requests at once, the one that came first may be the second to ask.
        left = min(self._seconds, self._seconds - (now - self._since))
        return self._reply(left) if left > 0 else None


class Stage:
    """Which script plays on which paths; the one put on last is asked first."""

    __slots__ = ("_scripts",)

    def __init__(self) -> None:
        """Begin with none."""
        self._scripts: dict[tuple[str | None, str | None], tuple[PathTemplate | None, Script]] = {}

    def put(self, path: str | None, method: str | None, script: Script) -> None:
        """Play a script, in place of an earlier one for the same path and method.

        Args:
            path: A path or a template; ``None`` for every path.
            method: ``None`` for every method.
            script: What to play.
        """
        template = None if path is None else PathTemplate(path)
        key = (path, None if method is None else method.upper())
        self._scripts.pop(key, None)
        self._scripts[key] = (template, script)

    def take(self, path: str, method: str, now: float) -> Reply | None:
        """Give the reply of the script in charge; ``None`` when the path answers by itself."""
        for (_, wanted), (template, script) in reversed(self._scripts.items()):
            if wanted not in (None, method):
                continue
            if template is not None and template.match(path) is None:
                continue
            reply = script.take(now)
            if reply is not None:
                return reply
        return None

    def clear(self, path: str | None = None) -> None:
        """End the scripts put on for this path; ``None`` ends all of them."""
        for key in tuple(self._scripts):
            if path is None or key[0] == path:
                del self._scripts[key]


def as_reply(given: Reply | int) -> Reply:
    """Turn a bare status into a reply.

    Raises:
        ConfigurationError: It is neither a status nor a reply.
    """
    if isinstance(given, Reply):
        return given
    if type(given) is not int:
        raise impossible(f"a script is made of replies and statuses, not of {given!r}")
    return Reply(given)


def throttle_script(seconds: float, form: RetryAfterForm | str) -> WindowScript:
    """Make a window of 429s that tell the whole seconds left, rounded up."""
    if form not in tuple(RetryAfterForm):
        raise impossible(f"form {form!r} is unknown; choose one of {', '.join(RetryAfterForm)}")
    written = RetryAfterForm(form)
    return WindowScript(
        seconds, lambda left: Reply(429, retry_after=math.ceil(left), retry_after_form=written)
    )


def named_script(
    name: str,
    *,
    seconds: float | None = None,
    count: int | None = None,
    form: RetryAfterForm | str | None = None,
    repeat: bool = False,
) -> Script:
    """Build one of :data:`SCRIPT_NAMES`, or one of answers written as text.

    Args:
        name: Which one, or the answers; see :func:`read_replies`.
        seconds: Length of ``throttled`` (2 by default) or ``down``.
        count: Number of failures of ``down``, or of ``recovering`` before it recovers (2 by
            default). ``down`` with neither a count nor seconds has no end.
        form: How ``throttled`` and ``recovering`` write ``Retry-After``.
        repeat: Whether written answers begin again after the last.

    Raises:
        ConfigurationError: The name is unknown, or the script does not know an option or its value.
    """
    given = {"seconds": seconds, "count": count, "form": form, "repeat": repeat or None}
    if name not in SCRIPT_NAMES:
        return _written_script(name, given)
    problems = _odd_options(name, given, SCRIPT_NAMES[name])
    if name == "down" and seconds is not None and count is not None:
        problems.append("script 'down' takes a count or seconds, not both")
    if count is not None and (type(count) is not int or count < 1):
        problems.append(f"count {count!r} is no whole number from 1 up")
    if form is not None and form not in tuple(RetryAfterForm):
        problems.append(f"form {form!r} is unknown; choose one of {', '.join(RetryAfterForm)}")
    if problems:
        raise impossible(*problems)
    written = RetryAfterForm.SECONDS if form is None else RetryAfterForm(form)
    match name:
        case "throttled":
            return throttle_script(2.0 if seconds is None else seconds, written)
        case "down" if seconds is not None:
            return WindowScript(seconds, lambda _left: _UNAVAILABLE)
        case "down":
            return SequenceScript([_UNAVAILABLE] * (count or 1), repeat=count is None)
        case "recovering":
            limited = Reply(429, retry_after=1, retry_after_form=written)
            slow = Reply.ok(delay=0.2)
            return SequenceScript([*[_UNAVAILABLE] * (count or 2), limited, slow])
        case _:
            return SequenceScript(())


def _written_script(script: str, given: Mapping[str, object]) -> SequenceScript:
    if not is_written(script):
        raise impossible(
            f"script {script!r} is unknown; choose one of {', '.join(SCRIPT_NAMES)}, or write the "
            "answers, such as '503 x2, 429 retry-after=1, ok delay=0.5'"
        )
    problems = _odd_options(script, given, ("repeat",))
    if problems:
        raise impossible(*problems)
    return SequenceScript(read_replies(script), repeat=given["repeat"] is not None)


def _odd_options(script: str, given: Mapping[str, object], known: Collection[str]) -> list[str]:
    return [
        f"script {script!r} has no option {option!r}"
        for option, value in given.items()
        if value is not None and option not in known
    ]


SCRIPT_NAMES = MappingProxyType(
    {
        "healthy": (),
        "throttled": ("seconds", "form"),
        "down": ("seconds", "count"),
        "recovering": ("count", "form"),
    }
)
"""The named scripts, each with the options it knows."""

_UNAVAILABLE = Reply(503)
