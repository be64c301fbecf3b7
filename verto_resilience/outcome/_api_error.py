"""What the body of a response says of itself, read defensively: an error code, a message.

Verto documents a table of integer API error codes, but neither the JSON key that carries one nor
any example of an error body. So keys are settings, a code is an integer or nothing, and no body is
an error here: whatever is not understood says nothing.
"""

import json
import re
from dataclasses import dataclass, field
from typing import cast

DEFAULT_CODE_KEYS = ("code", "errorCode", "error_code", "apiErrorCode", "error.code")
"""Where an error code is looked for. Not Verto's word: Verto does not document the key."""

DEFAULT_MESSAGE_KEYS = ("message", "error", "detail")
"""Where a message is looked for, in the order public clients of Verto do; not documented either."""

HIGHEST_CODE = 999_999_999
"""The largest number taken for an error code; what is larger is something else."""

LONGEST_MESSAGE = 500
"""Characters of a message that are kept."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """What a JSON body says went wrong.

    Attributes:
        code: API error code, 0 to :data:`HIGHEST_CODE`; ``None`` when the body has none.
        message: At most :data:`LONGEST_MESSAGE` characters, on one line, no control characters;
            ``None`` when the body has none. May quote what the caller sent, and so is left out of
            the ``repr``.
        success: The body's ``success`` when that is a boolean, else ``None``. ``False`` on a 2xx
            is a failure of the API, seen in public client code and not documented.
    """

    __module__ = "verto_resilience"

    code: int | None = None
    message: str | None = field(default=None, repr=False)
    success: bool | None = None


def may_deny_success(body: bytes) -> bool:
    """Say cheaply whether a body could hold ``"success": false``, before it is parsed for that.

    For 2xx responses, of which nearly all can be told apart here for less than a microsecond.
    """
    return b'"success"' in body and b"false" in body


def read_api_error(
    body: bytes,
    content_type: str | None,
    *,
    code_keys: tuple[str, ...] = DEFAULT_CODE_KEYS,
    message_keys: tuple[str, ...] = DEFAULT_MESSAGE_KEYS,
    limit: int,
) -> ApiError | None:
    """Read code, message and success from a body; never raises and takes linear time.

    Args:
        body: The body as received and decompressed, as far as the caller read it.
        content_type: The ``Content-Type``; JSON, plain text and ``None`` are read, others are not.
        code_keys: Where to look for a code, first match wins. A dot goes into an object:
            ``error.code``. An integer counts, and its text (``"12"``); a boolean, a fraction and a
            negative number do not.
        message_keys: Where to look for a message, in the same way; a text that is not blank counts.
        limit: Bytes; of a longer body nothing is parsed.

    Returns:
        ``None`` when the body says none of the three.
    """
    if not _may_be_json(content_type):
        return None
    document = read_json_object(body, limit=limit)
    if document is None:
        return None
    code = next((c for key in code_keys if (c := _code(value_at(document, key))) is not None), None)
    message = next((m for key in message_keys if (m := _message(value_at(document, key)))), None)
    success = document.get("success")
    if not isinstance(success, bool):
        success = None
    if code is None and message is None and success is None:
        return None
    return ApiError(code, message, success)


def read_json_object(body: bytes, *, limit: int) -> dict[str, object] | None:
    """Parse a JSON object, or give ``None`` for anything else; never raises.

    Of a key that comes twice the last value counts, as in ``response.json()``. An integer of more
    than 18 digits is read as ``None``. An object nested deeper than 64 levels is refused.

    Args:
        body: UTF-8, with or without a byte order mark.
        limit: Bytes; a longer body is not looked at.
    """
    if len(body) > limit or not body.lstrip(_BLANK_OR_MARK).startswith(b"{"):
        return None
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if not _is_shallow(text):
        return None
    try:
        return cast("dict[str, object]", _DECODER.decode(text))
    except (ValueError, RecursionError):
        return None


def value_at(document: dict[str, object], path: str) -> object:
    """Give the value at a key, or at keys joined by dots; ``None`` when there is none."""
    value: object = document
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


_BLANK_OR_MARK = b" \t\r\n\xef\xbb\xbf"
_JSON_TYPE = re.compile(
    r"\s*+(?:text/plain|(?:application|text)/(?:[^\s;,/+]++\+)*+json)\s*+(?:[;,]|\Z)", re.IGNORECASE
)
_CODE_DIGITS = 9
_EXACT_DIGITS = 18
_DEEPEST = 64
# An unterminated string is taken to the end of the text, so that the scan stays linear.
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]')
# Line breaks and terminal controls forge log lines, bidirectional ones disguise text, and lone
# surrogates cannot be encoded by whoever writes the message down.
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def _may_be_json(content_type: str | None) -> bool:
    return not content_type or _JSON_TYPE.match(content_type) is not None


def _is_shallow(text: str) -> bool:
    """Say whether the nesting is harmless, whatever recursion limit the process has set."""
    if text.count("{") + text.count("[") <= _DEEPEST:
        return True
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        first = token[0][0]
        if first in "{[":
            depth += 1
            if depth > _DEEPEST:
                return False
        elif first != '"':
            depth -= 1
    return True


def _integer(digits: str) -> int | None:
    # int() of thousands of digits is slow, or raises, as the process has set it.
    return int(digits) if len(digits) <= _EXACT_DIGITS else None


_DECODER = json.JSONDecoder(parse_int=_integer)


def _code(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) <= _CODE_DIGITS else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= HIGHEST_CODE:
        return value
    return None


def _message(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return _UNPRINTABLE.sub(" ", value).strip()[:LONGEST_MESSAGE].rstrip()
