import os
from collections import UserDict
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience import VertoAdapter
from verto_resilience.config import (
    PREFIX,
    is_switched_off,
    load_policies,
    load_policy,
    parse,
    read_environment,
    variable,
)
from verto_resilience.errors import ConfigurationError
from verto_resilience.machines import Mode
from verto_resilience.pipeline import (
    CallSpan,
    CircuitKey,
    Policy,
    Secret,
    Setting,
    StoreAddress,
    Unit,
    settings_table,
)

TABLE = settings_table()
ROWS = {row.name: row for row in TABLE}
NUMBERS = tuple(row for row in TABLE if row.high is not None)
WHOLE = (Unit.COUNT, Unit.BYTES)
ANY_TEXT = (Unit.NAMES, Unit.HOSTS, Unit.PATH, Unit.SECRET)
ENVIRON = {"VERTO_RESILIENCE_MAX_ATTEMPTS": "5", "VERTO_RESILIENCE_WINDOW": "20"}


def _name(row: Setting) -> str:
    return row.name


def _written(row: Setting) -> tuple[str, object]:
    """Give a text for this setting that is not its default, and the value that it stands for."""
    match row.unit:
        case Unit.FLAG:
            return str(not row.default), not row.default
        case Unit.CHOICE:
            choice = row.choices[-1]
            return str(choice), choice
        case Unit.NAMES | Unit.HOSTS:
            return "one, two", ("one", "two")
        case Unit.PATH:
            return "some/file.toml", "some/file.toml"
        case Unit.NAME:
            return "a-name", "a-name"
        case Unit.STORE:
            return "redis://one/2", StoreAddress("redis://one/2")
        case Unit.SECRET:
            return "hidden", Secret("hidden")
        case Unit.COUNT | Unit.BYTES:
            return str(int(row.low or 0) + 1), int(row.low or 0) + 1
        case _:
            low, high = row.low or 0.0, row.high or 0.0
            return repr((low + high) / 2), (low + high) / 2


