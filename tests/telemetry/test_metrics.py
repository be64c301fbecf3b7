import gc
import weakref

import pytest

from tests.telemetry.makers import ORIGIN, READ, WRITE, Bench, HostError, Sdk, answer, failed
from verto_resilience.errors import CircuitOpenError
from verto_resilience.machines import Mode
from verto_resilience.outcome import ApiError, Catalogue, classify_response
from verto_resilience.pipeline import (
    CircuitKey,
    Circuits,
    Policy,
    StoreFault,
    StoreIgnored,
    StoreMoved,
    StoreState,
)
from verto_resilience.telemetry import OtelMetrics
from verto_resilience.testing import FakeClock

SERVER = {"server.address": "api.example.com", "server.port": 443}


def _states(sdk: Sdk) -> dict[str, float]:
    points = sdk.points("verto.circuit_breaker.status")
    return {labels["verto.circuit_breaker.state"]: value for labels, value in points}


def test_a_pause_is_counted_with_its_length() -> None:
    """Each 429 that closes a gate counts once, with what was told and what was cut."""
    bench = Bench(policy=Policy(max_attempts=1, max_pause=10.0))

    bench.run(answer(429, retry_after=99.0))

    pause = SERVER | {"verto.pause.told": True}
    cause = {"http.response.status_code": 429, "verto.pause.cut": True}
    assert bench.sdk.points("verto.pauses") == [(pause | cause, 1)]
    assert bench.sdk.points("verto.pause.duration") == [(pause, 1)]
    assert bench.sdk.sums("verto.pause.duration") == [pytest.approx(10.0, rel=0.2)]


def test_a_transition_is_counted_with_its_reason() -> None:
    """A circuit that opens counts once, with the state it left, the new one, and why."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=2))

    bench.run(answer(500))
    bench.run(answer(500))

    assert bench.sdk.points("verto.circuit_breaker.transitions") == [
        (
            SERVER
            | {
                "verto.circuit_breaker.key": ORIGIN,
                "verto.circuit_breaker.from": "closed",
                "verto.circuit_breaker.state": "open",
                "verto.circuit_breaker.reason": "consecutive_failures",
            },
            1,
        )
    ]


def test_a_refusal_is_counted() -> None:
    """A call that an open circuit refuses counts once, by what refused it."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1))
    bench.run(answer(500))

    with pytest.raises(CircuitOpenError):
        bench.run(answer(200))

    refused = (SERVER | {"verto.call.end": "circuit_open"}, 1)
    assert bench.sdk.points("verto.rejections") == [refused]


def test_an_overruled_refusal_is_no_refusal() -> None:
    """What observe_only lets pass is counted apart."""
    policy = Policy(max_attempts=1, consecutive_failures=1, breaker_mode=Mode.OBSERVE_ONLY)
    bench = Bench(policy=policy)

    bench.run(answer(500))
    bench.run(answer(200))

    assert bench.sdk.points("verto.circuit_breaker.overruled") == [(SERVER, 1)]
    assert bench.sdk.points("verto.rejections") == []


def test_a_spent_budget_is_counted_and_shown() -> None:
    """A resend the budget forbids counts once, and the balance is what is left."""
    policy = Policy(budget_capacity=1.0, budget_trickle=0.0, budget_deposit=0.0)
    bench = Bench(policy=policy)

    bench.run(answer(500), answer(200))
    bench.run(answer(500))

    assert bench.sdk.points("verto.retry_budget.refusals") == [(SERVER, 1)]
    assert bench.sdk.points("verto.retry_budget.balance") == [(SERVER, 0.0)]


def test_api_errors_are_counted_by_code() -> None:
    """Each response with a code counts, resent ones too; a response without one does not."""
    bench = Bench()

    bench.run(answer(503, code=7), answer(400, code=1))
    bench.run(answer(400))

    assert bench.sdk.points("verto.api_errors") == [
        (SERVER | {"http.response.status_code": 503, "verto.api_error.code": "7"}, 1),
        (SERVER | {"http.response.status_code": 400, "verto.api_error.code": "1"}, 1),
    ]


def test_a_body_without_a_code_is_no_api_error() -> None:
    """A message alone is not counted."""
    bench = Bench()
    said = classify_response(
        Catalogue.documented(), 400, api_error=ApiError(None, "no code here", None)
    )

    bench.run(said)

    assert bench.sdk.points("verto.api_errors") == []


def test_an_unknown_outcome_is_counted_by_operation() -> None:
    """A write that may have been executed counts once."""
    bench = Bench()

    with pytest.raises(HostError):
        bench.run(failed(), request=WRITE)

    assert bench.sdk.points("verto.unknown_outcomes") == [
        (SERVER | {"verto.operation.template": "/fx/{id}"}, 1)
    ]


