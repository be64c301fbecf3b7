import uuid
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3.util import Timeout

from tests.pipeline.makers import answer, half
from verto_resilience.outcome import Catalogue, Operation, OperationKind, Operations, Repeatable
from verto_resilience.pipeline import Attempt, CallReport, End, Pipeline, Policy, WaitSource
from verto_resilience.testing import FakeClock
from verto_resilience.transports import report_of
from verto_resilience.transports._report_of import attach_report
from verto_resilience.transports._requests_exchange import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    RequestsExchange,
    _cut,
    _explain,
    _text,
    front_and_path,
    is_verto,
    split_origin,
)

OPERATIONS = Operations(
    [
        Operation("POST", "/lists", kind=OperationKind.READ, repeatable=Repeatable.ALWAYS),
        Operation("GET", "/draw", kind=OperationKind.WRITE, repeatable=Repeatable.WITH_KEY),
        Operation("POST", "/fx", kind=OperationKind.MOVES_MONEY, repeatable=Repeatable.NEVER),
    ]
)


class NoAdapter(BaseAdapter):
    """Is never asked to send."""


def _exchange(
    method: str = "GET",
    url: str = "https://api.verto.co/rates",
    *,
    policy: Policy | None = None,
    timeout: Any = None,
    **given: Any,
) -> RequestsExchange:
    pipeline = Pipeline(
        Policy() if policy is None else policy,
        clock=FakeClock(),
        chance=half,
        catalogue=Catalogue.documented(),
        operations=OPERATIONS,
    )
    return RequestsExchange(
        requests.Request(method, url, **given).prepare(),
        adapter=NoAdapter(),
        inner=NoAdapter(),
        pipeline=pipeline,
        options={"stream": False, "timeout": timeout},
    )


class TestOrigin:
    """Scheme, host and port."""

    @pytest.mark.parametrize(
        ("front", "origin", "host"),
        [
            ("https://api.verto.co", "https://api.verto.co:443", "api.verto.co"),
            ("http://api.verto.co", "http://api.verto.co:80", "api.verto.co"),
            ("https://api.verto.co:8443", "https://api.verto.co:8443", "api.verto.co"),
            ("http://api.verto.co:443", "http://api.verto.co:443", "api.verto.co"),
            ("https://API.Verto.CO", "https://api.verto.co:443", "api.verto.co"),
            ("HTTPS://api.verto.co", "https://api.verto.co:443", "api.verto.co"),
            ("https://user:pass@api.verto.co", "https://api.verto.co:443", "api.verto.co"),
            ("https://a@b:c@api.verto.co:1", "https://api.verto.co:1", "api.verto.co"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]", "http://[::1]:80", "::1"),
            ("http://[::1]:8080", "http://[::1]:8080", "::1"),
            ("http+unix://%2Fvar%2Frun", "http+unix://%2fvar%2frun:0", "%2fvar%2frun"),
            ("https://api.verto.co:", "https://api.verto.co:443", "api.verto.co"),
            ("https://api.verto.co:port", "https://api.verto.co:443", "api.verto.co"),
            ("https://api.verto.co:99999", "https://api.verto.co:443", "api.verto.co"),
            ("https://", "https://:443", ""),
            ("", "://:0", ""),
        ],
    )
    def test_it_is_read_from_the_front_of_a_url(self, front: str, origin: str, host: str) -> None:
        """The port is always named, case does not count and nothing secret goes along."""
        assert split_origin(front) == (origin, host)

    def test_the_same_origin_is_the_same_key(self) -> None:
        """However it is written, an origin has one circuit."""
        spellings = ["https://x.example", "https://X.example:443", "https://u:p@x.example:443"]

        assert len({split_origin(spelling)[0] for spelling in spellings}) == 1


