"""Look at what the package depends on: ``python -m tests.release.audit``.

Exit code 1: something is imported and not declared, or declared and not imported, or has a known
vulnerability. Where the service that knows these cannot be reached, that is said.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOCKED = ("uv", "export", "--quiet", "--frozen", "--all-extras", "--no-emit-project")
AUDIT = ("pip-audit", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=10")
LIMIT = 120.0


def main() -> int:
    """Compare imports with declarations, and audit what uv.lock names for package and extras."""
    compared = _run("deptry", "--no-ansi", "verto_resilience", check=False)
    # It is not said of each group that is not installed here.
    told = (compared.stdout + compared.stderr).splitlines()
    print("\n".join(line for line in told if line and not line.startswith("Assuming ")))
    return compared.returncode or _look_up()


def _look_up() -> int:
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        _run(*LOCKED, "--no-default-groups", "--output-file", str(requirements))
        try:
            audited = _run(*AUDIT, "--requirement", str(requirements), check=False)
        except subprocess.TimeoutExpired:
            return _unreachable(f"no answer within {LIMIT:.0f} s")
    if not audited.stdout.strip():
        return _unreachable("".join(audited.stderr.strip().splitlines()[-1:]) or "it said nothing")
    return judge(json.loads(audited.stdout)["dependencies"])


def judge(dependencies: list[dict[str, Any]]) -> int:
    """Say what was found; give the exit code."""
    skipped = [one["name"] for one in dependencies if "skip_reason" in one]
    bad = [one for one in dependencies if one.get("vulns")]
    for one in bad:
        for vulnerability in one["vulns"]:
            mended = ", ".join(vulnerability["fix_versions"]) or "no version"
            print(f"{one['name']} {one['version']}: {vulnerability['id']}, mended in {mended}")
    if bad:
        return 1
    if skipped:
        return _unreachable(f"it does not know {len(skipped)} of {len(dependencies)} packages")
    print(f"no known vulnerability in {len(dependencies)} packages")
    return 0


def _unreachable(why: object) -> int:
    print(f"NOT AUDITED: the service that knows vulnerabilities: {why}", file=sys.stderr)
    return 0


def _run(program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=LIMIT, check=check
    )


if __name__ == "__main__":
    sys.exit(main())