def test_a_circuit_has_one_series_for_each_state() -> None:
    """The state a circuit is in shows 1, the others 0, and they follow it."""
    policy = Policy(max_attempts=1, consecutive_failures=1, successes_to_close=2)
    bench = Bench(policy=policy)
    bench.run(answer(200))

    closed = _states(bench.sdk)
    bench.run(answer(500))
    opened = _states(bench.sdk)
    bench.clock.advance(10.0)
    bench.run(answer(200))
    probed = _states(bench.sdk)

    assert closed == {"closed": 1, "open": 0, "half_open": 0}
    assert opened == {"closed": 0, "open": 1, "half_open": 0}
    assert probed == {"closed": 0, "open": 0, "half_open": 1}


def test_a_break_that_is_over_does_not_show_as_open() -> None:
    """A circuit nobody asks after its break shows as half-open, not as open for ever."""
    bench = Bench(policy=Policy(max_attempts=1, consecutive_failures=1))
    bench.run(answer(500))

    bench.clock.advance(10.0)

    assert _states(bench.sdk) == {"closed": 0, "open": 0, "half_open": 1}


def test_a_circuit_forced_open_shows_as_open() -> None:
    """The mode goes before the state."""
    bench = Bench(policy=Policy(breaker_mode=Mode.FORCED_OPEN))
    with pytest.raises(CircuitOpenError):
        bench.run(answer(200))

    assert _states(bench.sdk)["open"] == 1


def test_circuits_of_operations_have_keys_of_their_own() -> None:
    """Where each operation has a circuit, each circuit has its series."""
    bench = Bench(policy=Policy(circuit_key=CircuitKey.OPERATION))

    bench.run(answer(200), request=WRITE)

    points = bench.sdk.points("verto.circuit_breaker.status")
    keys = {labels["verto.circuit_breaker.key"] for labels, _ in points}
    assert keys == {ORIGIN, f"{ORIGIN} POST /fx/{{id}}"}


def test_registries_of_one_process_add_up() -> None:
    """Two adapters with circuits of their own for one origin show two circuits, not one lost."""
    sdk = Sdk()
    first, second = Bench(sdk=sdk), Bench(sdk=sdk)
    first.run(answer(200))
    second.run(answer(200))

    assert _states(sdk) == {"closed": 2, "open": 0, "half_open": 0}
    assert sdk.points("verto.retry_budget.balance") == [(SERVER, 20.0)]


def test_a_registry_is_not_kept_alive() -> None:
    """What nobody else holds leaves the metrics."""
    sdk = Sdk()
    circuits = Circuits(Policy(), chance=lambda: 0.5)
    clock = FakeClock()
    metrics = OtelMetrics(circuits, now=clock.monotonic, meter_provider=sdk.meters)
    circuits.at(ORIGIN, clock.monotonic())
    assert len(sdk.points("verto.circuit_breaker.status")) == 3
    gone = weakref.ref(circuits)

    del circuits
    gc.collect()

    assert gone() is None
    assert metrics is not None
    assert sdk.points("verto.circuit_breaker.status") == []


def test_servers_beyond_the_bound_share_a_series() -> None:
    """However many origins come by, series are of bounded number."""
    bench = Bench()

    for n in range(120):
        origin = f"https://h{n}.example:443"
        bench.run(answer(200), request=type(READ)("GET", f"{origin}/", origin))

    assert len(bench.sdk.points("http.client.request.duration")) == 101
    assert len(bench.sdk.points("verto.retry_budget.balance")) == 101
    assert len(bench.sdk.points("verto.call.duration")) == 101


def test_a_store_that_is_lost_and_back_is_counted_by_its_state() -> None:
    """Each change counts once; values of strangers count by their number."""
    bench = Bench()
    bench.run(answer(200))
    for event in (
        StoreMoved("redis://one", StoreState.CONNECTED, None),
        StoreMoved("redis://one", StoreState.LOST, StoreFault.TIMEOUT),
        StoreMoved("redis://one", StoreState.CONNECTED, None, is_back=True),
        StoreIgnored("redis://one", 3),
    ):
        bench.pipeline.observer.on_event(event)

    assert sorted(bench.sdk.points("verto.store.transitions"), key=str) == [
        ({"verto.store.state": "connected"}, 2),
        ({"verto.store.state": "lost"}, 1),
    ]
    assert bench.sdk.points("verto.store.ignored_values") == [({}, 3)]
