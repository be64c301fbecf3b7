"""What an edge may be given: looked at when it is built, for a call would find out too late."""

from typing import Any

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import Catalogue, Operations
from verto_resilience.pipeline import Policy

_FILE = "; a file is named by policy=load_policy({name}='FILE.toml'), or by {variable}"
_REMEDIES = {
    "policy": "",
    "catalogue": _FILE.format(name="catalogue", variable="VERTO_RESILIENCE_CATALOGUE"),
    "operations": "; rows go by operations=Operations.documented().extend(Operation(...))"
    + _FILE.format(name="operations", variable="VERTO_RESILIENCE_OPERATIONS"),
}


def insist_on_parts(
    *,
    policy: object = None,
    observer: object = None,
    catalogue: object = None,
    operations: Any = None,
) -> None:
    """Refuse what would fail in the middle of a call, after an attempt has been made.

    Raises:
        TypeError: One of them is something else, or an observer is a class or has no ``on_event``.
    """
    given = {"policy": policy, "catalogue": catalogue, "operations": operations}
    kinds = {"policy": Policy, "catalogue": Catalogue, "operations": Operations}
    for name, part in given.items():
        if part is not None and not isinstance(part, kinds[name]):
            message = (
                f"{name} must be a verto_resilience.{kinds[name].__name__}, "
                f"not {kind_of(part)}{_REMEDIES[name]}"
            )
            raise TypeError(message)
    if observer is not None and not _has(observer, "on_event"):
        message = (
            f"observer must be an object with a method on_event(event), not {kind_of(observer)}"
        )
        raise TypeError(message)


def insist_on_limit(body_limit: object) -> None:
    """Refuse what is no number of bytes.

    Raises:
        TypeError: It is neither an ``int`` nor ``None``.
        ConfigurationError: It is below 0.
    """
    remedy = "give bytes, such as 1_048_576, 0 to read none, or None for all of a body"
    if body_limit is None:
        return
    if not isinstance(body_limit, int) or isinstance(body_limit, bool):
        message = f"body_limit must be an int or None, not {kind_of(body_limit)}; {remedy}"
        raise TypeError(message)
    if body_limit < 0:
        problem = f"body_limit must be at least 0, not {body_limit}; {remedy}"
        raise ConfigurationError(problem, problems=(problem,))


def insist_on_way(*, session: object = None, clock: object = None) -> None:
    """Refuse what a login could not go by.

    Raises:
        TypeError: ``session`` is none of requests, or ``clock`` has no ``monotonic``.
    """
    if session is not None and not _has(session, *_OF_SESSION):
        message = (
            f"session must be a requests.Session(), not {kind_of(session)}; without one it is the "
            "session on which it is mounted, or one of its own"
        )
        raise TypeError(message)
    if clock is not None and not _has(clock, "monotonic"):
        message = (
            f"clock must be an object with a method monotonic(), not {kind_of(clock)}; without one "
            "it is the machine's, and for tests there is verto_resilience.testing.FakeClock()"
        )
        raise TypeError(message)


_OF_SESSION = ("get_adapter", "merge_environment_settings", "prepare_request", "send")


def _has(thing: object, *methods: str) -> bool:
    """Say whether it has them: a class has only what its instances will have."""
    return not isinstance(thing, type) and all(
        callable(getattr(thing, method, None)) for method in methods
    )


def kind_of(thing: object) -> str:
    """Say what something is, for an error: its value may be a secret."""
    return f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
