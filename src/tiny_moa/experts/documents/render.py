"""Turns the Markdown of pages into HTML or plain text; what the document holds as HTML is shown, never passed on."""

from __future__ import annotations

import html
import re
from typing import Any, Final

_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)


def to_html(markdown: str) -> str:
    """Give Markdown as HTML; tags, scripts and unsafe links in it become text."""
    return str(_parser().render(_COMMENT.sub("", markdown)))


def code_to_html(text: str) -> str:
    """Give a plain text or a program as HTML."""
    return f"<pre>{html.escape(text)}</pre>\n"


def to_text(markdown: str) -> str:
    """Give Markdown as plain text: the words without marks, a line a table row with tabs between its cells."""
    lines: list[str] = []
    row: list[str] | None = None
    for token in _parser().parse(_COMMENT.sub("", markdown)):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close":
            lines.append("\t".join(row or []))
            row = None
        elif token.type == "inline":
            words = _words(token)
            (lines if row is None else row).append(words)
        elif token.type in ("fence", "code_block", "html_block"):
            lines.append(token.content.rstrip("\n"))
        elif token.type in ("paragraph_close", "heading_close", "table_close", "bullet_list_close") and lines and lines[-1]:
            is_inner = token.level > 0 or token.hidden
            lines += [] if is_inner else [""]
    return "\n".join(lines).strip("\n")


def _words(token: Any) -> str:
    parts = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n" if child.type == "hardbreak" else " ")
        else:
            parts.append(child.content)
    return "".join(parts)


def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")
