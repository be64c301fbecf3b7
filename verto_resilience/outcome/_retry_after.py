"""How long the server asked to be left alone: header text to seconds, or ``None``.

Pure and linear in the length of the text. What is not understood is ignored, never an error: a
strange header must not cost the caller a response.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

LONGEST_WAIT = 1e10
"""Seconds; what a longer wait is read as, so that no sum with it overflows."""


def told_to_wait(headers: Mapping[str, str], wall: float) -> float | None:
    """Read from a response's headers how long to wait, counted from its receipt.

    ``Retry-After`` takes precedence where it names a time; then ``RateLimit``; then the separate
    ``RateLimit-Remaining`` and ``RateLimit-Reset`` of earlier drafts. Verto documents none of them.

    ``0`` and a date that is over name no time: a server that has just refused and says "now" would
    be asked again at once by every thread. So it is as if it had said nothing.

    Args:
        headers: The response's headers; names are looked up in lower case, so the mapping has to
            ignore case, as those of requests, urllib3 and httpx do.
        wall: Seconds since the epoch when the response was received, by the caller's clock.

    Returns:
        Seconds, more than 0 and at most :data:`LONGEST_WAIT`; ``None`` when the headers name none.
    """
    told = headers.get("retry-after")
    if told is not None:
        wait = parse_retry_after(told, date=headers.get("date"), age=headers.get("age"), wall=wall)
        if wait:
            return wait
    limit = headers.get("ratelimit")
    if limit is not None:
        wait = parse_rate_limit(limit)
        if wait:
            return wait
    remaining = headers.get("ratelimit-remaining")
    if remaining is not None and _delta_seconds(remaining.strip(" \t")) == 0.0:
        return _delta_seconds(headers.get("ratelimit-reset", "").strip(" \t")) or None
    return None


def parse_retry_after(text: str, *, date: str | None, age: str | None, wall: float) -> float | None:
    """Read a ``Retry-After`` value: delta-seconds or an HTTP-date (RFC 9110 section 10.2.3).

    A date is compared with the response's own ``Date``, so that a wrong clock on either side does
    no harm. A response that has an ``Age`` comes from a cache and its ``Date`` is old: then, as
    without a readable ``Date``, the caller's clock counts.

    Args:
        text: The value. Of several, joined by commas, the longest wait wins. What the RFC does
            not allow is ignored: a sign, a word, and a fraction such as ``3.5``, since
            delta-seconds are digits alone.
        date: The response's ``Date``; ``None`` when absent.
        age: The response's ``Age``, of which only the presence counts; ``None`` when absent.
        wall: Seconds since the epoch when the response was received, by the caller's clock.

    Returns:
        Seconds from receipt, 0 to :data:`LONGEST_WAIT`. A date in the past gives 0. ``None`` when
        nothing was understood.
    """
    longest: float | None = None
    for member in _members(text):
        wait = _delta_seconds(member)
        if wait is None:
            moment = _http_date(member, wall)
            if moment is None:
                continue
            sent = None if date is None or age is not None else _http_date(date, wall)
            wait = min(LONGEST_WAIT, max(0.0, moment - (wall if sent is None else sent)))
        longest = wait if longest is None else max(longest, wait)
    return longest


def parse_rate_limit(text: str) -> float | None:
    """Read a ``RateLimit`` field (draft-ietf-httpapi-ratelimit-headers-09), a list of policies.

    Args:
        text: The value, such as ``"default";r=0;t=30``. A value that is not a structured-field
            list of items is ignored as a whole (RFC 8941 section 4.2).

    Returns:
        The longest ``t`` (seconds) of the policies with nothing left (``r=0``), at most
        :data:`LONGEST_WAIT`; ``None`` when no policy is used up or the value is not understood.
    """
    text = text.strip(" ")
    longest: float | None = None
    position = 0
    while item := _ITEM.match(text, position):
        position = item.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(text, position):
            position = parameter.end()
            parameters[parameter["key"]] = parameter["value"] or "?1"
        if _is_zero(parameters.get("r", "")):
            wait = _delta_seconds(parameters.get("t", ""))
            if wait is not None:
                longest = wait if longest is None else max(longest, wait)
        if position == len(text):
            return longest
        comma = _COMMA.match(text, position)
        if comma is None:
            return None
        position = comma.end()
    return None


_MOST_DIGITS = 10
_SHORTEST_DATE, _LONGEST_DATE = 24, 33


def _delta_seconds(text: str) -> float | None:
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    # float() makes infinity of very long digits.
    return LONGEST_WAIT if len(digits) > _MOST_DIGITS else float(digits or "0")


def _members(text: str) -> Iterator[str]:
    """Split at commas, except the one that follows the day name of a date."""
    parts = iter(text.split(","))
    for part in parts:
        member = part.strip(" \t")
        if member in _DAY_NAMES:
            member = f"{member},{next(parts, '')}".rstrip(" \t")
        yield member


_SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_NAMES = frozenset(_SHORT_DAYS + _LONG_DAYS)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = f"(?:{'|'.join(_SHORT_DAYS)})"
_LONG_DAY = f"(?:{'|'.join(_LONG_DAYS)})"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_TWO_DIGITS = 2


@cache
def _http_dates() -> tuple[re.Pattern[str], ...]:
    """Give the forms of RFC 9110 section 5.6.7: IMF-fixdate, then the obsolete RFC 850 and asctime.

    Compiled when the first date comes by, as importing would wait for it.
    """
    return (
        re.compile(rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
        re.compile(rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
        re.compile(rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
    )


def _http_date(text: str, wall: float) -> float | None:
    """Give the seconds since the epoch of an HTTP-date; the day's name is not compared."""
    if not _SHORTEST_DATE <= len(text) <= _LONGEST_DATE:
        return None
    for form in _http_dates():
        match = form.fullmatch(text)
        if match is not None:
            break
    else:
        return None
    year, month, day = int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    in_day = hour * 3600 + minute * 60 + second
    # 60 is a leap second, which the epoch does not count.
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004
        return None
    if len(match["year"]) == _TWO_DIGITS:
        year = _full_year(year, month, day, in_day, wall)
    if not 1 <= day <= _days_in_month(year, month):
        return None
    return float(_days_since_epoch(year, month, day) * 86400 + in_day)


