import math
from itertools import pairwise
from random import Random

import pytest

from tests.simulation.makers import run, scenario
from verto_resilience.simulation import Ending, IncidentKind, Played, ServiceTimes, Strategy
from verto_resilience.simulation._agenda import Agenda
from verto_resilience.simulation._server import Answer, Request, Server
from verto_resilience.simulation._tally import Tally


def _healthy(rate: float, workers: int, *, service: float = 0.05) -> Played:
    """Play some 36,000 calls to a server that nobody leaves."""
    return run(
        Strategy.NONE,
        incident=IncidentKind.NONE,
        rate=rate,
        workers=workers,
        service=service,
        timeout=3600.0,
        seconds=round(36_000 / rate),
    )


def _mean_latency(played: Played) -> float:
    latencies = [taken for second in played.tally.latencies for taken in second]
    return sum(latencies) / len(latencies)


def _erlang_c(workers: int, load: float) -> float:
    """Give the chance that a request has to wait (Erlang's second formula)."""
    last = load**workers / math.factorial(workers) * workers / (workers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(workers)) + last)


@pytest.mark.parametrize(("rate", "workers"), [(10.0, 1), (32.0, 2), (150.0, 10)])
def test_time_in_the_system_is_erlangs(rate: float, workers: int) -> None:
    """A healthy server is an M/M/c queue: the mean time in it is the known closed form."""
    service = 0.05

    played = _healthy(rate, workers, service=service)

    wait = _erlang_c(workers, rate * service) / (workers / service - rate)
    assert _mean_latency(played) == pytest.approx(service + wait, rel=0.06)


def test_queue_is_as_long_as_little_says() -> None:
    """The mean queue of a single server is the rate times the mean wait (Little's law)."""
    played = _healthy(14.0, 1)

    waits = _mean_latency(played) - 0.05
    queued = sum(played.tally.queued) / len(played.tally.queued)
    assert queued == pytest.approx(14.0 * waits, rel=0.1)


@pytest.mark.parametrize("kind", ServiceTimes)
def test_service_times_have_the_mean_that_was_asked_for(kind: ServiceTimes) -> None:
    """However they are spread, a server that is never idle does workers / service in a second."""
    played = run(
        Strategy.NONE, incident=IncidentKind.NONE, service_times=kind, rate=60.0, seconds=600
    )

    done = sum(played.tally.done[100:]) / 500
    assert done == pytest.approx(25.0, rel=0.04)


class Bench:
    """A server of one worker that takes a second, and what it answers to whom."""

    def __init__(self, incident: IncidentKind, severity: float = 1.0, **changes: object) -> None:
        """Start it, with an incident from second 10 to 20."""
        story = scenario(
            incident=incident,
            severity=severity,
            start=10.0,
            length=10.0,
            workers=1,
            service=1.0,
            service_times=ServiceTimes.CONSTANT,
            **changes,
        )
        self.agenda = Agenda()
        self.tally = Tally(story.seconds)
        self.server = Server(story, self.agenda, self.tally, Random(1))
        self.answers: list[tuple[float, str, Answer]] = []

    def send(self, name: str, at: float, *, gone_at: float = math.inf) -> None:
        """Send a request then; its client may leave before the answer."""
        self.agenda.at(at, self._send, (name, gone_at))

    def play(self) -> list[tuple[float, str, Answer]]:
        """Play it all, and give when each was answered what."""
        self.agenda.run(until=100.0)
        return self.answers

    def _send(self, told: tuple[str, float]) -> None:
        name, gone_at = told
        request = Request(_Sender(self, name))
        answer = self.server.take(request)
        if answer is not None:
            self.answers.append((self.agenda.now, name, answer))
        elif gone_at < math.inf:
            self.agenda.at(gone_at, request.answer, Answer.TIMED_OUT)


class _Sender:
    def __init__(self, bench: Bench, name: str) -> None:
        self._bench, self._name = bench, name

    def answered(self, answer: Answer) -> None:
        self._bench.answers.append((self._bench.agenda.now, self._name, answer))


