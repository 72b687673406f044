"""Looks a command over before anyone runs it: syntax, options, dangers, and the gravest thing it can do. Pure."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tiny_moa.experts.checks import Check
from tiny_moa.experts.commands.options_of import unknown_options
from tiny_moa.experts.commands.syntax import CommandLine, SimpleCommand, parse_command

PROGRAMS = Path(__file__).with_name("programs.toml")
Risk = Literal["reads", "unknown", "writes", "network", "deletes", "privileged"]
RISKS: tuple[Risk, ...] = ("reads", "unknown", "writes", "network", "deletes", "privileged")
"""From the least to the gravest."""

_ROOTS = re.compile(
    r"/|/\*|/\.|~|~/|~/\*|\$HOME|\$\{HOME\}|\$HOME/\*|/(?:bin|boot|dev|etc|home|lib|lib64|opt|proc|root|sbin|sys|usr|var)/?\*?|\*|\.\*|\.\.?/?"
)
_DEVICES = re.compile(r"/dev/(?:sd[a-z]\d*|hd[a-z]\d*|vd[a-z]\d*|nvme\w+|mmcblk\w+|mem|kmem|disk/.*)")
_SHELLS = frozenset(["sh", "bash", "zsh", "dash", "ksh", "python", "python3", "perl", "ruby", "node"])
_SYSTEM_FILES = re.compile(r"/(?:etc/(?:passwd|shadow|sudoers|fstab|group)|boot/.*)")


@dataclass(frozen=True)
class Programs:
    """What is known of programs: the risk of each, and which ones run the command that follows."""

    risks: Mapping[str, Risk]
    inner: frozenset[str]


@dataclass(frozen=True)
class Review:
    """What was found in a command.

    Attributes:
        line: The command, parsed.
        risk: The gravest thing it can do.
        risks: Everything it can do, the gravest first.
        checks: Syntax, options and dangers, in this order.
    """

    line: CommandLine
    risk: Risk
    risks: tuple[Risk, ...]
    checks: tuple[Check, ...]

    @property
    def is_clean(self) -> bool:
        """True when every check passed."""
        return all(check.passed for check in self.checks)


def load_programs(file: Path = PROGRAMS) -> Programs:
    """Read what programs do; a later, graver list wins for programs named in two."""
    table = tomllib.loads(file.read_text("utf-8"))
    risks: dict[str, Risk] = {}
    for risk in RISKS:
        risks.update((key.strip(), risk) for key in shlex.split(table.get(risk, "")))
    return Programs(risks, frozenset(table["inner"].split()))


def review_command(text: str, programs: Programs, options: Callable[[str, str], frozenset[str]]) -> Review:
    """Look over a command.

    Args:
        text: The command line.
        programs: What programs do.
        options: Gives the options of a program and subcommand; empty when nothing is known of them.
    """
    line = parse_command(text)
    commands = [inner for command in line.commands for inner in unwrap(command, programs)]
    found = {_risk(command, programs) for command in commands} or {"unknown"}
    risks: tuple[Risk, ...] = tuple(sorted(found, key=RISKS.index, reverse=True))
    syntax = Check("syntax", "bash grammar", not line.fault, line.fault)
    checks = (syntax, _check_options(commands, options), *_dangers(line, commands))
    return Review(line, risks[0], risks, checks)


def unwrap(command: SimpleCommand, programs: Programs) -> tuple[SimpleCommand, ...]:
    """Give a command and the commands that it is told to run: after `sudo` or `xargs`, in `find -exec`, in `sh -c`."""
    found = [command]
    words = command.words
    if command.program in programs.inner:
        rest = _after_options(words)
        if rest:
            found.extend(unwrap(SimpleCommand(rest, command.targets, (), command.is_substituted, command.feeds), programs))
    if command.program == "find":
        for index, word in enumerate(words):
            if word in ("-exec", "-execdir", "-ok", "-okdir"):
                end = next((i for i in range(index, len(words)) if words[i] in (";", "+", "\\;")), len(words))
                found.extend(unwrap(SimpleCommand(words[index + 1 : end]), programs) if words[index + 1 : end] else ())
    if command.program in _SHELLS | {"eval", "su", "ssh", "watch"}:
        for word in words[1:]:
            if " " in word:
                found.extend(inner for part in parse_command(word).commands for inner in unwrap(part, programs))
    return tuple(found)


def _after_options(words: Sequence[str]) -> tuple[str, ...]:
    """Skip the options of a wrapper, with the values of those that take one, and its assignments and durations."""
    index = 1
    while index < len(words):
        word = words[index]
        if re.fullmatch(r"-[nILPdsuUgpCk]|--signal|--user", word):
            index += 2
        elif word.startswith("-") or re.match(r"[A-Za-z_]\w*=|\d+[smhd]?$", word):
            index += 1
        else:
            break
    return tuple(words[index:])


def _risk(command: SimpleCommand, programs: Programs) -> Risk:
    """Give the gravest thing one program can do: by its name or subcommand, its options and what it writes to."""
    risks = programs.risks
    program = command.program
    subcommand = next((word for word in command.words[1:] if not word.startswith("-")), "")
    pair = f"{program} {subcommand}"
    found: list[Risk] = [risks.get(pair) or risks.get(program, "unknown")]
    for word in command.words[1:]:
        for key in (f"{program} {word.partition('=')[0]}", f"{program} {word[:2]}" if re.match(r"-[a-z]\S", word) else ""):
            if key in risks and key != pair and risks[key] != "reads":
                found.append(risks[key])
    first = f"{program} {command.words[1]}" if len(command.words) > 1 else ""
    if risks.get(first) == "reads":
        found[0] = "reads"
    if any(target not in ("/dev/null", "/dev/stdout", "/dev/stderr", "-") for target in command.targets):
        found.append("writes")
    return max(found, key=RISKS.index)


def _check_options(commands: Sequence[SimpleCommand], options: Callable[[str, str], frozenset[str]]) -> Check:
    unknown: list[str] = []
    looked: list[str] = []
    for command in commands:
        subcommand = next((word for word in command.words[1:] if not word.startswith("-")), "")
        known = options(command.program, subcommand)
        if known:
            looked.append(command.program)
            unknown.extend(f"{command.program} {option}" for option in unknown_options(_own_words(command), known))
    detail = (
        f"unknown: {', '.join(unknown)}" if unknown else ", ".join(dict.fromkeys(looked)) or "nothing known of these programs"
    )
    return Check("options", "option tables and manual pages", not unknown, detail)


def _own_words(command: SimpleCommand) -> tuple[str, ...]:
    """Cut off what belongs to a command that this one runs, so that each option is asked of its own program."""
    if command.program == "find":
        kept, skip = [], False
        for word in command.words:
            skip = (skip or word in ("-exec", "-execdir", "-ok", "-okdir")) and word not in (";", "+")
            kept += [] if skip and not word.startswith("-exec") else [word]
        return tuple(word for word in kept if not re.fullmatch(r"-\d+\w?|-[rwxugo=,+-]*=\w+|-\d+", word))
    rest = (
        _after_options(command.words)
        if command.program in ("sudo", "xargs", "nohup", "nice", "time", "timeout", "watch", "env", "ssh")
        else ()
    )
    return command.words[: len(command.words) - len(rest)] if rest else command.words


def _dangers(line: CommandLine, commands: Sequence[SimpleCommand]) -> tuple[Check, ...]:
    found = ["a function that calls itself without end (fork bomb)"] if line.calls_itself else []
    for command in commands:
        found.extend(_dangers_of(command))
    how = "known dangers"
    return tuple(Check("danger", how, False, text) for text in dict.fromkeys(found)) or (
        Check("danger", how, True, "none found"),
    )


def _dangers_of(command: SimpleCommand) -> list[str]:
    program, words = command.program, command.words[1:]
    flags = "".join(word[1:] for word in words if re.match(r"-[A-Za-z]", word)) + " ".join(
        word for word in words if word.startswith("--")
    )
    places = [word for word in words if _ROOTS.fullmatch(word)]
    is_deep = "r" in flags.lower() or "recursive" in flags
    found = []
    if program == "rm" and is_deep and places:
        found.append(f"deletes everything under {places[0]!r}")
    if program in ("chmod", "chown", "chgrp") and is_deep and [place for place in places if place not in (".", "./", "*")]:
        found.append(f"changes the rights of everything under {places[0]!r}")
    if program in ("curl", "wget") and (command.feeds in _SHELLS or command.feeds == "sudo"):
        found.append(f"runs what {program} downloads unseen")
    if program == "dd" and any(_DEVICES.fullmatch(word[3:]) for word in words if word.startswith("of=")):
        found.append("overwrites a device")
    if program.startswith("mkfs") or program == "wipefs":
        found.append("erases a whole file system")
    if any(_DEVICES.fullmatch(target) for target in (*command.targets, *(words if program in ("tee", "shred") else ()))):
        found.append("writes to a device")
    if any(_SYSTEM_FILES.fullmatch(target) for target in command.targets):
        found.append(f"overwrites {command.targets[0]!r}")
    if command.is_substituted and program in ("rm", "rmdir", "shred", "unlink", "dd", "mkfs", "mv", "truncate"):
        found.append(f"runs {program!r} inside a substitution")
    return found
