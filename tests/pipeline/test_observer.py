import logging
from typing import cast

import pytest

from tests.pipeline.makers import KEY, READ, Notes, answer
from verto_resilience.machines import Pausing
from verto_resilience.pipeline import (
    SILENT_OBSERVER,
    SILENT_TRACING,
    AttemptScope,
    CallReport,
    CallScope,
    End,
    Event,
    Observer,
    Observers,
    PauseBegan,
    Received,
    SilentScope,
    Tracing,
    WaitSource,
)
from verto_resilience.pipeline._observer import SilentObserver

EVENT = PauseBegan(KEY, Pausing(1.0, told=True, cut=False), 429)
LOGGER = "verto_resilience"


class Clumsy:
    """Raises on every event."""

    def __init__(self, error: BaseException) -> None:
        """Take what to raise."""
        self.heard = 0
        self._error = error

    def on_event(self, event: Event) -> None:
        """Fail."""
        self.heard += 1
        raise self._error


class Twin(Clumsy):
    """Another one."""


class TestObservers:
    """Several observers as one."""

    def test_all_are_told_in_order(self) -> None:
        """Every observer hears every event, in the order in which they were given."""
        order: list[str] = []

        class Named:
            def __init__(self, name: str) -> None:
                self._name = name

            def on_event(self, event: Event) -> None:
                order.append(self._name)

        Observers(Named("first"), Named("second")).on_event(EVENT)

        assert order == ["first", "second"]

    def test_nobody_need_listen(self) -> None:
        """Without an observer an event is told to none."""
        Observers().on_event(EVENT)

    def test_one_that_raises_keeps_the_event_from_nobody(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What an observer raises reaches neither the call nor those after it."""
        notes = Notes()
        observers = Observers(Clumsy(ValueError("oops")), notes)

        observers.on_event(EVENT)
        observers.on_event(EVENT)

        assert notes.events == [EVENT, EVENT]

    def test_one_that_raises_is_told_the_next_event_as_well(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A mistake does not end an observer's service."""
        clumsy = Clumsy(ValueError("oops"))
        observers = Observers(clumsy)

        for _ in range(3):
            observers.on_event(EVENT)

        assert clumsy.heard == 3

    def test_its_failure_is_logged_once_by_name(self, caplog: pytest.LogCaptureFixture) -> None:
        """The first failure of each observer is logged, further ones are not."""
        observers = Observers(Clumsy(ValueError("one")), Twin(TypeError("two")))

        for _ in range(3):
            observers.on_event(EVENT)

        records = [record for record in caplog.records if record.name == LOGGER]
        assert [record.levelno for record in records] == [logging.ERROR, logging.ERROR]
        assert "Clumsy failed on PauseBegan: ValueError;" in records[0].getMessage()
        assert "Twin failed on PauseBegan: TypeError;" in records[1].getMessage()

    def test_its_failure_is_shown_without_its_message(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log has the traceback, and nothing of what the exceptions in it say."""
        secret = "s3cret"
        error = ValueError(secret)
        error.__cause__ = KeyError(secret)
        error.add_note(secret)

        Observers(Clumsy(error)).on_event(EVENT)

        assert "raise self._error\nValueError\n" in f"{caplog.text}\n"
        assert secret not in caplog.text

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
    def test_an_end_of_the_program_is_no_failure(self, error: BaseException) -> None:
        """What is no ``Exception`` passes through."""
        with pytest.raises(type(error)):
            Observers(Clumsy(error)).on_event(EVENT)


class TestSilence:
    """The twins that do nothing."""

    def test_the_silent_observer_hears_nothing(self) -> None:
        """Telling it changes nothing, and it has no room to keep anything."""
        observer: Observer = SILENT_OBSERVER

        observer.on_event(EVENT)

        assert isinstance(observer, SilentObserver)
        assert not hasattr(observer, "__dict__")

    def test_the_silent_trace_is_one_object(self) -> None:
        """Calls and attempts that nobody draws cost no object."""
        tracing: Tracing = SILENT_TRACING

        with (
            tracing.call(READ) as call,
            call.attempt(1, 0.0, WaitSource.NONE, probe=False) as attempt,
        ):
            scopes = {id(call), id(attempt), id(tracing.call(READ))}

        assert len(scopes) == 1

    def test_the_silent_scope_adds_no_header(self) -> None:
        """Where nobody traces, no trace header goes out and no detail is asked for."""
        scope: AttemptScope = SilentScope()
        headers: dict[str, str] = {}

        scope.inject(headers)
        scope.received(Received())
        scope.ended(answer(200), None)

        assert headers == {}
        assert not scope.wants_details

    def test_the_silent_scope_takes_the_end_of_a_call(self) -> None:
        """It may be told what became of a call."""
        scope = cast("CallScope", SilentScope())

        scope.ended(CallReport((), End.PAUSED, None, False, False), None)

        assert not hasattr(scope, "__dict__")

    def test_the_silent_scope_lets_every_exception_pass(self) -> None:
        """What is raised inside comes out unchanged."""
        error = RuntimeError("inside")

        with pytest.raises(RuntimeError) as caught, SilentScope():
            raise error

        assert caught.value is error


def test_an_answer_may_identify_itself_by_nothing() -> None:
    """Every detail of an answer may be missing."""
    assert Received() == Received(None, None, None, None)
