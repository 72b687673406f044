"""What can be addressed in a document besides its pages: headings and tables, found in its Markdown; pure."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.document import Document, Page

MAX_CAPTION_CHARACTERS: Final = 200
_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*")
_RULE = re.compile(r"[ \t]*\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*")
_CELL = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?:https?|ftp|mailto|tel):(?:[^()\s]|\([^()\s]*\))*\)", re.I)
_NUMBER = re.compile(r"([1-9]\d{0,5})(?:\.([1-9]\d{0,3}))?")


@dataclass(frozen=True)
class Heading:
    """A heading: its level from 1 on, its text, and the page it is on."""

    level: int
    text: str
    page: int


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        page: The page it is on.
        place: Which table of that page, from 1 on.
        rows: Its rows, the head first, all of the same length.
        caption: The heading or line before it, empty when there is none.
    """

    page: int
    place: int
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    @property
    def name(self) -> str:
        """How it is addressed: its page and its place on it."""
        return f"{self.page}.{self.place}"

    def csv(self) -> str:
        """Give it as CSV, one line a row."""
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows(self.rows)
        return written.getvalue()

    def records(self) -> list[dict[str, str]]:
        """Give each row below the head as an object; columns without a name, or with one twice, are numbered."""
        names: list[str] = []
        for number, head in enumerate(self.rows[0], 1):
            names.append(head if head and head not in names else f"{head or 'column'} {number}")
        return [dict(zip(names, row, strict=True)) for row in self.rows[1:]]


def outline_of(pages: Iterable[Page]) -> tuple[Heading, ...]:
    """Find the headings of some pages, in order."""
    found = []
    for page in pages:
        for line in _lines_outside_code(page.markdown):
            if match := _HEADING.fullmatch(line):
                found.append(Heading(len(match[1]), unlinked(match[2]).strip("* "), page.number))
    return tuple(found)


def tables_of(pages: Iterable[Page]) -> tuple[Table, ...]:
    """Find the tables of some pages, in order."""
    return tuple(table for page in pages for table in _tables_on(page))


def find_table(document: Document, number: str) -> Table:
    """Find a table by its number in the document, such as `2`, or by page and place, such as `5.1`.

    Raises:
        InvalidRequest: There is none of that number.
    """
    tables = tables_of(document.pages)
    match = _NUMBER.fullmatch(number)
    if match and match[2]:
        for table in tables:
            if table.name == number:
                return table
    elif match and int(match[1]) <= len(tables):
        return tables[int(match[1]) - 1]
    known = ", ".join(table.name for table in tables[:20]) or "none"
    raise InvalidRequest(f"{document.ref.name!r} has no table {number!r}; by page and place its tables are: {known}")


def outline_markdown(headings: Sequence[Heading | Mapping[str, Any]]) -> str:
    """Write an outline as a list with page numbers."""
    values = [vars(heading) if isinstance(heading, Heading) else heading for heading in headings]
    top = min((value["level"] for value in values), default=1)
    return "\n".join(f"{'  ' * (value['level'] - top)}- {value['text']} (page {value['page']})" for value in values)


def _lines_outside_code(markdown: str) -> Iterator[str]:
    fence = ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif not fence:
            yield line.rstrip("\r")


def _tables_on(page: Page) -> Iterator[Table]:
    rows: list[str] = []
    before = caption = ""
    place = 0
    for line in [*_lines_outside_code(page.markdown), ""]:
        if _ROW.fullmatch(line):
            caption = caption if rows else before
            rows.append(line)
            continue
        if len(rows) > 1 and _RULE.fullmatch(rows[1]):
            place += 1
            yield Table(page.number, place, _cells(rows), caption)
        rows = []
        if line.strip():
            before = line.strip().strip("#* ")[:MAX_CAPTION_CHARACTERS]


def _cells(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    rows = [[_plain(cell) for cell in _CELL.split(line.strip()[1:-1])] for line in (lines[0], *lines[2:])]
    width = max(len(row) for row in rows)
    return tuple(tuple(row + [""] * (width - len(row))) for row in rows)


def unlinked(text: str) -> str:
    """Give the words of Markdown's links alone."""
    return _LINK.sub(r"\1", text)


def _plain(cell: str) -> str:
    return html.unescape(unlinked(cell).strip().replace("\\|", "|").replace("<br>", "\n"))
