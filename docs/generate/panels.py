"""Panels as this dashboard draws them: one look, a link to traces on each."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

METRICS = DataSourceRef(type_val="prometheus", uid="${datasource}")
REQUESTS = "reqps"
SECONDS = "s"
SHARE = "percentunit"
COUNT = "short"

_HEIGHT = 8
_STAT_HEIGHT = 4
_VARIABLE = re.compile(r"(\$\{[^}]+\})")
_SERVER = 'span.server.address =~ "${server:pipe}"'

AnyPanel = timeseries.Panel | stat.Panel | statetimeline.Panel
Panel = TypeVar("Panel", timeseries.Panel, stat.Panel, statetimeline.Panel)


def chart(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    unit: str,
    traces: str,
    width: int = 8,
) -> timeseries.Panel:
    """Draw lines over time.

    Args:
        title: What it shows.
        description: How to read it.
        queries: PromQL by its legend.
        unit: Grafana's name of a unit.
        traces: TraceQL conditions of the spans behind it.
        width: Columns, of 24.
    """
    drawn = (
        timeseries.Panel()
        .fill_opacity(8)
        .show_points(VisibilityMode.AUTO)
        .span_nulls(False)  # noqa: FBT003 - the builder's own signature
        .min(0)
        .legend(_legend(("mean", "max", "lastNotNull")))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    filled = _filled(drawn, title, description, queries, unit=unit, traces=traces)
    return filled.span(width).height(_HEIGHT)


def bars(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    traces: str,
    width: int = 8,
) -> timeseries.Panel:
    """Draw how often something happened in each interval, stacked; arguments as of a chart."""
    return (
        chart(title, description, queries, unit=COUNT, traces=traces, width=width)
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(80)
        .legend(_legend(("max", "lastNotNull")))
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    )


def number(
    title: str,
    description: str,
    query: str,
    *,
    unit: str,
    traces: str,
    colours: Iterable[tuple[float | None, str]] = ((None, "blue"),),
) -> stat.Panel:
    """Show one number, and how it came about; ``colours`` hold from the value beside them on."""
    drawn = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(colours))
    )
    filled = _filled(drawn, title, description, {title: query}, unit=unit, traces=traces)
    return filled.span(4).height(_STAT_HEIGHT)


def states(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    names: Iterable[tuple[int, str, str]],
    traces: str,
) -> statetimeline.Panel:
    """Show a state over time; ``names`` are value, word and colour."""
    words = {
        str(value): ValueMappingResult(text=text, color=colour, index=value)
        for value, text, colour in names
    }
    drawn = (
        statetimeline.Panel()
        .mappings([ValueMap(options=words)])
        .show_value(VisibilityMode.AUTO)
        .merge_values(True)  # noqa: FBT003 - the builder's own signature
        .row_height(0.8)
        .legend(_legend(()))
    )
    filled = _filled(drawn, title, description, queries, unit=COUNT, traces=traces)
    return filled.span(24).height(_HEIGHT)


def explore(conditions: str) -> str:
    """Give the address at which Explore shows the spans of the servers chosen."""
    query = f"{{ {_SERVER} && {conditions} }}" if conditions else f"{{ {_SERVER} }}"
    pane = {
        "datasource": "${traces}",
        "queries": [
            {
                "refId": "A",
                "datasource": {"type": "tempo", "uid": "${traces}"},
                "queryType": "traceql",
                "query": query,
            }
        ],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    written = json.dumps({"traces": pane}, separators=(",", ":"))
    # Grafana fills in only variables that are not percent-encoded.
    parts = (p if _VARIABLE.fullmatch(p) else quote(p, safe="") for p in _VARIABLE.split(written))
    return f"/explore?schemaVersion=1&panes={''.join(parts)}"


def of_call(attribute: str, value: str) -> str:
    """Select what became of a call: on its span, or on an event of the span around it."""
    return f"(span.{attribute} = {value} || event.{attribute} = {value})"


def _filled(
    panel: Panel,
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    unit: str,
    traces: str,
) -> Panel:
    panel.title(title).description(description).datasource(METRICS).unit(unit)
    link = dashboard.DashboardLink("Traces behind this").url(explore(traces))
    panel.data_links([link.target_blank(True)])  # noqa: FBT003 - the builder's own signature
    for ref_id, (legend, query) in zip("ABCDEF", queries.items(), strict=False):
        asked = prometheus.Dataquery().datasource(METRICS).expr(query).legend_format(legend)
        panel.with_target(asked.ref_id(ref_id).range())
    return panel


def _legend(calculated: tuple[str, ...]) -> common.VizLegendOptions:
    mode = LegendDisplayMode.TABLE if calculated else LegendDisplayMode.LIST
    shown = common.VizLegendOptions().display_mode(mode).placement(LegendPlacement.BOTTOM)
    return shown.calcs(list(calculated)).show_legend(True)  # noqa: FBT003 - as above


def _thresholds(colours: Iterable[tuple[float | None, str]]) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=value, color=colour) for value, colour in colours]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