def _refused(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read_environment(environ)
    return caught.value.problems


class TestVariables:
    """Names of variables."""

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_each_setting_has_a_variable(self, row: Setting) -> None:
        """The variable of a setting is its name in upper case, after the prefix."""
        assert variable(row) == f"VERTO_RESILIENCE_{row.name.upper()}"

    def test_no_two_settings_share_one(self) -> None:
        """Every field of the policy can be set by a variable of its own."""
        assert len({variable(row) for row in TABLE}) == len(fields(Policy))


class TestRead:
    """Reading what is there."""

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_each_variable_is_read(self, row: Setting) -> None:
        """The text of a variable becomes the value of its setting."""
        text, value = _written(row)

        assert read_environment({variable(row): text}) == {row.name: value}

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    @pytest.mark.parametrize("text", ["", " ", "\t \n"], ids=["empty", "blank", "white"])
    def test_an_empty_variable_is_unset(self, row: Setting, text: str) -> None:
        """A variable that holds nothing says nothing."""
        assert read_environment({variable(row): text}) == {}

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_space_around_a_value_does_not_count(self, row: Setting) -> None:
        """A value is read without the blanks before and after it."""
        text, value = _written(row)

        assert read_environment({variable(row): f"  {text}\n"}) == {row.name: value}

    def test_nothing_is_read_where_nothing_is(self) -> None:
        """Variables of others are left alone, those that only look like ours included."""
        environ = {"PATH": "/bin", "VERTO": "x", "verto_resilience_window": "x", "XVERTO_": "y"}

        assert read_environment(environ) == {}

    def test_the_process_s_environment_is_the_default(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without an argument the variables of the process are read, at the time of the call."""
        monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "7")

        assert read_environment() == {"max_attempts": 7}
        assert load_policy().max_attempts == 7

    def test_importing_reads_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A policy written in code does not look at the environment."""
        monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "7")

        assert Policy().max_attempts == 3

    def test_all_variables_are_read_together(self) -> None:
        """Each of them set, each is read."""
        environ = {variable(row): _written(row)[0] for row in TABLE}

        assert read_environment(environ) == {row.name: _written(row)[1] for row in TABLE}

    @pytest.mark.parametrize("text", ["none", "None", "NONE"])
    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_none_switches_off_what_is_optional(self, row: Setting, text: str) -> None:
        """``none``, in whatever case, is a value of the optional settings only."""
        if row.optional:
            assert read_environment({variable(row): text}) == {row.name: None}
        elif row.unit is not Unit.NAMES:
            assert len(_refused({variable(row): text})) == 1

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true", True),
            ("True", True),
            ("TRUE", True),
            ("1", True),
            ("yes", True),
            ("on", True),
            ("false", False),
            ("False", False),
            ("0", False),
            ("no", False),
            ("OFF", False),
        ],
    )
    def test_a_flag_is_written_as_people_do(self, text: str, value: bool) -> None:
        """True and false have the usual spellings, in whatever case."""
        assert read_environment({"VERTO_RESILIENCE_CORRELATION_IDS": text}) == {
            "correlation_ids": value
        }

    @pytest.mark.parametrize("text", ["2", "-1", "y", "t", "enabled", "truee"])
    def test_nothing_else_is_a_flag(self, text: str) -> None:
        """A word that is neither is refused, not taken for false."""
        assert _refused({"VERTO_RESILIENCE_DISABLED": text}) == (
            f"VERTO_RESILIENCE_DISABLED={text!r}: allowed is true or false",
        )

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("a", ("a",)),
            ("a,b", ("a", "b")),
            (" a , b ", ("a", "b")),
            ("a,,b,", ("a", "b")),
            ("error.code", ("error.code",)),
            (",", ()),
        ],
    )
    def test_names_are_separated_by_commas(self, text: str, names: tuple[str, ...]) -> None:
        """Blanks around names and empty names do not count; a comma alone is no name."""
        assert read_environment({"VERTO_RESILIENCE_CODE_KEYS": text}) == {"code_keys": names}

    @pytest.mark.parametrize(
        ("name", "text", "choice"),
        [
            ("BREAKER_MODE", "observe_only", Mode.OBSERVE_ONLY),
            ("BREAKER_MODE", "FORCED_OPEN", Mode.FORCED_OPEN),
            ("CIRCUIT_KEY", "Operation", CircuitKey.OPERATION),
            ("CALL_SPAN", "never", CallSpan.NEVER),
        ],
    )
    def test_a_choice_is_written_in_whatever_case(
        self, name: str, text: str, choice: object
    ) -> None:
        """The name of a choice becomes its member in the policy."""
        policy = load_policy({PREFIX + name: text})

        assert getattr(policy, name.lower()) is choice

    @pytest.mark.parametrize(
        ("text", "seconds"), [("20", 20.0), ("20.5", 20.5), ("2e1", 20.0), ("+20", 20.0)]
    )
    def test_seconds_are_written_as_numbers(self, text: str, seconds: float) -> None:
        """Whole numbers, fractions and powers of ten are lengths of time."""
        assert read_environment({"VERTO_RESILIENCE_WINDOW": text}) == {"window": seconds}


