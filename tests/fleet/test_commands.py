"""What a person sees of the fleet, and does to it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.server import RedisServer, free_port
from tests.fleet.sharing import connected, shop, wait_until
from verto_resilience.pipeline import StoreFault
from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.fleet


def _run(store: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: text for name, text in os.environ.items() if "VERTO" not in name}
    environ["COLUMNS"] = "80"
    if store is not None:
        environ["VERTO_RESILIENCE_STORE"] = store
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "verto_resilience", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_fleet_at_rest_has_nothing_to_show(server: RedisServer) -> None:
    """It says so, and where it looked."""
    ran = _run(server.url, "fleet")

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "nothing is open and nothing is paused",
        f"{server.url}, namespace default",
    ]


def test_what_is_open_and_paused_is_shown_with_its_reason(
    server: RedisServer, verto: Sandbox
) -> None:
    """In sentences that fit a terminal, and as JSON."""
    with shop(server.url, break_duration=600.0, max_break_duration=600.0) as one, Sandbox() as busy:
        one.get(verto.url)
        connected(one)
        verto.outage(60, from_now=True)
        for _ in range(5):
            one.get(verto.url)
        busy.script(None, [Reply(429, retry_after=100)])
        one.get(busy.url)
        with server.client() as client:
            name = "verto:resilience:v1:default:verdicts"
            assert wait_until(lambda: client.hexists(name, f"c:{verto.url}"))
            assert wait_until(lambda: client.hexists(name, f"p:{busy.url}"))

        shown = _run(server.url, "fleet")
        told = json.loads(_run(server.url, "fleet", "--json").stdout)

    assert all(len(line) <= 80 for line in shown.stdout.splitlines()[:-1])
    text = " ".join(shown.stdout.split())
    assert f"{verto.url} open for 9 min" in text
    assert "consecutive_failures, last failure 503" in text
    assert "answered 429, as it asked" in text
    states = {row["key"]: row["state"] for row in told["verdicts"]}
    assert states == {verto.url: "open", busy.url: "paused"}
    assert 500 < max(row["left"] for row in told["verdicts"]) <= 600


def test_a_person_opens_and_resets_a_circuit_everywhere(
    server: RedisServer, verto: Sandbox
) -> None:
    """Whatever the processes have found out; nobody probes meanwhile."""
    with shop(server.url) as one:
        one.get(verto.url)
        connected(one)

        assert _run(server.url, "fleet", "open", verto.url, "--for", "600").returncode == 0
        assert wait_until(lambda: one.is_open(verto.url))
        assert one.get(verto.url) == "RequestsCircuitOpenError"
        assert one.breaker(verto.url).snapshot(0.0).reason == "manual"

        assert _run(server.url, "fleet", "reset", verto.url.upper()).returncode == 0
        assert wait_until(lambda: one.get(verto.url) == "404")


def test_a_reset_ends_a_pause(server: RedisServer, verto: Sandbox) -> None:
    """An operator who knows better need not wait for it."""
    with shop(server.url, call_timeout=1.0, read_timeout=1.0, connect_timeout=1.0) as one:
        verto.script(None, [Reply(429, retry_after=100)])
        one.get(verto.url)
        connected(one)
        assert one.get(verto.url) == "RequestsPausedError"
        with server.client() as client:
            name = "verto:resilience:v1:default:verdicts"
            assert wait_until(lambda: client.hexists(name, f"p:{verto.url}"))

        assert _run(server.url, "fleet", "reset", verto.url).returncode == 0

        assert wait_until(lambda: one.get(verto.url) == "404")


def test_watching_as_json_gives_a_line_each_second(server: RedisServer) -> None:
    """A program reads them as they come."""
    environ = dict(os.environ, VERTO_RESILIENCE_STORE=server.url)
    with subprocess.Popen(
        [sys.executable, "-m", "verto_resilience", "fleet", "--watch", "--json"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.kill()

    assert all(line["verdicts"] == [] for line in lines)


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["text", "json"])
def test_watching_into_a_pipe_ends_as_it_is_asked(
    server: RedisServer, arguments: tuple[str, ...]
) -> None:
    """Whoever reads sees what is there at once; an interrupt, or no reader, ends it quietly."""
    environ = dict(os.environ, VERTO_RESILIENCE_STORE=server.url)
    command = [sys.executable, "-m", "verto_resilience", "fleet", "--watch", *arguments]

    codes = []
    for interrupts in (True, False):
        with subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            if interrupts:
                process.send_signal(signal.SIGINT)
            else:
                process.stdout.close()
            codes.append(process.wait(20))
            assert not process.stderr.read()

    assert codes == [130, 0]


@pytest.mark.parametrize("command", ["doctor", "fleet", "config"])
def test_refused_credentials_are_one_clear_error(server: RedisServer, command: str) -> None:
    """Each command says what is wrong, in a line without the password."""
    url = f"unix://nobody:hunter2@{server.path}"

    ran = _run(url, command)

    assert ran.returncode == {"doctor": 1, "fleet": 1, "config": 2}[command]
    said = " ".join((ran.stdout + ran.stderr).split())
    assert "it refuses the credentials" in said
    assert "REDACTED" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("command", ["doctor", "fleet", "config"])
def test_every_command_says_the_same_of_a_store(tmp_path: Path, command: str) -> None:
    """What is wrong and what to do, in one sentence, without the password."""
    with RedisServer(tmp_path, tcp=True) as server:
        at = f"//:hunter2@127.0.0.1:{server.port}"
        faults = {
            "redis://:hunter2@no-such-host.invalid": StoreFault.NO_SUCH_HOST,
            f"redis://:hunter2@127.0.0.1:{free_port()}": StoreFault.NOBODY_LISTENS,
            f"redis:{at}": StoreFault.CREDENTIALS,
            f"rediss:{at}": StoreFault.NO_TLS,
            f"unix://{server.path}?db=16": StoreFault.DATABASE,
        }
        told = {url: _run(url, command) for url in faults}

    for url, fault in faults.items():
        said = " ".join((told[url].stdout + told[url].stderr).split())
        assert fault.sentence[1:] in said
        assert "hunter2" not in said


def test_a_store_that_is_away_is_no_mistake_in_the_settings() -> None:
    """``config`` notes it and is content, ``doctor`` and ``fleet`` are not."""
    url = f"redis://127.0.0.1:{free_port()}"

    codes = {command: _run(url, command).returncode for command in ("config", "doctor", "fleet")}

    assert codes == {"config": 0, "doctor": 1, "fleet": 1}


def test_the_doctor_is_content_with_a_store_that_works(server: RedisServer) -> None:
    """It has written and read it."""
    ran = _run(server.url, "doctor")

    assert "it can be used" in " ".join(ran.stdout.split())
