"""What a request does: read, write, or move money; and whether it may be sent twice.

A rule by HTTP method alone is wrong in both directions: Verto has reads over POST, a GET that
writes, and trades that nothing deduplicates. The rows live in ``operations.toml`` beside this file,
each with its reason, its source and how sure it is.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Literal, Self
from urllib.parse import parse_qsl

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._api_error import read_json_object, value_at


class OperationKind(StrEnum):
    """What a request does at the server."""

    READ = "read"
    WRITE = "write"
    MOVES_MONEY = "moves_money"


class Repeatable(StrEnum):
    """Whether a request may be sent again when it may have been executed.

    ``WITH_KEY``: only under an ``Idempotency-Key`` that stays the same. ``NEVER``: not even then,
    because nothing documents that a key keeps this one from executing twice.
    """

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
        checks = (
            ("method", _METHOD.fullmatch(self.method), "an HTTP method in upper case"),
            ("template", _TEMPLATE.fullmatch(self.template), "a path such as /fx/{reference}"),
            ("kind", self.kind in _KINDS, ", ".join(OperationKind)),
            ("repeatable", self.repeatable in _REPEATABLE, ", ".join(Repeatable)),
            ("confidence", self.confidence in _CONFIDENCE, "A, B, C, D"),
            ("query", _CONDITION.fullmatch(self.query), "nothing or name=value"),
            ("body", _CONDITION.fullmatch(self.body), "nothing or name=value"),
        )
        problems = tuple(
            f"operation {self.method} {self.template}: {name} is {getattr(self, name)!r}, "
            f"allowed is {allowed}"
            for name, is_allowed, allowed in checks
            if not is_allowed
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
        ConfigurationError: A row lacks a field, has an unknown one, a value that is not text or
            not allowed, or comes twice; the message names the row, or its place counted from 1.
    """
    operations: dict[_Identity, Operation] = {}
    for number, row in enumerate(rows, 1):
        problem = _problem(row)
        if problem is None:
            operation = Operation(**row)
            if operations.setdefault(_identity(operation), operation) is operation:
                continue
            problem = f"{operation.method} {operation.template} comes twice"
        problem = f"operation {number}: {problem}"
        raise ConfigurationError(problem, problems=(problem,))
    return tuple(operations.values())


class Operations:
    """The table of operations; immutable, shared by threads."""

    __slots__ = ("_by_length", "_by_tail", "_rows")

    def __init__(self, rows: Iterable[Operation] = ()) -> None:
        """Take the rows; of two for the same endpoint and conditions the later one wins."""
        self._rows = tuple({_identity(row): row for row in rows}.values())
        self._by_length: dict[tuple[str, int], list[_Endpoint]] = {}
        self._by_tail: dict[str, list[_Endpoint]] = {}
        endpoints: dict[tuple[str, tuple[str, ...]], list[Operation]] = {}
        for row in self._rows:
            endpoints.setdefault((row.method, _shape(row.template)), []).append(row)
        # A name sorts before a parameter, the leftmost segment first.
        for (method, shape), choices in sorted(
            endpoints.items(), key=lambda item: [segment == _ANY for segment in item[0][1]]
        ):
            endpoint = _Endpoint(shape, choices)
            if shape[0] == _ANYTHING:
                self._by_tail.setdefault(method, []).append(endpoint)
            else:
                self._by_length.setdefault((method, len(shape)), []).append(endpoint)

    def __eq__(self, other: object) -> bool:
        """Tables are equal when their rows are."""
        return self._rows == other._rows if isinstance(other, Operations) else NotImplemented

    def __hash__(self) -> int:
        """Equal tables have equal hashes."""
        return hash(self._rows)

    def __repr__(self) -> str:
        """Say how many rows there are; the rows themselves would fill a page."""
        return f"<Operations: {len(self._rows)} rows>"

    @classmethod
    @cache
    def documented(cls) -> Self:
        """Give the table of Verto's endpoints, read once from the packaged data."""
        text = resources.files("verto_resilience.outcome").joinpath("operations.toml").read_text()
        return cls(read_operations(tomllib.loads(text)["operation"]))

    def extend(self, *operations: Operation) -> Self:
        """Give a new table in which these are added, or take the place of their namesakes.

        Namesakes have the same method, the same template but for the names in braces, and the
        same conditions.
        """
        return type(self)((*self._rows, *operations))

    def match(
        self, method: str, path: str, query: str = "", body: bytes | str | None = None
    ) -> Operation | None:
        """Find the operation of a request; never raises.

        A name beats a parameter, then a row with a condition that holds beats one without.

        Args:
            method: HTTP method, in upper case.
            path: Path of the URL, without the query; empty segments are ignored.
            query: Query of the URL, without the question mark.
            body: What is sent, where it is in memory; looked at only for rows with a condition on
                it, and only when it is a JSON object of at most 64 KiB.
        """
        parts = [part for part in path.split("/") if part]
        for endpoint in self._by_length.get((method, len(parts)), ()):
            if endpoint.has(parts) and (found := endpoint.choose(query, body)) is not None:
                return found
        for endpoint in self._by_tail.get(method, ()):
            if endpoint.has(parts) and (found := endpoint.choose(query, body)) is not None:
                return found
        return None

    def rows(self) -> tuple[Operation, ...]:
        """Give every row, in the order added."""
        return self._rows


