from tests.bench.figures import Row
from tests.bench.rounds import Ratio
from tests.bench.table import rendered


def test_a_row_without_a_goal_says_so() -> None:
    """What has no goal says `no goal`, and is neither met nor missed."""
    row = Row("get, VertoTransport", "httpx.Client", None, Ratio(1.234, 1.2, 1.3))

    cells = [cell.strip() for cell in rendered([row]).splitlines()[-1].strip("|").split("|")]

    assert cells == ["get, VertoTransport", "httpx.Client", "no goal", "1.234", "1.20 - 1.30", ""]
