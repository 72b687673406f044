"""Parses languages other than Python with tree-sitter, whose grammars are loaded when they are needed; runs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tiny_moa.experts.checks import Check

_GRAMMARS = {
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "jsx": ("tree_sitter_javascript", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
}
_ALIASES = {
    "c++": "cpp", "golang": "go", "js": "javascript", "node": "javascript", "nodejs": "javascript", "py": "python",
    "python3": "python", "rs": "rust", "sh": "bash", "shell": "bash", "ts": "typescript", "zsh": "bash",
}  # fmt: skip


def canonical(language: str) -> str:
    """Give the name a language goes by here, such as `javascript` for `JS`."""
    name = language.lower()
    return _ALIASES.get(name, name)


def check_syntax(code: str, language: str) -> Check | None:
    """Parse code of a language other than Python.

    Returns:
        The check, or `None` when there is no grammar for the language here.
    """
    if language not in _GRAMMARS:
        return None
    module, function = _GRAMMARS[language]
    try:
        from tree_sitter import Language, Parser

        grammar = Language(getattr(import_module(module), function)())
    except ImportError:
        return None
    root = Parser(grammar).parse(code.encode("utf-8", "replace")).root_node
    how = f"tree-sitter {language} grammar"
    if not root.has_error:
        return Check("syntax", how, True)
    row, word = _first_error(root)
    return Check("syntax", how, False, f"line {row + 1}: {word}")


def _first_error(root: Any) -> tuple[int, str]:
    """Give the row of the first error and what is wrong, walking without recursion: the tree is as deep as the code."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_missing:
            return node.start_point[0], f"missing {node.type!r}"
        if node.is_error:
            return node.start_point[0], "invalid syntax"
        stack.extend(reversed([child for child in node.children if child.has_error or child.is_missing]))
    return 0, "invalid syntax"
