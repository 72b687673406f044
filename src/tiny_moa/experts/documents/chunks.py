"""Cuts the pages of a document into passages along its structure: sections, paragraphs, whole table rows; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tiny_moa.experts.documents.document import Page
from tiny_moa.experts.documents.paging import cut

CHUNK_CHARACTERS: Final = 900
"""Most characters of a passage: a few of them fit into a small model's context, and one is read at a glance."""
_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Chunk:
    """A passage of a document.

    Attributes:
        text: Its Markdown, with the head of its table in every part of a table.
        page: The page it is on.
        section: The headings over it, the outermost first.
    """

    text: str
    page: int
    section: tuple[str, ...] = ()


def chunk_pages(pages: Iterable[Page], *, max_characters: int = CHUNK_CHARACTERS) -> tuple[Chunk, ...]:
    """Cut pages into passages, in order.

    A passage lies on one page and in one section. Paragraphs and list items stay whole when they fit, and so do the rows
    of tables always; the rows after a cut begin with the table's head again.
    """
    chunks: list[Chunk] = []
    stack: list[tuple[int, str]] = []
    for page in pages:
        held: list[str] = []

        def flush(page: Page = page, held: list[str] = held) -> None:
            if held:
                chunks.append(Chunk("\n\n".join(held), page.number, tuple(text for _, text in stack)))
                held.clear()

        for block in _blocks(_COMMENT.sub("", page.markdown)):
            if heading := _HEADING.fullmatch(block):
                flush()
                level = len(heading[1])
                stack[:] = [*(entry for entry in stack if entry[0] < level), (level, heading[2].strip("* "))]
                continue
            for part in _parts(block, max_characters):
                if held and sum(map(len, held)) + len(part) > max_characters:
                    flush()
                held.append(part)
        flush()
    return tuple(chunks)


def _blocks(markdown: str) -> Iterator[str]:
    """Give what blank lines part, code in fences whole, and each heading by itself."""
    lines: list[str] = []
    fence = ""
    for line in [*markdown.split("\n"), ""]:
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        is_heading = not fence and _HEADING.fullmatch(line.rstrip()) is not None
        if lines and not fence and not mark and (not line.strip() or is_heading):
            yield "\n".join(lines)
            lines = []
        if is_heading:
            yield line.rstrip()
        elif line.strip() or fence:
            lines.append(line.rstrip())
    if lines:
        yield "\n".join(lines)


def _parts(block: str, room: int) -> Iterator[str]:
    """Give a block in parts that fit; a table between its rows, with its head before each part."""
    lines = block.split("\n")
    if len(lines) > 2 and all(line.lstrip().startswith("|") for line in lines):
        head = "\n".join(lines[:2])
        rows: list[str] = []
        for line in lines[2:]:
            if rows and len(head) + sum(len(row) + 1 for row in rows) + len(line) > room:
                yield "\n".join((head, *rows))
                rows = []
            rows.append(line)
        yield "\n".join((head, *rows))
    else:
        yield from (part.strip("\n") for part in cut(block, room) if part.strip())
