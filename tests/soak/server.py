"""Three loopback origins in a process of their own that misbehave at random, from a seed.

It prints their addresses as JSON and ends when its standard input does.
"""

import json
import random
import sys
from contextlib import ExitStack

from verto_resilience.testing import Fault, Reply, Sandbox

ORIGINS = {"mostly well": 0.04, "poor": 0.25, "hardly ever well": 0.7}
"""Share of the answers of each origin that are no good."""

_SCRIPTED = 4_000
_STALLED = 0.005
_STATUSES = (400, 401, 403, 404, 409, 418, 429, 429, 429, 451, 500, 500, 502, 503, 503, 504, 599)
_LONG = b"{" + b" " * 200_000 + b"}"


def replies(seed: str, bad: float) -> list[Reply]:
    """Give what an origin answers, one after the other and from the beginning again."""
    chance = random.Random(seed)
    return [
        _misbehaving(chance) if chance.random() < bad else _good(chance) for _ in range(_SCRIPTED)
    ]


def _good(chance: random.Random) -> Reply:
    draw = chance.random()
    if draw < 0.1:
        return Reply.ok(delay=chance.uniform(0.0, 0.05))
    if draw < 0.15:
        return Reply(200, body=_LONG)
    if draw < 0.2:
        return Reply(204)
    return Reply.ok()


def _misbehaving(chance: random.Random) -> Reply:
    if chance.random() < _STALLED:
        return Reply(200, fault=Fault.STALLED)
    if chance.random() < 0.4:
        faults = [fault for fault in Fault if fault is not Fault.STALLED]
        return Reply(200, fault=chance.choice(faults))
    status = chance.choice(_STATUSES)
    if status == 429 and chance.random() < 0.05:
        return Reply(status, retry_after=1)
    if chance.random() < 0.1:
        return Reply(status, body=chance.randbytes(1_000), headers={"Content-Type": "text/plain"})
    return Reply(status, code=chance.randrange(10**6))


def main(seed: str) -> None:
    """Serve until standard input ends."""
    with ExitStack() as stack:
        urls = []
        for name, bad in ORIGINS.items():
            origin = stack.enter_context(Sandbox(keeps=1_000))
            origin.script(None, replies(f"{seed} {name}", bad), repeat=True)
            urls.append(origin.url)
        print(json.dumps(urls), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
