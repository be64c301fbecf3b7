import logging
from collections.abc import Callable

import pytest

from verto_resilience.testing import FakeClock
from verto_resilience.transports import Refresher, RefusedCredentials, RequestsLoginError
from verto_resilience.transports._refresh import REMEMBERED, REMEMBERED_FOR

ORIGIN = "https://api.vertofx.com:443"
OTHER = "https://api.verto.co:443"
OLD = RefusedCredentials(ORIGIN, "Bearer old")


class Hook:
    """Gives these answers, one after the other, and raises those that are errors."""

    def __init__(self, *answers: object) -> None:
        """Be asked nothing yet."""
        self._answers = list(answers)
        self.asked: list[RefusedCredentials] = []

    def __call__(self, refused: RefusedCredentials) -> str | None:
        """Answer."""
        self.asked.append(refused)
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[return-value]


def _refresher(hook: Callable[[RefusedCredentials], str | None]) -> tuple[Refresher, FakeClock]:
    clock = FakeClock()
    return Refresher(hook, clock=clock.monotonic), clock


class TestAsking:
    """When the hook is called."""

    def test_it_is_told_what_was_refused(self) -> None:
        """Origin and header; nothing of the one request that happened to come first."""
        hook = Hook("Bearer new")

        assert _refresher(hook)[0].renew(OLD, 1.0) == "Bearer new"
        assert hook.asked == [OLD]

    def test_what_was_replaced_is_not_asked_for_again(self) -> None:
        """A 401 that comes late gets what took the place of the refused value, on any origin."""
        hook = Hook("Bearer new")
        refresher, _ = _refresher(hook)

        refresher.renew(OLD, 1.0)

        assert refresher.renew(OLD, 1.0) == "Bearer new"
        assert refresher.renew(RefusedCredentials(OTHER, "Bearer old"), 1.0) == "Bearer new"
        assert len(hook.asked) == 1

    def test_other_credentials_are_another_matter(self) -> None:
        """One account's request never gets what was given for another's."""
        hook = Hook("Bearer new-a", "Bearer new-b")
        refresher, _ = _refresher(hook)

        assert refresher.renew(RefusedCredentials(ORIGIN, "Bearer a"), 1.0) == "Bearer new-a"
        assert refresher.renew(RefusedCredentials(ORIGIN, "Bearer b"), 1.0) == "Bearer new-b"

    def test_no_credentials_are_those_of_an_origin(self) -> None:
        """What one origin gets for nothing is not passed on to another."""
        hook = Hook("Bearer new-a", "Bearer new-b")
        refresher, _ = _refresher(hook)

        assert refresher.renew(RefusedCredentials(ORIGIN), 1.0) == "Bearer new-a"
        assert refresher.renew(RefusedCredentials(OTHER), 1.0) == "Bearer new-b"

    def test_a_replacement_that_is_refused_is_forgotten(self) -> None:
        """The next call asks the hook anew."""
        hook = Hook("Bearer new", "Bearer newer")
        refresher, _ = _refresher(hook)
        refresher.renew(OLD, 1.0)

        refresher.forget("Bearer new")

        assert refresher.renew(OLD, 1.0) == "Bearer newer"

    def test_a_replacement_is_not_kept_beyond_its_life(self) -> None:
        """A token lives an hour, so what was given is forgotten before."""
        hook = Hook("Bearer new", "Bearer newer")
        refresher, clock = _refresher(hook)
        refresher.renew(OLD, 1.0)

        clock.advance(REMEMBERED_FOR - 1.0)
        assert refresher.renew(OLD, 1.0) == "Bearer new"
        clock.advance(1.0)
        assert refresher.renew(OLD, 1.0) == "Bearer newer"
        assert REMEMBERED_FOR < 3_600.0

    def test_what_is_remembered_is_bounded(self) -> None:
        """However many values are refused, only the newest are known."""
        refresher, _ = _refresher(lambda refused: f"{refused.authorization} again")

        for number in range(REMEMBERED + 10):
            refresher.renew(RefusedCredentials(ORIGIN, f"Bearer {number}"), 1.0)

        assert len(refresher._replacements) == REMEMBERED
        assert (f"Bearer {REMEMBERED + 9}", None) in refresher._replacements

    def test_a_hook_that_comes_round_to_itself_is_not_asked(self) -> None:
        """A hook whose own requests get a 401 neither recurses nor waits for itself."""
        answers: list[str | None] = []

        def hook(refused: RefusedCredentials) -> str | None:
            answers.append(refresher.renew(RefusedCredentials(ORIGIN, "Basic x"), 30.0))
            return "Bearer new"

        refresher, _ = _refresher(hook)

        assert refresher.renew(OLD, 1.0) == "Bearer new"
        assert answers == [None]

    def test_an_object_that_renews_will_do(self) -> None:
        """What has a method ``renew`` is asked by it."""

        class Source:
            def renew(self, refused: RefusedCredentials) -> str | None:
                return "Bearer new"

        assert Refresher(Source(), clock=FakeClock().monotonic).renew(OLD, 1.0) == "Bearer new"

    def test_an_object_that_renews_is_asked_for_each_origin(self) -> None:
        """It may give its credentials to one and not to the other, for the same refused value."""
        asked: list[str] = []

        class Source:
            def renew(self, refused: RefusedCredentials) -> str | None:
                asked.append(refused.origin)
                return "Bearer new" if refused.origin == ORIGIN else None

        refresher = Refresher(Source(), clock=FakeClock().monotonic)

        assert refresher.renew(OLD, 1.0) == "Bearer new"
        assert refresher.renew(OLD, 1.0) == "Bearer new"
        assert refresher.renew(RefusedCredentials(OTHER, "Bearer old"), 1.0) is None
        assert asked == [ORIGIN, OTHER]

    def test_what_cannot_be_called_is_refused(self) -> None:
        """The mistake shows when it is mounted, not at the first 401."""
        with pytest.raises(TypeError, match="refresh must be a function of one argument, not str"):
            Refresher("Bearer new", clock=FakeClock().monotonic)  # type: ignore[arg-type]


