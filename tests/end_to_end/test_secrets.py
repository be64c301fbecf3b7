"""Secrets in the environment and in a call, looked for in what the commands print.

What is left of calls through a client is in ``tests/contract/test_secrets.py``.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verto_resilience.testing import Reply, Sandbox

pytestmark = pytest.mark.end_to_end

CANARY = "k4n4ry9"
BODY = json.dumps({"apiKey": f"{CANARY}-body", "password": f"{CANARY}-password"})
QUOTED = Reply(
    400,
    json={"code": 1, "message": f"bad key {CANARY}-key of {CANARY}-body, {CANARY}-query"},
    headers={"Set-Cookie": f"sid={CANARY}-set", "X-Echo": f"{CANARY}-cookie"},
)


@pytest.mark.parametrize(
    "arguments",
    [
        ("doctor",),
        ("doctor", "--json"),
        ("config",),
        ("config", "--json"),
        ("codes", "list"),
        ("codes", "list", "--json"),
        ("explain", "503", "--json"),
        ("operations", "--json"),
    ],
    ids=" ".join,
)
def test_commands_show_nothing_of_the_environment_that_may_be_secret(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """Credentials in the URL of a proxy or an endpoint, and foreign variables, are not printed."""
    ran = command(
        *arguments,
        HTTPS_PROXY=f"http://{CANARY}:{CANARY}@127.0.0.1:1",
        ALL_PROXY=f"http://{CANARY}@127.0.0.1:1",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{CANARY}:{CANARY}@127.0.0.1:1/?key={CANARY}",
        OTEL_EXPORTER_OTLP_HEADERS=f"api-key={CANARY}",
        VERTO_API_KEY=CANARY,
        AWS_SECRET_ACCESS_KEY=CANARY,
        NETRC=str(tmp_path / "none"),
    )

    assert ran.returncode in (0, 1)
    assert ran.stdout.strip()
    assert CANARY not in ran.stdout + ran.stderr


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["tree", "json"])
def test_told_call_holds_no_secret(verto: Sandbox, form: tuple[str, ...]) -> None:
    """``request`` shows none of what it was given in URL, headers and body, nor what came back."""
    verto.script("/a", [QUOTED])
    url = verto.url.replace("http://", f"http://{CANARY}-user:{CANARY}-pass@")

    ran = command(
        "request", "POST", f"{url}/a?token={CANARY}-query#{CANARY}-fragment", *form,
        "-H", f"X-Api-Key: {CANARY}-key", "-H", f"Cookie: session={CANARY}-cookie",
        "-d", BODY,
    )  # fmt: skip

    assert verto.arrived == 1
    assert ran.returncode == 1
    assert ran.stdout.strip()
    assert CANARY not in ran.stdout + ran.stderr


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing else in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "verto_resilience", *arguments],
        env={"PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1"} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
