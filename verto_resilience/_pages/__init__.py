"""What pages for a person have in common: one file of HTML that asks nobody for anything."""

from verto_resilience._pages._page import Row, document, embedded, require_plotly, table

__all__ = ["Row", "document", "embedded", "require_plotly", "table"]