class TestFailing:
    """A hook that brings nothing."""

    def test_it_may_say_that_it_could_not(self, caplog: pytest.LogCaptureFixture) -> None:
        """``None`` is an answer, and nothing is logged; it is asked again the next time."""
        hook = Hook(None, "Bearer new")
        refresher, _ = _refresher(hook)

        assert refresher.renew(OLD, 1.0) is None
        assert refresher.renew(OLD, 1.0) == "Bearer new"
        assert caplog.records == []

    def test_the_same_again_is_nothing_new(self) -> None:
        """The value that was refused would be refused again."""
        assert _refresher(Hook("Bearer old"))[0].renew(OLD, 1.0) is None

    @pytest.mark.parametrize(
        "answer",
        ["Bearer a\r\nX: 1", "Bearer \n x", "Bearer т", "", " ", 7, b"Bearer new"],
        ids=["line break", "folded", "not Latin", "empty", "blank", "number", "bytes"],
    )
    def test_what_is_no_header_is_not_sent(
        self, answer: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A value that cannot be a header is a failure of the hook, and is not quoted."""
        assert _refresher(Hook(answer))[0].renew(OLD, 1.0) is None
        assert "cannot be the value of a header" in caplog.text
        assert "Bearer" not in caplog.text

    def test_what_it_raises_goes_no_further(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is logged by the name of the hook and of the error, without the error's message."""

        def log_in(refused: RefusedCredentials) -> str | None:
            raise ValueError("apiKey=canary-5d1e")

        assert _refresher(log_in)[0].renew(OLD, 1.0) is None

        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert record.name == "verto_resilience"
        assert "log_in failed: ValueError" in record.getMessage()
        assert "raise ValueError" in caplog.text  # the line of code, from the traceback
        assert "Bearer old" not in caplog.text
        lines = [line for line in caplog.text.splitlines() if "canary-5d1e" in line]
        assert [line.strip() for line in lines] == ['raise ValueError("apiKey=canary-5d1e")']

    def test_it_is_logged_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """Until the hook has worked again."""
        hook = Hook(ValueError(), ValueError(), "Bearer new", ValueError())
        refresher, _ = _refresher(hook)
        counts = []

        for number in range(4):
            refresher.renew(RefusedCredentials(ORIGIN, f"Bearer {number}"), 1.0)
            counts.append(len(caplog.records))

        assert counts == [1, 1, 1, 2]

    def test_a_login_s_own_words_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """The message of a login error is ours, and says what to look for."""
        _refresher(Hook(RequestsLoginError("login at x failed: 403 Forbidden")))[0].renew(OLD, 1.0)

        assert "RequestsLoginError: login at x failed: 403 Forbidden" in caplog.text

    def test_an_interrupt_passes(self) -> None:
        """Ctrl-C is no failure of the hook."""
        with pytest.raises(KeyboardInterrupt):
            _refresher(Hook(KeyboardInterrupt()))[0].renew(OLD, 1.0)


def test_what_was_refused_is_shown_without_its_value() -> None:
    """The header is there to be compared, not to be printed."""
    assert repr(OLD) == f"RefusedCredentials(origin='{ORIGIN}')"
