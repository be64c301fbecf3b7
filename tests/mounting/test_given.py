"""What edges are given that is of another kind than it must be."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests

from verto_resilience import (
    AsyncVertoTransport,
    ConfigurationError,
    Operations,
    Policy,
    VertoAdapter,
    VertoPoolManager,
    VertoTransport,
    install,
    mount,
)
from verto_resilience.flight import FlightRecorder

Edge = Callable[..., object]


def _mount(**given: Any) -> requests.Session:
    return mount(requests.Session(), **given)


EDGES = [_mount, VertoAdapter, VertoPoolManager, VertoTransport, AsyncVertoTransport]
BY_FILE = r"; a file is named by policy=load_policy\({0}='FILE.toml'\), or by VERTO_RESILIENCE_{1}$"


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"policy": {"max_attempts": 3}}, "policy must be a verto_resilience.Policy, not dict$"),
        ({"policy": Policy}, "policy must be a verto_resilience.Policy, not the class Policy$"),
        (
            {"catalogue": "codes.toml"},
            BY_FILE.format("catalogue", "CATALOGUE"),
        ),
        ({"catalogue": {}}, "catalogue must be a verto_resilience.Catalogue, not dict; "),
        ({"operations": []}, r"Operations, not list; rows go by operations=Operations\."),
        ({"operations": "ops.toml"}, BY_FILE.format("operations", "OPERATIONS")),
        ({"operations": Operations}, "not the class Operations; "),
        ({"observer": print}, r"object with a method on_event\(event\), not builtin_function"),
        ({"observer": FlightRecorder}, "not the class FlightRecorder$"),
    ],
)
def test_a_part_of_another_kind_is_told_at_once(
    edge: Edge, given: dict[str, Any], message: str
) -> None:
    """Whichever edge is given it, nothing is built that would fail in the middle of a call."""
    with pytest.raises(TypeError, match=message):
        edge(**given)


def test_installing_takes_no_other_observer_either() -> None:
    """A process in which nothing was installed stays as it was."""
    plain = requests.Session.get_adapter

    with pytest.raises(TypeError, match="observer must be an object with a method on_event"):
        install(policy=Policy(), observer=print)  # type: ignore[arg-type]

    assert requests.Session.get_adapter is plain


@pytest.mark.parametrize("edge", [VertoTransport, AsyncVertoTransport])
@pytest.mark.parametrize(
    ("limit", "error", "message"),
    [
        ("1M", TypeError, "body_limit must be an int or None, not str; give bytes"),
        (1.5, TypeError, "not float; give bytes"),
        (True, TypeError, "not bool; give bytes"),
        (-1, ConfigurationError, "body_limit must be at least 0, not -1; give bytes"),
    ],
)
def test_a_limit_that_is_no_number_of_bytes_is_told_at_once(
    edge: Edge, limit: Any, error: type[Exception], message: str
) -> None:
    """A body is read up to a number of bytes, and nothing else is taken for one."""
    with pytest.raises(error, match=message):
        edge(policy=Policy(), body_limit=limit)


@pytest.mark.parametrize("limit", [0, 1, None])
def test_every_number_of_bytes_is_a_limit(limit: int | None) -> None:
    """0 and ``None`` have a meaning of their own."""
    with httpx.Client(transport=VertoTransport(policy=Policy(), body_limit=limit)) as client:
        assert client is not None
