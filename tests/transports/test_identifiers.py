from typing import Any

import pytest

from tests.transports.responses import prepared
from verto_resilience.pipeline import LONGEST_ID
from verto_resilience.transports._identifiers import identifier_from

ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize("value", [ID, ID.upper(), "call-1", None])
def test_identifier_is_shown_as_it_came(value: str | None) -> None:
    """One that holds no secret is quoted letter by letter, or Support would not find it."""
    request = prepared(headers={"Authorization": "Bearer canary"})

    assert identifier_from(value, request) == value


@pytest.mark.parametrize("canary", ["canary-1", ID], ids=["word", "uuid"])
@pytest.mark.parametrize(
    "place",
    [
        lambda canary: {"headers": {"Authorization": f"Bearer {canary}"}},
        lambda canary: {"headers": {"X-Api-Key": canary.encode()}},
        lambda canary: {"params": {"token": canary}},
        lambda canary: {"json": {"apiKey": canary}},
        lambda canary: {"data": {"password": canary}},
    ],
    ids=["authorization", "bytes", "query", "json", "form"],
)
def test_credential_in_place_of_an_identifier_is_not_shown(place: Any, canary: str) -> None:
    """A server that says back what it was sent has it shown by nobody, be it shaped as an id."""
    request = prepared(**place(canary))

    assert identifier_from(canary, request) == "[removed]"
    assert identifier_from(f"call-{canary}", request) == "call-[removed]"


def test_identifier_that_the_request_carried_as_such_is_shown() -> None:
    """What was sent as an id, and not as a credential, may be said."""
    assert identifier_from(ID, prepared(headers={"Vfx-Correlation-Id": ID})) == ID


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 60_000, "x" * LONGEST_ID),
        ("a\r\nForged: line", "aForged: line"),
        ("\x1b[31mred\u202e", "[31mred"),
        ("\x00\x01", None),
    ],
    ids=["long", "lines", "terminal", "nothing"],
)
def test_identifier_is_short_and_printable(value: str, shown: str | None) -> None:
    """Whatever a server calls an id fits one line of a log."""
    assert identifier_from(value, prepared()) == shown
