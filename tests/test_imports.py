import importlib
import json
import subprocess
import sys

import pytest

# What takes long to import, or belongs to an extra. A name stands for all that is below it too.
NEVER_BY_ITSELF = (
    "opentelemetry",
    "typer",
    "rich",
    "plotly",
    "httpx",
    "redis",
    "difflib",
    "html",
    "verto_resilience.cli",
    "verto_resilience.flight",
    "verto_resilience.testing",
    "verto_resilience.outcome._status_page",
    "verto_resilience.transports._outcome_of",
    "verto_resilience.transports._outcome_errors",
    "verto_resilience.transports._urllib3",
    "verto_resilience.mounting._pool_manager",
)
NOT_BEFORE_IT_IS_USED = (
    *NEVER_BY_ITSELF,
    "verto_resilience.config",
    "verto_resilience.machines",
    "verto_resilience.mounting",
    "verto_resilience.pipeline",
    "verto_resilience.telemetry",
    "verto_resilience.transports",
)
MOUNTED = """
import requests
import verto_resilience

policy = verto_resilience.Policy(max_attempts=1)
session = verto_resilience.mount(requests.Session(), policy=policy)
with socket.socket() as closed:
    # Bound, so that nobody else gets it; not listening, so that it refuses.
    closed.bind(("127.0.0.1", 0))
    ends = []
    for _ in range(7):
        try:
            session.get(f"http://127.0.0.1:{closed.getsockname()[1]}/")
        except requests.ConnectionError as error:
            ends.append(type(error).__name__)
assert ends[0] == "ConnectionError" and ends[-1] == "RequestsCircuitOpenError", ends
"""


def loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter; gives what it loaded beyond requests."""
    before = "import json, socket, sys\nimport requests\nbefore = set(sys.modules)\n"
    after = "\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    run = subprocess.run(
        [sys.executable, "-c", before + code + after],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout))


def of(names: tuple[str, ...], loaded: set[str]) -> list[str]:
    """Give what was loaded of these modules and of those below them."""
    return sorted(
        module for module in loaded if any(f"{module}.".startswith(f"{name}.") for name in names)
    )


def test_importing_loads_the_vocabulary_alone() -> None:
    """To import the package loads neither what calls are made with nor OpenTelemetry."""
    loaded = loaded_by("import verto_resilience")

    assert of(NOT_BEFORE_IT_IS_USED, loaded) == []


def test_calls_load_no_more_than_they_need() -> None:
    """Calls that fail until they are refused load no OpenTelemetry, and no reader of web pages."""
    loaded = loaded_by(MOUNTED)

    assert of(NEVER_BY_ITSELF, loaded) == []


def test_an_error_to_be_caught_loads_errors_alone() -> None:
    """A name is loaded from the floor that it lives on, and nothing of the floors above."""
    loaded = loaded_by("from verto_resilience import CircuitOpenError")

    assert "verto_resilience.errors" in loaded
    assert of(NOT_BEFORE_IT_IS_USED, loaded) == []


def test_every_public_name_can_be_listed_and_starred() -> None:
    """``dir`` and ``import *`` know the names that are not loaded yet."""
    code = (
        "import verto_resilience\n"
        "names = verto_resilience.__all__\n"
        "assert set(names) <= set(dir(verto_resilience))\n"
        "from verto_resilience import *\n"
        "assert not [name for name in names if name not in globals()]"
    )

    assert loaded_by(code)


@pytest.mark.parametrize("name", ["", ".outcome", ".transports"])
def test_a_name_that_is_not_there_is_said_to_be_missing(name: str) -> None:
    """A misspelt name is an ``AttributeError`` that quotes it."""
    package = importlib.import_module(f"verto_resilience{name}")

    with pytest.raises(AttributeError, match="'mont'"):
        _ = package.mont


@pytest.mark.parametrize(
    "first",
    [
        "import verto_resilience.testing",
        "import verto_resilience.outcome",
        "import verto_resilience; verto_resilience.mount",
        "from verto_resilience import Outcome",
    ],
)
def test_outcome_is_the_function_whatever_is_loaded_first(first: str) -> None:
    """The subpackage of the same name never takes the place of the function."""
    code = (
        f"{first}\n"
        "import verto_resilience, verto_resilience.outcome\n"
        "from verto_resilience.outcome import Outcome\n"
        "from verto_resilience.transports import outcome_of\n"
        "assert verto_resilience.outcome is outcome_of\n"
        "assert verto_resilience.Outcome is Outcome"
    )

    assert loaded_by(code)


def test_what_was_made_below_is_pickled_under_its_public_name() -> None:
    """A value whose class nobody has asked for by its public name is pickled by that name."""
    code = (
        "import pickle\n"
        "from verto_resilience.pipeline import CallReport, End\n"
        "made = pickle.dumps(CallReport((), End.ANSWERED, None, False, False))\n"
        "assert b'verto_resilience' in made and b'verto_resilience.' not in made, made"
    )

    assert loaded_by(code)
