"""The whole gate in one command: format, lint, types, import contracts, tests, wheel; says which step took how long.

    uv run --extra local --group dev python tests/check.py [STEP ...]

Every step runs, also after one failed; the exit code is 1 when any did.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = ["src", "tests", "benchmarks", "examples"]
STEPS: dict[str, list[str]] = {
    "format": [sys.executable, "-m", "ruff", "format", "--check", *PLACES],
    "lint": [sys.executable, "-m", "ruff", "check", *PLACES],
    "types": [sys.executable, "-m", "mypy"],
    "contracts": [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
    "tests": [sys.executable, "-m", "pytest", "-q", "-m", "not network", "--durations=10"],
    "wheel": [sys.executable, "tests/check_wheel.py"],
}


def main() -> None:
    """Run the named steps, or all of them."""
    wanted = sys.argv[1:] or list(STEPS)
    if unknown := [name for name in wanted if name not in STEPS]:
        sys.exit(f"unknown step {unknown[0]!r}; the steps are: {', '.join(STEPS)}")
    took: dict[str, tuple[float, int]] = {}
    for name in wanted:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = subprocess.run(STEPS[name], cwd=ROOT, check=False).returncode
        took[name] = (time.monotonic() - began, code)
    print("\n== summary")
    for name, (seconds, code) in took.items():
        print(f"{'ok' if code == 0 else 'FAILED':7}{name:12}{seconds:8.1f} s")
    sys.exit(any(code for _, code in took.values()))


if __name__ == "__main__":
    main()
