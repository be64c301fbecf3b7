import pytest
import requests
from requests.exceptions import InvalidHeader

from verto_resilience.transports._header_values import header_text, is_header_value

BAD = {
    "line break": "id\r\nX-Injected: 1",
    "line feed": "id\nX-Injected: 1",
    "carriage return": "id\rX-Injected: 1",
    "folded line": "id\r\n X-Injected: 1",
    "at the end": "id\n",
    "null": "id\x00",
    "escape": "\x1b[31mid",
    "delete": "id\x7f",
    "not Latin": "идентификатор",
    "line separator": "id\u2028X: 1",
    "emoji": "id \U0001f600",
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_a_value_that_breaks_the_headers_apart_is_none(value: str) -> None:
    """Line breaks, folded or not, control characters and what is not Latin-1 are refused."""
    assert not is_header_value(value)


@pytest.mark.parametrize("value", ["", "id-1", "a\tb c", "München", "\xa0\xff", "~!#"])
def test_other_text_is_one(value: str) -> None:
    """What RFC 9110 lets stand in a field is let pass."""
    assert is_header_value(value)


@pytest.mark.parametrize("value", [None, b"bytes", 7])
def test_only_text_is_one(value: object) -> None:
    """What is no text cannot be judged, and is refused."""
    assert not is_header_value(value)


@pytest.mark.parametrize("value", [*BAD.values(), 7, b"id\r\n X: 1"], ids=[*BAD, "number", "bytes"])
def test_a_bad_header_is_refused_without_quoting_it(value: str) -> None:
    """The error is the one that requests has for it, and its text is one line."""
    prepared = requests.Request("GET", "https://api.example.com/").prepare()
    prepared.headers["Vfx-Correlation-Id"] = value

    with pytest.raises(InvalidHeader, match=r"^not sent: Vfx-Correlation-Id") as raised:
        header_text(prepared, "Vfx-Correlation-Id")

    assert raised.value.request is prepared
    assert "Injected" not in str(raised.value)


@pytest.mark.parametrize("value", ["id-1", b"id-1"], ids=["text", "bytes"])
def test_a_good_header_is_given_as_text(value: str) -> None:
    """Bytes are read as they are sent."""
    prepared = requests.Request("GET", "https://api.example.com/").prepare()
    prepared.headers["Vfx-Correlation-Id"] = value

    assert header_text(prepared, "vfx-correlation-id") == "id-1"
    assert header_text(prepared, "Other") is None
