import json
import re
import sys
from base64 import b64encode
from hashlib import sha256

import pytest

from tests.simulation.makers import POLICY, run, scenario
from verto_resilience.pipeline import Policy
from verto_resilience.simulation import IncidentKind, Strategy, figures, page, play, require_plotly
from verto_resilience.simulation._charts import CHARTS, DASHES, figure


def test_every_strategy_has_a_line_of_its_own() -> None:
    """A chart has a line for each run, told apart by colour and dashes, and one to compare with."""
    runs = [run(strategy) for strategy in Strategy]

    drawn = json.loads(figure(CHARTS[0], runs))

    assert [trace["meta"] for trace in drawn["data"]] == [*Strategy, "limit"]
    assert len(set(DASHES.values())) == len(Strategy)
    assert [shape["name"] for shape in drawn["layout"]["shapes"]] == ["incident"]


def test_lines_say_what_the_tally_says() -> None:
    """A point is the mean of its stretch: all points together are the whole run."""
    played = run(Strategy.NONE)

    (line, _) = json.loads(figure(CHARTS[0], [played]))["data"]

    step = 300 / len(line["y"])
    assert sum(line["y"]) * step == pytest.approx(figures(played).succeeded)


def test_what_only_circuits_have_is_drawn_for_ours_alone() -> None:
    """The chart of circuits has no line of clients that have none, and no place without ours."""
    circuits = next(chart for chart in CHARTS if chart.ours_only)

    drawn = json.loads(figure(circuits, [run(Strategy.NONE), run(Strategy.OURS)]))

    assert [trace["meta"] for trace in drawn["data"]] == ["ours"]
    assert 'id="circuits"' not in page([run(Strategy.NONE)], POLICY)


def test_page_tells_who_came_back() -> None:
    """Figures and lead say which strategies recovered, and which stay down."""
    story = scenario(seconds=400)
    runs = [play(story, one, POLICY) for one in (Strategy.RETRY, Strategy.OURS)]

    text = page(runs, POLICY)

    assert '<dd id="figure-retry">stays down</dd>' in text
    assert re.search(r'<dd id="figure-ours">\d+ s</dd>', text)
    assert "The incident was over, and the overload stayed: Retry(3)." in text
    assert "50 clients make 20 calls a second" in text


def test_changed_settings_stand_on_the_page() -> None:
    """Whoever reads it later sees with what settings it was made."""
    runs = [run(Strategy.NONE)]

    assert "as by default" in page(runs, POLICY)
    assert "<td>break_duration</td>" in page(runs, Policy(break_duration=7.0))


@pytest.mark.parametrize("incident", IncidentKind)
def test_page_asks_nothing_of_any_network(incident: IncidentKind) -> None:
    """Its policy forbids all requests and every script but plotly and the page's own."""
    text = page([run(Strategy.OURS, incident=incident, seconds=70)], POLICY)

    policy = text.partition("Content-Security-Policy")[2].partition(">")[0]
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert "default-src 'none'" in policy
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert re.findall(r"""(?:src|href|action)=["']([^"']*)""", markup) == ["data:,"]


def test_missing_plotly_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without plotly the error says what to install."""
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setattr("verto_resilience._pages._page.find_spec", lambda _: None)

    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[report\]'"):
        require_plotly()
