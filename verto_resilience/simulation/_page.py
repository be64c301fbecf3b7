"""The page: runs side by side, as one file of HTML that asks nobody for anything."""

from collections.abc import Sequence
from dataclasses import fields
from html import escape

from verto_resilience import _pages
from verto_resilience.pipeline import Policy, settings_table
from verto_resilience.simulation._charts import CHARTS, DASHES, LIMIT, Chart, figure
from verto_resilience.simulation._figures import Figures, figures
from verto_resilience.simulation._play import Played, Strategy
from verto_resilience.simulation._scenario import IncidentKind, Scenario
from verto_resilience.simulation._story import overload, story

_Row = tuple[Strategy, Figures]


def require_plotly() -> None:
    """Make sure early that a page can be drawn.

    Raises:
        ModuleNotFoundError: plotly is not installed; the message names the extra.
    """
    _pages.require_plotly("page of a simulation")


def page(runs: Sequence[Played], policy: Policy) -> str:
    """Write the page of runs of one scenario.

    Args:
        runs: At least one.
        policy: The settings of those that are ours.

    Raises:
        ModuleNotFoundError: plotly is not installed; the message names the extra.
    """
    require_plotly()
    scenario = runs[0].scenario
    rows = [(run.strategy, figures(run)) for run in runs]
    return _pages.document(
        __package__,
        title=escape(_title(scenario)),
        lead=escape(_lead(scenario, rows)),
        story="\n".join(f'<p class="when">{escape(text)}</p>' for text in story(scenario)),
        figures="\n".join(_card(*row) for row in rows),
        legend="\n".join(_legend(scenario, [strategy for strategy, _ in rows])),
        drawings="\n".join(_section(chart, runs) for chart in CHARTS if _has(chart, runs)),
        numbers=_numbers(rows),
        tables=_scenario_table(scenario) + _policy_table(policy),
    )


def _title(scenario: Scenario) -> str:
    if scenario.incident is IncidentKind.NONE:
        return "Simulation of a healthy day"
    return f"Simulation: {_INCIDENTS[scenario.incident]}"


_INCIDENTS = {
    IncidentKind.OUTAGE: "outage",
    IncidentKind.BROWNOUT: "brown-out",
    IncidentKind.CAPACITY: "loss of capacity",
    IncidentKind.ERRORS: "errors",
    IncidentKind.THROTTLING: "throttling",
}


def _lead(scenario: Scenario, rows: Sequence[_Row]) -> str:
    lost = [strategy.words for strategy, row in rows if row.recovered is None]
    back = [
        f"{strategy.words} in {row.recovered} s"
        for strategy, row in rows
        if row.recovered is not None
    ]
    told = []
    if lost:
        told.append(overload(scenario, _listed(lost)))
    if back:
        told.append(f"Back to normal: {_listed(back)}.")
    return " ".join(told)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _card(strategy: Strategy, row: Figures) -> str:
    lost = row.recovered is None
    value = "stays down" if lost else f"{row.recovered} s"
    names = f"{strategy.value} lost" if lost else strategy.value
    remark = f"{row.amplification:.2f} requests a call, {row.goodput_at_the_end:.0f}/s at the end"
    return (
        f'<div class="{names}"><dt>{escape(strategy.words)}</dt>'
        f'<dd id="figure-{strategy.value}">{value}</dd><dd>'
        f"{'' if lost else 'until it was back; '}{escape(remark)}</dd></div>"
    )


def _legend(scenario: Scenario, strategies: Sequence[Strategy]) -> list[str]:
    items = [
        f'<li class="{one.value}">{_swatch(DASHES[one])}{escape(one.words)}</li>'
        for one in strategies
    ]
    items.append(f'<li class="limit">{_swatch(LIMIT, width=1)}to compare with</li>')
    if scenario.incident is not IncidentKind.NONE:
        items.append('<li><span class="band" aria-hidden="true"></span>incident</li>')
    return items


def _swatch(dash: str, width: float = 3) -> str:
    return (
        '<svg viewBox="0 0 34 10" aria-hidden="true"><path d="M0 5h34" '
        f'stroke-dasharray="{_STROKES[dash]}" style="stroke-width:{width}"/></svg>'
    )


_STROKES = {
    "solid": "none",
    "dot": "3 3",
    "dash": "9 5",
    "dashdot": "9 4 3 4",
    "longdash": "15 4",
    "longdashdot": "12 3 3 3",
}


def _has(chart: Chart, runs: Sequence[Played]) -> bool:
    return not chart.ours_only or any(run.strategy.is_ours for run in runs)


def _section(chart: Chart, runs: Sequence[Played]) -> str:
    limit = "" if chart.limit is None else f" Thin line: {chart.limit(runs[0].scenario)[1]}."
    return (
        f'<section class="chart" aria-labelledby="{chart.name}-title">'
        f'<h2 id="{chart.name}-title">{escape(chart.title)}</h2>'
        f"<p>{escape(chart.meaning + limit)}</p>"
        f'<div class="drawing" id="{chart.name}" role="img" '
        f'aria-label="{escape(chart.title)} over time; the table below has its figures">'
        "<noscript>The drawing needs JavaScript. The table below has its figures.</noscript>"
        f"{_pages.embedded(figure(chart, runs))}</div></section>"
    )


def _numbers(rows: Sequence[_Row]) -> str:
    return _pages.table(
        "What each run came to",
        _HEADER,
        (
            (
                strategy.words,
                f"{row.reached:,}",
                f"{row.amplification:.2f}",
                f"{row.succeeded:,}",
                f"{row.failed:,}",
                f"{row.refused:,}",
                f"{row.under_way:,}",
                *(
                    f"{rate:.1f}/s"
                    for rate in (row.goodput_before, row.goodput_during, row.goodput_at_the_end)
                ),
                f"{row.wasted:.0%}",
                _seconds(row.median),
                _seconds(row.p99),
                "not seen" if row.recovered is None else f"{row.recovered} s",
            )
            for strategy, row in rows
        ),
        numbers=len(_HEADER) - 1,
        shape="runs",
    )


_HEADER = (
    "",
    "requests",
    "a call",
    "succeeded",
    "failed",
    "refused",
    "under way",
    "before",
    "during",
    "at the end",
    "wasted",
    "median",
    "99 %",
    "back after",
)


def _scenario_table(scenario: Scenario) -> str:
    rows = [(entry.name, str(getattr(scenario, entry.name))) for entry in fields(scenario)]
    return _pages.table("Scenario", ("", ""), rows, numbers=1)


def _policy_table(policy: Policy) -> str:
    changed = [
        (row.name, str(getattr(policy, row.name)), str(row.default))
        for row in settings_table()
        if getattr(policy, row.name) != row.default
    ]
    if not changed:
        changed = [("all settings", "as by default", "")]
    return _pages.table(
        "Settings of verto_resilience", ("", "value", "default"), changed, numbers=2
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
