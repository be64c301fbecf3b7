"""The rules: checked and unit-tested by promtool, then evaluated on the real run."""

import subprocess
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from tests.prometheus.conftest import Played

pytestmark = pytest.mark.prometheus

UNIT_TESTS = sorted((Path(__file__).parents[1] / "telemetry" / "rules").glob("*.yml"))
AT_ONCE = {
    "VertoRetryBudgetSpent",
    "VertoThrottled",
    "VertoOutcomeUnknown",
    "VertoErrorBudgetBurn",
}


def test_promtool_accepts_the_rules(tools: dict[str, str]) -> None:
    """The file of rules is valid, without a warning."""
    with as_file(files("verto_resilience.telemetry") / "dashboards" / "rules.yml") as rules:
        command = [tools["promtool"], "check", "rules", "--lint-fatal", str(rules)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_rules_fire_when_they_must_and_only_then(tools: dict[str, str], file: Path) -> None:
    """Each unit test of the rules passes: fires, and does not fire."""
    command = [tools["promtool"], "test", "rules", str(file)]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_rule_is_healthy_and_gives_data(played: Played) -> None:
    """The server evaluates each rule without an error, and its expression gives data."""
    began, ended = played.rounds[0].began, played.ended
    rules = _rules(played)

    unhealthy = [rule["name"] for rule in rules if rule["health"] != "ok" or rule.get("lastError")]
    without_data = [
        rule["name"]
        for rule in rules
        if rule["query"] and not played.prometheus.over(rule["query"], began, ended)
    ]

    # A rate over six hours is asked of seconds: what matters is that it gives an answer.
    assert len(rules) > len(AT_ONCE)
    assert (unhealthy, without_data) == ([], [])


def test_what_must_not_wait_fires_on_the_real_run(played: Played) -> None:
    """Alerts without a waiting time fire; the circuit that closed again does not."""
    alerts = played.prometheus.api("alerts")["alerts"]

    firing = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    assert firing == AT_ONCE


def test_recorded_series_exist(played: Played) -> None:
    """Each recording rule has written its series, for the job and the server."""
    recorded = [rule["name"] for rule in _rules(played) if rule["type"] == "recording"]

    found = {
        name: [series.labels for series in played.prometheus.at(name, played.ended)]
        for name in recorded
    }

    expected = {"job": "shop", "server_address": "127.0.0.1"}
    assert found == {name: [{"__name__": name} | expected] for name in recorded}


def _rules(played: Played) -> list[dict[str, Any]]:
    groups = played.prometheus.api("rules")["groups"]
    return [rule for group in groups for rule in group["rules"]]
