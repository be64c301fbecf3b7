"""The incidents: what goes wrong with an origin, and when."""

from dataclasses import asdict, dataclass, field, replace

WORKERS = 3
SERVICE = 0.05
"""Three workers and 50 ms for each request: the origin answers sixty requests a second, no more."""

PATHS = (
    "/orders/v2.1/fx",
    "/orders/v2.1/fx/1042",
    "/profile/v2.1/wallets",
    "/profile/v2.1/purpose",
    "/profile/v2.1/beneficiaries",
    "/profile/v2.1/beneficiaries/7",
    "/profile/v2.1/request",
    "/fx/health",
    "/fx/1042",
    "/payments/1042",
)
"""Ten documented reads, called in turn."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is wrong for a while; where nothing is, the origin answers well.

    Attributes:
        start: Seconds from the beginning of the trigger.
        end: As ``start``.
        failing: Share of the requests that are answered 503, after as much work as any.
        service: Seconds that a request keeps a worker, at the start and at the end.
        retry_after: Every request is answered 429 with this, at the door; ``None`` for not.
        reset: Whether every request is answered by a reset of its connection.
        path: Only requests for this path; ``None`` for all.
    """

    start: float
    end: float
    failing: float = 0.0
    service: tuple[float, float] = (SERVICE, SERVICE)
    retry_after: int | None = None
    reset: bool = False
    path: str | None = None

    def service_at(self, instant: float) -> float:
        """Give the seconds that a request keeps a worker, taken up at this instant."""
        passed = (instant - self.start) / (self.end - self.start)
        return self.service[0] + passed * (self.service[1] - self.service[0])


NOTHING = Stage(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Incident:
    """One story.

    Attributes:
        name: In names of files.
        title: In pages.
        story: What happens, for people.
        stages: One after the other, from the beginning of the trigger to its end.
    """

    name: str
    title: str
    story: str
    stages: tuple[Stage, ...] = field(default=())

    @property
    def length(self) -> float:
        """Seconds from the beginning of the trigger to its end."""
        return self.stages[-1].end

    def shortened(self, factor: float) -> "Incident":
        """Give the same in less time."""
        shorter = (
            replace(stage, start=stage.start * factor, end=stage.end * factor)
            for stage in self.stages
        )
        return replace(self, stages=tuple(shorter))

    def as_data(self, before: float) -> list[dict[str, object]]:
        """Give the stages as plain data, with seconds from the beginning of the run."""
        moved = (
            replace(stage, start=stage.start + before, end=stage.end + before)
            for stage in self.stages
        )
        return [asdict(stage) for stage in moved]


INCIDENTS = (
    Incident(
        "error-spike",
        "Error spike",
        "Every request is answered 503 for one second.",
        (Stage(0.0, 1.0, failing=1.0),),
    ),
    Incident(
        "slow-creep",
        "Slow creep",
        "Within five seconds a request comes to take 0.5 s instead of 0.05 s; then all is well.",
        (Stage(0.0, 5.0, service=(SERVICE, 10 * SERVICE)),),
    ),
    Incident(
        "half-failing",
        "Half of the calls failing",
        "For five seconds every request is answered 503 with a chance of one half.",
        (Stage(0.0, 5.0, failing=0.5),),
    ),
    Incident(
        "oscillation",
        "Oscillation",
        "One second in which all fail, one in which all is well, and so on, for five seconds.",
        (
            Stage(0.0, 1.0, failing=1.0),
            Stage(2.0, 3.0, failing=1.0),
            Stage(4.0, 5.0, failing=1.0),
        ),
    ),
    Incident(
        "throttling-storm",
        "Throttling storm",
        "For five seconds every request is answered 429 with `Retry-After: 1`.",
        (Stage(0.0, 5.0, retry_after=1),),
    ),
    Incident(
        "bad-route",
        "One bad route of ten",
        "For five seconds one path of ten is answered 503; the others are well.",
        (Stage(0.0, 5.0, failing=1.0, path=PATHS[3]),),
    ),
    Incident(
        "total-outage",
        "Total outage and recovery",
        "For five seconds every request is answered by a reset of its connection.",
        (Stage(0.0, 5.0, reset=True),),
    ),
)
