import copy
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import (
    Catalogue,
    Category,
    ClassRule,
    CodeEntry,
    Health,
    Resend,
    StatusEntry,
    WaitRule,
)

SUCCESS = (Category.SUCCESS, Health.GOOD, Resend.NEVER, WaitRule.NONE)
REDIRECT = (Category.REDIRECT, Health.GOOD, Resend.NEVER, WaitRule.NONE)
CLIENT_ERROR = (Category.CLIENT_ERROR, Health.GOOD, Resend.NEVER, WaitRule.NONE)
UNAUTHORISED = (Category.CLIENT_ERROR, Health.GOOD, Resend.AFTER_REFRESH, WaitRule.NONE)
RATE_LIMITED = (Category.RATE_LIMITED, Health.UNKNOWN, Resend.ALWAYS, WaitRule.BACKOFF)
SERVER_ERROR = (
    Category.SERVER_ERROR,
    Health.BAD,
    Resend.IF_REPEATABLE,
    WaitRule.SERVER_ERROR_BAND,
)
Rule = tuple[Category, Health, Resend, WaitRule]

DOCUMENTED: dict[int, tuple[str, Rule]] = {
    200: ("OK", SUCCESS),
    201: ("Created", SUCCESS),
    202: ("Accepted", SUCCESS),
    204: ("No Content", SUCCESS),
    400: ("Bad Request", CLIENT_ERROR),
    401: ("Unauthorized", UNAUTHORISED),
    403: ("Forbidden", CLIENT_ERROR),
    404: ("Not Found", CLIENT_ERROR),
    409: ("Conflict", CLIENT_ERROR),
    429: ("Too Many Requests", RATE_LIMITED),
    500: ("Internal Server Error", SERVER_ERROR),
    503: ("Service Unavailable", SERVER_ERROR),
    504: ("Gateway Timeout", SERVER_ERROR),
}
UNDOCUMENTED = {
    100: SUCCESS,
    103: SUCCESS,
    203: SUCCESS,
    206: SUCCESS,
    299: SUCCESS,
    301: REDIRECT,
    304: REDIRECT,
    308: REDIRECT,
    402: CLIENT_ERROR,
    408: CLIENT_ERROR,
    422: CLIENT_ERROR,
    499: CLIENT_ERROR,
    501: SERVER_ERROR,
    502: SERVER_ERROR,
    599: SERVER_ERROR,
    # RFC 9110 section 15: a status outside 100 to 599 is treated as a 5xx.
    0: SERVER_ERROR,
    99: SERVER_ERROR,
    600: SERVER_ERROR,
    999: SERVER_ERROR,
}


def _rule_of(status: int) -> Rule:
    outcome = Catalogue.documented().outcome(status)
    return outcome.category, outcome.health, outcome.resend, outcome.wait


def _teapot(status: int = 418, **changes: object) -> StatusEntry:
    entry = StatusEntry(status, "Teapot", "Short.", *RATE_LIMITED, source="caller")
    return replace(entry, **changes)  # type: ignore[arg-type]


class TestDocumentedTable:
    """The packaged rows."""

    @pytest.mark.parametrize(("status", "rule"), [(s, r) for s, (_, r) in DOCUMENTED.items()])
    def test_a_documented_status_has_its_row(self, status: int, rule: Rule) -> None:
        """A status of the page is classified as its row says, and marked as documented."""
        outcome = Catalogue.documented().outcome(status)

        assert _rule_of(status) == rule
        assert outcome.documented
        assert outcome.status == status

    @pytest.mark.parametrize(("status", "rule"), UNDOCUMENTED.items())
    def test_any_other_status_has_the_rule_of_its_class(self, status: int, rule: Rule) -> None:
        """A status that the page does not list falls back to its class, and is marked so."""
        outcome = Catalogue.documented().outcome(status)

        assert _rule_of(status) == rule
        assert not outcome.documented
        assert outcome.status == status

    def test_it_lists_the_statuses_of_the_page_and_no_other(self) -> None:
        """The thirteen documented statuses stand in it by number and message, lowest first."""
        rows = Catalogue.documented().statuses()

        assert [(row.status, row.message) for row in rows] == [
            (status, message) for status, (message, _) in DOCUMENTED.items()
        ]

    def test_every_row_says_what_it_means_and_where_it_comes_from(self) -> None:
        """No status stands without a sentence and a source."""
        rows = Catalogue.documented().statuses()

        assert all(row.meaning.endswith(".") for row in rows)
        assert all("status page" in row.source for row in rows)

    @pytest.mark.parametrize("status", [103, 226, 308, 451, 599])
    def test_every_rule_of_a_class_says_where_it_comes_from(self, status: int) -> None:
        """What is made of a status that the page does not list has a source as well."""
        assert Catalogue.documented().rule(status).source

    def test_it_lists_the_codes_of_the_page(self) -> None:
        """The two documented API error codes stand in it, lowest first."""
        rows = Catalogue.documented().codes()

        assert rows == (
            CodeEntry(1, 400, "Placeholder", "status page"),
            CodeEntry(2, 400, "Placeholder", "status page"),
        )

    def test_a_row_is_found_by_its_number(self) -> None:
        """Looking up a status or a code gives its row."""
        catalogue = Catalogue.documented()

        status, code = catalogue.status(429), catalogue.code(2)

        assert status is not None
        assert status.message == "Too Many Requests"
        assert code is not None
        assert code.code == 2

    def test_what_is_not_listed_has_no_row(self) -> None:
        """Looking up a status or code that the page does not list gives nothing."""
        catalogue = Catalogue.documented()

        assert catalogue.status(418) is None
        assert catalogue.code(3) is None

    def test_it_is_read_once(self) -> None:
        """Everybody who asks is given the same table."""
        assert Catalogue.documented() is Catalogue.documented()

    @settings(deadline=None)
    @given(st.integers(-10_000, 10_000))
    def test_the_same_status_gives_the_same_constant(self, status: int) -> None:
        """Whatever the number, an outcome is made once for it and never raises."""
        catalogue = Catalogue.documented()

        assert catalogue.outcome(status) is catalogue.outcome(status)


