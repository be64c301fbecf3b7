import json
import socket
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import verto_resilience
from verto_resilience.cli import _checks as checks
from verto_resilience.cli._finding import Finding, State
from verto_resilience.cli._otlp import check_otlp
from verto_resilience.testing import Reply, Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "canary-4f7b1c9e2d"
CLIENTS = """
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

session = requests.Session()
session.mount("https://", HTTPAdapter(max_retries=Retry(2, allowed_methods=["GET", "POST"])))
number = 3


def make():
    return session


def broken():
    raise RuntimeError("canary-4f7b1c9e2d")
"""


@pytest.fixture
def clients(tmp_path: Path) -> str:
    """Give a folder with a module of sessions."""
    (tmp_path / "clients.py").write_text(CLIENTS)
    return str(tmp_path)


def _findings(run: Run, *arguments: str, **extra: str) -> dict[str, dict[str, str]]:
    result = run("doctor", "--json", *arguments, **extra)
    told = json.loads(result.stdout)
    assert told["ok"] is (result.returncode == 0)
    return {finding["about"]: finding for finding in told["findings"]}


class TestCommand:
    """``verto-resilience doctor``."""

    def test_a_sound_environment_exits_with_0(self, run: Run) -> None:
        """Nothing that is wrong is found here; versions and extras are told."""
        result = run("doctor")

        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.endswith("nothing is wrong\n")
        assert requests.__version__ in result.stdout
        assert "extra cli" in result.stdout

    def test_json_tells_the_same(self, run: Run) -> None:
        """Scripts get what was looked at, how bad it is, and what was found."""
        found = _findings(run)

        assert found["requests"] == {
            "about": "requests",
            "state": "ok",
            "detail": requests.__version__,
        }

    def test_every_bad_setting_is_wrong(self, run: Run) -> None:
        """The doctor goes on where another command would stop."""
        result = run("doctor", VERTO_RESILIENCE_MAX_ATTEMPTS="0", VERTO_RESILIENCE_WINDOWS="1")

        words = " ".join(result.stdout.split())
        assert result.returncode == 1
        assert "VERTO_RESILIENCE_MAX_ATTEMPTS='0'" in words
        assert "did you mean VERTO_RESILIENCE_WINDOW?" in words
        assert result.stdout.endswith("2 things are wrong\n")
        assert "Traceback" not in result.stderr

    @pytest.mark.parametrize(
        ("variables", "about", "state"),
        [
            ({"VERTO_RESILIENCE_DISABLED": "true"}, "kill switch", "wrong"),
            ({"VERTO_RESILIENCE_DISABLED": "ture"}, "settings", "wrong"),
            ({"VERTO_RESILIENCE_POLICY_FILE": "/nowhere"}, "settings", "wrong"),
            ({"VERTO_RESILIENCE_CATALOGUE": "/nowhere"}, "settings", "wrong"),
            ({"VERTO_RESILIENCE_OPERATIONS": "/nowhere"}, "settings", "wrong"),
            ({"REQUESTS_CA_BUNDLE": "/nowhere"}, "REQUESTS_CA_BUNDLE", "wrong"),
            ({"HTTPS_PROXY": f"http://me:{SECRET}@proxy:1"}, "proxy", "note"),
            ({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED", "note"),
            (
                {
                    "VERTO_RESILIENCE_INSTALL": "true",
                    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "urllib3, verto_resilience",
                },
                "VERTO_RESILIENCE_INSTALL",
                "wrong",
            ),
        ],
    )
    def test_what_the_environment_does_is_told(
        self, run: Run, variables: dict[str, str], about: str, state: str
    ) -> None:
        """Each variable that changes how calls go is named; no value is shown."""
        found = _findings(run, **variables)

        assert found[about]["state"] == state
        assert SECRET not in json.dumps(found)

    @pytest.mark.parametrize("name", ["clients:session", "clients:make"])
    def test_a_session_of_the_user_s_is_looked_at(self, run: Run, clients: str, name: str) -> None:
        """A Retry in an adapter is found, and that it resends a POST is said."""
        found = _findings(run, "--session", name, PYTHONPATH=clients)

        assert found["adapter of https://"]["state"] == "wrong"
        assert "total 2, POST included" in found["adapter of https://"]["detail"]
        assert found["adapter of http://"]["state"] == "ok"

    @pytest.mark.parametrize(
        "name",
        ["clients", ":x", "clients:", "clients:none", "nowhere:x", "clients:number",
         "clients:broken", "clients:session.x"],
    )  # fmt: skip
    def test_a_session_that_is_none_is_a_mistake(self, run: Run, clients: str, name: str) -> None:
        """What cannot be imported is told with exit code 2, and not what it said."""
        result = run("doctor", "--session", name, PYTHONPATH=clients)

        assert (result.returncode, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr
        assert SECRET not in result.stderr

    @pytest.mark.parametrize(
        ("name", "missing"), [("nowhere:x", "nowhere"), ("needy:session", "not_there")]
    )
    def test_a_module_that_is_missing_is_named(
        self, run: Run, tmp_path: Path, name: str, missing: str
    ) -> None:
        """Whether it is the one that was asked for or one that it imports."""
        (tmp_path / "needy.py").write_text("import not_there")

        result = run("doctor", "--session", name, PYTHONPATH=str(tmp_path), COLUMNS="200")

        assert f"{name} cannot be had (there is no module {missing})" in result.stderr

    def test_the_kill_switch_says_who_threw_it(self, run: Run, tmp_path: Path) -> None:
        """The variable or the file; and what that means."""
        file = tmp_path / "policy.toml"
        file.write_text("disabled = true")

        by_variable = _findings(run, VERTO_RESILIENCE_DISABLED="1")["kill switch"]["detail"]
        by_file = _findings(run, VERTO_RESILIENCE_POLICY_FILE=str(file))["kill switch"]["detail"]

        assert by_variable.startswith("it is thrown (VERTO_RESILIENCE_DISABLED): calls go out as")
        assert by_file.startswith("it is thrown (disabled in the policy file): calls go out as")

    def test_what_the_kill_switch_makes_harmless_is_a_note(self, run: Run) -> None:
        """The switch is what is wrong; bad variables and files do not count while it is thrown."""
        result = run(
            "doctor",
            "--json",
            VERTO_RESILIENCE_DISABLED="true",
            VERTO_RESILIENCE_MAX_ATTEMPTS="0",
            VERTO_RESILIENCE_CATALOGUE="/nowhere",
        )

        findings = json.loads(result.stdout)["findings"]
        assert [f["about"] for f in findings if f["state"] == "wrong"] == ["kill switch"]
        assert [f for f in findings if f["about"] == "settings"] == [
            {
                "about": "settings",
                "state": "note",
                "detail": "VERTO_RESILIENCE_MAX_ATTEMPTS='0': allowed is a whole number from 1 to "
                "10; it does not count while the kill switch is thrown",
            }
        ]

    def test_a_list_that_leaves_vertos_own_hosts_out_is_noted(self, run: Run) -> None:
        """It is allowed, and may not be meant."""
        result = run("doctor", "--json", VERTO_RESILIENCE_VERTO_HOSTS="127.0.0.1")

        told = [f for f in json.loads(result.stdout)["findings"] if f["about"] == "settings"]
        assert result.returncode == 0
        assert [finding["state"] for finding in told] == ["note", "ok"]

    def test_a_fault_of_a_file_is_told_with_its_file(self, run: Run, tmp_path: Path) -> None:
        """Each stands alone, so each names the file that it is in."""
        file = tmp_path / "operations.toml"
        file.write_text('[[operation]]\nmethod = "GET"\ntemplate = "/a"\n')

        result = run("doctor", "--json", VERTO_RESILIENCE_OPERATIONS=str(file))

        told = [f for f in json.loads(result.stdout)["findings"] if f["about"] == "settings"]
        assert [finding["state"] for finding in told] == ["wrong", "wrong"]
        assert all(finding["detail"].startswith(f"operations {file}: ") for finding in told)

    def test_one_thing_is_not_many(self, run: Run) -> None:
        """The last line counts as people do."""
        told = run("doctor", VERTO_RESILIENCE_MAX_ATTEMPTS="0").stdout

        assert told.endswith("\n1 thing is wrong\n")


class TestAdapters:
    """Finding what resends underneath."""

    @pytest.mark.parametrize(
        ("retries", "said"),
        [
            (Retry(2), "(total 2)"),
            (Retry(2, allowed_methods=None), "every method included"),
            (Retry(2, allowed_methods={"GET", "POST", "PATCH"}), "PATCH, POST included"),
            (Retry(None, connect=1), "(total None)"),
            (3, "(total 3)"),
        ],
    )
    def test_a_retry_is_known_by_max_retries(self, retries: Retry | int, said: str) -> None:
        """Whatever allows one resend is found, with the methods that are not safe to repeat."""
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=retries))

        found = {finding.about: finding for finding in checks.check_adapters(session)}

        assert found["adapter of https://"].state is State.WRONG
        assert said in found["adapter of https://"].detail

    @pytest.mark.parametrize("retries", [0, Retry(0), Retry(False), Retry(0, connect=5)])
    def test_one_send_is_in_order(self, retries: Retry | int) -> None:
        """An adapter that resends nothing is no finding."""
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=retries))

        assert {finding.state for finding in checks.check_adapters(session)} == {State.OK}

    @pytest.mark.filterwarnings("ignore:HTTPAdapter retries by itself")
    def test_below_a_mounted_adapter_it_is_switched_off(self) -> None:
        """What mount() has taken over resends no more."""
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=2))
        verto_resilience.mount(session)

        found = list(checks.check_adapters(session))

        assert {finding.state for finding in found} == {State.OK}
        assert all("mounted around it" in finding.detail for finding in found)


