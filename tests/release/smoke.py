"""Try the installed package: what is imported, mounted, called and run is the wheel's.

Uses nothing but the package itself, for it runs where there is nothing else.
"""

import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import requests

import verto_resilience
from verto_resilience.testing import Sandbox

DATA = (
    "py.typed",
    "_pages/page.css",
    "_pages/page.html",
    "_pages/page.js",
    "flight/page.css",
    "flight/page.html",
    "flight/page.js",
    "outcome/catalogue.toml",
    "outcome/operations.toml",
    "simulation/page.css",
    "simulation/page.html",
    "simulation/page.js",
    "telemetry/dashboards/rules.yml",
    "telemetry/dashboards/verto.json",
)


def main() -> None:
    """Go through it."""
    home = Path(verto_resilience.__file__).parent
    _see("site-packages" in home.parts, f"imported from {home}")
    missing = [name for name in DATA if not files(verto_resilience).joinpath(name).is_file()]
    _see(not missing, f"missing: {missing}")
    with Sandbox() as verto, requests.Session() as session:
        session.trust_env = False
        verto.script("/status/200", [503])
        policy = verto_resilience.Policy(backoff_base=0.01)
        response = verto_resilience.mount(session, policy=policy).get(f"{verto.url}/status/200")
        report = verto_resilience.report(response)
        _see(response.status_code == 200, f"the call ended with {response.status_code}")
        _see(report is not None and len(report.attempts) == 2, f"the call is told as {report}")
    command = Path(sys.executable).with_name("verto-resilience")
    said = subprocess.run(
        [str(command), "--version"], capture_output=True, text=True, check=False, timeout=60
    )
    expected = version("verto-resilience")
    _see(said.stdout.strip() == expected, f"--version said {said.stdout!r}{said.stderr}")
    print(f"verto-resilience {expected} works as installed")


def _see(good: bool, what: str) -> None:
    if not good:
        sys.exit(f"the installed package is wrong: {what}")


if __name__ == "__main__":
    main()
