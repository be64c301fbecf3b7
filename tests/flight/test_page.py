import json
import re
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.flight.makers import call, flight, sent, waited
from verto_resilience._pages import embedded
from verto_resilience.flight import Flight, FlightRecorder, Moved, Totals, require_plotly
from verto_resilience.flight._page import page
from verto_resilience.machines import State

HOSTILE = "<script>alert(1)</script>&\"'</title>"
TOTALS = Totals(calls=1234, attempts=2000, resends=766, refused=5, unknown=2, waited=61.25)


class Parsed(HTMLParser):
    """Elements, attributes and texts of a page; scripts by their text."""

    def __init__(self, text: str) -> None:
        """Read it."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.figures: dict[str, str] = {}
        self.words: list[str] = []
        self._in: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self._in = (tag, dict(attrs))
        self.tags.append(self._in)

    def handle_data(self, data: str) -> None:
        """Note it by where it stands."""
        tag, attributes = self._in
        name = attributes.get("id") or ""
        if tag == "script":
            self.scripts.append(data)
        elif name.startswith("figure-"):
            self.figures.setdefault(name.removeprefix("figure-"), data)
        else:
            self.words.append(data)


def hostile() -> Flight:
    """Make a flight in which every name is an attack."""
    move = Moved(0.0, HOSTILE, State.CLOSED, State.OPEN, HOSTILE, HOSTILE)
    step = sent(0.0, 1.0, HOSTILE)
    return flight(
        call(1, step, waited(1.0, 1.0), method=HOSTILE, operation=HOSTILE, origin=HOSTILE),
        call(2, step, operation=None, origin=HOSTILE),
        moves=(move,),
        until=5.0,
        totals=TOTALS,
    )


def test_figures_at_the_top_are_the_totals() -> None:
    """Calls, attempts, resends, refusals, waits and unknown outcomes stand there as counted."""
    parsed = Parsed(page(flight(call(1, sent(0.0)), totals=TOTALS), title="T"))

    assert parsed.figures == {
        "calls": "1,234",
        "attempts": "2,000",
        "resends": "766",
        "refused": "5",
        "waited": "61.2 s",
        "unknown": "2",
    }


def test_everything_is_escaped() -> None:
    """Markup in any name stays text: no element, attribute or script comes of it."""
    text = page(hostile(), title=HOSTILE)

    tame = Parsed(page(flight(call(1, sent(0.0))), title="T"))
    parsed = Parsed(text)
    assert "<script>alert" not in text
    assert [tag for tag, _ in parsed.tags].count("script") == 4
    assert {tag for tag, _ in parsed.tags} - {"svg", "path"} <= {tag for tag, _ in tame.tags}
    assert "".join(parsed.words).count("alert(1)") > 3


def test_data_of_a_drawing_cannot_end_its_script() -> None:
    """What plotly reads holds no angle bracket, and is the same once it is parsed."""
    data = json.dumps({"text": "</script><b>&amp;"})

    written = embedded(data)

    inner = written.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set(inner) & set("<>&")
    assert json.loads(inner) == json.loads(data)


def test_page_refers_to_nothing_outside_itself() -> None:
    """No element names an address, and the policy forbids all requests."""
    parsed = Parsed(page(hostile(), title="T"))

    links = [
        value
        for _, attributes in parsed.tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "data", "poster", "srcset"}
    ]
    assert links == ["data:,"]
    (policy,) = [
        attributes["content"]
        for _, attributes in parsed.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none';")


def test_policy_allows_the_two_scripts_by_their_hash() -> None:
    """What runs is plotly and the page's own script; nothing else could."""
    text = page(hostile(), title="T")

    allowed = re.findall(r"'sha256-([^']+)'", text.partition("</head>")[0])
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert hashes == allowed
    assert len(hashes) == 2


def test_without_calls_there_is_a_page_too() -> None:
    """Nothing recorded is said in so many words."""
    text = page(flight(), title="T")

    assert "No call was recorded." in text


def test_what_is_not_kept_is_told() -> None:
    """A page that shows part of the calls says of how many."""
    text = page(flight(call(1, sent(0.0)), totals=TOTALS, calls_left_out=1233), title="T")

    assert "The figures count all 1,234 calls that ended." in text
    assert "1,233 calls" in text


def test_every_call_stands_in_the_table() -> None:
    """Whoever sees no drawing reads what happened: attempts, waits, and how it ended."""
    record = call(7, sent(0.0, 0.5, "503"), waited(0.5, 1.5), sent(2.0, 0.25))

    words = Parsed(page(flight(record), title="T")).words

    row = words.index("#7")
    assert "503, waited 1.50 s, 200" in words[row:]
    assert "succeeded" in words[row:]


def test_write_gives_a_file(tmp_path: Path) -> None:
    """The page is written where it was asked for, in UTF-8."""
    target = FlightRecorder().write(tmp_path / "flight.html", title="Ünïcode")

    assert target == tmp_path / "flight.html"
    assert "<h1>Ünïcode</h1>" in target.read_text(encoding="utf-8")


def test_without_plotly_one_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is told with the command that installs it, and nothing is written."""
    monkeypatch.setitem(sys.modules, "plotly", None)

    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[report\]'"):
        require_plotly()
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[report\]'"):
        FlightRecorder().write(tmp_path / "flight.html")
    assert not list(tmp_path.iterdir())
