"""One call: asks the machines, and says what to do next. It neither sends nor sleeps.

``admit`` before each send, ``settle`` or ``abandon`` after it; each gives a value that the loop in
``_drive.py`` obeys. What happened meanwhile is collected in ``events``, to be published when no
lock is held.
"""

from collections.abc import Callable

from verto_resilience.machines import (
    Permit,
    Refusal,
    Transition,
    full_jitter,
    within,
)
from verto_resilience.outcome import (
    Category,
    Failure,
    Health,
    Outcome,
    Resend,
    WaitRule,
    classify_failure,
)
from verto_resilience.pipeline._events import (
    AttemptEnded,
    BodyFailed,
    BudgetSpent,
    CallRefused,
    CircuitMoved,
    Event,
    OutcomeUnknown,
    PauseBegan,
    RefusalOverruled,
    WaitBegan,
)
from verto_resilience.pipeline._origin import Origin
from verto_resilience.pipeline._policy import Policy
from verto_resilience.pipeline._report import Attempt, CallReport, End, WaitSource
from verto_resilience.pipeline._request import CallRequest
from verto_resilience.pipeline._steps import (
    ANSWERED,
    REFRESH,
    SEND,
    Admission,
    Finish,
    Refresh,
    Rejection,
    Settlement,
    Wait,
)

# Bound once: Python 3.11 takes its time to find a member on its enum, and every call needs ten.
_NO_WAIT = WaitSource.NONE
_NEVER, _AFTER_REFRESH = Resend.NEVER, Resend.AFTER_REFRESH
_GOOD, _BAD, _NO_SIGN = Health.GOOD, Health.BAD, Health.UNKNOWN
_SUCCESS, _API_FAILURE, _RATE_LIMITED = (
    Category.SUCCESS,
    Category.API_FAILURE,
    Category.RATE_LIMITED,
)


