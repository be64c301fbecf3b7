"""What a Python under ``verto-resilience run`` does first; see docs/design/run.md.

It may be any Python, with any program: nothing is loaded here that Python has not loaded already.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

_NAME = "sitecustomize"
_SWITCH = "VERTO_RESILIENCE_INSTALL"


class InstallsAfterRequests:
    """Finds requests as the others do, and has it followed by the installation."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "ModuleSpec | None":
        """Give the spec that the others find, with what comes afterwards; else ``None``."""
        if name != "requests":
            return None
        spec = _found(name, path, target, beside=self)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: "Any") -> None:
        load = loader.exec_module

        def exec_module(module: "Any") -> None:
            del loader.exec_module
            load(module)
            _install()
            if self in sys.meta_path:
                sys.meta_path.remove(self)

        loader.exec_module = exec_module


def _found(
    name: str, path: "Any" = None, target: "Any" = None, *, beside: object = None
) -> "ModuleSpec | None":
    for finder in list(sys.meta_path):
        find = None if finder is beside else getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find is None else find(name, path, target)
        if spec is not None:
            return spec
    return None


def _install() -> None:
    try:
        from verto_resilience.mounting import Instrumentor
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "verto_resilience":
            raise
        message = f"verto-resilience is not installed for {sys.executable}: its calls go out plain"
        print(message, file=sys.stderr)  # noqa: T201 - nobody else would say it
        return
    Instrumentor().instrument()


def _begin() -> None:
    # Not pathlib, which a program may well do without.
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != here]  # noqa: PTH100
    if os.environ.get(_SWITCH):
        if "requests" in sys.modules:
            _install()
        else:
            sys.meta_path.insert(0, InstallsAfterRequests())
    _run_the_next()


def _run_the_next() -> None:
    """Run the module of the same name that would have been found without this one."""
    spec = _found(_NAME)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


if __name__ == _NAME:
    _begin()
