"""Cuts what was read from a document into slices that fit into one answer; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.document import Page

SLICE_COST: Final = 24_000
"""What a slice may cost: a letter of ASCII costs 1, any other `WIDE_COST`. That is about 6,000 tokens of English and below
10,000 tokens in any script, so that text and values of an answer together stay below 25,000."""
WIDE_COST: Final = 2.4
_EARLIEST = 0.3
"""A cut is not made before this share of the room is used, when there is a worse place after it."""
_CUTS: Final = (re.compile(r"\n[ \t\r]*\n"), re.compile(r"\n"), re.compile(r"[ \t\u3000]"))
"""Places to cut after, best first: a blank line, the end of a line, a space. Rows of tables are lines."""
_CURSOR = re.compile(r"([1-9]\d{0,6})(?::(\d{1,9}))?")


@dataclass(frozen=True)
class Cursor:
    """Where a slice begins: a page, and how many characters of it came before."""

    page: int = 1
    offset: int = 0

    def __str__(self) -> str:
        return f"{self.page}:{self.offset}" if self.offset else str(self.page)


@dataclass(frozen=True)
class Slice:
    """A part of a document that fits into one answer.

    Attributes:
        text: What the writer made of its pages.
        first: Number of the page that it begins in.
        last: Number of the page that it ends in.
        next: Where the next slice begins, `None` when nothing more was read.
    """

    text: str
    first: int
    last: int
    next: Cursor | None


def parse_cursor(text: str) -> Cursor:
    """Read where to go on, as an earlier answer said it; the beginning when it is empty.

    Raises:
        InvalidRequest: It is none.
    """
    if not text:
        return Cursor()
    if (match := _CURSOR.fullmatch(text.strip())) is None:
        raise InvalidRequest(f"next={text!r} is not understood; give the `next` of the answer before, unchanged")
    return Cursor(int(match[1]), int(match[2] or 0))


def cost_of(text: str) -> int:
    """Give what a text costs of a slice's room."""
    wide = sum(1 for sign in text if not sign.isascii())
    return int(len(text) + (WIDE_COST - 1) * wide)


def take_slice(
    pages: Sequence[Page], start: Cursor, write: Callable[[Page, str], str], *, room: int = SLICE_COST, share: float = 1.0
) -> Slice:
    """Take as many pages from a cursor on as fit into one answer.

    A page that is longer than the room is cut after a paragraph, else after a line, else after a word. Slices in order
    hold every word of the pages once.

    Args:
        pages: Pages that were read, in order.
        start: Where to begin.
        write: Makes of a page and a part of its Markdown what stands in the slice.
        room: What the slice may cost.
        share: The part of the room that Markdown may take when `write` makes more of it.
    """
    budget = room * share
    written: list[str] = []
    reached = [page for page in pages if page.number >= start.page] or [Page(start.page, "")]
    first = last = reached[0].number
    for page in reached:
        offset = start.offset if page.number == start.page else 0
        rest = page.markdown[offset:]
        cost = cost_of(rest)
        if cost > budget and not written:
            (part, *_) = cut(rest, max(int(len(rest) * budget / cost), 1))
            return Slice(write(page, part), first, page.number, Cursor(page.number, offset + len(part)))
        if cost > budget:
            return Slice("\n\n".join(written), first, last, Cursor(page.number))
        if rest.strip():
            written.append(write(page, rest))
        budget -= cost
        last = page.number
    return Slice("\n\n".join(written), first, last, None)


def cut(text: str, room: int) -> list[str]:
    """Cut a text into parts of at most `room` characters; joined they are the text again."""
    parts: list[str] = []
    start = 0
    while len(text) - start > room:
        end = _cut_place(text, start, start + room)
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


def _cut_place(text: str, start: int, end: int) -> int:
    earliest = start + int((end - start) * _EARLIEST)
    for pattern in _CUTS:
        places = [match.end() for match in pattern.finditer(text, earliest, end)]
        if places:
            return places[-1]
    return end
