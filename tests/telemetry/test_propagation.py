from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator, default_setter

from tests.telemetry.makers import READ, Bench, Edge, answer
from tests.telemetry.test_beside import foreign
from verto_resilience.pipeline import AttemptScope, Policy, Result, WaitSource
from verto_resilience.telemetry import OtelTracing
from verto_resilience.telemetry._propagation import Propagation


class Says(TextMapPropagator):
    """Injects what it is told to."""

    def __init__(self, **headers: Any) -> None:
        """Keep the headers."""
        self._headers = headers

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Context:
        """Find nothing."""
        return Context()

    def inject(self, carrier: Any, context: Any = None, setter: Any = default_setter) -> None:
        """Set each header."""
        for name, value in self._headers.items():
            setter.set(carrier, name, value)

    @property
    def fields(self) -> set[str]:
        """Name the headers."""
        return set(self._headers)


@pytest.fixture(autouse=True)
def the_global_propagator() -> Iterator[None]:
    """Put the propagator back after each test."""
    before = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(before)


@pytest.mark.parametrize(
    ("targets", "origin", "allowed"),
    [
        (None, "https://anything.example:443", True),
        ((), "https://api.verto.co:443", False),
        (("verto.co",), "https://verto.co:443", True),
        (("verto.co",), "https://api.verto.co:443", True),
        (("Verto.co",), "https://api.verto.co:443", True),
        (("verto.co",), "https://notverto.co:443", False),
        (("verto.co",), "https://verto.co.example:443", False),
        (("127.0.0.1",), "http://127.0.0.1:8080", True),
        (("::1",), "http://[::1]:8080", True),
    ],
)
def test_only_the_targets_are_told(
    targets: tuple[str, ...] | None, origin: str, allowed: bool
) -> None:
    """A domain stands for itself and its subdomains, and for nobody whose name looks like it."""
    assert Propagation(targets).allows(origin) is allowed


def test_the_global_propagator_decides() -> None:
    """Whatever propagator the program has set is the one that is used."""
    propagate.set_global_textmap(Says(b3="1-2-1"))
    headers = {"accept": "text/plain"}

    Propagation(None).inject(headers, Context())

    assert headers == {"accept": "text/plain", "b3": "1-2-1"}


@pytest.mark.parametrize("value", ["a\r\nevil: 1", "caf\u00e9", "\x00", 7, None])
def test_what_could_not_be_sent_is_not_added(value: object) -> None:
    """A propagator that makes an impossible header leaves the request as it was."""
    propagate.set_global_textmap(Says(good="1", bad=value))
    headers: dict[str, str] = {}

    with pytest.raises(ValueError, match="'bad'"):
        Propagation(None).inject(headers, Context())

    assert headers == {}


class Noting(Edge):
    """Notes which headers it must not send."""

    withheld: frozenset[str] = frozenset()

    def send(self, scope: AttemptScope, left: float) -> Result[int]:
        """Note them."""
        self.withheld = frozenset(scope.withheld)
        return super().send(scope, left)


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "below another"])
@pytest.mark.parametrize(
    ("targets", "withheld"),
    [
        (None, set()),
        (("example.com",), set()),
        (("other.example",), {"x-trace"}),
    ],
)
def test_headers_of_others_are_withheld_too(
    targets: tuple[str, ...] | None, withheld: set[str], nested: bool
) -> None:
    """Where a server may not be told, whatever the propagator sets must not go there."""
    propagate.set_global_textmap(Says(**{"x-trace": "1"}))
    bench, edge = Bench(tracing={"propagate_to": targets}), Noting(answer(200))

    with foreign(bench.sdk) if nested else nullcontext():
        bench.pipeline.run(READ, edge)

    assert edge.withheld == withheld


def test_headers_are_withheld_without_an_sdk() -> None:
    """An allow-list holds where nobody records, and a propagator that fails withholds nothing."""
    tracing = OtelTracing(Policy(propagate_to=("other.example",)))
    propagate.set_global_textmap(Says(**{"x-trace": "1"}))
    with tracing.call(READ) as call, call.attempt(1, 0.0, WaitSource.NONE, probe=False) as attempt:
        assert list(attempt.withheld) == ["x-trace"]

    propagate.set_global_textmap(Failing())

    assert list(attempt.withheld) == []


class Failing(Says):
    """Cannot even name its headers."""

    @property
    def fields(self) -> set[str]:
        """Fail."""
        raise NotImplementedError
