import json
import pickle
import sys
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verto_resilience.outcome._api_error import (
    DEFAULT_CODE_KEYS,
    DEFAULT_MESSAGE_KEYS,
    ApiError,
    may_deny_success,
    read_api_error,
    read_json_object,
    value_at,
)

LIMIT = 65_536


def _read(body: bytes | str, content_type: str | None = "application/json") -> ApiError | None:
    encoded = body.encode() if isinstance(body, str) else body
    return read_api_error(encoded, content_type, code_keys=DEFAULT_CODE_KEYS, limit=LIMIT)


def _nested(levels: int, inner: str = "1") -> str:
    return '{"code": 7, "a": ' + "[" * (levels - 1) + inner + "]" * (levels - 1) + "}"


class TestCode:
    """The error code."""

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ('{"code": 1}', 1),
            ('{"code": "12"}', 12),
            ('{"code": "007"}', 7),
            ('{"code": 0}', 0),
            ('{"code": 999999999}', 999_999_999),
            ('{"code": "999999999"}', 999_999_999),
            ('{"errorCode": 2}', 2),
            ('{"error_code": 2}', 2),
            ('{"apiErrorCode": 2}', 2),
            ('{"error": {"code": 2}}', 2),
            ('{"code": "INVALID", "errorCode": 2}', 2),
            ('{"errorCode": 2, "code": 1}', 1),
            ('{"code": 1, "code": 2}', 2),
            ('{"code": 2, "amount": NaN, "rate": 1.5e400, "id": ' + "9" * 5_000 + "}", 2),
        ],
    )
    def test_an_integer_at_a_known_key_is_the_code(self, body: str, code: int) -> None:
        """The first key that holds an integer, or its text, gives the code; last duplicate wins."""
        error = _read(body)

        assert error == ApiError(code=code)

    @pytest.mark.parametrize(
        "value",
        [
            "true",
            "false",
            "null",
            "1.0",
            "1e3",
            "-1",
            '"-1"',
            '"+1"',
            '" 1"',
            '""',
            '"1.0"',
            '"E12"',
            '"\\u0663"',
            '"\\u00b2"',
            "1000000000",
            '"1000000000"',
            '"0000000001"',
            "9" * 19,
            "9" * 5_000,
            '"' + "9" * 5_000 + '"',
            "[1]",
            '{"value": 1}',
            "NaN",
            "Infinity",
        ],
    )
    def test_anything_else_is_no_code(self, value: str) -> None:
        """A boolean, a fraction, a sign, a huge number or a structure leaves the code unset."""
        error = _read(f'{{"code": {value}, "message": "m"}}')

        assert error == ApiError(message="m")

    def test_the_keys_are_the_callers_choice(self) -> None:
        """Only the keys that are named are looked at, and a dot goes into objects."""
        body = b'{"code": 1, "a": {"b": {"c": 3}}, "a.b": 4}'

        error = read_api_error(body, None, code_keys=("a.b", "a.b.c.d", "a.b.c"), limit=LIMIT)

        assert error == ApiError(code=3)

    def test_without_keys_there_is_no_code(self) -> None:
        """An empty list of keys finds nothing."""
        body = b'{"code": 1, "message": "m"}'

        assert read_api_error(body, None, code_keys=(), message_keys=(), limit=LIMIT) is None

    @given(st.integers(0, 999_999_999), st.sampled_from(DEFAULT_CODE_KEYS[:4]), st.booleans())
    def test_every_code_in_range_is_read(self, code: int, key: str, as_text: bool) -> None:
        """Each code of up to nine digits comes back as it was sent."""
        body = json.dumps({key: str(code) if as_text else code})

        assert _read(body) == ApiError(code=code)


