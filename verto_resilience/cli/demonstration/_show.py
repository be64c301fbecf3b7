"""Plays the scenes, then shows the trace, the numbers and whether the promises held."""

import time
from collections.abc import Sequence

import requests

import verto_resilience
from verto_resilience.cli.demonstration._evidence import Act
from verto_resilience.cli.demonstration._lines import Commentator
from verto_resilience.cli.demonstration._policy import HOST, demo_policy, differences
from verto_resilience.cli.demonstration._promises import every_attempt_traced, nothing_hidden
from verto_resilience.cli.demonstration._scenes import SCENES
from verto_resilience.cli.demonstration._screen import Labelled, Screen
from verto_resilience.cli.demonstration._stage import Notebook, Stage
from verto_resilience.cli.demonstration._trace import SpanRecord, record_spans
from verto_resilience.pipeline import Observer, Observers, Policy
from verto_resilience.testing import Sandbox

_HEADER = ("", "calls", "sent", "resent", "refused", "waited", "arrived")
_CODE = (
    "session = requests.Session()",
    "verto_resilience.mount(session, policy=..., observer=...)    # the one line",
    "client = VertoClient(session, url)                           # as it was",
)
_READING_TIME = 0.4


def show(screen: Screen, policy: Policy | None = None, *, observer: Observer | None = None) -> bool:
    """Play everything on a screen.

    Args:
        screen: Where it is shown.
        policy: The settings; ``None`` takes those of the demo.
        observer: Is told what happens too.

    Returns:
        Whether every promise held.
    """
    policy = demo_policy() if policy is None else policy
    spans = record_spans()
    notebook = Notebook()
    began = time.monotonic()
    with (
        Sandbox(host=HOST, require_auth=True) as server,
        requests.Session() as session,
        screen,
    ):
        # A proxy named by the environment would be asked to reach this machine's loopback.
        session.trust_env = False
        observers: list[Observer] = [Commentator(screen), notebook]
        if observer is not None:
            observers.append(observer)
        verto_resilience.mount(session, policy=policy, observer=Observers(*observers))
        stage = Stage(server, session, screen, policy=policy, notebook=notebook)
        screen.opening(
            "verto-resilience: an ordinary client meets a server in trouble",
            _CODE,
            (
                f"The server is a sandbox at {server.url}; nothing leaves this machine.",
                "Not the defaults, so that it is short: " + "; ".join(differences(policy)) + ".",
            ),
        )
        screen.rest(_READING_TIME)
        acts, promises = _play(stage, screen, policy)
        promises.append(("all", nothing_hidden(acts)))
        if spans.missing is None:
            promises.append(("all", every_attempt_traced(acts, spans.client_spans())))
    _conclude(screen, acts, promises, spans, time.monotonic() - began)
    return all(promise.held for _, promise in promises)


def _play(stage: Stage, screen: Screen, policy: Policy) -> tuple[list[Act], list[Labelled]]:
    acts: list[Act] = []
    promises: list[Labelled] = []
    for number, scene in enumerate(SCENES, 1):
        screen.scene(number, len(SCENES), scene.title, scene.about)
        screen.rest(_READING_TIME)
        scene.play(stage)
        act = stage.end(scene.title)
        acts.append(act)
        promises += [(str(number), promise) for promise in scene.promised(act, policy)]
    return acts, promises


def _conclude(
    screen: Screen,
    acts: Sequence[Act],
    promises: Sequence[Labelled],
    spans: SpanRecord,
    seconds: float,
) -> None:
    root = spans.best_retried_call()
    if root is not None:
        screen.trace("The trace of one retried call, as OpenTelemetry recorded it", root)
    elif spans.missing is not None:
        screen.remark(spans.missing)
    rows = [_row(f"{number} {act.title}", [act]) for number, act in enumerate(acts, 1)]
    screen.table(
        "Calls, attempts, refusals and waits, and what arrived at the server",
        _HEADER,
        [*rows, _row("all", acts)],
    )
    screen.promises("What was promised, by the server's own log", promises)
    broken = sum(not promise.held for _, promise in promises)
    screen.verdict(
        f"{len(promises) - broken} of {len(promises)} promises held, in {seconds:.1f} s.",
        good=not broken,
    )


def _row(title: str, acts: Sequence[Act]) -> tuple[str, ...]:
    return (
        title,
        str(sum(len(act.asked) for act in acts)),
        str(sum(act.attempts for act in acts)),
        str(sum(act.resends for act in acts)),
        str(sum(act.refused for act in acts)),
        f"{sum(act.waited for act in acts):.1f} s",
        str(sum(len(act.arrivals) for act in acts)),
    )
