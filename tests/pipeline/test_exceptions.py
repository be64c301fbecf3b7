import traceback

import pytest

import verto_resilience
from verto_resilience.pipeline import add_note, class_name, traceback_of


class OddError(Exception):
    """One that is not of the library."""


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TimeoutError, "TimeoutError"),
        (OddError, f"{__name__}.OddError"),
        (verto_resilience.PausedError, "verto_resilience.PausedError"),
    ],
)
def test_classes_are_named_in_full(kind: type[Exception], name: str) -> None:
    """A class has the module that users import it from before it, unless it is a builtin."""
    assert class_name(kind) == name


@pytest.mark.parametrize("kind", [ValueError, OddError])
def test_a_traceback_shows_the_place_and_not_the_message(kind: type[Exception]) -> None:
    """What is logged names class and line; message, notes and causes are left out."""
    secret = "s3cret"
    with pytest.raises(kind) as raised:
        raise kind(secret) from KeyError(secret)
    raised.value.add_note(secret)

    shown = "".join(traceback.format_exception(*traceback_of(raised.value)))

    assert shown.endswith(f"raise kind(secret) from KeyError(secret)\n{class_name(kind)}\n")
    assert secret not in shown


def test_a_note_is_added_once() -> None:
    """An exception that passes twice carries the note once."""
    error = OddError()

    add_note(error, "a")
    add_note(error, "b")
    add_note(error, "a")

    assert error.__notes__ == ["a", "b"]


def test_an_exception_that_takes_no_notes_goes_without() -> None:
    """What somebody put in the place of its notes stays, and nothing else is raised."""
    error = OddError()
    error.__notes__ = None  # type: ignore[assignment]

    add_note(error, "a")

    assert error.__notes__ is None
