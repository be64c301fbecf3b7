"""For each variable a small experiment that turns out otherwise when it is set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from opentelemetry.trace import SpanKind

from tests.config.observed import (
    ELSEWHERE,
    VERTO,
    api_error,
    bench,
    breaker,
    broken,
    call,
    drive,
    send,
    spans,
)
from tests.pipeline.makers import READ, START, TRADE, VERTO_READ, answer, failure
from verto_resilience import VertoAdapter, outcome
from verto_resilience.config import PREFIX, load_policy, open_store, place_of, variable
from verto_resilience.machines import Permit, Refusal, State
from verto_resilience.mounting import Instrumentor
from verto_resilience.outcome import Failure, Operation, OperationKind, Repeatable
from verto_resilience.pipeline import CallRequest, settings_table
from verto_resilience.state import Place
from verto_resilience.transports import InsecureRequestError

RATES = Operation("GET", "/rates", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS)
SURE = {"BREAK_JITTER": "0"}
RATE_ALONE = {"CONSECUTIVE_FAILURES": "none"}
SLOW = {"SLOW_CALL_DURATION": "2"}


@dataclass(frozen=True)
class Check:
    """An experiment.

    Attributes:
        text: What the variable holds.
        by_default: What is seen without it.
        changed: What is seen with it.
        look: The experiment.
        beside: Other variables that are set in both.
    """

    text: str
    by_default: object
    changed: object
    look: Callable[[], object]
    beside: Mapping[str, str]


CHECKS: dict[str, Check] = {}
Look = Callable[[], object]


def shows(
    name: str, text: str, by_default: object, changed: object, **beside: str
) -> Callable[[Look], Look]:
    """Register an experiment for a setting."""

    def keep(look: Look) -> Look:
        CHECKS[name] = Check(text, by_default, changed, look, beside)
        return look

    return keep


@shows("disabled", "true", 2, 1, BACKOFF_BASE="0.001", BACKOFF_LIMIT="0.001")
def _sends_of_a_call_that_fails_once() -> object:
    return len(send((503, b""))[0].sent)


@shows("install", "true", False, True)
def _whether_a_new_session_is_mounted() -> object:
    instrumentor = Instrumentor()
    instrumentor.instrument()
    try:
        with requests.Session() as session:
            return isinstance(session.get_adapter(ELSEWHERE), VertoAdapter)
    finally:
        instrumentor.uninstrument()


@shows("policy_file", "policy.toml", 3, 1)
def _sends_by_the_file() -> object:
    return _sends_to_a_server_that_is_down()


@shows("max_attempts", "2", 3, 2)
def _sends_to_a_server_that_is_down() -> object:
    here = bench()
    script = here.script(*[failure(Failure.CONNECT)] * 10)
    with pytest.raises(Exception, match="connect"):
        here.drive(script)
    return script.sends


@shows("call_timeout", "5", "200 #2", "429 #1", READ_TIMEOUT="4")
def _what_a_call_told_to_wait_10_s_brings() -> object:
    here = bench()
    return here.drive(here.script(answer(429, retry_after=10.0), answer(200)))


@shows("connect_timeout", "2", 3.05, 2.0)
def _connect_timeout_of_an_attempt() -> object:
    return send()[0].timeouts[0][0]


@shows("read_timeout", "20", 30.0, 20.0)
def _read_timeout_of_an_attempt() -> object:
    return send()[0].timeouts[0][1]


def _wait_before(number: int, request: CallRequest, *outcomes: int) -> float:
    here = bench()
    script = here.script(*[answer(status) for status in outcomes])
    here.drive(script, request)
    return round(script.sent_at[number - 1] - script.sent_at[number - 2], 6)


@shows("backoff_base", "1", 0.25, 0.5)
def _wait_before_the_first_resend() -> object:
    return _wait_before(2, READ, 503, 200)


@shows("backoff_limit", "24", 15.0, 12.0, BACKOFF_BASE="20")
def _wait_before_the_second_resend() -> object:
    return _wait_before(3, READ, 503, 503, 200)


@shows("server_error_wait_min", "9", 7.5, 9.5)
def _wait_after_a_5xx_of_verto() -> object:
    return _wait_before(2, VERTO_READ, 503, 200)


@shows("server_error_wait_max", "6", 7.5, 5.5)
def _wait_after_another_5xx_of_verto() -> object:
    return _wait_before(2, VERTO_READ, 503, 200)


@shows("max_pause", "100", 300.0, 100.0)
def _pause_after_being_told_of_an_hour() -> object:
    origin = bench().origin
    origin.pause.hold(3600.0, sent_at=START, now=START)
    return origin.pause.remaining(START)


@shows("pause_ramp", "0", False, True)
def _whether_all_who_waited_go_at_once() -> object:
    origin = bench().origin
    origin.pause.hold(10.0, sent_at=START, now=START)
    return origin.pause.wait(START) == origin.pause.wait(START)


def _balance_after(seconds: float, deposits: int) -> float:
    here = bench()
    here.spend_budget()
    for _ in range(deposits):
        here.origin.budget.deposit()
    return round(here.origin.budget.balance(here.now + seconds), 6)


@shows("budget_capacity", "3", 10, 3)
def _resends_at_once() -> object:
    budget = bench().origin.budget
    return sum(budget.try_withdraw(START) for _ in range(20))


@shows("budget_deposit", "0.5", 1.0, 2.5)
def _what_five_calls_earn() -> object:
    return _balance_after(0.0, 5)


@shows("budget_trickle", "0.5", 1.0, 5.0)
def _what_ten_seconds_earn() -> object:
    return _balance_after(10.0, 0)


@shows("breaker_mode", "observe_only", "refused", "200 #1")
def _call_through_an_open_circuit() -> object:
    here = bench()
    here.open_circuit()
    return drive(here, here.script(answer(200)))


@shows("circuit_key", "operation", "refused", "200 #1")
def _trade_while_rates_fail() -> object:
    here = bench()
    here.origin.circuit(RATES)[1].open(START)
    trade = CallRequest("POST", READ.url, READ.origin, operation=TRADE)
    return drive(here, here.script(answer(200)), trade)


@shows("window", "10", State.OPEN, State.CLOSED, **RATE_ALONE)
def _failure_long_after_nine() -> object:
    circuit = breaker()
    for _ in range(9):
        call(circuit, bad=True)
    return call(circuit, bad=True, at=START + 20)


@shows("window_buckets", "1", State.OPEN, State.CLOSED, **RATE_ALONE)
def _failure_in_the_next_half_minute() -> object:
    return _failure_long_after_nine()


@shows("minimum_calls", "5", State.CLOSED, State.OPEN, **RATE_ALONE)
def _five_failures() -> object:
    circuit = breaker()
    return [call(circuit, bad=True) for _ in range(5)][-1]


@shows("failure_rate_threshold", "0.4", State.CLOSED, State.OPEN, **RATE_ALONE)
def _four_failures_in_ten() -> object:
    circuit = breaker()
    return [call(circuit, bad=number >= 6) for number in range(10)][-1]


@shows("consecutive_failures", "3", State.CLOSED, State.OPEN)
def _three_failures_in_a_row() -> object:
    circuit = breaker()
    return [call(circuit, bad=True) for _ in range(3)][-1]


@shows("slow_call_duration", "2", State.CLOSED, State.OPEN)
def _ten_calls_of_three_seconds() -> object:
    circuit = breaker()
    for _ in range(10):
        if call(circuit, bad=False, seconds=3.0) is State.OPEN:
            return State.OPEN
    return State.CLOSED


@shows("slow_call_rate_threshold", "0.4", State.CLOSED, State.OPEN, **SLOW)
def _four_slow_calls_in_ten() -> object:
    circuit = breaker()
    return [call(circuit, bad=False, seconds=3.0 if n >= 6 else 0.1) for n in range(10)][-1]


@shows("break_duration", "9", 5.0, 9.0, **SURE)
def _first_break() -> object:
    return breaker().open(START).break_duration


@shows("break_growth", "3", 10.0, 15.0, **SURE)
def _second_break() -> object:
    circuit = breaker()
    circuit.open(START)
    return circuit.open(START).break_duration


@shows("max_break_duration", "7", 10.0, 7.0, **SURE)
def _second_break_under_a_limit() -> object:
    return _second_break()


@shows("break_jitter", "1", 4.5, 2.5)
def _break_without_what_chance_takes() -> object:
    return breaker().open(START).break_duration


@shows("break_decay", "10", 10.0, 5.0, **SURE)
def _break_after_half_a_minute_of_health() -> object:
    circuit = breaker()
    at = broken(circuit)
    for _ in range(2):
        call(circuit, bad=False, at=at)
    assert circuit.state is State.CLOSED
    return circuit.open(at + 30).break_duration


@shows("permitted_probes", "3", 1, 3)
def _probes_out_at_once() -> object:
    circuit = breaker()
    at = broken(circuit)
    return sum(isinstance(circuit.try_acquire(at), Permit) for _ in range(5))


@shows("successes_to_close", "1", State.HALF_OPEN, State.CLOSED)
def _circuit_after_a_good_probe() -> object:
    circuit = breaker()
    return call(circuit, bad=False, at=broken(circuit))


@shows("probe_lease", "40", Refusal, Permit)
def _answer_50_s_after_a_probe_was_lost() -> object:
    circuit = breaker()
    at = broken(circuit)
    circuit.try_acquire(at)
    return type(circuit.try_acquire(at + 50))


@shows("max_origins", "2", 5, 2)
def _origins_remembered_of_five() -> object:
    circuits = VertoAdapter().circuits
    for number in range(5):
        circuits.at(f"https://{number}:443", START)
    return len(circuits)


def _place() -> Place | None:
    return place_of(load_policy())


@shows("store", "redis://:secret@one/2", None, "redis://REDACTED@one/2")
def _store_that_verdicts_go_to() -> object:
    place = _place()
    return place and str(place.address)


@shows("store_namespace", "pay", "default", "pay", STORE="redis://one")
def _namespace_of_the_store() -> object:
    place = _place()
    return place and place.namespace


@shows("store_username", "app", None, "app", STORE="redis://one")
def _user_of_the_store() -> object:
    place = _place()
    return place and place.username


@shows("store_password", "secret", None, "secret", STORE="redis://one")
def _password_of_the_store() -> object:
    place = _place()
    return place and place.password and place.password.revealed


@shows("store_poll", "3", 1.0, 3.0, STORE="redis://one")
def _seconds_between_looks_at_the_store() -> object:
    store = open_store(load_policy())
    return store and store.poll


@shows("drain_limit", "100", 5000, 101, BACKOFF_BASE="0.001", BACKOFF_LIMIT="0.001")
def _bytes_read_of_a_response_that_is_not_returned() -> object:
    inner, response = send((503, b"x" * 5000), stream=True)
    assert response.status_code == 200
    return inner.bodies[0].taken


@shows("error_body_limit", "100", 7, None)
def _code_in_a_long_body() -> object:
    return outcome(send(api_error(code=7, message="x" * 300))[1]).code


@shows("code_keys", "kode", None, 7)
def _code_under_another_key() -> object:
    return outcome(send(api_error(kode=7))[1]).code


@shows("catalogue", "codes.toml", None, "Duplicate")
def _meaning_of_a_code() -> object:
    return outcome(send(api_error(code=4711))[1]).code_meaning


@shows("operations", "operations.toml", 3, 1, SERVER_ERROR_WAIT_MIN="0", SERVER_ERROR_WAIT_MAX="0")
def _sends_of_a_read_that_fails() -> object:
    url = f"{VERTO}/fx/health"
    return len(send((503, b""), (503, b""), url=url)[0].sent)


def _carries(name: str, method: str, url: str) -> bool:
    return name in send(method=method, url=url, body={})[0].sent[0].headers


@shows("verto_hosts", "example.com", False, True)
def _correlation_id_elsewhere() -> object:
    return _carries("Vfx-Correlation-Id", "GET", f"{ELSEWHERE}/x")


@shows("insecure_hosts", "api-payment-beta.vertofx.com", "refused", "sent")
def _call_in_the_clear() -> object:
    try:
        send(url=VERTO.replace("https", "http"))
    except InsecureRequestError:
        return "refused"
    return "sent"


@shows("correlation_ids", "false", True, False)
def _correlation_id_at_verto() -> object:
    return _carries("Vfx-Correlation-Id", "GET", f"{VERTO}/x")


@shows("idempotency_keys", "auto", False, True)
def _key_of_a_payment() -> object:
    return _carries("Idempotency-Key", "POST", f"{VERTO}/payments/create")


@shows("call_span", "never", True, False)
def _span_around_a_call() -> object:
    return SpanKind.INTERNAL in spans()[0]


@shows("beside", "nest", False, True)
def _client_span_below_another() -> object:
    return SpanKind.CLIENT in spans(below=True)[0]


@shows("propagate_to", "example.org", True, False)
def _trace_header_to_another_host() -> object:
    return "traceparent" in spans()[2]


@shows("allowed_query", "currency", False, True)
def _query_value_in_a_span() -> object:
    return "USD" in spans(f"{READ.url}?currency=USD")[1]["url.full"]


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from no variable, in a folder with the files that two of them name."""
    for row in settings_table():
        monkeypatch.delenv(variable(row), raising=False)
    monkeypatch.chdir(tmp_path)
    # Whatever chance decides, adapters have it from here; half is what the experiments reckon with.
    monkeypatch.setattr("random.random", lambda: 0.5)
    Path("policy.toml").write_text("max_attempts = 1\n")
    health = 'method = "GET"\ntemplate = "/fx/health"\nkind = "write"\nrepeatable = "never"\n'
    Path("operations.toml").write_text(f"[[operation]]\n{health}")
    code = '[[code]]\ncode = 4711\nstatus = 409\ndescription = "Duplicate"\n'
    Path("codes.toml").write_text(code)


def test_every_variable_has_its_experiment() -> None:
    """A setting that nobody has seen at work is not to be offered."""
    assert [row.name for row in settings_table() if row.name not in CHECKS] == []


def test_no_experiment_is_left_over() -> None:
    """A setting that is gone takes its experiment along."""
    assert set(CHECKS) == {row.name for row in settings_table()}


@pytest.mark.parametrize("name", CHECKS)
def test_it_changes_what_happens(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable set the same experiment ends otherwise."""
    check = CHECKS[name]
    for other, text in check.beside.items():
        monkeypatch.setenv(PREFIX + other, text)

    before = check.look()
    monkeypatch.setenv(PREFIX + name.upper(), check.text)
    after = check.look()

    assert (before, after) == (check.by_default, check.changed)
    assert before != after
