"""What a request does: read, write, or move money; and whether it may be sent twice.

A rule by HTTP method alone is wrong in both directions: Verto has reads over POST, a GET that
writes, and trades that nothing deduplicates. The rows live in ``operations.toml`` beside this file,
each with its reason, its source and how sure it is.
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, Self

from verto_resilience.outcome._operation import (
    ANY,
    ANYTHING,
    IDEMPOTENT_METHODS,
    Operation,
    Repeatable,
    Shape,
    conditions_hold,
    identity_of,
    read_operations,
    shape_of,
)
from verto_resilience.outcome._path_spellings import forgiven_parts, spellings


class Operations:
    """The table of operations; immutable, shared by threads."""

    __module__ = "verto_resilience"

    __slots__ = ("_named", "_plans", "_rows")

    def __init__(self, rows: Iterable[Operation] = ()) -> None:
        """Take the rows; of two for the same endpoint and conditions the later one wins.

        Raises:
            TypeError: One is no :class:`Operation`.
        """
        self._rows = tuple({identity_of(_checked(row)): row for row in rows}.values())
        choices: dict[tuple[str, Shape], list[Operation]] = {}
        for row in self._rows:
            choices.setdefault((row.method, shape_of(row.template)), []).append(row)
        self._named: dict[tuple[str, str], _Endpoint] = {}
        endpoints: dict[str, list[_Endpoint]] = {}
        readings: dict[str, list[_Reading]] = {}
        for method, shape in sorted(choices, key=_by_specificity):
            rows_of_it = choices[method, shape]
            endpoint = _Endpoint(shape, rows_of_it)
            endpoints.setdefault(method, []).append(endpoint)
            if not {ANY, ANYTHING} & set(shape):
                self._named[method, "/" + "/".join(shape)] = endpoint
            readings.setdefault(method, []).extend(_readings(endpoint, shape, rows_of_it))
        self._plans = {
            (method, length): _Plan(endpoints[method], readings[method], length)
            for method in endpoints
            for length in _lengths(endpoints[method], readings[method])
        }

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

        A name beats a parameter, then a row with a condition that holds beats one without. Paths
        that RFC 3986 section 6.2.2 calls equivalent are one. A path that fits a row only as a
        forgiving server would read it (capitals, an escaped slash, parameters behind a semicolon)
        is that operation if this makes it less repeatable: the server may be one of those.

        Args:
            method: HTTP method.
            path: Path of the URL, without the query; empty segments are ignored.
            query: Query of the URL, without the question mark.
            body: What is sent, where it is in memory; looked at only for rows with a condition on
                it, and only when it is a JSON object of at most 64 KiB.
        """
        named = self._named.get((method, path))
        if named is not None and (found := named.choose(query, body)) is not None:
            return found
        if "%" in path or "/." in path or ";" in path or "\\" in path:
            same, forgiven = spellings(path)
            return self._match(method.upper(), same, forgiven, query, body)
        parts = path.split("/")
        if parts.count("") == 1 and not parts[0]:
            # So most paths are, and this is cheaper than a look at each part.
            del parts[0]
        else:
            parts = [part for part in parts if part]
        plan = self._plans.get((method, len(parts))) or self._plans.get((method, _OPEN))
        if plan is None:
            upper = method.upper()
            return None if upper == method else self.match(upper, path, query, body)
        ends = plan.ends if query else plan.ends_without_query
        if ends and parts and (ANY in ends or parts[-1].casefold() in ends):
            forgiven = tuple(part.casefold() for part in parts)
            return self._match(method, parts, forgiven, query, body)
        for endpoint in plan.endpoints:
            if endpoint.has(parts) and (found := endpoint.choose(query, body)) is not None:
                return found
        return None

    def rows(self) -> tuple[Operation, ...]:
        """Give every row, in the order added."""
        return self._rows

    def _match(
        self,
        method: str,
        parts: Sequence[str],
        forgiven: Sequence[str],
        query: str,
        body: bytes | str | None,
    ) -> Operation | None:
        """Find the operation of a path that a forgiving server may read otherwise."""
        found = None
        for endpoint in self._plan(method, parts).endpoints:
            if endpoint.has(parts) and (found := endpoint.choose(query, body)) is not None:
                break
        rank = _rank(method, found)
        for reading in self._plan(method, forgiven).readings:
            if reading.forgiving.has(forgiven) and not reading.letter.fits(parts):
                row = reading.forgiving.choose(query, body)
                if row is not None and _rank(method, row) < rank:
                    found, rank = row, _rank(method, row)
        return found

    def _plan(self, method: str, parts: Sequence[str]) -> "_Plan":
        plan = self._plans.get((method, len(parts))) or self._plans.get((method, _OPEN))
        return _NO_PLAN if plan is None else plan


