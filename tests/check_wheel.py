"""Build the wheel and look into it: what it must hold, what it must not, and that it starts from an empty folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = ("tiny_moa/catalog.toml", "tiny_moa/py.typed", "tiny_moa/prompts/brain/plan.md", "tiny_moa/prompts/experts/coder.md")
UNWANTED = ("tests/", "benchmarks/", ".gguf")


def main() -> None:
    """Exit with a sentence when something is wrong with the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["uv", "build", "--wheel", "--quiet", "--out-dir", folder], cwd=ROOT, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            archive.extractall(Path(folder) / "site")
        missing = [name for name in NEEDED if name not in names]
        stray = [name for name in names if any(part in name for part in UNWANTED)]
        if missing or stray:
            sys.exit(f"the wheel lacks {missing} and should not hold {stray}")
        print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1024:.0f} KiB")
        _start(Path(folder) / "site")


def _start(site: Path) -> None:
    """Import the unpacked wheel, not the checkout, and have it find its own templates and catalogue."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tiny_moa; "
        "assert tiny_moa.__file__.startswith(sys.argv[1]), tiny_moa.__file__; "
        "from tiny_moa import build_team, load_settings; "
        "print('team of', len(build_team(load_settings({})).catalog.experts))"
    )
    subprocess.run([sys.executable, "-I", "-c", program, str(site)], cwd=site, check=True)


if __name__ == "__main__":
    main()
