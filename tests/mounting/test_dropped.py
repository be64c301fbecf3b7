"""What is given for what is mounted or installed already."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from verto_resilience import Operations, Policy, RefusedCredentials, install, mount, uninstall
from verto_resilience.flight import FlightRecorder


class _Renewing:
    def renew(self, refused: RefusedCredentials) -> str | None:
        """Give none."""
        return None if refused else ""


@pytest.fixture
def installed() -> Iterator[None]:
    """A process in which it is installed by a policy of its own."""
    install(policy=Policy(max_attempts=2))
    yield
    uninstall()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"policy": Policy(max_attempts=7)}, r"changes nothing there \(policy\)\. session\."),
        ({"observer": FlightRecorder(), "refresh": _Renewing()}, r"\(observer and refresh\)"),
        ({"operations": Operations()}, r"\(operations\).* unmount\(session\) first\.$"),
    ],
)
def test_what_a_second_mount_drops_is_told_once_where_it_was_given(
    given: dict[str, Any], named: str
) -> None:
    """An argument that has no effect is named, with what would give it one."""
    with requests.Session() as session:
        mount(session, policy=Policy(max_attempts=2))

        with pytest.warns(UserWarning, match=named) as told:
            mount(session, **given)

        assert [warning.filename for warning in told] == [__file__]
        assert "for https:// and http:// is mounted" in str(told[0].message)


def test_a_second_mount_that_drops_nothing_is_silent() -> None:
    """Nor do the very same parts make a noise: who mounts twice by mistake loses nothing."""
    given: dict[str, Any] = {"policy": Policy(max_attempts=2), "refresh": _Renewing().renew}
    with requests.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("error")
        mount(session, **given)

        mount(session)
        mount(session, **given)


def test_only_prefixes_that_drop_something_are_named() -> None:
    """What is mounted by the second call is not what the warning is about."""
    with requests.Session() as session:
        mount(session, "https://api.example.com/", policy=Policy(max_attempts=2))

        with pytest.warns(UserWarning, match="has for https://api.example.com/ is mounted"):
            mount(session, policy=Policy(max_attempts=7))

        assert session.get_adapter("https://other.example/").policy.max_attempts == 7  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("error")
def test_a_warning_that_is_an_error_leaves_the_session_as_it_was() -> None:
    """Nothing is wrapped by halves."""
    with requests.Session() as session:
        mount(session, "https://", policy=Policy(max_attempts=2))
        before = dict(session.adapters)

        with pytest.raises(UserWarning, match="changes nothing"):
            mount(session, policy=Policy(max_attempts=7))

        assert dict(session.adapters) == before


@pytest.mark.usefixtures("installed")
def test_what_a_second_install_drops_is_told() -> None:
    """It is told at the caller's line, once, with what would give it an effect."""
    with pytest.warns(UserWarning, match=r"\(policy and observer\).*uninstall\(\) first") as told:
        install(policy=Policy(max_attempts=7), observer=FlightRecorder())

    assert [warning.filename for warning in told] == [__file__]


@pytest.mark.usefixtures("installed")
def test_a_second_install_that_drops_nothing_is_silent() -> None:
    """Without arguments, and with the policy that is in force."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        install()
        install(policy=Policy(max_attempts=2))


@pytest.mark.usefixtures("installed")
def test_a_second_install_takes_no_other_observer_either() -> None:
    """A mistake is a mistake, whether or not it would have had an effect."""
    with pytest.raises(TypeError, match="observer must be an object"):
        install(observer=print)  # type: ignore[arg-type]
