import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.pipeline.makers import (
    API_FAILURE,
    KEY,
    KEYED_WRITE,
    READ,
    REFRESHABLE,
    START,
    TRADE,
    VERTO_READ,
    WRITE,
    Bench,
    answer,
    failure,
)
from verto_resilience.machines import CircuitSnapshot, Mode, State, TripReason
from verto_resilience.outcome import (
    Category,
    Failure,
    Health,
    Operation,
    OperationKind,
    Outcome,
    Repeatable,
    Resend,
    WaitRule,
)
from verto_resilience.pipeline import (
    AttemptEnded,
    BodyFailed,
    BudgetSpent,
    Call,
    CallRefused,
    CallRequest,
    CircuitKey,
    CircuitMoved,
    End,
    Finish,
    OutcomeUnknown,
    PauseBegan,
    Policy,
    Refresh,
    RefusalOverruled,
    Rejection,
    Send,
    Wait,
    WaitBegan,
    WaitSource,
)

ANSWERED = Finish(End.ANSWERED)
NOT_REPEATABLE = Finish(End.NOT_REPEATABLE)
# With chance at one half.
BACKOFF = Wait(0.25, WaitSource.BACKOFF)
BAND = Wait(7.5, WaitSource.SERVER_ERROR_BAND)

NOT_SENT = (
    Failure.CONNECT,
    Failure.CONNECT_TIMEOUT,
    Failure.NAME_RESOLUTION,
    Failure.PROXY,
    Failure.TLS_HANDSHAKE,
)
SENT_PERHAPS = (
    Failure.READ_TIMEOUT,
    Failure.RESET,
    Failure.MALFORMED_RESPONSE,
    Failure.BODY,
)


def _opened_at_once(**settings: float) -> Bench:
    """Make a bench whose circuit opens at the first failure, for five seconds."""
    policy = Policy(consecutive_failures=1, break_jitter=0.0, **settings)  # type: ignore[arg-type]
    return Bench(policy)


def _half_open(**settings: object) -> Bench:
    """Make a bench whose circuit's break is over."""
    bench = Bench(Policy(**settings))  # type: ignore[arg-type]
    bench.open_circuit()
    bench.clock.advance(100.0)
    return bench


def _sent(bench: Bench, request: CallRequest = READ) -> Call:
    """Begin a call and have it admitted."""
    call = bench.call(request)
    assert call.admit(bench.now) == Send()
    call.take_events()
    return call


def _circuit(bench: Bench) -> CircuitSnapshot:
    return bench.origin.breaker.snapshot(bench.now)


def _balance(bench: Bench) -> float:
    return bench.origin.budget.balance(bench.now)


def _names(call: Call) -> list[str]:
    return [type(event).__name__ for event in call.take_events()]


class TestTable:
    """What follows from each kind of answer."""

    @pytest.mark.parametrize("request_", [READ, WRITE, VERTO_READ], ids=["read", "write", "verto"])
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
    def test_a_success_ends_the_call(self, status: int, request_: CallRequest) -> None:
        """2xx: good health, no resend."""
        bench = Bench()
        call = _sent(bench, request_)

        assert call.settle(answer(status), bench.now) == ANSWERED
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 0)

    def test_a_success_that_denies_itself_ends_the_call(self) -> None:
        """2xx with ``"success": false``: good health, no resend."""
        bench = Bench()
        call = _sent(bench)

        assert call.settle(API_FAILURE, bench.now) == ANSWERED
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 0)

    @pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 403, 404, 409, 418, 422])
    def test_redirects_and_client_errors_end_the_call(self, status: int) -> None:
        """3xx and 4xx: good health, no resend."""
        bench = Bench()
        call = _sent(bench)

        assert call.settle(answer(status), bench.now) == ANSWERED
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 0)

    def test_a_401_is_answered(self) -> None:
        """401: good health, no resend where no hook renews the credentials."""
        bench = Bench()
        call = _sent(bench)

        assert call.settle(answer(401), bench.now) == ANSWERED
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 0)

    @pytest.mark.parametrize("request_", [READ, WRITE, VERTO_READ], ids=["read", "write", "verto"])
    def test_a_429_is_resent_whatever_it_is(self, request_: CallRequest) -> None:
        """429: health unknown, resent after the backoff, a write too."""
        bench = Bench()
        call = _sent(bench, request_)

        step = call.settle(answer(429), bench.now)

        assert isinstance(step, Wait)
        assert step.seconds == pytest.approx(0.3)
        assert step.source is WaitSource.BACKOFF
        assert (_circuit(bench).calls, _circuit(bench).failures) == (0, 0)

    @pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
    @pytest.mark.parametrize(
        ("request_", "step"),
        [(READ, BACKOFF), (KEYED_WRITE, BACKOFF), (VERTO_READ, BAND), (WRITE, NOT_REPEATABLE)],
        ids=["read", "keyed write", "verto", "write"],
    )
    def test_a_5xx_is_resent_if_repeatable(
        self, status: int, request_: CallRequest, step: object
    ) -> None:
        """5xx: bad health; resent if repeatable, after Verto's band on Verto's hosts."""
        bench = Bench()
        call = _sent(bench, request_)

        assert call.settle(answer(status), bench.now) == step
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 1)

    @pytest.mark.parametrize("kind", NOT_SENT)
    @pytest.mark.parametrize("request_", [READ, WRITE, VERTO_READ], ids=["read", "write", "verto"])
    def test_what_was_not_sent_is_sent_again(self, kind: Failure, request_: CallRequest) -> None:
        """Failures before the request: bad health, resent after the backoff, a write too."""
        bench = Bench()
        call = _sent(bench, request_)

        assert call.settle(failure(kind), bench.now) == BACKOFF
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 1)

    @pytest.mark.parametrize("kind", SENT_PERHAPS)
    @pytest.mark.parametrize(
        ("request_", "step"),
        [(READ, BACKOFF), (KEYED_WRITE, BACKOFF), (VERTO_READ, BACKOFF), (WRITE, NOT_REPEATABLE)],
        ids=["read", "keyed write", "verto", "write"],
    )
    def test_what_may_have_been_sent_is_resent_if_repeatable(
        self, kind: Failure, request_: CallRequest, step: object
    ) -> None:
        """Failures after the request: bad health, resent if repeatable after the backoff."""
        bench = Bench()
        call = _sent(bench, request_)

        assert call.settle(failure(kind), bench.now) == step
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 1)

    def test_a_bad_certificate_is_never_resent(self) -> None:
        """Certificate errors: bad health, no resend."""
        bench = Bench()
        call = _sent(bench)

        assert call.settle(failure(Failure.CERTIFICATE), bench.now) == ANSWERED
        assert (_circuit(bench).calls, _circuit(bench).failures) == (1, 1)

    def test_a_mistake_of_the_caller_is_never_resent(self) -> None:
        """What the caller did wrong says nothing of the origin and would fail again."""
        bench = Bench()
        call = _sent(bench)

        assert call.settle(failure(Failure.CALLER), bench.now) == ANSWERED
        assert (_circuit(bench).calls, _circuit(bench).failures) == (0, 0)


