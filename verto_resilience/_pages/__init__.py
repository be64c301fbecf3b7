"""What pages for a person have in common: one file of HTML that asks nobody for anything."""

from verto_resilience._pages._page import (
    Row,
    content_policy,
    embedded,
    plotly_script,
    require_plotly,
    shipped,
    style,
    table,
)

__all__ = [
    "Row",
    "content_policy",
    "embedded",
    "plotly_script",
    "require_plotly",
    "shipped",
    "style",
    "table",
]
