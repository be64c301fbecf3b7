from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outcome.messages import MESSAGES
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import (
    Catalogue,
    CodeEntry,
    PageStatus,
    StatusPage,
    diff,
    read_catalogue,
    read_status_page,
    write_catalogue,
)

PAGES = Path(__file__).parent / "pages"
FORMS = ("status-page.txt", "status-page.md", "status-page.html")
TEXT = """HTTP CodeMessageDescription
404Not FoundThe requested resource does not exist on the server.

API Error CodeDescriptionHTTP Status Code
1Placeholder400
"""
MARKDOWN = """| HTTP Code | Message | Description |
|---|---|---|
| 404 | Not Found | There is none. |

| API Error Code | Description | HTTP Status Code |
|---|---|---|
| 1 | Placeholder | 400 |
"""
HTML = """<table>
<tr><th>HTTP Code<th>Message<th>Description
<tr><td>404<td>Not Found<td>There is none.
</table>
<table>
<tr><th>API Error Code<th>Description<th>HTTP Status Code
<tr><td>1<td>Placeholder<td>400
</table>
"""


def _page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def _read(page: str) -> StatusPage | None:
    with suppress(ConfigurationError):
        return read_status_page(page)
    return None


def _refusal(page: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_status_page(page, name="saved")
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0] == str(refused.value)
    return str(refused.value)


class TestForms:
    """The three forms in which people save the page."""

    @pytest.mark.parametrize("form", FORMS)
    def test_each_form_gives_the_thirteen_statuses_and_two_codes(self, form: str) -> None:
        """HTML, Markdown and flattened text hold the same rows, lowest number first."""
        page = read_status_page(_page(form))

        assert {row.status: row.message for row in page.statuses} == MESSAGES
        assert [row.status for row in page.statuses] == sorted(MESSAGES)
        assert page.codes == (
            CodeEntry(1, 400, "Placeholder", "status page"),
            CodeEntry(2, 400, "Placeholder", "status page"),
        )

    def test_all_forms_give_the_same(self) -> None:
        """Descriptions too are the same, whatever quotes and blanks a copy has."""
        text, markdown, html = (read_status_page(_page(form)) for form in FORMS)

        assert text == markdown == html

    @pytest.mark.parametrize("form", FORMS)
    def test_the_packaged_table_says_what_the_page_says(self, form: str) -> None:
        """The documented catalogue is this page, word for word."""
        page = read_status_page(_page(form))

        assert diff(Catalogue.documented(), page) == ()
        assert [row.description for row in Catalogue.documented().statuses()] == [
            row.description for row in page.statuses
        ]

    @pytest.mark.parametrize("form", FORMS)
    def test_each_form_goes_through_a_file_and_back(self, form: str) -> None:
        """Written as TOML and read over the documented table, nothing but the source differs."""
        page = read_status_page(_page(form))
        documented = Catalogue.documented()

        table = read_catalogue(write_catalogue(page.statuses, page.codes), over=documented)

        assert diff(table, page) == ()
        assert table.codes() == documented.codes()
        for status in MESSAGES:
            assert table.outcome(status) == documented.outcome(status)

    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("form", FORMS)
    def test_the_ends_of_lines_do_not_matter(self, form: str, ending: str) -> None:
        """Copies of any system are read."""
        page = _page(form)

        assert read_status_page(page.replace("\n", ending)) == read_status_page(page)


class TestFlattenedText:
    """Where a message ends when the cells of a row run together."""

    @pytest.mark.parametrize(
        ("row", "message", "description"),
        [
            ("200OKThe request.", "OK", "The request."),
            ("200OKA resource.", "OK", "A resource."),
            ("204No ContentNothing.", "No Content", "Nothing."),
            ("402Payment RequiredPay first.", "Payment Required", "Pay first."),
            ("404Not FoundIBAN unknown.", "Not Found", "IBAN unknown."),
            ("420Enhance Your CalmLess.", "Enhance Your Calm", "Less."),
            ("499I am OKThe end.", "I am OK", "The end."),
            ("200OK GreatThe request.", "OK Great", "The request."),
        ],
    )
    def test_a_row_is_cut_at_phrase_or_capital(
        self, row: str, message: str, description: str
    ) -> None:
        """A registered phrase ends the message, else the first capital without a blank before."""
        text = TEXT.replace("404Not FoundThe requested resource does not exist on the server.", row)

        page = read_status_page(text)

        assert page.statuses == (PageStatus(int(row[:3]), message, description),)

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ("4711Duplicate paymentId409", (4711, "Duplicate paymentId", 409)),
            ("0None400", (0, "None", 400)),
            ("3Limit is 100400", (3, "Limit is 100", 400)),
            ("999999999Last409", (999_999_999, "Last", 409)),
        ],
    )
    def test_a_code_row_is_digits_text_and_three_digits(
        self, row: str, code: tuple[int, str, int]
    ) -> None:
        """The code is all digits at the start, the status the last three."""
        page = read_status_page(TEXT.replace("1Placeholder400", row))

        assert [(one.code, one.description, one.status) for one in page.codes] == [code]