class TestBreaker:
    """What a call tells its circuit, and what it hears from it."""

    def test_it_is_refused_while_the_circuit_is_open(self) -> None:
        """An open circuit rejects, with the seconds left of its break and why it opened."""
        bench = _opened_at_once()
        _sent(bench).settle(answer(503), bench.now)
        bench.clock.advance(1.5)
        call = bench.call()

        step = call.admit(bench.now)

        assert isinstance(step, Rejection)
        assert (step.end, step.key, step.retry_after) == (End.CIRCUIT_OPEN, KEY, 3.5)
        assert step.refusal is not None
        assert step.refusal.reason is TripReason.CONSECUTIVE_FAILURES
        assert step.refusal.last_failure == "503"
        assert call.take_events() == [CallRefused(READ, End.CIRCUIT_OPEN, 3.5)]

    def test_a_transport_failure_is_named(self) -> None:
        """A circuit that opened on a failure says which one it was."""
        bench = _opened_at_once()
        _sent(bench).settle(failure(Failure.READ_TIMEOUT), bench.now)

        step = bench.call().admit(bench.now)

        assert isinstance(step, Rejection)
        assert step.refusal is not None
        assert step.refusal.last_failure == "read_timeout"

    def test_a_move_is_told(self) -> None:
        """The transition that an answer caused is an event, before the attempt's own."""
        bench = _opened_at_once()
        call = _sent(bench)

        call.settle(answer(503), bench.now)

        moved, ended = call.take_events()
        assert isinstance(moved, CircuitMoved)
        assert (moved.origin, moved.key) == (KEY, KEY)
        assert (moved.transition.before, moved.transition.after) == (State.CLOSED, State.OPEN)
        assert isinstance(ended, AttemptEnded)

    def test_the_end_of_a_break_is_told(self) -> None:
        """The question that begins the half-open state tells of it."""
        bench = _half_open()
        call = bench.call()

        step = call.admit(bench.now)

        assert step == Send()
        (moved,) = call.take_events()
        assert isinstance(moved, CircuitMoved)
        assert moved.transition.after is State.HALF_OPEN

    def test_while_the_probe_is_out_the_rest_is_refused(self) -> None:
        """A half-open circuit with its probe out cannot say when to ask again."""
        bench = _half_open()
        _sent(bench)

        step = bench.call().admit(bench.now)

        assert isinstance(step, Rejection)
        assert (step.end, step.retry_after) == (End.CIRCUIT_OPEN, None)

    def test_a_probe_that_says_nothing_gives_its_place_back(self) -> None:
        """After a 429 the next call may be the probe."""
        bench = _half_open()
        _sent(bench).settle(answer(429, retry_after=0.0), bench.now)

        bench.clock.advance(1.0)

        assert bench.call().admit(bench.now) == Send()

    def test_good_probes_close_the_circuit(self) -> None:
        """Answers of calls are what a half-open circuit waits for."""
        bench = _half_open(successes_to_close=2)

        for _ in range(2):
            _sent(bench).settle(answer(200), bench.now)

        assert bench.state is State.CLOSED

    def test_a_4xx_is_a_good_probe(self) -> None:
        """A server that refuses politely is up."""
        bench = _half_open(successes_to_close=1)

        _sent(bench).settle(answer(404), bench.now)

        assert bench.state is State.CLOSED

    def test_an_overruled_refusal_is_told(self) -> None:
        """A circuit that is only observed lets the call pass and says what it would have done."""
        bench = Bench(Policy(breaker_mode=Mode.OBSERVE_ONLY))
        bench.open_circuit()
        call = bench.call()

        step = call.admit(bench.now)

        assert step == Send()
        (overruled,) = call.take_events()
        assert isinstance(overruled, RefusalOverruled)
        assert overruled.request is READ
        assert overruled.refusal.state is State.OPEN

    def test_an_operation_of_its_own_is_the_key(self) -> None:
        """Where operations have circuits, move and refusal name the operation's."""
        bench = Bench(Policy(circuit_key=CircuitKey.OPERATION, consecutive_failures=1))
        trade = WRITE._replace(operation=TRADE)
        call = _sent(bench, trade)
        call.settle(answer(503), bench.now)
        moved = call.take_events()[0]

        step = bench.call(trade).admit(bench.now)

        assert isinstance(moved, CircuitMoved)
        assert (moved.origin, moved.key) == (KEY, f"{KEY} POST /fx")
        assert isinstance(step, Rejection)
        assert step.key == f"{KEY} POST /fx"
        assert bench.call(READ).admit(bench.now) == Send()


