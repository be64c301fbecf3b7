import pytest

from tests.pipeline.makers import (
    KEY,
    READ,
    REFRESHABLE,
    START,
    Bench,
    answer,
    failure,
)
from verto_resilience.outcome import Failure, Operations, Outcome
from verto_resilience.pipeline import (
    Call,
    CallReport,
    CallRequest,
    End,
    Finish,
    Policy,
    Refresh,
    Send,
    Wait,
    WaitBegan,
    WaitSource,
)

ANSWERED = Finish(End.ANSWERED)
AT_ONCE = Wait(0.0, WaitSource.NONE)
LOGIN = REFRESHABLE._replace(
    url=f"{KEY}/users/login",
    operation=Operations.documented().match("POST", "/users/login"),
)


def _sent(bench: Bench, request: CallRequest = REFRESHABLE) -> Call:
    call = bench.call(request)
    assert isinstance(call.admit(bench.now), Send)
    return call


def _driven(
    bench: Bench, *steps: Outcome, request: CallRequest = REFRESHABLE, renews: bool = True
) -> tuple[CallReport, list[float]]:
    """Carry a call through; give its report, and when new credentials were asked for."""
    script = bench.script(*steps, takes=1.0)
    script.renews = renews
    bench.drive(script, request)
    assert script.report is not None
    return script.report, script.refreshed_at


class TestAsked:
    """When new credentials are asked for."""

    def test_a_401_asks_for_new_credentials(self) -> None:
        """Where there is somebody to ask, a 401 is no end yet, and the origin is well."""
        bench = Bench()

        assert isinstance(_sent(bench).settle(answer(401), bench.now), Refresh)
        assert bench.origin.breaker.snapshot(bench.now).failures == 0

    @pytest.mark.parametrize("status", [200, 302, 400, 402, 403, 404, 407, 409])
    def test_no_other_status_does(self, status: int) -> None:
        """A 403 least of all: the credentials are known, and lack the permission."""
        bench = Bench()

        assert _sent(bench).settle(answer(status), bench.now) == ANSWERED

    @pytest.mark.parametrize("request_", [READ, LOGIN], ids=["nobody to ask", "login"])
    def test_not_where_it_would_not_help(self, request_: CallRequest) -> None:
        """Without a hook, and for a login, the 401 is the answer."""
        bench = Bench()

        assert _sent(bench, request_).settle(answer(401), bench.now) == ANSWERED

    def test_not_for_a_body_that_cannot_be_sent_again(self) -> None:
        """New credentials would be of no use to this call."""
        bench = Bench()
        call = _sent(bench, REFRESHABLE._replace(replayable=False))

        assert call.settle(answer(401), bench.now) == Finish(End.BODY_NOT_REPLAYABLE)

    def test_not_when_no_attempt_is_left(self) -> None:
        """The resend is an attempt, and counts as one."""
        bench = Bench(Policy(max_attempts=1))

        assert _sent(bench).settle(answer(401), bench.now) == Finish(End.ATTEMPTS_SPENT)

    def test_not_after_the_deadline(self) -> None:
        """A call whose time is over starts nothing new."""
        bench = Bench(Policy(call_timeout=30.0))
        call = _sent(bench)
        bench.clock.advance(30.0)

        assert call.settle(answer(401), bench.now) == Finish(End.DEADLINE)

    def test_once_in_a_call(self) -> None:
        """A second 401 goes back, whatever came between."""
        bench = Bench()

        report, asked_at = _driven(bench, answer(401), answer(429), answer(401))

        assert [attempt.outcome.status for attempt in report.attempts] == [401, 429, 401]
        assert (report.end, len(asked_at)) == (End.ANSWERED, 1)

    def test_it_is_asked_after_the_401(self) -> None:
        """The hook is called when the answer is there, with the time that is left of the call."""
        bench = Bench(Policy(call_timeout=30.0))
        script = bench.script(answer(401), takes=1.0)

        bench.drive(script, REFRESHABLE)

        assert script.refreshed_at == [START + 1.0]
        assert script.left_to_refresh == [29.0]

    def test_the_answer_is_set_aside_before(self) -> None:
        """Its connection is free while the hook logs in, perhaps by the same pool."""
        bench = Bench()
        script = bench.script(answer(401), answer(200))
        script.renews = lambda: bool(script.waited_on)

        assert bench.drive(script, REFRESHABLE) == "200 #2"


