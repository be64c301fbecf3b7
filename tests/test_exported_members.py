import importlib
import inspect
import pickle
import pkgutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

import verto_resilience

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PUBLIC = [
    "ApiError",
    "ApiFailureError",
    "Attempt",
    "BadRequestError",
    "CallOutcome",
    "CallRejectedError",
    "CallReport",
    "Catalogue",
    "Category",
    "CircuitOpenError",
    "ClientError",
    "ConfigurationError",
    "ConflictError",
    "End",
    "Event",
    "Failure",
    "ForbiddenError",
    "GatewayTimeoutError",
    "Health",
    "InternalServerError",
    "LoginError",
    "Mode",
    "NotFoundError",
    "Observer",
    "Operation",
    "OperationKind",
    "Operations",
    "Outcome",
    "OutcomeError",
    "PausedError",
    "Policy",
    "RefusedCredentials",
    "Repeatable",
    "Resend",
    "ResilienceError",
    "ServerError",
    "ServiceUnavailableError",
    "State",
    "TooManyRequestsError",
    "TripReason",
    "UnauthorizedError",
    "VertoAdapter",
    "VertoAuth",
    "VertoPoolManager",
    "install",
    "knowing",
    "load_policy",
    "mount",
    "outcome",
    "raise_for_outcome",
    "report",
    "uninstall",
    "unmount",
]
PACKAGES = [
    "verto_resilience",
    *(
        f"verto_resilience.{module.name}"
        for module in pkgutil.iter_modules(verto_resilience.__path__)
        if module.ispkg and module.name != "cli"
    ),
]


def _members(package: str) -> dict[str, Any]:
    """Give what a package lists, by name; that which needs an extra is not for a star import."""
    module = importlib.import_module(package)
    names = (*module.__all__, *getattr(module, "_OF_EXTRAS", ()))
    return {name: getattr(module, name) for name in names}


def _order(name: str) -> tuple[int, str]:
    """Sort as ruff does: constants, then classes, then the rest."""
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


def _says_something(thing: Any) -> bool:
    """Whether there is a docstring, and not the one that a dataclass makes up."""
    doc = (thing.__doc__ or "").strip()
    return bool(doc) and not doc.startswith(f"{getattr(thing, '__name__', '')}(")


def test_the_public_names_are_these() -> None:
    """Whoever adds a public name, or takes one away, says so here."""
    assert verto_resilience.__all__ == PUBLIC
    assert verto_resilience._OF_EXTRAS == ("AsyncVertoTransport", "VertoTransport")


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_sorted_and_named_once(package: str) -> None:
    """Every package lists its public names in order."""
    names = importlib.import_module(package).__all__

    assert names == sorted(set(names), key=_order)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_there(package: str) -> None:
    """What a package lists can be imported from it."""
    assert None not in _members(package).values()


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_public_is_missing_from_the_list(package: str) -> None:
    """What a package imports under a public name is listed."""
    found = {
        name
        for name, value in vars(importlib.import_module(package)).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }

    assert found <= set(_members(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_class_and_function_is_documented(package: str) -> None:
    """What may be used says in words of its own what for."""
    silent = [
        name
        for name, thing in _members(package).items()
        if (inspect.isclass(thing) or inspect.isroutine(thing)) and not _says_something(thing)
    ]

    assert silent == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_method_is_documented(package: str) -> None:
    """What a public class offers of its own is documented as well."""
    silent = [
        f"{name}.{member}"
        for name, thing in _members(package).items()
        if inspect.isclass(thing)
        for member, value in vars(thing).items()
        if not member.startswith("_")
        and (inspect.isroutine(value) or isinstance(value, property))
        and not (value.__doc__ or "").strip()
    ]

    assert silent == []


def test_public_classes_report_the_public_module() -> None:
    """Tracebacks, pickles and ``error.type`` name a class by where users import it from."""
    rejections = [
        thing
        for thing in _members("verto_resilience.transports").values()
        if inspect.isclass(thing) and issubclass(thing, verto_resilience.CallRejectedError)
    ]
    public = list(filter(inspect.isclass, _members("verto_resilience").values()))

    assert {thing.__module__ for thing in public} == {"verto_resilience"}
    assert {thing.__module__ for thing in rejections} == {"verto_resilience.transports"}
    for thing in (*public, *rejections):
        assert pickle.loads(pickle.dumps(thing)) is thing  # noqa: S301 - its own


def test_the_version_is_that_of_the_project() -> None:
    """The version that the package tells is the one it is installed with."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]

    assert verto_resilience.__version__ == project["version"]
