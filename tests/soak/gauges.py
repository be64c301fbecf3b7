"""What may not grow, looked at while no call is under way."""

import gc
import threading
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.sdk.metrics.export import InMemoryMetricReader

_PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Reading:
    """One look, after a collection of garbage.

    Attributes:
        seconds: Since the beginning.
        calls: Made by then.
        resident: Memory of the process in MiB; ``None`` where the system does not tell.
        objects: What the collector follows.
        threads: Alive.
        sockets: Open, idle ones of the pools included; ``None`` where the system does not tell.
        series: Metric series, over all instruments.
    """

    seconds: float
    calls: int
    resident: float | None
    objects: int
    threads: int
    sockets: int | None
    series: int


def read(reader: InMemoryMetricReader, *, seconds: float, calls: int) -> Reading:
    """Look at everything once."""
    series = _series(reader)
    gc.collect()
    return Reading(
        seconds=seconds,
        calls=calls,
        resident=_resident(),
        objects=len(gc.get_objects()),
        threads=threading.active_count(),
        sockets=_sockets(),
        series=series,
    )


def _series(reader: InMemoryMetricReader) -> int:
    data = reader.get_metrics_data()
    if data is None:
        return 0
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def _resident() -> float | None:
    try:
        status = (_PROC / "status").read_text(encoding="ascii")
    except OSError:
        return None
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024.0


def _sockets() -> int | None:
    if not (_PROC / "fd").exists():
        return None
    count = 0
    for entry in (_PROC / "fd").iterdir():
        try:
            count += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue  # closed since it was listed
    return count
