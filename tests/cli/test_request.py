import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from verto_resilience.testing import Reply, Sandbox

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.end_to_end

FX = "/orders/v2.1/fx"
SECRET = "canary-4f7b1c9e2d"
QUICK = {
    "VERTO_RESILIENCE_VERTO_HOSTS": "127.0.0.1",
    "VERTO_RESILIENCE_SERVER_ERROR_WAIT_MIN": "0.05",
    "VERTO_RESILIENCE_SERVER_ERROR_WAIT_MAX": "0.1",
    "VERTO_RESILIENCE_BACKOFF_BASE": "0.01",
    "VERTO_RESILIENCE_BACKOFF_LIMIT": "0.01",
    "NO_PROXY": "127.0.0.1",
    "COLUMNS": "200",
}


@pytest.fixture
def verto() -> Iterator[Sandbox]:
    """Give a running sandbox."""
    with Sandbox() as sandbox:
        yield sandbox


def _lines(text: str) -> list[str]:
    return [line.strip("│├└─ ") for line in text.splitlines()]


def test_the_tree_tells_attempts_and_waits_in_order(run: Run, verto: Sandbox) -> None:
    """Each attempt is classified, each wait is named with what set it, the circuit comes last."""
    verto.script(FX, [503, Reply(429, retry_after=1)])

    result = run("request", "get", f"{verto.url}{FX}?currencyFrom=USD&currencyTo=EUR", **QUICK)

    lines = _lines(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert lines[0] == f"GET {verto.url}{FX}: 200 OK"
    assert [line.split(" after ")[0] for line in lines if line.startswith("attempt")] == [
        "attempt 1: 503",
        "attempt 2: 429",
        "attempt 3: 200",
    ]
    assert [line.split("(")[1] for line in lines if line.startswith("waited")] == [
        "server_error_band)",
        "retry_after)",
    ]
    assert "server_error; health bad; resend if_repeatable" in lines
    assert "told to wait 1 s" in lines
    assert "operation: read, resent: always" in lines
    assert f"circuit of {verto.url}: closed, 1 of 2 attempts failed" in lines
    assert [arrival.status for arrival in verto.log] == [503, 429, 200]


def test_json_tells_the_same(run: Run, verto: Sandbox) -> None:
    """Scripts get each attempt with its classification, why it ended, circuit and budget."""
    verto.script(FX, [503])

    result = run("request", "POST", f"{verto.url}{FX}", "--json", "-d", "{}", **QUICK)

    told = json.loads(result.stdout)
    assert result.returncode == 1
    assert (told["status"], told["category"], told["end"]) == (
        503,
        "server_error",
        "not_repeatable",
    )
    assert told["ambiguous"] is True
    assert [attempt["status"] for attempt in told["attempts"]] == [503]
    assert told["attempts"][0]["resend"] == "if_repeatable"
    assert told["operation"]["kind"] == "moves_money"
    assert (told["circuit"]["state"], told["circuit"]["failures"]) == ("closed", 1)


@pytest.mark.parametrize(
    ("path", "code"),
    [("/status/200", 0), ("/status/204", 0), ("/status/302", 0), ("/status/404", 1)],
)
def test_exit_codes_are_of_the_status(run: Run, verto: Sandbox, path: str, code: int) -> None:
    """0 for 2xx and 3xx, which is not followed; 1 for an error."""
    assert run("request", "GET", f"{verto.url}{path}", **QUICK).returncode == code
    assert verto.arrived == 1


def test_no_answer_exits_with_3(run: Run) -> None:
    """A server that is not there is no mistake of the user's."""
    result = run("request", "GET", "http://127.0.0.1:1/x", **QUICK)

    assert result.returncode == 3
    assert "raised: ConnectionError: Connection refused" in _lines(result.stdout)
    assert "ended: attempts_spent: max_attempts is reached" in _lines(result.stdout)


def test_json_has_the_cause(run: Run) -> None:
    """Scripts get what the system said, too."""
    told = json.loads(run("request", "GET", "http://127.0.0.1:1/x", "--json", **QUICK).stdout)

    assert (told["error"], told["cause"]) == ("ConnectionError", "Connection refused")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"REQUESTS_CA_BUNDLE": "/nowhere"}, "it could not be sent: Could not find a suitable TLS"),
        ({"HTTPS_PROXY": f"http://{SECRET}:b"}, "or that of the proxy (HTTPS_PROXY, HTTP_PROXY)"),
        ({"HTTPS_PROXY": f"http://{SECRET}@"}, "cannot be"),
    ],
)
def test_an_environment_that_lets_nothing_out_is_a_mistake(
    run: Run, variables: dict[str, str], said: str
) -> None:
    """A bundle that is not there, a proxy that is none: told without a traceback."""
    result = run("request", "GET", "https://127.0.0.1:1/x", **QUICK | {"NO_PROXY": ""}, **variables)

    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stderr


