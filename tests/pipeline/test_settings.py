import math
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience.machines import Mode
from verto_resilience.pipeline import Setting, Unit, settings_table
from verto_resilience.pipeline._settings import rows, setting


class Colour(StrEnum):
    """Choices."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Sample:
    """A policy of four settings."""

    length: float = setting(2.0, Unit.SECONDS, "A length.", low=0, high=10, above=True)
    count: int | None = setting(3, Unit.COUNT, "A count.", low=1, high=5, optional=True)
    colour: Colour = setting(Colour.RED, Unit.CHOICE, "A colour.")  # noqa: RUF009
    flag: bool = setting(False, Unit.FLAG, "A flag.")


LENGTH, COUNT, COLOUR, FLAG = rows(Sample)
NAMES = Setting("names", (), Unit.NAMES, "Names.")
HOSTS = Setting("hosts", (), Unit.HOSTS, "Hosts.")
PATH = Setting("path", None, Unit.PATH, "A path.")
FROM_ZERO = replace(LENGTH, above=False)
NUMBERS = [Unit.SECONDS, Unit.FRACTION, Unit.FACTOR, Unit.TOKENS]
HUGE = 10**5000

strangers = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.text(),
    st.binary(),
    st.timedeltas(),
    st.lists(st.text() | st.integers()),
    st.tuples(st.text() | st.none()),
    st.dictionaries(st.text(), st.text()),
    st.builds(object),
)


class TestRows:
    """What a declared field becomes."""

    def test_fields_become_rows_in_their_order(self) -> None:
        """Every declared field is a row with the name of the field."""
        assert [row.name for row in rows(Sample)] == ["length", "count", "colour", "flag"]

    def test_a_row_holds_what_was_declared(self) -> None:
        """Default, unit, meaning and range stand in the row."""
        assert Setting("length", 2.0, Unit.SECONDS, "A length.", 0, 10, above=True) == LENGTH
        assert Setting("count", 3, Unit.COUNT, "A count.", 1, 5, optional=True) == COUNT

    def test_a_choice_knows_its_choices(self) -> None:
        """The members of the default's enum are the choices; nothing else has any."""
        assert COLOUR.choices == (Colour.RED, Colour.BLUE)
        assert LENGTH.choices == COUNT.choices == FLAG.choices == ()

    def test_the_default_is_the_field_s(self) -> None:
        """A policy built without arguments has the declared values."""
        assert Sample() == Sample(2.0, 3, Colour.RED, flag=False)

    def test_a_field_that_was_not_declared_so_is_a_mistake(self) -> None:
        """A plain field in a policy is noticed when the table is made."""

        @dataclass
        class Plain:
            number: int = field(default=1)

        with pytest.raises(KeyError, match="row"):
            rows(Plain)


@pytest.mark.parametrize(
    ("row", "allowed"),
    [
        (LENGTH, "a number of seconds above 0, up to 10"),
        (FROM_ZERO, "a number of seconds from 0 to 10"),
        (replace(LENGTH, high=None), "a number of seconds above 0"),
        (replace(FROM_ZERO, high=None), "a number of seconds from 0"),
        (replace(FROM_ZERO, low=None), "a number of seconds to 10"),
        (replace(LENGTH, low=0.25, high=2.5), "a number of seconds above 0.25, up to 2.5"),
        (replace(FROM_ZERO, high=1e6), "a number of seconds from 0 to 1000000"),
        (replace(FROM_ZERO, unit=Unit.FRACTION, high=1), "a fraction from 0 to 1"),
        (replace(FROM_ZERO, unit=Unit.FACTOR), "a factor from 0 to 10"),
        (replace(FROM_ZERO, unit=Unit.TOKENS), "a number of tokens from 0 to 10"),
        (
            replace(COUNT, unit=Unit.BYTES, high=2**30),
            "a whole number of bytes from 1 to 1073741824 or none",
        ),
        (COUNT, "a whole number from 1 to 5 or none"),
        (replace(LENGTH, optional=True), "a number of seconds above 0, up to 10, or none"),
        (replace(COUNT, optional=False), "a whole number from 1 to 5"),
        (COLOUR, "red or blue"),
        (replace(COLOUR, choices=("a", "b", "c")), "a, b or c"),
        (FLAG, "true or false"),
        (NAMES, "names separated by commas"),
        (PATH, "the path of a file"),
        (replace(PATH, optional=True), "the path of a file or none"),
    ],
)
def test_what_is_allowed_is_told_in_words(row: Setting, allowed: str) -> None:
    """Range, choices and ``none`` are named as a person would write them."""
    assert row.allowed == allowed