class TestBadValues:
    """What cannot be."""

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    @pytest.mark.parametrize(
        "text", ["x", "1s", "1,5", "--1", "nan", "inf", "-inf", "1e999", "0x1"]
    )
    def test_what_is_no_number_is_refused(self, row: Setting, text: str) -> None:
        """The message names the variable, the text and what is allowed."""
        problem = f"{variable(row)}={text!r}: allowed is {row.allowed}"

        assert _refused({variable(row): text}) == (problem,)

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    def test_what_is_out_of_range_is_refused(self, row: Setting) -> None:
        """The ends of the range are those of the table."""
        assert row.low is not None
        assert row.high is not None
        low = row.low if row.above else row.low - 1

        for number in (low, row.high + 1):
            text = str(int(number)) if row.unit in WHOLE else str(number)
            problem = f"{variable(row)}={text!r}: allowed is {row.allowed}"

            assert _refused({variable(row): text}) == (problem,)

    @pytest.mark.parametrize("row", [r for r in NUMBERS if r.unit in WHOLE], ids=_name)
    @pytest.mark.parametrize("text", ["2.0", "2.5", "1e1"])
    def test_a_count_is_whole(self, row: Setting, text: str) -> None:
        """Things that are counted are written without a point."""
        assert len(_refused({variable(row): text})) == 1

    @pytest.mark.parametrize("name", ["VERTO_HOSTS", "INSECURE_HOSTS", "PROPAGATE_TO"])
    def test_what_is_no_host_is_named(self, name: str) -> None:
        """Of a list the first entry that cannot be is told, with what is allowed."""
        text = "a.example, https://vertofx.com, *"

        assert _refused({PREFIX + name: text}) == (
            (
                f"{PREFIX}{name}={text!r}: 'https://vertofx.com' is no host name; "
                f"allowed is {ROWS[name.lower()].allowed}"
            ),
        )

    def test_a_long_text_is_shown_in_part(self) -> None:
        """An error stays readable whatever a variable holds."""
        assert len(_refused({"VERTO_RESILIENCE_WINDOW": "x" * 10_000})[0]) < 400

    @pytest.mark.parametrize("row", [r for r in TABLE if r.unit is Unit.CHOICE], ids=_name)
    def test_an_unknown_choice_is_refused_with_the_known_ones(self, row: Setting) -> None:
        """The message lists what may be chosen."""
        (problem,) = _refused({variable(row): "sometimes"})

        *others, last = row.choices
        assert problem.endswith(f"allowed is {', '.join(others)} or {last}")

    def test_a_number_with_too_many_digits_is_refused(self) -> None:
        """A text that Python will not read as a number is one of the bad values."""
        assert len(_refused({"VERTO_RESILIENCE_MAX_ATTEMPTS": "9" * 5000})) == 1

    def test_one_error_lists_them_all(self) -> None:
        """Unknown names come first, then each bad variable in the order of the table."""
        environ = {variable(row): "x" for row in NUMBERS} | {
            "VERTO_RESILIENCE_WINDOWS": "1",
            "VERTO_RESILIENCE_ATTEMPTS": "1",
        }

        problems = _refused(environ)

        assert [problem.split("=")[0].split(" ")[0] for problem in problems] == [
            "VERTO_RESILIENCE_ATTEMPTS",
            "VERTO_RESILIENCE_WINDOWS",
            *(variable(row) for row in NUMBERS),
        ]

    def test_the_message_has_a_line_for_each(self) -> None:
        """A person reads one fault a line, under what they are about."""
        with pytest.raises(ConfigurationError) as caught:
            read_environment({"VERTO_RESILIENCE_WINDOW": "x", "VERTO_RESILIENCE_MAX_ATTEMPTS": "0"})

        assert str(caught.value).splitlines() == [
            "environment:",
            "  VERTO_RESILIENCE_MAX_ATTEMPTS='0': allowed is a whole number from 1 to 10",
            "  VERTO_RESILIENCE_WINDOW='x': allowed is a number of seconds from 1 to 86400",
        ]


