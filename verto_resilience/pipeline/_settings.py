"""What a setting is: its unit, its range, its meaning, and whether a value may be its value."""

import math
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Unit(StrEnum):
    """What a setting's number counts."""

    SECONDS = "seconds"
    FRACTION = "fraction"
    FACTOR = "factor"
    COUNT = "count"
    BYTES = "bytes"
    TOKENS = "tokens"
    FLAG = "true or false"
    CHOICE = "one of"
    NAMES = "names"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings.

    Attributes:
        name: The field of :class:`Policy`.
        default: Its value when nobody says otherwise.
        unit: What the value counts.
        meaning: What it does, in a sentence.
        low: Least value, or ``None``.
        high: Greatest value, or ``None``.
        above: Whether ``low`` itself is excluded.
        optional: Whether ``None`` ("none") is a value, and switches the feature off.
        choices: The values of a choice.
    """

    name: str
    default: Any
    unit: Unit
    meaning: str
    low: float | None = None
    high: float | None = None
    above: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Say in words which values may be given."""
        match self.unit:
            case Unit.FLAG:
                text = "true or false"
            case Unit.CHOICE:
                text = " | ".join(self.choices)
            case Unit.NAMES:
                text = "names separated by commas"
            case Unit.PATH:
                text = "the path of a file"
            case _:
                sign = "more than" if self.above else "at least"
                limit = "" if self.high is None else f", at most {self.high:g}"
                text = f"{sign} {self.low:g}{limit}"
        return f"{text}, or none" if self.optional else text

    def problem(self, value: object) -> str | None:
        """Say what is wrong with a value, or ``None`` when it may be."""
        if value is None and self.optional:
            return None
        match self.unit:
            case Unit.FLAG:
                fits = isinstance(value, bool)
            case Unit.CHOICE:
                fits = isinstance(value, str) and str(value) in self.choices
            case Unit.NAMES:
                fits = isinstance(value, tuple) and all(isinstance(v, str) and v for v in value)
            case Unit.PATH:
                fits = isinstance(value, str) and bool(value.strip())
            case Unit.COUNT | Unit.BYTES:
                whole = isinstance(value, int) and not isinstance(value, bool)
                fits = whole and self._in_range(value)
            case _:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                fits = number and self._in_range(value)
        return None if fits else f"{self.name} is {_shown(value)}; allowed: {self.allowed}"

    def _in_range(self, value: Any) -> bool:
        low, high = self.low, self.high
        # Written so that NaN, which compares false with everything, does not pass.
        enough = low is None or (value > low if self.above else value >= low)
        return bool(enough and (high is None or value <= high) and math.isfinite(value))


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an integer of 5,000 digits has no repr, nor has a bad object
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


_LONGEST_SHOWN = 200


def setting(
    default: Any,
    unit: Unit,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: bool = False,
    optional: bool = False,
) -> Any:
    """Declare a field of a policy; its name is filled in by :func:`rows`."""
    choices = tuple(type(default).__members__.values()) if unit is Unit.CHOICE else ()
    row = Setting("", default, unit, meaning, low, high, above, optional, choices)
    return field(default=default, metadata={"row": row})


def rows(policy: "type[DataclassInstance]") -> tuple[Setting, ...]:
    """Give the row of every field declared with :func:`setting`, in their order."""
    return tuple(replace(entry.metadata["row"], name=entry.name) for entry in fields(policy))
