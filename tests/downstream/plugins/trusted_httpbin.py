"""A plugin for suites that expect the certificate of pytest-httpbin to be trusted."""

import os
from importlib import import_module
from typing import Any


def pytest_configure() -> None:
    """Say so as their authors do: by the variable that requests reads."""
    certificates: Any = import_module("pytest_httpbin.certs")
    os.environ["REQUESTS_CA_BUNDLE"] = certificates.where()
