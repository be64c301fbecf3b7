import copy
import inspect
import math
import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience.errors import ConfigurationError
from verto_resilience.machines import BreakerSettings, BudgetSettings, Mode, PauseSettings
from verto_resilience.pipeline import (
    Beside,
    CallSpan,
    CircuitKey,
    IdempotencyKeys,
    Policy,
    Setting,
    Unit,
    settings_table,
)

TABLE = settings_table()
ROWS = {row.name: row for row in TABLE}
WHOLE = (Unit.COUNT, Unit.BYTES)
NUMBERS = tuple(row for row in TABLE if row.high is not None)
HOSTS = "host names or IP addresses, without scheme, port or *"
TEXTS = {
    Unit.FLAG,
    Unit.CHOICE,
    Unit.NAMES,
    Unit.HOSTS,
    Unit.PATH,
    Unit.NAME,
    Unit.STORE,
    Unit.SECRET,
}
OPTIONAL = {
    "store",
    "store_username",
    "store_password",
    "propagate_to",
    "connect_timeout",
    "read_timeout",
    "consecutive_failures",
    "slow_call_duration",
    "catalogue",
    "operations",
    "policy_file",
}


def _name(row: Setting) -> str:
    return row.name


def _problems(**values: Any) -> tuple[str, ...]:
    """Give what is wrong with a policy, or nothing."""
    try:
        Policy(**values)
    except ConfigurationError as error:
        return error.problems
    return ()


def _refused(name: str, value: object) -> bool:
    """Say whether this value is refused as such, whatever else may not go together with it."""
    own = [p for p in _problems(**{name: value}) if p.startswith(f"{name} is ")]
    return any("; allowed is " in problem for problem in own)


def _edges(row: Setting) -> tuple[float, float, float, float]:
    """Give the values just below the range, at its low end, at its high end and just above."""
    assert row.low is not None
    assert row.high is not None
    if row.unit in WHOLE:
        return int(row.low) - 1, int(row.low), int(row.high), int(row.high) + 1
    low, high = float(row.low), float(row.high)
    if row.above:
        return low, math.nextafter(low, high), high, math.nextafter(high, math.inf)
    return math.nextafter(low, -math.inf), low, high, math.nextafter(high, math.inf)


def _wrong(row: Setting) -> object:
    """Give a value that can be no value of this setting."""
    return "maybe" if row.unit is Unit.FLAG else -1


class TestTable:
    """The one table of settings."""

    def test_it_has_a_row_for_every_field(self) -> None:
        """Nothing can be set that is not in the table, and the order is that of the fields."""
        assert [row.name for row in TABLE] == [entry.name for entry in fields(Policy)]

    def test_the_defaults_are_a_policy(self) -> None:
        """A policy built without arguments holds the table's defaults."""
        policy = Policy()

        assert {row.name: getattr(policy, row.name) for row in TABLE} == {
            row.name: row.default for row in TABLE
        }

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_every_row_says_what_it_does(self, row: Setting) -> None:
        """Each meaning is a sentence."""
        assert re.fullmatch(r"[A-Z].+\.", row.meaning)

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_every_number_has_a_range(self, row: Setting) -> None:
        """A setting that counts something has a least and a greatest value."""
        counts = row.unit not in TEXTS

        assert (row.low is not None) is (row.high is not None) is counts

    def test_few_settings_can_be_switched_off(self) -> None:
        """Those for which ``None`` is a value are known by name."""
        assert {row.name for row in TABLE if row.optional} == OPTIONAL

    def test_the_choices_are_those_of_the_enums(self) -> None:
        """What may be chosen is what the code knows."""
        choices = {row.name: row.choices for row in TABLE if row.unit is Unit.CHOICE}

        assert choices == {
            "beside": tuple(Beside),
            "breaker_mode": tuple(Mode),
            "circuit_key": tuple(CircuitKey),
            "call_span": tuple(CallSpan),
            "idempotency_keys": tuple(IdempotencyKeys),
        }

    def test_the_documented_numbers_are_the_defaults(self) -> None:
        """What the documentation promises is what holds when nobody says otherwise."""
        policy = Policy()

        assert policy.max_attempts == 3
        assert policy.call_timeout == 60.0
        assert (policy.connect_timeout, policy.read_timeout) == (3.05, 30.0)
        assert (policy.backoff_base, policy.backoff_limit) == (0.5, 30.0)
        assert (policy.server_error_wait_min, policy.server_error_wait_max) == (5.0, 10.0)
        assert policy.max_pause == 300.0
        assert (policy.budget_capacity, policy.budget_deposit) == (10.0, 0.2)
        assert policy.budget_trickle > 0.0
        assert (policy.window, policy.window_buckets, policy.minimum_calls) == (30.0, 10, 10)
        assert (policy.failure_rate_threshold, policy.consecutive_failures) == (0.5, 5)
        assert policy.slow_call_duration is None
        assert (policy.break_duration, policy.break_growth) == (5.0, 2.0)
        assert policy.max_break_duration == 300.0
        assert (policy.permitted_probes, policy.successes_to_close) == (1, 2)
        assert policy.breaker_mode is Mode.ENFORCE
        assert policy.circuit_key is CircuitKey.ORIGIN
        assert policy.max_origins == 1000
        assert not policy.disabled


