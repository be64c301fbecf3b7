import string
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict

from verto_resilience.outcome._retry_after import (
    LONGEST_WAIT,
    parse_rate_limit,
    parse_retry_after,
    told_to_wait,
)

WALL = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC).timestamp()
RFC_EXAMPLE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()
DAYS = ("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun")
KIBIBYTES_64 = 65_536

moments = st.datetimes(
    min_value=datetime(1, 1, 1),  # noqa: DTZ001
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))


def _read(text: str, *, date: str | None = None, age: str | None = None) -> float | None:
    return parse_retry_after(text, date=date, age=age, wall=WALL)


def _imf(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _rfc_850(moment: datetime) -> str:
    return moment.strftime(f"{DAYS[moment.weekday()]}day, %d-%b-%y %H:%M:%S GMT")


def _asctime(moment: datetime) -> str:
    return f"{moment:%a %b} {moment.day:2d} {moment:%H:%M:%S} {moment.year:04d}"


class TestDeltaSeconds:
    """Numbers."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0.0),
            ("1", 1.0),
            ("120", 120.0),
            ("007", 7.0),
            ("000", 0.0),
            (" \t30\t ", 30.0),
            ("9999999999", 9_999_999_999.0),
            ("0" * 40 + "9", 9.0),
        ],
    )
    def test_digits_are_seconds(self, text: str, seconds: float) -> None:
        """A string of digits is that many seconds, whatever stands for padding."""
        assert _read(text) == seconds

    @pytest.mark.parametrize("digits", [11, 400, 5_000, KIBIBYTES_64])
    def test_a_huge_number_is_the_longest_wait(self, digits: int) -> None:
        """More than ten digits are a very long wait, never an overflow."""
        assert _read("9" * digits) == LONGEST_WAIT == 10_000_000_000.0

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "-5",
            "+5",
            "0.5",
            "1e3",
            "NaN",
            "inf",
            "soon",
            "1m0s",
            "0x10",
            "1_000",
            "5 6",
            "5X",
        ],
    )
    def test_what_is_no_string_of_digits_says_nothing(self, text: str) -> None:
        """A sign, a fraction, a word or nothing at all is ignored."""
        assert _read(text) is None

    @pytest.mark.parametrize("text", ["٣", "１２", "²", "1\u00a0", "1\n", "\x001"])  # noqa: RUF001
    def test_digits_of_other_scripts_say_nothing(self, text: str) -> None:
        """Only ASCII digits count, and only spaces and tabs may surround them."""
        assert _read(text) is None

    @given(st.integers(0, 9_999_999_999))
    def test_every_number_of_ten_digits_is_exact(self, seconds: int) -> None:
        """Any number of up to ten digits is read as itself."""
        assert _read(str(seconds)) == seconds


class TestDates:
    """The three forms of HTTP-date."""

    @pytest.mark.parametrize(
        "text",
        [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ],
    )
    def test_the_three_forms_mean_the_same_moment(self, text: str) -> None:
        """The examples of RFC 9110 section 5.6.7 are one moment."""
        earlier = "Sun, 06 Nov 1994 08:49:07 GMT"

        assert _read(text, date=earlier) == 30.0

    @given(moments, st.sampled_from([_imf, _asctime]))
    def test_dates_with_a_full_year_agree_with_the_calendar(
        self, moment: datetime, form: Callable[[datetime], str]
    ) -> None:
        """Any moment of the years 1 to 9999 is read as the calendar has it."""
        date = "Mon, 01 Jan 0001 00:00:00 GMT"
        since = (moment - datetime(1, 1, 1, tzinfo=UTC)).total_seconds()

        assert _read(form(moment), date=date) == min(LONGEST_WAIT, since)

    @given(
        st.datetimes(datetime(2020, 1, 1), datetime(2069, 12, 31)),  # noqa: DTZ001
        st.integers(-50 * 365 * 86_400, 49 * 365 * 86_400),
    )
    def test_two_digit_years_are_at_most_fifty_years_ahead(
        self, now: datetime, offset: int
    ) -> None:
        """A two-digit year is the one that is less than 50 years away from now."""
        now = now.replace(microsecond=0, tzinfo=UTC)
        moment = now + timedelta(seconds=offset)

        wait = parse_retry_after(_rfc_850(moment), date=None, age=None, wall=now.timestamp())

        assert wait == max(0.0, offset)

    @pytest.mark.parametrize(
        ("text", "year"),
        [
            ("Sunday, 22-Nov-76 12:00:00 GMT", 2076),
            ("Sunday, 22-Nov-76 12:00:01 GMT", 1976),
            ("Sunday, 23-Nov-76 12:00:00 GMT", 1976),
            ("Friday, 31-Dec-77 23:59:59 GMT", 1977),
            ("Friday, 01-Jan-27 00:00:00 GMT", 2027),
        ],
    )
    def test_the_border_lies_fifty_years_ahead(self, text: str, year: int) -> None:
        """A two-digit year over 50 years ahead, by a second even, is a century earlier."""
        date = "Sun, 22 Nov 1970 12:00:00 GMT"

        wait = _read(text, date=date)

        assert wait is not None
        assert (datetime(1970, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=wait)).year == year

    def test_fifty_years_from_the_first_hours_of_a_year_are_ahead(self) -> None:
        """Just after New Year a date not quite 50 years ahead is not taken for the past."""
        now = datetime(2028, 1, 1, 1, tzinfo=UTC)
        moment = datetime(2078, 1, 1, 0, 30, tzinfo=UTC)

        wait = parse_retry_after(_rfc_850(moment), date=None, age=None, wall=now.timestamp())

        assert wait == (moment - now).total_seconds()

    @pytest.mark.parametrize("now", ["2026-12-31T23:59:59", "2027-01-01T00:00:00"])
    def test_new_year_moves_no_century(self, now: str) -> None:
        """Around New Year a date some seconds ahead stays some seconds ahead."""
        moment = datetime.fromisoformat(now).replace(tzinfo=UTC)

        wait = parse_retry_after(
            _rfc_850(moment + timedelta(seconds=5)), date=None, age=None, wall=moment.timestamp()
        )

        assert wait == 5.0

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("Sun, 22 Nov 2026 12:00:60 GMT", 60.0),
            ("Sun, 22 Nov 2026 23:59:60 GMT", 43_200.0),
            ("Tue, 29 Feb 2028 00:00:00 GMT", 40_046_400.0),
            ("Wed, 22 Nov 2026 12:00:07 GMT", 7.0),
        ],
    )
    def test_leap_seconds_leap_days_and_wrong_day_names_are_read(
        self, text: str, seconds: float
    ) -> None:
        """Second 60, 29 February of a leap year, and a day name that does not fit are tolerated."""
        assert _read(text) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            "Sun, 22 Nov 2026 24:00:00 GMT",
            "Sun, 22 Nov 2026 12:60:00 GMT",
            "Sun, 22 Nov 2026 12:00:61 GMT",
            "Sun, 00 Nov 2026 12:00:00 GMT",
            "Sun, 31 Nov 2026 12:00:00 GMT",
            "Thu, 32 Dec 2026 12:00:00 GMT",
            "Mon, 29 Feb 2027 12:00:00 GMT",
            "Mon, 29 Feb 2100 12:00:00 GMT",
            "Monday, 29-Feb-27 12:00:00 GMT",
            "Sun Nov 32 12:00:00 2026",
        ],
    )
    def test_moments_that_do_not_exist_say_nothing(self, text: str) -> None:
        """A date that no calendar has is ignored."""
        assert _read(text) is None

    @pytest.mark.parametrize(
        "text",
        [
            "Sun, 22 Nov 2027 12:00:00",
            "Sun, 22 Nov 2027 12:00:00 UTC",
            "Sun, 22 Nov 2027 12:00:00 +0000",
            "sun, 22 nov 2027 12:00:00 gmt",
            "Sun 22 Nov 2027 12:00:00 GMT",
            "Sun,22 Nov 2027 12:00:00 GMT",
            "Sun, 2 Nov 2027 12:00:00 GMT",
            "Sun, 22 Nov 27 12:00:00 GMT",
            "Son, 22 Nov 2027 12:00:00 GMT",
            "Sun, 22 Okt 2027 12:00:00 GMT",
            "Sun, 22-Nov-27 12:00:00 GMT",
            "Sunday, 22-Nov-2027 12:00:00 GMT",
            "Sunday, 22 Nov 2027 12:00:00 GMT",
            "Sun Nov 2 12:00:00 2027",
            "Sun Nov 22 12:00:00 27",
            "2027-11-22T12:00:00Z",
            "Sun, ２２ Nov 2027 12:00:00 GMT",  # noqa: RUF001
            "Sun, 22 Nov 2027 12:00:00 GMT;",
            "Sun, 22 Nov 2027 12:00:00 GMTX",
            "Sun, 22 Nov 2027 12:00:00 GMT\u00a0",
            "Sun",
            "Sun, 5",
        ],
    )
    def test_other_spellings_of_dates_say_nothing(self, text: str) -> None:
        """What only looks like one of the three forms is ignored."""
        assert _read(text) is None

    def test_every_four_hundredth_year_is_a_leap_year(self) -> None:
        """The year 2000 had a 29 February, which 1900 had not."""
        date = "Mon, 28 Feb 2000 00:00:00 GMT"

        assert _read("Tue, 29 Feb 2000 00:00:00 GMT", date=date) == 86_400.0
        assert _read("Wed, 01 Mar 2000 00:00:00 GMT", date=date) == 2 * 86_400.0

    def test_the_longest_day_name_is_read(self) -> None:
        """The longest form of all is a Wednesday in the manner of RFC 850."""
        assert _read("Wednesday, 25-Nov-26 12:00:00 GMT") == 259_200.0


class TestAgainstWhichClock:
    """What a date is compared with."""

    TOLD = "Sun, 22 Nov 2026 12:01:00 GMT"
    SENT = "Sun, 22 Nov 2026 12:00:20 GMT"

    def test_the_date_of_the_response_counts(self) -> None:
        """With a Date the wait is the difference of the server's own two statements."""
        assert _read(self.TOLD, date=self.SENT) == 40.0

    def test_the_date_of_the_response_may_have_a_two_digit_year(self) -> None:
        """A Date in the manner of RFC 850 is a Date."""
        assert _read(self.TOLD, date="Sunday, 22-Nov-26 12:00:20 GMT") == 40.0

    @pytest.mark.parametrize("age", ["0", "12", "", "garbage"])
    def test_a_cached_response_is_compared_with_the_callers_clock(self, age: str) -> None:
        """A response with an Age has an old Date, so the caller's clock counts."""
        assert _read(self.TOLD, date=self.SENT, age=age) == 60.0

    @pytest.mark.parametrize("date", [None, "", "garbage", "0", SENT + ", " + SENT])
    def test_without_a_readable_date_the_callers_clock_counts(self, date: str | None) -> None:
        """A Date that is missing or no date leaves the caller's clock."""
        assert _read(self.TOLD, date=date) == 60.0

    def test_a_fraction_of_the_callers_clock_counts(self) -> None:
        """The wait ends at the date, not up to a second before or after it."""
        assert parse_retry_after(self.TOLD, date=None, age=None, wall=WALL + 0.25) == 59.75

    def test_a_date_in_the_past_is_no_wait(self) -> None:
        """A moment that has gone by gives 0, which is not the same as no answer."""
        assert _read(self.SENT, date=self.TOLD) == 0.0

    @given(moments, st.integers(0, 10**6), st.floats(0, 4e9))
    def test_no_clock_can_spoil_a_date_beside_a_date(
        self, sent: datetime, seconds: int, wall: float
    ) -> None:
        """However wrong the caller's clock is, two dates of the server give their difference."""
        sent = min(sent, datetime(9999, 1, 1, tzinfo=UTC))
        told = sent + timedelta(seconds=seconds)

        wait = parse_retry_after(_imf(told), date=_imf(sent), age=None, wall=wall)

        assert wait == seconds


class TestSeveralValues:
    """Headers that came more than once."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("1, 30, 5", 30.0),
            ("30,5", 30.0),
            ("5, 30", 30.0),
            (", ,5,", 5.0),
            ("soon, 5, -7", 5.0),
            ("Sun, 22 Nov 2026 12:00:20 GMT, 5", 20.0),
            ("25, Sun, 22 Nov 2026 12:00:20 GMT", 25.0),
            ("Sunday, 22-Nov-26 12:00:20 GMT, Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
            ("Sun Nov 22 12:00:30 2026, Sun Nov 22 12:00:40 2026", 40.0),
            ("Sun, 22 Nov 2026 12:00:30 GMT ,Sun, 22 Nov 2026 11:00:00 GMT", 30.0),
        ],
    )
    def test_the_longest_wait_wins(self, text: str, seconds: float) -> None:
        """Of several values joined by commas the longest that is understood is meant."""
        assert _read(text) == seconds

    @given(st.lists(st.integers(0, 10**10 - 1), min_size=1))
    def test_the_largest_of_many_numbers_wins(self, waits: list[int]) -> None:
        """However many numbers come, the largest wins."""
        assert _read(", ".join(map(str, waits))) == max(waits)


class TestRateLimit:
    """The RateLimit field."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ('"default";r=0;t=30', 30.0),
            ("default;r=0;t=30", 30.0),
            ('  "default" ;r=0;t=30', None),
            (' "default"; r=0;  t=30 ', 30.0),
            ('"default";r=50;t=30', None),
            ('"default";r=0', None),
            ('"default";t=30', None),
            ('"default"', None),
            ('"default";r=0;t=0', 0.0),
            ('"default";r=-0;t=3', 3.0),
            ('"default";r=00;t=3', 3.0),
            ('"default";r=-1;t=3', None),
            ('"default";r=0;t=-3', None),
            ('"default";r=0;t=3.5', None),
            ('"default";r=0.0;t=3', None),
            ('"default";r=10;t=3', None),
            ('"default";r;t=3', None),
            ('"default";r=0;t', None),
            ('"default";r="0";t=3', None),
            ('"default";r=0;t="3"', None),
            ('"default";r=0;t=999999999999', LONGEST_WAIT),
            ('"default";r=5;r=0;t=1;t=4', 4.0),
            ('"hour";r=0;t=1800,"day";r=0;t=3600', 3600.0),
            ('"hour";r=0;t=1800 \t, \t"day";r=0;t=60', 1800.0),
            ('"hour";r=0;t=5, "day";r=100;t=3600', 5.0),
            ('"a;r=9,\\"b\\\\";r=0;t=7;pk=:c29tZQ==:;x=?1;y=tok/en:*', 7.0),
            ("12;r=0;t=7", 7.0),
            ("X;r=0;t=7", 7.0),
            ("*a;r=0;t=7;a_b-c.*=1", 7.0),
        ],
    )
    def test_the_used_up_policy_with_the_longest_window_rules(
        self, text: str, seconds: float | None
    ) -> None:
        """Of the policies with nothing left the longest reset counts; others say nothing."""
        assert parse_rate_limit(text) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            ",",
            '"a";r=0;t=3,',
            '"a";r=0;t=3,,"b"',
            '"a;r=0;t=3',
            '"a\\x";r=0;t=3',
            '"é";r=0;t=3',
            '"a";R=0;t=3',
            '"a";r=0;t=3 "b"',
            '"a";r=0;t=3 x',
            '"a";r=0;t=3\n',
            '"a";r=0;t=1234567890123456',
            '("a" "b");r=0;t=3',
            "limit=100, remaining=0, reset=3",
            '"a";;r=0;t=3',
            '"a";r=0;t=3;',
            '"a";r=0;t=3;z=',
        ],
    )
    def test_a_malformed_field_says_nothing_at_all(self, text: str) -> None:
        """A value that breaks the grammar of structured fields is ignored as a whole."""
        assert parse_rate_limit(text) is None