class TestProblem:
    """Whether a value may be a setting's value."""

    @pytest.mark.parametrize("unit", NUMBERS)
    @pytest.mark.parametrize(
        ("value", "fits"),
        [
            (0, False),
            (0.0, False),
            (-0.0, False),
            (5e-324, True),
            (1, True),
            (9.5, True),
            (10, True),
            (10.0, True),
            (math.nextafter(10.0, 11.0), False),
            (11, False),
            (-1, False),
        ],
    )
    def test_a_number_lies_in_its_range(self, unit: Unit, value: float, fits: bool) -> None:
        """The high end belongs to the range; the low end does not where it says "more than"."""
        assert (replace(LENGTH, unit=unit).problem(value) is None) is fits

    @pytest.mark.parametrize(
        ("value", "fits"), [(0, True), (0.0, True), (-0.0, True), (-5e-324, False)]
    )
    def test_the_low_end_belongs_to_the_range(self, value: float, fits: bool) -> None:
        """Where a row says "at least", the low end itself may be given."""
        assert (FROM_ZERO.problem(value) is None) is fits

    @pytest.mark.parametrize("unit", [Unit.COUNT, Unit.BYTES])
    @pytest.mark.parametrize(
        ("value", "fits"),
        [(0, False), (1, True), (5, True), (6, False), (2.0, False), (2.5, False), ("2", False)],
    )
    def test_a_count_is_a_whole_number_in_its_range(
        self, unit: Unit, value: object, fits: bool
    ) -> None:
        """Counts and sizes are integers, and a float is none even where it is whole."""
        assert (replace(COUNT, unit=unit).problem(value) is None) is fits

    @pytest.mark.parametrize("row", [LENGTH, FROM_ZERO, COUNT])
    @pytest.mark.parametrize("value", [True, False])
    def test_a_truth_value_is_no_number(self, row: Setting, value: bool) -> None:
        """``True`` is not taken for 1."""
        assert row.problem(value) is not None

    @pytest.mark.parametrize("low", [None, 0])
    @pytest.mark.parametrize("high", [None, 10])
    @pytest.mark.parametrize("above", [True, False])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_is_not_finite_is_no_number(
        self, low: float | None, high: float | None, above: bool, value: float
    ) -> None:
        """Neither NaN nor an infinity is in any range, an open one included."""
        row = replace(LENGTH, low=low, high=high, above=above)

        assert not row._in_range(value)

    @pytest.mark.parametrize("low", [None, 0])
    def test_a_range_may_be_open(self, low: float | None) -> None:
        """Without a bound every finite number is in the range on that side."""
        row = replace(LENGTH, low=low, high=None)

        assert row.problem(1e300) is None

    @pytest.mark.parametrize("value", ["1", b"2", 1j, Decimal(1), Fraction(1), [1], None])
    def test_only_ints_and_floats_are_numbers(self, value: object) -> None:
        """Text and other kinds of numbers are refused, not converted."""
        assert LENGTH.problem(value) is not None

    @pytest.mark.parametrize(
        ("value", "fits"),
        [(True, True), (False, True), (0, False), (1, False), ("true", False), (None, False)],
    )
    def test_a_flag_is_a_truth_value(self, value: object, fits: bool) -> None:
        """Nothing but ``True`` and ``False`` is a flag."""
        assert (FLAG.problem(value) is None) is fits

    @pytest.mark.parametrize(
        ("value", "fits"),
        [
            (Colour.BLUE, True),
            ("red", True),
            ("RED", False),
            ("green", False),
            ("", False),
            (b"blue", False),
            (None, False),
            (0, False),
        ],
    )
    def test_a_choice_is_one_of_its_choices(self, value: object, fits: bool) -> None:
        """A member or its value is a choice; nothing else is."""
        assert (COLOUR.problem(value) is None) is fits

    @pytest.mark.parametrize(
        ("value", "fits"),
        [
            ((), True),
            (("a",), True),
            (("a", "b"), True),
            ("a", False),
            (["a"], False),
            (("a", ""), False),
            (("a", 1), False),
            ((None,), False),
            (None, False),
        ],
    )
    def test_names_are_a_tuple_of_text(self, value: object, fits: bool) -> None:
        """One text is not taken for its letters, and no name is empty."""
        assert (NAMES.problem(value) is None) is fits

    @pytest.mark.parametrize(
        ("value", "fits"), [("a", True), ("a b/c", True), ("", False), ("  ", False), (b"b", False)]
    )
    def test_a_path_is_a_text(self, value: object, fits: bool) -> None:
        """A path is not blank, and no bytes."""
        assert (PATH.problem(value) is None) is fits

    @pytest.mark.parametrize("row", [LENGTH, COUNT, COLOUR, FLAG, NAMES, PATH])
    def test_none_is_a_value_only_where_it_may_be(self, row: Setting) -> None:
        """``None`` switches off what is optional, and is refused for the rest."""
        assert replace(row, optional=True).problem(None) is None
        assert replace(row, optional=False).problem(None) is not None

    @pytest.mark.parametrize(
        ("row", "value", "problem"),
        [
            (LENGTH, -1, "length is -1; allowed is a number of seconds above 0, up to 10"),
            (COUNT, "7", "count is '7'; allowed is a whole number from 1 to 5 or none"),
            (COLOUR, "green", "colour is 'green'; allowed is red or blue"),
            (FLAG, None, "flag is none; allowed is true or false"),
            (COUNT, True, "count is true; allowed is a whole number from 1 to 5 or none"),
            (
                NAMES,
                ("a", 1, None),
                "names is ['a', 1, none]; allowed is names separated by commas",
            ),
            (COLOUR, Mode.OFF, "colour is 'off'; allowed is red or blue"),
            (PATH, b"x", "path is b'x'; allowed is the path of a file"),
        ],
    )
    def test_a_problem_names_setting_value_and_range(
        self, row: Setting, value: object, problem: str
    ) -> None:
        """A person reads which setting it is, what was given and what may be."""
        assert row.problem(value) == problem

    @settings(max_examples=500, deadline=None)
    @given(row=st.sampled_from(settings_table()), value=strangers)
    def test_no_value_raises(self, row: Setting, value: Any) -> None:
        """Whatever is given, the answer is a sentence or nothing."""
        problem = row.problem(value)

        assert problem is None or problem.startswith(f"{row.name} is ")

    def test_an_object_that_cannot_be_shown_is_a_problem(self) -> None:
        """A value whose repr fails is refused like any other."""

        class Shy:
            def __repr__(self) -> str:
                raise RuntimeError("no")

        assert LENGTH.problem(Shy()) == (
            "length is a Shy that cannot be shown; allowed is a number of seconds above 0, up to 10"
        )

    def test_a_long_value_is_shown_in_part(self) -> None:
        """A message stays readable whatever was given."""
        problem = LENGTH.problem("x" * 100_000)

        assert problem is not None
        assert len(problem) < 300

    @pytest.mark.parametrize(
        "row", [LENGTH, COUNT, COLOUR, FLAG, NAMES, PATH], ids=lambda r: r.name
    )
    @pytest.mark.parametrize("value", [HUGE, -HUGE], ids=["huge", "minus huge"])
    def test_a_number_too_long_to_be_shown_is_a_problem(self, row: Setting, value: int) -> None:
        """An integer with more digits than Python will print is refused like any other."""
        problem = row.problem(value)

        assert problem is not None
        assert problem.endswith(f"; allowed is {row.allowed}")
