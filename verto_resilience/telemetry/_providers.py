"""Whether anybody records: the tracer and the instruments of a real SDK, or nothing."""

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from verto_resilience.telemetry import _metric_rows as rows
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._labels import Labels
from verto_resilience.telemetry._mishaps import Mishaps
from verto_resilience.telemetry._watched import Watched

_ASK = object()
# Asked for a provider that nobody has set, the API looks into the environment, which costs each
# call more than all else here. So it is asked again only when what it has set has changed.
_of_traces = trace.get_tracer_provider.__globals__
_of_metrics = metrics.get_meter_provider.__globals__


class Tracers:
    """The tracer of the provider in force; notices when an SDK is installed later.

    Args:
        provider: The provider to use; ``None`` for the global one.
        mishaps: Where a provider that gives no tracer is noted.
    """

    __slots__ = ("_given", "_mishaps", "_provider", "_set", "_tracer")

    def __init__(self, provider: trace.TracerProvider | None, mishaps: Mishaps) -> None:
        """Look at no provider yet."""
        self._given = provider
        self._mishaps = mishaps
        self._provider: trace.TracerProvider | None = None
        self._set: object = _ASK
        self._tracer: trace.Tracer | None = None

    def current(self) -> trace.Tracer | None:
        """Give the tracer, or ``None`` when its spans would go nowhere."""
        now_set = _of_traces.get("_TRACER_PROVIDER", _ASK)
        if now_set is self._set is not _ASK:
            return self._tracer
        self._set = now_set
        provider = self._global() if self._given is None else self._given
        if provider is not self._provider:
            try:
                self._tracer = _tracer_of(provider)
            except Exception as error:  # noqa: BLE001 - a stranger's code must not reach the call
                self._tracer = None
                self._mishaps.note("asking for a tracer", error)
            self._provider = provider
        return self._tracer

    def _global(self) -> trace.TracerProvider:
        try:
            return trace.get_tracer_provider()
        except Exception as error:  # noqa: BLE001 - the environment may name one that is not there
            self._mishaps.note("asking for a tracer provider", error)
            # Looking for it again would cost each call some milliseconds.
            self._given = trace.NoOpTracerProvider()
            return self._given


class Meters:
    """The instruments of the provider in force; notices when an SDK is installed later.

    Args:
        provider: The provider to use; ``None`` for the global one.
        mishaps: Where a provider that gives no instruments is noted.
    """

    __slots__ = ("_given", "_instruments", "_mishaps", "_provider", "_set")

    def __init__(self, provider: metrics.MeterProvider | None, mishaps: Mishaps) -> None:
        """Look at no provider yet."""
        self._given = provider
        self._mishaps = mishaps
        self._provider: metrics.MeterProvider | None = None
        self._set: object = _ASK
        self._instruments: Instruments | None = None

    def current(self) -> "Instruments | None":
        """Give the instruments, or ``None`` when what they record would go nowhere."""
        now_set = _of_metrics.get("_METER_PROVIDER", _ASK)
        if now_set is self._set is not _ASK:
            return self._instruments
        self._set = now_set
        provider = self._global() if self._given is None else self._given
        if provider is not self._provider:
            try:
                self._instruments = _instruments_of(provider)
            except Exception as error:  # noqa: BLE001 - a stranger's code must not reach the call
                self._instruments = None
                self._mishaps.note("asking for instruments", error)
            self._provider = provider
        return self._instruments

    def _global(self) -> metrics.MeterProvider:
        try:
            return metrics.get_meter_provider()
        except Exception as error:  # noqa: BLE001 - the environment may name one that is not there
            self._mishaps.note("asking for a meter provider", error)
            # Looking for it again would cost each call some milliseconds.
            self._given = metrics.NoOpMeterProvider()
            return self._given


class Instruments:
    """Every instrument of one meter, made once and shared by all adapters of the process.

    Attributes:
        labels: The sets of attributes recorded with them.
        watched: The registries that the observable instruments look at.
    """

    __slots__ = (
        "api_errors",
        "budget_refusals",
        "call_duration",
        "http_duration",
        "labels",
        "overruled",
        "pause_delay",
        "pause_duration",
        "pauses",
        "rejections",
        "resend_delay",
        "resends",
        "store_ignored",
        "store_transitions",
        "transitions",
        "unknown_outcomes",
        "watched",
    )

    def __init__(self, meter: Meter) -> None:
        """Make them."""
        self.labels = Labels()
        self.watched = Watched(self.labels)
        self.http_duration = _histogram(meter, rows.HTTP_DURATION)
        self.call_duration = _histogram(meter, rows.CALL_DURATION)
        self.resends = _counter(meter, rows.RESENDS)
        self.resend_delay = _histogram(meter, rows.RESEND_DELAY)
        self.pauses = _counter(meter, rows.PAUSES)
        self.pause_duration = _histogram(meter, rows.PAUSE_DURATION)
        self.pause_delay = _histogram(meter, rows.PAUSE_DELAY)
        self.transitions = _counter(meter, rows.CIRCUIT_TRANSITIONS)
        self.overruled = _counter(meter, rows.CIRCUIT_OVERRULED)
        self.rejections = _counter(meter, rows.REJECTIONS)
        self.budget_refusals = _counter(meter, rows.BUDGET_REFUSALS)
        self.api_errors = _counter(meter, rows.API_ERRORS)
        self.unknown_outcomes = _counter(meter, rows.UNKNOWN_OUTCOMES)
        self.store_transitions = _counter(meter, rows.STORE_TRANSITIONS)
        self.store_ignored = _counter(meter, rows.STORE_IGNORED)
        _observable(meter, rows.CIRCUIT_STATUS, self.watched.circuits)
        _observable(meter, rows.BUDGET_BALANCE, self.watched.budgets)


_made: WeakKeyDictionary[metrics.MeterProvider, Instruments | None] = WeakKeyDictionary()
_making = Lock()


def _tracer_of(provider: trace.TracerProvider) -> trace.Tracer | None:
    if _does_nothing(provider):
        return None
    tracer = provider.get_tracer(names.SCOPE, _version(), names.SCHEMA_URL)
    return None if _does_nothing(tracer) else tracer


def _instruments_of(provider: metrics.MeterProvider) -> Instruments | None:
    if _does_nothing(provider):
        return None
    with _making:
        if provider not in _made:
            meter = provider.get_meter(names.SCOPE, _version(), names.SCHEMA_URL)
            _made[provider] = None if _does_nothing(meter) else Instruments(meter)
        return _made[provider]


def _does_nothing(given: object) -> bool:
    """Whether it is one of the API's own: those are stand-ins, until an SDK brings its own."""
    return type(given).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


def _version() -> str:
    try:
        return version("verto-resilience")
    except PackageNotFoundError:
        # Used from a folder that was never installed.
        return "0"


def _histogram(meter: Meter, row: rows.MetricRow) -> Histogram:
    return meter.create_histogram(
        row.name, row.unit, row.meaning, explicit_bucket_boundaries_advisory=row.buckets
    )


def _counter(meter: Meter, row: rows.MetricRow) -> Counter:
    return meter.create_counter(row.name, row.unit, row.meaning)


def _observable(
    meter: Meter,
    row: rows.MetricRow,
    observe: Callable[[CallbackOptions], Iterable[Observation]],
) -> None:
    meter.create_observable_up_down_counter(row.name, [observe], row.unit, row.meaning)
