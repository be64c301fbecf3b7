import pytest

from verto_resilience.transports._requests_request import as_text


@pytest.mark.parametrize(
    ("value", "text"), [(None, None), ("a", "a"), (b"b", "b"), (b"\xe9\xff", "éÿ")]
)
def test_a_header_value_is_text(value: str | bytes | None, text: str | None) -> None:
    """Every byte of a header has a character, as in HTTP (RFC 9110 section 5.5)."""
    assert as_text(value) == text
