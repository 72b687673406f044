"""Write the exact version of every package, direct or not, into pyproject.toml: run it after a dependency changed.

    uv lock --upgrade && uv run --extra local --group dev python tests/write_pins.py

The lock file itself stays out of the repository, because it holds the addresses of registries.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
EXPORT = [
    "uv",
    "export",
    "--all-extras",
    "--all-groups",
    "--no-hashes",
    "--no-emit-project",
    "--no-annotate",
    "--no-header",
    "--quiet",
]
_BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


def constraints(exported: str) -> list[str]:
    """Turn an export into constraints; a marker stays only where two versions of one package need it."""
    lines = [line.strip() for line in exported.splitlines() if "==" in line]
    names = [line.split("==")[0] for line in lines]
    return [line if names.count(name) > 1 else line.split(" ;")[0] for name, line in zip(names, lines, strict=True)]


def main() -> None:
    """Replace the block of constraints."""
    exported = subprocess.run(EXPORT, cwd=PROJECT.parent, check=True, capture_output=True, text=True).stdout
    block = "constraint-dependencies = [\n" + "".join(f'    "{line}",\n' for line in constraints(exported)) + "]\n"
    text = PROJECT.read_text("utf-8")
    PROJECT.write_text(_BLOCK.sub(lambda _: block, text), encoding="utf-8")


if __name__ == "__main__":
    main()
