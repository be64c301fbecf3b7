import pytest
import typer
from typer.testing import CliRunner, Result

from verto_resilience import ConfigurationError
from verto_resilience.cli._fleet import fleet
from verto_resilience.pipeline import StoreFault

STORE = "unix:///nowhere"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("VERTO_RESILIENCE_STORE", STORE)


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    app.add_typer(fleet, name="fleet")
    return CliRunner().invoke(app, ["fleet", *arguments])


def test_without_a_store_there_is_no_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says which variable is missing."""
    monkeypatch.delenv("VERTO_RESILIENCE_STORE")

    error = _run().exception

    assert isinstance(error, ConfigurationError)
    assert str(error) == "there is no store: set VERTO_RESILIENCE_STORE"


def test_with_the_kill_switch_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is named is not called missing."""
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")

    told = str(_run().exception)

    assert told == "the kill switch is thrown (VERTO_RESILIENCE_DISABLED), so there is no store"


@pytest.mark.parametrize(
    "key",
    [
        "api.example.com",
        "ftp://x",
        "https://",
        "https://x\x1b",
        "a b",
        "https://api.example.com/some/path",
        "https://api.example.com?a=1",
        "https://user:secret@api.example.com",
        "https://api..example.com",
        "https://[1.2]",
        "https://api.example.com:99999",
        "https://api.example.com PST /payments",
        "https://api.example.com POST payments",
    ],
)
@pytest.mark.parametrize("verb", ["open", "reset"])
def test_what_is_no_key_is_refused(verb: str, key: str) -> None:
    """Before anybody is asked."""
    ran = _run(verb, key)

    assert ran.exit_code == 2
    assert "KEY" in ran.stderr


@pytest.mark.parametrize("seconds", ["0", "-1", "86401", "nan", "soon"])
def test_nothing_is_opened_for_ever(seconds: str) -> None:
    """From a second to a day."""
    ran = _run("open", "https://x", "--for", seconds)

    assert ran.exit_code == 2
    assert "--for" in ran.stderr


@pytest.mark.parametrize("arguments", [(), ("open", "https://x"), ("reset", "https://x")])
def test_a_store_that_cannot_be_had_is_told(arguments: tuple[str, ...]) -> None:
    """In one line."""
    ran = _run(*arguments)

    assert ran.exit_code == 1
    assert ran.stderr == f"error: store {STORE}: {StoreFault.NOBODY_LISTENS.sentence}\n"


@pytest.mark.parametrize(
    "method", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]
)
def test_a_key_may_name_an_operation_of_any_method(method: str) -> None:
    """It is not refused for its method: the store is asked."""
    ran = _run("reset", f"https://x {method} /payments")

    assert ran.exit_code == 1
