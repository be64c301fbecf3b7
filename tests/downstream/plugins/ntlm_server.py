"""A plugin for the suite of requests-ntlm: runs the server that its authors start by hand."""

import threading
from importlib import import_module
from typing import Any

import pytest

_servers: list[Any] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the server, on a port that is free, and tell the tests where it is."""
    app: Any = import_module("tests.test_server").app
    server = import_module("werkzeug.serving").make_server("localhost", 0, app, threaded=True)
    _servers.append(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for case in {getattr(item, "cls", None) for item in items}:
        if hasattr(case, "setUp"):
            _point(case, f"http://localhost:{server.port}/")


def pytest_unconfigure() -> None:
    """Stop the server."""
    for server in _servers:
        server.shutdown()
        server.server_close()


def _point(case: Any, url: str) -> None:
    set_up = case.setUp

    def elsewhere(self: Any) -> None:
        set_up(self)
        self.test_server_url = url

    case.setUp = elsewhere
