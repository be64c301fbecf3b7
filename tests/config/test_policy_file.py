from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verto_resilience.config import load_policies, load_policy, read_policy_file
from verto_resilience.errors import ConfigurationError
from verto_resilience.machines import Mode
from verto_resilience.pipeline import GENERAL, Policies, Policy, Setting, Unit, settings_table

BETA = "https://api-payment-beta.vertofx.com"
TOO_LONG = (
    "read_timeout (70) is more than VERTO_RESILIENCE_CALL_TIMEOUT (60, default): "
    "no attempt could use its whole timeout"
)
NUMBERS = tuple(row for row in settings_table() if row.high is not None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a file that is yet to be written."""
    return tmp_path / "policy.toml"


def _load(path: Path, text: str, **environ: str) -> Policies:
    path.write_text(text, encoding="utf-8")
    variables = {f"VERTO_RESILIENCE_{name}": value for name, value in environ.items()}
    return load_policies({"VERTO_RESILIENCE_POLICY_FILE": str(path), **variables})


def _refused(path: Path, text: str, **environ: str) -> list[str]:
    """Give what is wrong, with the file called FILE."""
    with pytest.raises(ConfigurationError) as caught:
        _load(path, text, **environ)
    return [problem.replace(str(path), "FILE") for problem in caught.value.problems]


def _name(row: Setting) -> str:
    return row.name


class TestPrecedence:
    """Code before environment before file before default."""

    def test_the_file_beats_the_default(self, path: Path) -> None:
        """What the file says replaces the default, and nothing else does."""
        policies = _load(path, "max_attempts = 5\nwindow = 20")

        assert policies == Policies(Policy(max_attempts=5, window=20.0, policy_file=str(path)))

    def test_the_environment_beats_the_file(self, path: Path) -> None:
        """A variable goes before a row."""
        assert _load(path, "max_attempts = 5", MAX_ATTEMPTS="4").general.max_attempts == 4

    def test_code_beats_them_all(self, path: Path) -> None:
        """What is written in code goes before variable and row."""
        path.write_text("max_attempts = 5\nwindow = 20")
        environ = {"VERTO_RESILIENCE_MAX_ATTEMPTS": "4"}

        policy = load_policy(environ, policy_file=path, max_attempts=2)

        assert (policy.max_attempts, policy.window) == (2, 20.0)

    def test_an_origin_s_rows_lie_on_top(self, path: Path) -> None:
        """An origin has the general policy with its own rows, whoever said the rest."""
        text = f'max_attempts = 5\n[origins."{BETA}"]\nread_timeout = 10\nmax_attempts = 6'

        policies = _load(path, text, MAX_ATTEMPTS="4", WINDOW="20")
        own = policies.of(f"{BETA}:443")

        assert policies.general.max_attempts == 4
        assert (own.max_attempts, own.read_timeout, own.window) == (6, 10.0, 20.0)

    def test_a_policy_in_code_says_all_but_the_origins(self, path: Path) -> None:
        """A whole policy that names a file has its origins only: every other row is said."""
        path.write_text(f'max_attempts = 5\n[origins."{BETA}"]\nread_timeout = 10')
        policy = Policy(policy_file=str(path))

        policies = load_policies({}, policy)

        assert policies.general is policy
        assert policies.of(f"{BETA}:443").read_timeout == 10.0
        assert policies.of(f"{BETA}:443").max_attempts == 3


class TestRows:
    """What a row may hold."""

    @pytest.mark.parametrize(
        ("row", "value"),
        [
            ("max_attempts = 5", 5),
            ("window = 20", 20.0),
            ("window = 20.5", 20.5),
            ("slow_call_duration = 2", 2.0),
            ('read_timeout = "none"', None),
            ('consecutive_failures = "None"', None),
            ("correlation_ids = false", False),
            ('breaker_mode = "Observe_Only"', Mode.OBSERVE_ONLY),
            ('code_keys = ["a", "b"]', ("a", "b")),
            ('code_keys = "a, b"', ("a", "b")),
            ('verto_hosts = "a.example, b.example"', ("a.example", "b.example")),
            ('insecure_hosts = ["localhost"]', ("localhost",)),
            ('propagate_to = "none"', None),
            ("code_keys = []", ()),
            ('catalogue = "codes.toml"', "codes.toml"),
        ],
    )
    def test_each_kind_is_read(self, path: Path, row: str, value: object) -> None:
        """A row becomes the value of its setting."""
        path.write_text(row)

        file = read_policy_file(str(path))

        assert file.problems == ()
        assert list(file.settings.values()) == [value]

    @pytest.mark.parametrize(
        "value",
        ['"5"', "true", "nan", "inf", "[]", "2020-01-01", '""', '"none"', "{}", "9" * 5000],
    )
    def test_what_is_no_count_is_refused(self, path: Path, value: str) -> None:
        """Text is not converted to numbers: a file can say what it means."""
        (problem,) = _refused(path, f"max_attempts = {value}")

        assert problem.startswith("FILE: ")

    @pytest.mark.parametrize("row", NUMBERS, ids=_name)
    def test_the_ends_of_a_range_are_kept(self, path: Path, row: Setting) -> None:
        """What is beyond the greatest value is refused with what is allowed."""
        assert row.high is not None
        number = int(row.high) + 1

        (problem,) = _refused(path, f"{row.name} = {number}")

        assert problem.startswith(f"FILE: {row.name} is {number}")
        assert problem.endswith(f"allowed is {row.allowed}")

    def test_an_integer_too_long_for_a_float_is_refused(self, path: Path) -> None:
        """A number of 400 digits is one of the bad values."""
        assert len(_refused(path, f"window = {'9' * 400}")) == 1


class TestProblems:
    """What is wrong, all at once."""

    def test_one_error_lists_every_bad_row_with_file_and_key(self, path: Path) -> None:
        """Variables, rows, rows of origins and combinations stand in one error."""
        text = f"""
            max_attempts = 0
            widnow = 3
            policy_file = "other.toml"
            [origins."{BETA}"]
            read_timeout = 70
            probe_lease = 80
            install = true
            brake_duration = 1
            [origins."no origin"]
            """

        problems = _refused(path, text, WINDOW="x")

        own = f'FILE: [origins."{BETA}"]'
        assert problems == [
            "VERTO_RESILIENCE_WINDOW='x': allowed is a number of seconds from 1 to 86400",
            "FILE: max_attempts is 0; allowed is a whole number from 1 to 10",
            "FILE: widnow is no setting; did you mean window?",
            "FILE: policy_file: the file cannot name itself",
            f"{own} install: it holds for all origins; write it above their tables",
            f"{own} brake_duration is no setting; did you mean break_duration?",
            'FILE: [origins."no origin"] is no origin; allowed is https://host:port or a host',
            f"{own} {TOO_LONG}",
        ]

    def test_what_stands_under_a_bad_heading_is_told_as_well(self, path: Path) -> None:
        """Whoever mends the heading need not find the next fault in the next start."""
        text = f"""
            [origins."ftp://x"]
            max_atempts = 3
            [origins."{BETA}"]
            window = 60
            [origins."{BETA}/"]
            max_attempts = 0
            """

        problems = _refused(path, text)

        assert problems == [
            'FILE: [origins."ftp://x"] is no origin; allowed is https://host:port or a host',
            'FILE: [origins."ftp://x"] max_atempts is no setting; did you mean max_attempts?',
            f'FILE: [origins."{BETA}/"] names the same as [origins."{BETA}"]',
            f'FILE: [origins."{BETA}/"] max_attempts is 0; allowed is a whole number from 1 to 10',
        ]

    def test_the_message_has_a_line_for_each(self, path: Path) -> None:
        """A person reads one fault a line."""
        path.write_text("max_attempts = 0\nwindow = 0")

        with pytest.raises(ConfigurationError) as caught:
            load_policy({"VERTO_RESILIENCE_POLICY_FILE": str(path)})

        assert str(caught.value).splitlines() == [
            "settings:",
            f"  {path}: max_attempts is 0; allowed is a whole number from 1 to 10",
            f"  {path}: window is 0.0; allowed is a number of seconds from 1 to 86400",
        ]

    def test_a_combination_says_where_its_values_came_from(self, path: Path) -> None:
        """The file, a variable and the code each have their part in what cannot be."""
        text = f'read_timeout = 50\n[origins."{BETA}"]\ncall_timeout = 40\nbackoff_base = 25'

        problems = _refused(path, text, BACKOFF_LIMIT="20")

        own = f'FILE: [origins."{BETA}"]'
        assert problems == [
            (
                f"{own} backoff_base (25) is more than VERTO_RESILIENCE_BACKOFF_LIMIT "
                "(20, environment): the first wait would exceed the limit"
            ),
            (
                f"{own} read_timeout (50, FILE) is more than call_timeout (40): "
                "no attempt could use its whole timeout"
            ),
        ]

    def test_a_combination_with_a_policy_in_code_says_so(self, path: Path) -> None:
        """An origin's rows lie on what the code says."""
        path.write_text("[origins.x]\nread_timeout = 50")

        with pytest.raises(ConfigurationError) as caught:
            load_policies({}, Policy(call_timeout=40, policy_file=str(path)))

        assert caught.value.problems == (
            (
                f'{path}: [origins."x"] read_timeout (50) is more than call_timeout (40, code): '
                "no attempt could use its whole timeout"
            ),
        )

    def test_a_bad_general_policy_does_not_hide_bad_rows(self, path: Path) -> None:
        """A combination that cannot be is told beside a bad row."""
        problems = _refused(path, "backoff_base = 40\nmax_attempts = 0")

        assert len(problems) == 2

    @pytest.mark.parametrize("name", sorted(GENERAL - {"policy_file"}))
    def test_a_general_setting_is_none_of_an_origin(self, path: Path, name: str) -> None:
        """What all origins share cannot differ between them."""
        (problem,) = _refused(path, f'[origins.x]\n{name} = "x"')

        assert "holds for all origins" in problem

    @pytest.mark.parametrize(
        ("row", "hint"),
        [
            ("VERTO_RESILIENCE_MAX_ATTEMPTS = 3", "; did you mean max_attempts?"),
            ("Max_Attempts = 3", "; did you mean max_attempts?"),
            ("origin = 3", "; did you mean origins?"),
            ("qqqqqqqqqqqqqqq = 3", ""),
        ],
    )
    def test_the_nearest_name_is_suggested(self, path: Path, row: str, hint: str) -> None:
        """A variable's name, another case, a slip: each leads to the name that was meant."""
        name = row.partition(" ")[0]

        assert _refused(path, row) == [f"FILE: {name} is no setting{hint}"]

    def test_a_file_that_is_not_there_is_told(self, path: Path) -> None:
        """A path without a file is a mistake, not silence."""
        with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
            load_policy({"VERTO_RESILIENCE_POLICY_FILE": str(path)})

    @pytest.mark.parametrize("text", ["max_attempts =", "[[", "a = 1\na = 2", "x" * 10_000])
    def test_what_is_no_toml_is_told(self, path: Path, text: str) -> None:
        """The parser's own words say where."""
        (problem,) = _refused(path, text)

        assert problem.startswith("FILE: this is no TOML: ")

    @pytest.mark.parametrize("text", ["origins = 3", "origins = []", "[origins]\nx = 3"])
    def test_origins_are_tables(self, path: Path, text: str) -> None:
        """Something else in their place is refused."""
        (problem,) = _refused(path, text)

        assert "is no table" in problem


class TestOrigins:
    """How origins are named."""

    @pytest.mark.parametrize(
        ("name", "origin"),
        [
            (BETA, f"{BETA}:443"),
            (f"{BETA}/", f"{BETA}:443"),
            (f"{BETA}:443", f"{BETA}:443"),
            (BETA.upper(), f"{BETA}:443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("Api.Example.com", "https://api.example.com:8443"),
            ("[::1]", "http://[::1]:80"),
        ],
    )
    def test_spellings_of_one_are_one(self, path: Path, name: str, origin: str) -> None:
        """Case, a default port and a slash make no difference; a host is every scheme and port."""
        policies = _load(path, f'[origins."{name}"]\nmax_attempts = 7')

        assert policies.of(origin).max_attempts == 7

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "a b",
            "ftp://x",
            "https://",
            f"{BETA}/path",
            "https://me@x",
            "x:80",
            "https://x:0",
            "https://x:70000",
            "https://x?y",
            "https://[1.2]",
            "..",
            "münchen.example",
        ],
    )
    def test_what_is_none_is_refused(self, path: Path, name: str) -> None:
        """A path, a user, another scheme: none of them is part of an origin."""
        (problem,) = _refused(path, f'[origins."{name}"]\nmax_attempts = 7')

        assert "is no origin" in problem

    def test_one_comes_once(self, path: Path) -> None:
        """Two tables that mean the same origin would be a riddle."""
        (problem,) = _refused(path, f'[origins."{BETA}"]\n[origins."{BETA}:443"]')

        assert problem == f'FILE: [origins."{BETA}:443"] names the same as [origins."{BETA}"]'

    def test_an_origin_lies_on_top_of_its_host(self, path: Path) -> None:
        """What the host's table says holds where the origin's own says nothing."""
        text = (
            '[origins."api.example.com"]\nmax_attempts = 7\nwindow = 20\n'
            '[origins."https://api.example.com"]\nmax_attempts = 8'
        )

        policies = _load(path, text)

        own, host = (
            policies.of("https://api.example.com:443"),
            policies.of("http://api.example.com:80"),
        )
        assert (own.max_attempts, own.window) == (8, 20.0)
        assert (host.max_attempts, host.window) == (7, 20.0)


values = st.one_of(
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'''" + "".join(c for c in value if c.isprintable() and c != "'") + "'''"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return repr(value)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([row.name for row in settings_table()]), values, max_size=6))
def test_no_file_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, Any]
) -> None:
    """Whatever the rows hold, there is a valid policy or one error."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join(f"{name} = {_toml(value)}" for name, value in rows.items()))

    file = read_policy_file(str(path))

    kept = {row.name: row for row in settings_table() if row.name in file.settings}
    assert len(file.settings) + len(file.problems) == len(rows)
    assert all(row.problem(file.settings[name]) is None for name, row in kept.items())
    assert Unit.PATH not in {kept[name].unit for name in kept if name == "policy_file"}
