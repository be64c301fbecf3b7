import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

import verto_resilience
from tests.cli.conftest import PYTHON
from verto_resilience.cli._app import COMMANDS, GROUPS

Run = Callable[..., subprocess.CompletedProcess[str]]

PAGE = Path(__file__).resolve().parents[1] / "outcome" / "pages" / "status-page.md"
WITHOUT_EXTRA = """
import sys
sys.modules["{missing}"] = None
from verto_resilience.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_missing_extra_is_named_in_one_line(missing: str) -> None:
    """Without the extra the command names it in one line and exits with 2."""
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA.format(missing=missing), "demo"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "pip install '.[cli]' from a clone" in result.stderr


def test_other_missing_module_is_not_blamed_on_the_extra() -> None:
    """A module that is missing for another reason shows as what it is."""
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA.format(missing="requests"), "demo"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 1
    assert "[cli]" not in result.stderr


def test_command_line_is_not_loaded_with_the_library() -> None:
    """Importing the library imports neither the command line nor what it needs."""
    code = (
        "import sys, verto_resilience, verto_resilience.__main__\n"
        "sys.exit(bool({'typer', 'rich', 'verto_resilience.cli'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense",), "nonsense"),
        (("demo", "--nonsense"), "--nonsense"),
        (("sandbox", "--script", "throtled"), "healthy, throttled, down, recovering"),
        (("sandbox", "--port", "65536"), "port 65536"),
        (("sandbox", "--port", "many"), "--port"),
        (("sandbox", "--key", "a.key"), "go together"),
        (("sandbox", "--seconds", "5"), "it goes with --script throttled or down"),
        (("sandbox", "--script", "recovering", "--seconds", "5"), "--script throttled or down"),
        (("sandbox", "--script", "throttled", "--count", "5"), "--script down or recovering"),
        (("sandbox", "--form", "date"), "it goes with --script throttled or recovering"),
        (("sandbox", "--path", "/x"), "it goes with --script"),
        (("sandbox", "--script", "throtled", "--seconds", "5"), "healthy, throttled, down"),
        (("sandbox", "--repeat"), "it goes with answers: --script"),
        (("sandbox", "--script", "down", "--repeat"), "it goes with answers: --script"),
        (("sandbox", "--script", "503, teapot"), "answer 2 ('teapot')"),
        (("sandbox", "--certificate", "no.pem", "--key", "no.key"), "cannot be used"),
        (("explain", "teapot"), "STATUS"),
        (("explain", "99"), "99 is no HTTP status: 100 to 999"),
        (("codes", "show", "one"), "CODE"),
        (("codes", "diff", "/nowhere/page.html"), "cannot be read"),
        (("dashboard", "--rule"), "--rules"),
        (("fleet", "open", "https://x", "--for", "0"), "0: allowed is from 1 to 86400 seconds"),
    ],
)
def test_mistake_is_told_without_a_traceback(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    """A mistake in the arguments is named, with exit code 2 and no traceback."""
    result = run(*arguments)

    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments", [("codes", "diff", "-"), ("request", "GET", "http://x", "-d", "@-")]
)
def test_a_closed_standard_input_is_a_mistake(
    clean_environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """It is told where it would be read."""
    result = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *PYTHON, "-m", "verto_resilience", *arguments],
        env=clean_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stderr) == (2, "error: standard input is closed\n")


def test_no_command_shows_the_commands(run: Run) -> None:
    """Without a command every command is listed, and the exit code says that nothing was done."""
    result = run()

    assert (result.returncode, result.stderr) == (2, "")
    assert all(command.__name__ in result.stdout for command, _ in COMMANDS)
    assert all(name in result.stdout for _, name, _ in GROUPS)


@pytest.mark.parametrize(
    ("command", "example"), COMMANDS, ids=[command.__name__ for command, _ in COMMANDS]
)
def test_help_has_an_example(run: Run, command: Callable[..., None], example: str) -> None:
    """The help of each command ends with an example of its use."""
    result = run(command.__name__, "--help")

    assert result.returncode == 0
    assert f"verto-resilience {command.__name__}" in example
    assert " ".join(example.split()) in " ".join(result.stdout.split())


@pytest.mark.parametrize(("name", "example"), [(name, example) for _, name, example in GROUPS])
def test_help_of_a_group_has_an_example(run: Run, name: str, example: str) -> None:
    """A command that has commands shows one of them at work."""
    result = run(name, "--help")

    assert result.returncode == 0
    assert " ".join(example.split()) in " ".join(result.stdout.split())


PAGES = [
    *((command.__name__,) for command, _ in COMMANDS),
    *((name,) for _, name, _ in GROUPS),
    *(("codes", name) for name in ("list", "show", "import", "diff")),
    *(("fleet", name) for name in ("open", "reset")),
    (),
]


@pytest.mark.parametrize("page", PAGES, ids=[" ".join(page) or "all" for page in PAGES])
def test_help_speaks_of_what_to_give(run: Run, page: tuple[str, ...]) -> None:
    """No type of Python stands there, and a terminal of 80 columns is wide enough."""
    told = run(*page, "--help", COLUMNS="80").stdout

    assert not [kind for kind in ("<", "range", "{", "[[") if kind in told]
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    "arguments",
    [
        ("config",),
        ("doctor",),
        ("operations",),
        ("codes", "list"),
        ("codes", "show", "1"),
        ("codes", "diff", str(PAGE)),
        *(("explain", str(status), "1") for status in (200, 401, 409, 429, 502, 503, 504)),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_it_fits_a_terminal_of_80_columns(run: Run, arguments: tuple[str, ...]) -> None:
    """No line is cut by the terminal."""
    settings = {"VERTO_RESILIENCE_VERTO_HOSTS": "127.0.0.1", "VERTO_RESILIENCE_BREAK_GROWTH": "3"}

    lines = run(*arguments, COLUMNS="80", **settings).stdout.splitlines()

    assert lines
    assert [line for line in lines if len(line) > 80] == []


def test_version_is_the_packages(run: Run) -> None:
    """``--version`` prints the version alone."""
    assert run("--version").stdout == f"{verto_resilience.__version__}\n"


@pytest.mark.end_to_end
def test_sandbox_answers_until_interrupted(clean_environment: dict[str, str]) -> None:
    """The sandbox plays the script it was given, and ends cleanly on SIGINT."""
    with subprocess.Popen(
        [sys.executable, "-m", "verto_resilience", "sandbox", "--script", "down", "--count", "1"],
        env=clean_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[2]
        with requests.Session() as session:
            session.trust_env = False
            statuses = [session.get(f"{url}/status/200", timeout=5).status_code for _ in range(2)]
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)

    assert statuses == [503, 200]
    assert (process.returncode, errors) == (0, "")
    assert "2 requests" in output


@pytest.mark.end_to_end
def test_sandbox_plays_answers_with_a_delay(clean_environment: dict[str, str]) -> None:
    """A list of answers is played, again and again where that is asked for, each in its time."""
    script = "503, ok delay=0.3"
    with subprocess.Popen(
        [sys.executable, "-m", "verto_resilience", "sandbox", "--script", script, "--repeat"],
        env=clean_environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[2]
        with requests.Session() as session:
            session.trust_env = False
            answers = [session.get(f"{url}/status/200", timeout=5) for _ in range(4)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)

    assert [answer.status_code for answer in answers] == [503, 200, 503, 200]
    assert min(answer.elapsed.total_seconds() for answer in answers[1::2]) >= 0.3
