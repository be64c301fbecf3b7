"""What the doctor looks at in this environment; nothing is changed by it."""

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path

import requests
import urllib3

from verto_resilience.cli._finding import Finding, State
from verto_resilience.cli._kill_switch import thrown_by, what_counts
from verto_resilience.config import (
    PREFIX,
    load_policies,
    notes,
    problems_of_tables,
)
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import IDEMPOTENT_METHODS
from verto_resilience.transports import ResilientAdapter, own_retries

_OURS = "verto-resilience"
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)[^;]*?>=(?P<least>[\d.]+)[^;]*(?:; extra == '(?P<extra>\w+)')?"
)
_FUTURE = "urllib3-future"
_FIRST_OF_FUTURE = 900
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def check_versions() -> Iterator[Finding]:
    """Compare what is installed with what this package needs."""
    yield Finding("Python", State.OK, platform.python_version())
    yield Finding(_OURS, State.OK, _version(_OURS) or "not installed: used from its folder")
    for name, least, extra in _requirements():
        if not extra:
            yield _compared(name, least)


def check_extras() -> Iterator[Finding]:
    """Say which extras are installed."""
    extras: dict[str, list[Finding]] = {}
    for name, least, extra in _requirements():
        if extra and extra != "all":
            extras.setdefault(extra, []).append(_compared(name, least))
    for extra, parts in sorted(extras.items()):
        about = f"extra {extra}"
        if all(part.state is State.OK for part in parts):
            told = ", ".join(f"{part.about} {part.detail}" for part in parts)
            yield Finding(about, State.OK, told)
        elif all(_version(part.about) is None for part in parts):
            yield Finding(
                about, State.NOTE, f"not installed: pip install '.[{extra}]' from a clone"
            )
        else:
            lacking = [f"{p.about} {p.detail}" for p in parts if p.state is not State.OK]
            yield Finding(about, State.WRONG, "; ".join(lacking))


def check_instrumentors() -> Iterator[Finding]:
    """Say which OpenTelemetry instrumentations are installed for the same requests."""
    about = "instrumentors"
    installed = sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda e: e.name)
    found = [
        f"{entry.name}{'' if entry.dist is None else f' {entry.dist.version}'}"
        for entry in installed
        if entry.name in {"requests", "urllib3"}
    ]
    if not found:
        yield Finding(about, State.OK, "none besides ours draws requests")
        return
    yield Finding(
        about,
        State.NOTE,
        f"{' and '.join(found)} draw the same requests when switched on; "
        f"{PREFIX}BESIDE says what is drawn here then",
    )


def check_urllib3() -> Iterator[Finding]:
    """Find out whether urllib3 is the one that requests was made for.

    The package urllib3-future, which niquests installs, takes its place under the same name.
    """
    future = _version(_FUTURE)
    loaded = str(getattr(urllib3, "__version__", ""))
    is_future = any(number >= _FIRST_OF_FUTURE for number in _numbers(loaded)[2:])
    if future is not None or is_future:
        by = "" if _version("niquests") is None else ", installed with niquests"
        yield Finding(
            "urllib3",
            State.WRONG,
            f"{loaded} is urllib3-future{by}: requests sends through another library "
            "than the one it was made for; give niquests an environment of its own",
        )


def check_adapters(session: requests.Session) -> Iterator[Finding]:
    """Look for adapters that resend by themselves.

    They are known by ``max_retries``: a ``urllib3.Retry`` that allows at least one. Below a mounted
    adapter it is switched off, and a warning says so.
    """
    for prefix, adapter in session.adapters.items():
        about = f"adapter of {prefix}"
        mounted = isinstance(adapter, ResilientAdapter)
        inner = adapter.inner if isinstance(adapter, ResilientAdapter) else adapter
        name = type(inner).__name__
        retries = own_retries(inner)
        if retries is None:
            what = "mounted around it" if mounted else "sends once"
            yield Finding(about, State.OK, f"{name}: {what}")
            continue
        methods = retries.allowed_methods
        risky = (
            "every method" if not methods else ", ".join(sorted(set(methods) - IDEMPOTENT_METHODS))
        )
        more = f", {risky} included" if risky else ""
        yield Finding(
            about,
            State.WRONG,
            f"{name} resends by itself (total {retries.total}{more}), out of sight of circuit, "
            "pause and deadline: build it with max_retries=0; mount() switches it off",
        )


def check_settings() -> Iterator[Finding]:
    """Read every variable and the files that they name.

    What is wrong while the kill switch is thrown is a note: nothing goes by it then.
    """
    try:
        environ, problems = what_counts()
        policies = load_policies(environ)
    except ConfigurationError as error:
        yield from (Finding("settings", State.WRONG, problem) for problem in error.problems)
        return
    problems += problems_of_tables(policies.general)
    if policies.general.disabled:
        yield Finding(
            "kill switch",
            State.WRONG,
            f"it is thrown ({thrown_by()}): calls go out as without this library, with no resend, "
            "no circuit, no pause and no span",
        )
        for problem in problems:
            told = f"{problem}; it does not count while the kill switch is thrown"
            yield Finding("settings", State.NOTE, told)
        return
    if problems:
        yield from (Finding("settings", State.WRONG, problem) for problem in problems)
        return
    for note in notes(policies.general).values():
        yield Finding("settings", State.NOTE, note)
    more = f", {len(policies.origins)} origins with their own" if policies.origins else ""
    yield Finding("settings", State.OK, f"they are valid{more}")


def check_environment() -> Iterator[Finding]:
    """Look at the variables of others that change how calls are made."""
    for name in _BUNDLES:
        path = os.environ.get(name, "").strip()
        if path and not Path(path).exists():
            yield Finding(name, State.WRONG, "names a file that is not there")
    found = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    if found:
        yield Finding("proxy", State.NOTE, f"{', '.join(found)}: calls go through a proxy")
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding("OTEL_SDK_DISABLED", State.NOTE, "no spans and no metrics are recorded")
    left_out = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    asked = os.environ.get(f"{PREFIX}INSTALL", "").strip()
    if asked and "verto_resilience" in [name.strip() for name in left_out]:
        yield Finding(
            f"{PREFIX}INSTALL",
            State.WRONG,
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS names verto_resilience, so it installs nothing",
        )


def _requirements() -> Iterator[tuple[str, str, str]]:
    """Give name, least version and extra of what this package needs."""
    try:
        needed = requires(_OURS) or []
    except PackageNotFoundError:
        return
    for text in needed:
        found = _REQUIREMENT.fullmatch(text)
        if found is not None:
            yield found["name"], found["least"], found["extra"] or ""


def _compared(name: str, least: str) -> Finding:
    installed = _version(name)
    if installed is None:
        return Finding(name, State.WRONG, f"is not installed; at least {least} is needed")
    if _numbers(installed) < _numbers(least):
        return Finding(name, State.WRONG, f"{installed} is too old; at least {least} is needed")
    return Finding(name, State.OK, installed)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)[:3]]
