import io

import pytest

from verto_resilience.cli.demonstration._plain import PlainScreen
from verto_resilience.cli.demonstration._trace import SpanNode

ROOT = SpanNode(
    "INTERNAL call",
    ("a.fact=1",),
    0.0,
    4.0,
    failed=False,
    children=(
        SpanNode("CLIENT GET", ("status=503",), 0.0, 1.0, failed=True),
        SpanNode("CLIENT GET", ("status=200",), 3.0, 1.0, failed=False),
    ),
)


@pytest.mark.parametrize(
    ("offset", "seconds", "drawn"),
    [
        (0.0, 4.0, "========"),
        (2.0, 1.0, "    ==  "),
        (0.0, 0.0, "=       "),
        (4.0, 0.0, "       ="),
    ],
)
def test_bar_stands_where_the_span_was(offset: float, seconds: float, drawn: str) -> None:
    """A bar begins and ends in proportion, is never empty and never leaves its frame."""
    node = SpanNode("span", (), offset, seconds, failed=False)

    assert node.bar(4.0, 8, "=") == drawn


def test_bar_of_no_time_at_all() -> None:
    """A trace that took no measurable time is drawn all the same."""
    assert SpanNode("span", (), 0.0, 0.0, failed=False).bar(0.0, 4, "=") == "=   "


def test_plain_tree_shows_spans_below_their_call() -> None:
    """The attempts stand below the call, each with its facts, the failed one marked."""
    shown = io.StringIO()

    PlainScreen(shown).trace("a trace", ROOT)

    lines = shown.getvalue().splitlines()
    assert [line.split("|")[0].rstrip() for line in lines if "===" in line] == [
        "  INTERNAL call",
        "  +- CLIENT GET, error",
        "  +- CLIENT GET",
    ]
    assert lines[-1].strip() == "status=200"
    assert max(map(len, lines)) <= 80
