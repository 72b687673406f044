"""Reduces commands to their template: the programs in order with their sets of options, for comparing without values."""

from __future__ import annotations

import re

from tiny_moa.experts.commands.syntax import parse_command


def template(command: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Give the programs of a command with their options; values, order and `sudo` do not matter."""
    line = parse_command(re.sub(r"\bsudo ", "", command))
    return tuple((simple.program, frozenset(_options(simple.program, simple.words[1:]))) for simple in line.commands)


def _options(program: str, words: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for word in words:
        if program == "find" or word.startswith("--"):
            found |= {word.partition("=")[0]} if re.match(r"--?[a-z]", word) else set()
        elif re.fullmatch(r"-\d+", word):
            found.add("-n" if program in ("head", "tail") else word)
        elif match := re.match(r"-([A-Za-z]+)", word):
            letters = (
                match[1][:1] if program in ("cut", "head", "tail", "sort") and len(word) > 2 and word[2:3].isdigit() else match[1]
            )
            found |= {f"-{letter}" for letter in letters}
    return found
