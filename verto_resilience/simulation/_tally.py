"""What happened in each second of a run: counts and latencies, and nothing of single calls."""

from enum import StrEnum

from verto_resilience.machines import State, Transition


class Ending(StrEnum):
    """How a call ended for its caller; ``REFUSED`` was never sent."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


class Tally:
    """Counts by the second.

    Attributes:
        offered: Calls begun.
        arrived: Requests that arrived at the server's door.
        endings: Calls ended, by how.
        done: Pieces of work that the server finished.
        wasted: Those among them whose client had gone.
        begun_well: Calls by the second they were *begun* in that have succeeded since.
        begun_badly: As ``begun_well``, those that have failed or were refused.
        latencies: Seconds that successful calls took, by the second they ended in.
        not_closed: How many circuits were open or half-open when the second was over.
        queued: How many requests waited at the server when the second was over.
        breaks: When breaks began, and how long each was to last.
    """

    def __init__(self, seconds: int) -> None:
        """Start with nothing counted."""
        self.offered = [0] * seconds
        self.arrived = [0] * seconds
        self.endings = {ending: [0] * seconds for ending in Ending}
        self.done = [0] * seconds
        self.wasted = [0] * seconds
        self.begun_well = [0] * seconds
        self.begun_badly = [0] * seconds
        self.latencies: list[list[float]] = [[] for _ in range(seconds)]
        self.not_closed = [0] * seconds
        self.queued = [0] * seconds
        self.breaks: list[tuple[float, float]] = []
        self._not_closed = 0

    def begun(self, now: float) -> None:
        """Count a call."""
        self.offered[int(now)] += 1

    def reached(self, now: float) -> None:
        """Count a request at the door."""
        self.arrived[int(now)] += 1

    def worked(self, now: float, *, wasted: bool) -> None:
        """Count a piece of work that is finished."""
        self.done[int(now)] += 1
        if wasted:
            self.wasted[int(now)] += 1

    def ended(self, ending: Ending, began: float, now: float) -> None:
        """Count the end of a call."""
        self.endings[ending][int(now)] += 1
        if ending is Ending.SUCCEEDED:
            self.begun_well[int(began)] += 1
            self.latencies[int(now)].append(now - began)
        else:
            self.begun_badly[int(began)] += 1

    def moved(self, transition: Transition, now: float) -> None:
        """Count what a circuit did."""
        closed = State.CLOSED
        self._not_closed += (transition.before is closed) - (transition.after is closed)
        if transition.break_duration is not None:
            self.breaks.append((now, transition.break_duration))

    def second_over(self, second: int, *, queued: int) -> None:
        """Note how things stand at the end of a second."""
        self.not_closed[second] = self._not_closed
        self.queued[second] = queued