class TestFrontAndPath:
    """Cutting a URL."""

    @pytest.mark.parametrize(
        ("url", "parts"),
        [
            ("https://h/p?q", ("https://h", "/p", "q")),
            ("https://h/p/q/", ("https://h", "/p/q/", "")),
            ("https://h", ("https://h", "", "")),
            ("https://h/", ("https://h", "/", "")),
            ("https://h?q=/x", ("https://h", "", "q=/x")),
            ("https://h#f/x?y", ("https://h", "", "")),
            ("https://h/p#f?x", ("https://h", "/p", "")),
            ("https://h/p?q#f", ("https://h", "/p", "q")),
            ("https://h/p?q?r", ("https://h", "/p", "q?r")),
            ("https://h/p?", ("https://h", "/p", "")),
            ("https://u:p@h:1/p", ("https://u:p@h:1", "/p", "")),
            ("https://h/a://b", ("https://h", "/a://b", "")),
            ("https://h//p", ("https://h", "//p", "")),
        ],
    )
    def test_front_path_and_query_are_cut_apart(
        self, url: str, parts: tuple[str, str, str]
    ) -> None:
        """The fragment belongs to nothing, and marks inside other marks do not count."""
        assert front_and_path(url) == parts

    @settings(deadline=None)
    @given(st.text(max_size=40))
    def test_no_text_makes_it_raise(self, text: str) -> None:
        """Whatever is no URL is cut somewhere."""
        front, _, _ = front_and_path(text)

        assert text.startswith(front)

    @settings(deadline=None)
    @given(
        host=st.from_regex(r"[a-z0-9.]{1,12}(:[0-9]{1,4})?", fullmatch=True),
        path=st.from_regex(r"(/[a-z]{0,5}){0,3}", fullmatch=True),
        query=st.from_regex(r"[a-z=&?/]{0,8}", fullmatch=True),
        fragment=st.from_regex(r"[a-z?#/]{0,5}", fullmatch=True),
    )
    def test_what_was_put_together_is_cut_apart(
        self, host: str, path: str, query: str, fragment: str
    ) -> None:
        """Cutting undoes joining."""
        url = f"https://{host}{path}" + (f"?{query}" if query else "") + f"#{fragment}"

        assert front_and_path(url) == (f"https://{host}", path, query)


class TestIsVerto:
    """Whose host it is."""

    @pytest.mark.parametrize(
        ("host", "verto"),
        [
            ("verto.co", True),
            ("api.verto.co", True),
            ("api.v3.vertofx.com", True),
            ("x.vertofx.dev", True),
            ("notverto.co", False),
            ("verto.co.example.com", False),
            ("verto.com", False),
            ("127.0.0.1", False),
            ("", False),
        ],
    )
    def test_a_domain_holds_for_its_subdomains(self, host: str, verto: bool) -> None:
        """A host is Verto's if it is one of the domains or under one, not if it only ends so."""
        assert is_verto(host, Policy().verto_hosts) is verto

    def test_the_domains_are_the_policy_s(self) -> None:
        """Other hosts can be named in their place, or none."""
        assert is_verto("127.0.0.1", ("127.0.0.1",))
        assert not is_verto("api.verto.co", ("127.0.0.1",))
        assert not is_verto("api.verto.co", ())

    def test_the_case_of_a_domain_does_not_count(self) -> None:
        """A domain may be written in capitals (RFC 4343)."""
        assert is_verto("api.verto.co", ("Verto.CO",))


class TestCut:
    """Shortening a timeout to what is left."""

    @pytest.mark.parametrize(
        ("timeout", "left", "cut"),
        [
            (None, 5.0, 5.0),
            (3.0, 5.0, 3.0),
            (3, 5.0, 3),
            (5.0, 5.0, 5.0),
            (9.0, 5.0, 5.0),
            (9, 5.0, 5.0),
            ("9", 5.0, "9"),
            (0, 5.0, 0),
        ],
    )
    def test_the_smaller_one_counts(self, timeout: Any, left: float, cut: Any) -> None:
        """No timeout is longer than what is left; what is no number is passed on."""
        assert _cut(timeout, left) == cut
        assert type(_cut(timeout, left)) is type(cut)