class TestResent:
    """What follows from the answer of the hook."""

    def test_new_credentials_are_tried_at_once(self) -> None:
        """A write too: the server has refused to do anything, so nothing is in doubt."""
        bench = Bench()

        report, _ = _driven(bench, answer(401), answer(200))

        assert [attempt.outcome.status for attempt in report.attempts] == [401, 200]
        assert (report.end, report.ambiguous, report.waited) == (End.ANSWERED, False, 0.0)
        assert bench.clock.sleeps == [0.0]

    def test_without_new_credentials_the_401_goes_back(self) -> None:
        """A hook that could not is the end of the call."""
        bench = Bench()

        report, asked_at = _driven(bench, answer(401), renews=False)

        assert (report.end, len(report.attempts), len(asked_at)) == (End.ANSWERED, 1, 1)

    def test_the_budget_is_not_charged(self) -> None:
        """An expired token is nothing that a retry budget is there for."""
        bench = Bench(Policy(budget_trickle=0.0))
        bench.spend_budget()

        report, _ = _driven(bench, answer(401), answer(200))

        assert report.outcome == answer(200)

    def test_it_counts_as_an_attempt(self) -> None:
        """With two attempts in all, the one after the 401 is the last."""
        bench = Bench(Policy(max_attempts=2))

        report, _ = _driven(bench, answer(401), answer(429))

        assert (len(report.attempts), report.end) == (2, End.ATTEMPTS_SPENT)

    def test_later_waits_are_as_if_it_had_not_been(self) -> None:
        """The backoff counts failures of the server, and a 401 is none."""
        bench, plain = Bench(), Bench()
        request = REFRESHABLE._replace(verto=False, repeatable=True)

        report, _ = _driven(bench, answer(401), answer(503), answer(200), request=request)
        other, _ = _driven(plain, answer(503), answer(200), request=request)

        assert report.attempts[-1].waited == other.attempts[-1].waited == 0.25

    @pytest.mark.parametrize(("takes", "waits"), [(0.0, 7.0), (3.0, 4.0), (8.0, 0.0)])
    def test_not_before_the_401_says(self, takes: float, waits: float) -> None:
        """Where it carries ``Retry-After`` the new credentials wait for that, from its receipt."""
        bench = Bench()
        call = _sent(bench)
        assert isinstance(call.settle(answer(401, retry_after=7.0), bench.now), Refresh)
        bench.clock.advance(takes)

        step = call.refreshed(bench.now, renewed=True)

        source = WaitSource.RETRY_AFTER if waits else WaitSource.NONE
        assert step == Wait(waits, source)

    def test_nobody_is_asked_where_the_wait_does_not_fit(self) -> None:
        """A 401 that asks for more than the call has left goes back at once."""
        bench = Bench(Policy(call_timeout=30.0))

        report, asked_at = _driven(bench, answer(401, retry_after=29.0))

        assert (report.end, asked_at, bench.clock.sleeps) == (End.DEADLINE, [], [])

    def test_the_401_of_one_is_no_pause_for_all(self) -> None:
        """Others may have other credentials: what it asks for holds for its own call."""
        bench = Bench()
        _sent(bench).settle(answer(401, retry_after=7.0), bench.now)

        assert bench.origin.pause.remaining(bench.now) == 0.0

    def test_the_wait_is_told_with_the_401(self) -> None:
        """Those who listen hear of a resend that follows the 401, without a wait."""
        bench = Bench()

        _driven(bench, answer(401), answer(200))

        assert bench.observer.names() == ["AttemptEnded", "WaitBegan", "AttemptEnded", "CallEnded"]
        (event,) = [one for one in bench.observer.events if isinstance(one, WaitBegan)]
        assert event == WaitBegan(REFRESHABLE, 0.0, WaitSource.NONE, answer(401))

    def test_a_hook_that_takes_too_long_ends_the_call(self) -> None:
        """After the deadline nothing is sent, and the new credentials are for the next call."""
        bench = Bench(Policy(call_timeout=30.0))
        call = _sent(bench)
        call.settle(answer(401), bench.now)
        bench.clock.advance(30.0)

        assert call.refreshed(bench.now, renewed=True) == Finish(End.DEADLINE)

    def test_the_pause_and_the_circuit_are_asked_again(self) -> None:
        """What other calls learned while the hook worked holds for this one."""
        bench = Bench()
        script = bench.script(answer(401), answer(200))

        def renews() -> bool:
            bench.open_circuit()
            return True

        script.renews = renews

        assert bench.drive(script, REFRESHABLE) == "401 #1"
        assert script.report is not None
        assert script.report.end is End.CIRCUIT_OPEN

    def test_a_write_in_doubt_stays_in_doubt(self) -> None:
        """A 401 says nothing of what an earlier attempt of the call did."""
        bench = Bench()
        request = REFRESHABLE._replace(repeatable=True)

        steps = (failure(Failure.READ_TIMEOUT), answer(401), answer(403))
        report, _ = _driven(bench, *steps, request=request)

        assert report.ambiguous

    def test_no_permit_is_out_while_the_hook_works(self) -> None:
        """A hook that never returns holds no probe of the circuit."""
        bench = Bench()
        bench.open_circuit()
        bench.clock.advance(10.0)
        script = bench.script(answer(401))
        probes = []

        def renews() -> bool:
            probes.append(bench.origin.breaker.snapshot(bench.now).probes)
            return False

        script.renews = renews
        bench.drive(script, REFRESHABLE)

        assert probes == [0]

    def test_an_interrupt_in_the_hook_passes(self) -> None:
        """Ctrl-C while the hook works ends the call."""
        bench = Bench()
        script = bench.script(answer(401))

        def renews() -> bool:
            raise KeyboardInterrupt

        script.renews = renews

        with pytest.raises(KeyboardInterrupt):
            bench.drive(script, REFRESHABLE)


@pytest.mark.parametrize("key", [None, "key-1"])
def test_the_report_names_the_key(key: str | None) -> None:
    """Whoever does it again in a new call can do so under the same ``Idempotency-Key``."""
    bench = Bench()

    report, _ = _driven(bench, answer(200), request=READ._replace(idempotency_key=key))

    assert report.idempotency_key == key


def test_at_once_means_no_wait() -> None:
    """The step that follows new credentials is a wait of no length."""
    bench = Bench()
    call = _sent(bench)
    call.settle(answer(401), bench.now)

    assert call.refreshed(bench.now, renewed=True) == AT_ONCE
