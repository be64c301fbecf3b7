from pathlib import Path

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
        "https://api.example.com M-SEARCH /payments",
        "https://api.example.com /payments",
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
    "method", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "PURGE"]
)
@pytest.mark.parametrize("verb", ["open", "reset"])
def test_a_key_may_name_an_operation_of_any_method(verb: str, method: str) -> None:
    """It is not refused for its method: the store is asked."""
    ran = _run(verb, f"https://x {method} /payments")

    assert ran.exit_code == 1


@pytest.mark.parametrize(
    ("operation", "hint"),
    [
        ("PST /payments/create", "; did you mean POST /payments/create?"),
        ("GET /orders/v2.1/fx/123", "; did you mean GET /orders/v2.1/fx/{order_id}?"),
        ("PURGE /cache", ""),
    ],
)
def test_an_operation_that_is_not_known_here_is_noted(operation: str, hint: str) -> None:
    """A slip would open a circuit that nobody has; another machine may know it all the same."""
    ran = _run("open", f"https://x {operation}")

    note, error = ran.stderr.splitlines()
    assert note == (
        f"note: no operation is called {operation} here, "
        f"and only processes that know one go by it{hint}"
    )
    assert error.startswith("error: store ")


@pytest.mark.parametrize(
    "key", ["https://x", "https://x POST /payments/create", "https://x get /fx/{reference}"]
)
def test_what_is_known_has_no_note(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Nor has anything where the table cannot be read: a circuit can be opened all the same."""
    known = _run("open", key)
    monkeypatch.setenv("VERTO_RESILIENCE_OPERATIONS", "/nowhere")
    unread = _run("open", "https://x PURGE /cache")

    assert [ran.exit_code for ran in (known, unread)] == [1, 1]
    assert "note:" not in known.stderr + unread.stderr


def test_an_operation_of_a_file_may_have_any_method(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Circuits have the methods that the table has."""
    file = tmp_path / "operations.toml"
    row = 'template = "/cache"\nkind = "write"\nrepeatable = "always"\n'
    file.write_text(f'[[operation]]\nmethod = "PURGE"\n{row}')
    monkeypatch.setenv("VERTO_RESILIENCE_OPERATIONS", str(file))

    ran = _run("open", "https://x PURGE /cache")

    assert ran.exit_code == 1
    assert "note:" not in ran.stderr
