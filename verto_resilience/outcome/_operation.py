"""One row of the table of operations: what a request does, and whether it may be sent twice."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import parse_qsl

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._api_error import read_json_object, value_at
from verto_resilience.outcome._path_spellings import same_name

Shape = tuple[str, ...]
Identity = tuple[str, Shape, str, str]


class OperationKind(StrEnum):
    """What a request does at the server."""

    __module__ = "verto_resilience"

    READ = "read"
    WRITE = "write"
    MOVES_MONEY = "moves_money"


class Repeatable(StrEnum):
    """Whether a request may be sent again when it may have been executed.

    ``WITH_KEY``: only under an ``Idempotency-Key`` that stays the same. ``NEVER``: not even then,
    because nothing documents that a key keeps this one from executing twice.
    """

    __module__ = "verto_resilience"

    ALWAYS = "always"
    WITH_KEY = "with_key"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint, and what is known of it.

    Attributes:
        method: HTTP method, in upper case.
        template: Path such as ``/orders/v2.1/fx/{order_id}``; a name in braces stands for one
            segment. ``/**/`` at the start stands for any segments, none included.
        kind: What it does.
        repeatable: Whether it may be sent twice.
        reason: Why, in a sentence for people.
        source: Short names of the pages it rests on, joined by commas; ``operations.toml`` says
            what they stand for.
        confidence: ``A`` Verto's documentation says so, ``B`` read off Verto's samples or scripts,
            ``C`` seen in other people's clients, ``D`` inferred. The weakest part of the row rules.
        service: Which of Verto's hosts serves it, such as ``legacy``; for people only.
        query: ``name=value`` that must be in the query for the row to hold; empty: none needed.
        body: ``name=value`` that must be in the JSON body; a dot in the name goes into an object.

    Raises:
        ConfigurationError: The row is not one; the message lists every fault and what is allowed.
    """

    __module__ = "verto_resilience"

    method: str
    template: str
    _: KW_ONLY
    kind: OperationKind
    repeatable: Repeatable
    reason: str = ""
    source: str = "caller"
    confidence: Literal["A", "B", "C", "D"] = "D"
    service: str = ""
    query: str = ""
    body: str = ""

    def __post_init__(self) -> None:
        """Refuse what could never match, or would be misread."""
        refusals = _refusals({name: getattr(self, name) for name in _CHECKS})
        problems = tuple(
            f"operation {self.method} {self.template}: {refusal}" for refusal in refusals
        )
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)
        # Text from a file becomes the enum member.
        object.__setattr__(self, "kind", OperationKind(self.kind))
        object.__setattr__(self, "repeatable", Repeatable(self.repeatable))


def is_repeatable(method: str, operation: Operation | None, *, has_key: bool) -> bool:
    """Say whether a request may be sent again although it may have been executed.

    Args:
        method: HTTP method, in upper case; decides where there is no operation (RFC 9110
            section 9.2.2).
        operation: What :meth:`Operations.match` gave.
        has_key: Whether the request carries an ``Idempotency-Key``.
    """
    if operation is None:
        return has_key or method in IDEMPOTENT_METHODS
    if operation.repeatable is Repeatable.WITH_KEY:
        return has_key
    return operation.repeatable is Repeatable.ALWAYS


