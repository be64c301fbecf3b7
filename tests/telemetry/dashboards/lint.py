"""The rules that the dashboard keeps: ``lint(dashboard)`` gives what breaks one of them."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any
from urllib.parse import parse_qs, urlsplit

from verto_resilience.telemetry._metric_rows import METRICS
from verto_resilience.telemetry._span_rows import ATTRIBUTES

Json = dict[str, Any]

SELECTOR = re.compile(r"\b([a-z_:]+)\{([^}]*)\}")
OF_THE_SCRAPE = frozenset({"job", "le"})
_PARTS = ("_count", "_sum", "_bucket")
_BY = re.compile(r"\bby \(([^)]*)\)")
_OPENER = re.compile(r"(\w+)(?: by \([^)]*\))? ?$")
# A counter may stand by itself where series that were born in the window are taken as they are.
_BORN = re.compile(
    r"\(increase\((?P<c>[a-z_]+\{[^}]*\})\[(?P<w>[^\]]+)\]\) and (?P=c) offset (?P=w)\) or (?P=c)"
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)[^}]*\}|(\w+))")
_WIDTH = 24


def exposed() -> dict[str, frozenset[str]]:
    """Give the series that Prometheus gets, each with its labels."""
    series: dict[str, frozenset[str]] = {}
    for row in METRICS:
        unit = {"s": "_seconds"}.get(row.unit, "")
        stem = row.name.replace(".", "_") + unit
        labels = frozenset(attribute.replace(".", "_") for attribute in row.attributes)
        endings = {"histogram": _PARTS, "counter": ("_total",)}.get(row.instrument, ("",))
        series |= {stem + ending: labels for ending in endings}
    return series


def shown(dashboard: Json) -> list[Json]:
    """Give the panels that show data."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Json) -> list[tuple[str, Json]]:
    """Give every query with the title of its panel."""
    return [(panel["title"], target) for panel in shown(dashboard) for target in panel["targets"]]


def lint(dashboard: Json) -> list[str]:
    """Give every breach as ``rule: what``."""
    return [
        f"{rule.__name__.removeprefix('_').replace('_', '-')}: {what}"
        for rule in _RULES
        for what in rule(dashboard)
    ]


def _named_panels(dashboard: Json) -> Iterator[str]:
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(set(ids)) < len(ids):
        yield "an id is used twice"
    for panel in shown(dashboard):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']} has no title or no description"