class TestMessage:
    """The message."""

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ('{"message": "No such wallet"}', "No such wallet"),
            ('{"error": "No such wallet"}', "No such wallet"),
            ('{"detail": "No such wallet"}', "No such wallet"),
            ('{"detail": "c", "error": "b", "message": "a"}', "a"),
            ('{"message": {"x": 1}, "error": "b"}', "b"),
            ('{"message": "  ", "error": "b"}', "b"),
            ('{"message": 5, "error": ["x"], "detail": "c"}', "c"),
            ('{"message": "a\\r\\nb\\u0000\\u001b[31mc\\u0085d\\u2028e"}', "a b [31mc d e"),
            ('{"message": "\\n a \\u007f b \\t"}', "a b"),
            ('{"message": "x\\u202ey\\u2066z"}', "x y z"),
            ('{"message": "a\\ud800b"}', "a b"),
            ('{"message": "\\ud83d\\ude00 £"}', "\N{GRINNING FACE} £"),
        ],
    )
    def test_the_first_text_is_the_message_on_one_line(self, body: str, message: str) -> None:
        """The first key with a text gives the message, without what could forge a log line."""
        assert _read(body) == ApiError(message=message)

    @pytest.mark.parametrize("body", ['{"message": ""}', '{"message": " \\n"}', '{"error": null}'])
    def test_a_blank_text_is_no_message(self, body: str) -> None:
        """A text of nothing but blanks says nothing."""
        assert _read(body) is None

    def test_a_long_message_is_cut(self) -> None:
        """A message has at most 500 characters and does not end in a blank."""
        whole = _read(json.dumps({"message": "x" * 500}))
        longer = _read(json.dumps({"message": "x" * 501}))
        cut_at_blank = _read(json.dumps({"message": "x" * 499 + " " + "y" * 10}))

        assert (whole, longer) == (ApiError(message="x" * 500), ApiError(message="x" * 500))
        assert cut_at_blank == ApiError(message="x" * 499)

    def test_message_keys_are_the_callers_choice(self) -> None:
        """A dotted key reads a message that stands deeper."""
        body = b'{"message": "outer", "error": {"message": "inner"}}'

        error = read_api_error(
            body, None, code_keys=(), message_keys=("error.message",), limit=LIMIT
        )

        assert error == ApiError(message="inner")

    def test_by_default_message_comes_before_error_and_detail(self) -> None:
        """The default keys are those public clients of Verto read, in their order."""
        assert DEFAULT_MESSAGE_KEYS == ("message", "error", "detail")

    @given(st.text())
    def test_a_message_is_printable_and_bounded(self, text: str) -> None:
        """Whatever text comes, what is kept can be encoded, fits one line and is short."""
        error = _read(json.dumps({"message": text}))

        message = "" if error is None else error.message
        assert message is not None
        assert len(message.encode()) <= 4 * 500
        assert len(message.splitlines()) <= 1
        assert message == message.strip()


class TestSuccess:
    """The success field."""

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ('{"success": false}', ApiError(success=False)),
            ('{"success": true}', ApiError(success=True)),
            ('{"success": false, "message": "m", "code": 2}', ApiError(2, "m", success=False)),
            ('{"success": "false"}', None),
            ('{"success": 0}', None),
            ('{"success": null}', None),
            ('{"data": {"success": false}}', None),
        ],
    )
    def test_only_a_boolean_at_the_top_says_success(
        self, body: str, expected: ApiError | None
    ) -> None:
        """Success is denied by exactly false at the top level, and by nothing like it."""
        assert _read(body) == expected

    @pytest.mark.parametrize(
        ("body", "answer"),
        [
            (b'{"success": false}', True),
            (b'{"success":false,"message":"x"}', True),
            (b'{"success": true}', False),
            (b'{"succeeded": false}', False),
            (b"", False),
        ],
    )
    def test_the_cheap_test_spares_most_bodies(self, body: bytes, answer: bool) -> None:
        """A body without the key or without false need not be parsed."""
        assert may_deny_success(body) is answer


