import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from verto_resilience.cli._run import prepared
from verto_resilience.mounting import startup
from verto_resilience.testing import Sandbox

pytestmark = pytest.mark.end_to_end

COMMAND = (sys.executable, "-W", "error", "-m", "verto_resilience", "run")
PLAIN = """
import sys
import requests

session = requests.Session()
session.trust_env = False
print(session.get(sys.argv[1]).status_code)
"""
QUICK = {"VERTO_RESILIENCE_BACKOFF_BASE": "0.02"}
IF_RUN = "import os\nif 'VERTO_RESILIENCE_INSTALL' in os.environ:\n"
"""The command line is a Python too, and has the same ``PYTHONPATH``."""
ACCOMPANIED = """
import os, sys
from verto_resilience.cli._run import accompany, prepared
print("ready", flush=True)
sys.exit(accompany(sys.argv[1:], prepared(os.environ)))
"""


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a sandbox whose path ``/x`` fails once."""
    with Sandbox() as sandbox:
        sandbox.script("/x", [503, 204])
        yield sandbox


@pytest.fixture
def script(tmp_path: Path) -> str:
    """Give a program that calls and knows nothing of us."""
    path = tmp_path / "app.py"
    path.write_text(PLAIN)
    return str(path)


@pytest.fixture
def environ(clean_environment: dict[str, str]) -> dict[str, str]:
    """Give an environment in which waits are short."""
    clean_environment.pop("PYTHONPATH", None)
    return clean_environment | QUICK


def ended(
    environ: dict[str, str], *command: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run to the end, with the command line before it."""
    return subprocess.run(
        [*COMMAND, *command],
        env=environ | options.pop("extra", {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_a_program_that_uses_requests_plainly_resends(
    environ: dict[str, str], verto: Sandbox, script: str
) -> None:
    """Without a changed line, a 503 is answered by a resend under ``run``, and only there."""
    result = ended(environ, "--", sys.executable, script, f"{verto.url}/x")
    verto.script("/x", [503, 204])
    bare = subprocess.run(
        [sys.executable, script, f"{verto.url}/x"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "204\n", "")
    assert bare.stdout == "503\n"


def test_a_program_without_requests_is_left_alone(environ: dict[str, str]) -> None:
    """Its modules and its path are the same as without ``run``."""
    code = "import json, sys; print(json.dumps([sorted(sys.modules), sys.path]))"
    bare = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )

    result = ended(environ, "--", sys.executable, "-c", code)

    modules, path = json.loads(result.stdout)
    modules_before, path_before = json.loads(bare.stdout)
    assert set(modules) - set(modules_before) <= {"sitecustomize", "__future__"}
    assert path == path_before


@pytest.mark.parametrize("way", ["package", "console script", "env"])
def test_a_program_is_started_in_any_way(
    environ: dict[str, str], verto: Sandbox, tmp_path: Path, way: str
) -> None:
    """``python -m``, a console script, and what another program starts get it."""
    package = tmp_path / "app"
    package.mkdir()
    (package / "__main__.py").write_text(PLAIN)
    program = tmp_path / "app-command"
    program.write_text(f"#!{sys.executable}\n{PLAIN}")
    program.chmod(0o755)
    command = {
        "package": [sys.executable, "-m", "app"],
        "console script": ["app-command"],
        "env": ["env", "A=b", "app-command"],
    }[way]
    extra = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    result = ended(environ, "--", *command, f"{verto.url}/x", cwd=tmp_path, extra=extra)

    assert (result.returncode, result.stdout, result.stderr) == (0, "204\n", "")


def test_arguments_input_and_exit_code_are_the_commands_own(environ: dict[str, str]) -> None:
    """What stands after the dashes comes in as it is, and what comes out is what it gave."""
    code = "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(7)"
    arguments = ["--json", "", "a b", "--", "-h", "$HOME"]

    result = ended(environ, "--", sys.executable, "-c", code, *arguments, input="in")

    assert (result.returncode, result.stderr) == (7, "")
    assert result.stdout == f"{arguments} in\n"


def test_options_after_the_command_are_its_own_without_dashes(environ: dict[str, str]) -> None:
    """``run python --version`` asks Python for its version."""
    result = ended(environ, sys.executable, "--version")

    assert (result.returncode, result.stdout) == (0, f"Python {sys.version.split()[0]}\n")


@pytest.mark.skipif(os.name == "nt", reason="there is no exec on Windows")
def test_the_command_takes_the_place_of_run(environ: dict[str, str]) -> None:
    """It has the number of the process that was started, so that signals reach it."""
    code = (
        "import os, signal; print(os.getpid(), flush=True); "
        "print(signal.getsignal(signal.SIGTERM) == 0); signal.pause()"
    )
    with subprocess.Popen(
        [*COMMAND, "--", sys.executable, "-c", code],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = int(process.stdout.readline())

        process.terminate()

        assert (told, process.wait(30)) == (process.pid, -signal.SIGTERM)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGPIPE on Windows")
def test_what_python_ignores_is_not_ignored_by_the_command(environ: dict[str, str]) -> None:
    """A command that writes to a pipe nobody reads is ended by that, as without us."""
    result = ended(environ, "--", "sh", "-c", "kill -s PIPE $$; echo still there")

    assert (result.returncode, result.stdout) == (-signal.SIGPIPE, "")


def test_the_programs_own_sitecustomize_is_run(
    environ: dict[str, str], verto: Sandbox, tmp_path: Path, script: str
) -> None:
    """What a site or a tool has put there goes on working, also what it finds next to itself."""
    (tmp_path / "sitecustomize.py").write_text(
        f"{IF_RUN}    import beside; print('own', __file__)\n"
    )
    (tmp_path / "beside.py").write_text("")
    extra = {"PYTHONPATH": str(tmp_path)}

    result = ended(environ, "--", sys.executable, script, f"{verto.url}/x", extra=extra)

    assert result.stdout == f"own {tmp_path / 'sitecustomize.py'}\n204\n"
    assert (result.returncode, result.stderr) == (0, "")


def test_children_get_it_too(environ: dict[str, str], verto: Sandbox, script: str) -> None:
    """A Python that the program starts resends as well, unless it is given another environment."""
    code = (
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True)\n"
        "plain = {**os.environ, 'VERTO_RESILIENCE_INSTALL': 'false'}\n"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, env=plain)\n"
    )
    verto.script("/x", [503, 204, 503])

    result = ended(environ, "--", sys.executable, "-c", code, script, f"{verto.url}/x")

    assert (result.returncode, result.stdout, result.stderr) == (0, "204\n503\n", "")


def test_it_goes_around_opentelemetry_instrument(
    environ: dict[str, str], verto: Sandbox, script: str
) -> None:
    """Both are in force: calls are resent, and the other has wrapped what it wraps."""
    instrument = str(Path(sys.executable).with_name("opentelemetry-instrument"))
    with Path(script).open("a") as file:
        file.write("print(hasattr(requests.Session.send, '__wrapped__'))\n")

    result = ended(environ, "--", instrument, sys.executable, script, f"{verto.url}/x")

    assert (result.returncode, result.stdout, result.stderr) == (0, "204\nTrue\n", "")


def test_a_python_without_the_package_says_so_and_goes_on(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """A child in an environment of its own is not broken; one line tells that it is plain."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "requests.py").write_text("print('another requests')\n")
    (tmp_path / "sitecustomize.py").write_text(
        f"{IF_RUN}    import sys; sys.modules['verto_resilience'] = None\n"
    )
    extra = {"PYTHONPATH": str(tmp_path)}
    code = f"import sys; sys.path.insert(0, {str(there)!r}); import requests"

    result = ended(environ, "--", sys.executable, "-c", code, extra=extra)

    assert (result.returncode, result.stdout) == (0, "another requests\n")
    assert result.stderr.count("\n") == 1
    assert "verto-resilience is not installed for" in result.stderr


def test_requests_is_imported_as_it_would_be(environ: dict[str, str]) -> None:
    """The module has its own loader, nothing stays in the way of imports, a reload is a reload."""
    code = (
        "import sys, importlib\n"
        "before = len(sys.meta_path)\n"
        "import requests\n"
        "print(len(sys.meta_path) - before, type(requests.__loader__).__name__,"
        " 'exec_module' in vars(requests.__loader__))\n"
        "importlib.reload(requests)\n"
        "print(requests.get is requests.api.get)\n"
    )

    result = ended(environ, "--", sys.executable, "-c", code)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "-1 SourceFileLoader False\nTrue\n"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["no-such-command", "-v"], 127, "error: no-such-command: there is no such command\n"),
        (["./no/such"], 127, "error: ./no/such: there is no such command\n"),
        (["./app.py"], 126, "error: ./app.py: Permission denied\n"),
    ],
)
def test_a_command_that_cannot_be_run_is_told_as_a_shell_does(
    environ: dict[str, str], script: str, command: list[str], code: int, said: str
) -> None:
    """127 when it is not there, 126 when it cannot be executed; one line, no traceback."""
    result = ended(environ, "--", *command, cwd=Path(script).parent)

    assert (result.returncode, result.stdout, result.stderr) == (code, "", said)


def test_bad_settings_are_told_before_anything_is_started(environ: dict[str, str]) -> None:
    """All of them in one error, with exit code 2; the program has not begun."""
    extra = {"VERTO_RESILIENCE_MAX_ATTEMPTS": "0", "VERTO_RESILIENCE_CATALOGUE": "/nowhere"}

    result = ended(environ, "--", sys.executable, "-c", "print('begun')", extra=extra)

    assert (result.returncode, result.stdout) == (2, "")
    assert "VERTO_RESILIENCE_MAX_ATTEMPTS='0'" in result.stderr


def test_the_kill_switch_leaves_the_program_plain(
    environ: dict[str, str], verto: Sandbox, script: str
) -> None:
    """Whoever throws it gets the program as it is, whatever the other variables say."""
    extra = {"VERTO_RESILIENCE_DISABLED": "true", "VERTO_RESILIENCE_MAX_ATTEMPTS": "0"}

    result = ended(environ, "--", sys.executable, script, f"{verto.url}/x", extra=extra)

    assert (result.returncode, result.stdout, result.stderr) == (0, "503\n", "")


def test_the_folder_stands_first_and_once() -> None:
    """What was in the path stays behind it in its order, also when ``run`` runs ``run``."""
    folder = str(Path(startup.__file__).parent)
    given = {"PYTHONPATH": os.pathsep.join(["/a", folder, "/b"]), "HOME": "/h"}

    environ = prepared(given)

    assert environ["PYTHONPATH"] == os.pathsep.join([folder, "/a", "/b"])
    assert environ["HOME"] == "/h"
    assert prepared({})["PYTHONPATH"] == folder
    assert prepared(environ) == environ


def test_files_are_found_from_wherever_the_command_goes(
    environ: dict[str, str], verto: Sandbox, tmp_path: Path
) -> None:
    """Paths in the settings are those of the folder in which ``run`` was called."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "codes.toml").write_text("")
    (tmp_path / "operations.toml").write_text("")
    (tmp_path / "policy.toml").write_text("max_attempts = 1\n")
    extra = {
        "VERTO_RESILIENCE_CATALOGUE": "codes.toml",
        "VERTO_RESILIENCE_OPERATIONS": "./operations.toml",
        "VERTO_RESILIENCE_POLICY_FILE": "policy.toml",
    }
    code = f"import os, sys; os.chdir({str(elsewhere)!r})\n{PLAIN}"

    result = ended(
        environ, "--", sys.executable, "-c", code, f"{verto.url}/x", cwd=tmp_path, extra=extra
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "503\n", "")


def test_no_file_stays_no_file() -> None:
    """What is empty, or says that there is none, or leads from everywhere, is left as it is."""
    given = {
        "VERTO_RESILIENCE_CATALOGUE": "none",
        "VERTO_RESILIENCE_OPERATIONS": "",
        "VERTO_RESILIENCE_POLICY_FILE": str(Path(__file__).absolute()),
    }

    environ = prepared(given)

    assert {name: environ[name] for name in given} == given


class TestAccompanied:
    """Where a process cannot become another, it runs beside the command."""

    def test_it_ends_as_the_command_does(
        self, environ: dict[str, str], verto: Sandbox, script: str
    ) -> None:
        """The exit code is the command's, and its sessions are mounted all the same."""
        command = [sys.executable, "-c", ACCOMPANIED, sys.executable]

        called, failed = (
            subprocess.run(
                [*command, *more],
                env=environ,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            for more in ([script, f"{verto.url}/x"], ["-c", "raise SystemExit(9)"])
        )

        assert (called.returncode, called.stdout) == (0, "ready\n204\n")
        assert failed.returncode == 9

    @pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)], ids=["TERM", "INT"]
    )
    def test_signals_are_the_commands(
        self, environ: dict[str, str], number: signal.Signals, code: int
    ) -> None:
        """A termination is passed on; an interrupt, which reaches both, does not end it alone."""
        child = "import sys; print('child', flush=True); sys.stdin.read()"
        with subprocess.Popen(
            [sys.executable, "-c", ACCOMPANIED, sys.executable, "-c", child],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "child\n"]

            process.send_signal(number)
            if number == signal.SIGINT:
                process.stdin.close()

            assert process.wait(30) == code