class TestExtend:
    """Rows of one's own."""

    def test_a_new_status_is_documented_from_then_on(self) -> None:
        """An added row rules the outcome of its status."""
        catalogue = Catalogue.documented().extend(statuses=[_teapot()])

        outcome = catalogue.outcome(418)

        assert outcome.category is Category.RATE_LIMITED
        assert outcome.documented
        assert catalogue.status(418) == _teapot()

    def test_a_row_takes_the_place_of_its_namesake(self) -> None:
        """An added row for a listed status or code replaces the one that was there."""
        code = CodeEntry(1, 409, "Duplicate", "caller")

        catalogue = Catalogue.documented().extend(statuses=[_teapot(503)], codes=[code])

        assert catalogue.outcome(503).category is Category.RATE_LIMITED
        assert catalogue.code(1) == code
        assert len(catalogue.statuses()) == len(DOCUMENTED)

    def test_the_table_it_was_made_from_stays_as_it_was(self) -> None:
        """Extending makes a new table, whatever was already looked up in the old one."""
        before = Catalogue.documented()
        before.outcome(503)

        after = before.extend(statuses=[_teapot(503)], codes=[CodeEntry(7, 400, "New", "caller")])

        assert before.outcome(503).category is Category.SERVER_ERROR
        assert before.code(7) is None
        assert after.outcome(503).category is Category.RATE_LIMITED

    def test_what_was_not_named_is_kept(self) -> None:
        """The other rows and the rules of the classes go over into the new table."""
        catalogue = Catalogue.documented().extend(statuses=[_teapot()])

        assert catalogue.outcome(429) == Catalogue.documented().outcome(429)
        assert catalogue.outcome(502) == Catalogue.documented().outcome(502)
        assert catalogue.codes() == Catalogue.documented().codes()

    def test_rows_come_in_order_of_their_number(self) -> None:
        """Added rows are listed where their number puts them."""
        catalogue = Catalogue.documented().extend(
            statuses=[_teapot(418), _teapot(102)], codes=[CodeEntry(0, 400, "New", "caller")]
        )

        statuses = [row.status for row in catalogue.statuses()]

        assert statuses == sorted(statuses)
        assert [row.code for row in catalogue.codes()] == [0, 1, 2]

    def test_rows_may_come_from_a_generator(self) -> None:
        """An iterable that can be gone through once only is enough."""
        catalogue = Catalogue.documented().extend(
            statuses=(_teapot(s) for s in (418,)),
            codes=(CodeEntry(c, 400, "New", "caller") for c in (9,)),
        )

        assert catalogue.status(418) is not None
        assert catalogue.code(9) is not None

    @pytest.mark.parametrize("status", [100, 999])
    def test_the_limits_of_a_status_are_allowed(self, status: int) -> None:
        """Every number of three digits may be a status, of a row or of a code."""
        code = CodeEntry(5, status, "New", "caller")

        catalogue = Catalogue.documented().extend(statuses=[_teapot(status)], codes=[code])

        assert catalogue.status(status) is not None

    @pytest.mark.parametrize("status", [-1, 0, 99, 1000])
    def test_a_status_of_other_length_is_refused(self, status: int) -> None:
        """What no server can send as a status has no row."""
        with pytest.raises(ConfigurationError, match=f"status {status} is not in 100 to 999"):
            Catalogue.documented().extend(statuses=[_teapot(status)])

    def test_one_error_lists_every_fault(self) -> None:
        """All bad rows are told at once, in the message and as a tuple."""
        statuses = [_teapot(99), _teapot(200), _teapot(1000)]
        codes = [CodeEntry(-1, 400, "New", "caller"), CodeEntry(4, 99, "New", "caller")]

        with pytest.raises(ConfigurationError) as caught:
            Catalogue.documented().extend(statuses=statuses, codes=codes)

        assert caught.value.problems == (
            "status 99 is not in 100 to 999",
            "status 1000 is not in 100 to 999",
            "code -1 is negative",
            "code 4: status 99 is not in 100 to 999",
        )
        assert str(caught.value) == "catalogue: " + "; ".join(caught.value.problems)


def test_a_class_without_a_rule_is_ruled_by_5xx() -> None:
    """A table made by hand needs no rule but that of 5xx for statuses that it does not know."""
    catalogue = Catalogue({}, {}, {5: ClassRule(*SERVER_ERROR, source="caller")})

    assert catalogue.outcome(204).category is Category.SERVER_ERROR


def test_what_it_was_made_from_may_change_afterwards() -> None:
    """A table keeps its rows whatever becomes of the mappings that it was given."""
    statuses = {418: _teapot()}
    catalogue = Catalogue(statuses, {}, {5: ClassRule(*SERVER_ERROR, source="caller")})

    statuses.clear()

    assert catalogue.status(418) is not None


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))],  # noqa: S301
)
def test_it_can_be_copied_and_pickled(again: Callable[[Catalogue], Catalogue]) -> None:
    """An adapter that carries a table of its own is pickled with it."""
    catalogue = Catalogue.documented().extend(statuses=[_teapot()])

    twin = again(catalogue)

    assert twin.statuses() == catalogue.statuses()
    assert twin.codes() == catalogue.codes()
    assert twin.outcome(502) == catalogue.outcome(502)
