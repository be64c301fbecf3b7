import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import (
    Catalogue,
    Category,
    CodeEntry,
    Health,
    Resend,
    StatusEntry,
    WaitRule,
    read_catalogue,
    write_catalogue,
)

DOCUMENTED = Catalogue.documented()


def _read(text: str) -> Catalogue:
    return read_catalogue(text, over=DOCUMENTED, name="codes.toml")


def _problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        _read(text)
    assert str(refused.value).startswith("codes.toml:")
    assert all(problem in str(refused.value) for problem in refused.value.problems)
    return refused.value.problems


class TestRead:
    """Rows of a file over those of a table."""

    def test_an_empty_file_changes_nothing(self) -> None:
        """A file without rows gives the same rows."""
        table = _read("# nothing yet\n")

        assert table.statuses() == DOCUMENTED.statuses()
        assert table.codes() == DOCUMENTED.codes()

    def test_a_code_is_added(self) -> None:
        """A code that the page does not list is known from then on."""
        table = _read('[[code]]\ncode = 4711\nstatus = 409\ndescription = "Duplicate"\n')

        assert table.code(4711) == CodeEntry(4711, 409, "Duplicate", "caller")
        assert DOCUMENTED.code(4711) is None

    def test_what_a_row_does_not_say_stays(self) -> None:
        """A row for a documented status changes what it names, and is the caller's."""
        entry = _read('[[status]]\nstatus = 503\nwait = "backoff"\n').status(503)

        before = DOCUMENTED.status(503)
        assert entry is not None
        assert before is not None
        assert entry.wait is WaitRule.BACKOFF
        assert entry.source == "caller"
        assert (entry.message, entry.meaning, entry.health) == (
            before.message,
            before.meaning,
            before.health,
        )

    def test_a_new_status_has_the_rule_of_its_class(self) -> None:
        """Of a status that the table does not list only the texts are needed."""
        entry = _read(
            '[[status]]\nstatus = 502\nmessage = "Bad Gateway"\nmeaning = "Short."\n'
        ).status(502)

        assert entry == StatusEntry(
            502,
            "Bad Gateway",
            "Short.",
            Category.SERVER_ERROR,
            Health.BAD,
            Resend.IF_REPEATABLE,
            WaitRule.SERVER_ERROR_BAND,
            "caller",
        )

    @pytest.mark.parametrize("status", [404, 422])
    def test_a_new_description_is_the_meaning(self, status: int) -> None:
        """When the page says something else, what was made of its old words is not kept."""
        entry = _read(
            f'[[status]]\nstatus = {status}\nmessage = "M"\ndescription = "Read it first."\n'
        ).status(status)

        assert entry is not None
        assert entry.meaning == entry.description == "Read it first."

    def test_rows_may_be_inline_tables(self) -> None:
        """Any form that TOML has for a list of tables is read."""
        table = _read('code = [{code = 5, status = 400, description = "Five"}]\n')

        assert table.code(5) == CodeEntry(5, 400, "Five", "caller")