class TestValues:
    """One value at a time."""

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    def test_the_ends_of_a_range_are_allowed(self, row: Setting) -> None:
        """The least and the greatest value of each setting can be set."""
        _, low, high, _ = _edges(row)

        assert not _refused(row.name, low)
        assert not _refused(row.name, high)

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    def test_beyond_the_ends_of_a_range_nothing_is(self, row: Setting) -> None:
        """What is just outside the range of a setting is refused."""
        below, _, _, above = _edges(row)

        assert _refused(row.name, below)
        assert _refused(row.name, above)

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_no_number_may_be_without_end(self, row: Setting, value: float) -> None:
        """Neither NaN nor an infinity is a value of any setting."""
        assert _refused(row.name, value)

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    @pytest.mark.parametrize("value", [True, False])
    def test_a_truth_value_is_no_number(self, row: Setting, value: bool) -> None:
        """``True`` is not taken for 1 in any setting."""
        assert _refused(row.name, value)

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_none_is_refused_where_it_is_no_value(self, row: Setting) -> None:
        """``None`` is a value of the optional settings only."""
        assert _refused(row.name, None) is (row.name not in OPTIONAL)

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    @pytest.mark.parametrize("value", ["1", b"2", (1,), {}, object()])
    def test_what_is_no_number_is_refused(self, row: Setting, value: object) -> None:
        """Text and objects are not converted to numbers."""
        assert _refused(row.name, value)

    @pytest.mark.parametrize("row", [r for r in NUMBERS if r.unit in WHOLE], ids=_name)
    def test_a_count_is_no_fraction(self, row: Setting) -> None:
        """A float is refused where things are counted, even a whole one."""
        assert row.high is not None
        assert _refused(row.name, float(row.high))

    @pytest.mark.parametrize("row", [r for r in NUMBERS if r.unit not in WHOLE], ids=_name)
    def test_a_length_may_be_whole(self, row: Setting) -> None:
        """An integer is a number of seconds, tokens or shares as well."""
        assert row.high is not None
        assert not _refused(row.name, int(row.high))

    @pytest.mark.parametrize("row", [r for r in NUMBERS if r.unit is Unit.SECONDS], ids=_name)
    def test_seconds_may_be_a_timedelta(self, row: Setting) -> None:
        """A length of time is kept as its seconds, fractions included."""
        small: dict[str, Any] = {
            "connect_timeout": None,
            "read_timeout": None,
            "server_error_wait_min": 0,
            "break_duration": 1,
        }

        policy = Policy(**small | {row.name: timedelta(seconds=1.5)})

        assert getattr(policy, row.name) == 1.5
        assert type(getattr(policy, row.name)) is float

    def test_a_timedelta_out_of_range_is_refused(self) -> None:
        """A length of time is checked as its seconds."""
        assert _refused("window", timedelta(days=2))
        assert _refused("backoff_base", timedelta(0))

    def test_a_timedelta_is_no_count(self) -> None:
        """A length of time is refused where things are counted."""
        assert _refused("max_attempts", timedelta(seconds=3))

    @pytest.mark.parametrize("name", ["code_keys", "verto_hosts"])
    def test_names_may_be_a_list(self, name: str) -> None:
        """A list of names is kept as a tuple, so that the policy does not change with it."""
        given_names = ["one", "two"]

        policy = Policy(**{name: given_names})  # type: ignore[arg-type]
        given_names.append("three")

        assert getattr(policy, name) == ("one", "two")

    @pytest.mark.parametrize("name", ["code_keys", "verto_hosts"])
    @pytest.mark.parametrize("value", ["verto.co", ("",), (1,), [None], {"a"}, b"a"])
    def test_what_are_no_names_is_refused(self, name: str, value: object) -> None:
        """One text is not taken for a list of letters, and no name is empty."""
        assert _refused(name, value)

    @pytest.mark.parametrize("name", ["code_keys", "verto_hosts"])
    def test_there_may_be_no_names(self, name: str) -> None:
        """An empty tuple switches the feature off."""
        assert not _refused(name, ())

    @pytest.mark.parametrize("row", [r for r in TABLE if r.unit is Unit.CHOICE], ids=_name)
    def test_a_choice_may_be_given_by_name(self, row: Setting) -> None:
        """The value of a member stands for the member, and is kept as the member."""
        for choice in row.choices:
            policy = Policy(**{row.name: str(choice)})  # type: ignore[arg-type]

            assert getattr(policy, row.name) is choice

    @pytest.mark.parametrize("row", [r for r in TABLE if r.unit is Unit.CHOICE], ids=_name)
    @pytest.mark.parametrize("value", ["", "no such thing", "ENFORCE", 1, True, b"enforce"])
    def test_no_other_choice_is_allowed(self, row: Setting, value: object) -> None:
        """What is none of the choices is refused."""
        assert _refused(row.name, value)

    def test_a_path_may_be_given_as_such(self) -> None:
        """A path is kept as its text, whether it was given as text or as a path."""
        assert Policy(catalogue=Path("a/b.toml")).catalogue == str(Path("a/b.toml"))  # type: ignore[arg-type]
        assert Policy(catalogue="a/b.toml").catalogue == "a/b.toml"

    @pytest.mark.parametrize("value", ["", " ", 1, b"a", ["a"], True])
    def test_what_is_no_path_is_refused(self, value: object) -> None:
        """A path is a text that is not blank."""
        assert _refused("catalogue", value)

    def test_a_choice_of_another_setting_is_none_of_this(self) -> None:
        """A member of another enum is refused."""
        assert _refused("breaker_mode", CallSpan.NEVER)
        assert _refused("call_span", Mode.OFF)

    @pytest.mark.parametrize("name", ["disabled", "correlation_ids"])
    @pytest.mark.parametrize("value", [0, 1, "true", ""])
    def test_a_flag_is_a_truth_value(self, name: str, value: object) -> None:
        """Nothing else is taken for true or false."""
        assert _refused(name, value)