class TestToldToWait:
    """Which header rules."""

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"Content-Type": "application/json", "Date": "x", "Age": "1"}, None),
            ({"Retry-After": "5"}, 5.0),
            ({"RETRY-AFTER": "7"}, 7.0),
            ({"RateLimit": '"a";r=0;t=6'}, 6.0),
            ({"Retry-After": "5", "RateLimit": '"a";r=0;t=6'}, 5.0),
            ({"Retry-After": "soon", "RateLimit": '"a";r=0;t=6'}, 6.0),
            ({"Retry-After": "soon"}, None),
            ({"RateLimit-Remaining": "0", "RateLimit-Reset": "7"}, 7.0),
            ({"RateLimit-Remaining": " 0 ", "RateLimit-Reset": " 7 "}, 7.0),
            ({"RateLimit-Remaining": "1", "RateLimit-Reset": "7"}, None),
            ({"RateLimit-Remaining": "many", "RateLimit-Reset": "7"}, None),
            ({"RateLimit-Remaining": "0", "RateLimit-Reset": "-7"}, None),
            ({"RateLimit-Remaining": "0", "RateLimit-Reset": "7X"}, None),
            ({"RateLimit-Remaining": "0", "RateLimit-Reset": "7\u00a0"}, None),
            ({"RateLimit-Remaining": "0X", "RateLimit-Reset": "7"}, None),
            ({"RateLimit-Remaining": "0\u00a0", "RateLimit-Reset": "7"}, None),
            ({"RateLimit-Remaining": "0"}, None),
            ({"RateLimit-Reset": "7"}, None),
            ({"RateLimit": "x y", "RateLimit-Remaining": "0", "RateLimit-Reset": "7"}, 7.0),
            (
                {
                    "RateLimit": '"a";r=0;t=6',
                    "RateLimit-Remaining": "0",
                    "RateLimit-Reset": "7",
                },
                6.0,
            ),
        ],
    )
    @pytest.mark.parametrize("mapping", [CaseInsensitiveDict, HTTPHeaderDict])
    def test_the_first_header_that_names_a_time_rules(
        self, headers: dict[str, str], seconds: float | None, mapping: type
    ) -> None:
        """Retry-After comes first, then RateLimit, then the separate fields of earlier drafts."""
        assert told_to_wait(mapping(headers), WALL) == seconds

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "0"}, None),
            ({"Retry-After": "000"}, None),
            ({"Retry-After": "Sun, 22 Nov 2026 12:00:00 GMT"}, None),
            ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
            ({"Retry-After": "0, 4"}, 4.0),
            ({"RateLimit": '"a";r=0;t=0'}, None),
            ({"RateLimit-Remaining": "0", "RateLimit-Reset": "0"}, None),
            ({"Retry-After": "0", "RateLimit": '"a";r=0;t=6'}, 6.0),
            (
                {
                    "Retry-After": "0",
                    "RateLimit": '"a";r=0;t=0',
                    "RateLimit-Remaining": "0",
                    "RateLimit-Reset": "7",
                },
                7.0,
            ),
        ],
    )
    def test_a_time_that_has_passed_names_none(
        self, headers: dict[str, str], seconds: float | None
    ) -> None:
        """``0`` and a date that is over say as little as no header, and the next one is read."""
        assert told_to_wait(CaseInsensitiveDict(headers), WALL) == seconds

    def test_names_are_looked_up_in_lower_case(self) -> None:
        """A mapping of lower-case names need not ignore case."""
        dated = {
            "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT",
            "date": "Sun, 06 Nov 1994 08:49:07 GMT",
        }

        waits = [
            told_to_wait(headers, RFC_EXAMPLE - 10)
            for headers in (
                dated,
                {**dated, "age": "20"},
                {"ratelimit": '"a";r=0;t=6'},
                {"ratelimit-remaining": "0", "ratelimit-reset": "7"},
            )
        ]

        assert waits == [30.0, 10.0, 6.0, 7.0]

    def test_the_date_and_age_of_the_response_are_used(self) -> None:
        """The response's Date and Age decide which clock a date is compared with."""
        headers = CaseInsensitiveDict(
            {
                "Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT",
                "Date": "Sun, 06 Nov 1994 08:49:07 GMT",
            }
        )

        fresh = told_to_wait(headers, RFC_EXAMPLE - 10)
        headers["Age"] = "20"
        cached = told_to_wait(headers, RFC_EXAMPLE - 10)

        assert (fresh, cached) == (30.0, 10.0)

    def test_repeated_headers_are_read_as_urllib3_joins_them(self) -> None:
        """Two Retry-After headers, joined by urllib3, give the longer wait."""
        headers = HTTPHeaderDict()
        headers.add("Retry-After", "3")
        headers.add("Retry-After", "Sun, 22 Nov 2026 12:00:09 GMT")

        assert told_to_wait(headers, WALL) == 9.0