class TestTimeout:
    """The timeout of an attempt."""

    @pytest.mark.parametrize(
        ("given_", "left", "timeout"),
        [
            (None, 60.0, (3.05, 30.0)),
            (None, 10.0, (3.05, 10.0)),
            (None, 1.0, (1.0, 1.0)),
            (5.0, 60.0, 5.0),
            (5.0, 2.0, 2.0),
            ((1.0, 2.0), 60.0, (1.0, 2.0)),
            ((1.0, 20.0), 10.0, (1.0, 10.0)),
            ((None, 20.0), 60.0, (3.05, 20.0)),
            ((1.0, None), 60.0, (1.0, 30.0)),
            ((None, None), 60.0, (3.05, 30.0)),
            ((1.0, 2.0, 3.0), 60.0, (1.0, 2.0, 3.0)),
            ("soon", 60.0, "soon"),
        ],
    )
    def test_it_is_the_caller_s_or_the_policy_s_within_what_is_left(
        self, given_: Any, left: float, timeout: Any
    ) -> None:
        """Where the caller gave none the policy's holds; what is strange is passed on."""
        exchange = _exchange(timeout=given_)

        assert exchange._timeout(left) == timeout

    def test_without_any_timeout_the_deadline_is_one(self) -> None:
        """A policy that names no timeout leaves the time that is left."""
        exchange = _exchange(policy=Policy(connect_timeout=None, read_timeout=None))

        assert exchange._timeout(60.0) == (60.0, 60.0)

    def test_a_timeout_object_that_fits_is_kept(self) -> None:
        """urllib3's own kind of timeout may be given, and is what requests gets."""
        exchange = _exchange(timeout=Timeout(connect=1.0, read=2.0))

        timeout = exchange._timeout(60.0)

        assert isinstance(timeout, Timeout)
        assert (timeout.connect_timeout, timeout.read_timeout) == (1.0, 2.0)

    @pytest.mark.parametrize(
        "given_",
        [Timeout(connect=50.0, read=100.0), Timeout(total=100.0), Timeout()],
        ids=["too long", "total", "none"],
    )
    def test_a_timeout_object_is_cut_to_what_is_left(self, given_: Timeout) -> None:
        """An attempt gets no longer than the call has, whatever kind of timeout was given."""
        exchange = _exchange(timeout=given_)

        timeout = exchange._timeout(10.0)

        assert isinstance(timeout, Timeout)
        timeout.start_connect()
        assert isinstance(timeout.connect_timeout, float)
        assert isinstance(timeout.read_timeout, float)
        assert timeout.connect_timeout <= 10.0
        assert timeout.read_timeout <= 10.0


class TestRequest:
    """What the machines are told of a request."""

    def test_it_is_described_without_its_secrets(self) -> None:
        """The origin holds neither user nor password."""
        request = _exchange(url="https://user:pass@api.verto.co/rates?token=1").request

        assert request.origin == "https://api.verto.co:443"
        assert "pass" not in repr(request)

    @pytest.mark.parametrize(
        ("method", "path", "key", "repeatable", "writes"),
        [
            ("GET", "/rates", False, True, False),
            ("POST", "/rates", False, False, True),
            ("POST", "/rates", True, True, True),
            ("PUT", "/rates", False, True, True),
            ("DELETE", "/rates", False, True, True),
            ("PATCH", "/rates", False, False, True),
            ("POST", "/lists", False, True, False),
            ("GET", "/draw", False, False, True),
            ("GET", "/draw", True, True, True),
            ("POST", "/fx", False, False, True),
            ("POST", "/fx", True, False, True),
        ],
    )
    def test_the_operations_table_overrules_the_method(
        self, method: str, path: str, key: bool, repeatable: bool, writes: bool
    ) -> None:
        """RFC 9110 decides, or an idempotency key, unless the table knows better."""
        headers = {IDEMPOTENCY_KEY: "k"} if key else {}

        request = _exchange(method, f"https://api.verto.co{path}", headers=headers).request

        assert (request.repeatable, request.writes) == (repeatable, writes)

    def test_elsewhere_the_method_decides(self) -> None:
        """What is known of Verto's paths says nothing about another host's."""
        request = _exchange("POST", "https://api.example.com/lists").request

        assert request.operation is None
        assert not request.repeatable
        assert not request.verto

    @pytest.mark.parametrize(
        ("body", "replayable"),
        [(None, True), (b"x", True), (iter([b"x"]), False)],
        ids=["none", "bytes", "iterator"],
    )
    def test_a_body_that_cannot_be_rewound_is_known(self, body: Any, replayable: bool) -> None:
        """Whether the body can be sent again is told before the first send."""
        assert _exchange("PUT", data=body).request.replayable is replayable

    def test_a_correlation_id_is_made_for_verto(self) -> None:
        """A request to Verto that has none gets one of its own, a random UUID."""
        one, other = _exchange().request.correlation_id, _exchange().request.correlation_id

        assert one != other
        assert one is not None
        assert uuid.UUID(one).version == 4

    @pytest.mark.parametrize("name", [CORRELATION_ID, CORRELATION_ID.lower()])
    def test_the_caller_s_correlation_id_is_kept(self, name: str) -> None:
        """An id that the caller sends is the one that is reported."""
        assert _exchange(headers={name: "mine"}).request.correlation_id == "mine"

    def test_a_correlation_id_may_be_bytes(self) -> None:
        """Header values of both kinds are allowed by requests."""
        assert _exchange(headers={CORRELATION_ID: b"mine"}).request.correlation_id == "mine"

    def test_nobody_else_gets_a_correlation_id(self) -> None:
        """Verto's headers are for Verto's hosts."""
        assert _exchange(url="https://api.example.com/").request.correlation_id is None

    def test_the_policy_may_do_without(self) -> None:
        """Where correlation ids are switched off none is made, and the caller's is kept."""
        policy = Policy(correlation_ids=False)

        assert _exchange(policy=policy).request.correlation_id is None
        given_ = _exchange(policy=policy, headers={CORRELATION_ID: "mine"}).request
        assert given_.correlation_id == "mine"

    def test_the_request_itself_is_not_changed(self) -> None:
        """What was prepared stays as it was, headers included."""
        prepared = requests.Request("GET", "https://api.verto.co/").prepare()
        before = dict(prepared.headers)

        RequestsExchange(
            prepared,
            adapter=NoAdapter(),
            inner=NoAdapter(),
            pipeline=Pipeline(Policy(), clock=FakeClock(), chance=half),
            options={"stream": False, "timeout": None},
        )

        assert dict(prepared.headers) == before

    @pytest.mark.parametrize(("value", "host"), [("h", "h"), (b"h", "h")], ids=["text", "bytes"])
    def test_a_host_header_is_told(self, value: Any, host: str) -> None:
        """A caller that names another host is shown with that name."""
        assert _exchange(headers={"Host": value}).request.host == host
        assert _exchange().request.host is None


