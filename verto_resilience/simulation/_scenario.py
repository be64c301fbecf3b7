"""What is simulated: clients, a server, and what goes wrong with it; checked as a whole."""

from dataclasses import dataclass
from enum import StrEnum

from verto_resilience.errors import ConfigurationError
from verto_resilience.pipeline import plain_number


class IncidentKind(StrEnum):
    """What goes wrong with the server; ``severity`` is the share of it that is lost.

    ``NONE``: nothing. ``OUTAGE``: connections are refused, and what was under way is reset.
    ``BROWNOUT``: each piece of work takes longer. ``CAPACITY``: workers are gone; with a severity
    of 1 the server hangs. ``ERRORS``: requests are answered 503 after as much work as any.
    ``THROTTLING``: requests are answered 429 at the door, with ``Retry-After``.
    """

    NONE = "none"
    OUTAGE = "outage"
    BROWNOUT = "brownout"
    CAPACITY = "capacity"
    ERRORS = "errors"
    THROTTLING = "throttling"


class ServiceTimes(StrEnum):
    """How the time that a request keeps a worker is spread around its mean.

    ``LOGNORMAL`` has a long tail: one request in a hundred takes six times the mean.
    """

    CONSTANT = "constant"
    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One story, the same for every policy.

    Attributes:
        clients: Processes, each with machines of its own.
        rate: Calls in a second, of all clients together.
        timeout: Seconds that the application gives an attempt.
        workers: Requests the server works on at once.
        service: Seconds that a request keeps a worker, in the mean.
        service_times: How they are spread.
        queue: Requests that may wait for a worker; more are answered 503 at the door. ``None`` for
            any number.
        incident: What goes wrong.
        severity: Share of the server that is lost by it, above 0 up to 1.
        start: Second at which it begins.
        length: Seconds that it lasts.
        retry_after: Seconds told with a 429; ``None`` for a 429 that names no time.
        seconds: Length of the whole run.
        seed: Of chance.

    Raises:
        ConfigurationError: One error that lists every bad value and impossible combination.
    """

    clients: int = 1000
    rate: float = 100.0
    timeout: float = 1.0
    workers: int = 10
    service: float = 0.08
    service_times: ServiceTimes = ServiceTimes.EXPONENTIAL
    queue: int | None = None
    incident: IncidentKind = IncidentKind.BROWNOUT
    severity: float = 0.9
    start: float = 60.0
    length: float = 60.0
    retry_after: float | None = 10.0
    seconds: int = 600
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the whole."""
        problems = self._problems()
        if problems:
            raise ConfigurationError(f"simulation: {'; '.join(problems)}", problems=tuple(problems))

    @property
    def end(self) -> float:
        """Second at which the incident is gone."""
        return self.start if self.incident is IncidentKind.NONE else self.start + self.length

    @property
    def capacity(self) -> float:
        """Requests that the healthy server can answer in a second."""
        return self.workers / self.service

    def _problems(self) -> list[str]:
        problems = []
        for name, (low, high, above) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            if not (low < value if above else low <= value) or not value <= high:
                bound = f"above {plain_number(low)}" if above else f"from {plain_number(low)}"
                problems.append(
                    f"{name} is {plain_number(value)}: allowed is {bound} up to "
                    f"{plain_number(high)}"
                )
        if problems:
            return problems
        if self.incident is not IncidentKind.NONE and self.end >= self.seconds:
            problems.append(
                f"the incident ends at {plain_number(self.end)} s, and seconds is "
                f"{plain_number(self.seconds)}: nothing after it would be seen"
            )
        if self.incident is IncidentKind.BROWNOUT and self.severity >= 1.0:
            problems.append("a brownout of severity 1 never ends a piece of work; see capacity")
        calls = self.rate * self.seconds
        if calls > _MOST_CALLS:
            problems.append(
                f"rate times seconds is {calls:,.0f} calls: allowed are {_MOST_CALLS:,}"
            )
        return problems


_DAY = 86_400.0
_MOST_CALLS = 10_000_000
_OPTIONAL = frozenset({"queue", "retry_after"})
# Least value, greatest value, and whether the least itself is excluded.
_RANGES: dict[str, tuple[float, float, bool]] = {
    "clients": (1, 10_000, False),
    "rate": (0.0, 100_000.0, True),
    "timeout": (0.0, _DAY, True),
    "workers": (1, 100_000, False),
    "service": (0.0, _DAY, True),
    "queue": (0, 10_000_000, False),
    "severity": (0.0, 1.0, True),
    "start": (1.0, _DAY, False),
    "length": (0.0, _DAY, True),
    "retry_after": (1.0, _DAY, False),
    "seconds": (10.0, _DAY, False),
}
