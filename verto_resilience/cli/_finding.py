"""What the doctor finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is: ``note`` is worth knowing and no fault."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: What was looked at.
        state: How bad it is.
        detail: What was found, in a sentence without secrets.
    """

    about: str
    state: State
    detail: str
