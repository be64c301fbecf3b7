import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

from verto_resilience import errors
from verto_resilience.errors import (
    CallRejectedError,
    CircuitOpenError,
    ConfigurationError,
    LoginError,
    PausedError,
    ResilienceError,
)

ALL = [
    ResilienceError,
    CallRejectedError,
    CircuitOpenError,
    PausedError,
    ConfigurationError,
    LoginError,
]
FULL = [
    ResilienceError("what"),
    CallRejectedError("what", key="k", retry_after=1.5),
    CircuitOpenError("what", key="k", retry_after=1.5, reason="manual", last_failure="503"),
    PausedError("what", key="k", retry_after=1.5),
    ConfigurationError("what", problems=("a", "b")),
    LoginError("what", status=401, retry_after=1.5),
]


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (ResilienceError, Exception),
        (CallRejectedError, ResilienceError),
        (CircuitOpenError, CallRejectedError),
        (PausedError, CallRejectedError),
        (ConfigurationError, ResilienceError),
        (ConfigurationError, ValueError),
        (LoginError, ResilienceError),
    ],
)
def test_the_tree_is_as_drawn(kind: type[Exception], parent: type[Exception]) -> None:
    """Every error stands under the one that it is drawn under."""
    assert parent in kind.__bases__


def test_the_drawing_shows_every_error() -> None:
    """The tree at the top of the module names each class of the module, and no other."""
    defined = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and not name.startswith("_")
    }

    drawn = set(re.findall(r"\b\w+Error\b", errors.__doc__ or "")) - {
        "ValueError",
        "ConnectionError",
    }

    assert drawn == defined == {kind.__name__ for kind in ALL}


@pytest.mark.parametrize("kind", ALL)
def test_no_argument_is_needed(kind: type[Exception]) -> None:
    """Each error can be made empty, as unpickling does."""
    assert str(kind()) == ""


def test_facts_are_given_by_name() -> None:
    """A refusal keeps whose verdict it was, and when to ask again."""
    error = CircuitOpenError("what", key="k", retry_after=1.5, reason="manual", last_failure="503")

    assert (error.key, error.retry_after) == ("k", 1.5)
    assert (error.reason, error.last_failure) == ("manual", "503")


@pytest.mark.parametrize("kind", [CallRejectedError, CircuitOpenError, PausedError])
def test_what_is_not_said_is_not_known(kind: type[CallRejectedError]) -> None:
    """Without facts there are none."""
    error = kind("what")

    assert (error.key, error.retry_after) == ("", None)
    assert getattr(error, "reason", None) is getattr(error, "last_failure", None) is None


def test_configuration_keeps_its_problems() -> None:
    """The list stands beside the text."""
    assert ConfigurationError("what", problems=("a", "b")).problems == ("a", "b")
    assert ConfigurationError("what").problems == ()


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda error: pickle.loads(pickle.dumps(error)), id="pickled"),  # noqa: S301
        pytest.param(copy.copy, id="copied"),
        pytest.param(copy.deepcopy, id="copied deeply"),
    ],
)
def test_errors_travel(error: Exception, again: Callable[[Exception], Exception]) -> None:
    """Type, message, facts and notes survive the way to another process."""
    error = copy.copy(error)
    error.add_note("seen by a worker")

    twin = again(error)

    assert type(twin) is type(error)
    assert twin.args == error.args == ("what",)
    assert vars(twin) == vars(error)
    assert twin.__notes__ == ["seen by a worker"]
