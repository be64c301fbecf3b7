import json
import subprocess
import sys

import pytest
import requests

import verto_resilience.mounting
import verto_resilience.transports._httpx
from verto_resilience.pipeline import SystemClock
from verto_resilience.testing import Sandbox, pytest_plugin
from verto_resilience.transports._tasks_clock import TasksClock

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.end_to_end

# Loaded here already, so that a run inside this one does not load them anew.
LOADED = (requests, verto_resilience.mounting, Sandbox, pytest_plugin)

HEAD = """
import pytest
import requests
import verto_resilience
from verto_resilience import Policy
from verto_resilience.testing import Reply

def mounted():
    session = requests.Session()
    session.trust_env = False
    return verto_resilience.mount(session, policy=Policy(verto_hosts=("127.0.0.1",)))

def statuses(sandbox, *paths):
    with requests.Session() as session:
        session.trust_env = False
        return [session.get(sandbox.url + path).status_code for path in paths]
"""


def outcomes(pytester: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    """Run tests as a user has them."""
    pytester.makepyfile(HEAD + text)
    return pytester.runpytest("-p", "no:cacheprovider", "-W", "error", *arguments)


def test_it_is_found_where_the_package_is_installed(pytester: pytest.Pytester) -> None:
    """Fixtures and marker are listed without a line in a conftest."""
    fixtures = pytester.runpytest("--fixtures", "-q")
    markers = pytester.runpytest("--markers")

    fixtures.stdout.fnmatch_lines(["verto_sandbox*", "fake_clock*"])
    markers.stdout.fnmatch_lines(["@pytest.mark.verto_script(script, *)*503 x2*"])


def test_this_run_does_without_it(request: pytest.FixtureRequest) -> None:
    """What is loaded before coverage is measured would count as never run."""
    assert not request.config.pluginmanager.has_plugin("verto_resilience")


def test_loading_it_brings_nothing_heavy() -> None:
    """A run that does not use it has neither requests nor the sandbox for its sake."""
    code = (
        "import json, sys, pytest\n"
        "before = set(sys.modules)\n"
        "import verto_resilience.testing.pytest_plugin\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = json.loads(ran.stdout)

    heavy = ("requests", "urllib3", "ssl", "opentelemetry", "http.client")
    assert [name for name in loaded if name in heavy] == []
    assert [name for name in loaded if name.startswith("verto_resilience.testing.")] == [
        "verto_resilience.testing.pytest_plugin"
    ]
    assert "verto_resilience.pipeline" not in loaded


def test_the_sandbox_is_there_and_is_closed(pytester: pytest.Pytester) -> None:
    """It answers in the test, and is gone after it; the next test has another."""
    result = outcomes(
        pytester,
        """
seen = []

def test_first(verto_sandbox):
    assert statuses(verto_sandbox, "/status/204") == [204]
    seen.append(verto_sandbox)

def test_second(verto_sandbox):
    assert verto_sandbox is not seen[0]
    with pytest.raises(requests.ConnectionError):
        statuses(seen[0], "/status/204")
""",
    )

    result.assert_outcomes(passed=2)


def test_markers_are_scripts(pytester: pytest.Pytester) -> None:
    """Written answers, names and replies are played; the marker nearest to the test counts."""
    result = outcomes(
        pytester,
        """
pytestmark = pytest.mark.verto_script("418")

@pytest.mark.verto_script("503 x2, 404")
def test_written(verto_sandbox):
    assert statuses(verto_sandbox, *["/status/204"] * 4) == [503, 503, 404, 204]

@pytest.mark.verto_script("down", path="/a", count=2)
def test_named(verto_sandbox):
    assert statuses(verto_sandbox, "/a", "/status/204", "/a", "/status/204") == [503, 418, 503, 204]

@pytest.mark.verto_script(503, Reply(429, retry_after=1), method="GET", repeat=True)
def test_replies(verto_sandbox):
    assert statuses(verto_sandbox, "/x", "/x", "/x") == [503, 429, 503]
""",
    )

    result.assert_outcomes(passed=3)


def test_a_marker_without_the_sandbox_is_an_error(pytester: pytest.Pytester) -> None:
    """It would do nothing, and the test would pass for the wrong reason."""
    result = outcomes(
        pytester,
        """
@pytest.mark.verto_script("503")
def test_it():
    pass

@pytest.fixture
def server(verto_sandbox):
    return verto_sandbox

@pytest.mark.verto_script("503")
def test_through_a_fixture_of_ones_own(server):
    assert statuses(server, "/status/204") == [503]
""",
    )

    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*verto_script says what verto_sandbox answers, which is not*"])


def test_a_script_that_cannot_be_read_is_an_error(pytester: pytest.Pytester) -> None:
    """It is named before the test begins."""
    result = outcomes(
        pytester,
        """
@pytest.mark.verto_script("503, teapot")
def test_it(verto_sandbox):
    pass
""",
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*answer 2 ('teapot')*"])


def test_waits_take_no_time_by_the_fake_clock(pytester: pytest.Pytester) -> None:
    """What production would wait for is written down, and the test goes on at once."""
    result = outcomes(
        pytester,
        """
import time

@pytest.mark.verto_script("503, 429 retry-after=30, ok", path="/orders/v2.1/fx")
def test_it(verto_sandbox, fake_clock):
    began = time.monotonic()
    with mounted() as session:
        url = verto_sandbox.url + "/orders/v2.1/fx?currencyFrom=USD&currencyTo=EUR"
        assert session.get(url).status_code == 200
    band, told = fake_clock.sleeps
    assert 5 <= band <= 10
    assert 30 <= told
    assert time.monotonic() - began < 5
""",
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("edge", ["urllib3", "httpx", "tasks"])
def test_waits_of_every_edge_take_no_time(pytester: pytest.Pytester, edge: str) -> None:
    """Pool managers, clients of httpx and tasks wait by the same clock."""
    result = outcomes(
        pytester,
        """
import anyio
import httpx
from verto_resilience import AsyncVertoTransport, VertoPoolManager, VertoTransport

def by_urllib3(url):
    with VertoPoolManager() as pools:
        return pools.request("GET", url).status

def by_httpx(url):
    with httpx.Client(transport=VertoTransport(), trust_env=False) as client:
        return client.get(url).status_code

def by_tasks(url):
    async def call():
        async with httpx.AsyncClient(transport=AsyncVertoTransport(), trust_env=False) as client:
            return (await client.get(url)).status_code
    return anyio.run(call)

@pytest.mark.verto_script("429 retry-after=30, 204")
def test_it(verto_sandbox, fake_clock):
    assert by_EDGE(verto_sandbox.url + "/x") == 204
    assert sum(fake_clock.sleeps) >= 30
""".replace("EDGE", edge),
    )

    result.assert_outcomes(passed=1)


def test_the_clock_is_real_again_afterwards(
    pytester: pytest.Pytester,
) -> None:
    """The next test has the machine's clock, whatever the one before did with the other."""
    clock, tasks = dict(vars(SystemClock)), TasksClock.sleep

    result = outcomes(
        pytester,
        """
import time
from verto_resilience.pipeline import SystemClock

def test_first(fake_clock):
    fake_clock.advance(1000.0)
    assert SystemClock().monotonic() - time.monotonic() > 900
    assert SystemClock().wall() - time.time() > 900

def test_second():
    assert abs(SystemClock().monotonic() - time.monotonic()) < 100
""",
    )

    result.assert_outcomes(passed=2)
    assert dict(vars(SystemClock)) == clock
    assert TasksClock.sleep is tasks


def test_a_failure_shows_what_reached_the_sandbox(pytester: pytest.Pytester) -> None:
    """Whoever reads the report need not run it again to see; a query is not shown."""
    result = outcomes(
        pytester,
        """
def test_it(verto_sandbox):
    statuses(verto_sandbox, "/status/404?token=canary", "/status/503")
    assert False

def test_silent(verto_sandbox):
    assert False
""",
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*verto_sandbox: what reached it*",
            "#1 GET /status/404 -> 404",
            "#2 GET /status/503 -> 503",
            "no request",
        ]
    )
    assert "-> 404" in str(result.stdout)
    assert "GET /status/404?token" not in str(result.stdout)


def test_a_long_log_is_shown_in_part(pytester: pytest.Pytester) -> None:
    """Its end is shown, and how much came before."""
    result = outcomes(
        pytester,
        """
def test_it(verto_sandbox):
    statuses(verto_sandbox, *["/status/204"] * 60)
    assert False
""",
    )

    result.stdout.fnmatch_lines(["(10 before)", "#11 GET *", "#60 GET *"])
    result.stdout.no_fnmatch_line("#10 GET *")


def test_two_workers_have_it_too(pytester: pytest.Pytester) -> None:
    """With xdist each worker has its own sandboxes."""
    result = outcomes(
        pytester,
        """
@pytest.mark.parametrize("n", range(4))
@pytest.mark.verto_script("503")
def test_it(verto_sandbox, n):
    assert statuses(verto_sandbox, "/x") == [503]
""",
        "-n2",
    )

    result.assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("", "names no answer"),
        ("'503', pth='/x'", "has no option pth: allowed is path, method, repeat, seconds"),
        ("503, count=3", "has no option count: allowed is path, method, repeat"),
        ("'503', method='GTE'", "has method 'GTE'"),
    ],
)
def test_a_marker_that_would_do_nothing_is_an_error(
    pytester: pytest.Pytester, marker: str, said: str
) -> None:
    """A slip of the pen does not make a test that passes for nothing."""
    ran = outcomes(
        pytester,
        f"@pytest.mark.verto_script({marker})\ndef test_it(verto_sandbox):\n    pass\n",
    )

    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([f"*verto_script {said}*"])