def read_operations(rows: Iterable[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Make operations of the tables of a TOML file.

    Raises:
        ConfigurationError: Rows lack a field, have an unknown one, a value that is not text or
            not allowed, or come twice; the message names each, or its place counted from 1.
    """
    operations: dict[Identity, Operation] = {}
    problems: list[str] = []
    for number, row in enumerate(rows, 1):
        faults = _faults(row)
        if faults:
            texts = {name: value for name, value in row.items() if isinstance(value, str)}
            problems += [f"operation {number}: {fault}" for fault in (*faults, *_refusals(texts))]
            continue
        try:
            operation = Operation(**row)
        except ConfigurationError as error:
            problems += error.problems
            continue
        if operations.setdefault(identity_of(operation), operation) is not operation:
            problems.append(
                f"operation {number}: {operation.method} {operation.template} comes twice"
            )
    if problems:
        raise ConfigurationError("; ".join(problems), problems=tuple(problems))
    return tuple(operations.values())


def conditions_hold(operation: Operation, query: str, body: bytes | str | None) -> bool:
    """Say whether a request has what the row asks for in query and body."""
    return _in_query(operation.query, query) and _in_body(operation.body, body)


def identity_of(operation: Operation) -> Identity:
    """Give what no two rows of a table have in common."""
    return operation.method, shape_of(operation.template), operation.query, operation.body


def shape_of(template: str) -> Shape:
    """Give the segments of a template, names as RFC 3986 normalises them."""
    segments = template[1:].split("/")
    return tuple(ANY if segment.startswith("{") else same_name(segment) for segment in segments)


ANY = "{}"
"""Stands for one segment in a shape, whatever its name in braces."""

ANYTHING = "**"
"""Stands for any segments at the start of a shape."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""What RFC 9110 section 9.2.1 says asks for no change."""

IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
"""What RFC 9110 section 9.2.2 says may be repeated."""

METHODS = IDEMPOTENT_METHODS | {"POST", "PATCH"}
"""What calls are made by: those of RFC 9110 but CONNECT, and that of RFC 5789."""

_METHOD = re.compile(r"[A-Z]+")
# A dot segment is gone from every path before it is looked up.
_DOTS = r"(?!(?:\.|%2[Ee]){1,2}(?:/|\Z))"
_TEMPLATE = re.compile(rf"(?:/\*\*)?(?:/(?:\{{[A-Za-z_][A-Za-z0-9_]*\}}|{_DOTS}[^/{{}}?#*\s]+))+")
_CONDITION = re.compile(r"(?:[^=]+=.+)?")
_KINDS = frozenset(OperationKind)
_REPEATABLE = frozenset(Repeatable)
_CONFIDENCE = frozenset("ABCD")
_FIELDS = frozenset(field.name for field in fields(Operation))
_CHECKS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "method": (_METHOD.fullmatch, "an HTTP method in upper case"),
    "template": (_TEMPLATE.fullmatch, "a path such as /fx/{reference}"),
    "kind": (_KINDS.__contains__, ", ".join(OperationKind)),
    "repeatable": (_REPEATABLE.__contains__, ", ".join(Repeatable)),
    "confidence": (_CONFIDENCE.__contains__, "A, B, C, D"),
    "query": (_CONDITION.fullmatch, "nothing or name=value"),
    "body": (_CONDITION.fullmatch, "nothing or name=value"),
}
_LONGEST_BODY = 65_536
_REQUIRED = ("method", "template", "kind", "repeatable")


def _in_query(condition: str, query: str) -> bool:
    name, _, wanted = condition.partition("=")
    # Clients write booleans as their language does: True and true are one here.
    return not condition or (name, wanted.casefold()) in (
        (key, value.casefold()) for key, value in parse_qsl(query)
    )


def _in_body(condition: str, body: bytes | str | None) -> bool:
    if not condition:
        return True
    if body is None:
        return False
    encoded = body.encode(errors="replace") if isinstance(body, str) else body
    document = read_json_object(encoded, limit=_LONGEST_BODY)
    if document is None:
        return False
    name, _, wanted = condition.partition("=")
    found = value_at(document, name)
    return isinstance(found, str | int) and str(found).casefold() == wanted.casefold()


def _faults(row: Mapping[str, Any]) -> list[str]:
    """Say why no operation can be made of a row at all."""
    faults = [f"{name} is missing" for name in _REQUIRED if name not in row]
    for name, value in row.items():
        if name not in _FIELDS:
            faults.append(f"{name!r} is no field; there are {', '.join(sorted(_FIELDS))}")
        elif not isinstance(value, str):
            faults.append(f"{name} is {value!r}, allowed is text")
    return faults


def _refusals(values: Mapping[str, Any]) -> list[str]:
    """Say which values cannot be."""
    return [
        f"{name} is {value!r}, allowed is {_CHECKS[name][1]}"
        for name, value in values.items()
        if name in _CHECKS and not (isinstance(value, str) and _CHECKS[name][0](value))
    ]
