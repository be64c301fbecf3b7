"""What ``verto-resilience demo`` shows: scenes, screens, the trace, and checks against the log."""

from verto_resilience.cli.demonstration._choose import choose_screen
from verto_resilience.cli.demonstration._show import show

__all__ = ["choose_screen", "show"]