_Identity = tuple[str, tuple[str, ...], str, str]

_ANY = "{}"
_ANYTHING = "**"
_METHOD = re.compile(r"[A-Z]+")
_TEMPLATE = re.compile(r"(?:/\*\*)?(?:/(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[^/{}?#*\s]+))+")
_CONDITION = re.compile(r"(?:[^=]+=.+)?")
_KINDS = frozenset(OperationKind)
_REPEATABLE = frozenset(Repeatable)
_CONFIDENCE = frozenset("ABCD")
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_FIELDS = frozenset(field.name for field in fields(Operation))
_REQUIRED = ("method", "template", "kind", "repeatable")
_LONGEST_BODY = 65_536


class _Endpoint:
    """The rows of one method and one template shape: at most one holds without a condition."""

    __slots__ = ("_conditional", "_least", "_names", "_otherwise")

    def __init__(self, shape: tuple[str, ...], choices: list[Operation]) -> None:
        # Behind any number of segments, names are counted from the end.
        shift = -len(shape) if shape[0] == _ANYTHING else 0
        self._least = len(shape) - 1
        self._names = tuple(
            (position + shift, segment)
            for position, segment in enumerate(shape)
            if segment not in (_ANY, _ANYTHING)
        )
        self._conditional = sorted(
            (row for row in reversed(choices) if row.query or row.body),
            key=lambda row: not (row.query and row.body),
        )
        self._otherwise = next((row for row in choices if not (row.query or row.body)), None)

    def has(self, parts: list[str]) -> bool:
        if len(parts) < self._least:
            return False
        # A generator in all() would cost more than the comparisons.
        for position, name in self._names:  # noqa: SIM110
            if parts[position] != name:
                return False
        return True

    def choose(self, query: str, body: bytes | str | None) -> Operation | None:
        for row in self._conditional:
            if _in_query(row.query, query) and _in_body(row.body, body):
                return row
        return self._otherwise


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


def _shape(template: str) -> tuple[str, ...]:
    segments = template[1:].split("/")
    return tuple(_ANY if segment.startswith("{") else segment for segment in segments)


def _identity(operation: Operation) -> _Identity:
    return operation.method, _shape(operation.template), operation.query, operation.body


def _problem(row: Mapping[str, Any]) -> str | None:
    missing = [name for name in _REQUIRED if name not in row]
    if missing:
        return f"{missing[0]} is missing"
    for name, value in row.items():
        if name not in _FIELDS:
            return f"{name!r} is no field; there are {', '.join(sorted(_FIELDS))}"
        if not isinstance(value, str):
            return f"{name} is {value!r}, allowed is text"
    return None