class TestUnknownNames:
    """Variables with our prefix that set nothing."""

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_the_nearest_name_is_suggested(self, row: Setting) -> None:
        """A slip of one letter leads to the name that was meant."""
        name = variable(row)
        slip = name + "X"

        assert _refused({slip: "1"}) == (f"{slip} is no setting; did you mean {name}?",)

    @pytest.mark.parametrize("rest", ["Q" * 100, "FOO", "URL", "ENABLED", "RETRIES", "TOKEN", "X"])
    def test_a_name_that_is_near_to_nothing_is_refused_all_the_same(self, rest: str) -> None:
        """Where no name is near, none is suggested: the prefix is not what makes names alike."""
        name = PREFIX + rest

        assert _refused({name: "1"}) == (f"{name} is no setting",)

    @pytest.mark.parametrize(
        ("slip", "meant"),
        [
            ("DISABLE", "DISABLED"),
            ("DISABELD", "DISABLED"),
            ("ATTEMPTS", "MAX_ATTEMPTS"),
            ("INSECURE_HOST", "INSECURE_HOSTS"),
            ("SERVER_ERROR_WAIT", "SERVER_ERROR_WAIT_MIN"),
            ("CONECT_TIMEOUT", "CONNECT_TIMEOUT"),
            ("CATALOG", "CATALOGUE"),
        ],
    )
    def test_what_people_write_leads_to_what_they_mean(self, slip: str, meant: str) -> None:
        """A letter more or less, two in the wrong order, a word left out."""
        assert _refused({PREFIX + slip: "1"})[0].endswith(f"did you mean {PREFIX + meant}?")

    def test_an_unknown_name_is_refused_even_when_empty(self) -> None:
        """A slip is a slip whatever the variable holds."""
        assert len(_refused({"VERTO_RESILIENCE_WINDWO": ""})) == 1

    def test_the_prefix_alone_is_no_setting(self) -> None:
        """A variable that is named by the prefix only is refused."""
        assert _refused({PREFIX: "1"})[0].startswith(f"{PREFIX} is no setting")


class TestParse:
    """Reading one text."""

    @pytest.mark.parametrize("row", TABLE, ids=_name)
    def test_a_written_value_is_read(self, row: Setting) -> None:
        """The text of a value gives that value, in the type of the setting."""
        text, value = _written(row)

        assert parse(row, text) == value

    @pytest.mark.parametrize("row", [r for r in TABLE if r.unit not in ANY_TEXT], ids=_name)
    def test_a_text_of_another_kind_is_no_value(self, row: Setting) -> None:
        """What cannot be read is a ``ValueError``, or a choice that is none."""
        try:
            value = parse(row, "?")
        except ValueError:
            return

        assert row.problem(value) is not None


class TestLoadPolicy:
    """Code beats environment beats default."""

    def test_the_default_holds_where_nobody_speaks(self) -> None:
        """An empty environment gives the default policy."""
        assert load_policy({}) == Policy()

    def test_the_environment_beats_the_default(self) -> None:
        """What a variable says replaces the default, and nothing else does."""
        assert load_policy(ENVIRON) == Policy(max_attempts=5, window=20.0)

    def test_code_beats_the_environment(self) -> None:
        """What is written in code holds whatever a variable says."""
        policy = load_policy(ENVIRON, max_attempts=2)

        assert policy == Policy(max_attempts=2, window=20.0)

    def test_code_may_say_the_default(self) -> None:
        """A value that is the default beats the environment as any other."""
        assert load_policy(ENVIRON, max_attempts=3).max_attempts == 3

    def test_none_in_code_beats_the_environment(self) -> None:
        """``None`` is a value, not silence."""
        policy = load_policy({"VERTO_RESILIENCE_READ_TIMEOUT": "20"}, read_timeout=None)

        assert policy.read_timeout is None

    def test_combinations_are_checked_over_both(self) -> None:
        """A variable and a keyword that cannot go together are refused."""
        with pytest.raises(ConfigurationError, match="BACKOFF_BASE"):
            load_policy({"VERTO_RESILIENCE_BACKOFF_BASE": "20"}, backoff_limit=10)

    def test_a_combination_names_the_variables_and_where_values_came_from(self) -> None:
        """A person reads what to change, and in which place."""
        with pytest.raises(ConfigurationError) as caught:
            load_policy(
                {"VERTO_RESILIENCE_READ_TIMEOUT": "61", "VERTO_RESILIENCE_WINDOW": "1"},
                minimum_calls=1001,
            )

        assert str(caught.value).splitlines() == [
            "settings:",
            (
                "  VERTO_RESILIENCE_READ_TIMEOUT (61, environment) is more than "
                "VERTO_RESILIENCE_CALL_TIMEOUT (60, default): "
                "no attempt could use its whole timeout"
            ),
            (
                "  VERTO_RESILIENCE_READ_TIMEOUT (61, environment) is more than "
                "VERTO_RESILIENCE_PROBE_LEASE (60, default): "
                "a probe would be given up while it still waits"
            ),
            (
                "  minimum_calls (1001, code) is more than 1000 for each second of "
                "VERTO_RESILIENCE_WINDOW (1, environment): it can never be reached"
            ),
        ]

    def test_a_combination_may_say_where_keywords_came_from(self) -> None:
        """Who takes them from a command line says so."""
        with pytest.raises(ConfigurationError, match=r"backoff_base \(40, --policy\) is more"):
            load_policies({}, source="--policy", backoff_base=40)

    def test_an_unknown_keyword_is_refused(self) -> None:
        """A slip in code is configuration as well."""
        with pytest.raises(ConfigurationError, match="attempts is no setting"):
            load_policy({}, attempts=3)

    def test_one_error_lists_what_is_wrong_in_both(self) -> None:
        """A bad variable hides no bad keyword."""
        with pytest.raises(ConfigurationError) as caught:
            load_policy({"VERTO_RESILIENCE_MAX_ATTEMPTS": "0"}, window=-1)

        assert len(caught.value.problems) == 2