ALPHABET = string.digits + string.ascii_letters + ' ,;:="\\-+.?*\t\n\x00é٣'


@given(
    st.text() | st.text(ALPHABET) | st.text('0123";=rt, ab\\'),
    st.none() | st.text() | st.just("Sun, 06 Nov 1994 08:49:37 GMT"),
    st.none() | st.text(),
    st.floats(-1e12, 1e12),
)
def test_any_text_gives_a_bounded_wait_or_nothing(
    text: str, date: str | None, age: str | None, wall: float
) -> None:
    """Whatever the headers hold, the answer is None or between 0 and the longest wait."""
    waits = (parse_retry_after(text, date=date, age=age, wall=wall), parse_rate_limit(text))

    for wait in waits:
        assert wait is None or 0.0 <= wait <= LONGEST_WAIT


@pytest.mark.parametrize(
    "unit",
    [
        ",",
        "9",
        "1,",
        "Sun,",
        "Sun, 06 Nov 1994 08:49:37 GMT,",
        ";",
        ";a",
        ";a=1",
        '"',
        '\\"',
        " ",
        "a",
        ":",
        '"a";r=0;t=1,',
    ],
)
@pytest.mark.parametrize("start", ["", '"', '"a"', '"a";r=0;t=1'])
def test_hostile_text_of_64_kib_is_read_in_linear_time(start: str, unit: str) -> None:
    """The longest header a server can send costs milliseconds, not minutes."""
    text = (start + unit * KIBIBYTES_64)[:KIBIBYTES_64]
    began = time.perf_counter()

    parse_retry_after(text, date=text, age=None, wall=WALL)
    parse_rate_limit(text)

    assert time.perf_counter() - began < 5.0