class TestCombinations:
    """Settings that can be, but not together."""

    @pytest.mark.parametrize(
        ("values", "what", "why"),
        [
            (
                {"backoff_base": 31.0},
                "backoff_base (31) is more than backoff_limit (30)",
                "the first wait would exceed the limit",
            ),
            (
                {"server_error_wait_min": 10.5},
                "server_error_wait_min (10.5) is more than server_error_wait_max (10)",
                "the band would be empty",
            ),
            (
                {"break_duration": 301.0},
                "break_duration (301) is more than max_break_duration (300)",
                "the first break would exceed the limit",
            ),
            (
                {"call_timeout": 29.0},
                "read_timeout (30) is more than call_timeout (29)",
                "no attempt could use its whole timeout",
            ),
            (
                {"connect_timeout": 61.0},
                "connect_timeout (61) is more than call_timeout (60)",
                "no attempt could use its whole timeout",
            ),
            (
                {"slow_call_duration": 61.0},
                "slow_call_duration (61) is more than call_timeout (60)",
                "no call could ever be slow",
            ),
            (
                {"probe_lease": 29.0},
                "read_timeout (30) is more than probe_lease (29)",
                "a probe would be given up while it still waits",
            ),
            (
                {"minimum_calls": 1001, "window": 1.0},
                "minimum_calls (1001) is more than 1000 for each second of window (1)",
                "it can never be reached",
            ),
        ],
    )
    def test_an_impossible_combination_is_refused(
        self, values: dict[str, Any], what: str, why: str
    ) -> None:
        """Settings that can never work together are named, with the reason."""
        assert _problems(**values) == (f"{what}: {why}",)

    @pytest.mark.parametrize(
        "values",
        [
            {"backoff_base": 30.0},
            {"server_error_wait_min": 10.0},
            {"break_duration": 300.0},
            {"call_timeout": 30.0},
            {"connect_timeout": 60.0},
            {"slow_call_duration": 60.0},
            {"probe_lease": 30.0},
            {"minimum_calls": 1000, "window": 1.0},
        ],
    )
    def test_the_limit_of_a_combination_is_possible(self, values: dict[str, Any]) -> None:
        """Two settings that meet exactly go together."""
        assert _problems(**values) == ()

    def test_what_is_switched_off_goes_with_everything(self) -> None:
        """A timeout of ``None`` is more than nothing."""
        assert _problems(connect_timeout=None, read_timeout=None, call_timeout=0.001) == ()

    def test_one_error_lists_every_impossible_combination(self) -> None:
        """All combinations that cannot be are told at once."""
        problems = _problems(
            backoff_base=40,
            server_error_wait_min=11,
            break_duration=400,
            call_timeout=2,
            slow_call_duration=3,
            probe_lease=1,
            minimum_calls=10**6,
        )

        assert [problem.split(" ")[0] for problem in problems] == [
            "backoff_base",
            "server_error_wait_min",
            "break_duration",
            "read_timeout",
            "connect_timeout",
            "slow_call_duration",
            "read_timeout",
            "minimum_calls",
        ]