class TestRefusal:
    """A file that cannot be meant."""

    def test_every_bad_row_is_named_with_its_line(self) -> None:
        """One error lists all faults of all rows."""
        problems = _problems(
            '[[status]]\nstatus = 503\nresend = "often"\nhealth = 1\n\n'
            "[[code]]\ncode = -1\nstatus = 400\n\n"
            "  [[ code ]] # another\ncode = 7\nstatus = 4000\n\n"
            '[[code]]\ncode = 8\nstatus = 400\n\n[[status]]\nstatus = 418\nmessage = "Teapot"\n'
        )

        assert problems == (
            "line 1: status 503: health is 1, allowed is good | bad | unknown",
            (
                "line 1: status 503: resend is 'often', allowed is never | after_refresh | "
                "if_repeatable | always"
            ),
            "line 18: status 418: description is missing",
            "line 6: code row 1: code is -1, allowed is a whole number from 0 to 999999999",
            "line 10: code 7: status is 4000, allowed is a whole number from 100 to 999",
            "line 14: code 8: description is missing",
        )

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("[[status]\n", "this is no TOML"),
            ("a = " + "[" * 5000, "this is no TOML"),
            ("[status]\nstatus = 400\n", "status is no list of rows; write [[status]]"),
            ("status = 4\n", "status is no list of rows; write [[status]]"),
            ("code = [4]\n", "code row 1: is 4, allowed is a table"),
            ("[[class]]\nclass = 4\n", "'class' is no table of a catalogue"),
            ("[[code]]\n", "line 1: code row 1: code is missing"),
            ("[[status]]\nwait = 'none'\n", "line 1: status row 1: status is missing"),
            ("[[status]]\nstatus = true\n", "line 1: status row 1: status is True, allowed is"),
            ("[[status]]\nstatus = 0x" + "f" * 9999, "status is a number of thousands of digits"),
            ("[[status]]\nstatus = 400\nmessage = ' '\n", "message is ' ', allowed is text"),
            ("[[status]]\nstatus = 400\ncategory = 'transport'\n", "category is 'transport'"),
            ("[[status]]\nstatus = 400\ncolour = 'red'\n", "'colour' is no field; there are"),
            (
                "[[status]]\nstatus = 400\n[[status]]\nstatus = 400\n",
                "line 3: status 400: it comes twice",
            ),
            ("code = [{code = -1}]\n", "code row 1: code is -1"),
            ("[[status]]\nstatus = 418\nmeaning = 'Short.'\n", "status 418: message is missing"),
            ("[[code]]\ncode = 1\nrow = 1\n", "there are code, description, source, status"),
        ],
    )
    def test_it_says_what_is_wrong(self, text: str, told: str) -> None:
        """Each fault is told with what is allowed in its place."""
        assert any(told in problem for problem in _problems(text))

    def test_a_table_in_place_of_rows_hides_no_other_fault(self) -> None:
        """Single brackets around one kind of row do not keep the other from being read."""
        problems = _problems("[status]\nstatus = 400\n\n[[code]]\ncode = -1\n")

        assert [problem.partition(" ")[0] for problem in problems] == ["status", "line"]

    def test_each_fault_has_a_line_of_its_own(self) -> None:
        """Two faults stand below the name of the file, one under the other."""
        with pytest.raises(ConfigurationError) as refused:
            read_catalogue("[[code]]\ncode = 1\n[[status]]\n", over=DOCUMENTED)

        assert str(refused.value) == (
            "catalogue:\n  line 3: status row 1: status is missing"
            "\n  line 1: code 1: status is missing\n  line 1: code 1: description is missing"
        )

    @pytest.mark.parametrize(("length", "shown"), [(58, 60), (59, 63), (500, 63)])
    def test_what_is_shown_of_a_value_is_short(self, length: int, shown: int) -> None:
        """Of a value whose text is longer than 60 characters its beginning is shown."""
        [problem] = _problems(f'[[status]]\nstatus = 400\nwait = "{"x" * length}"\n')

        value = problem.partition("wait is ")[2].partition(", allowed")[0]
        assert len(value) == shown
        assert value.startswith("'xxx")
        assert value.endswith("..." if shown > 60 else "x'")

    def test_a_header_inside_a_text_is_not_taken_for_a_row(self) -> None:
        """Where lines cannot be told for sure, none is named."""
        text = '[[code]]\ncode = -1\ndescription = """\n[[code]]\n"""\n'

        assert _problems(text) == (
            "code row 1: code is -1, allowed is a whole number from 0 to 999999999",
        )

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """No content of a file brings another exception."""
        try:
            table = _read(text)
        except ConfigurationError:
            return

        assert table.statuses()


texts = st.text(min_size=1).filter(str.strip)
statuses = st.builds(
    StatusEntry,
    st.integers(100, 999),
    texts,
    texts,
    st.sampled_from([c for c in Category if c not in (Category.API_FAILURE, Category.TRANSPORT)]),
    st.sampled_from(Health),
    st.sampled_from(Resend),
    st.sampled_from(WaitRule),
    texts,
    texts,
)
codes = st.builds(CodeEntry, st.integers(0, 999_999_999), st.integers(100, 999), texts, texts)


class TestWrite:
    """The file of a table."""

    def test_the_documented_table_is_written_and_read(self) -> None:
        """The packaged rows go through a file unchanged."""
        text = write_catalogue(DOCUMENTED.statuses(), DOCUMENTED.codes())

        table = _read(text)

        assert table.statuses() == DOCUMENTED.statuses()
        assert table.codes() == DOCUMENTED.codes()

    def test_an_empty_field_is_left_out(self) -> None:
        """A row without the page's words has no line for them."""
        row = StatusEntry(
            418,
            "Teapot",
            "Short.",
            Category.CLIENT_ERROR,
            Health.GOOD,
            Resend.NEVER,
            WaitRule.NONE,
            "caller",
        )

        assert "description" not in write_catalogue([row])

    def test_a_lone_surrogate_is_written_as_a_question_mark(self) -> None:
        """What no encoding can hold does not keep the rest of a row from being written."""
        text = write_catalogue([], [CodeEntry(5, 400, "odd \ud800 text", "caller")])

        assert 'description = "odd ? text"' in text

    def test_nothing_is_an_empty_file(self) -> None:
        """Without rows there is no text."""
        assert write_catalogue([]) == ""

    @given(
        st.lists(statuses, max_size=3, unique_by=lambda row: row.status),
        st.lists(codes, max_size=3, unique_by=lambda row: row.code),
    )
    def test_any_rows_are_written_and_read(
        self, rows: list[StatusEntry], numbers: list[CodeEntry]
    ) -> None:
        """Whatever text a row holds, it comes back as it was."""
        table = _read(write_catalogue(rows, numbers))

        assert [table.status(row.status) for row in rows] == rows
        assert [table.code(row.code) for row in numbers] == numbers
