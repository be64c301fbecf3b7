import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.machines import State, TripReason
from verto_resilience.state import About, Record, Word
from verto_resilience.state._records import LONGEST, has_expired, is_key, read_record

NOW = 1_800_000_000_000
ABOUT = About("web-1:42:8f3a", TripReason.FAILURE_RATE, "503")
KEY = "https://api.example.com:443"


def _value(
    word: str = "open",
    *,
    generation: int = NOW - 5000,
    until: int = NOW + 2000,
    since: int = NOW - 1500,
    expires: int = NOW + 60_000,
    trips: int = 2,
    about: str | None = None,
) -> bytes:
    text = ABOUT.as_text() if about is None else about
    return f"{generation} {word} {until} {since} {expires} {trips} {text}".encode()


def _read(value: bytes, name: str = f"c:{KEY}", now: float = 100.0) -> Record | None:
    return read_record(name.encode("latin-1"), value, server_now=NOW, now=now)


def test_an_end_is_counted_on_from_when_it_was_read() -> None:
    """What is left by the server's clock is added to the reader's own."""
    record = _read(_value())

    assert record == Record(
        "c", KEY, NOW - 5000, Word.OPEN, 2.0, 1.5, trips=2, about=ABOUT, until=102.0
    )


def test_a_break_that_is_over_has_nothing_left() -> None:
    """It stays open for a while, to be probed."""
    record = _read(_value(until=NOW - 10_000))

    assert record is not None
    assert (record.left, record.until) == (0.0, 100.0)


def test_a_breaker_is_told_in_its_own_words() -> None:
    """Open with end, trips, reason and last failure; closed with trips alone."""
    opened, closed = _read(_value()), _read(_value("closed", until=NOW))

    assert opened is not None
    assert closed is not None
    verdict = opened.verdict()
    assert (verdict.state, verdict.until, verdict.trips) == (State.OPEN, 102.0, 2)
    assert (verdict.reason, verdict.last_failure) == (TripReason.FAILURE_RATE, "503")
    assert closed.verdict().state is State.CLOSED
    assert closed.verdict().trips == 2


def test_how_often_a_verdict_may_be_doubted_goes_with_it() -> None:
    """A release that says nothing of it is not doubted."""
    doubted, plain = About("a:1", doubts=2), '{"by":"a:1","told":false,"status":429}'

    records = [_read(_value(about=text)) for text in (doubted.as_text(), plain)]

    assert [one and one.verdict().doubts for one in records] == [2, 0]


@pytest.mark.parametrize("doubts", ["-1", "10", "1.5", "true", '"1"', "null"])
def test_a_doubt_that_is_none_makes_a_value_a_strangers(doubts: str) -> None:
    """It is passed over as a whole."""
    about = f'{{"by":"a:1","told":false,"status":429,"doubts":{doubts}}}'

    assert _read(_value(about=about)) is None


def test_a_pause_says_who_named_the_time() -> None:
    """With the answer that began it."""
    about = About("a:1", told=True, status=503)

    record = _read(_value("paused", about=about.as_text()), f"p:{KEY}")

    assert record is not None
    assert (record.word, record.about) == (Word.PAUSED, about)


def test_a_lease_names_its_owner() -> None:
    """Its text is the owner and nothing else."""
    record = _read(_value("leased", about="web-1:42:8f3a/1"), f"l:{KEY}")

    assert record is not None
    assert record.about.by == "web-1:42:8f3a/1"


@pytest.mark.parametrize(
    "name",
    [
        f"x:{KEY}",
        KEY,
        "c:",
        "c:with\x1b[31mcolours",
        "c:\xe9",
        "c:one two three four",
        f"c:{KEY} get /lower",
        "c:" + "k" * 513,
    ],
)
def test_a_name_that_nobody_here_gave_is_passed_over(name: str) -> None:
    """Another kind, no key, signs that a terminal obeys, one that is too long."""
    assert _read(_value(), name) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        _value().replace(b" ", b"\n"),
        _value("leased"),
        _value("OPEN"),
        _value("half_open"),
        _value(until=NOW + int(LONGEST * 1000) + 1),
        _value(generation=NOW + 60_001),
        _value(since=NOW + 60_001),
        _value(trips=1001),
        _value().replace(b" 2 {", b" -2 {"),
        _value().replace(b" 2 {", b" 2.5 {"),
        _value(until=10**15),
        _value(about="no json"),
        _value(about="[]"),
        _value(about="[" * 400),
        _value(about="{}"),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "by": "\x1b[31m"})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "by": 5})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "reason": "because"})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "reason": []})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "failure": "a b"})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "told": 1})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "status": 42})),
        _value(about=json.dumps({**json.loads(ABOUT.as_text()), "status": True})),
        _value(about=ABOUT.as_text() + " " * 600),
    ],
)
def test_a_value_that_nobody_here_wrote_is_passed_over(value: bytes) -> None:
    """What is no number, no word, no text of ours, or says more than it may."""
    assert _read(value) is None


def test_a_lease_whose_owner_is_no_name_is_passed_over() -> None:
    """It would be shown to people."""
    assert _read(_value("leased", about="\x1b[31m"), f"l:{KEY}") is None


@given(name=st.binary(max_size=60), value=st.binary(max_size=200))
def test_no_bytes_break_the_reader(name: bytes, value: bytes) -> None:
    """Whatever stands there is a record or nothing."""
    record = read_record(name, value, server_now=NOW, now=0.0)

    assert record is None or is_key(record.key)
    assert has_expired(value, server_now=NOW) in {True, False}


def test_what_waits_to_be_swept_is_no_strangers() -> None:
    """A record past its time is neither heard nor counted."""
    assert has_expired(_value(expires=NOW), server_now=NOW)
    assert not has_expired(_value(expires=NOW + 1), server_now=NOW)
    assert not has_expired(b"1 open x x x", server_now=NOW)
    assert not has_expired(b"short", server_now=NOW)
