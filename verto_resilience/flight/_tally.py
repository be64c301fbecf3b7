"""What a recorder works with while calls go on: the open ones, and counts that never forget."""

from collections import Counter
from dataclasses import dataclass, field

from verto_resilience.flight._record import CallRecord, Step, Totals
from verto_resilience.outcome import Category
from verto_resilience.pipeline import CallEnded, End

_STEPS_KEPT = 64


@dataclass(slots=True)
class OpenCall:
    """A call that goes on."""

    number: int
    method: str
    origin: str
    operation: str | None
    began: float
    steps: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """Take note of an attempt or a wait."""
        self.steps.append(step)
        if len(self.steps) > _STEPS_KEPT:
            del self.steps[0]

    def record(
        self,
        began: float,
        ended: float | None = None,
        end: End | None = None,
        *,
        ambiguous: bool = False,
        error: str | None = None,
    ) -> CallRecord:
        """Give it as it stands, or as it ended."""
        return CallRecord(
            self.number,
            self.method,
            self.origin,
            self.operation,
            began,
            ended,
            tuple(self.steps),
            end,
            ambiguous,
            error,
        )


@dataclass(slots=True)
class Sums:
    """Counts that go on when a call is no longer kept."""

    begun: int = 0
    calls: int = 0
    attempts: int = 0
    resends: int = 0
    refused: int = 0
    unknown: int = 0
    waited: float = 0.0
    causes: Counter[tuple[Category, str]] = field(default_factory=Counter)

    def add(self, event: CallEnded) -> None:
        """Count a call that ended."""
        report = event.report
        sends = len(report.attempts)
        self.calls += 1
        self.attempts += sends
        self.resends += max(0, sends - 1)
        self.refused += not sends
        self.unknown += report.ambiguous
        self.waited += report.waited
        for attempt in report.attempts:
            self.causes[attempt.outcome.category, attempt.outcome.cause] += 1

    def totals(self) -> Totals:
        """Give them as they stand."""
        return Totals(
            calls=self.calls,
            attempts=self.attempts,
            resends=self.resends,
            refused=self.refused,
            unknown=self.unknown,
            waited=self.waited,
            causes=dict(self.causes),
        )