def test_what_to_quote_stands_line_by_line(run: Run, verto: Sandbox) -> None:
    """An identifier is never broken, so that it can be copied."""
    result = run("request", "GET", f"{verto.url}{FX}", **QUICK | {"COLUMNS": "80"})

    lines = _lines(result.stdout)
    place = lines.index("Quote to Verto's support:")
    names = ["Vfx-Api-Call-Id", "Vfx-Api-Stack-Id", "Vfx-Correlation-Id", "Vfx-Correlation-Id"]
    assert [line.split()[0] for line in lines[place + 1 : place + 5]] == names


def test_a_refusal_exits_with_3(run: Run, verto: Sandbox) -> None:
    """A call that was not sent has its refusal told, and nothing arrives."""
    result = run(
        "request", "GET", f"{verto.url}/x", "--policy", "breaker_mode=forced_open", **QUICK
    )

    assert result.returncode == 3
    assert "raised: RequestsCircuitOpenError" in _lines(result.stdout)
    assert "cause" not in result.stdout
    assert verto.arrived == 0
    told = f"circuit of {verto.url}: forced open by the settings: every call is refused"
    assert told in _lines(result.stdout)


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("observe_only", "closed, 0 of 1 attempts failed; it only observes, and refuses no call"),
        ("off", "switched off by the settings: nothing is counted or refused"),
    ],
)
def test_the_mode_of_a_circuit_is_told_in_words(
    run: Run, verto: Sandbox, mode: str, told: str
) -> None:
    """Nobody has to know the names of settings to read what a circuit does."""
    url = f"{verto.url}/status/200"

    result = run("request", "GET", url, "--policy", f"breaker_mode={mode}", **QUICK)

    assert f"circuit of {verto.url}: {told}" in _lines(result.stdout)


def test_settings_hold_for_the_call(run: Run, verto: Sandbox) -> None:
    """``--policy`` goes before the environment."""
    verto.play("down")

    run(
        "request",
        "GET",
        f"{verto.url}/x",
        "-p",
        "max_attempts=2",
        "-p",
        "READ_TIMEOUT=none",
        **QUICK,
    )

    assert verto.arrived == 2


def test_switched_off_no_bad_variable_stands_in_its_way(run: Run, verto: Sandbox) -> None:
    """As none does where an adapter is mounted."""
    given = {"VERTO_RESILIENCE_DISABLED": "1", "VERTO_RESILIENCE_MAX_ATTEMPTS": "0"}

    result = run("request", "GET", f"{verto.url}/status/200", **QUICK, **given)

    assert (result.returncode, result.stderr) == (0, "")
    assert verto.arrived == 1


def test_switched_off_it_is_one_plain_request(run: Run, verto: Sandbox) -> None:
    """Under the kill switch the tree says why there is no history."""
    verto.play("down")

    result = run("request", "GET", f"{verto.url}/x", VERTO_RESILIENCE_DISABLED="1", **QUICK)

    assert result.returncode == 1
    assert "switched off: it went straight to the inner adapter" in _lines(result.stdout)
    assert verto.arrived == 1


def test_the_url_stays_whole_on_a_narrow_terminal(run: Run, verto: Sandbox) -> None:
    """It can be copied; what is said of it goes on below."""
    url = f"{verto.url}/status/200/{'x' * 40}"

    lines = run("request", "GET", url, **QUICK | {"COLUMNS": "50"}).stdout.splitlines()

    assert lines[:2] == [f"GET {url}:", "    404 Not Found"]
    assert lines[2].startswith("\N{BOX DRAWINGS LIGHT VERTICAL AND RIGHT}")
    assert max(map(len, lines[1:])) <= 50


