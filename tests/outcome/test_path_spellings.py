"""Other spellings of a path do not lead past the table of operations."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome._operation import (
    Operation,
    OperationKind,
    Repeatable,
    is_repeatable,
)
from verto_resilience.outcome._operations import Operations
from verto_resilience.outcome._path_spellings import forgiven_parts, same_parts, spellings

ALWAYS, WITH_KEY, NEVER = Repeatable
TABLE = Operations.documented()
TRADE = "/orders/v2.1/fx"


def _row(template: str, repeatable: Repeatable = NEVER, **given_fields: Any) -> Operation:
    fields: dict[str, Any] = {"method": "POST", "kind": OperationKind.WRITE} | given_fields
    return Operation(template=template, repeatable=repeatable, **fields)


def _found(method: str, path: str, query: str = "", body: Any = None) -> tuple[Any, Any]:
    row = TABLE.match(method, path, query, body)
    return (None, None) if row is None else (row.template, row.repeatable)


class TestSameByTheStandard:
    """Spellings that RFC 3986 section 6.2.2 calls equivalent."""

    @pytest.mark.parametrize(
        "path",
        [
            "/orders/./v2.1/fx",
            "/./orders/v2.1/fx",
            "/orders/v2.1/fx/.",
            "/x/../orders/v2.1/fx",
            "/orders/v2.1/fx/x/..",
            "/../orders/v2.1/fx",
            "/orders/v2.1/y/z/../../fx",
            "/%6Frders/v2.1/fx",
            "/orders/v2%2E1/fx",
            "/orders/v2%2e1/fx",
            "/orders/%2E/v2.1/fx",
            "/x/%2e%2E/orders/v2.1/fx",
            "/x/.%2e/orders/v2.1/fx",
        ],
    )
    @pytest.mark.parametrize("method", ["POST", "GET"])
    def test_they_find_the_row(self, method: str, path: str) -> None:
        """Dot segments and escapes of what needs none change nothing, whatever the row says."""
        assert TABLE.match(method, path) is TABLE.match(method, TRADE)

    def test_an_escape_that_is_needed_stays_one(self) -> None:
        """An escaped slash is part of a name, and its letters may be of either case."""
        table = Operations([_row("/{id}/b", ALWAYS), _row("/x%2fy/c", ALWAYS)])

        assert table.match("POST", "/a%2Fa/b") is table.rows()[0]
        assert table.match("POST", "/x%2Fy/c") is table.rows()[1]
        assert table.match("POST", "/x%2fy/c") is table.rows()[1]

    def test_a_template_may_be_spelt_otherwise_too(self) -> None:
        """What a template escapes needlessly is read as what it stands for."""
        table = Operations([_row("/%61b/%7e", ALWAYS)])

        assert [table.match("POST", path) is not None for path in ("/ab/~", "/%61b/%7E")] == [
            True
        ] * 2

    def test_a_condition_decides_here_too(self) -> None:
        """What is sent is looked at, however the path is written."""
        immediate = b'{"paymentMode": "immediate"}'

        assert _found("POST", "/fx/./rate", "", immediate) == ("/fx/rate", ALWAYS)
        assert _found("POST", "/fx/./rate") == ("/fx/rate", NEVER)

    @pytest.mark.parametrize("template", ["/.", "/a/./b", "/a/..", "/..", "/a/%2e/b", "/%2E."])
    def test_a_template_with_a_dot_segment_is_refused(self, template: str) -> None:
        """No path would ever fit it."""
        with pytest.raises(ConfigurationError, match="template is"):
            _row(template)

    @pytest.mark.parametrize("template", ["/.a", "/a../b", "/...", "/a/%2ea"])
    def test_a_name_may_begin_with_a_dot(self, template: str) -> None:
        """One dot more or a letter beside it, and it is a name."""
        assert Operations([_row(template)]).match("POST", template) is not None

    @pytest.mark.parametrize(
        ("path", "parts"),
        [
            ("/a/%7Eb/%e2%82%ac", ["a", "~b", "%E2%82%AC"]),
            ("/a/b/", ["a", "b"]),
            ("//a///b", ["a", "b"]),
            ("/a//../b", ["a", "b"]),
            ("/..", []),
            ("", []),
            ("/%zz/%2", ["%zz", "%2"]),
            ("/a;x=1/b", ["a;x=1", "b"]),
            ("/A", ["A"]),
        ],
    )
    def test_parts_of_a_path(self, path: str, parts: list[str]) -> None:
        """Escapes are upper case or gone, dots are resolved, empty segments left out."""
        assert same_parts(path) == tuple(parts)


class TestForgiven:
    """Spellings that some servers take for the same, and others do not."""

    PATHS = (
        "/Orders/v2.1/FX",
        "/orders/V2.1/fx/",
        "/orders%2fv2.1%2Ffx",
        "/orders/v2.1%2ffx",
        "/orders/v2.1/fx;jsessionid=1",
        "/orders;a=b;c/v2.1/fx",
        "/orders/v2.1/fx;",
        "/x/..;/orders/v2.1/fx",
        "/orders\\v2.1\\fx",
        "/orders%5Cv2.1/fx",
        "/x%2F..%2forders/v2.1/fx",
        "/orders/v2.1//../v2.1/fx",
        "/OrDeRs/%2e/V2%2E1/fX;v=2",
    )

    @pytest.mark.parametrize("path", PATHS)
    def test_a_row_that_forbids_a_repeat_holds(self, path: str) -> None:
        """A trade is a trade at the server that forgives: it is never sent twice."""
        row = TABLE.match("POST", path)

        assert row is TABLE.match("POST", TRADE)
        assert not is_repeatable("POST", row, has_key=True)

    @pytest.mark.parametrize("path", PATHS)
    def test_a_row_that_allows_a_repeat_does_not(self, path: str) -> None:
        """Nothing is called a read because a server may take it for one."""
        table = Operations([_row(TRADE, ALWAYS)])

        assert table.match("POST", path) is None

    def test_a_row_no_stricter_than_the_method_does_not_hold(self) -> None:
        """A POST is repeated under a key only, with or without a row that says so."""
        assert _found("POST", "/Payments/Create") == (None, None)
        assert _found("PUT", "/Profile/v2.1/beneficiaries/b-1") == (
            "/profile/v2.1/beneficiaries/{beneficiary_id}",
            WITH_KEY,
        )

    @pytest.mark.parametrize(
        "path", ["/c/w/FundingMethods", "/fundingmethods;x", "/c%2ffundingMethods"]
    )
    def test_a_get_that_writes_is_known(self, path: str) -> None:
        """A row with an open start and a condition holds in this way as well."""
        assert _found("GET", path, "autoCreate=true") == ("/**/fundingMethods", WITH_KEY)
        assert _found("GET", path) == (None, None)

    @pytest.mark.parametrize("query", ["", "a=1"])
    @pytest.mark.parametrize("path", ["/bulkpayments", "/BULKPAYMENTS", "/BulkPayments;x"])
    def test_a_template_may_have_capitals_itself(self, path: str, query: str) -> None:
        """Neither its letters nor those of the path have to be small; nor does a query matter."""
        table = Operations([_row("/bulkPayments")])

        assert table.match("POST", path, query) is table.rows()[0]

    def test_it_beats_a_wider_row_that_allows_it(self) -> None:
        """What fits a parameter to the letter may be a stricter name at the server."""
        table = Operations([_row("/a/{id}", ALWAYS), _row("/a/pay", WITH_KEY)])

        found = [table.match("POST", path) for path in ("/a/Pay", "/a/pay;x", "/a/pays")]

        assert [row and row.template for row in found] == ["/a/pay", "/a/pay", "/a/{id}"]

    def test_it_does_not_beat_a_stricter_row(self) -> None:
        """Of two readings the stricter one rules."""
        table = Operations([_row("/a/{id}", NEVER), _row("/a/pay", WITH_KEY)])

        found = table.match("POST", "/a/Pay")

        assert found is not None
        assert found.template == "/a/{id}"

    @pytest.mark.parametrize("method", ["POST", "GET"])
    def test_of_several_the_strictest_holds(self, method: str) -> None:
        """Which of them the server means is not known, and the method has no say in it."""
        table = Operations(
            [
                _row("/a/{id}", ALWAYS, method=method),
                _row("/{x}/pay", WITH_KEY, method=method),
                _row("/a/pay", method=method),
                _row("/A/pay", WITH_KEY, method=method),
            ]
        )

        found = table.match(method, "/a/PAY")

        assert found is not None
        assert found.repeatable is NEVER

    def test_what_fits_to_the_letter_is_not_read_otherwise(self) -> None:
        """Of two rows that fit as they stand the usual order decides, strict or not."""
        table = Operations([_row("/{x}/b", NEVER), _row("/a/{y}", ALWAYS), _row("/**/b", NEVER)])

        found = table.match("POST", "/a/b")

        assert found is not None
        assert found.template == "/a/{y}"

    @pytest.mark.parametrize("start", ["", "/b"])
    def test_rows_that_differ_in_letters_are_told_apart(self, start: str) -> None:
        """Who names both spellings means both."""
        names = [f"{start}/a", f"{start}/A", f"{start}/{{x}}"]
        table = Operations([_row(names[0], ALWAYS), _row(names[1]), _row(names[2], ALWAYS)])

        found = [table.match("POST", f"{start}/{name}") for name in ("a", "A", "b")]

        assert found == list(table.rows())

    def test_a_condition_decides_here_too(self) -> None:
        """The row whose condition holds is the one that is looked at."""
        immediate = b'{"paymentMode": "immediate"}'

        assert _found("POST", "/FX/rate", "", immediate) == (None, None)
        assert _found("POST", "/FX/rate") == ("/fx/rate", NEVER)

    def test_a_template_of_nothing_but_escaped_slashes_fits_nothing_in_this_way(self) -> None:
        """A row that would fit every path holds for its own spelling alone."""
        table = Operations([_row("/%2F"), _row("/**/%5C")])

        assert [table.match("POST", path) for path in ("/", "/a", "/a/b;c", "/;")] == [None] * 4
        assert table.match("POST", "/%2f") is table.rows()[0]

    @pytest.mark.parametrize(
        ("path", "parts"),
        [
            ("/A/%C3%84", ["a", "ä"]),
            ("/a%2Fb;x/c\\d", ["a", "b", "c", "d"]),
            ("/a//../b", ["b"]),
            ("/a/..;x/b/.;y", ["b"]),
            ("/a%3Bx/b", ["a", "b"]),
            ("/%2e%2e/%2E", []),
            ("/%ff", ["\ufffd"]),
        ],
    )
    def test_parts_of_a_path(self, path: str, parts: list[str]) -> None:
        """Everything is unescaped once, small, without parameters, and split at any slash."""
        assert forgiven_parts(path) == tuple(parts)


@pytest.mark.parametrize("method", ["post", "Post", "pOST"])
def test_the_method_may_be_written_in_any_case(method: str) -> None:
    """A trade in small letters is a trade."""
    assert _found(method, TRADE) == (TRADE, NEVER)


def test_a_method_in_small_letters_has_its_conditions() -> None:
    """Query and body are looked at as they are for one in capitals."""
    immediate = b'{"paymentMode": "immediate"}'

    assert _found("post", "/fx/rate", "", immediate) == ("/fx/rate", ALWAYS)
    assert _found("get", "/a/fundingMethods", "autoCreate=true") == ("/**/fundingMethods", WITH_KEY)


def test_only_paths_of_a_usual_length_are_remembered() -> None:
    """What a caller puts into a path does not fill the memory."""
    short, long = "/" + "%41" * 85, "/" + "%41" * 86

    assert len(short) == 256
    assert spellings(short) is spellings(short)
    assert spellings(long) is not spellings(long)
    assert spellings(long) == spellings(long)


_BY_METHOD = {True: 2, False: 1}
_RANKS = {NEVER: 0, WITH_KEY: 1, ALWAYS: 2}


def _rank(method: str, row: Operation | None) -> int:
    if row is None:
        return _BY_METHOD[is_repeatable(method, None, has_key=False)]
    return _RANKS[row.repeatable]


def _otherwise(letter: str, how: int) -> str:
    ways = [letter, letter.upper(), letter.lower(), f"%{ord(letter):02x}", f"%{ord(letter):02X}"]
    if letter == "/":
        ways += ["//", "/./", "/x/../", ";p=1/", "%2F", "\\"]
    return ways[how % len(ways)]


@given(st.sampled_from(TABLE.rows()), st.lists(st.integers(0, 1000), min_size=60, max_size=60))
def test_no_spelling_makes_a_row_more_repeatable(row: Operation, ways: list[int]) -> None:
    """However a path is written, nothing is sent again that its row forbids."""
    template = row.template.replace("/**", "/x")
    path = "/".join("id7" if part.startswith("{") else part for part in template.split("/"))
    body = '{"paymentMode": "immediate"}' if row.body else None
    meant = TABLE.match(row.method, path, row.query, body)

    spelt = "/" + "".join(_otherwise(*one) for one in zip(path[1:], ways, strict=False))
    found = TABLE.match(row.method, spelt, row.query, body)

    assert _rank(row.method, found) <= _rank(row.method, meant)


@pytest.mark.parametrize("unit", ["%2F", "/../a", "/a;b", "%41", "\\", "/..;", "%"])
def test_a_hostile_path_costs_little(unit: str) -> None:
    """A path of 200 KB of odd signs is read in linear time."""
    path = "/" + unit * (200_000 // len(unit))
    began = time.process_time()

    for method in ("GET", "POST"):
        TABLE.match(method, path, "autoCreate=true")

    assert time.process_time() - began < 2.0