def _full_year(year: int, month: int, day: int, in_day: int, wall: float) -> int:
    """Give the latest year with these two digits that is not over 50 years ahead of ``wall``."""
    # May be a year off around New Year, hence 51; the comparison below settles it.
    latest = 1970 + int(wall // 31_556_952) + 51
    year = latest - (latest - year) % 100
    fifty_years_before = _days_since_epoch(year - 50, month, day) * 86400 + in_day
    return year - 100 if fifty_years_before > wall else year


def _days_in_month(year: int, month: int) -> int:
    following = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004
    return _days_since_epoch(*following, 1) - _days_since_epoch(year, month, 1)


def _days_since_epoch(year: int, month: int, day: int) -> int:
    """Count days from 1970-01-01 in the Gregorian calendar, years starting in March."""
    if month <= 2:  # noqa: PLR2004
        year, month = year - 1, month + 12
    leap_days = year // 4 - year // 100 + year // 400
    return 365 * year + leap_days + (153 * (month - 3) + 2) // 5 + day - 719_469


# RFC 8941 sections 3.2 and 3.3. Possessive quantifiers: a match never goes back, so hostile text
# costs one pass.
_BARE_ITEM = (
    r'"(?:[ !#-\[\]-~]|\\["\\])*+"'
    r"|-?[0-9]{1,15}+(?:\.[0-9]{1,3}+)?"
    r"|[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*+"
    r"|:[A-Za-z0-9+/=]*+:"
    r"|\?[01]"
)
_ITEM = re.compile(_BARE_ITEM)
_PARAMETER = re.compile(rf"; *+(?P<key>[a-z*][a-z0-9_\-.*]*+)(?:=(?P<value>{_BARE_ITEM}))?")
_COMMA = re.compile(r"[ \t]*+,[ \t]*+")
_ZERO = re.compile(r"-?0++")


def _is_zero(value: str) -> bool:
    return _ZERO.fullmatch(value) is not None
