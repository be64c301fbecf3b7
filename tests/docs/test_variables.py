import re
from pathlib import Path

import pytest

from verto_resilience.config import load_policies, variable
from verto_resilience.pipeline import settings_table

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how-to"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MISSPELT = {"VERTO_RESILIENCE_DISABLE"}
"""What configuration.md shows as a slip."""


def test_pages_name_variables_that_are_some() -> None:
    """Whoever copies a variable from a page sets something."""
    known = {variable(row) for row in settings_table()} | MISSPELT

    unknown = {
        f"{page.name}: {name}"
        for page in PAGES
        for name in re.findall(r"\bVERTO_RESILIENCE_[A-Z_]*[A-Z]\b", page.read_text("utf-8"))
        if name not in known
    }

    assert unknown == set()


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        ("kubernetes.md", r"- name: (VERTO_RESILIENCE_\w+)\n\s+value: \"(.*)\""),
        ("gunicorn.md", r"^(VERTO_RESILIENCE_\w+)=(.*)$"),
    ],
)
def test_variables_of_a_deployment_go_together(page: str, pattern: str, tmp_path: Path) -> None:
    """What a how-to sets for a whole deployment is taken as it stands, with its file."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    found = dict(re.findall(pattern, text, re.MULTILINE))
    if "VERTO_RESILIENCE_POLICY_FILE" in found:
        (shown,) = re.findall(r"policy\.toml: \|\n((?:    .*\n|\n)+)", text)
        (tmp_path / "policy.toml").write_text(re.sub(r"^    ", "", shown, flags=re.MULTILINE))
        found["VERTO_RESILIENCE_POLICY_FILE"] = str(tmp_path / "policy.toml")

    policies = load_policies(found)

    assert found
    assert policies.general.call_timeout < 60
