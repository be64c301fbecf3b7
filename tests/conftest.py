import os
import sys
from collections.abc import Generator
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

# A loaded machine is no finding.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
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


def _coverage_lock() -> Any:
    """Give the lock that a measured thread takes for an instant when it enters a file.

    A child forked meanwhile would wait for it for ever, at the first line that it runs.
    """
    coverage: Any = sys.modules.get("coverage")
    collector = getattr(coverage and coverage.Coverage.current(), "_collector", None)
    return getattr(collector, "data_lock", None) or nullcontext()


if hasattr(os, "register_at_fork"):
    # Before the package is imported: what is registered first is taken last, and given back first.
    os.register_at_fork(
        before=lambda: _coverage_lock().__enter__(),
        after_in_parent=lambda: _coverage_lock().__exit__(None, None, None),
        after_in_child=lambda: _coverage_lock().__exit__(None, None, None),
    )


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
