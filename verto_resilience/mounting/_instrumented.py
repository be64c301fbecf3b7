"""The stock instrumentations of requests and urllib3: whether they are there, and switching off.

None of their packages needs to be installed: they are known by what they leave on the classes that
they wrap.
"""

import types
import weakref
from collections.abc import Callable
from typing import Any

import requests
from urllib3 import HTTPConnectionPool

_APPLIED = "opentelemetry_instrumentation_requests_applied"
_HOOKS = frozenset({"request_hook", "response_hook"})
_switched_off: weakref.WeakSet[requests.Session] = weakref.WeakSet()


def switch_off(session: requests.Session) -> None:
    """Let a session send without ``RequestsInstrumentor``, so that attempts are drawn here.

    The same as its ``uninstrument_session``.
    """
    send = session.send
    if getattr(send, _APPLIED, False):
        plain = send.__wrapped__  # type: ignore[attr-defined]
        session.send = types.MethodType(plain, session)  # type: ignore[method-assign]
        _switched_off.add(session)


def switch_on_again(session: requests.Session) -> None:
    """Take :func:`switch_off` back; what the program switched off itself stays off."""
    if session in _switched_off:
        _switched_off.discard(session)
        session.__dict__.pop("send", None)


def class_send() -> Callable[..., Any] | None:
    """Give ``Session.send`` where ``RequestsInstrumentor`` has wrapped it, else ``None``."""
    send = requests.Session.send
    return send if getattr(send, _APPLIED, False) else None


def switch_off_everywhere() -> Callable[..., Any]:
    """Let every session send without ``RequestsInstrumentor``; :func:`put_back` takes it back."""
    send: Any = requests.Session.send
    requests.Session.send = send.__wrapped__  # type: ignore[method-assign]
    return send  # type: ignore[no-any-return]


def put_back(send: Callable[..., Any]) -> None:
    """Take :func:`switch_off_everywhere` back, unless somebody has replaced it since."""
    if requests.Session.send is getattr(send, "__wrapped__", None):
        requests.Session.send = send  # type: ignore[method-assign]


def calls_hooks() -> bool:
    """Whether ``URLLib3Instrumentor`` is there and calls hooks of the program."""
    urlopen = HTTPConnectionPool.__dict__.get("urlopen")
    return type(urlopen) is not types.FunctionType and _has_hooks(urlopen)


def _has_hooks(urlopen: Any) -> bool:
    # It keeps them nowhere but in the function that wrapt calls for it.
    wrapper = getattr(urlopen, "_self_wrapper", None)
    names = getattr(getattr(wrapper, "__code__", None), "co_freevars", ())
    cells = getattr(wrapper, "__closure__", None) or ()
    return any(
        name in _HOOKS and callable(_content(cell))
        for name, cell in zip(names, cells, strict=False)
    )


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
