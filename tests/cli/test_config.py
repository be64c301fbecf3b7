import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from verto_resilience.cli._config import written
from verto_resilience.config import render_schema, variable
from verto_resilience.pipeline import settings_table

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_every_setting_is_listed(run: Run) -> None:
    """Each setting stands there with its variable, default, range and meaning, in 80 columns."""
    result = run("config")

    words = " ".join(result.stdout.split())
    assert (result.returncode, result.stderr) == (0, "")
    for setting in settings_table():
        empty = "an empty list, " if setting.default == () else ""
        assert f"{variable(setting)} = {written(setting.default)} ({empty}default)" in words
        assert setting.meaning in words
        assert f"Allowed: {setting.allowed}." in words
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_text_fits_a_narrow_terminal(run: Run) -> None:
    """No line of text is longer than the terminal, but for a name and its value."""
    result = run("config", COLUMNS="60")

    text = [line for line in result.stdout.splitlines() if line.startswith(" ")]
    assert max(map(len, text)) <= 60


def test_value_of_the_environment_is_marked(run: Run) -> None:
    """A value from the environment is shown as such, beside the default; an empty one is none."""
    result = run("config", VERTO_RESILIENCE_MAX_ATTEMPTS="5", VERTO_RESILIENCE_WINDOW=" ")

    assert "VERTO_RESILIENCE_MAX_ATTEMPTS = 5  (environment, default 3)" in result.stdout
    assert "VERTO_RESILIENCE_WINDOW = 30  (default)" in result.stdout
    assert "1 of them from the environment" in result.stdout


