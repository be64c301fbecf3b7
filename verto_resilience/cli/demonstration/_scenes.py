"""The scenes: what the server is told to do, what the client asks, what is promised of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from verto_resilience.cli.demonstration import _promises as promise
from verto_resilience.cli.demonstration._evidence import Act
from verto_resilience.cli.demonstration._promises import Promise
from verto_resilience.cli.demonstration._stage import Ask, Stage
from verto_resilience.pipeline import Policy
from verto_resilience.testing import Reply, RetryAfterForm

_TOLD = 2
_PROBE_SECONDS = 0.6
_THREADS = 6


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene.

    Attributes:
        title: A few words.
        about: What is to be seen, for a person.
        play: Does it.
        promised: Checks what it left behind.
    """

    title: str
    about: str
    play: Callable[[Stage], None]
    promised: Callable[[Act, Policy], Sequence[Promise]]


def _all_well(stage: Stage) -> None:
    client = stage.client
    stage.ask("client.log_in(...)", lambda: client.log_in("demo-client", "demo-key"))
    quote = stage.ask(*_rate(stage))
    stage.ask(
        'client.book_trade(quote, 100, "pay-1", key)',
        lambda: client.book_trade(quote, 100, "pay-1", "key-1"),
    )
    stage.ask(*_payments(stage))


def _throttled(stage: Stage) -> None:
    stage.server.script(None, [Reply(429, retry_after=_TOLD)])
    stage.ask_in_turn(_rate(stage), _payments(stage))


def _throttled_by_date(stage: Stage) -> None:
    told = Reply(429, retry_after=_TOLD, retry_after_form=RetryAfterForm.DATE)
    stage.server.script(None, [told, Reply(503)])
    stage.ask(*_payments(stage))


def _outage(stage: Stage) -> None:
    stage.server.script(None, [503], repeat=True)
    for _ in range(2):
        stage.ask(*_rate(stage))


def _open(stage: Stage) -> None:
    for _ in range(3):
        stage.ask(*_rate(stage))
    stage.server.healthy()
    stage.wait_out_the_break()


def _half_open(stage: Stage) -> None:
    stage.server.script(None, [Reply.ok(delay=_PROBE_SECONDS)])
    stage.ask_at_once(_THREADS, _rate(stage))


def _recovery(stage: Stage) -> None:
    for ask in (_rate(stage), _payments(stage), _rate(stage)):
        stage.ask(*ask)


def _write(stage: Stage) -> None:
    quote = stage.ask(*_rate(stage))
    stage.server.script("/fx/payments", [Reply(504, executes=True)])
    stage.ask(
        'client.book_trade(quote, 250, "pay-2")',
        lambda: stage.client.book_trade(quote, 250, "pay-2"),
    )
    stage.ask('client.find_trade("pay-2")', lambda: stage.client.find_trade("pay-2"))


def _write_with_key(stage: Stage) -> None:
    quote = stage.ask(*_rate(stage))
    stage.server.script("/fx/payments", [Reply(504, executes=True)])
    stage.ask(
        'client.book_trade(quote, 250, "pay-3", key)',
        lambda: stage.client.book_trade(quote, 250, "pay-3", "key-3"),
    )


def _rate(stage: Stage) -> Ask:
    return 'client.get_rate("USD", "EUR")', lambda: stage.client.get_rate("USD", "EUR")


def _payments(stage: Stage) -> Ask:
    return "client.list_payments()", stage.client.list_payments


SCENES = (
    Scene(
        "All is well",
        "Log in, get a rate, book a trade, list payments. The library stays out of the way.",
        _all_well,
        lambda act, _: (promise.sent_once_each(act),),
    ),
    Scene(
        "429, Retry-After in seconds",
        f"The server asks for {_TOLD} s of quiet. Both threads keep to it; no circuit opens.",
        _throttled,
        lambda act, _: (promise.never_early(act), promise.resent_until_answered(act)),
    ),
    Scene(
        "429, Retry-After as a date",
        "The same, told as a date; and when it is asked again the server stumbles once.",
        _throttled_by_date,
        lambda act, policy: (
            promise.never_early(act),
            promise.resent_until_answered(act),
            promise.waited_between(act, policy.server_error_wait_min),
        ),
    ),
    Scene(
        "An outage",
        "Every answer is a 503. Reads are sent again after a wait, until the circuit opens.",
        _outage,
        lambda act, policy: (promise.opened_after(act, policy.consecutive_failures or 0),),
    ),
    Scene(
        "The circuit is open",
        "Calls fail at once, with an error that requests users catch already. The server rests.",
        _open,
        lambda act, _: (promise.nothing_arrived(act), promise.refused_at_once(act)),
    ),
    Scene(
        "Half-open",
        "The break is over. One call goes ahead as a probe, the others do not stampede.",
        _half_open,
        lambda act, _: (promise.one_at_a_time(act),),
    ),
    Scene(
        "Recovery",
        "One more good probe closes the circuit, and all is as before.",
        _recovery,
        lambda act, _: (promise.recovered(act),),
    ),
    Scene(
        "A write, outcome unknown",
        "The trade is booked, but the answer is a 504. Sent again, it might be booked twice: "
        "so it is not, the caller is told, and looks it up.",
        _write,
        lambda act, _: (promise.not_resent(act),),
    ),
    Scene(
        "The same, with a key",
        "With an Idempotency-Key a repeat is recognised, so it is sent again, byte for byte.",
        _write_with_key,
        lambda act, _: (promise.resent_with_key(act),),
    ),
)