class TestError:
    """How a person learns of mistakes."""

    def test_one_error_lists_every_bad_value(self) -> None:
        """With every setting wrong, every setting is named, in the order of the table."""
        problems = _problems(**{row.name: _wrong(row) for row in TABLE})

        assert [problem.split(" ")[0] for problem in problems] == [row.name for row in TABLE]
        assert all("; allowed is " in problem for problem in problems)

    def test_bad_values_hide_no_impossible_combination(self) -> None:
        """A value out of range is told together with two others that do not go together."""
        problems = _problems(max_attempts=0, backoff_base=40)

        assert [problem.split(" ")[0] for problem in problems] == ["max_attempts", "backoff_base"]

    def test_the_message_holds_every_problem(self) -> None:
        """What is kept as a tuple can be read in the message as well."""
        with pytest.raises(ConfigurationError, match=r"^policy: ") as caught:
            Policy(max_attempts=0, window=-1)

        assert len(caught.value.problems) == 2
        assert all(problem in str(caught.value) for problem in caught.value.problems)

    def test_an_unknown_name_is_told_with_the_nearest(self) -> None:
        """A slip of the pen is named like any other mistake, and with all of them."""
        with pytest.raises(ConfigurationError) as caught:
            Policy(max_atempts=3, window=0, colour="red")  # type: ignore[call-arg]

        assert caught.value.problems == (
            "colour is no setting",
            "max_atempts is no setting; did you mean max_attempts?",
            "window is 0; allowed is a number of seconds from 1 to 86400",
        )

    def test_its_signature_names_the_settings(self) -> None:
        """An editor and ``help()`` show what can be given, in the order of the table."""
        assert list(inspect.signature(Policy).parameters) == [row.name for row in TABLE]

    @pytest.mark.parametrize(
        ("name", "value", "allowed"),
        [
            (
                "verto_hosts",
                "example.com, example.org",
                f"{HOSTS}, such as ('example.com', 'example.org')",
            ),
            ("verto_hosts", "https://example.com", HOSTS),
            ("code_keys", "code", "names, such as ('code',)"),
            ("code_keys", "", "names"),
        ],
    )
    def test_a_text_in_place_of_a_list_is_told_as_one(
        self, name: str, value: str, allowed: str
    ) -> None:
        """In code a list is written as one, and the message shows how."""
        problems = _problems(**{name: value})

        assert problems == (f"{name} is {value!r}; allowed is a tuple or a list of {allowed}",)

    def test_it_is_a_value_error(self) -> None:
        """Code that expects a bad argument to be a ``ValueError`` catches it."""
        with pytest.raises(ValueError, match="max_attempts is 0; allowed is a whole number from 1"):
            Policy(max_attempts=0)

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(sorted(ROWS)), st.none() | st.text() | st.floats()))
    def test_nothing_else_is_ever_raised(self, values: dict[str, Any]) -> None:
        """Whatever the values, a policy is built or refused as configuration."""
        assert all(isinstance(problem, str) for problem in _problems(**values))