class TestPause:
    """What a call tells the gate of its origin, and what it hears from it."""

    def test_it_waits_at_the_gate_for_its_turn(self) -> None:
        """While the origin is paused a call is told to wait until the pause is over."""
        bench = Bench(chance=lambda: 0.0)
        bench.pause(10.0)
        call = bench.call()

        step = call.admit(bench.now)

        assert step == Wait(10.0, WaitSource.PAUSE)
        assert call.take_events() == [WaitBegan(READ, 10.0, WaitSource.PAUSE, None)]

    def test_the_pause_comes_before_the_circuit(self) -> None:
        """At a closed gate no permit is asked for, so that no probe is out while it waits."""
        bench = _half_open()
        bench.pause(10.0)
        before = bench.origin.breaker.snapshot(bench.now)

        step = bench.call().admit(bench.now)

        assert isinstance(step, Wait)
        assert bench.origin.breaker.snapshot(bench.now) == before

    @pytest.mark.parametrize(
        ("seconds", "fits"), [(58.0, True), (58.875, True), (59.0, False), (300.0, False)]
    )
    def test_a_pause_that_does_not_fit_refuses_at_once(self, seconds: float, fits: bool) -> None:
        """A call is refused when its turn would come in the last second before its deadline."""
        bench = Bench(Policy(call_timeout=60.0), chance=lambda: 0.0)
        bench.pause(seconds)
        call = bench.call()

        step = call.admit(bench.now)

        if fits:
            assert isinstance(step, Wait)
        else:
            assert step == Rejection(End.PAUSED, KEY, seconds)
            assert call.take_events() == [CallRefused(READ, End.PAUSED, seconds)]

    def test_a_turn_past_the_deadline_gives_way_to_the_end_of_the_pause(self) -> None:
        """Who can wait for the end, but not for a turn on the ramp, goes right at the end."""
        bench = Bench(Policy(call_timeout=60.0, pause_ramp=2.0), chance=lambda: 0.0)
        bench.pause(58.5)
        others = [bench.origin.pause.wait(bench.now) for _ in range(1)]

        step = bench.call().admit(bench.now)

        assert others == [58.5]
        assert step == Wait(58.5, WaitSource.PAUSE)

    def test_who_cannot_wait_takes_no_turn(self) -> None:
        """A call that is refused leaves the first turn to one that can wait."""
        bench = Bench(Policy(call_timeout=60.0))
        bench.pause(100.0)

        bench.call().admit(bench.now)

        assert bench.origin.pause.snapshot(bench.now).waiting == 0

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_told_wait_pauses_the_origin(self, status: int) -> None:
        """An answer with ``Retry-After`` closes the gate for every call, and says so."""
        bench = Bench(chance=lambda: 0.0)
        call = _sent(bench)

        call.settle(answer(status, retry_after=10.0), bench.now)

        assert bench.origin.pause.snapshot(bench.now).remaining == 10.0
        began = call.take_events()[0]
        assert isinstance(began, PauseBegan)
        assert (began.origin, began.status) == (KEY, status)
        assert (began.pausing.seconds, began.pausing.told) == (10.0, True)

    def test_a_429_pauses_and_leaves_the_circuit_alone(self) -> None:
        """However many 429s come, no circuit opens."""
        bench = _opened_at_once(call_timeout=1000.0)
        before = _circuit(bench)

        for _ in range(50):
            _sent(bench).settle(answer(429), bench.now)
            bench.clock.advance(40.0)

        assert _circuit(bench) == before
        assert bench.origin.pause.snapshot(bench.now).strikes == 50

    def test_a_5xx_opens_the_circuit_and_leaves_the_gate_alone(self) -> None:
        """Without ``Retry-After`` a failing origin is not paused."""
        bench = _opened_at_once()

        _sent(bench).settle(answer(503), bench.now)

        assert bench.state is State.OPEN
        assert bench.origin.pause.snapshot(bench.now).remaining == 0.0

    def test_a_429_without_a_time_pauses_by_the_backoff(self) -> None:
        """An origin that names no time is paused all the same, longer each time."""
        bench = Bench()
        lengths = []

        for _ in range(3):
            call = _sent(bench)
            call.settle(answer(429), bench.now)
            lengths += [e.pausing for e in call.take_events() if isinstance(e, PauseBegan)]
            bench.clock.advance(30.0)

        assert [pausing.seconds for pausing in lengths] == [0.25, 0.5, 1.0]
        assert not any(pausing.told for pausing in lengths)

    @pytest.mark.parametrize("good", [answer(200), answer(404), API_FAILURE])
    def test_a_success_forgives(self, good: Outcome) -> None:
        """The first good answer after a pause lets the next one begin small again."""
        bench = Bench()
        _sent(bench).settle(answer(429), bench.now)
        bench.clock.advance(30.0)

        _sent(bench).settle(good, bench.now)

        assert bench.origin.pause.snapshot(bench.now).strikes == 0

    @pytest.mark.parametrize("other", [answer(503), failure(Failure.CALLER)])
    def test_nothing_but_a_success_forgives(self, other: Outcome) -> None:
        """A failure says nothing about the throttling being over."""
        bench = Bench()
        _sent(bench).settle(answer(429), bench.now)
        bench.clock.advance(30.0)

        _sent(bench).settle(other, bench.now)

        assert bench.origin.pause.snapshot(bench.now).strikes == 1

    def test_a_success_that_was_sent_before_the_pause_forgives_nothing(self) -> None:
        """An answer that was on the wire when the pause began knows nothing of it."""
        bench = Bench()
        early, late = _sent(bench), _sent(bench)
        bench.clock.advance(1.0)
        late.settle(answer(429, retry_after=20.0), bench.now)
        bench.clock.advance(1.0)

        early.settle(answer(200), bench.now)

        assert bench.origin.pause.snapshot(bench.now).strikes == 1

    def test_a_pause_that_did_not_grow_is_told_once(self) -> None:
        """Two 429s that were on the wire together are one pause and one event."""
        bench = Bench()
        first, second = _sent(bench), _sent(bench)
        first.settle(answer(429, retry_after=20.0), bench.now)

        second.settle(answer(429, retry_after=20.0), bench.now)

        assert "PauseBegan" in _names(first)
        assert "PauseBegan" not in _names(second)

    def test_a_pause_that_no_status_began_is_no_event(self) -> None:
        """An outcome without a status may close the gate, and nothing is told that has none."""
        bench = Bench()
        call = _sent(bench)
        odd = Outcome(Category.TRANSPORT, Health.BAD, Resend.NEVER, retry_after=5.0)

        call.settle(odd, bench.now)

        assert bench.origin.pause.snapshot(bench.now).remaining == 5.0
        assert _names(call) == ["AttemptEnded"]


