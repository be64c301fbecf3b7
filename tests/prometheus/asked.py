"""What the dashboard asks Prometheus, with its variables filled in as Grafana does."""

import json
from importlib.resources import files
from typing import Any, NamedTuple

SHIPPED = files("verto_resilience.telemetry") / "dashboards" / "verto.json"


class Question(NamedTuple):
    """One query of a panel."""

    panel: str
    row: str
    legend: str
    expression: str

    def filled(self, window: float, span: float) -> str:
        """Give the expression as Grafana sends it.

        Args:
            window: Seconds that rates look back on.
            span: Seconds that the dashboard shows.
        """
        values = {
            "$__rate_interval": f"{window * 1000:.0f}ms",
            "$__range": f"{span * 1000:.0f}ms",
            "$job": "(shop)",
            "$server": "(127\\\\.0\\\\.0\\\\.1)",
        }
        expression = self.expression
        for name, value in values.items():
            expression = expression.replace(name, value)
        assert "$" not in expression
        return expression


def questions() -> list[Question]:
    """Give every query of the dashboard that is shipped."""
    dashboard: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    found, row = [], ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        found += [
            Question(panel["title"], row, target["legendFormat"], target["expr"])
            for target in panel.get("targets", [])
        ]
    return found


def question(panel: str, row: str, legend: str | None = None) -> Question:
    """Give one query; without a legend the panel has but one."""
    fitting = [
        asked
        for asked in questions()
        if (asked.panel, asked.row) == (panel, row) and legend in (None, asked.legend)
    ]
    assert len(fitting) == 1, (panel, row, legend)
    return fitting[0]
