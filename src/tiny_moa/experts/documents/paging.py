"""Cuts what was read from a document into slices that fit into one answer; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.document import Document, Page

DEFAULT_SLICE_CHARACTERS: Final = 24_000
"""About 6,000 tokens of English, and below 20,000 tokens in any script."""
MIN_SLICE_CHARACTERS: Final = 200
_MARK_CHARACTERS = 24
"""Room for the comment that names a page."""
_EARLIEST = 0.3
"""A cut is not made before this share of the room is used, when there is a worse place after it."""
_CUTS: Final = (re.compile(r"\n[ \t\r]*\n"), re.compile(r"\n"), re.compile(r"[ \t\u3000]"))
"""Places to cut after, best first: a blank line, the end of a line, a space. Rows of tables are lines."""


@dataclass(frozen=True)
class Slice:
    """A part of a document that fits into one answer.

    Attributes:
        text: Markdown. In a document of several pages a comment such as `<!-- page 3 -->` stands before each page.
        page: Which slice this is, from 1 on.
        pages: How many slices there are; 1 or more.
        next_page: The number of the next slice, `None` for the last.
        first: Number of the document's page that this slice begins in.
        last: Number of the document's page that it ends in.
    """

    text: str
    page: int
    pages: int
    next_page: int | None
    first: int
    last: int


@dataclass(frozen=True)
class _Piece:
    number: int
    text: str


def paginate(document: Document, *, page: int = 1, max_chars: int = DEFAULT_SLICE_CHARACTERS) -> Slice:
    """Give one slice of a document.

    As many whole pages as fit go into a slice. A page that is longer is cut after a paragraph, else after a line,
    else after a word. Slices in order hold every word of the document once.

    Args:
        document: What was read.
        page: Which slice, from 1 on.
        max_chars: Most characters of a slice.

    Raises:
        InvalidRequest: There is no such slice, or `max_chars` is below `MIN_SLICE_CHARACTERS`.
    """
    if max_chars < MIN_SLICE_CHARACTERS:
        raise InvalidRequest(f"max_chars is {max_chars} and must be {MIN_SLICE_CHARACTERS} or more")
    slices = _pack(_pieces(document.pages, max_chars), max_chars)
    if not 1 <= page <= len(slices):
        raise InvalidRequest(f"page {page} was asked for and {document.ref.name!r} has pages 1 to {len(slices)}")
    held = slices[page - 1]
    following = page + 1 if page < len(slices) else None
    text = "\n\n".join(piece.text for piece in held)
    return Slice(text, page, len(slices), following, held[0].number, held[-1].number)


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


def _pieces(pages: Sequence[Page], max_chars: int) -> list[_Piece]:
    """Give pages, long ones in parts; several pages each begin with a comment that names them."""
    is_marked = len(pages) > 1
    room = max_chars - (_MARK_CHARACTERS if is_marked else 0)
    pieces: list[_Piece] = []
    for page in pages:
        if not page.markdown.strip():
            continue
        mark = f"<!-- page {page.number} -->\n\n" if is_marked else ""
        for index, part in enumerate(cut(page.markdown.strip("\n"), room)):
            pieces.append(_Piece(page.number, part if index else mark + part))
    return pieces or [_Piece(1, "")]


def _pack(pieces: Sequence[_Piece], max_chars: int) -> list[list[_Piece]]:
    """Put neighbouring pieces together as long as they fit."""
    slices: list[list[_Piece]] = []
    used = 0
    for piece in pieces:
        size = len(piece.text) + 2
        if slices and used + size <= max_chars + 2:
            slices[-1].append(piece)
            used += size
        else:
            slices.append([piece])
            used = size
    return slices
