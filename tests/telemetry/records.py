"""What the library logs, kept to be looked at."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Keeping(logging.Handler):
    """Keeps the records it is given."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


@contextmanager
def kept_records() -> Iterator[list[logging.LogRecord]]:
    """Keep every record that the library writes meanwhile, down to DEBUG."""
    logger, keeping = logging.getLogger("verto_resilience"), _Keeping()
    logger.addHandler(keeping)
    logger.setLevel(logging.DEBUG)
    yield keeping.records
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(keeping)
