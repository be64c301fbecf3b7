import re
from pathlib import Path

from verto_resilience.config import load_operations, load_policies, variable
from verto_resilience.machines import Mode
from verto_resilience.pipeline import GENERAL, settings_table

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_file_on_the_page_is_one(tmp_path: Path) -> None:
    """Whoever copies the example has a file that is read, and does what the page says."""
    path = tmp_path / "policy.toml"
    path.write_text(EXAMPLES[0])

    policies = load_policies({"VERTO_RESILIENCE_POLICY_FILE": str(path)})

    assert policies.general.consecutive_failures is None
    assert policies.of("https://api-payment-beta.vertofx.com:443").max_attempts == 2
    assert policies.of("https://api-wallet-beta.vertofx.com:443").breaker_mode is Mode.OBSERVE_ONLY


def test_the_operations_on_the_page_are_some(tmp_path: Path) -> None:
    """Whoever copies them has a file that is read."""
    path = tmp_path / "operations.toml"
    path.write_text(EXAMPLES[1])

    table = load_operations(str(path))

    assert len(EXAMPLES) == 2
    assert table.match("POST", "/wallets/7/transfer") is not None


def test_the_page_names_what_holds_for_all() -> None:
    """The settings that no origin can have otherwise are those of the code."""
    (told,) = re.findall(r"refused in the table of one:\n(.*?)\.\n", PAGE, re.DOTALL)

    assert set(re.findall(r"`(\w+)`", told)) == GENERAL


def test_every_setting_is_on_the_page() -> None:
    """The table on the page has a row for each."""
    assert all(f"| `{variable(row)}` |" in PAGE for row in settings_table())