class TestWhatIsNoJsonObject:
    """Bodies that say nothing."""

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"   ",
            b"null",
            b"7",
            b'"code"',
            b"[]",
            b'[{"code": 1}]',
            b"{",
            b'{"code": 1',
            b'{"code": 1}}',
            b'{"code": 1} trailing',
            b"{'code': 1}",
            b'{"code": 01}',
            b'<html><body>{"code": 1}</body></html>',
            b"Service Unavailable",
            b"\x1f\x8b\x08\x00",
            b'{"message": "caf\xe9"}',
            b'{"message": "\xed\xa0\x80"}',
            b"\xef{}",
            b'\xef\xbb\xbf\xef\xbb\xbf{"code": 1}',
            '{"code": 1}'.encode("utf-16"),
            '{"code": 1}'.encode("utf-32"),
            b"\x00" * 100,
        ],
    )
    def test_it_says_nothing(self, body: bytes) -> None:
        """Empty, truncated, foreign or badly encoded bodies are no error and say nothing."""
        assert _read(body) is None

    @pytest.mark.parametrize("start", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf "])
    def test_blanks_and_a_byte_order_mark_may_come_first(self, start: bytes) -> None:
        """What some servers put before the object does no harm."""
        assert _read(start + b'{"code": 1} \n') == ApiError(code=1)

    def test_an_object_that_says_none_of_the_three_gives_nothing(self) -> None:
        """A JSON object without code, message and success is not an API error."""
        assert _read('{"data": {"id": 5}}') is None

    def test_a_body_over_the_limit_is_not_parsed(self) -> None:
        """A body of the limit is read, one byte more is not."""
        body = b'{"code": 1}'

        at_limit = read_api_error(body, None, code_keys=("code",), limit=len(body))
        over_limit = read_api_error(body, None, code_keys=("code",), limit=len(body) - 1)

        assert (at_limit, over_limit) == (ApiError(code=1), None)

    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "application/json",
            "Application/JSON;charset=utf-8",
            " application/json ; charset=utf-8",
            "application/problem+json",
            "application/vnd.a+b+json",
            "text/json",
            "text/plain; charset=utf-8",
            "application/json, application/json",
        ],
    )
    def test_json_and_plain_text_are_read(self, content_type: str | None) -> None:
        """A body that says it is JSON, plain text or nothing is read."""
        assert _read('{"code": 1}', content_type) == ApiError(code=1)

    @pytest.mark.parametrize(
        "content_type",
        [
            "text/html",
            "application/xml",
            "application/jsonp",
            "application/octet-stream",
            "image/json",
            "json",
            "application/x-json",
            "text/plainer",
            "application/json\nx",
            ";",
        ],
    )
    def test_other_types_are_not_read(self, content_type: str) -> None:
        """A body that says it is something else is left alone."""
        assert _read('{"code": 1}', content_type) is None


