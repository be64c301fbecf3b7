import io

from rich.console import Console

from verto_resilience.cli.demonstration._promises import Promise
from verto_resilience.cli.demonstration._rich import RichScreen


def test_a_promise_goes_on_below_its_first_word_on_a_narrow_terminal() -> None:
    """So that the marks stand alone, and can be looked down."""
    drawn = io.StringIO()
    promise = Promise(
        held=True,
        text="its callers are refused at once, and told when to come back",
        proof="the slowest took 0.6 ms",
    )

    RichScreen(Console(file=drawn, width=60)).promises("Promised", [("5", promise)])

    assert [line.rstrip() for line in drawn.getvalue().splitlines()] == [
        "",
        "Promised",
        "   5 ✓ its callers are refused at once, and told when to",
        "       come back",
        "       the slowest took 0.6 ms",
    ]
