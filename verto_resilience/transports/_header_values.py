"""Which values a request header may have, so that none ends its line and begins another."""

import re

from requests.exceptions import InvalidHeader
from requests.models import PreparedRequest

from verto_resilience.transports._header_store import value_of

# RFC 9110 section 5.5, without line folding: http.client lets folded lines pass.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def is_header_value(value: object) -> bool:
    """Say whether a header may have this value: text of one line, within Latin-1."""
    return isinstance(value, str) and _VALUE.fullmatch(value) is not None


def header_text(prepared: PreparedRequest, name: str) -> str | None:
    """Give the value of a header; ``None`` when it is not there.

    Raises:
        requests.exceptions.InvalidHeader: It holds a line break, another control character, or
            what is not in Latin-1. The value is not quoted.
    """
    value = value_of(prepared.headers, name)
    try:
        return plain_text(name, value)
    except ValueError as error:
        raise InvalidHeader(str(error), request=prepared) from None


def plain_text(name: str, value: object) -> str | None:
    """Give the value of a header as text; ``None`` when it is not there.

    Raises:
        ValueError: As :func:`header_text`.
    """
    if value is None:
        return None
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str) or not is_header_value(text):
        raise ValueError(
            f"not sent: {name} holds a line break, a control character, or what is not in Latin-1"
        )
    return text
