"""Checks of what a server may send: classification, waits, error bodies. Each takes any bytes."""

import contextlib
import pickle
import re
import unicodedata

import requests
from requests.structures import CaseInsensitiveDict

import verto_resilience
from verto_resilience.outcome import (
    LONGEST_MESSAGE,
    Catalogue,
    Category,
    Health,
    Resend,
    classify_response,
    may_deny_success,
    read_api_error,
    told_to_wait,
)
from verto_resilience.outcome._api_error import HIGHEST_CODE
from verto_resilience.outcome._retry_after import LONGEST_WAIT, parse_rate_limit, parse_retry_after

CANARY = "Qz7canaryV3-of-the-fuzz"
"""A credential of the request; a server may quote it."""

_HARMFUL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_STATUS = re.compile("[1-9][0-9]{2}")
_WALL = 1_795_348_800.0
_REQUEST = requests.Request(
    "POST",
    "https://api.example.com/orders",
    headers={"Authorization": f"Bearer {CANARY}"},
    json={"apiKey": CANARY},
).prepare()
_LIMIT = 65_536
_TYPES = (None, "application/json", "text/plain; charset=latin-1", "application/problem+json", "x")


def classification(data: bytes) -> None:
    """Any response gets an outcome that fits its status, and no text about it holds a secret.

    Args:
        data: The status, a line for each header, an empty line, the body.
    """
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    status = int(first) if _STATUS.fullmatch(first) else 500
    response = _response(status, lines, body)

    outcome = verto_resilience.outcome(response)

    assert outcome.status == status
    assert outcome.retry_after is None or 0.0 < outcome.retry_after <= LONGEST_WAIT
    assert outcome.category is not None
    assert (outcome.category in {Category.SUCCESS, Category.API_FAILURE}) is (
        status // 100 in {1, 2}
    )
    assert outcome.message is None or _is_harmless(outcome.message)
    said = [str(outcome), repr(outcome)]
    try:
        verto_resilience.raise_for_outcome(response)
    except verto_resilience.OutcomeError as error:
        said += [str(error), repr(error), *map(str, pickle.loads(pickle.dumps(error)).args)]  # noqa: S301
    assert not [text for text in said if CANARY in text]


def retry_after(data: bytes) -> None:
    """Whatever the headers say, a wait is a number of seconds within bounds, or none.

    Args:
        data: Lines: Retry-After, Date, Age, RateLimit, RateLimit-Remaining, RateLimit-Reset; an
            empty or missing one is a header that is absent.
    """
    names = (
        "Retry-After",
        "Date",
        "Age",
        "RateLimit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
    )
    lines = data.decode("latin-1").split("\n")
    headers = CaseInsensitiveDict(
        {name: text for name, text in zip(names, lines, strict=False) if text}
    )

    told = told_to_wait(headers, _WALL)

    assert told is None or 0.0 < told <= LONGEST_WAIT
    for line in lines:
        wait = parse_retry_after(line, date=headers.get("Date"), age=headers.get("Age"), wall=_WALL)
        assert wait is None or 0.0 <= wait <= LONGEST_WAIT
        limit = parse_rate_limit(line)
        assert limit is None or 0.0 <= limit <= LONGEST_WAIT
        if line.isascii() and line.isdigit():
            assert wait == min(float(line), LONGEST_WAIT)


def error_bodies(data: bytes) -> None:
    """A body says a code, a message and success within their bounds, or nothing; none raises."""
    assert may_deny_success(data) in {True, False}
    for content_type in _TYPES:
        for limit in (_LIMIT, 20):
            error = read_api_error(data, content_type, limit=limit)
            if error is None:
                continue
            assert len(data) <= limit
            assert error.code is None or (
                type(error.code) is int and 0 <= error.code <= HIGHEST_CODE
            )
            assert error.message is None or (
                0 < len(error.message) <= LONGEST_MESSAGE and _is_harmless(error.message)
            )
            assert error.success in {None, True, False}
            for status in (200, 400, 503):
                outcome = classify_response(Catalogue.documented(), status, api_error=error)
                denied = status == 200 and error.success is False
                assert (outcome.category is Category.API_FAILURE) is denied
                assert (outcome.health is Health.BAD) is (status == 503)
                assert (outcome.resend is Resend.NEVER) is (status != 503)


def _is_harmless(text: str) -> bool:
    """Say whether a text neither breaks a line, steers a terminal, nor runs the other way."""
    return not any(
        unicodedata.category(char) in _HARMFUL or unicodedata.bidirectional(char) in _TURNING
        for char in text
    )


def _response(status: int, lines: list[str], body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.request = _REQUEST
    response.url = _REQUEST.url or ""
    for line in lines:
        name, _, value = line.partition(":")
        with contextlib.suppress(ValueError):
            response.headers[name.strip()] = value.strip()
    response._content = body
    return response
