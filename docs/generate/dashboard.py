"""Writes the Grafana dashboard that the package ships; ``--check`` only compares."""

import json
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from docs.generate import queries as q
from docs.generate.panels import METRICS
from docs.generate.rows import rows
from verto_resilience.telemetry import _metric_rows as metrics
from verto_resilience.telemetry import _names as names

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "verto_resilience" / "telemetry" / "dashboards" / "verto.json"


def build() -> str:
    """Give the dashboard as JSON."""
    calls = f"{q.metric(metrics.CALL_DURATION)}_count"
    server = q.label(names.SERVER_ADDRESS)
    drawn = (
        dashboard.Dashboard("Verto calls")
        .uid("verto-resilience")
        .description("Calls through verto_resilience: every attempt, resend, wait, refusal.")
        .tags(["verto", "resilience"])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Metrics").type("prometheus")
        )
        .with_variable(dashboard.DatasourceVariable("traces").label("Traces").type("tempo"))
        .with_variable(_choice("job", "Job", f"label_values({calls}, job)"))
        .with_variable(
            _choice("server", "Server", f'label_values({calls}{{job=~"$job"}}, {server})')
        )
    )
    for row in rows():
        drawn.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            drawn.with_panel(panel)
    return json.dumps(_numbered(drawn.build()), indent=1, ensure_ascii=False) + "\n"


def _choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    everything = VariableOption(selected=True, text="All", value="$__all")
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(METRICS)
        .query({"query": query, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)  # noqa: FBT003 - the builder's own signature
        .include_all(True)  # noqa: FBT003
        .current(everything)
    )


def _numbered(drawn: Any) -> dict[str, Any]:
    """Number the panels, so that links to one of them stay good."""
    plain: dict[str, Any] = json.loads(json.dumps(drawn, cls=JSONEncoder))
    for number, panel in enumerate(plain["panels"], 1):
        panel["id"] = number
    return plain


def main(*, check: bool) -> int:
    """Write the dashboard, or say that it is behind the code."""
    wanted = build()
    if PLACE.exists() and PLACE.read_text(encoding="utf-8") == wanted:
        return 0
    if not check:
        PLACE.write_text(wanted, encoding="utf-8")
    where = PLACE.relative_to(ROOT)
    print(f"{where}: {'behind the code; run docs/generate/dashboard.py' if check else 'written'}")
    return 1 if check else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
