"""Writes what was found into ``docs/comparison.md``."""

import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.comparison.contenders import Contender
from tests.comparison.finding import Finding, Probe, Verdict

PLACE = Path(__file__).resolve().parents[2] / "docs" / "comparison.md"
_BEGIN, _END = "<!-- comparison -->\n", "\n<!-- end comparison -->"
_MARKS = {Verdict.YES: "**yes**", Verdict.NO: "no", Verdict.NOT_APPLICABLE: "-"}


def write(
    probes: Mapping[str, Probe],
    contenders: Mapping[str, Contender],
    found: Mapping[tuple[str, str], Finding],
) -> None:
    """Put tables and date between the marks of the page."""
    head, _, rest = PLACE.read_text(encoding="utf-8").partition(_BEGIN)
    tail = rest.partition(_END)[2]
    text = f"{head}{_BEGIN}{_rendered(probes, contenders, found)}{_END}{tail}"
    PLACE.write_text(text, encoding="utf-8")


def _rendered(
    probes: Mapping[str, Probe],
    contenders: Mapping[str, Contender],
    found: Mapping[tuple[str, str], Finding],
) -> str:
    day = f"{datetime.now(tz=UTC):%Y-%m-%d}"
    versions = ", ".join(one.versions() for name, one in contenders.items() if name != "verto")
    lines = [
        f"Measured on {day} with Python {platform.python_version()}: {versions}.",
        "",
        f"| | {' | '.join(one.title for one in contenders.values())} |",
        f"| --- |{' --- |' * len(contenders)}",
    ]
    for name, probe in probes.items():
        cells = " | ".join(_MARKS[found[name, other].verdict] for other in contenders)
        lines.append(f"| [{probe.title}](#{_anchor(probe.title)}) | {cells} |")
    lines += ["", "## What was seen", ""]
    for name, probe in probes.items():
        lines += [
            f"### {probe.title}",
            "",
            probe.asked,
            "",
            "| | | what was seen | the command that shows it |",
            "| --- | --- | --- | --- |",
        ]
        for other, contender in contenders.items():
            seen = found[name, other]
            command = f"`python -m tests.comparison {name} {other}`"
            lines.append(
                f"| {contender.title} | {_MARKS[seen.verdict]} | {seen.told} | {command} |"
            )
        lines.append("")
    return "\n".join(lines[:-1])


def _anchor(title: str) -> str:
    """Give the anchor that browsers of repositories, and the site, make of a heading."""
    return re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