class TestWait:
    """How long it waits before a resend, and what set the length."""

    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 5.0), (0.5, 7.5), (0.999, 9.995)])
    def test_verto_s_band_is_uniform(self, chance: float, seconds: float) -> None:
        """A 5xx of a Verto host is answered after 5 to 10 seconds."""
        bench = Bench(chance=lambda: chance)
        call = _sent(bench, VERTO_READ)

        step = call.settle(answer(503), bench.now)

        assert isinstance(step, Wait)
        assert step.seconds == pytest.approx(seconds)
        assert step.source is WaitSource.SERVER_ERROR_BAND

    def test_the_band_is_the_policy_s(self) -> None:
        """The limits of the band are settings."""
        bench = Bench(Policy(server_error_wait_min=1.0, server_error_wait_max=2.0))
        call = _sent(bench, VERTO_READ)

        assert call.settle(answer(500), bench.now) == Wait(1.5, WaitSource.SERVER_ERROR_BAND)

    def test_the_backoff_doubles_up_to_its_limit(self) -> None:
        """Each further resend waits up to twice as long, never more than the limit."""
        bench = Bench(Policy(max_attempts=6, backoff_limit=3.0, consecutive_failures=None))
        call = bench.call()
        waits = []

        for _ in range(5):
            call.admit(bench.now)
            step = call.settle(answer(503), bench.now)
            assert isinstance(step, Wait)
            waits.append(step.seconds)

        assert waits == [0.25, 0.5, 1.0, 1.5, 1.5]

    @pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
    @pytest.mark.parametrize("status", [429, 503])
    def test_it_never_waits_less_than_told(self, status: int, chance: float) -> None:
        """Jitter is added to ``Retry-After``, never taken away."""
        bench = Bench(chance=lambda: chance)
        call = _sent(bench, VERTO_READ)

        step = call.settle(answer(status, retry_after=20.0), bench.now)

        assert isinstance(step, Wait)
        assert 20.0 <= step.seconds <= 21.0
        assert step.source is WaitSource.RETRY_AFTER

    @pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
    @pytest.mark.parametrize("request_", [READ, VERTO_READ], ids=["read", "verto"])
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_time_that_has_passed_tells_nothing(
        self, status: int, request_: CallRequest, chance: float
    ) -> None:
        """After ``Retry-After: 0`` a call, and every other, waits as if there had been none."""
        told, silent = Bench(chance=lambda: chance), Bench(chance=lambda: chance)

        step = _sent(told, request_).settle(answer(status, retry_after=0.0), told.now)

        assert step == _sent(silent, request_).settle(answer(status), silent.now)
        assert told.snapshot() == silent.snapshot()

    def test_a_told_wait_counts_although_the_gate_opens_before(self) -> None:
        """``max_pause`` bounds the gate for others; this call waits as it was told."""
        bench = Bench(Policy(max_pause=10.0, call_timeout=100.0))
        call = _sent(bench)

        step = call.settle(answer(503, retry_after=50.0), bench.now)

        assert step == Wait(50.0, WaitSource.RETRY_AFTER)
        assert bench.origin.pause.snapshot(bench.now).remaining == 10.0

    def test_it_waits_for_a_longer_pause_that_another_call_began(self) -> None:
        """The time told is not enough where the gate is closed for longer."""
        bench = Bench(chance=lambda: 0.0)
        call = _sent(bench)
        bench.pause(40.0)

        step = call.settle(answer(429, retry_after=5.0), bench.now)

        assert step == Wait(40.0, WaitSource.RETRY_AFTER)

    def test_two_that_were_told_the_same_do_not_come_together(self) -> None:
        """Calls that wait for the same pause are given turns of their own."""
        bench = Bench()
        steps = [
            call.settle(answer(429, retry_after=20.0), bench.now)
            for call in (_sent(bench), _sent(bench))
        ]

        seconds = {step.seconds for step in steps if isinstance(step, Wait)}

        assert len(seconds) == 2

    def test_a_429_without_a_time_waits_for_its_turn_at_the_gate(self) -> None:
        """The backoff of a throttled call is the pause that its answer began."""
        bench = Bench()
        call = _sent(bench)

        step = call.settle(answer(429), bench.now)

        assert isinstance(step, Wait)
        assert step.seconds >= bench.origin.pause.snapshot(bench.now).remaining
        assert step.source is WaitSource.BACKOFF

    def test_a_wait_is_told_with_the_answer_that_it_follows(self) -> None:
        """The event of a wait names request, seconds, source and outcome."""
        bench = Bench()
        call = _sent(bench)
        outcome = answer(503)

        call.settle(outcome, bench.now)

        assert call.take_events()[-1] == WaitBegan(READ, 0.25, WaitSource.BACKOFF, outcome)


class TestEnd:
    """Why a resend is not made."""

    def test_a_write_is_not_repeatable(self) -> None:
        """A request that could execute twice is not resent after an ambiguous failure."""
        bench = Bench()
        call = _sent(bench, WRITE)

        assert call.settle(answer(503), bench.now) == NOT_REPEATABLE

    @pytest.mark.parametrize("outcome", [answer(429), answer(503), failure(Failure.CONNECT)])
    def test_a_body_that_cannot_be_rewound_is_not_sent_again(self, outcome: Outcome) -> None:
        """Even what was surely not executed is not resent with half a body."""
        bench = Bench()
        call = _sent(bench, READ._replace(replayable=False))

        assert call.settle(outcome, bench.now) == Finish(End.BODY_NOT_REPLAYABLE)

    @pytest.mark.parametrize("most", [1, 2, 3])
    def test_attempts_are_bounded(self, most: int) -> None:
        """The answer to the last attempt allowed ends the call."""
        bench = Bench(Policy(max_attempts=most))
        call = bench.call()
        steps = []

        for _ in range(most):
            call.admit(bench.now)
            steps.append(call.settle(answer(503), bench.now))

        assert steps[-1] == Finish(End.ATTEMPTS_SPENT)
        assert all(isinstance(step, Wait) for step in steps[:-1])

    @pytest.mark.parametrize(
        ("seconds", "fits"), [(58.0, True), (58.875, True), (59.0, False), (61.0, False)]
    )
    def test_a_wait_that_would_reach_the_deadline_is_not_begun(
        self, seconds: float, fits: bool
    ) -> None:
        """In the last second before the deadline nothing is resent, so nobody waits for that."""
        bench = Bench(Policy(call_timeout=60.0), chance=lambda: 0.0)
        call = _sent(bench)

        step = call.settle(answer(429, retry_after=seconds), bench.now)

        assert step == (Wait(seconds, WaitSource.RETRY_AFTER) if fits else Finish(End.DEADLINE))

    @pytest.mark.parametrize(
        ("call_timeout", "least"), [(60.0, 1.0), (10.0, 1.0), (5.0, 0.5), (0.5, 0.05)]
    )
    def test_a_resend_has_time_left_to_be_answered(self, call_timeout: float, least: float) -> None:
        """A second, or a tenth of the call's time, so that no clear answer turns doubtful."""
        policy = Policy(call_timeout=call_timeout, connect_timeout=0.5, read_timeout=0.5)
        waits = []
        for left in (least * 1.01, least * 0.99):
            bench = Bench(policy, chance=lambda: 0.0)
            told = answer(429, retry_after=call_timeout - left)
            waits.append(_sent(bench).settle(told, bench.now))

        assert isinstance(waits[0], Wait)
        assert waits[1] == Finish(End.DEADLINE)

    @pytest.mark.parametrize("retry_after", [100.0, None])
    def test_who_cannot_wait_for_the_gate_takes_no_turn_at_it(
        self, retry_after: float | None
    ) -> None:
        """A throttled call that ends at its deadline leaves the first turn to another."""
        bench = Bench(Policy(call_timeout=60.0))
        call = _sent(bench)
        bench.pause(100.0)

        step = call.settle(answer(429, retry_after=retry_after), bench.now)

        assert step == Finish(End.DEADLINE)
        assert bench.origin.pause.snapshot(bench.now).waiting == 0

    @pytest.mark.parametrize(("took", "fits"), [(51.0, True), (51.5, False), (55.0, False)])
    def test_a_wait_that_nobody_told_must_fit_too(self, took: float, fits: bool) -> None:
        """Band and backoff are tested against the deadline as a told wait is."""
        bench = Bench(Policy(call_timeout=60.0))
        call = _sent(bench, VERTO_READ)
        bench.clock.advance(took)

        step = call.settle(answer(503), bench.now)

        assert step == (BAND if fits else Finish(End.DEADLINE))

    def test_the_deadline_counts_from_the_start_of_the_call(self) -> None:
        """Time spent in attempts leaves less for waits."""
        bench = Bench(Policy(call_timeout=60.0), chance=lambda: 0.0)
        call = _sent(bench)
        bench.clock.advance(55.0)

        step = call.settle(answer(503, retry_after=5.0), bench.now)

        assert call.deadline == START + 60.0
        assert step == Finish(End.DEADLINE)

    def test_after_the_deadline_nothing_is_sent(self) -> None:
        """A call that overslept is refused at the door, whatever the machines would say."""
        bench = Bench(Policy(call_timeout=60.0))
        call = _sent(bench)
        call.settle(answer(503), bench.now)
        bench.clock.advance(60.0)

        step = call.admit(bench.now)

        assert isinstance(step, Rejection)
        assert step.end is End.DEADLINE

    def test_an_empty_budget_ends_the_call_and_is_told(self) -> None:
        """Without a token there is no resend, and an event says why."""
        bench = Bench()
        bench.spend_budget()
        call = _sent(bench)

        step = call.settle(answer(503), bench.now)

        assert step == Finish(End.BUDGET_SPENT)
        ended, spent = call.take_events()
        assert isinstance(ended, AttemptEnded)
        assert spent == BudgetSpent(READ)

    def test_a_circuit_that_would_refuse_ends_the_call(self) -> None:
        """Nobody waits a quarter of a second for a circuit that is open for five."""
        bench = _opened_at_once()
        call = _sent(bench)

        step = call.settle(answer(503), bench.now)

        assert step == Finish(End.CIRCUIT_OPEN)
        assert "WaitBegan" not in _names(call)

    @pytest.mark.parametrize(("seconds", "waits"), [(4.9, False), (5.0, True), (6.0, True)])
    def test_a_wait_that_outlasts_the_break_is_made(self, seconds: float, waits: bool) -> None:
        """A resend that comes when the break is over may be the probe."""
        bench = _opened_at_once(server_error_wait_min=seconds, server_error_wait_max=seconds)
        call = _sent(bench, VERTO_READ)

        step = call.settle(answer(503), bench.now)

        assert isinstance(step, Wait) is waits

    def test_a_circuit_forced_open_meanwhile_ends_the_call(self) -> None:
        """No wait is long enough for a circuit that a person opened."""
        bench = Bench()
        call = _sent(bench, VERTO_READ)
        bench.origin.breaker.mode = Mode.FORCED_OPEN

        assert call.settle(answer(503), bench.now) == Finish(End.CIRCUIT_OPEN)

    def test_an_observed_circuit_ends_nothing(self) -> None:
        """A circuit that refuses nothing keeps nobody from waiting."""
        bench = Bench(Policy(consecutive_failures=1, breaker_mode=Mode.OBSERVE_ONLY))
        call = _sent(bench)

        assert call.settle(answer(503), bench.now) == BACKOFF


