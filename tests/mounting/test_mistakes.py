from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

import verto_resilience
from verto_resilience import Policy


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((Policy(),), {}, "not Policy; settings go by policy="),
        (({"max_attempts": 3},), {}, "not dict; settings go by policy="),
        ((), {"policy": {"max_attempts": 3}}, "policy must be a verto_resilience.Policy, not dict"),
    ],
)
def test_a_policy_in_the_wrong_place_is_told(
    arguments: tuple[Any, ...], settings: dict[str, Any], message: str
) -> None:
    """A mistake in what is mounted is one clear error, and the session stays as it was."""
    session = requests.Session()
    before = dict(session.adapters)

    with pytest.raises(TypeError, match=message):
        verto_resilience.mount(session, *arguments, **settings)

    assert dict(session.adapters) == before


def test_an_adapter_takes_no_other_policy_either() -> None:
    """What is said of ``mount`` holds for the adapter that is mounted by hand."""
    with pytest.raises(TypeError, match="not dict"):
        verto_resilience.VertoAdapter(policy={"max_attempts": 3})  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", ["mount", "unmount"])
@pytest.mark.parametrize(("given", "named"), [("x", "str"), (None, "NoneType")])
def test_what_is_no_session_is_told(verb: str, given: Any, named: str) -> None:
    """Whether it is to be mounted on, or taken off from."""
    message = rf"^{verb}\(\) takes a requests.Session \(or .*\), not {named}$"

    with pytest.raises(TypeError, match=message):
        getattr(verto_resilience, verb)(given)


@pytest.mark.parametrize(
    ("inner", "named"),
    [
        (object(), "object"),
        (HTTPAdapter, "the class HTTPAdapter"),
        (requests.Session(), "Session"),
    ],
    ids=["object", "class", "session"],
)
def test_what_is_no_adapter_cannot_be_wrapped(inner: Any, named: str) -> None:
    """Also what could be taken for one, until the first call."""
    with pytest.raises(TypeError, match=f"inner must be a requests adapter, not {named}$"):
        verto_resilience.VertoAdapter(inner=inner)