def _report(end: End, *, ambiguous: bool = False) -> CallReport:
    attempt = Attempt(1, answer(503), 0.1, 0.0, WaitSource.NONE)
    return CallReport((attempt, attempt), end, None, ambiguous, possibly_executed=False)


class TestExplain:
    """Notes on an exception."""

    @pytest.mark.parametrize("end", [end for end in End if end is not End.ANSWERED])
    def test_it_says_why_it_was_not_resent(self, end: End) -> None:
        """The note names the attempt and the reason."""
        error = ValueError("x")

        _explain(error, _report(end))

        assert error.__notes__ == [f"verto_resilience: not resent after attempt 2: {end.sentence}"]

    def test_an_answer_needs_no_explanation(self) -> None:
        """Where the failure itself asks for no resend, nothing is noted."""
        error = ValueError("x")

        _explain(error, _report(End.ANSWERED))

        assert not hasattr(error, "__notes__")

    def test_it_says_that_the_outcome_is_unknown(self) -> None:
        """A write that may have been executed is not told as failed."""
        error = ValueError("x")

        _explain(error, _report(End.NOT_REPEATABLE, ambiguous=True))

        assert len(error.__notes__) == 2
        assert "outcome unknown" in error.__notes__[1]
        assert "reconcile" in error.__notes__[1]


class TestReportOf:
    """The report that travels with a result."""

    @pytest.mark.parametrize("bearer", [requests.Response(), ValueError("x")])
    def test_it_is_found_again(self, bearer: object) -> None:
        """What was attached to a response or an exception is given back."""
        report = _report(End.ANSWERED)

        attach_report(bearer, report)

        assert report_of(bearer) is report

    @pytest.mark.parametrize("bearer", [requests.Response(), ValueError("x"), None, 1, object()])
    def test_what_did_not_come_through_us_has_none(self, bearer: object) -> None:
        """Asking anything for its report is safe."""
        assert report_of(bearer) is None


@pytest.mark.parametrize(
    ("value", "text"), [(None, None), ("a", "a"), (b"b", "b"), (b"\xe9\xff", "éÿ")]
)
def test_a_header_value_is_text(value: str | bytes | None, text: str | None) -> None:
    """Every byte of a header has a character, as in HTTP (RFC 9110 section 5.5)."""
    assert _text(value) == text