def test_json_holds_the_same_table(run: Run) -> None:
    """``--json`` prints every setting with value, origin, unit, range and meaning."""
    result = run("config", "--json", VERTO_RESILIENCE_CONSECUTIVE_FAILURES="none")

    rows = {row["setting"]: row for row in json.loads(result.stdout)["settings"]}
    assert list(rows) == [setting.name for setting in settings_table()]
    failures = rows["consecutive_failures"]
    assert (failures["value"], failures["default"]) == (None, 5)
    assert (failures["from"], failures["unit"]) == ("environment", "count")
    assert failures["variable"] == "VERTO_RESILIENCE_CONSECUTIVE_FAILURES"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Give the path of a policy file with rows for all and for one origin."""
    path = tmp_path / "policy.toml"
    path.write_text(
        'max_attempts = 5\nwindow = 20\n[origins."https://a.example"]\nread_timeout = "none"\n'
    )
    return str(path)


def test_value_of_the_file_is_marked(run: Run, file: str) -> None:
    """A row of the policy file is shown as such; a variable goes before it."""
    given = {"VERTO_RESILIENCE_POLICY_FILE": file, "VERTO_RESILIENCE_WINDOW": "25"}

    result = run("config", **given)

    assert result.returncode == 0
    assert "VERTO_RESILIENCE_MAX_ATTEMPTS = 5  (file, default 3)" in result.stdout
    assert "VERTO_RESILIENCE_WINDOW = 25  (environment, default 30)" in result.stdout
    assert "Only for https://a.example:443:\n    read_timeout = none  (file)" in result.stdout
    assert "2 of them from the environment, 1 from the policy file;" in result.stdout


def test_json_names_the_file_as_source(run: Run, file: str) -> None:
    """``from`` is one of three words, and what single origins have stands beside."""
    told = json.loads(run("config", "--json", VERTO_RESILIENCE_POLICY_FILE=file).stdout)

    assert {row["setting"]: row["from"] for row in told["settings"]} == {
        setting.name: "default" for setting in settings_table()
    } | {"max_attempts": "file", "window": "file", "policy_file": "environment"}
    assert told["origins"] == {"https://a.example:443": {"read_timeout": None}}


def test_bad_file_is_told_with_the_bad_variables(run: Run, file: str) -> None:
    """Rows and variables stand in one error; the exit code is 2."""
    Path(file).write_text("max_attempts = 0\nwidnow = 3\n")

    result = run("config", VERTO_RESILIENCE_POLICY_FILE=file, VERTO_RESILIENCE_BREAK_GROWTH="x")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("error:") == 1
    assert "VERTO_RESILIENCE_BREAK_GROWTH='x'" in result.stderr
    assert f"{file}: max_attempts is 0" in result.stderr
    assert f"{file}: widnow is no setting; did you mean window?" in result.stderr
    assert "Traceback" not in result.stderr


def test_schema_is_that_of_the_table(run: Run) -> None:
    """``--schema`` prints the JSON schema, whatever the environment holds."""
    result = run("config", "--schema", VERTO_RESILIENCE_MAX_ATTEMPTS="0")

    assert result.returncode == 0
    assert json.loads(result.stdout) == render_schema()


def test_a_list_that_leaves_vertos_own_hosts_out_is_noted(run: Run) -> None:
    """Who names a host of their own learns what it takes away; it is no mistake."""
    given = {"VERTO_RESILIENCE_VERTO_HOSTS": "127.0.0.1"}

    told, data = run("config", **given), json.loads(run("config", "--json", **given).stdout)

    assert told.returncode == 0
    assert "Note: The list takes the place of the default: vertofx.com" in told.stdout
    noted = {row["setting"]: row["note"] for row in data["settings"] if row["note"]}
    assert list(noted) == ["verto_hosts"]


@pytest.mark.parametrize("arguments", [("config",), ("config", "--json")])
def test_bad_values_are_told_in_one_error(run: Run, arguments: tuple[str, ...]) -> None:
    """Every bad variable is named once, with what is allowed; the exit code is 2."""
    result = run(*arguments, VERTO_RESILIENCE_MAX_ATTEMPTS="0", VERTO_RESILIENCE_MAX_ATTEMPT="4")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("error:") == 1
    assert (
        "VERTO_RESILIENCE_MAX_ATTEMPTS='0': allowed is a whole number from 1 to 10" in result.stderr
    )
    assert "did you mean VERTO_RESILIENCE_MAX_ATTEMPTS?" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """Give the path of a file of operations with two faults."""
    path = tmp_path / "broken.toml"
    row = 'template = "/a"\nkind = "read"\nrepeatable = "always"\n'
    path.write_text(f'[[operation]]\n{row}[[operation]]\nmethod = "get"\n{row}')
    return str(path)


@pytest.mark.parametrize("arguments", [("config",), ("config", "--json")])
def test_a_file_that_keeps_mounting_from_working_is_an_error(
    run: Run, arguments: tuple[str, ...], broken: str
) -> None:
    """Every fault of every file is told once, with its file; the exit code is 2."""
    result = run(
        *arguments, VERTO_RESILIENCE_CATALOGUE="/nowhere", VERTO_RESILIENCE_OPERATIONS=broken
    )

    assert result.returncode == 2
    assert "VERTO_RESILIENCE_MAX_ATTEMPTS" in result.stdout
    assert result.stderr.count("error:") == 1
    assert "catalogue /nowhere cannot be read: No such file or directory" in result.stderr
    assert f"operations {broken}: operation 1: " in result.stderr
    assert f"operations {broken}: operation get /a: " in result.stderr
    assert len(result.stderr.splitlines()) == 4


def test_a_file_that_a_policy_file_names_is_looked_at_too(run: Run, file: str) -> None:
    """It makes no difference where the setting stands."""
    Path(file).write_text('catalogue = "/nowhere"\n')

    result = run("config", VERTO_RESILIENCE_POLICY_FILE=file)

    told = "error: catalogue /nowhere cannot be read: No such file or directory\n"
    assert (result.returncode, result.stderr) == (2, told)


@pytest.mark.parametrize("arguments", [("config",), ("config", "--json")])
def test_what_is_wrong_is_a_note_while_the_kill_switch_is_thrown(
    run: Run, arguments: tuple[str, ...]
) -> None:
    """It keeps nothing from working: the defaults are in force, and the exit code is 0."""
    given = {"VERTO_RESILIENCE_DISABLED": "true", "VERTO_RESILIENCE_WINDOW": "20"}

    result = run(*arguments, VERTO_RESILIENCE_MAX_ATTEMPTS="0", **given)

    assert result.returncode == 0
    assert result.stderr == (
        "note: the kill switch is thrown (VERTO_RESILIENCE_DISABLED); "
        "without it this would be an error:\n"
        "  VERTO_RESILIENCE_MAX_ATTEMPTS='0': allowed is a whole number from 1 to 10\n"
    )
    if "--json" in arguments:
        rows = {row["setting"]: row for row in json.loads(result.stdout)["settings"]}
        assert (rows["window"]["value"], rows["disabled"]["value"]) == (30.0, True)
    else:
        assert "VERTO_RESILIENCE_DISABLED = true  (environment, default false)" in result.stdout
        assert "VERTO_RESILIENCE_WINDOW = 30  (default)" in result.stdout


@pytest.mark.parametrize("thrown_by", ["VERTO_RESILIENCE_DISABLED", "disabled in the policy file"])
def test_a_file_that_nobody_reads_is_a_note(
    run: Run, broken: str, tmp_path: Path, thrown_by: str
) -> None:
    """The settings are shown as they are, for they can be read."""
    policy = tmp_path / "disabled.toml"
    policy.write_text("disabled = true\n")
    by_file = {"VERTO_RESILIENCE_POLICY_FILE": str(policy)}
    switch = by_file if "file" in thrown_by else {thrown_by: "1"}

    result = run(
        "config", VERTO_RESILIENCE_OPERATIONS=broken, VERTO_RESILIENCE_WINDOW="20", **switch
    )

    assert result.returncode == 0
    assert "VERTO_RESILIENCE_WINDOW = 20  (environment, default 30)" in result.stdout
    assert result.stderr.startswith(f"note: the kill switch is thrown ({thrown_by}); ")
    assert result.stderr.count(f"  operations {broken}: ") == 2


def test_a_variable_beside_a_policy_file_that_disables_counts(run: Run, tmp_path: Path) -> None:
    """It is read before the file's word holds, and mounting refuses it."""
    policy = tmp_path / "disabled.toml"
    policy.write_text("disabled = true\n")

    result = run(
        "config", VERTO_RESILIENCE_POLICY_FILE=str(policy), VERTO_RESILIENCE_MAX_ATTEMPTS="0"
    )

    assert result.returncode == 2


