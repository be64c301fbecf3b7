"""The parts that pages are put together from."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from importlib import resources
from importlib.util import find_spec
from string import Template

Row = Sequence[str]
"""The texts of one row of a table."""

_MISSING = (
    "the {what} is drawn with plotly, which is not installed: pip install '.[report]' from a clone"
)
_INNER_SLASH = re.compile(r"(?<=[\w}])/")


def require_plotly(what: str) -> None:
    """Make sure early that a page can be drawn.

    Args:
        what: The page's name.

    Raises:
        ModuleNotFoundError: plotly is not installed; the message names the extra.
    """
    if find_spec("plotly") is None:
        raise ModuleNotFoundError(_MISSING.format(what=what), name="plotly")


def document(package: str, *, title: str, **parts: str) -> str:
    """Write a page: the frame of all, around what stands beside the code of a package.

    Args:
        package: Has a ``page.html`` for the frame, a ``page.js`` and a ``page.css``.
        title: Escaped, as the parts are.
        **parts: What its ``page.html`` names.
    """
    library = _plotly_script()
    script = _shipped(__package__, "page.js") + _shipped(package, "page.js")
    return Template(_shipped(__package__, "page.html")).substitute(
        policy=_content_policy(library, script),
        title=title,
        style=_shipped(__package__, "page.css") + _shipped(package, "page.css"),
        main=Template(_shipped(package, "page.html")).substitute(parts, title=title),
        library=library,
        script=script,
    )


def _plotly_script() -> str:
    """Give plotly's own JavaScript."""
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    return script


def _shipped(package: str, name: str) -> str:
    """Give the text of a file that stands beside the code of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _content_policy(*scripts: str) -> str:
    """Forbid the browser every request, and every script but these."""
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def embedded(json: str) -> str:
    """Write data into a page, for its script to read."""
    # Inside a script nothing ends it but "</script"; without "<" there can be none.
    safe = json.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json">{safe}</script>'


def table(
    caption: str, header: Row, rows: Iterable[Row], *, numbers: int = 0, shape: str = "plain"
) -> str:
    """Write a table; empty without rows.

    Args:
        caption: What it says.
        header: Names of the columns.
        rows: Their texts.
        numbers: How many of the last columns are set to the right.
        shape: How ``page.css`` folds it where the screen is narrow.
    """
    edge = len(header) - numbers

    def cells(tag: str, row: Row) -> str:
        written = []
        for place, text in enumerate(row):
            right = ' class="number"' if place >= edge else ""
            scope = ' scope="col"' if tag == "th" else ""
            written.append(f"<{tag}{scope}{right}>{_breakable(text)}</{tag}>")
        return f"<tr>{''.join(written)}</tr>"

    body = "\n".join(cells("td", row) for row in rows)
    if not body:
        return ""
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="{shape}">'
        f"<caption>{escape(caption)}</caption><thead>{cells('th', header)}</thead>"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _breakable(text: str) -> str:
    """Let a path go over the edge where a person would break it."""
    return _INNER_SLASH.sub("<wbr>/", escape(text))