def test_headers_and_body_are_sent(run: Run, verto: Sandbox, tmp_path: Path) -> None:
    """A body that is JSON is sent as such, from the argument or from a file."""
    file = tmp_path / "body.json"
    file.write_text('{"a": 1}')

    for data in ('{"a": 1}', f"@{file}", "plain"):
        run("request", "POST", f"{verto.url}/x", "-H", "X-One: 1", "-d", data, **QUICK)

    assert [arrival.body for arrival in verto.log] == [b'{"a": 1}', b'{"a": 1}', b"plain"]
    assert [arrival.headers.get("Content-Type") for arrival in verto.log] == [
        "application/json",
        "application/json",
        None,
    ]
    assert {arrival.headers["X-One"] for arrival in verto.log} == {"1"}


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("status", [200, 400])
def test_nothing_secret_is_shown(
    run: Run, verto: Sandbox, form: tuple[str, ...], status: int
) -> None:
    """Neither header nor query value nor body nor an answer that quotes them is printed."""
    said = f"apiKey {SECRET} is bad, so is innocuous"
    verto.script("/x", [Reply(status, json={"success": False, "message": said, "x": SECRET})])

    result = run(
        "request", "POST", f"{verto.url}/x?token={SECRET}&ref=innocuous", *form,
        "-H", f"Authorization: Bearer {SECRET}",
        "-H", f"Cookie: session={SECRET}",
        "-d", json.dumps({"apiKey": SECRET}),
        **QUICK,
    )  # fmt: skip

    assert SECRET in verto.log[0].headers["Authorization"]
    assert "is bad" in result.stdout
    assert SECRET not in result.stdout + result.stderr
    assert "innocuous" not in result.stdout + result.stderr


def test_nothing_secret_is_shown_of_a_failure(run: Run) -> None:
    """The text of an exception, which holds the URL, is not printed."""
    result = run("request", "GET", f"http://127.0.0.1:1/x?token={SECRET}", **QUICK)

    assert SECRET not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("GE T", "http://127.0.0.1:1"), "is no HTTP method"),
        (("GET", "127.0.0.1:1/x"), "begin with https:// or http://"),
        (("GET", f"ftp://x/?token={SECRET}"), "begin with https:// or http://"),
        (("GET", f"http://[::x/?token={SECRET}"), "the URL cannot be read"),
        (("GET", "http://x", "-H", SECRET), "'NAME: VALUE'"),
        (("GET", "http://x", "-H", f"a: {SECRET}\nb: c"), "a header cannot be sent"),
        (("GET", "http://x", "-H", f"a: {SECRET}€"), "it cannot be sent"),
        (("GET", "http://x", "-d", "@/nowhere/body"), "cannot be read"),
        (("GET", "http://x", "-p", "max_atempts=2"), "did you mean max_attempts?"),
        (("GET", "http://x", "-p", "max_attempts=0"), "allowed is a whole number from 1 to 10"),
        (
            ("GET", "http://x", "-p", "max_attempts"),
            "max_attempts has no value: write max_attempts=VALUE",
        ),
        (("GET", "http://x", "-p", "max_atempts"), "did you mean max_attempts?"),
        (("GET", "http://x", "-p", "read_timeout=61"), "read_timeout (61, --policy) is more than"),
        (("GET", f"http://münchen..example/?{SECRET}"), "the URL cannot be read"),
        (("GET", "http://x", "-p", "verto_hosts=a,*"), "'*' is no host name; allowed is"),
        (("GET", "http://x", "-p", "foo=1"), "foo is no setting\n"),
        (("GET", f"http://api-v3-beta.vertofx.com/?token={SECRET}"), "not sent"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    """What cannot be sent is named, with exit code 2 and without what may be secret."""
    result = run("request", *arguments, COLUMNS="200")

    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stderr


def test_bad_environment_is_a_mistake(run: Run, verto: Sandbox) -> None:
    """A bad variable stops the call before anything is sent."""
    result = run("request", "GET", verto.url, **QUICK, VERTO_RESILIENCE_MAX_ATTEMPTS="0")

    assert result.returncode == 2
    assert "VERTO_RESILIENCE_MAX_ATTEMPTS='0'" in result.stderr
    assert verto.arrived == 0


def test_plain_data_is_json() -> None:
    """A tree with nothing in it can be told as data as well."""
    from verto_resilience.cli._told_call import ToldCall, as_plain_data
    from verto_resilience.transports import CallOutcome

    told = ToldCall(
        outcome=CallOutcome(),
        error=None,
        cause=None,
        switched_off=True,
        circuit_key=None,
        circuit=None,
        paused_for=0.0,
        budget=None,
    )

    data: dict[str, Any] = json.loads(json.dumps(as_plain_data(told)))

    assert data["circuit"] is None