WITHOUT_REDIS = """
import sys
sys.modules["redis"] = None
from verto_resilience.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_settings_are_shown_without_what_a_store_needs(
    clean_environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """The extra that is missing is noted at the store, and told as the error that it is."""
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_REDIS, "config", *arguments],
        env=clean_environment | {"VERTO_RESILIENCE_STORE": "redis://:canary@one"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    lacking = "he store needs redis: pip install '.[redis]' from a clone"
    assert result.returncode == 2
    assert result.stderr == f"error: VERTO_RESILIENCE_STORE=redis://REDACTED@one: t{lacking}\n"
    assert f"T{lacking}." in result.stdout
    assert "VERTO_RESILIENCE_MAX_ATTEMPTS" in result.stdout


def test_impossible_combination_is_an_error(run: Run) -> None:
    """Values that are allowed one by one, but not together, are refused as well."""
    result = run("config", VERTO_RESILIENCE_READ_TIMEOUT="61")

    assert result.returncode == 2
    assert "VERTO_RESILIENCE_READ_TIMEOUT (61, environment) is more than" in result.stderr
    assert "VERTO_RESILIENCE_CALL_TIMEOUT (60, default)" in result.stderr


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.5, "0.5"),
        (30.0, "30"),
        (1_000_000.0, "1000000"),
        (1234567.25, "1234567.25"),
        (("a", "b"), "a,b"),
        ((), ","),
    ],
)
def test_value_is_written_as_a_variable_holds_it(value: object, text: str) -> None:
    """A value is shown in the form in which it could be put into its variable."""
    assert written(value) == text