class TestOf:
    """Building from names."""

    def test_names_and_values_make_a_policy(self) -> None:
        """What is named is set, the rest is default."""
        assert Policy.of({"max_attempts": 2}) == Policy(max_attempts=2)
        assert Policy.of({}) == Policy()

    def test_every_unknown_name_is_refused(self) -> None:
        """All names that are no setting are told at once, in order."""
        with pytest.raises(ConfigurationError, match=r"^policy: ") as caught:
            Policy.of({"windows": 1, "max_attempts": 2, "attempts": 3})

        assert caught.value.problems == (
            "attempts is no setting; did you mean max_attempts?",
            "windows is no setting; did you mean window?",
        )

    def test_bad_values_are_refused(self) -> None:
        """Values are checked as they are when given by keyword."""
        with pytest.raises(ConfigurationError, match="max_attempts is 0"):
            Policy.of({"max_attempts": 0})

    def test_one_error_lists_unknown_names_and_bad_values(self) -> None:
        """A name that is no setting hides no value that cannot be."""
        with pytest.raises(ConfigurationError) as caught:
            Policy.of({"attempts": 3, "max_attempts": 0})

        assert [problem.split(" ")[0] for problem in caught.value.problems] == [
            "attempts",
            "max_attempts",
        ]


class TestParts:
    """What goes to which machine."""

    def test_every_number_of_a_breaker_is_the_policy_s(self) -> None:
        """Each setting of a circuit breaker arrives where it belongs."""
        policy = Policy(
            window=31.0,
            window_buckets=11,
            minimum_calls=12,
            failure_rate_threshold=0.51,
            consecutive_failures=6,
            slow_call_duration=7.0,
            slow_call_rate_threshold=0.52,
            break_duration=8.0,
            break_growth=2.5,
            max_break_duration=301.0,
            break_jitter=0.15,
            break_decay=61.0,
            permitted_probes=2,
            successes_to_close=3,
            probe_lease=62.0,
        )

        assert policy.breaker_settings() == BreakerSettings(
            window=31.0,
            buckets=11,
            minimum_calls=12,
            failure_rate_threshold=0.51,
            consecutive_failures=6,
            slow_call_duration=7.0,
            slow_call_rate_threshold=0.52,
            break_duration=8.0,
            break_growth=2.5,
            max_break_duration=301.0,
            break_jitter=0.15,
            break_decay=61.0,
            permitted_probes=2,
            successes_to_close=3,
            probe_lease=62.0,
        )

    def test_every_number_of_a_pause_is_the_policy_s(self) -> None:
        """Each setting of a pause arrives where it belongs."""
        policy = Policy(max_pause=301.0, pause_ramp=2.0, backoff_base=0.25, backoff_limit=31.0)

        assert policy.pause_settings() == PauseSettings(
            max_pause=301.0, ramp=2.0, backoff_base=0.25, backoff_limit=31.0
        )

    def test_every_number_of_a_budget_is_the_policy_s(self) -> None:
        """Each setting of a retry budget arrives where it belongs."""
        policy = Policy(budget_capacity=11.0, budget_deposit=0.3, budget_trickle=0.4)

        assert policy.budget_settings() == BudgetSettings(capacity=11.0, deposit=0.3, trickle=0.4)


class TestValue:
    """A policy is a value."""

    def test_it_does_not_change(self) -> None:
        """Policies are shared by threads, so nobody can write to one."""
        with pytest.raises(FrozenInstanceError):
            Policy().max_attempts = 2  # type: ignore[misc]

    def test_equal_policies_are_one(self) -> None:
        """Policies with the same values are equal and hash alike, however they were given."""
        one = Policy(window=timedelta(seconds=20), breaker_mode="off")  # type: ignore[arg-type]
        other = Policy(window=20.0, breaker_mode=Mode.OFF)

        assert one == other
        assert hash(one) == hash(other)

    def test_a_changed_copy_is_checked_anew(self) -> None:
        """A copy with other values is refused where the original would have been."""
        policy = Policy(max_attempts=2)

        assert replace(policy, disabled=True).max_attempts == 2
        with pytest.raises(ConfigurationError):
            replace(policy, max_attempts=0)

    def test_it_can_be_copied_and_pickled(self) -> None:
        """An adapter is pickled with its policy."""
        policy = Policy(max_attempts=2, breaker_mode=Mode.OFF, code_keys=("a",))

        assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301
        assert copy.deepcopy(policy) == policy
