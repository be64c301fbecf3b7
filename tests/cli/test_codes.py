import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from verto_resilience import ConfigurationError
from verto_resilience.cli._codes import codes

PAGES = Path(__file__).resolve().parents[1] / "outcome" / "pages"
FORMS = ("status-page.txt", "status-page.md", "status-page.html")
VARIABLE = "VERTO_RESILIENCE_CATALOGUE"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv(VARIABLE, raising=False)


def _run(*arguments: str, stdin: bytes = b"") -> Result:
    app = typer.Typer()
    app.add_typer(codes, name="codes")
    return CliRunner().invoke(app, ["codes", *arguments], input=stdin)


def _refused(*arguments: str, stdin: bytes = b"") -> str:
    error = _run(*arguments, stdin=stdin).exception
    assert isinstance(error, ConfigurationError)
    return str(error)


def _json(*arguments: str) -> Any:
    return json.loads(_run(*arguments, "--json").stdout)


class TestList:
    """``codes list``."""

    def test_every_row_is_listed(self) -> None:
        """Statuses and codes come as tables."""
        listed = _run("list")

        assert listed.exit_code == 0
        for part in ("503", "Service Unavailable", "if_repeatable", "Placeholder"):
            assert part in listed.stdout

    def test_json_has_every_field(self) -> None:
        """Scripts get thirteen statuses and two codes."""
        listed = _json("list")

        assert (len(listed["statuses"]), len(listed["codes"])) == (13, 2)
        assert listed["statuses"][0]["resend"] == "never"

    def test_the_file_in_force_is_in_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the environment names is listed with the documented rows."""
        file = tmp_path / "codes.toml"
        file.write_text('[[code]]\ncode = 4711\nstatus = 409\ndescription = "Duplicate"\n')
        monkeypatch.setenv(VARIABLE, str(file))

        assert [code["code"] for code in _json("list")["codes"]] == [1, 2, 4711]


class TestShow:
    """``codes show``."""

    def test_a_known_code_is_shown(self) -> None:
        """With its status, text and source."""
        shown = _run("show", "1")

        assert shown.exit_code == 0
        assert shown.stdout.splitlines() == [
            "API error code 1, with HTTP status 400",
            "  Placeholder",
            "  source: status page",
        ]
        assert _json("show", "1")["description"] == "Placeholder"

    def test_an_unknown_code_exits_with_1(self) -> None:
        """Scripts can ask whether a code is known."""
        shown = _run("show", "4711")

        assert shown.exit_code == 1
        assert "4711 is not in the table" in shown.stderr


class TestImport:
    """``codes import``."""

    @pytest.mark.parametrize("form", FORMS)
    def test_each_form_of_the_page_gives_the_same_file(self, form: str) -> None:
        """HTML, Markdown and text become one TOML."""
        imported = _run("import", str(PAGES / form))

        assert imported.exit_code == 0
        assert imported.stdout == _run("import", str(PAGES / FORMS[0])).stdout
        assert len(tomllib.loads(imported.stdout)["status"]) == 13

    def test_json_has_the_rows(self) -> None:
        """Scripts get what the page says."""
        rows = _json("import", str(PAGES / FORMS[0]))

        assert (len(rows["statuses"]), len(rows["codes"])) == (13, 2)

    def test_the_file_can_be_put_in_force(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was written is read by everything else."""
        file = tmp_path / "codes.toml"
        page = (PAGES / FORMS[0]).read_text(encoding="utf-8") + "\n3Brand new409\n"

        written = _run("import", "-", "-o", str(file), stdin=page.encode())
        monkeypatch.setenv(VARIABLE, str(file))

        assert written.stdout == f"{file}: 13 statuses, 3 API error codes\n"
        assert _json("show", "3")["description"] == "Brand new"

    def test_a_file_is_not_written_over_unasked(self, tmp_path: Path) -> None:
        """Only ``--force`` takes the place of what is there."""
        file = tmp_path / "codes.toml"
        file.write_text("mine")

        told = _refused("import", str(PAGES / FORMS[0]), "-o", str(file))

        assert told == f"{file} is there already; --force writes over it"
        assert file.read_text() == "mine"
        assert _run("import", str(PAGES / FORMS[0]), "-o", str(file), "--force").exit_code == 0
        assert file.read_text() != "mine"

    def test_a_file_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        """A folder that is not there is a mistake with a message."""
        file = tmp_path / "none" / "codes.toml"

        assert "cannot be written" in _refused("import", str(PAGES / FORMS[0]), "-o", str(file))

    def test_json_and_a_file_do_not_go_together(self) -> None:
        """The file is TOML, whatever is printed."""
        assert _run("import", str(PAGES / FORMS[0]), "-o", "x", "--json").exit_code == 2

    def test_a_page_that_is_not_understood_is_refused(self, tmp_path: Path) -> None:
        """The line is named, and nothing is written."""
        page = tmp_path / "page.md"
        page.write_text("| Name | Rate |\n|---|---|\n| a | b |\n")

        told = _refused("import", str(page), "-o", str(tmp_path / "codes.toml"))

        assert told.startswith(f"{page}: line 1: columns Name, Rate; expected")
        assert not (tmp_path / "codes.toml").exists()

    def test_standard_input_that_is_no_text_is_refused(self) -> None:
        """Bytes of something else bring a message."""
        assert "is no UTF-8 text" in _refused("import", "-", stdin=b"\xff\xfe")


class TestDiff:
    """``codes diff``."""

    @pytest.mark.parametrize("form", FORMS)
    def test_the_page_of_the_packaged_table_is_no_difference(self, form: str) -> None:
        """Exit code 0, and a sentence."""
        told = _run("diff", str(PAGES / form))

        assert (told.exit_code, told.stdout) == (0, "the page says what the table says\n")

    def test_differences_are_told_and_exit_with_1(self, tmp_path: Path) -> None:
        """New, gone and changed, each with what was and what is."""
        page = tmp_path / "page.txt"
        shutil.copy(PAGES / FORMS[0], page)
        text = page.read_text(encoding="utf-8")
        text = text.replace("2Placeholder400", "3Brand new409").replace("1Placeholder", "1Used")
        page.write_text(text, encoding="utf-8")

        told = _run("diff", str(page))

        assert told.exit_code == 1
        assert told.stdout.splitlines() == [
            "changed: code 1",
            "  description was: Placeholder",
            "  description is:  Used",
            "gone: code 2",
            "  status: 400",
            "  description: Placeholder",
            "new: code 3",
            "  status: 409",
            "  description: Brand new",
        ]
        assert [one["change"] for one in _json("diff", str(page))["differences"]] == [
            "changed",
            "gone",
            "new",
        ]


@pytest.mark.parametrize("command", ["list", "show", "import", "diff"])
def test_help_has_an_example(command: str) -> None:
    """Whoever asks for help sees a line to type."""
    assert f"Example: verto-resilience codes {command}" in _run(command, "--help").stdout
