import pytest

from verto_resilience.errors import ConfigurationError
from verto_resilience.testing._paths import PathTemplate


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/fx/rate", "/fx/rate", {}),
        ("/fx/{id}", "/fx/EN%2D1", {"id": "EN-1"}),
        ("/fx/{id}", "/fx/", None),
        ("/fx/{id}", "/fx/a/b", None),
        ("/fx/rate", "/fx/Rate", None),
        ("/{company}/wallets", "/c1/wallets", {"company": "c1"}),
    ],
)
def test_matches_segment_by_segment(
    template: str, path: str, expected: dict[str, str] | None
) -> None:
    """A named segment takes exactly one that is not empty; all others are literal."""
    assert PathTemplate(template).match(path) == expected


@pytest.mark.parametrize("template", ["fx", "", "/fx?x=1"])
def test_text_that_is_no_path_is_refused(template: str) -> None:
    """A template that can never match is an error, not a script that never plays."""
    with pytest.raises(ConfigurationError, match="slash"):
        PathTemplate(template)
