import gc
import traceback
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

import verto_resilience
from tests.transports.responses import attempt, response, with_report
from verto_resilience import Policy, VertoAdapter
from verto_resilience.pipeline import CallReport, End, Result
from verto_resilience.transports._report_of import raise_told, report_of

URL = "http://127.0.0.1:1/x"
TWICE = (attempt(1, 503), attempt(2, 503))
NEVER_OPENS: dict[str, Any] = {"consecutive_failures": None, "minimum_calls": 1000}


class Raising(BaseAdapter):
    """Raises one and the same exception for ever, as adapters that stand in for a server do."""

    def __init__(self, error: Exception) -> None:
        """Keep it, and look after the requests that were to be sent."""
        super().__init__()
        self.error = error
        self.seen: list[weakref.ref[requests.PreparedRequest]] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Raise."""
        self.seen.append(weakref.ref(request))
        raise self.error

    def close(self) -> None:
        """Have nothing to close."""


class Passing(BaseAdapter):
    """A stranger's adapter that sends through one of ours."""

    def __init__(self, through: BaseAdapter) -> None:
        """Keep it."""
        super().__init__()
        self.through = through

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Pass it on."""
        return self.through.send(request, **options)

    def close(self) -> None:
        """Have nothing to close."""


@pytest.fixture
def inner() -> Raising:
    """Give an adapter whose one exception says that nothing was heard."""
    return Raising(requests.exceptions.ReadTimeout("mocked"))


@pytest.fixture
def session(inner: Raising) -> Iterator[requests.Session]:
    """Give a session around it whose circuit never opens."""
    with requests.Session() as made:
        made.trust_env = False
        made.mount("http://", VertoAdapter(inner=inner, policy=Policy(**NEVER_OPENS)))
        yield made


def _fail(session: requests.Session, method: str = "POST", **options: Any) -> None:
    with suppress(requests.exceptions.ReadTimeout):
        session.request(method, URL, **options)


def _report(end: End, *, ambiguous: bool = False) -> CallReport:
    return CallReport(TWICE, end, None, ambiguous, possibly_executed=False)


def _raise(error: Exception, report: CallReport) -> None:
    with suppress(requests.ConnectionError):
        raise_told(Result(TWICE[-1].outcome, error=error), report)


class TestReuse:
    """An exception that is raised again and again."""

    def test_a_note_is_there_once(self, inner: Raising, session: requests.Session) -> None:
        """However many calls fail by it, it says of each thing once."""
        inner.error.add_note("somebody else's")

        for _ in range(5):
            _fail(session)

        own, *ours = inner.error.__notes__
        assert own == "somebody else's"
        assert len(ours) == len(set(ours)) == 2

    def test_a_note_is_that_of_the_last_call(
        self, inner: Raising, session: requests.Session
    ) -> None:
        """A read says nothing of the doubt about the write before it."""
        _fail(session)
        told_of_the_write = "\n".join(inner.error.__notes__)

        _fail(session, "GET", timeout=0.01)

        assert "outcome unknown" in told_of_the_write
        assert "outcome unknown" not in "\n".join(inner.error.__notes__)

    def test_the_report_is_that_of_the_last_call(
        self, inner: Raising, session: requests.Session
    ) -> None:
        """It holds one report, of the call that it ended last."""
        _fail(session)
        _fail(session, headers={"Idempotency-Key": "second"})

        told = report_of(inner.error)

        assert told is not None
        assert told.idempotency_key == "second"

    def test_earlier_calls_are_let_go(self, inner: Raising, session: requests.Session) -> None:
        """Its traceback keeps no request of an earlier call, and does not grow."""
        _fail(session)
        once = len(traceback.extract_tb(inner.error.__traceback__))

        for _ in range(5):
            _fail(session)

        gc.collect()
        alive = [request() for request in inner.seen if request() is not None]
        assert len(alive) == 1
        assert len(traceback.extract_tb(inner.error.__traceback__)) == once

    def test_where_it_was_raised_is_kept(self, inner: Raising, session: requests.Session) -> None:
        """The traceback of the last call is whole: from the caller to the line that raised."""
        _fail(session)
        _fail(session)

        names = [frame.name for frame in traceback.extract_tb(inner.error.__traceback__)]

        assert names[0] == "_fail"
        assert names[-1] == "send"
        assert traceback.extract_tb(inner.error.__traceback__)[-1].filename == __file__

    def test_an_adapter_within_an_adapter_loses_nothing(self, inner: Raising) -> None:
        """The inner call of two is no earlier one: the line that raised is still to be seen."""
        policy = Policy(**NEVER_OPENS)
        passing = Passing(VertoAdapter(inner=inner, policy=policy))
        adapter = VertoAdapter(inner=passing, policy=policy)
        request = requests.Request("POST", URL).prepare()

        with pytest.raises(requests.exceptions.ReadTimeout) as failed:
            adapter.send(request)

        assert traceback.extract_tb(failed.value.__traceback__)[-1].filename == __file__
        assert len(failed.value.__notes__) == 2

    def test_strange_notes_are_let_be(self, inner: Raising) -> None:
        """Whatever somebody has put in the place of notes is not touched."""
        error = with_report(inner.error, attempt(1, 503))
        error.__notes__ = "not a list"

        with_report(error, attempt(1, 503))

        assert error.__notes__ == "not a list"


class TestRaising:
    """What a call that failed raises."""

    @pytest.mark.parametrize("end", [end for end in End if end is not End.ANSWERED])
    def test_it_says_why_it_was_not_resent(self, end: End) -> None:
        """The note names the attempt and the reason."""
        error = requests.ConnectionError("gone")

        _raise(error, _report(end))

        assert error.__notes__ == [f"verto_resilience: not resent after attempt 2: {end.sentence}"]

    def test_an_answer_needs_no_explanation(self) -> None:
        """Where the failure itself asks for no resend, nothing is noted."""
        error = requests.ConnectionError("gone")

        _raise(error, _report(End.ANSWERED))

        assert not hasattr(error, "__notes__")

    def test_it_says_that_the_outcome_is_unknown(self) -> None:
        """A write that may have been executed is not told as failed."""
        error = requests.ConnectionError("gone")

        _raise(error, _report(End.NOT_REPEATABLE, ambiguous=True))

        assert len(error.__notes__) == 2
        assert "outcome unknown" in error.__notes__[1]
        assert "reconcile" in error.__notes__[1]

    def test_it_has_the_report(self) -> None:
        """What became of the call can be asked of the exception."""
        error = requests.ConnectionError("gone")

        _raise(error, _report(End.ANSWERED))

        report = report_of(error)
        assert report is not None
        assert report.attempts == TWICE

    def test_it_is_gone_once_the_caller_drops_it(self) -> None:
        """It is in no cycle with the frames that it came through: no collector is needed."""
        gc.disable()
        try:
            error = requests.ConnectionError("gone")
            gone = weakref.ref(error)
            result: Result[Any] = Result(TWICE[-1].outcome, error=error)
            del error
            with suppress(requests.ConnectionError):
                raise_told(result, _report(End.ANSWERED))

            assert gone() is None
        finally:
            gc.enable()


class TestBearer:
    """What a report can be had from."""

    def test_a_response_and_what_is_raised_for_it_have_the_same(self) -> None:
        """The report of a response is that of both kinds of error that are raised for it."""
        answer = with_report(response(503), attempt(1, 503), attempt(2, 503))
        report = verto_resilience.report(answer)

        with pytest.raises(verto_resilience.OutcomeError) as ours:
            verto_resilience.raise_for_outcome(answer)
        with pytest.raises(requests.HTTPError) as theirs:
            answer.raise_for_status()

        assert report is not None
        assert verto_resilience.report(ours.value) is report
        assert verto_resilience.report(theirs.value) is report

    def test_its_own_goes_before_that_of_its_response(self) -> None:
        """An exception that ended a call says what became of that call."""
        answer = with_report(response(302), attempt(1, 302))
        error = with_report(requests.ConnectionError("gone", response=answer), attempt(1, 503))

        report = report_of(error)

        assert report is not None
        assert report.attempts == (attempt(1, 503),)

    @pytest.mark.parametrize(
        "bearer",
        [response(503), requests.ConnectionError("x"), requests.HTTPError(response=response(503))],
        ids=["response", "exception", "exception with a response"],
    )
    def test_what_did_not_come_through_us_has_none(self, bearer: object) -> None:
        """``None``, and nothing is raised."""
        assert report_of(bearer) is None

    def test_whatever_it_is_given_it_raises_nothing(self) -> None:
        """What can have no report has none."""
        assert [report_of(thing) for thing in (None, 5, object(), ValueError("x"))] == [None] * 4

    def test_a_response_that_is_given_again_has_the_last(self) -> None:
        """A stand-in for a server may give one response to every call."""
        answer = with_report(response(200), attempt(1, 200))

        with_report(answer, attempt(1, 503), attempt(2, 200))

        report = report_of(answer)
        assert report is not None
        assert len(report.attempts) == 2
