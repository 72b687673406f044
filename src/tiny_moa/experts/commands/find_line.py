"""Writes the `find` command for what was read of a request; pure. What a request says is read in `find`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tiny_moa.experts.commands.literals import Literal
from tiny_moa.experts.commands.quoting import quote, quote_path


@dataclass
class Reading:
    """What `find` has read of one request so far; not shared between calls.

    Attributes:
        text: What no rule has taken yet.
        literals: What the marks in the text stand for.
        starts: Where to look.
        names: Patterns of names; one with `!` in front must not match.
        tests: Further tests of `find`.
        actions: What to do with what is found.
        flags: Words for the rest, such as `nocase`.
        depth: The tests of depth.
        kind: What is looked for: `f`, `d`, `l`, `files`, `both` or empty.
    """

    text: str
    literals: Sequence[Literal]
    starts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    depth: str = ""
    kind: str = ""


def write_find(reading: Reading) -> str:
    """Write the command for all that was read."""
    action = _piped(_action(reading)) if "xargs" in reading.flags else _action(reading)
    name = "-iname" if "nocase" in reading.flags else "-name"
    positive = [f"{name} {quote(value)}" for value in _joined(reading) if not value.startswith("!")]
    negative = [f"! {name} {quote(value[1:])}" for value in dict.fromkeys(reading.names) if value.startswith("!")]
    names = positive if len(positive) < 2 else ["\\( " + " -o ".join(positive) + " \\)"]
    is_one = any(test.startswith(("-inum", "-samefile")) for test in reading.tests)
    is_file = (
        reading.kind == "f"
        or "filesonly" in reading.flags
        or (
            reading.kind == "files"
            and not is_one
            and ("-empty" in reading.tests or re.search(r"^(?:-delete|-exec (?!ls)|.*xargs)", action) is not None)
        )
    )
    kind = "-type f" if is_file else f"-type {reading.kind}" if reading.kind in ("d", "l") else ""
    head = ["find", "-L" if "follow" in reading.flags else "", *(map(quote_path, reading.starts) if reading.starts else ["."])]
    parts = [
        *head,
        reading.depth,
        "-xdev" if "xdev" in reading.flags else "",
        kind,
        *names,
        *negative,
        *dict.fromkeys(reading.tests),
    ]
    tail = " 2>/dev/null" if "quiet" in reading.flags else ""
    if action.startswith("|"):
        return " ".join(filter(None, parts)) + tail + " " + action
    return " ".join(filter(None, [*parts, action])) + tail


def _joined(reading: Reading) -> list[str]:
    """Give the patterns of names; a beginning and an ending that are asked for together are one pattern."""
    names = list(dict.fromkeys(reading.names))
    heads = [name for name in names if re.fullmatch(r"[^*!]+\*", name)]
    tails = [name for name in names if re.fullmatch(r"\*[^*]+", name)]
    between = "[0-9]*" if "digits" in reading.flags else "*"
    if len(heads) == len(tails) == 1 and "either" not in reading.flags:
        return [heads[0][:-1] + between + tails[0][1:], *(name for name in names if name not in (heads[0], tails[0]))]
    return [head[:-1] + between for head in heads] + [name for name in names if name not in heads]


def _action(reading: Reading) -> str:
    """Write the first action that was read; a text to look for goes with any other."""
    found = sorted(reading.actions, key=lambda action: action.startswith("grep"))
    action = found[0] if found else ""
    verb, _, rest = action.partition(" ")
    match verb:
        case "count":
            return "| wc -l"
        case "lines":
            return "-exec wc -l {} +"
        case "grep":
            return f"-exec grep {'-n ' * ('numbered' in reading.flags)}{rest} {{}} +"
        case "grepl":
            return f"-exec grep -l {rest} {{}} +"
        case "copy":
            return f"-exec cp {{}} {rest} \\;"
        case "move":
            return f"-exec mv {{}} {rest} \\;"
        case "tar":
            return f"-print0 | tar {'-czf' if 'gz' in rest else '-cf'} {rest} --null -T -"
        case "sizes":
            return "-exec ls -lS {} +"
        case "replace":
            return f"-exec sed -i {quote(_script(rest))} {{}} +"
        case "delete" if "ask" in reading.flags:
            return "-ok rm {} \\;"
        case "delete":
            return "-exec rm -r {} +" if reading.kind == "d" and "-empty" not in reading.tests else "-delete"
    return action


def _piped(action: str) -> str:
    """Write an action that `find` would do itself as a pipe into `xargs`."""
    if action == "-delete":
        return "-print0 | xargs -0 rm"
    return re.sub(r"^-exec (.*) \{\} \+$", r"-print0 | xargs -0 \1", action)


def _script(values: str) -> str:
    old, new = (
        re.sub(r"([/&\\])", r"\\\1", part.strip("'")) for part in re.split(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", values, maxsplit=1)
    )
    return f"s/{old}/{new}/g"
