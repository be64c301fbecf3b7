import json

import pytest
import typer
from typer.testing import CliRunner

from verto_resilience.cli._dashboard import dashboard


@pytest.fixture
def app() -> typer.Typer:
    """Give the command by itself."""
    app = typer.Typer()
    app.command()(dashboard)
    return app


def test_dashboard_is_printed_as_grafana_takes_it(app: typer.Typer) -> None:
    """What is printed is the dashboard, as JSON and nothing else."""
    result = CliRunner().invoke(app, [])

    printed = json.loads(result.stdout)
    assert (result.exit_code, printed["uid"]) == (0, "verto-resilience")
    assert any(panel["type"] == "state-timeline" for panel in printed["panels"])


def test_rules_are_printed_as_prometheus_takes_them(app: typer.Typer) -> None:
    """With --rules what is printed is the file of rules and nothing else."""
    result = CliRunner().invoke(app, ["--rules"])

    assert (result.exit_code, result.stdout[0]) == (0, "#")
    assert "\ngroups:\n" in result.stdout
    assert "alert: VertoOutcomeUnknown" in result.stdout
