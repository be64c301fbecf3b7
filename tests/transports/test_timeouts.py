"""The timeouts of an attempt."""

from typing import Any

import pytest
from urllib3.util import Timeout

from verto_resilience.pipeline import Policy
from verto_resilience.transports._timeouts import _cut, timeouts_of


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
        assert timeouts_of(given_, Policy(), left).given == timeout

    def test_without_any_timeout_the_deadline_is_one(self) -> None:
        """A policy that names no timeout leaves the time that is left."""
        policy = Policy(connect_timeout=None, read_timeout=None)

        assert timeouts_of(None, policy, 60.0) == ((60.0, 60.0), None, False)

    def test_a_timeout_object_that_fits_is_kept(self) -> None:
        """urllib3's own kind of timeout may be given, and is what requests gets."""
        timeout = timeouts_of(Timeout(connect=1.0, read=2.0), Policy(), 60.0).given

        assert isinstance(timeout, Timeout)
        assert (timeout.connect_timeout, timeout.read_timeout) == (1.0, 2.0)

    @pytest.mark.parametrize(
        "given_",
        [Timeout(connect=50.0, read=100.0), Timeout(total=100.0), Timeout()],
        ids=["too long", "total", "none"],
    )
    def test_a_timeout_object_is_cut_to_what_is_left(self, given_: Timeout) -> None:
        """An attempt gets no longer than the call has, whatever kind of timeout was given."""
        timeout = timeouts_of(given_, Policy(), 10.0).given

        assert isinstance(timeout, Timeout)
        timeout.start_connect()
        assert isinstance(timeout.connect_timeout, float)
        assert isinstance(timeout.read_timeout, float)
        assert timeout.connect_timeout <= 10.0
        assert timeout.read_timeout <= 10.0

    def test_an_adapter_with_a_timeout_of_its_own_fills_it_in(self) -> None:
        """It gets no timeout where the caller gave none, and the caller's where there is one."""
        assert timeouts_of(None, Policy(), 10.0, fills_in=True).given is None
        assert timeouts_of(20.0, Policy(), 10.0, fills_in=True).given == 10.0


class TestPatience:
    """The time for one read or write when the deadline is far."""

    @pytest.mark.parametrize(
        ("given_", "patience"),
        [
            (None, 30.0),
            (5.0, 5.0),
            ((1.0, 2), 2),
            ((1.0, None), 30.0),
            (Timeout(connect=1.0, read=2.0), 2.0),
            (Timeout(connect=1.0, read=None), None),
            (Timeout(), None),
            ("soon", None),
        ],
    )
    def test_it_is_the_read_timeout_before_it_is_cut(
        self, given_: Any, patience: float | None
    ) -> None:
        """What is left of the call does not change it."""
        assert timeouts_of(given_, Policy(), 60.0).patience == patience
        assert timeouts_of(given_, Policy(), 1.0).patience == patience


class TestCutShort:
    """Whether an attempt that runs into the deadline had its time."""

    @pytest.mark.parametrize(
        ("given_", "left", "cut_short"),
        [
            (None, 60.0, False),
            (None, 30.0, False),
            (None, 29.9, False),
            (None, 20.0, True),
            (5.0, 20.0, False),
            ((1.0, 5.0), 5.0, False),
            ((9.0, 5.0), 5.0, False),
            ((9.0, 5.0), 4.0, True),
            (5.0, 3.0, True),
            (90.0, 59.9, False),
            (90.0, 20.0, True),
            ("soon", 20.0, True),
        ],
    )
    def test_it_is_when_the_read_timeout_could_not_be_used(
        self, given_: Any, left: float, cut_short: bool
    ) -> None:
        """The shorter of the caller's and the policy's counts, and an instant less does not."""
        assert timeouts_of(given_, Policy(), left).cut_short is cut_short

    def test_nothing_is_without_a_read_timeout(self) -> None:
        """Where only the deadline bounds a read, running into it is the server's doing."""
        policy = Policy(read_timeout=None)

        assert timeouts_of(None, policy, 1.0).cut_short is False