class TestVersions:
    """What is installed."""

    def test_what_is_too_old_is_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A version below the one that is needed is named with it."""
        monkeypatch.setattr(checks, "version", lambda name: "2.9" if name == "requests" else "99")

        found = {finding.about: finding for finding in checks.check_versions()}

        assert found["requests"] == Finding(
            "requests", State.WRONG, "2.9 is too old; at least 2.32.5 is needed"
        )

    def test_versions_are_compared_as_numbers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """2.100 is newer than 2.32.5."""
        monkeypatch.setattr(checks, "version", lambda _: "2.100.0rc1")

        assert {f.state for f in checks.check_versions()} == {State.OK}

    @pytest.mark.parametrize(
        ("missing", "state"),
        [((), State.OK), (("rich",), State.WRONG), (("rich", "typer"), State.NOTE)],
    )
    def test_an_extra_is_there_whole_or_not_at_all(
        self, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], state: State
    ) -> None:
        """An extra that is not installed is no fault; half of one is."""

        def version(name: str) -> str:
            if name in missing:
                raise PackageNotFoundError(name)
            return "99"

        monkeypatch.setattr(checks, "version", version)

        found = {finding.about: finding for finding in checks.check_extras()}

        assert found["extra cli"].state is state
        assert ("pip install '.[cli]'" in found["extra cli"].detail) is (state is State.NOTE)

    @pytest.mark.parametrize(
        ("loaded", "future", "wrong"),
        [
            ("2.8.0", None, False),
            ("2.25.904", None, True),
            ("2.25.904", "2.25.904", True),
            ("2.8.0", "2.25.904", True),
            ("3", None, False),
        ],
    )
    def test_urllib3_in_another_s_clothes_is_wrong(
        self, monkeypatch: pytest.MonkeyPatch, loaded: str, future: str | None, wrong: bool
    ) -> None:
        """It is known by its version, and by the package that puts it there."""

        def version(name: str) -> str:
            if name == "urllib3-future" and future is None:
                raise PackageNotFoundError(name)
            return future or "1"

        monkeypatch.setattr(checks, "version", version)
        monkeypatch.setattr(urllib3, "__version__", loaded)

        found = list(checks.check_urllib3())

        assert [finding.state for finding in found] == [State.WRONG] * wrong

    def test_instrumentors_are_named(self) -> None:
        """Those that draw the same requests are a note, with their versions where they are here."""
        (found,) = checks.check_instrumentors()

        assert found.state in {State.OK, State.NOTE}


def _one(environ: dict[str, str]) -> Finding:
    (found,) = check_otlp(environ)
    return found


class TestOtlp:
    """The endpoint that OpenTelemetry sends to."""

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        ],
    )
    def test_where_none_is_named_nothing_is_asked(self, environ: dict[str, str]) -> None:
        """A machine without a collector is no fault."""
        assert _one(environ).state is State.NOTE

    def test_a_signal_that_is_not_exported_is_not_asked_for(self) -> None:
        """``none`` and ``console`` need no collector."""
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "console",
        }

        assert _one(environ).detail.startswith("traces to ")

    @pytest.mark.end_to_end
    def test_an_answer_is_asked_for(self) -> None:
        """An export without content is posted, with the headers that the exporter would send."""
        with Sandbox() as collector:
            collector.script("/v1/traces", [Reply(200), Reply(401)])
            environ = {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces",
                "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b,x=",
            }

            good, refused = _one(environ), _one(environ)

        assert good == Finding(
            "OTLP", State.OK, f"traces to {collector.url}/v1/traces: it can be reached"
        )
        assert refused.state is State.WRONG
        assert refused.detail.endswith("it answers 401")
        assert collector.log[0].headers["api-key"] == "a b"
        assert collector.log[0].body == b""

    @pytest.mark.end_to_end
    @pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
    def test_nobody_there_is_wrong(self, protocol: str) -> None:
        """An endpoint that does not answer is told without the password in it."""
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://me:{SECRET}@127.0.0.1:1/?key={SECRET}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }

        found = list(check_otlp(environ))

        assert {finding.state for finding in found} == {State.WRONG}
        assert all("Connection refused" in finding.detail for finding in found)
        assert SECRET not in str(found)

    @pytest.mark.end_to_end
    def test_grpc_is_asked_for_a_connection(self) -> None:
        """Over gRPC all signals go to one address, and to be connected is enough."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            environ = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.getsockname()[1]}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            }

            found = _one(environ)

        assert found.state is State.OK
        assert found.detail.startswith("traces, metrics, logs to http://127.0.0.1:")

    @pytest.mark.parametrize("url", ["http://[::x", "nonsense", "http://", "://", "http://x:99999"])
    def test_what_is_no_url_is_wrong(self, url: str) -> None:
        """A variable that holds no URL is told, whatever it holds."""
        for protocol in ("grpc", "http/protobuf"):
            environ = {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            }

            assert _one(environ).state is State.WRONG


def test_the_doctor_changes_nothing() -> None:
    """Looking at a session leaves its adapters as they are."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=2))
    before = dict(vars(session.adapters["https://"]))

    list(checks.check_adapters(session))

    assert vars(session.adapters["https://"]) == before