class TestBudget:
    """When the retry budget is drawn on."""

    def test_a_call_pays_in(self) -> None:
        """Each call deposits its share when it is first let through, and none when refused."""
        bench = Bench(Policy(budget_deposit=0.25, budget_trickle=0.0))
        bench.spend_budget()

        call = bench.call()
        before = _balance(bench)
        call.admit(bench.now)

        assert (before, _balance(bench)) == (0.0, 0.25)

    @pytest.mark.parametrize("outcome", [answer(503), answer(429), failure(Failure.CONNECT)])
    def test_a_resend_is_paid_before_its_wait(self, outcome: Outcome) -> None:
        """With the wait that is told, one token is gone already."""
        bench = Bench(Policy(budget_trickle=0.0))
        call = _sent(bench)
        before = _balance(bench)

        step = call.settle(outcome, bench.now)

        assert isinstance(step, Wait)
        assert _balance(bench) == before - 1.0

    @pytest.mark.parametrize(
        ("policy", "request_", "outcome", "end"),
        [
            (Policy(), READ, answer(200), End.ANSWERED),
            (Policy(), WRITE, answer(503), End.NOT_REPEATABLE),
            (Policy(), READ._replace(replayable=False), answer(503), End.BODY_NOT_REPLAYABLE),
            (Policy(max_attempts=1), READ, answer(503), End.ATTEMPTS_SPENT),
            (Policy(), READ, answer(503, retry_after=90.0), End.DEADLINE),
            (Policy(consecutive_failures=1), READ, answer(503), End.CIRCUIT_OPEN),
        ],
        ids=["answered", "not repeatable", "body", "attempts", "deadline", "circuit"],
    )
    def test_a_resend_that_is_not_made_costs_nothing(
        self, policy: Policy, request_: CallRequest, outcome: Outcome, end: End
    ) -> None:
        """Whatever else forbids a resend, the budget is not touched."""
        bench = Bench(policy)
        call = _sent(bench, request_)
        before = _balance(bench)

        step = call.settle(outcome, bench.now)

        assert step == Finish(end)
        assert _balance(bench) == before


