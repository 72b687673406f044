"""Parses shell commands with tree-sitter; the only importer of it for the shell. Nothing is ever run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_WORDS = frozenset(
    """
    word string raw_string ansi_c_string concatenation number simple_expansion expansion command_substitution regex test_operator
    process_substitution arithmetic_expansion brace_expression translated_string extglob_pattern
    """.split()  # noqa: SIM905 - as a list it fills the screen
)


@dataclass(frozen=True)
class SimpleCommand:
    """One program with its arguments, wherever it stands in a command line.

    Attributes:
        words: The program and its arguments, unquoted where they are constant.
        targets: Where redirections write to.
        reads: Where redirections read from.
        is_substituted: Whether its output becomes a part of another command.
        feeds: The program that reads its output in the same pipeline; empty when none does.
    """

    words: tuple[str, ...]
    targets: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    is_substituted: bool = False
    feeds: str = ""

    @property
    def program(self) -> str:
        """The name of the program without its folder."""
        return self.words[0].rsplit("/", 1)[-1] if self.words else ""


@dataclass(frozen=True)
class CommandLine:
    """A parsed command line.

    Attributes:
        commands: Every simple command in it, the inner ones too, in the order of the text.
        fault: What is wrong with its syntax; empty when nothing is.
        is_simple: Whether it is one program with constant arguments and nothing else, so that `argv` says all.
        calls_itself: Whether it defines a function that calls itself in the background, as a fork bomb does.
    """

    commands: tuple[SimpleCommand, ...]
    fault: str = ""
    is_simple: bool = False
    calls_itself: bool = False


@dataclass
class _Walk:
    source: bytes
    commands: list[SimpleCommand] = field(default_factory=list)
    calls_itself: bool = False


def parse_command(text: str) -> CommandLine:
    """Parse a command line with bash's grammar."""
    if not text.strip():
        return CommandLine((), "the command is empty")
    try:
        import tree_sitter
        import tree_sitter_bash
    except ImportError:
        return _split_plainly(text)
    source = text.encode()
    root = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language())).parse(source).root_node
    walk = _Walk(source)
    _visit(root, walk, substituted=False)
    fault = _fault(root, source) if root.has_error else _unbalanced(text)
    top = root.named_children
    alone = len(top) == 1 and top[0].type == "command" and len(walk.commands) == 1 and not fault
    return CommandLine(tuple(walk.commands), fault, alone and _is_constant(top[0]) and text.count("&") == 0, walk.calls_itself)


def _split_plainly(text: str) -> CommandLine:
    """Split a command at its operators, for when the parser is not installed: good enough to see its risk."""
    parts = (part.split() for part in re.split(r"[|&;()`\n]+|\$\(", text))
    commands = tuple(SimpleCommand(tuple(word.strip("'\"") for word in words)) for words in parts if words)
    return CommandLine(
        commands, _unbalanced(text) or "not parsed: tree-sitter is not installed; `pip install tiny-moa[experts]` has it"
    )


def _is_constant(node: Any) -> bool:
    changing = {
        "simple_expansion",
        "expansion",
        "command_substitution",
        "process_substitution",
        "variable_assignment",
        "arithmetic_expansion",
    }
    return node.type not in changing and all(_is_constant(child) for child in node.named_children)


def _unbalanced(text: str) -> str:
    try:
        shlex.split(text.replace("<<<", " "), comments=False)
    except ValueError as exc:
        return str(exc).lower()
    return ""


def _fault(root: Any, source: bytes) -> str:
    for node in _all(root):
        if node.is_missing:
            return f"{node.type!r} is missing at character {_position(source, node.start_byte)}"
        if node.type == "ERROR":
            found = source[node.start_byte : node.end_byte].decode(errors="replace")[:30]
            return f"cannot be parsed at character {_position(source, node.start_byte)}: {found!r}"
    return "cannot be parsed"


def _position(source: bytes, offset: int) -> int:
    return len(source[:offset].decode(errors="replace")) + 1


def _all(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children:
        yield from _all(child)


def _visit(
    node: Any, walk: _Walk, *, substituted: bool, targets: tuple[str, ...] = (), reads: tuple[str, ...] = (), feeds: str = ""
) -> None:
    match node.type:
        case "declaration_command" | "unset_command":
            words = _text(node, walk).split()
            walk.commands.append(SimpleCommand(tuple(words), targets, reads, substituted, feeds))
        case "command":
            _take_command(node, walk, substituted=substituted, targets=targets, reads=reads, feeds=feeds)
            return
        case "redirected_statement":
            out, into = _redirections(node, walk)
            for child in node.named_children:
                _visit(child, walk, substituted=substituted, targets=(*targets, *out), reads=(*reads, *into), feeds=feeds)
            return
        case "pipeline":
            stages = node.named_children
            for stage, following in zip(stages, [*stages[1:], None], strict=True):
                _visit(
                    stage, walk, substituted=substituted, targets=targets, reads=reads, feeds=_program(following, walk) or feeds
                )
            return
        case "function_definition":
            name = _text(node.child_by_field_name("name"), walk)
            walk.calls_itself |= any(child.type == "command_name" and _text(child, walk) == name for child in _all(node))
        case "command_substitution" | "process_substitution":
            substituted = True
    for child in node.named_children:
        _visit(child, walk, substituted=substituted, targets=targets, reads=reads, feeds=feeds)


def _program(node: Any, walk: _Walk) -> str:
    if node is None:
        return ""
    names = [child for child in _all(node) if child.type == "command_name"]
    return _text(names[0], walk).rsplit("/", 1)[-1] if names else ""


def _take_command(
    node: Any, walk: _Walk, *, substituted: bool, targets: tuple[str, ...], reads: tuple[str, ...], feeds: str
) -> None:
    words = [_word(child, walk) for child in node.children if child.type == "command_name" or child.type in _WORDS]
    out, into = _redirections(node, walk)
    walk.commands.append(SimpleCommand(tuple(words), (*targets, *out), (*reads, *into), substituted, feeds))
    for child in node.named_children:
        _visit(child, walk, substituted=substituted)


def _redirections(node: Any, walk: _Walk) -> tuple[tuple[str, ...], tuple[str, ...]]:
    out: list[str] = []
    into: list[str] = []
    for child in node.children:
        if child.type == "file_redirect":
            target = child.child_by_field_name("destination")
            signs = "".join(_text(part, walk) for part in child.children if not part.is_named)
            (out if ">" in signs else into).append(_word(target, walk) if target is not None else "")
    return tuple(word for word in out if not word.isdigit()), tuple(into)


def _text(node: Any, walk: _Walk) -> str:
    return walk.source[node.start_byte : node.end_byte].decode(errors="replace") if node is not None else ""


def _word(node: Any, walk: _Walk) -> str:
    text = _text(node, walk)
    try:
        parts = shlex.split(text, comments=False)
    except ValueError:
        return text
    return parts[0] if len(parts) == 1 else text
