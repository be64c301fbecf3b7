import pytest

from tests.simulation.makers import run, scenario
from verto_resilience.simulation import (
    HEADER,
    Ending,
    IncidentKind,
    Played,
    Strategy,
    Tally,
    figures,
    rows,
)
from verto_resilience.simulation._figures import percentile


def played_by_hand(good: list[int], offered: int = 10) -> Played:
    """Make a run of calls that end in the second they begin in; an incident from 30 to 60."""
    tally = Tally(len(good))
    for second, count in enumerate(good):
        for number in range(offered):
            tally.begun(second)
            tally.reached(second)
            ending = Ending.SUCCEEDED if number < count else Ending.FAILED
            tally.ended(ending, float(second), second + 0.25)
    return Played(scenario(seconds=len(good)), Strategy.NONE, tally)


def test_figures_add_up() -> None:
    """Counts are sums, goodput is by the second, and nothing is left over."""
    row = figures(played_by_hand([10] * 30 + [2] * 30 + [10] * 60))

    assert (row.offered, row.reached, row.succeeded, row.failed) == (1200, 1200, 960, 240)
    assert (row.refused, row.under_way, row.amplification) == (0, 0, 1.0)
    assert (row.goodput_before, row.goodput_during, row.goodput_at_the_end) == (10.0, 2.0, 10.0)
    assert (row.median, row.p99, row.longest_break) == (0.25, 0.25, None)


@pytest.mark.parametrize(
    ("after", "recovered"),
    [
        ([10] * 60, 0),
        ([9] * 60, 0),
        ([0] * 20 + [10] * 40, 19),
        ([0] * 20 + [10] * 20 + [0] * 5 + [10] * 15, 44),
        ([0] * 60, None),
        ([10] * 55 + [0] * 5, None),
    ],
    ids=["at once", "nine tenths do", "later", "fell back", "never", "ends badly"],
)
def test_recovery_is_where_it_remains_well(after: list[int], recovered: int | None) -> None:
    """It counts from the second after which no ten seconds have too few successes."""
    row = figures(played_by_hand([10] * 30 + [0] * 30 + after))

    assert row.recovered == recovered


def test_calls_that_are_all_under_way_are_no_recovery() -> None:
    """Where calls begin and none ends, nothing is known to be well."""
    played = played_by_hand([10] * 90)
    for second in range(80, 90):
        played.tally.begun_well[second] = played.tally.begun_badly[second] = 0

    assert figures(played).recovered is None


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([1.0], 0.99, 1.0), ([1.0, 2.0, 3.0], 0.5, 2.0), ([1.0, 2.0], 1.0, 2.0)],
)
def test_percentile_is_one_of_the_values(
    values: list[float], share: float, expected: float | None
) -> None:
    """None of none; else the value that the share does not exceed."""
    assert percentile(values, share) == expected


def test_rows_hold_what_the_figures_sum_up() -> None:
    """Each second of each run is a row under the header, and columns sum up to the figures."""
    runs = [run(Strategy.NONE), run(Strategy.OURS)]

    table = [dict(zip(HEADER, row, strict=True)) for row in rows(runs)]

    assert [row["second"] for row in table] == [*range(300), *range(300)]
    for played in runs:
        own = [row for row in table if row["strategy"] == played.strategy.value]
        expected = figures(played)
        sums = {name: sum(row[name] for row in own) for name in ("reached", "succeeded", "refused")}  # type: ignore[misc]
        assert sums == {name: getattr(expected, name) for name in sums}


def test_latency_of_nobody_is_empty() -> None:
    """A second in which no call succeeded has no latency."""
    tally = Tally(60 + 10)
    (first, *_) = rows([Played(scenario(seconds=70), Strategy.NONE, tally)])

    assert dict(zip(HEADER, first, strict=True))["latency_p99"] is None


def test_without_an_incident_all_is_well_from_the_start() -> None:
    """A healthy run has recovered from nothing at once."""
    row = figures(run(Strategy.OURS, incident=IncidentKind.NONE))

    assert (row.recovered, row.refused) == (0, 0)