class TestStaleConnection:
    """A kept connection that the server had closed."""

    def test_it_is_resent_at_once_and_for_free(self) -> None:
        """No wait, no token, no failure counted."""
        bench = Bench()
        call = _sent(bench)
        before = bench.snapshot()

        step = call.settle(failure(Failure.STALE_CONNECTION), bench.now)

        assert step == Wait(0.0, WaitSource.NONE)
        assert bench.snapshot() == before

    @pytest.mark.parametrize("most", [1, 2, 3])
    def test_it_is_no_attempt_of_those_allowed(self, most: int) -> None:
        """After one stale connection as many attempts are left as without, even only one."""
        bench = Bench(Policy(max_attempts=most))
        call = bench.call()
        call.admit(bench.now)
        steps = [call.settle(failure(Failure.STALE_CONNECTION), bench.now)]

        for _ in range(most):
            call.admit(bench.now)
            steps.append(call.settle(answer(503), bench.now))

        assert all(isinstance(step, Wait) for step in steps[:-1])
        assert steps[-1] == Finish(End.ATTEMPTS_SPENT)

    def test_it_is_free_at_the_last_attempt_too(self) -> None:
        """A connection that is found stale late in the call is replaced all the same."""
        bench = Bench(Policy(max_attempts=2))
        call = _sent(bench)
        call.settle(answer(503), bench.now)
        call.admit(bench.now)

        step = call.settle(failure(Failure.STALE_CONNECTION), bench.now)

        assert step == Wait(0.0, WaitSource.NONE)

    def test_at_the_deadline_it_ends_the_call(self) -> None:
        """A resend that costs nothing is not begun after the deadline either."""
        bench = Bench(Policy(call_timeout=60.0))
        call = _sent(bench)
        bench.clock.advance(60.0)

        step = call.settle(failure(Failure.STALE_CONNECTION), bench.now)

        assert step == Finish(End.DEADLINE)

    def test_it_does_not_lengthen_the_backoff(self) -> None:
        """The first resend that is charged waits as the first."""
        bench = Bench()
        call = _sent(bench)
        call.settle(failure(Failure.STALE_CONNECTION), bench.now)
        call.admit(bench.now)

        assert call.settle(answer(503), bench.now) == BACKOFF

    def test_the_second_is_charged(self) -> None:
        """A server that closes every connection gets no free resends without end."""
        bench = Bench(Policy(budget_trickle=0.0))
        call = _sent(bench)
        call.settle(failure(Failure.STALE_CONNECTION), bench.now)
        call.admit(bench.now)
        before = _balance(bench)

        step = call.settle(failure(Failure.STALE_CONNECTION), bench.now)

        assert step == BACKOFF
        assert _balance(bench) == before - 1.0

    def test_a_write_is_not_resent(self) -> None:
        """Something may have been read before the connection was closed."""
        bench = Bench()
        call = _sent(bench, WRITE)

        assert call.settle(failure(Failure.STALE_CONNECTION), bench.now) == NOT_REPEATABLE
        assert call.report(End.NOT_REPEATABLE).ambiguous

    def test_a_body_that_cannot_be_rewound_is_not_resent(self) -> None:
        """Free of charge or not, half a body is never sent."""
        bench = Bench()
        call = _sent(bench, READ._replace(replayable=False))

        step = call.settle(failure(Failure.STALE_CONNECTION), bench.now)

        assert step == Finish(End.BODY_NOT_REPLAYABLE)


class TestAccount:
    """What is written down of waits and attempts."""

    def test_a_call_begins_with_nothing(self) -> None:
        """Before the first send nothing was waited and the next attempt is the first."""
        call = Bench().call()

        assert (call.number, call.waited, call.wait_source) == (1, 0.0, WaitSource.NONE)
        assert call.take_events() == []

    def test_a_resend_s_wait_is_that_of_the_next_attempt(self) -> None:
        """What was waited after an attempt is noted with the one that follows, and only there."""
        bench = Bench()
        call = _sent(bench)
        call.settle(answer(503), bench.now)
        between = (call.number, call.waited, call.wait_source)
        bench.clock.advance(0.25)
        call.admit(bench.now)
        bench.clock.advance(2.0)

        call.settle(answer(200), bench.now)

        first, second = call.report(End.ANSWERED).attempts
        assert between == (2, 0.25, WaitSource.BACKOFF)
        assert (first.number, first.waited, first.wait_source) == (1, 0.0, WaitSource.NONE)
        assert (second.number, second.waited) == (2, 0.25)
        assert second.wait_source is WaitSource.BACKOFF
        assert (first.seconds, second.seconds) == (0.0, 2.0)
        assert (call.waited, call.wait_source) == (0.0, WaitSource.NONE)

    def test_the_wait_at_the_gate_is_that_of_the_first_attempt(self) -> None:
        """A call that found its origin paused says so with its first send."""
        bench = Bench(chance=lambda: 0.0)
        bench.pause(10.0)
        call = bench.call()
        call.admit(bench.now)
        bench.clock.advance(10.0)
        call.admit(bench.now)

        call.settle(answer(200), bench.now)

        (attempt,) = call.report(End.ANSWERED).attempts
        assert (attempt.waited, attempt.wait_source) == (10.0, WaitSource.PAUSE)
        assert attempt.seconds == 0.0

    def test_a_wait_at_the_gate_adds_to_that_of_a_resend(self) -> None:
        """Both waits are summed, and the one that began is the source."""
        bench = Bench(chance=lambda: 0.0)
        call = _sent(bench)
        call.settle(answer(503), bench.now)
        bench.pause(10.0)

        step = call.admit(bench.now)

        assert step == Wait(10.0, WaitSource.PAUSE)
        assert (call.waited, call.wait_source) == (10.0, WaitSource.BACKOFF)

    def test_waits_at_the_gate_add_up(self) -> None:
        """A pause that grew while the call waited is waited for as well."""
        bench = Bench(chance=lambda: 0.0)
        bench.pause(10.0)
        call = bench.call()
        call.admit(bench.now)
        bench.clock.advance(10.0)
        bench.pause(5.0)

        call.admit(bench.now)

        assert (call.waited, call.wait_source) == (15.0, WaitSource.PAUSE)

    def test_a_free_resend_after_a_pause_is_told_apart(self) -> None:
        """A stale connection is replaced without a wait, and the attempt says that."""
        bench = Bench()
        call = _sent(bench)
        call.settle(failure(Failure.STALE_CONNECTION), bench.now)
        call.admit(bench.now)

        call.settle(answer(200), bench.now)

        attempt = call.report(End.ANSWERED).attempts[-1]
        assert (attempt.number, attempt.waited, attempt.wait_source) == (2, 0.0, WaitSource.NONE)

    def test_a_report_says_what_became_of_the_call(self) -> None:
        """Attempts, end, operation and correlation id stand in it."""
        bench = Bench()
        trade = WRITE._replace(operation=TRADE, correlation_id="abc")
        call = _sent(bench, trade)
        call.settle(answer(200), bench.now)

        report = call.report(End.ANSWERED)

        assert [attempt.outcome for attempt in report.attempts] == [answer(200)]
        assert (report.end, report.operation) == (End.ANSWERED, TRADE)
        assert report.correlation_id == "abc"

    def test_events_are_given_once(self) -> None:
        """What was taken is not given again."""
        bench = Bench()
        call = _sent(bench)
        call.settle(answer(200), bench.now)

        assert _names(call) == ["AttemptEnded"]
        assert _names(call) == []


def _word(outcome: Outcome) -> str:
    return "denied" if outcome is API_FAILURE else outcome.cause


