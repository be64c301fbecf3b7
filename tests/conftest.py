import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, Phase, settings

# For 'make mutants': quick, and the same examples each time. Nothing else loads it.
settings.register_profile(
    "mutants",
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

NEEDS = "Skipped: needs "


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test be left out in CI for want of something it needs."""
    report = yield
    _insist(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let no file be left out in CI for want of something it needs."""
    report = yield
    _insist(report)
    return report


def _insist(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") != "true" or not report.skipped:
        return
    if isinstance(report.longrepr, tuple) and report.longrepr[2].startswith(NEEDS):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[2]} (in CI that is a failure)"
