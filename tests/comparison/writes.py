"""Probes of writes and of bodies: what is executed, and what is taken for a success."""

from collections.abc import Iterator

from tests.comparison.contenders import Contender, Tuning
from tests.comparison.finding import (
    WELL,
    Finding,
    Probe,
    came_of,
    counted,
    judged,
    named,
)
from verto_resilience.testing import Fault, Reply, Sandbox

_PAY = "/payments/create"
_PAYMENT = {"paymentId": "invoice-1", "amount": 10}


def once(contender: Contender) -> Finding:
    """Execute a trade, and lose the answer."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script("/orders/v2.1/fx", [Reply(504, executes=True)], method="POST")
        order = {"vfx_token": "t", "side": "sell", "amount": 10}
        came = came_of(client, "POST", verto.url + "/orders/v2.1/fx", json=order)
        trades = len(verto.trades)
    return judged(f"{named(came)}, executed {counted(trades, 'time')}", kept=trades == 1)


def told(contender: Contender) -> Finding:
    """The same, and see what the program is told."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(_PAY, [Reply.ok(fault=Fault.CLOSE)], method="POST")
        came = came_of(client, "POST", verto.url + _PAY, json=_PAYMENT)
        paid = len(verto.payments)
    says = contender.tells(came)
    words = "told that it is unknown" if says else "told nothing of it"
    return judged(f"{named(came)}, paid {counted(paid, 'time')}, {words}", kept=says)


def with_key(contender: Contender) -> Finding:
    """Lose the answer to a payment that carries a key."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(_PAY, [Reply(504, executes=True)], method="POST")
        key = {"Idempotency-Key": "4b2f6a0e-0e3a-4b52-8a37-1f6d5b0f8f11"}
        came = came_of(client, "POST", verto.url + _PAY, json=_PAYMENT, headers=key)
        requests, paid = len(verto.log), len(verto.payments)
    return judged(
        f"{named(came)} after {counted(requests, 'request')}, paid {counted(paid, 'time')}",
        kept=named(came) == "201" and paid == 1,
    )


def truncated(contender: Contender) -> Finding:
    """Break off a body in the middle, once."""
    client = contender.build(Tuning())
    with Sandbox() as verto:
        verto.script(WELL, [Reply.ok(fault=Fault.TRUNCATED)])
        came = came_of(client, "GET", verto.url + WELL)
        requests = len(verto.log)
    return judged(f"{named(came)} after {counted(requests, 'request')}", kept=named(came) == "200")


def generator(contender: Contender) -> Finding:
    """Send a body that can be read once, and fail."""
    client = contender.build(Tuning())

    def body() -> Iterator[bytes]:
        yield b"all of it"

    with Sandbox() as verto:
        verto.script("/status/200", [Reply(503, retry_after=1)])
        came = came_of(client, "PUT", verto.url + "/status/200", data=body())
        sizes = [len(arrival.body) for arrival in verto.log]
    sent = " then ".join(f"{size} B" for size in sizes)
    return judged(f"{named(came)}; sent {sent}", kept=all(sizes))


PROBES = {
    "truncated": Probe(
        "With `stream=False` an attempt includes its body",
        "The first answer breaks off in the middle of its body. Yes: a complete one is returned.",
        truncated,
    ),
    "once": Probe(
        "A write is not executed twice",
        "A trade is executed and answered 504. Yes: one trade.",
        once,
    ),
    "told": Probe(
        "The caller is told *outcome unknown*",
        "A payment is executed and the connection closed. Yes: what comes back, or a function of "
        "the library on it, says that nobody knows.",
        told,
    ),
    "with_key": Probe(
        "A write with an `Idempotency-Key` is resent",
        "A payment with a key is executed and answered 504. Yes: it is sent again under its key, "
        "answered 201, and paid once.",
        with_key,
    ),
    "generator": Probe(
        "A body that cannot be rewound is never sent empty",
        "A PUT whose body is a generator is answered 503. Yes: no request without its body.",
        generator,
    ),
}