def _datasource_by_variable(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        if target["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
            yield title
    for panel in shown(dashboard):
        if panel["datasource"]["uid"] != "${datasource}":
            yield panel["title"]


def _unit(dashboard: Json) -> Iterator[str]:
    for panel in shown(dashboard):
        unit = panel["fieldConfig"]["defaults"].get("unit")
        is_time = any("histogram_quantile" in target["expr"] for target in panel["targets"])
        if not unit or (is_time and unit != "s"):
            yield panel["title"]


def _legend(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        kept = {name.strip() for by in _BY.findall(target["expr"]) for name in by.split(",")}
        wanted = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
        if not target.get("legendFormat") or wanted != kept - {"le"}:
            yield title


def _no_raw_counter(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        expression = _BORN.sub("rate(taken_as_it_is)", target["expr"])
        for found in SELECTOR.finditer(expression):
            counted = found[1].endswith(("_total", *_PARTS))
            if counted and not {"rate", "increase"} & _around(expression, found.start()):
                yield f"{title}: {found[1]}"


def _scope_aggregated_away(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        if "otel_scope" in target["expr"]:
            yield title
        for found in SELECTOR.finditer(target["expr"]):
            if not {"sum", "min", "max"} & _around(target["expr"], found.start()):
                yield f"{title}: {found[1]}"


def _quantile_by_le(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        quantiles = target["expr"].count("histogram_quantile(")
        if quantiles != len(re.findall(r"histogram_quantile\([\d.]+, sum by \(le", target["expr"])):
            yield title


def _chosen_jobs_and_servers(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        for name, matchers in SELECTOR.findall(target["expr"]):
            # What is about no server has no such label, and would never be found.
            of_server = "server_address" in exposed().get(name, {"server_address"})
            chosen = 'job=~"$job",server_address=~"$server"' if of_server else 'job=~"$job"'
            if not matchers.startswith(chosen):
                yield f"{title}: {name}"


def _window_by_variable(dashboard: Json) -> Iterator[str]:
    for title, target in queries(dashboard):
        if set(re.findall(r"[})]\[([^\]]+)\]", target["expr"])) - {"$__rate_interval", "$__range"}:
            yield title


def _known_names(dashboard: Json) -> Iterator[str]:
    known = exposed()
    for title, target in queries(dashboard):
        for name, matchers in SELECTOR.findall(target["expr"]):
            labels = set(re.findall(r"(\w+)[=!]~?\"", matchers))
            for by in _BY.findall(target["expr"]):
                labels |= {label.strip() for label in by.split(",")}
            strange = labels - known.get(name, frozenset()) - OF_THE_SCRAPE
            if name not in known or strange:
                yield f"{title}: {name} {sorted(strange)}"


def _every_metric_shown(dashboard: Json) -> Iterator[str]:
    asked = " ".join(target["expr"] for _, target in queries(dashboard))
    stems = {re.sub(r"_(count|sum|bucket)$", "", name) for name in exposed()}
    yield from sorted(stem for stem in stems if not re.search(rf"\b{stem}[_{{]", asked))


def _link_to_traces(dashboard: Json) -> Iterator[str]:
    known = {row.name for row in ATTRIBUTES}
    for panel in shown(dashboard):
        links = panel["fieldConfig"]["defaults"].get("links") or [{"url": ""}]
        given = parse_qs(urlsplit(links[0]["url"]).query).get("panes")
        if not given:
            yield f"{panel['title']}: none"
            continue
        pane = json.loads(given[0])["traces"]
        query = pane["queries"][0]["query"]
        names = set(re.findall(r"\b(?:span|event)\.([\w.]+)", query))
        if pane["datasource"] != "${traces}" or not names <= known:
            yield f"{panel['title']}: {query}"


def _places(dashboard: Json) -> Iterator[str]:
    for panel in dashboard["panels"]:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > _WIDTH:
            yield f"{panel['title']} is out of the grid"
    for one, other in combinations(dashboard["panels"], 2):
        a, b = one["gridPos"], other["gridPos"]
        if all(a[p] < b[p] + b[s] and b[p] < a[p] + a[s] for p, s in (("x", "w"), ("y", "h"))):
            yield f"{one['title']} lies on {other['title']}"


def _variables(dashboard: Json) -> Iterator[str]:
    defined = {variable["name"] for variable in dashboard["templating"]["list"]}
    text = json.dumps(dashboard["panels"]) + json.dumps(dashboard["templating"])
    used = {braced or bare for braced, bare in _VARIABLE.findall(text)}
    used = {name for name in used if not name.startswith("__")}
    yield from sorted(used ^ defined)


def _around(expression: str, position: int) -> set[str]:
    """Give the functions and aggregations around a place in an expression."""
    names, depth = set(), 0
    for place in range(position - 1, -1, -1):
        if expression[place] == ")":
            depth += 1
        elif expression[place] == "(" and depth:
            depth -= 1
        elif expression[place] == "(" and (opener := _OPENER.search(expression[:place])):
            names.add(opener[1])
    return names


_RULES: tuple[Callable[[Json], Iterator[str]], ...] = (
    _named_panels,
    _datasource_by_variable,
    _unit,
    _legend,
    _no_raw_counter,
    _scope_aggregated_away,
    _quantile_by_le,
    _chosen_jobs_and_servers,
    _window_by_variable,
    _known_names,
    _every_metric_shown,
    _link_to_traces,
    _places,
    _variables,
)