SEQUENCES: list[tuple[list[Outcome], bool, bool]] = [
    ([answer(200)], False, False),
    ([answer(400)], False, False),
    ([answer(409)], False, False),
    ([API_FAILURE], False, False),
    ([answer(429)], False, False),
    ([answer(500)], True, False),
    ([answer(503)], True, False),
    *(([failure(kind)], False, False) for kind in NOT_SENT),
    *(([failure(kind)], True, False) for kind in SENT_PERHAPS),
    ([failure(Failure.STALE_CONNECTION)], True, False),
    ([failure(Failure.CERTIFICATE)], False, False),
    ([failure(Failure.CALLER)], False, False),
    ([answer(503), answer(200)], False, False),
    ([answer(503), answer(202)], False, False),
    ([answer(503), answer(400)], True, True),
    ([answer(503), answer(409)], True, True),
    ([answer(503), API_FAILURE], True, True),
    ([answer(503), answer(401)], True, False),
    ([answer(503), answer(403)], True, False),
    ([answer(503), answer(404)], True, False),
    ([answer(503), answer(302)], True, False),
    ([answer(503), answer(429)], True, False),
    ([answer(503), failure(Failure.CONNECT)], True, False),
    ([answer(503), answer(503)], True, False),
    ([failure(Failure.READ_TIMEOUT), answer(409)], True, True),
    ([failure(Failure.STALE_CONNECTION), answer(409)], True, True),
    ([answer(503), answer(429), answer(400)], True, True),
    ([answer(503), failure(Failure.CONNECT), answer(409)], True, True),
    ([answer(503), answer(429), answer(200)], False, False),
    ([answer(429), answer(400)], False, False),
    ([failure(Failure.CONNECT), answer(409)], False, False),
]


class TestAmbiguity:
    """Whether a write may have been executed."""

    @pytest.mark.parametrize(
        ("outcomes", "ambiguous", "possibly_executed"),
        SEQUENCES,
        ids=[", ".join(_word(o) for o in outcomes) for outcomes, _, _ in SEQUENCES],
    )
    def test_what_is_known_of_a_write_after_its_attempts(
        self, outcomes: list[Outcome], ambiguous: bool, possibly_executed: bool
    ) -> None:
        """An open question stays open until a success, and a conflict may be about it."""
        bench = Bench()
        call = bench.call(KEYED_WRITE)

        for outcome in outcomes:
            bench.clock.advance(30.0)
            call.deadline = bench.now + 60.0
            assert call.admit(bench.now) == Send()
            call.settle(outcome, bench.now)

        report = call.report(End.ANSWERED)
        assert (report.ambiguous, report.possibly_executed) == (ambiguous, possibly_executed)

    @pytest.mark.parametrize(
        "request_",
        [
            READ,
            WRITE._replace(
                operation=Operation(
                    "POST", "/lists", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS
                ),
            ),
        ],
        ids=["by method", "by operation"],
    )
    def test_a_read_is_never_ambiguous(self, request_: CallRequest) -> None:
        """What changes nothing may be executed as often as it likes."""
        bench = Bench()
        call = _sent(bench, request_)
        call.settle(answer(503), bench.now)
        call.admit(bench.now)

        call.settle(answer(409), bench.now)

        report = call.report(End.ANSWERED)
        assert not report.ambiguous
        assert not report.possibly_executed

    @pytest.mark.parametrize("status", [404, 410])
    def test_what_is_gone_may_have_been_deleted_by_us(self, status: int) -> None:
        """After a doubtful ``DELETE`` a 404 may speak of its success; a ``PUT`` it refuses."""
        doubts = []
        for method in ("DELETE", "PUT"):
            bench = Bench()
            call = _sent(bench, READ._replace(method=method))
            call.settle(answer(503), bench.now)
            call.admit(bench.now)
            call.settle(answer(status), bench.now)
            doubts.append(call.report(End.ANSWERED).possibly_executed)

        assert doubts == [True, False]

    def test_an_unknown_outcome_is_told(self) -> None:
        """A write that ends in doubt is an event, with the last outcome."""
        bench = Bench()
        call = _sent(bench, WRITE)
        call.settle(failure(Failure.READ_TIMEOUT), bench.now)
        call.take_events()

        call.report(End.NOT_REPEATABLE)

        assert call.take_events() == [OutcomeUnknown(WRITE, failure(Failure.READ_TIMEOUT))]

    @pytest.mark.parametrize("outcome", [answer(200), answer(400), failure(Failure.CONNECT)])
    def test_a_known_outcome_is_not(self, outcome: Outcome) -> None:
        """A write of which the end is known ends without such an event."""
        bench = Bench()
        call = _sent(bench, WRITE)
        call.settle(outcome, bench.now)
        call.take_events()

        call.report(End.ANSWERED)

        assert call.take_events() == []


class TestAbandon:
    """A caller that goes away."""

    def test_the_permit_of_a_probe_is_given_back(self) -> None:
        """The circuit stands as it stood before the probe was let out."""
        bench = _half_open()
        first = _sent(bench)
        first.settle(failure(Failure.CALLER), bench.now)
        before = bench.snapshot()
        call = _sent(bench)
        assert bench.snapshot() != before

        call.abandon(bench.now)

        assert bench.snapshot() == before
        assert bench.call().admit(bench.now) == Send()

    def test_a_watched_call_is_watched_no_longer(self) -> None:
        """Where slow calls are counted while out, one that was abandoned is not."""
        bench = Bench(Policy(slow_call_duration=1.0))
        before = bench.snapshot()
        call = _sent(bench)
        assert _circuit(bench).in_flight == 1

        call.abandon(bench.now)

        assert bench.snapshot() == before

    def test_a_call_without_a_permit_has_nothing_to_give_back(self) -> None:
        """Before it was admitted, and a second time, abandoning changes nothing."""
        bench = _half_open()
        other = _sent(bench)
        before = bench.snapshot()
        call = bench.call()

        call.abandon(bench.now)
        call.abandon(bench.now)

        assert bench.snapshot() == before
        other.abandon(bench.now)

    def test_after_the_answer_was_counted_nothing_is_taken_back(self) -> None:
        """A caller that leaves during a wait leaves the counts as they are."""
        bench = Bench(Policy(slow_call_duration=1.0))
        call = _sent(bench)
        call.settle(answer(503), bench.now)
        before = bench.snapshot()

        call.abandon(bench.now)

        assert bench.snapshot() == before

    @pytest.mark.parametrize(("request_", "ambiguous"), [(WRITE, True), (READ, False)])
    def test_what_was_under_way_has_an_unknown_outcome(
        self, request_: CallRequest, ambiguous: bool
    ) -> None:
        """A send that its caller broke off is the last attempt, in doubt if it writes."""
        bench = Bench()
        call = _sent(bench, request_)
        bench.clock.advance(2.0)

        report = call.abandon(bench.now)

        assert [(one.outcome.cause, one.seconds) for one in report.attempts] == [("unknown", 2.0)]
        assert (report.end, report.ambiguous) == (End.INTERRUPTED, ambiguous)

    def test_what_was_answered_stays_so(self) -> None:
        """A caller that leaves during a wait leaves no attempt behind but those that were made."""
        bench = Bench()
        call = _sent(bench, KEYED_WRITE)
        call.settle(answer(429), bench.now)

        report = call.abandon(bench.now)

        assert [one.outcome.status for one in report.attempts] == [429]
        assert not report.ambiguous

    def test_an_answer_needs_a_permit(self) -> None:
        """Settling what was never admitted, or was abandoned, is a mistake of the loop."""
        bench = Bench()
        call = bench.call()

        with pytest.raises(RuntimeError, match="without admit"):
            call.settle(answer(200), bench.now)

        call.admit(bench.now)
        call.abandon(bench.now)
        with pytest.raises(RuntimeError, match="without admit"):
            call.settle(answer(200), bench.now)


