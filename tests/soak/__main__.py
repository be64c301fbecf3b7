"""Soaks the adapter in misbehaviour and says whether everything held; ``make soak`` runs this."""

import argparse
import sys

from tests.soak.gauges import Reading
from tests.soak.run import THREADS, Soaked, soak


def main(arguments: list[str]) -> int:
    """Soak, print, and fail when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--seed", default="soak", help="of all that is random (soak)")
    chosen = parser.parse_args(arguments)
    soaked = soak(chosen.seconds, chosen.seed)
    print(shown(soaked))
    problems = soaked.problems()
    for problem in problems:
        print(f"NOT SO: {problem}")
    return 1 if problems else 0


def shown(soaked: Soaked) -> str:
    """Give the figures as Markdown."""
    statuses = sum(count for what, count in soaked.ended.items() if what.isdigit())
    good = sum(count for what, count in soaked.ended.items() if what.startswith("2"))
    errors = {what: n for what, n in soaked.ended.most_common() if not what.isdigit()}
    answered = f"{statuses:,} responses ({good:,} of them 2xx)"
    raised = f"{sum(errors.values()):,} exceptions"
    lines = [
        f"{THREADS} threads: {soaked.begun:,} calls = {answered} + {raised}",
        "exceptions: " + ", ".join(f"{what} {count:,}" for what, count in errors.items()),
        "",
        "| after | calls | memory | objects | threads | sockets | metric series |",
        "|---|---|---|---|---|---|---|",
        *(_row(reading) for reading in soaked.readings),
    ]
    return "\n".join(lines)


def _row(reading: Reading) -> str:
    resident = "" if reading.resident is None else f"{reading.resident:.1f} MiB"
    sockets = "" if reading.sockets is None else reading.sockets
    return (
        f"| {reading.seconds:,.0f} s | {reading.calls:,} | {resident} | {reading.objects:,} "
        f"| {reading.threads} | {sockets} | {reading.series} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
