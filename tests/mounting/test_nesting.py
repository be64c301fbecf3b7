from collections.abc import Callable

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from verto_resilience import ConfigurationError, Policy, VertoAdapter, mount
from verto_resilience.mounting import install, uninstall
from verto_resilience.transports import ResilientAdapter

HERE = "https://api.example.com/"


def _by_hand(wrapped: VertoAdapter) -> BaseAdapter:
    return VertoAdapter(inner=wrapped, policy=Policy())


def _by_the_edge(wrapped: VertoAdapter) -> BaseAdapter:
    return ResilientAdapter(wrapped, wrapped.pipeline, owns_inner=True)


@pytest.mark.parametrize("make", [_by_hand, _by_the_edge])
def test_one_inside_another_is_refused(make: Callable[[VertoAdapter], BaseAdapter]) -> None:
    """Attempts would multiply, so it is one error that says what to give instead."""
    wrapped = VertoAdapter(policy=Policy())

    with pytest.raises(ConfigurationError) as refused:
        make(wrapped)

    assert str(refused.value) == (
        "inner is a VertoAdapter already (<VertoAdapter around HTTPAdapter>): one inside another "
        "would multiply the attempts. Mount it as it is, or wrap what it wraps: "
        "inner=adapter.inner"
    )
    assert refused.value.problems == (str(refused.value),)


@pytest.mark.parametrize("again", [HERE, "https://"])
def test_mounting_again_changes_nothing(again: str) -> None:
    """Whatever the prefix, what is wrapped already is what answers."""
    with requests.Session() as session:
        mount(session, policy=Policy())
        before = session.get_adapter(HERE)

        with pytest.warns(UserWarning, match="is mounted already and stays as it is"):
            mount(session, again, policy=Policy(max_attempts=7))

        assert session.get_adapter(HERE) is before
        assert isinstance(before, VertoAdapter)
        assert type(before.inner) is HTTPAdapter


def test_an_installed_adapter_gives_way_to_one_by_hand() -> None:
    """Code that wraps what a session has goes on working in a process with ``install``."""
    install(policy=Policy())
    try:
        with requests.Session() as session:
            installed = session.get_adapter(HERE)

            adapter = VertoAdapter(inner=installed, policy=Policy())

            assert isinstance(installed, VertoAdapter)
            assert adapter.inner is installed.inner
    finally:
        uninstall()