class TestDepth:
    """Nesting."""

    def test_sixty_four_levels_are_read_and_one_more_is_not(self) -> None:
        """The bound on nesting is exact."""
        beside = ', "b": [[], [], []]}'
        bodies = [_nested(64), _nested(64)[:-1] + beside, _nested(65), _nested(65)[:-1] + beside]

        errors = [_read(body) for body in bodies]

        assert errors == [ApiError(code=7), ApiError(code=7), None, None]

    def test_many_shallow_structures_are_read(self) -> None:
        """The bound is on depth, not on how many structures there are."""
        body = '{"code": 7, "a": [' + "[{}]," * 200 + "{}]}"

        assert _read(body) == ApiError(code=7)

    def test_what_was_closed_beside_a_deep_structure_does_not_hide_its_depth(self) -> None:
        """A closed structure takes away its own level, and no other."""
        body = '{"code": 7, "a": ' + "[[]," * 64 + "1" + "]" * 64 + "}"

        assert _read(body) is None

    def test_brackets_in_text_are_not_depth(self) -> None:
        """Brackets inside of strings, also after escaped quotes, do not count."""
        body = json.dumps({"code": 7, "a": '"[{' * 200, "b\\": "\\" + "[" * 100})

        assert _read(body) == ApiError(code=7)

    @pytest.mark.parametrize("unit", ["[", '{"a":', "{", '["', '[[[["],', '["\\'])
    def test_endless_nesting_says_nothing(self, unit: str) -> None:
        """However deep it goes, a body neither raises nor takes the interpreter down."""
        body = ('{"a":' + unit * LIMIT)[:LIMIT]

        assert _read(body) is None

    def test_a_process_that_allows_deep_recursion_is_safe(self) -> None:
        """The bound does not rest on the recursion limit, which a process may have raised."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10**6)
        try:
            error = _read(_nested(30_000))
        finally:
            sys.setrecursionlimit(limit)

        assert error is None

    def test_a_call_near_the_end_of_the_stack_does_not_raise_out_of_the_parser(self) -> None:
        """Where the parser itself runs out of stack, the body says nothing."""
        body = _nested(64).encode()

        depth = len(list(traceback.walk_stack(None)))
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(depth + 25)
        try:
            document = read_json_object(body, limit=LIMIT)
        finally:
            sys.setrecursionlimit(limit)

        assert document is None or document["code"] == 7


def test_integers_of_eighteen_digits_are_read_and_longer_ones_are_not() -> None:
    """The bound on integers is exact; a longer one is nothing."""
    document = read_json_object(b'{"a": %s, "b": %s}' % (b"9" * 18, b"9" * 19), limit=LIMIT)

    assert document == {"a": 10**18 - 1, "b": None}


class TestValueAt:
    """Paths of keys."""

    def test_it_walks_objects_only(self) -> None:
        """A path ends in nothing at the first value that is no object."""
        document: dict[str, object] = {"a": {"b": 1}, "c": [1]}

        found = [value_at(document, path) for path in ("a.b", "a", "a.b.c", "c.0", "x.y", "")]

        assert found == [1, {"b": 1}, None, None, None, None]


def test_an_api_error_is_a_value_that_pickles() -> None:
    """What was read compares by value and survives a trip to another process."""
    error = ApiError(2, "m", success=False)

    assert pickle.loads(pickle.dumps(error)) == error  # noqa: S301


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from("ab"), inner),
    max_leaves=10,
)
keyed = st.dictionaries(
    st.sampled_from(["code", "errorCode", "error", "message", "detail", "success"]),
    anything | st.fixed_dictionaries({"code": anything}),
)


@given(
    st.binary() | keyed.map(lambda document: json.dumps(document).encode()),
    st.none() | st.text() | st.just("application/json"),
    st.integers(0, 1_000),
)
def test_any_body_gives_a_bounded_answer_or_nothing(
    body: bytes, content_type: str | None, limit: int
) -> None:
    """Arbitrary bytes and arbitrary JSON never raise, and what is read keeps its bounds."""
    error = read_api_error(body, content_type, code_keys=DEFAULT_CODE_KEYS, limit=limit)

    if error is not None:
        assert error != ApiError()
        assert error.code is None or (type(error.code) is int and 0 <= error.code <= 999_999_999)
        assert error.message is None or 0 < len(error.message) <= 500
        assert error.success in (None, True, False)


@pytest.mark.parametrize(
    "unit",
    ["[],", "1,", '"",', '\\"', "[", '["', "1", "\\u0000", '{"a":', "[[[[]]]],", " ", "1.5e9,"],
)
@pytest.mark.parametrize(
    "start", ['{"message":"', '{"code":[', '{"a":1.', '{"a":[' + "[]," * 70 + '"']
)
def test_hostile_bodies_of_64_kib_are_read_in_linear_time(start: str, unit: str) -> None:
    """A body as long as the limit costs milliseconds, not minutes."""
    body = (start + unit * LIMIT)[:LIMIT]
    began = time.perf_counter()

    _read(body)
    _read("{}", "application/" + body)

    assert time.perf_counter() - began < 5.0


def test_its_message_is_not_in_the_repr() -> None:
    """What quotes the caller is not shown by whoever prints an event, a report or an outcome."""
    assert repr(ApiError(7, "account 12-34-56", success=False)) == "ApiError(code=7, success=False)"