_OPEN = 0


class _Endpoint:
    """The rows of one method and one template shape: at most one holds without a condition.

    Attributes:
        length: How many segments its paths have; ``_OPEN`` behind any number of segments.
    """

    __slots__ = ("_conditional", "_least", "_names", "_otherwise", "length")

    def __init__(self, shape: Shape, choices: list[Operation]) -> None:
        # Behind any number of segments, names are counted from the end.
        shift = -len(shape) if shape[0] == ANYTHING else 0
        self.length = _OPEN if shape[0] == ANYTHING else len(shape)
        self._least = len(shape) - 1
        self._names = tuple(
            (position + shift, segment)
            for position, segment in enumerate(shape)
            if segment not in (ANY, ANYTHING)
        )
        self._conditional = sorted(
            (row for row in reversed(choices) if row.query or row.body),
            key=lambda row: not (row.query and row.body),
        )
        self._otherwise = next((row for row in choices if not (row.query or row.body)), None)

    def fits(self, parts: Sequence[str]) -> bool:
        """Say whether a path of whatever length is one of its paths."""
        return self.length in {_OPEN, len(parts)} and self.has(parts)

    def has(self, parts: Sequence[str]) -> bool:
        """Say whether a path is one of its paths; the length was looked at before."""
        if len(parts) < self._least:
            return False
        # A generator in all() would cost more than the comparisons.
        for position, name in self._names:  # noqa: SIM110
            if parts[position] != name:
                return False
        return True

    def choose(self, query: str, body: bytes | str | None) -> Operation | None:
        for row in self._conditional:
            if conditions_hold(row, query, body):
                return row
        return self._otherwise


class _Reading(NamedTuple):
    """An endpoint that may forbid a repeat, with its paths as a forgiving server would read them.

    Attributes:
        letter: What fits a path as it is written.
        forgiving: What fits it as it may be read.
        end: The last name of the path as it may be read, or ``ANY``.
        asks_query: Whether each of its rows asks for something in the query.
    """

    letter: _Endpoint
    forgiving: _Endpoint
    end: str
    asks_query: bool


class _Plan:
    """What may fit the paths of one method and one length, in the order of asking.

    Attributes:
        ends: The last names of the readings.
        ends_without_query: The same without those that ask for something in the query.
    """

    __slots__ = ("endpoints", "ends", "ends_without_query", "readings")

    def __init__(self, endpoints: list[_Endpoint], readings: list[_Reading], length: int) -> None:
        self.endpoints = [one for one in endpoints if one.length in {_OPEN, length}]
        self.readings = [one for one in readings if one.forgiving.length in {_OPEN, length}]
        self.ends = {one.end for one in self.readings}
        self.ends_without_query = {one.end for one in self.readings if not one.asks_query}


_NO_PLAN = _Plan([], [], _OPEN)


def _lengths(endpoints: list[_Endpoint], readings: list[_Reading]) -> set[int]:
    return {_OPEN, *(e.length for e in endpoints), *(r.forgiving.length for r in readings)}


def _by_specificity(endpoint: tuple[str, Shape]) -> tuple[bool, list[bool]]:
    """Sort a name before a parameter, the leftmost segment first, and an open start last."""
    _, shape = endpoint
    return shape[0] == ANYTHING, [segment == ANY for segment in shape]


def _readings(letter: _Endpoint, shape: Shape, rows: list[Operation]) -> Iterator[_Reading]:
    """Give how an endpoint may be read, where that matters."""
    names = [name for segment in shape for name in forgiven_parts(segment)]
    may_forbid = any(row.repeatable is not Repeatable.ALWAYS for row in rows)
    # Of nothing but escaped slashes there is nothing left, and that would fit every path.
    if may_forbid and names not in ([], [ANYTHING]):
        asks_query = all(row.query for row in rows)
        yield _Reading(letter, _Endpoint(tuple(names), rows), names[-1], asks_query)


_RANKS = {Repeatable.NEVER: 0, Repeatable.WITH_KEY: 1, Repeatable.ALWAYS: 2}


def _rank(method: str, operation: Operation | None) -> int:
    """Say how freely it may be repeated: 0 never, 1 under a key, 2 always."""
    if operation is not None:
        return _RANKS[operation.repeatable]
    return _RANKS[Repeatable.ALWAYS if method in IDEMPOTENT_METHODS else Repeatable.WITH_KEY]


def _checked(row: Any) -> Operation:
    if not isinstance(row, Operation):
        message = (
            "an operation is written Operation('POST', '/path', kind=..., repeatable=...), "
            f"not as {type(row).__name__}"
        )
        raise TypeError(message)
    return row
