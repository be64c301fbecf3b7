import pickle
from pathlib import Path

import pytest
import requests

from tests.config.observed import VERTO, Inner
from verto_resilience import Operations, Policy, VertoAdapter
from verto_resilience.config import load_operations
from verto_resilience.errors import ConfigurationError
from verto_resilience.outcome import Repeatable

ROW = (
    '[[operation]]\nmethod = "POST"\ntemplate = "/mine"\nkind = "moves_money"\nrepeatable = "{}"\n'
)


def _repeatable(adapter: VertoAdapter) -> Repeatable | None:
    row = adapter.pipeline.operations.match("POST", "/mine")
    return None if row is None else row.repeatable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file with one operation that is never resent."""
    path = tmp_path / "operations.toml"
    path.write_text(ROW.format("never"))
    return path


def test_without_a_file_the_documented_table_holds() -> None:
    """It is the packaged one itself."""
    assert load_operations(None) is Operations.documented()


def test_the_file_s_rows_lie_over_the_documented_ones(file: Path) -> None:
    """A byte order mark, as some editors write it, does not matter."""
    file.write_text("\ufeff" + file.read_text(), encoding="utf-8")

    table = load_operations(str(file))

    assert table.match("POST", "/mine") is not None
    assert table.match("POST", "/payments/create") is not None


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A path without a file is a mistake, not silence."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match=f"^operations {name} cannot be read: "):
        load_operations(name)


def test_an_adapter_goes_by_it(file: Path) -> None:
    """The policy's file is read when the adapter is made."""
    adapter = VertoAdapter(policy=Policy(operations=str(file)))

    assert _repeatable(adapter) is Repeatable.NEVER
    adapter.close()


def test_reloading_reads_it_anew(file: Path) -> None:
    """What is bad in it leaves the old rows in force."""
    adapter = VertoAdapter(policy=Policy(operations=str(file)))

    file.write_text(ROW.format("always"))
    adapter.reload()
    changed = _repeatable(adapter)
    file.write_text(ROW.format("maybe"))
    with pytest.raises(ConfigurationError, match="allowed is always, with_key, never"):
        adapter.reload()

    assert changed is Repeatable.ALWAYS
    assert _repeatable(adapter) is Repeatable.ALWAYS
    adapter.close()


def test_a_table_given_in_code_beats_it(file: Path) -> None:
    """Code beats the file, which is then not even read."""
    file.write_text("[[")

    adapter = VertoAdapter(policy=Policy(operations=str(file)), operations=Operations())

    assert adapter.pipeline.operations == Operations()
    adapter.close()


def test_the_kill_switch_stands_above_a_bad_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever throws it is not stopped by a slip in there."""
    file.write_text("[[")
    monkeypatch.setenv("VERTO_RESILIENCE_DISABLED", "true")
    monkeypatch.setenv("VERTO_RESILIENCE_OPERATIONS", str(file))

    adapter = VertoAdapter()

    assert adapter.policy.disabled
    adapter.close()


def test_what_it_says_decides_a_resend(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write under a key is not sent again where the file says never."""
    monkeypatch.setenv("VERTO_RESILIENCE_OPERATIONS", str(file))
    monkeypatch.setenv("VERTO_RESILIENCE_SERVER_ERROR_WAIT_MIN", "0")
    monkeypatch.setenv("VERTO_RESILIENCE_SERVER_ERROR_WAIT_MAX", "0")
    inner = Inner((503, b""), (503, b""))

    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", VertoAdapter(inner=inner))
        answers = [
            session.post(f"{VERTO}{path}", headers={"Idempotency-Key": "key-1"}).status_code
            for path in ("/mine", "/other")
        ]

    assert answers == [503, 200]
    assert [request.path_url for request in inner.sent] == ["/mine", "/other", "/other"]


def test_an_adapter_takes_its_table_along(file: Path) -> None:
    """Pickled and read where the file is not, it knows the same rows."""
    pickled = pickle.dumps(VertoAdapter(policy=Policy(operations=str(file))))
    file.unlink()

    adapter = pickle.loads(pickled)  # noqa: S301 - made here

    assert _repeatable(adapter) is Repeatable.NEVER
