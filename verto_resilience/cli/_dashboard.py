"""``verto-resilience dashboard``: what Grafana and Prometheus need to show and watch the calls."""

import sys
from importlib.resources import files
from typing import Annotated

import typer


def dashboard(
    *,
    rules: Annotated[
        bool, typer.Option("--rules", help="Print the Prometheus rules instead.")
    ] = False,
) -> None:
    """Print the Grafana dashboard as JSON, or the Prometheus rules as YAML.

    Both go into a file as they are; docs/dashboards.md says where to put it.
    """
    name = "rules.yml" if rules else "verto.json"
    shipped = files("verto_resilience.telemetry") / "dashboards" / name
    sys.stdout.write(shipped.read_text(encoding="utf-8"))
