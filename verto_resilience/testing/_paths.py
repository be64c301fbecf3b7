"""Path templates such as ``/payments/{id}``."""

from urllib.parse import unquote

from verto_resilience.testing._impossible import impossible


class PathTemplate:
    """Matches request paths segment by segment; ``{name}`` takes any one that is not empty."""

    __slots__ = ("_segments", "text")

    def __init__(self, text: str) -> None:
        """Read a template.

        Args:
            text: Begins with a slash; a query is no part of it.

        Raises:
            ConfigurationError: It does not begin with a slash, or it has a query.
        """
        if not text.startswith("/") or "?" in text:
            raise impossible(f"path {text!r} must begin with a slash and have no query")
        self.text = text
        self._segments = text.split("/")

    def match(self, path: str) -> dict[str, str] | None:
        """Take the named segments out of a path, decoded; ``None`` when it does not fit."""
        given = path.split("/")
        if len(given) != len(self._segments):
            return None
        found: dict[str, str] = {}
        for wanted, segment in zip(self._segments, given, strict=True):
            if wanted.startswith("{") and wanted.endswith("}"):
                if not segment:
                    return None
                found[wanted[1:-1]] = unquote(segment)
            elif wanted != segment:
                return None
        return found
