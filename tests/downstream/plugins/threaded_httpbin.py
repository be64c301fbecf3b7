"""A plugin for suites that use pytest-httpbin: each request has a thread of its own.

By itself that server answers one request after the other, so that an answer which is ten seconds
late keeps those waiting that come after it, and the longer, the more often it was asked for.
"""

from importlib import import_module
from socketserver import ThreadingMixIn
from typing import Any


def pytest_configure() -> None:
    """Have what makes the server make one with threads."""
    serve: Any = import_module("pytest_httpbin.serve")
    plain, secure = serve.WSGIServer, serve.SecureWSGIServer

    class Threaded(ThreadingMixIn, plain):  # type: ignore[misc,valid-type]
        daemon_threads = True

    class ThreadedSecure(ThreadingMixIn, secure):  # type: ignore[misc,valid-type]
        daemon_threads = True

    make_server = serve.make_server

    def make(*args: Any, server_class: Any = plain, **kwargs: Any) -> Any:
        threaded = ThreadedSecure if server_class is secure else Threaded
        return make_server(*args, server_class=threaded, **kwargs)

    serve.make_server = make