def test_requests_are_answered_in_the_order_of_arrival() -> None:
    """Who comes second waits for the first."""
    bench = Bench(IncidentKind.NONE)
    for name, at in (("a", 1.0), ("b", 1.1), ("c", 1.2)):
        bench.send(name, at)

    answers = bench.play()

    assert [name for _, name, _ in answers] == ["a", "b", "c"]
    assert all(
        later - earlier == pytest.approx(1.0) for (earlier, *_), (later, *_) in pairwise(answers)
    )


def test_work_for_a_client_that_has_gone_is_done_all_the_same() -> None:
    """It keeps the worker as long as any, is answered to nobody, and counts as wasted."""
    bench = Bench(IncidentKind.NONE)
    bench.send("gone", 1.0, gone_at=1.5)
    bench.send("next", 1.2)

    answers = bench.play()

    assert answers == [(1.5, "gone", Answer.TIMED_OUT), (3.0, "next", Answer.OK)]
    assert (sum(bench.tally.done), sum(bench.tally.wasted)) == (2, 1)


def test_a_full_queue_is_answered_at_the_door() -> None:
    """A request for which there is no room is a 503 that costs no work."""
    bench = Bench(IncidentKind.NONE, queue=1)
    for name, at in (("works", 1.0), ("waits", 1.1), ("too many", 1.2)):
        bench.send(name, at)

    answers = bench.play()

    assert answers[0] == (1.2, "too many", Answer.ERROR)
    assert sum(bench.tally.done) == 2


def test_an_outage_resets_what_is_under_way_and_refuses_the_rest() -> None:
    """Who was being served or waited is reset at its start; whoever comes later is refused."""
    bench = Bench(IncidentKind.OUTAGE)
    for name, at in (("served", 9.5), ("waiting", 9.6), ("later", 15.0), ("after", 25.0)):
        bench.send(name, at)

    answers = bench.play()

    assert answers == [
        (10.0, "served", Answer.RESET),
        (10.0, "waiting", Answer.RESET),
        (15.0, "later", Answer.REFUSED),
        (26.0, "after", Answer.OK),
    ]


def test_a_brownout_makes_work_take_longer() -> None:
    """What is taken up in it takes as much longer as its severity says."""
    bench = Bench(IncidentKind.BROWNOUT, severity=0.75)
    bench.send("in it", 12.0)
    bench.send("after it", 25.0)

    answers = bench.play()

    assert answers == [(16.0, "in it", Answer.OK), (26.0, "after it", Answer.OK)]


def test_a_server_without_workers_answers_once_they_are_back() -> None:
    """What hangs in the queue is taken up at the end of the incident."""
    bench = Bench(IncidentKind.CAPACITY)
    bench.send("hangs", 12.0)

    assert bench.play() == [(21.0, "hangs", Answer.OK)]


def test_an_error_costs_as_much_work_as_an_answer() -> None:
    """A 503 of the incident keeps a worker for the same time."""
    bench = Bench(IncidentKind.ERRORS)
    bench.send("fails", 12.0)

    assert bench.play() == [(13.0, "fails", Answer.ERROR)]


def test_throttling_costs_no_work() -> None:
    """A 429 is answered at the door."""
    bench = Bench(IncidentKind.THROTTLING)
    bench.send("throttled", 12.0)

    assert bench.play() == [(12.0, "throttled", Answer.THROTTLED)]
    assert sum(bench.tally.done) == 0


def test_severity_is_the_share_of_requests_that_it_meets() -> None:
    """With half the severity half of the requests fail."""
    played = run(Strategy.NONE, incident=IncidentKind.ERRORS, severity=0.5, length=200.0)

    failed = sum(played.tally.endings[Ending.FAILED][40:220])
    assert failed / sum(played.tally.offered[40:220]) == pytest.approx(0.5, abs=0.05)
