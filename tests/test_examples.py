import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.end_to_end

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LONGEST = 30.0
TAKEN_OVER = "HTTPAdapter retries by itself"

CLAIMS = {
    "existing_client.py": r"rate 0\.9\ntrade requested\npayments 0\n",
    "flight_report.py": r"(?s).*\d+ calls, \d+ attempts, [1-9]\d* refused\nwritten: flight\.html\n",
    "hand_written_retry.py": (
        r"(?s)(before: POST /users/login 200\nbefore: POST /\S+ \d+[^\n]*\n){4}"
        r"before: came back 1\.\d s too early\nbefore: logins: 4\nbefore: trades booked: 2\n"
        r"(after: [^\n]*\n)*"
        r"after: POST /fx/payments 504  and the trade is booked\nafter: POST /fx/payments 201\n"
        r"after: came back when it was told to\nafter: logins: 2\nafter: trades booked: 1\n"
    ),
    "httpx_client.py": (
        r"GET /\S+: 2 attempts, 1(\.\d+)? s waited\n"
        r"  1: 429 in [^\n]*\n  2: 200 in [^\n]*retry_after\)\n"
        r"  ended: [^\n]*\n"
        r"GET /\S+: 2 attempts, [^\n]*\n  1: body in [^\n]*\n  2: 200 in [^\n]*\n"
        r"  ended: [^\n]*\n"
        r"ReadError\nPOST /\S+: 1 attempt\n  1: reset in [^\n]*\n  ended: a resend could (?s:.*)"
        r"  outcome unknown: [^\n]*\ntrades sent 1\n"
    ),
    "oauth2_session.py": (
        r"200\n200\nPOST /oauth/token 200\nGET /\S+ 200\nGET /\S+ 401\n"
        r"POST /oauth/token 200\nGET /\S+ 200\n"
    ),
    "stripe_client.py": r"created cus_1\nsent 2 times, under 1 Idempotency-Key\n",
    "urllib3_client.py": (
        r"before: quote at the first call: False\n"
        r"before: ProtocolError; outcome unknown: not told\n"
        r"before: sent: GET 429, GET 200, POST None\nbefore: trades booked: 1\n"
        r"after: quote at the first call: True\n"
        r"after: ProtocolError; outcome unknown: True\n"
        r"after: sent: GET 429, GET 200, POST None\nafter: trades booked: 1\n"
    ),
    "urllib3_retry_with_post.py": (
        r"(?s)before: GET 503\nbefore: GET 200\n"
        r"before: POST 504  and the trade is booked\nbefore: POST 201  and the trade is booked\n"
        r"before: trades booked: 2\n"
        r"POST [^\n]*: 504 Gateway Timeout; outcome unknown\n.*"
        r"after: GET 503\nafter: GET 200\nafter: POST 504  and the trade is booked\n"
        r"after: trades booked: 1\n"
    ),
}
"""What each example prints: the claims of its first lines, by the sandbox's own log."""

NEEDS = {
    "httpx_client.py": "httpx",
    "oauth2_session.py": "requests_oauthlib",
    "stripe_client.py": "stripe",
}
"""What those need that are about somebody else's package."""

WARNS = {"urllib3_retry_with_post.py"}
"""Those whose adapters resent by themselves, which mounting says."""


def test_every_example_has_its_claims() -> None:
    """An example that nobody checks would rot."""
    assert sorted(CLAIMS) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", CLAIMS)
def test_it_runs_and_shows_what_it_claims(name: str, tmp_path: Path) -> None:
    """Run as printed, in bounded time, it ends well, and its output is what it promises."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"needs {NEEDS[name]}")
    environ = {n: value for n, value in os.environ.items() if not n.startswith("VERTO_RESILIENCE_")}
    began = time.monotonic()

    result = subprocess.run(
        [sys.executable, "-W", "error", "-W", f"default:{TAKEN_OVER}", EXAMPLES / name],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=2 * LONGEST,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert time.monotonic() - began < LONGEST
    assert (TAKEN_OVER in result.stderr) is (name in WARNS)
    if name not in WARNS:
        assert result.stderr == ""
    assert re.fullmatch(CLAIMS[name], result.stdout), result.stdout


@pytest.mark.parametrize("name", ["hand_written_retry.py", "urllib3_retry_with_post.py"])
def test_one_line_makes_the_difference(name: str) -> None:
    """Between before and after stands one line, and it is the one of the README."""
    source = (EXAMPLES / name).read_text(encoding="utf-8")

    lines = [line.strip() for line in source.splitlines()]

    at = lines.index('if name == "after":')
    assert lines[at + 1] == "verto_resilience.mount(trader.session)  # the one line"
    assert source.count('"after"') == 2
