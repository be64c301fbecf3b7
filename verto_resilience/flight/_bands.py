"""When an origin was not called freely: circuits that were not closed, and pauses. Pure."""

from dataclasses import dataclass

from verto_resilience.flight._record import Flight
from verto_resilience.machines import State


@dataclass(frozen=True, slots=True)
class Band:
    """A time during which an origin was not called freely.

    Attributes:
        key: Whose: a circuit or an origin.
        kind: ``open`` or ``half_open`` of a circuit, ``pause`` of an origin.
        began: When it began.
        ended: When it was over, or the end of the record.
        why: A few words.
    """

    key: str
    kind: str
    began: float
    ended: float
    why: str

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.ended - self.began


def circuit_bands(flight: Flight) -> list[Band]:
    """Give the times at which each circuit was open or half-open."""
    bands: list[Band] = []
    since: dict[str, tuple[State, float, str]] = {}
    for move in flight.moves:
        state, began, why = since.get(move.key, (move.before, flight.began, ""))
        bands += _band(move.key, state, began, move.at, why)
        said = [] if move.reason is None else [move.reason]
        said += [] if move.last_failure is None else [f"last failure {move.last_failure}"]
        since[move.key] = (move.after, move.at, ", ".join(said).replace("_", " "))
    for key, (state, began, why) in since.items():
        bands += _band(key, state, began, flight.until, why)
    return sorted(bands, key=lambda band: (band.key, band.began))


def pause_bands(flight: Flight) -> list[Band]:
    """Give the times at which each origin was paused; a pause that grew is one."""
    latest: dict[str, Band] = {}
    bands: list[Band] = []
    for pause in flight.pauses:
        why = f"{pause.status}, {'as told' if pause.told else 'no time told'}"
        ended = min(pause.at + pause.seconds, flight.until)
        band = Band(pause.origin, "pause", pause.at, ended, why)
        before = latest.get(pause.origin)
        if before is not None and pause.at <= before.ended:
            bands.remove(before)
            band = Band(pause.origin, "pause", before.began, max(before.ended, ended), why)
        latest[pause.origin] = band
        bands.append(band)
    return sorted(bands, key=lambda band: (band.key, band.began))


def _band(key: str, state: State, began: float, ended: float, why: str) -> list[Band]:
    return [] if state is State.CLOSED else [Band(key, state.value, began, ended, why)]
