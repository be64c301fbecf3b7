"""What a probe found, and what probes share."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import requests

from tests.comparison.contenders import Client, Contender
from verto_resilience.testing import Sandbox

FAILING = "/status/503"
WELL = "/profile/v2.1/wallets"


class Verdict(StrEnum):
    """Whether a promise was kept."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe saw.

    Attributes:
        verdict: Whether the promise was kept.
        told: What was measured, in a few words.
    """

    verdict: Verdict
    told: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One promise, and how it is looked at.

    Attributes:
        title: Its row.
        asked: What is done, and when the answer is yes.
        look: Does it.
    """

    title: str
    asked: str
    look: Callable[[Contender], Finding]


def judged(told: str, *, kept: bool) -> Finding:
    """Give a yes or a no."""
    return Finding(Verdict.YES if kept else Verdict.NO, told)


def not_applicable(why: str) -> Finding:
    """Say why the question does not arise."""
    return Finding(Verdict.NOT_APPLICABLE, why)


def came_of(client: Client, method: str, url: str, **kwargs: Any) -> requests.Response | Exception:
    """Make a call, and give what the program gets."""
    try:
        return client(method, url, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever a library raises is what is looked at
        return error


def named(came: requests.Response | Exception) -> str:
    """Name what came, in a word or two."""
    if isinstance(came, requests.Response):
        return str(came.status_code)
    answer = getattr(came, "response", None)
    return type(came).__name__ if answer is None else f"{type(came).__name__} {answer.status_code}"


def counted(number: int, what: str) -> str:
    """Give a number of things, in words that fit it."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def until_refused(client: Client, verto: Sandbox, most: int = 15) -> bool:
    """Call a path that fails until a call is not sent; say whether that came."""
    for _ in range(most):
        before = len(verto.log)
        came_of(client, "GET", verto.url + FAILING)
        if len(verto.log) == before:
            return True
    return False


def at_once(threads: int, act: Callable[[], object]) -> float:
    """Let threads begin together, and give the seconds until all are done."""
    gate = threading.Barrier(threads + 1)

    def run() -> None:
        gate.wait()
        act()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    gate.wait()
    began = time.monotonic()
    for thread in running:
        thread.join()
    return time.monotonic() - began