class TestTables:
    """What does no harm around the tables."""

    def test_a_page_may_end_with_its_last_row(self) -> None:
        """A missing line feed at the end is no reason to lose a row."""
        assert read_status_page(MARKDOWN.rstrip()) == read_status_page(MARKDOWN)

    def test_a_table_without_any_cell_is_none(self) -> None:
        """Empty tables stand in pages for their looks."""
        page = "<table></table><table><tr></tr></table>" + HTML

        assert read_status_page(page) == read_status_page(HTML)

    def test_markdown_may_hold_tables_of_html(self) -> None:
        """Some exports mix both."""
        markdown, html = MARKDOWN.partition("\n\n")[0], HTML.partition("</table>\n")[2]

        page = read_status_page(f"# Status\n\n{markdown}\n\n{html}")

        assert page == read_status_page(MARKDOWN)

    def test_columns_may_stand_in_any_order(self) -> None:
        """Cells are known by the name of their column."""
        page = MARKDOWN.replace("HTTP Code | Message", "Message | HTTP Code")

        turned = read_status_page(page.replace("404 | Not Found", "Not Found | 404"))

        assert turned == read_status_page(MARKDOWN)


class TestRefusal:
    """What is not understood is refused, with the line and what was expected."""

    @pytest.mark.parametrize(
        ("page", "told"),
        [
            ("", "line 1: the page has no table; expected a table with the columns HTTP Code"),
            ("Just words.\n", "line 1: the page has no table; expected"),
            (TEXT.replace("404Not Found", "4O4Not Found"), "line 2: '4O4Not FoundThe requested"),
            (TEXT.replace("404Not FoundThe", "404not found the"), "line 2: '404not found the"),
            (TEXT.replace("404", "004"), "line 2: HTTP status is '004'; expected a number from"),
            (TEXT.replace("404", "604"), "line 2: HTTP status is '604'; expected a number from"),
            (TEXT.replace("1Placeholder400", "Placeholder400"), "line 5: 'Placeholder400';"),
            (TEXT.replace("1Placeholder400", "1Placeholder"), "line 5: '1Placeholder';"),
            (TEXT.replace("1Placeholder400", "1400"), "line 5: '1400'; expected code"),
            (TEXT.replace("1Place", "1234567890Place"), "line 5: API Error Code is '1234567890'"),
            (TEXT.replace("Message", "Reason"), "line 2: '404Not FoundThe requested"),
            (TEXT.replace("404Not", "\n404Not"), "line 3: '404Not FoundThe requested"),
            (
                TEXT.replace("server.", "server.\n404Not FoundNo."),
                "line 3: status 404 comes twice, first in line 2",
            ),
            (TEXT + "1Placeholder400\n", "line 6: API error code 1 comes twice, first in line 5"),
            (TEXT.partition("\n\n")[0], "line 1: the page has no table with the columns API Error"),
            (TEXT.partition("\n\n")[2], "line 1: the page has no table with the columns HTTP Code"),
            (TEXT.replace("1Placeholder400\n", ""), "line 4: a table without rows"),
            (MARKDOWN.replace("Message", "Reason"), "line 1: columns HTTP Code, Reason, Desc"),
            (MARKDOWN.replace("| Not Found ", ""), "line 3: 2 cells; expected 3, as in the header"),
            (
                MARKDOWN.replace("| 404", "\n| 404"),
                "line 4: '| 404 | Not Found | There is none. |'",
            ),
            (MARKDOWN.replace("| 404", "| 40x"), "line 3: HTTP status is '40x'"),
            (MARKDOWN.replace("Not Found", ""), "line 3: Message is empty; expected text"),
            (
                MARKDOWN.replace("There is none.", ""),
                "line 3: Description is empty; expected text",
            ),
            (MARKDOWN.replace("Placeholder", ""), "line 7: Description is empty; expected text"),
            (MARKDOWN.replace("| 400 |", "| 4000 |"), "line 7: HTTP status is '4000'"),
            (MARKDOWN.replace("Message", ""), "line 1: columns HTTP Code, (empty), Description;"),
            (MARKDOWN.replace("|\n\n", "|\nwords\n\n", 1), "line 4: 1 cells; expected 3"),
            (MARKDOWN.replace("| 1 |", "| one |"), "line 7: API Error Code is 'one'"),
            (MARKDOWN + "\n| Name | Rate |\n|---|---|\n| a | b |\n", "line 9: columns Name, Rate"),
            (HTML.replace("Message", "Reason"), "line 2: columns HTTP Code, Reason, Description;"),
            (HTML.replace("<td>Not Found", ""), "line 3: 2 cells; expected 3"),
            (HTML.replace("<td>404", "<td colspan=2>404"), "line 3: merged cells (colspan)"),
            (HTML.replace("<td>404", "<td><table>404"), "line 3: a table inside the one of line 1"),
            (HTML.rpartition("</table>")[0], "line 8: the page ends inside the table of line 5"),
            (HTML + "<tr><td>1<td>Lost<td>400", "line 9: a row outside of any table"),
            (HTML + "<td>Lost", "line 9: a cell (<td>) outside of any table"),
            (HTML.replace("<tr><td>404", "</tr><td>404"), "line 3: a cell (<td>) outside of any"),
            (HTML + "<![nonsense[", "line 9: this is no HTML"),
            (HTML.replace("<tr><td>1<td>Placeholder<td>400\n", ""), "line 6: a table without rows"),
        ],
    )
    def test_it_names_the_line_and_what_was_expected(self, page: str, told: str) -> None:
        """A table or row that cannot be understood is never skipped."""
        assert _refusal(page).startswith(f"saved: {told}")

    def test_it_shows_what_a_row_of_text_looks_like(self) -> None:
        """The example is one that would be read."""
        told = _refusal(TEXT.replace("404Not Found", "4O4Not Found"))

        assert told.endswith("as in 404Not FoundThe requested resource ...")

    @pytest.mark.parametrize(("length", "listed"), [(96, 120), (97, 123), (5000, 123)])
    def test_of_many_columns_the_first_are_listed(self, length: int, listed: int) -> None:
        """A header of more than 120 characters is cut."""
        told = _refusal(MARKDOWN.replace("Message", "x" * length))

        columns = told.partition("columns ")[2].partition("; expected")[0]
        assert len(columns) == listed
        assert columns.endswith("..." if listed > 120 else ", Description")

    @pytest.mark.parametrize("form", FORMS)
    def test_a_page_without_one_of_its_rows_is_another_page(self, form: str) -> None:
        """Each line that holds a status is needed: without it the result differs or is refused."""
        lines = _page(form).split("\n")
        whole = read_status_page(_page(form))
        needed = [n for n, line in enumerate(lines) if "Gateway" in line or "Placeholder" in line]

        for number in needed:
            shorter = "\n".join(lines[:number] + lines[number + 1 :])
            assert _read(shorter) != whole


PIECES = st.sampled_from(
    [
        *TEXT.splitlines(keepends=True),
        *MARKDOWN.splitlines(keepends=True),
        *HTML.splitlines(keepends=True),
        *(
            "<table>",
            "</table>",
            "<tr>",
            "<td>",
            "<![x[",
            "<!--",
            "|",
            "|---|",
            "\n",
            "\x00",
            "&#xd800;",
        ),
    ]
)


@settings(max_examples=300)
@given(page=st.text() | st.lists(PIECES | st.text(max_size=5)).map("".join))
def test_any_text_is_understood_or_refused(page: str) -> None:
    """Whatever is given for a page, the answer is rows that a file can hold, or one error."""
    read = _read(page)

    if read is None:
        assert "line " in _refusal(page)
        return
    table = read_catalogue(write_catalogue(read.statuses, read.codes), over=Catalogue.documented())
    assert all(d.change == "gone" for d in diff(table, read))


@settings(max_examples=100)
@given(page=st.binary(max_size=200))
def test_any_bytes_are_understood_or_refused(page: bytes) -> None:
    """A file that is something else altogether brings one error, no other exception."""
    with pytest.raises(ConfigurationError):
        read_status_page(page.decode("latin-1"))
