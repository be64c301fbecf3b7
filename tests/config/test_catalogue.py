import pickle
from pathlib import Path

import pytest
import requests

import verto_resilience
from verto_resilience import ConfigurationError, Policy, VertoAdapter
from verto_resilience.config import load_catalogue, read_text_file
from verto_resilience.outcome import Catalogue, Category, WaitRule

VARIABLE = "VERTO_RESILIENCE_CATALOGUE"
ROWS = """[[status]]
status = 404
wait = "backoff"

[[code]]
code = 4711
status = 409
description = "Duplicate"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a catalogue file."""
    path = tmp_path / "codes.toml"
    path.write_text(ROWS, encoding="utf-8")
    return path


def _of(adapter: VertoAdapter) -> Catalogue:
    return adapter.pipeline.catalogue


class TestLoad:
    """The table of a file."""

    def test_without_a_file_it_is_the_documented_table(self) -> None:
        """``None`` gives the shared constant."""
        assert load_catalogue(None) is Catalogue.documented()

    def test_its_rows_are_merged_over_the_documented_ones(self, file: Path) -> None:
        """What the file says is added, the rest stays."""
        table = load_catalogue(str(file))

        assert table.code(4711) is not None
        assert table.code(1) == Catalogue.documented().code(1)
        assert table.outcome(404).wait is WaitRule.BACKOFF

    def test_a_byte_order_mark_does_no_harm(self, file: Path) -> None:
        """Files of some editors begin with one."""
        file.write_text(ROWS, encoding="utf-8-sig")

        assert load_catalogue(str(file)).code(4711) is not None

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"[[code]]\ncode = -1\n", "line 1: code row 1: code is -1"),
            (b"\xff\xfe", "is no UTF-8 text"),
            (b"[[", "this is no TOML"),
        ],
    )
    def test_a_bad_file_is_refused_by_its_name(self, file: Path, content: bytes, told: str) -> None:
        """The error names the file and what is wrong in it."""
        file.write_bytes(content)

        with pytest.raises(ConfigurationError) as refused:
            load_catalogue(str(file))

        assert str(refused.value).startswith(f"catalogue {file}")
        assert told in str(refused.value)

    @pytest.mark.parametrize("path", ["", "missing.toml", "nul\x00", "."])
    def test_what_cannot_be_read_is_refused(self, path: str) -> None:
        """A missing file, a folder or an impossible name is told as a setting that cannot be."""
        with pytest.raises(ConfigurationError, match=r"it "):
            read_text_file(path, name="it")


class TestSetting:
    """``VERTO_RESILIENCE_CATALOGUE`` and ``Policy(catalogue=...)``."""

    def test_the_variable_changes_how_a_response_is_read(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An adapter that reads the environment knows the rows of the file."""
        monkeypatch.setenv(VARIABLE, str(file))

        with requests.Session() as session:
            verto_resilience.mount(session)
            adapter = session.get_adapter("https://api.example.com/")

        assert isinstance(adapter, VertoAdapter)
        assert _of(adapter).code(4711) is not None
        assert _of(adapter).outcome(404).category is Category.CLIENT_ERROR

    def test_a_path_may_be_given_in_code(self, file: Path) -> None:
        """A ``Path`` is as good as its text."""
        policy = Policy(catalogue=file)  # type: ignore[arg-type]

        assert policy.catalogue == str(file)
        assert _of(VertoAdapter(policy=policy)).code(4711) is not None

    def test_a_table_in_code_beats_the_file(self, file: Path) -> None:
        """Who passes a catalogue gets that one."""
        table = Catalogue.documented()

        adapter = VertoAdapter(policy=Policy(catalogue=str(file)), catalogue=table)

        assert _of(adapter) is table

    def test_an_adapter_takes_its_table_along(self, file: Path) -> None:
        """Pickled and read where the file is not, it knows the same rows."""
        pickled = pickle.dumps(VertoAdapter(policy=Policy(catalogue=str(file))))
        file.unlink()

        adapter = pickle.loads(pickled)  # noqa: S301 - made here

        assert _of(adapter).code(4711) is not None

    def test_a_missing_file_is_told_at_once(self) -> None:
        """Not the first error response brings it up, but the mounting."""
        with pytest.raises(ConfigurationError, match=r"missing\.toml cannot be read: No such"):
            VertoAdapter(policy=Policy(catalogue="missing.toml"))

    def test_the_kill_switch_needs_no_file(self) -> None:
        """What is switched off does not fail for a file."""
        assert VertoAdapter(policy=Policy(catalogue="missing.toml", disabled=True))
