"""What the observable instruments look at: the circuits and budgets of every living registry."""

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, Observation

from verto_resilience.machines import CircuitBreaker, Mode, State
from verto_resilience.pipeline import Circuits, Origin
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._labels import Labels, LabelSet


class Watched:
    """Registries held weakly, and what stands in them at a collection."""

    __slots__ = ("_labels", "_registries")

    def __init__(self, labels: Labels) -> None:
        """Watch nothing yet."""
        self._labels = labels
        self._registries: WeakKeyDictionary[Circuits, Callable[[], float]] = WeakKeyDictionary()

    def add(self, registry: Circuits, now: Callable[[], float]) -> None:
        """Watch a registry until nobody else holds it.

        Args:
            registry: The origins.
            now: Reads the clock that the registry's machines are used with.
        """
        self._registries[registry] = now

    def circuits(self, _: CallbackOptions) -> Iterable[Observation]:
        """Say for each circuit and state whether it is in it."""
        sums: dict[tuple[tuple[str, str | int | bool], ...], int] = {}
        for origin, now in self._origins():
            for key, breaker in origin.circuits():
                labels = tuple(self._labels.circuit(origin.key, key).items())
                shown = _state(breaker, now)
                for state in State:
                    series = (*labels, (names.CIRCUIT_STATE, state.value))
                    sums[series] = sums.get(series, 0) + (state is shown)
        return [Observation(value, dict(series)) for series, value in sums.items()]

    def budgets(self, _: CallbackOptions) -> Iterable[Observation]:
        """Say how many tokens each origin's budget holds."""
        sums: dict[tuple[tuple[str, str | int | bool], ...], float] = {}
        for origin, now in self._origins():
            series = tuple(self._server(origin).items())
            sums[series] = sums.get(series, 0.0) + origin.budget.balance(now)
        return [Observation(value, dict(series)) for series, value in sums.items()]

    def _origins(self) -> Iterable[tuple[Origin, float]]:
        for registry, read in list(self._registries.items()):
            now = read()
            for origin in registry.known():
                yield origin, now

    def _server(self, origin: Origin) -> LabelSet:
        return self._labels.server[origin.key, None]


def _state(breaker: CircuitBreaker, now: float) -> State:
    seen = breaker.snapshot(now)
    if seen.mode is Mode.FORCED_OPEN:
        return State.OPEN
    # The move to half-open waits for somebody to ask, which may be never.
    if seen.state is State.OPEN and seen.open_for <= 0.0:
        return State.HALF_OPEN
    return seen.state
