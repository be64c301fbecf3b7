from tests.flight.makers import CLOSED, HALF_OPEN, OPEN, flight
from verto_resilience.flight import Moved, Paused
from verto_resilience.flight._bands import circuit_bands, pause_bands


def test_circuit_has_a_band_for_each_time_it_was_not_closed() -> None:
    """Open and half-open follow each other without a gap; closed is no band."""
    moves = (
        Moved(1.0, "a", CLOSED, OPEN, "consecutive_failures", "503"),
        Moved(3.0, "a", OPEN, HALF_OPEN),
        Moved(4.0, "a", HALF_OPEN, CLOSED),
    )

    bands = circuit_bands(flight(moves=moves))

    assert [(band.kind, band.began, band.ended) for band in bands] == [
        ("open", 1.0, 3.0),
        ("half_open", 3.0, 4.0),
    ]
    assert bands[0].why == "consecutive failures, last failure 503"


def test_circuit_that_is_open_stays_so_until_the_end() -> None:
    """A band without an end reaches to the end of the record."""
    moves = (Moved(1.0, "a", CLOSED, OPEN),)

    (band,) = circuit_bands(flight(moves=moves, until=9.0))

    assert (band.began, band.ended, band.seconds) == (1.0, 9.0, 8.0)


def test_circuit_whose_opening_is_no_longer_kept_was_open_before() -> None:
    """The first move that is kept says which state came before it."""
    moves = (Moved(4.0, "a", OPEN, HALF_OPEN), Moved(5.0, "a", HALF_OPEN, CLOSED))

    bands = circuit_bands(flight(moves=moves))

    assert [(band.kind, band.began, band.ended) for band in bands] == [
        ("open", 0.0, 4.0),
        ("half_open", 4.0, 5.0),
    ]


def test_circuits_do_not_mix() -> None:
    """Each circuit has bands of its own."""
    moves = (
        Moved(1.0, "b", CLOSED, OPEN),
        Moved(2.0, "a", CLOSED, OPEN),
        Moved(3.0, "b", OPEN, HALF_OPEN),
    )

    bands = circuit_bands(flight(moves=moves, until=4.0))

    assert [(band.key, band.kind, band.seconds) for band in bands] == [
        ("a", "open", 2.0),
        ("b", "open", 2.0),
        ("b", "half_open", 1.0),
    ]


def test_pause_that_grew_is_one_band() -> None:
    """Pauses of an origin that overlap are one, up to the latest end; others stand alone."""
    pauses = (
        Paused(1.0, "a", 2.0, told=True, status=429),
        Paused(2.0, "a", 5.0, told=True, status=429),
        Paused(3.0, "a", 1.0, told=True, status=429),
        Paused(2.0, "b", 1.0, told=False, status=429),
        Paused(9.0, "a", 1.0, told=True, status=503),
    )

    bands = pause_bands(flight(pauses=pauses))

    assert [(band.key, band.began, band.ended) for band in bands] == [
        ("a", 1.0, 7.0),
        ("a", 9.0, 10.0),
        ("b", 2.0, 3.0),
    ]
    assert [band.why for band in bands] == ["429, as told", "503, as told", "429, no time told"]
