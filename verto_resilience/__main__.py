"""The command line: ``verto-resilience`` and ``python -m verto_resilience``."""

import sys

_OF_THE_EXTRA = frozenset({"typer", "click", "rich", "shellingham"})


def main() -> int:
    """Run the command line.

    Returns:
        The exit code: 2 when the extra ``cli`` is not installed.
    """
    try:
        from verto_resilience.cli import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        print(  # noqa: T201 - the answer to a command
            f"verto-resilience needs {missing.name}: pip install '.[cli]' from a clone",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
