"""What a setting is: its unit, its range, its meaning, and whether a value may be its value."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from verto_resilience.pipeline._hosts import is_host
from verto_resilience.pipeline._store import ALLOWED, Secret, StoreAddress, is_store_url

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
    HOSTS = "host names"
    PATH = "path"
    NAME = "name"
    STORE = "store"
    SECRET = "secret"  # noqa: S105 - it says that there is one


_NUMBERS = {
    Unit.SECONDS: "a number of seconds",
    Unit.FRACTION: "a fraction",
    Unit.FACTOR: "a factor",
    Unit.COUNT: "a whole number",
    Unit.BYTES: "a whole number of bytes",
    Unit.TOKENS: "a number of tokens",
}
_LISTS = {
    Unit.NAMES: "names",
    Unit.HOSTS: "host names or IP addresses, without scheme, port or *",
}


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
                text = f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
            case Unit.NAMES:
                text = "names separated by commas"
            case Unit.HOSTS:
                text = "host names or IP addresses separated by commas, without scheme, port or *"
            case Unit.PATH:
                text = "the path of a file"
            case Unit.NAME:
                text = "letters, digits, and any of . _ -"
            case Unit.STORE:
                return ALLOWED
            case Unit.SECRET:
                text = "any text"
            case _:
                text = f"{_NUMBERS[self.unit]}{self._range()}"
        if not self.optional:
            return text
        return f"{text}, or none" if "," in text else f"{text} or none"

    def problem(self, value: object) -> str | None:
        """Say what is wrong with a value, or ``None`` when it may be."""
        refusal = self.refusal(value)
        return None if refusal is None else f"{self.name} is {self.written(value)}; {refusal}"

    def written(self, value: object) -> str:
        """Write a value for a message; what may hold a secret is shown without it."""
        if isinstance(value, str) and self.unit is Unit.STORE:
            value = StoreAddress(value)
        if self.unit is Unit.SECRET or (
            self.unit is Unit.STORE and not isinstance(value, StoreAddress | None)
        ):
            return "REDACTED"
        return quoted(value)

    def refusal(self, value: object) -> str | None:
        """Say what is allowed in place of a value, or ``None`` when it may be."""
        if value is None and self.optional:
            return None
        if isinstance(value, str) and self.unit in _LISTS:
            return self._list_instead(value)
        why = ""
        match self.unit:
            case Unit.FLAG:
                fits = isinstance(value, bool)
            case Unit.CHOICE:
                fits = isinstance(value, str) and str(value) in self.choices
            case Unit.NAMES:
                fits = _are_names(value)
            case Unit.HOSTS:
                odd = _first_that_is_no_host(value)
                fits = odd is None and _are_names(value)
                why = "" if odd is None or value == (odd,) else f"{quoted(odd)} is no host name; "
            case Unit.PATH:
                fits = isinstance(value, str) and bool(value.strip())
            case Unit.NAME | Unit.STORE | Unit.SECRET:
                fits = _is_of_store(value, self.unit)
            case Unit.COUNT | Unit.BYTES:
                whole = isinstance(value, int) and not isinstance(value, bool)
                fits = whole and self._in_range(value)
            case _:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                fits = number and self._in_range(value)
        return None if fits else f"{why}allowed is {self.allowed}"

    def _list_instead(self, text: str) -> str:
        """Say what is given in code, where a text would be so many letters."""
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        fits = bool(names) and self.refusal(names) is None and len(text) <= _LONGEST_SHOWN
        example = f", such as {names}" if fits else ""
        return f"allowed is a tuple or a list of {_LISTS[self.unit]}{example}"

    def _range(self) -> str:
        start = (
            ""
            if self.low is None
            else f" {'above' if self.above else 'from'} {plain_number(self.low)}"
        )
        between = ", up to " if self.above else " to "
        return start if self.high is None else f"{start}{between}{plain_number(self.high)}"

    def _in_range(self, value: Any) -> bool:
        low, high = self.low, self.high
        # Written so that NaN, which compares false with everything, does not pass.
        enough = low is None or (value > low if self.above else value >= low)
        return bool(enough and (high is None or value <= high) and math.isfinite(value))


def nearest(name: str, known: Collection[str]) -> str | None:
    """Give the name that was probably meant; ``None`` where none is near."""
    import difflib  # for those who misspell

    near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
    return near[0] if near else None


def plain_number(number: float) -> str:
    """Write a number as people do: a whole one without point and exponent."""
    return str(int(number)) if float(number).is_integer() else repr(number)


def quoted(value: object) -> str:
    """Write a value for a message: text in quotes, and what is long in part; never raises."""
    try:
        text = _written(value)
    except Exception:  # noqa: BLE001 - an integer of 5,000 digits has no repr, nor has a bad object
        return f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


_LONGEST_SHOWN = 200
_NAME = re.compile("[A-Za-z0-9._-]{1,64}")
_NEAR = 0.7


def _written(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, StoreAddress):
        return repr(value.shown)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(str(value)) if isinstance(value, str) else repr(value)


def _is_of_store(value: object, unit: Unit) -> bool:
    if isinstance(value, StoreAddress):
        return unit is Unit.STORE and is_store_url(value.url)
    if isinstance(value, Secret):
        return unit is Unit.SECRET and bool(value.revealed)
    # Who writes none means that there is none.
    is_name = isinstance(value, str) and _NAME.fullmatch(value) and value.lower() != "none"
    return unit is Unit.NAME and bool(is_name)


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name for name in value)


def _first_that_is_no_host(value: object) -> str | None:
    texts = [text for text in value if isinstance(text, str)] if isinstance(value, tuple) else []
    # Who writes none in a list of hosts means an empty one.
    return next((t for t in texts if not is_host(t) or t.lower() == "none"), None)


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
