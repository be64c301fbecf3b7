import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry.dashboards.lint import exposed, lint, shown

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = files("verto_resilience.telemetry") / "dashboards" / "verto.json"
RULES = files("verto_resilience.telemetry") / "dashboards" / "rules.yml"

Json = dict[str, Any]


@pytest.fixture
def dashboard() -> Json:
    """Give the dashboard that the package ships."""
    read: Json = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return read


def _expression(old: str, new: str) -> Callable[[Json], object]:
    def change(dashboard: Json) -> None:
        targets = [target for panel in shown(dashboard) for target in panel["targets"]]
        fitting = next(target for target in targets if old in target["expr"])
        fitting["expr"] = fitting["expr"].replace(old, new)

    return change


def _panel(change: Callable[[Json], object]) -> Callable[[Json], object]:
    return lambda dashboard: change(shown(dashboard)[0])


BREACHES: dict[str, Callable[[Json], object]] = {
    "named-panels": _panel(lambda panel: panel.pop("description")),
    "datasource-by-variable": _panel(lambda panel: panel["datasource"].update(uid="P1809F7CD0C7")),
    "unit": _panel(lambda panel: panel["fieldConfig"]["defaults"].pop("unit")),
    "legend": _panel(lambda panel: panel["targets"][0].pop("legendFormat")),
    "no-raw-counter": _expression("(rate(", "(("),
    "scope-aggregated-away": _expression("sum(rate(", "abs(rate("),
    "quantile-by-le": _expression("sum by (le) ", "sum"),
    "chosen-jobs-and-servers": _expression('job=~"$job",', ""),
    "window-by-variable": _expression("[$__rate_interval]", "[5m]"),
    "known-names": _expression("verto_call_duration", "verto_calls_duration"),
    "every-metric-shown": lambda dashboard: dashboard["panels"].remove(
        next(panel for panel in shown(dashboard) if "pause_delay" in str(panel["targets"]))
    ),
    "link-to-traces": _panel(lambda panel: panel["fieldConfig"]["defaults"].pop("links")),
    "places": _panel(lambda panel: panel["gridPos"].update(w=5)),
    "variables": lambda dashboard: dashboard["templating"]["list"].pop(),
}


def test_the_shipped_dashboard_is_the_generated_one() -> None:
    """What the package ships is what the script writes from the table of metrics."""
    command = [sys.executable, str(ROOT / "docs" / "generate" / "dashboard.py"), "--check"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_dashboard_keeps_every_rule(dashboard: Json) -> None:
    """No rule of a good dashboard is broken."""
    assert lint(dashboard) == []


@pytest.mark.parametrize("rule", BREACHES)
def test_each_rule_finds_its_breach(dashboard: Json, rule: str) -> None:
    """A dashboard that breaks a rule is told which."""
    broken = copy.deepcopy(dashboard)

    BREACHES[rule](broken)

    assert rule in {found.partition(":")[0] for found in lint(broken)}


def test_the_rules_name_only_what_exists() -> None:
    """Each metric and label in the rules is one the library emits, or a series of their own."""
    text = re.sub(r"#.*", "", RULES.read_text(encoding="utf-8"))
    labels = frozenset[str]().union(*exposed().values())

    named = set(re.findall(r"\b(?:verto|http_client|http|server)_\w+", text))
    own = set(re.findall(r"\bverto:\w+:\w+", text))

    assert named <= exposed().keys() | labels
    assert own == set(re.findall(r"record: (\S+)", text))
