import pytest

from verto_resilience.outcome._page_tables import PageError, find_tables, plain, shown

MARKDOWN = """| Code | Text |
|---|---|
| 1 | One |
"""
HTML = """<table>
<tr><th>Code</th><th>Text</th></tr>
<tr><td>1</td><td>One</td></tr>
</table>
"""


def _rows(page: str) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.line, row.cells) for table in find_tables(page) for row in table.rows]


def _refused(page: str) -> PageError:
    with pytest.raises(PageError) as refused:
        find_tables(page)
    return refused.value


class TestText:
    """What becomes of the text of a cell."""

    def test_what_cannot_be_seen_goes(self) -> None:
        """Soft hyphens and joiners leave nothing behind."""
        assert plain("No\u00adt\u200b \u2060Found\ufeff") == "Not Found"

    @pytest.mark.parametrize(("length", "said"), [(60, 62), (61, 65), (500, 65)])
    def test_of_a_long_text_the_beginning_is_shown(self, length: int, said: int) -> None:
        """More than 60 characters are cut; quotes come around what is left."""
        told = shown("x" * length)

        assert len(told) == said
        assert told.endswith("...'" if length > 60 else "x'")


class TestHtml:
    """Tables of HTML."""

    def test_a_table_is_found_with_its_lines(self) -> None:
        """Tables and rows know the line they begin on."""
        [table] = find_tables(f"\n{HTML}")

        assert table.line == 2
        assert _rows(f"\n{HTML}") == [(3, ("Code", "Text")), (4, ("1", "One"))]

    @pytest.mark.parametrize("tag", ["script", "style"])
    def test_scripts_and_styles_are_no_text(self, tag: str) -> None:
        """What no reader sees of a cell is not part of it, and what comes after is."""
        page = HTML.replace("One", f"O<{tag}>hidden</{tag}>n<b>e</b>")

        assert _rows(page) == _rows(HTML)

    @pytest.mark.parametrize("tag", ["br", "p", "div", "li", "hr"])
    def test_what_begins_a_line_parts_words(self, tag: str) -> None:
        """Where a reader sees the end of a line there is a blank, and nowhere else."""
        page = HTML.replace("One", f"<b>O</b>n<{tag}>e")

        assert _rows(page)[1] == (3, ("1", "On e"))

    @pytest.mark.parametrize("end", ["</td>", "</th>"])
    def test_text_between_cells_belongs_to_none(self, end: str) -> None:
        """A cell ends with its tag."""
        assert _rows(HTML.replace(end, f"{end} stray ")) == _rows(HTML)

    @pytest.mark.parametrize("span", ['colspan="1"', 'rowspan=""', "colspan"])
    def test_a_span_of_one_column_is_none(self, span: str) -> None:
        """Exports write such attributes on every cell."""
        assert _rows(HTML.replace("<td>", f"<td {span}>")) == _rows(HTML)

    def test_a_cell_before_any_row_is_refused(self) -> None:
        """A cell of a table needs a row."""
        error = _refused("<table><td>Lost</table>")

        assert str(error) == "line 1: a cell (<td>) outside of any row"

    def test_an_error_carries_line_and_problem(self) -> None:
        """Both can be read on their own."""
        error = _refused(f"{HTML}<tr><td>Lost")

        assert (error.line, error.problem) == (5, "a row outside of any table")

    @pytest.mark.parametrize("start", ["", "\n  "])
    def test_bars_in_a_page_of_html_are_text(self, start: str) -> None:
        """Only a page that does not begin with a tag is read as Markdown too."""
        page = f"{start}{HTML}<pre>\n| a | b |\n</pre>\n"

        assert [cells for _, cells in _rows(page)] == [("Code", "Text"), ("1", "One")]


class TestMarkdown:
    """Tables of Markdown."""

    def test_a_table_is_found_with_its_lines(self) -> None:
        """Tables and rows know the line they begin on."""
        [table] = find_tables(f"# Codes\n\n{MARKDOWN}")

        assert table.line == 3
        assert [row.line for row in table.rows] == [3, 5]

    def test_what_is_no_html_does_no_harm(self) -> None:
        """A page without tables of HTML is not read as HTML."""
        assert _rows(f"{MARKDOWN}\n<![nonsense[\n") == _rows(MARKDOWN)

    def test_blanks_around_a_cell_are_not_needed(self) -> None:
        """Nothing but the bar is taken from the end of a row."""
        assert _rows(MARKDOWN.replace(" ", "")) == _rows(MARKDOWN)

    def test_an_escaped_bar_is_text_also_at_the_end(self) -> None:
        """A backslash before a bar keeps it, and a row need not end with one."""
        assert _rows(MARKDOWN.replace("One |", "this \\| or \\|"))[1] == (3, ("1", "this | or |"))

    def test_a_header_without_a_ruler_is_refused(self) -> None:
        """The line below a header is dashes, or it is no header."""
        error = _refused(MARKDOWN.replace("|---|---|\n", ""))

        assert (error.line, "outside of any table" in error.problem) == (1, True)

    def test_an_indented_row_outside_of_a_table_is_refused(self) -> None:
        """Blanks before its bar do not hide a row that is lost."""
        assert _refused(f"{MARKDOWN}\n  | 2 | Two |\n").line == 5