class TestFailLate:
    """A body that breaks off while the caller reads it."""

    @pytest.mark.parametrize("watched", [None, 10.0])
    def test_the_call_becomes_a_failure(self, watched: float | None) -> None:
        """It stays one call in the window, and is a failure there."""
        bench = Bench(Policy(slow_call_duration=watched))
        call = _sent(bench)
        call.settle(answer(200), bench.now)

        call.fail_late(Failure.BODY, bench.now)

        circuit = _circuit(bench)
        assert (circuit.calls, circuit.failures, circuit.consecutive) == (1, 1, 1)
        assert circuit.last_failure == "body"

    def test_it_may_open_the_circuit(self) -> None:
        """A circuit that opens on a late failure says so."""
        bench = _opened_at_once()
        call = _sent(bench)
        call.settle(answer(200), bench.now)
        call.take_events()

        call.fail_late(Failure.READ_TIMEOUT, bench.now)

        assert bench.state is State.OPEN
        failed, moved = call.take_events()
        assert failed == BodyFailed(call.request, Failure.READ_TIMEOUT)
        assert isinstance(moved, CircuitMoved)
        assert moved.transition.last_failure == "read_timeout"

    @pytest.mark.parametrize(("request_", "told"), [(WRITE, 1), (READ, 0)])
    def test_a_write_that_fails_late_is_told_as_unknown_once(
        self, request_: CallRequest, told: int
    ) -> None:
        """Its answer was not seen to its end; a read leaves nothing to reconcile."""
        bench = Bench()
        call = _sent(bench, request_)
        call.settle(answer(200), bench.now)
        call.take_events()

        call.fail_late(Failure.BODY, bench.now)
        call.fail_late(Failure.BODY, bench.now)

        unknown = [event for event in call.take_events() if isinstance(event, OutcomeUnknown)]
        assert unknown == [OutcomeUnknown(request_, failure(Failure.BODY))] * told

    def test_a_probe_that_fails_late_was_bad(self) -> None:
        """A half-open circuit opens again."""
        bench = _half_open(successes_to_close=2)
        call = _sent(bench)
        call.settle(answer(200), bench.now)

        call.fail_late(Failure.BODY, bench.now)

        assert bench.state is State.OPEN

    @pytest.mark.parametrize("watched", [None, 10.0])
    def test_what_was_a_failure_fails_only_once(self, watched: float | None) -> None:
        """The body of an error that breaks off as well is not counted beside the error."""
        bench = Bench(Policy(slow_call_duration=watched, max_attempts=1))
        call = _sent(bench)
        call.settle(answer(503), bench.now)
        before = _circuit(bench)

        call.fail_late(Failure.BODY, bench.now)

        assert _circuit(bench) == before

    @pytest.mark.parametrize("watched", [None, 10.0])
    def test_failures_never_outnumber_calls(self, watched: float | None) -> None:
        """A late failure of an answer that was not counted leaves the window in order."""
        bench = Bench(Policy(slow_call_duration=watched, max_attempts=1))
        call = _sent(bench)
        call.settle(answer(429), bench.now)

        call.fail_late(Failure.BODY, bench.now)

        assert _circuit(bench).failures <= _circuit(bench).calls

    def test_after_the_circuit_moved_it_counts_nothing(self) -> None:
        """A result from before a transition changes nothing after it."""
        bench = Bench()
        call = _sent(bench)
        call.settle(answer(200), bench.now)
        bench.origin.breaker.reset(bench.now)
        before = bench.snapshot()

        call.fail_late(Failure.BODY, bench.now)

        assert bench.snapshot() == before

    def test_a_call_that_was_never_admitted_cannot_fail_late(self) -> None:
        """Without a permit there is nothing to count."""
        bench = Bench()
        call = bench.call()
        before = bench.snapshot()

        call.fail_late(Failure.BODY, bench.now)

        assert bench.snapshot() == before
        assert call.take_events() == []


outcomes = st.one_of(
    st.builds(
        answer,
        st.sampled_from([200, 400, 401, 409, 429, 500, 503]),
        retry_after=st.none() | st.floats(0.0, 100.0),
    ),
    st.sampled_from([failure(kind) for kind in Failure]),
)


@settings(deadline=None)
@given(
    script=st.lists(st.tuples(outcomes, st.floats(0.0, 40.0)), max_size=8),
    chance=st.floats(0.0, 1.0, exclude_max=True),
    request=st.sampled_from([READ, WRITE, KEYED_WRITE, VERTO_READ, REFRESHABLE]),
    most=st.integers(1, 4),
)
@example(script=[(answer(401, retry_after=1e-99), 0.0)], chance=0.0, request=REFRESHABLE, most=2)
def test_no_wait_is_too_short_or_too_long(
    script: list[tuple[Outcome, float]], chance: float, request: CallRequest, most: int
) -> None:
    """Whatever comes back, no wait ends before the time told or reaches the deadline."""
    bench = Bench(Policy(max_attempts=most), chance=lambda: chance)
    call = bench.call(request)

    for outcome, took in script:
        step = call.admit(bench.now)
        while isinstance(step, Wait):
            assert bench.now + step.seconds < call.deadline
            bench.clock.advance(step.seconds)
            step = call.admit(bench.now)
        if isinstance(step, Rejection):
            break
        bench.clock.advance(took)
        settled = call.settle(outcome, bench.now)
        if isinstance(settled, Refresh):
            settled = call.refreshed(bench.now, renewed=True)
        if not isinstance(settled, Wait):
            break
        assert settled.seconds >= (outcome.retry_after or 0.0)
        assert bench.now + settled.seconds < call.deadline
        bench.clock.advance(settled.seconds)

    report = call.report(End.ANSWERED)
    stale = sum(a.outcome.failure is Failure.STALE_CONNECTION for a in report.attempts)
    assert len(report.attempts) <= most + min(stale, 1)
    assert report.waited <= bench.now - START + 1e-6


def test_a_wait_rule_that_says_nothing_is_the_backoff() -> None:
    """A row of one's own that may be resent and names no wait waits by the backoff."""
    bench = Bench()
    call = _sent(bench)
    odd = Outcome(Category.CLIENT_ERROR, Health.GOOD, Resend.ALWAYS, WaitRule.NONE, status=425)

    assert call.settle(odd, bench.now) == BACKOFF
