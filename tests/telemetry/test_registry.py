import importlib
import pkgutil

import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable
from opentelemetry.semconv._incubating.metrics import http_metrics
from opentelemetry.semconv.schemas import Schemas

from tests.telemetry import registry
from verto_resilience.telemetry import _names as names
from verto_resilience.telemetry._metric_rows import HTTP_DURATION, METRICS
from verto_resilience.telemetry._redaction import SECRET_KEYS
from verto_resilience.telemetry._span_rows import ATTRIBUTES, EVENTS, LOGS, SPANS


def _published() -> set[str]:
    found = set()
    for package in (stable, incubating):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            constants = vars(importlib.import_module(module.name)).values()
            found |= {value for value in constants if isinstance(value, str)}
    return found


def _own_constants() -> set[str]:
    return {
        value
        for name, value in vars(names).items()
        if name.isupper() and isinstance(value, str) and "." in value and "/" not in value
    }


def test_the_conventions_know_every_attribute_of_the_table() -> None:
    """No name of the hand-written table is a slip of the pen."""
    assert registry.ATTRIBUTES.keys() - _published() == set()


def test_the_schema_is_one_the_conventions_published() -> None:
    """The schema URL on spans and metrics is that of a release."""
    assert names.SCHEMA_URL == registry.SCHEMA_URL
    assert names.SCHEMA_URL in {schema.value for schema in Schemas}


def test_the_duration_metric_is_the_published_one() -> None:
    """Name, unit and bounds are those of the conventions."""
    assert http_metrics.HTTP_CLIENT_REQUEST_DURATION == registry.DURATION == HTTP_DURATION.name
    assert HTTP_DURATION.unit == registry.DURATION_UNIT
    assert HTTP_DURATION.buckets == registry.DURATION_BUCKETS


def test_methods_and_secret_keys_are_the_conventions() -> None:
    """The code's lists agree with those written down beside the rules."""
    assert names.KNOWN_METHODS == registry.METHODS
    assert SECRET_KEYS == registry.SECRET_KEYS


def test_every_name_is_the_projects_or_the_conventions() -> None:
    """An attribute stands under ``verto.`` or is one the conventions mention."""
    rows = {row.name for row in ATTRIBUTES}

    strangers = {name for name in rows if not name.startswith("verto.")}

    assert strangers - registry.ATTRIBUTES.keys() == set()
    assert {row.name for row in ATTRIBUTES if row.source == "own"} == rows - strangers


def test_every_name_in_use_is_in_the_table() -> None:
    """No attribute is used by spans, metrics, events or logs without a row that explains it."""
    listed = {row.name for row in ATTRIBUTES}
    used = {name for row in METRICS for name in row.attributes}
    used |= {name for row in SPANS for name in (*row.at_creation, *row.at_end)}
    used |= {name for row in (*EVENTS, *LOGS) for name in row.attributes}
    others = {row.name for row in (*EVENTS, *LOGS)} | {names.CALL_SPAN, names.ATTEMPT_SPAN}

    assert used - listed == set()
    assert _own_constants() - others == listed


def test_metric_names_follow_the_naming_rules() -> None:
    """No name ends in total, counters of things are plural, histograms of seconds have bounds."""
    for row in METRICS:
        assert not row.name.endswith("total")
        if row.instrument == "counter":
            assert row.unit.startswith("{")
            assert row.name.endswith(("s", "overruled"))
        if row.instrument == "histogram":
            assert row.unit == "s"
            assert list(row.buckets) == sorted(set(row.buckets))
            assert row.buckets
