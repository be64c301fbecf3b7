import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from verto_resilience.cli._explain import explain


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERTO_RESILIENCE_CATALOGUE", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(explain)
    return CliRunner().invoke(app, arguments)


def test_a_documented_status_is_explained() -> None:
    """What it means, what Verto says, and what a call makes of it."""
    told = _run("503")

    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "503 Service Unavailable",
        "  Temporarily unable to handle requests, for example maintenance or overload.",
        '  Verto: "The server is temporarily unable to handle requests (e.g., during',
        '  maintenance or overload)."',
        "  kind:     server_error",
        "  circuit:  counts as a failure, and may open it",
        "  resent:   only where that cannot execute the request twice",
        "  wait:     as long as Retry-After says, else 5 to 10 s (as set) on Verto's",
        "            hosts",
        "  raises:   ServiceUnavailableError, by raise_for_outcome()",
        "  source:   status page; errors and retries",
    ]


def test_another_status_is_ruled_by_its_class() -> None:
    """It says that the status is not documented."""
    told = _run("502").stdout

    assert "502 Bad Gateway\n  Not in the catalogue: the rule of 5xx holds." in told
    assert "ServerError" in told


def test_a_row_of_ones_own_has_no_words_of_verto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is put into Verto's mouth."""
    file = tmp_path / "codes.toml"
    file.write_text('[[status]]\nstatus = 502\nmessage = "Bad"\nmeaning = "Mine."\n')
    monkeypatch.setenv("VERTO_RESILIENCE_CATALOGUE", str(file))

    told = _run("502").stdout

    assert told.startswith("502 Bad\n  Mine.\n  kind:")
    assert "source:   caller" in told


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        ("400", "1", "API error code 1: Placeholder (source: status page)"),
        ("409", "1", "The catalogue lists it with status 400."),
        ("400", "7", "API error code 7 is not in the catalogue; the status rules."),
    ],
)
def test_a_code_is_explained_with_it(status: str, code: str, line: str) -> None:
    """What the catalogue knows of the code, and whether it fits the status."""
    assert f"  {line}" in _run(status, code).stdout.splitlines()


def test_a_success_raises_nothing() -> None:
    """No error is named where there is none."""
    assert "raises" not in _run("202").stdout


@pytest.mark.parametrize("status", [str(s) for s in (100, 204, 302, 401, 429, 499, 599, 999)])
def test_json_has_every_answer(status: str) -> None:
    """Scripts get the same, for any status."""
    told = json.loads(_run(status, "2", "--json").stdout)

    assert told["status"] == int(status)
    assert told["code_description"] == "Placeholder"
    assert set(told) >= {"documented", "category", "health", "resend", "wait", "error"}


@pytest.mark.parametrize("given", [("99",), ("1000",), ("ok",), ("400", "-1"), ()])
def test_what_is_no_status_is_a_mistake(given: tuple[str, ...]) -> None:
    """Exit code 2, as for every mistake in what was given."""
    assert _run("--", *given).exit_code == 2
