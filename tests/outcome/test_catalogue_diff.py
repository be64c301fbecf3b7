from dataclasses import replace

from verto_resilience.outcome import (
    Catalogue,
    Change,
    CodeEntry,
    Difference,
    PageStatus,
    RowKind,
    StatusPage,
    diff,
    read_catalogue,
)

DOCUMENTED = Catalogue.documented()
PAGE = StatusPage(
    tuple(PageStatus(e.status, e.message, e.description) for e in DOCUMENTED.statuses()),
    DOCUMENTED.codes(),
)


def test_the_same_is_no_difference() -> None:
    """A page that says what the table says differs in nothing."""
    assert diff(DOCUMENTED, PAGE) == ()


def test_new_gone_and_changed_are_told_apart() -> None:
    """Each row that is not the same comes once, statuses first, with what was and what is."""
    kept = [replace(row, message="Clash") if row.status == 409 else row for row in PAGE.statuses]
    page = StatusPage(
        (*(row for row in kept if row.status != 504), PageStatus(422, "Unprocessable", "No.")),
        (
            replace(PAGE.codes[0], description="Duplicate"),
            CodeEntry(3, 409, "Three", "status page"),
        ),
    )

    found = diff(DOCUMENTED, page)

    assert [(one.change, one.kind, one.number) for one in found] == [
        (Change.CHANGED, RowKind.STATUS, 409),
        (Change.NEW, RowKind.STATUS, 422),
        (Change.GONE, RowKind.STATUS, 504),
        (Change.CHANGED, RowKind.CODE, 1),
        (Change.GONE, RowKind.CODE, 2),
        (Change.NEW, RowKind.CODE, 3),
    ]
    assert (found[0].old["message"], found[0].new["message"]) == ("Conflict", "Clash")
    assert found[1].old == {}
    assert found[2].new == {}
    assert found[2].old["message"] == "Gateway Timeout"
    assert found[5] == Difference(
        Change.NEW, RowKind.CODE, 3, {}, {"status": "409", "description": "Three"}
    )


def test_a_status_with_another_description_has_changed() -> None:
    """The words of the page are compared, not only the short name."""
    page = replace(
        PAGE, statuses=(replace(PAGE.statuses[0], description="Fine."), *PAGE.statuses[1:])
    )

    assert [one.number for one in diff(DOCUMENTED, page)] == [200]


def test_a_code_with_another_status_has_changed() -> None:
    """The status that a code comes with is part of what the page says of it."""
    page = replace(PAGE, codes=(replace(PAGE.codes[0], status=409), PAGE.codes[1]))

    assert [one.number for one in diff(DOCUMENTED, page)] == [1]


def test_rows_of_ones_own_are_never_gone() -> None:
    """What the caller added did not come from the page, so the page cannot have lost it."""
    table = read_catalogue(
        '[[status]]\nstatus = 418\nmessage = "Teapot"\nmeaning = "Short."\n'
        '[[code]]\ncode = 9\nstatus = 400\ndescription = "Nine"\n',
        over=DOCUMENTED,
    )

    assert diff(table, PAGE) == ()


def test_a_row_without_the_pages_words_is_compared_without_them() -> None:
    """A status of one's own that the page now lists under the same name is no difference."""
    table = read_catalogue(
        '[[status]]\nstatus = 418\nmessage = "Teapot"\nmeaning = "Short."\n', over=DOCUMENTED
    )
    page = replace(PAGE, statuses=(*PAGE.statuses, PageStatus(418, "Teapot", "Long.")))

    assert diff(table, page) == ()