class Call:
    """The state of one call, used by one thread.

    Args:
        request: What is to be sent.
        origin: The machines that answer for it.
        policy: The settings.
        chance: Gives numbers from 0 up to 1.
        now: Monotonic seconds; the call's clock starts here.
        keeps_routine: Whether to make events of what went as it should, too.

    Attributes:
        deadline: Monotonic seconds after which nothing new is started.
        ambiguous: Whether a write may have been executed although it was not seen to succeed.
        possibly_executed: Whether the last answer may speak of an earlier attempt of this call.
        events: What happened since :meth:`take_events`.
    """

    __slots__ = (
        "_answered_at",
        "_attempts",
        "_breaker",
        "_chance",
        "_charged",
        "_free",
        "_key",
        "_origin",
        "_permit",
        "_policy",
        "_refreshed",
        "_sent_at",
        "_under_way",
        "_wait_source",
        "_waited",
        "ambiguous",
        "deadline",
        "events",
        "keeps_routine",
        "possibly_executed",
        "request",
    )

    def __init__(
        self,
        request: CallRequest,
        origin: Origin,
        policy: Policy,
        *,
        chance: Callable[[], float],
        now: float,
        keeps_routine: bool = True,
    ) -> None:
        """Start the call's clock."""
        self.request = request
        self.keeps_routine = keeps_routine
        self.deadline = now + policy.call_timeout
        self.ambiguous = False
        self.possibly_executed = False
        self.events: list[Event] = []
        self._origin = origin
        self._policy = policy
        self._chance = chance
        self._key, self._breaker = origin.circuit(request.operation)
        self._permit: Permit | None = None
        self._under_way = False
        self._attempts: tuple[Attempt, ...] = ()
        # Sends that are not charged: one resend after a connection that had gone stale.
        self._free = 0
        # Whether the wait just given has cost a token of the budget.
        self._charged = False
        # Resends with new credentials: at most one, which no backoff counts.
        self._refreshed = 0
        # When the 401 before them came.
        self._answered_at = now
        self._sent_at = now
        self._waited = 0.0
        self._wait_source = _NO_WAIT

    @property
    def number(self) -> int:
        """The number of the send that is on its way or comes next, from 1."""
        return len(self._attempts) + 1

    @property
    def waited(self) -> float:
        """Seconds waited since the last send, or since the start."""
        return self._waited

    @property
    def wait_source(self) -> WaitSource:
        """What set that wait."""
        return self._wait_source

    @property
    def probes(self) -> bool:
        """Whether a half-open circuit tries its origin with the send that is on its way."""
        return self._permit is not None and self._permit.probe

    def admit(self, now: float) -> Admission:
        """Ask to send: first the origin's pause, then its circuit.

        Args:
            now: Monotonic seconds.
        """
        left = self._origin.pause.remaining(now)
        if left > 0.0:
            # Asked before a turn is taken: the first turn is not to go to one who cannot wait.
            if now + left >= self._latest:
                return self._reject(Rejection(End.PAUSED, self._origin.key, left))
            turn = self._origin.pause.wait(now)
            fits = now + turn < self._latest
            return self._wait(turn if fits else left, WaitSource.PAUSE, None)
        if now >= self.deadline:
            return Rejection(End.DEADLINE, self._origin.key, None)
        answer = self._breaker.try_acquire(now)
        if answer.transition is not None:
            self._moved(answer.transition, now)
        if isinstance(answer, Refusal):
            return self._reject(Rejection(End.CIRCUIT_OPEN, self._key, answer.retry_after, answer))
        if answer.overruled is not None:
            self.events.append(RefusalOverruled(self.request, answer.overruled))
        if not self._attempts:
            # Only what is sent earns its share: refusals must not fill the bucket in an outage.
            self._origin.budget.deposit()
        self._permit = answer
        self._under_way = True
        self._sent_at = now
        return SEND

    def settle(self, outcome: Outcome, now: float) -> Settlement:
        """Take in what an attempt brought, and say whether to send again.

        Args:
            outcome: The attempt, classified.
            now: Monotonic seconds.

        Returns:
            ``Wait`` when it is to be resent after that time: its token is already taken from the
            budget. ``Refresh`` after a 401, once, when there is somebody to ask. Else ``Finish``.
        """
        self._charged = False
        self._inform(outcome, now)
        self._note(outcome, now)
        if outcome.resend is _NEVER:
            return ANSWERED
        is_free = outcome.failure is Failure.STALE_CONNECTION and not self._free
        if is_free:
            self._free = 1
        end = self._why_not(outcome)
        if end is not None:
            return Finish(end)
        if outcome.resend is _AFTER_REFRESH:
            told = outcome.retry_after
            if now >= self.deadline or (told is not None and now + told >= self._latest):
                return Finish(End.DEADLINE)
            self._refreshed = 1
            self._answered_at = now
            return REFRESH
        if is_free and now < self.deadline:
            return self._wait(0.0, WaitSource.NONE, outcome)
        return self._resend(outcome, now)

    def cannot_resend(self, step: Wait | Refresh) -> Finish:
        """Take back what :meth:`settle` just said: the body would not be rewound after all."""
        if isinstance(step, Wait):
            # The last one tells of this wait, and nobody has heard it yet.
            self.events.pop()
            self._waited = 0.0
            self._wait_source = _NO_WAIT
            if self._charged:
                self._origin.budget.give_back()
        return Finish(End.BODY_NOT_REPLAYABLE)

    def refreshed(self, now: float, *, renewed: bool) -> Settlement:
        """Say whether to send again, now that new credentials were asked for.

        Args:
            now: Monotonic seconds.
            renewed: Whether there are new ones.

        Returns:
            ``Wait`` when it is to be resent, of no length unless the 401 asked for one; it costs no
            token of the budget, for the server has refused to do anything. Else ``Finish``.
        """
        if not renewed:
            return ANSWERED
        if now >= self.deadline:
            return Finish(End.DEADLINE)
        outcome = self._attempts[-1].outcome
        # What the server asked for counts from its answer: the hook has taken its time since.
        left = (outcome.retry_after or 0.0) - (now - self._answered_at)
        if left <= 0.0:
            return self._wait(0.0, WaitSource.NONE, outcome)
        return self._wait(left, WaitSource.RETRY_AFTER, outcome)

    def too_late(self) -> Rejection:
        """Give the permit back, for the deadline passed between :meth:`admit` and the send."""
        self._release()
        return Rejection(End.DEADLINE, self._origin.key, None)

    def abandon(self, now: float) -> CallReport:
        """End the call because its caller went away, which says nothing about the origin.

        Args:
            now: Monotonic seconds.

        Returns:
            The report; a send that was under way is its last attempt, with unknown outcome.
        """
        if self._release():
            self._note(_BROKEN_OFF, now)
        return self.report(End.INTERRUPTED)

    def fail_late(self, failure: Failure, now: float) -> None:
        """Count a body that failed in the caller's hands, if the attempt had counted as good.

        A write is unknown from then on: its answer was not seen to its end.
        """
        if self._permit is not None and self._attempts[-1].outcome.health is Health.GOOD:
            self.events.append(BodyFailed(self.request, failure))
            moved = self._breaker.fail_late(self._permit, now=now, failure=failure.value)
            if moved is not None:
                self._moved(moved, now)
        if self._attempts and self.request.writes and not self.ambiguous:
            self.ambiguous = True
            self.events.append(OutcomeUnknown(self.request, classify_failure(failure)))

    def report(self, end: End) -> CallReport:
        """End the call, and say what became of it."""
        if self.ambiguous:
            self.events.append(OutcomeUnknown(self.request, self._attempts[-1].outcome))
        return CallReport(
            self._attempts,
            end,
            self.request.operation,
            self.ambiguous,
            self.possibly_executed,
            self.request.correlation_id,
            self.request.idempotency_key,
        )

    def take_events(self) -> list[Event]:
        """Give what happened since the last question, and forget it."""
        events, self.events = self.events, []
        return events

    @property
    def _latest(self) -> float:
        """When a resend may begin at the latest.

        One with next to nothing left would only turn a clear answer into a doubtful one.
        """
        return self.deadline - min(_LEAST_LEFT, self._policy.call_timeout * _LEAST_SHARE)

    def _release(self) -> bool:
        """Give the permit back, if a send is under way; it was neither good nor bad."""
        permit = self._permit
        if permit is None or not self._under_way:
            return False
        self._breaker.release(permit)
        self._permit = None
        return True

    def _inform(self, outcome: Outcome, now: float) -> None:
        """Tell breaker and pause."""
        permit, self._under_way = self._permit, False
        if permit is None:
            message = "settle() without admit()"
            raise RuntimeError(message)
        if outcome.health is _NO_SIGN:
            self._breaker.release(permit)
        else:
            bad = outcome.health is _BAD
            moved = self._breaker.record(
                permit, bad=bad, now=now, failure=outcome.cause if bad else None
            )
            if moved is not None:
                self._moved(moved, now)
        if outcome.category is _RATE_LIMITED or (
            outcome.retry_after is not None and outcome.resend is not _AFTER_REFRESH
        ):
            # What a 401 says is between it and its caller: others may have other credentials.
            pausing = self._origin.pause.hold(outcome.retry_after, sent_at=self._sent_at, now=now)
            if pausing is not None:
                self._origin.stay(now)
            if pausing is not None and outcome.status is not None:
                self.events.append(PauseBegan(self._origin.key, pausing, outcome.status))
        elif outcome.health is _GOOD:
            self._origin.pause.forgive(sent_at=self._sent_at)

    def _note(self, outcome: Outcome, now: float) -> None:
        """Keep the attempt, and what it means for a write."""
        attempt = Attempt(
            self.number, outcome, now - self._sent_at, self._waited, self._wait_source
        )
        self._attempts += (attempt,)
        self._waited = 0.0
        self._wait_source = _NO_WAIT
        if self.keeps_routine or outcome.category is not _SUCCESS:
            self.events.append(AttemptEnded(self.request, attempt))
        if outcome.category is _SUCCESS:
            self.ambiguous = False
        elif outcome.may_have_executed:
            self.ambiguous = self.request.writes
        # A refusal does not undo what an earlier attempt may have done, and may well be about it.
        self.possibly_executed = self.ambiguous and (
            outcome.status in _CONFLICTS
            or outcome.category is _API_FAILURE
            or (outcome.status in _GONE and self.request.method.upper() == "DELETE")
        )

    def _why_not(self, outcome: Outcome) -> End | None:
        """Say what forbids a resend whatever the wait, or ``None``."""
        request = self.request
        if outcome.resend is _AFTER_REFRESH and (
            self._refreshed or not request.refreshable or request.logs_in
        ):
            return End.ANSWERED
        if outcome.resend is Resend.IF_REPEATABLE and not request.repeatable:
            return End.NOT_REPEATABLE
        if not request.replayable:
            return End.BODY_NOT_REPLAYABLE
        if len(self._attempts) - self._free >= self._policy.max_attempts:
            return End.ATTEMPTS_SPENT
        return None

    def _resend(self, outcome: Outcome, now: float) -> Settlement:
        told = max(outcome.retry_after or 0.0, self._origin.pause.remaining(now))
        if now + told >= self._latest:
            return Finish(End.DEADLINE)
        seconds, source = self._wait_before_resend(outcome, now)
        if now + seconds >= self._latest:
            return Finish(End.DEADLINE)
        if self._breaker.refuses_for(now) > seconds:
            # It would wait only to be refused.
            return Finish(End.CIRCUIT_OPEN)
        if not self._origin.budget.try_withdraw(now):
            self.events.append(BudgetSpent(self.request))
            return Finish(End.BUDGET_SPENT)
        self._charged = True
        return self._wait(seconds, source, outcome)

    def _wait_before_resend(self, outcome: Outcome, now: float) -> tuple[float, WaitSource]:
        """Say how long to wait, in seconds, and what sets that."""
        seconds, source = self._own_wait(outcome, now)
        if self._origin.pause.remaining(now) > seconds:
            # Somebody else's answer closed the gate for longer: one wait instead of two.
            return self._origin.pause.wait(now), WaitSource.PAUSE
        return seconds, source

    def _own_wait(self, outcome: Outcome, now: float) -> tuple[float, WaitSource]:
        """Say what this answer alone asks for."""
        policy, resend = self._policy, len(self._attempts) - self._free - self._refreshed
        if outcome.retry_after is not None:
            # The gate's own turn is spread over the ramp, and never before what was told.
            turn = max(outcome.retry_after, self._origin.pause.wait(now))
            return turn, WaitSource.RETRY_AFTER
        if outcome.category is Category.RATE_LIMITED:
            return self._origin.pause.wait(now), WaitSource.BACKOFF
        if outcome.wait is WaitRule.SERVER_ERROR_BAND and self.request.verto:
            low, high = policy.server_error_wait_min, policy.server_error_wait_max
            return within(low, high, chance=self._chance()), WaitSource.SERVER_ERROR_BAND
        seconds = full_jitter(
            resend, base=policy.backoff_base, limit=policy.backoff_limit, chance=self._chance()
        )
        return seconds, WaitSource.BACKOFF

    def _wait(self, seconds: float, source: WaitSource, outcome: Outcome | None) -> Wait:
        self._waited += seconds
        if source is not WaitSource.PAUSE or self._wait_source is WaitSource.NONE:
            self._wait_source = source
        self.events.append(WaitBegan(self.request, seconds, source, outcome))
        return Wait(seconds, source)

    def _reject(self, rejection: Rejection) -> Rejection:
        self.events.append(CallRefused(self.request, rejection.end, rejection.retry_after))
        return rejection

    def _moved(self, transition: Transition, now: float) -> None:
        self._origin.stay(now)
        self.events.append(CircuitMoved(self._origin.key, self._key, transition))


_CONFLICTS = frozenset({400, 409})
_GONE = frozenset({404, 410})
# Seconds, and share of call_timeout, that a resend must have left: the smaller of the two.
_LEAST_LEFT = 1.0
_LEAST_SHARE = 0.1
_BROKEN_OFF = classify_failure(Failure.UNKNOWN)
