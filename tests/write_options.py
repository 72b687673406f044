"""Rewrites the shipped option table from this machine's manual pages; what the table has besides stays.

.venv/bin/python tests/write_options.py
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tiny_moa.experts.commands.options_of import manual_options

FOLDER = Path(__file__).parents[1] / "src/tiny_moa/experts/commands"
HEAD = """# The options that utilities have: names with their dashes, read out of manual pages by tests/write_options.py;
# those of utilities without a page there were written by hand.
"""


def programs() -> set[str]:
    """Give every utility, and every subcommand with a page of its own, that the table of tasks names."""
    found = set()
    for file in FOLDER.glob("tasks_*.toml"):
        for task in tomllib.loads(file.read_text("utf-8"))["task"]:
            for part in re.split(r"\||&&|;|<\(", task["run"]):
                words = part.replace("sudo ", "").split()
                if words and re.fullmatch(r"[a-z][\w.-]*", words[0]):
                    found |= {words[0], " ".join(words[:2])} if words[0] == "git" else {words[0]}
    return found | {"find", "xargs", "egrep", "nohup", "tee", "id", "install", "strace"}


def main() -> None:
    """Rewrite the table."""
    file = FOLDER / "options.toml"
    table = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    for name in programs():
        if options := manual_options(name.replace(" ", "-")):
            real = {option for option in options if name == "find" or not re.fullmatch(r"-\d+\w*|-\w{8,}", option)}
            table[name] = " ".join(sorted(real | set(table.get(name, "").split())))
    rows = "".join(f'"{name}" = "{options}"\n' for name, options in sorted(table.items()))
    file.write_text(HEAD + rows, encoding="utf-8")


if __name__ == "__main__":
    main()
