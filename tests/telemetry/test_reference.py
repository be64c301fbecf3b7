from pathlib import Path

from verto_resilience.telemetry._metric_rows import METRICS
from verto_resilience.telemetry._reference import render
from verto_resilience.telemetry._span_rows import ATTRIBUTES, EVENTS, LOGS

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"


def test_the_page_is_what_the_tables_say() -> None:
    """``docs/telemetry.md`` is rendered from the tables."""
    page = PAGE.read_text(encoding="utf-8")

    assert page == render(), f"write {PAGE.name} anew with telemetry._reference.render()"


def test_the_page_names_everything() -> None:
    """Every attribute, metric, event and log record has its place on the page."""
    page = render()

    for row in (*ATTRIBUTES, *METRICS, *EVENTS, *LOGS):
        assert row.name in page