class TestKillSwitch:
    """``VERTO_RESILIENCE_DISABLED``."""

    @pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "on", " true "])
    def test_it_is_thrown(self, text: str) -> None:
        """Every spelling of true throws it."""
        assert is_switched_off({"VERTO_RESILIENCE_DISABLED": text})
        assert load_policy({"VERTO_RESILIENCE_DISABLED": text}).disabled

    @pytest.mark.parametrize("text", ["", "false", "0", "no", "off", "maybe"])
    def test_it_is_not_thrown(self, text: str) -> None:
        """Nothing else throws it."""
        assert not is_switched_off({"VERTO_RESILIENCE_DISABLED": text})

    def test_it_is_not_thrown_where_it_is_not(self) -> None:
        """Without the variable calls are made safe."""
        assert not is_switched_off({})

    def test_the_process_s_environment_is_the_default(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without an argument the variable of the process counts."""
        monkeypatch.delenv("VERTO_RESILIENCE_DISABLED", raising=False)
        before = is_switched_off()
        monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")

        assert not before
        assert is_switched_off()

    @pytest.mark.parametrize(
        ("name", "text", "problem"),
        [
            ("DISABLED", "ture", "DISABLED='ture': allowed is true or false"),
            ("DISABLE", "true", "DISABLE is no setting; did you mean VERTO_RESILIENCE_DISABLED?"),
            ("DISABELD", "1", "DISABELD is no setting; did you mean VERTO_RESILIENCE_DISABLED?"),
        ],
    )
    @pytest.mark.parametrize("policy", [None, Policy()])
    def test_a_slip_does_not_leave_it_unthrown(
        self,
        monkeypatch: pytest.MonkeyPatch,
        policy: Policy | None,
        name: str,
        text: str,
        problem: str,
    ) -> None:
        """Who throws it learns of a slip at once, although the policy is written in code."""
        monkeypatch.setenv(PREFIX + name, text)

        with pytest.raises(ConfigurationError) as caught:
            VertoAdapter(policy=policy)

        assert caught.value.problems == (PREFIX + problem,)

    def test_nothing_else_stops_a_policy_in_code(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What other variables hold is not asked there."""
        monkeypatch.setenv("VERTO_RESILIENCE_MAX_ATTEMPTS", "0")
        monkeypatch.setenv("VERTO_RESILIENCE_FOO", "1")
        monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "false")

        adapter = VertoAdapter(policy=Policy(max_attempts=2))

        assert adapter.policy.max_attempts == 2
        adapter.close()

    def test_a_slip_beside_it_does_not_matter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Once it is thrown nothing else is read."""
        monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")
        monkeypatch.setenv("VERTO_RESILIENCE_DISABLE", "x")

        adapter = VertoAdapter(policy=Policy())

        assert adapter.policy.disabled
        assert load_policies(policy=Policy()).general == Policy()
        adapter.close()

    @pytest.mark.parametrize("policy", [None, Policy(), Policy(disabled=False, max_attempts=2)])
    def test_it_beats_code(self, monkeypatch: pytest.MonkeyPatch, policy: Policy | None) -> None:
        """An adapter whose policy was written in code is switched off by the variable as well."""
        monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")

        adapter = VertoAdapter(policy=policy)

        assert adapter.policy.disabled
        adapter.close()

    def test_what_is_switched_off_goes_straight_to_the_inner_adapter(self) -> None:
        """A disabled adapter is the inner one, to the letter of its arguments."""
        sent: list[tuple[object, dict[str, Any]]] = []

        class Inner(requests.adapters.BaseAdapter):
            def send(self, request: object, **options: Any) -> requests.Response:  # type: ignore[override]
                sent.append((request, options))
                return requests.Response()

            def close(self) -> None:
                """Have nothing to close."""

        adapter = VertoAdapter(inner=Inner(), policy=Policy(disabled=True))
        prepared = requests.Request("POST", "https://api.example.com/").prepare()

        adapter.send(prepared, stream=True, timeout=4.0)

        ((request, options),) = sent
        assert request is prepared
        assert options["timeout"] == 4.0
        assert options["stream"] is True

    def test_what_is_switched_off_leaves_the_inner_adapter_as_it_is(self) -> None:
        """The retries that an adapter makes by itself are its own affair again."""
        inner = requests.adapters.HTTPAdapter(max_retries=3)
        before = dict(vars(inner))

        adapter = VertoAdapter(inner=inner, policy=Policy(disabled=True))

        assert vars(inner) == before
        adapter.close()


values = st.text() | st.sampled_from(
    ["none", "true", "0", "1", "-1", "nan", "inf", "1e400", "9" * 4400, "\u0661", "1_0", "\x00"]
)
names = st.one_of(
    st.sampled_from([variable(row) for row in TABLE]),
    st.text(max_size=30).map(PREFIX.__add__),
    st.text(max_size=30),
)


@settings(deadline=None)
@given(st.dictionaries(names, values, max_size=10))
def test_no_environment_raises_anything_else(environ: dict[str, str]) -> None:
    """Whatever the variables hold, they are read or refused as configuration."""
    problems: tuple[str, ...] = ()
    read: dict[str, Any] = {}

    try:
        read = read_environment(environ)
    except ConfigurationError as error:
        problems = error.problems

    ours = any(name.startswith(PREFIX) and text.strip() for name, text in environ.items())
    assert all(ROWS[name].problem(value) is None for name, value in read.items())
    assert all(problem.startswith(PREFIX) for problem in problems)
    assert problems or read or not ours


@settings(deadline=None)
@given(st.dictionaries(names, values, max_size=4))
def test_no_environment_makes_a_policy_that_cannot_be(environ: dict[str, str]) -> None:
    """Whatever the variables hold, there is a valid policy or one error."""
    try:
        policy = load_policy(environ)
    except ConfigurationError:
        return

    assert isinstance(policy, Policy)


def test_a_variable_that_another_thread_unsets_meanwhile_is_not_missed() -> None:
    """It is none of ours; ``os.environ`` lists its names first and reads each of them later."""

    class Unset(UserDict[str, str]):
        def __iter__(self) -> Iterator[str]:
            yield from ("no_proxy", *self.data)

    environ = Unset({f"{PREFIX}MAX_ATTEMPTS": "2"})

    assert load_policy(environ).max_attempts == 2


def test_the_environment_is_not_written_to() -> None:
    """Reading leaves every variable as it is."""
    before = dict(os.environ)

    load_policy()

    assert dict(os.environ) == before
