from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator, default_setter

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
