"""Runs one target with one engine: ``python -m tests.fuzz.one NAME FILE...`` tries inputs again."""

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

_LONGEST_INPUT = 4096
_SLOWEST = 5
"""Seconds that one input may take."""


def main(arguments: list[str]) -> None:
    """Try files, or fuzz for some time; what is found ends it with the input and a traceback."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.one", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="where atheris keeps what it finds")
    chosen = parser.parse_args(arguments)
    if chosen.engine is None:
        check = _target(chosen.target).check
        for path in chosen.files:
            check(path.read_bytes())
            print(f"{path}: nothing found")
    else:
        ENGINES[chosen.engine](chosen.target, chosen.seconds, chosen.folder)


def with_hypothesis(name: str, seconds: int, folder: Path) -> None:
    """Fuzz with inputs put together of words, and of pieces of the corpus."""
    target = _target(name)
    end, number, tried = time.monotonic() + seconds, 0, 0

    def check(data: bytes) -> None:
        nonlocal tried
        tried += 1
        if time.monotonic() < end:
            target.check(data)

    while time.monotonic() < end:
        number += 1
        seed(number)(
            settings(
                max_examples=200,
                database=None,
                deadline=_SLOWEST * 1000,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )(given(inputs(target))(check))
        )()
    print(f"tried: {tried}")


def with_atheris(name: str, seconds: int, folder: Path) -> None:
    """Fuzz with inputs that lead to lines which were not reached before; does not return."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["verto_resilience", "tomllib"]):
        target = _target(name)
    found = folder / "corpus"
    found.mkdir(parents=True, exist_ok=True)
    words = folder / "words.dict"
    words.write_text("\n".join(map(_quoted, target.words)) + "\n", encoding="ascii")
    options = {
        "max_total_time": seconds,
        "max_len": _LONGEST_INPUT,
        "timeout": _SLOWEST,
        "rss_limit_mb": 2048,
        "dict": words,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    seeds = target.seeds()[0].parent
    atheris.Setup([sys.argv[0], *flags, str(found), str(seeds)], target.check)
    atheris.Fuzz()


ENGINES: dict[str, Callable[[str, int, Path], None]] = {
    "atheris": with_atheris,
    "hypothesis": with_hypothesis,
}


def inputs(target: Any) -> st.SearchStrategy[bytes]:
    """Give inputs: some words and bytes, or a seed with a part of it replaced by such."""
    words = st.sampled_from([word.encode("utf-8") for word in target.words])
    pieces = st.lists(st.one_of(words, st.binary(max_size=8)), max_size=30).map(b"".join)
    seeds = st.sampled_from([path.read_bytes() for path in target.seeds()])
    changed = st.tuples(seeds, pieces, st.floats(0, 1), st.floats(0, 1)).map(_changed)
    return st.one_of(pieces, changed)


def _changed(parts: tuple[bytes, bytes, float, float]) -> bytes:
    kept, put, one, other = parts
    start, end = sorted((round(len(kept) * one), round(len(kept) * other)))
    return kept[:start] + put + kept[end:]


def _quoted(word: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8")) + '"'


def _target(name: str) -> Any:
    # Imported late: atheris has to see the code when it is imported.
    return import_module("tests.fuzz.targets").TARGETS[name]


if __name__ == "__main__":
    main(sys.argv[1:])
