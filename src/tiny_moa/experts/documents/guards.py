"""Refuses files that would cost their reader unbounded time or memory, before any parser sees them; pure.

The limits leave room for every honest document seen; what passes them and still runs away is killed at the deadline.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Final

from tiny_moa.errors import DocumentRefused

MAX_MEMBERS: Final = 10_000
MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024
MAX_PART_BYTES: Final = 128 * 1024 * 1024
"""docling's own default limits for an archive."""
MAX_XML_PART_BYTES: Final = 32 * 1024 * 1024
"""60 MB of XML in one part took docling 71 s and 1.1 GB when measured."""
MAX_SHEET_CELLS: Final = 1_000_000
"""Cells in the rectangle that the used cells of a sheet span; docling walks all of it, 2 million took 12 s when measured."""
MAX_NESTING: Final = 400
"""Depth of HTML elements; 20,000 nested elements never ended when measured, and recursion fails before 1,000."""
MAX_HTML_BYTES: Final = 10 * 1024 * 1024

_CELL = re.compile(rb"<(?:\w+:)?c\s[^<>]*?\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|<(/?)([A-Za-z][A-Za-z0-9:-]*+)([^<>]*+)>", re.DOTALL | re.IGNORECASE
)
_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"])
_AUTO_CLOSED = frozenset(["p", "li", "dt", "dd", "option", "tr", "td", "th", "thead", "tbody", "tfoot", "rp", "rt", "colgroup"])
"""Elements whose end tag may be left out; browsers close them when the next one begins."""


def check_archive(content: bytes, name: str) -> None:
    """Refuse a zip archive with too many or too large members.

    Sizes are those the archive declares; the converter checks again while it unpacks.

    Raises:
        DocumentRefused: It is no zip archive, is encrypted, or is over a limit.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as exc:
        raise DocumentRefused(
            f"{name!r} is damaged or not of the format its suffix says; open it in its program and save it again"
        ) from exc
    if len(members) > MAX_MEMBERS:
        raise DocumentRefused(f"{name!r} holds {len(members)} parts and the limit is {MAX_MEMBERS}")
    for member in members:
        limit = MAX_XML_PART_BYTES if member.filename.lower().endswith((".xml", ".rels")) else MAX_PART_BYTES
        if member.file_size > limit:
            raise DocumentRefused(
                f"{name!r} holds a part of {_mib(member.file_size)} unpacked and the limit is {_mib(limit)}; split the document"
            )
    if (total := sum(member.file_size for member in members)) > MAX_UNPACKED_BYTES:
        raise DocumentRefused(
            f"{name!r} has {_mib(total)} unpacked and the limit is {_mib(MAX_UNPACKED_BYTES)}; split the document"
        )


def check_sheets(content: bytes, name: str) -> None:
    """Refuse a workbook in which the cells of a sheet span too large a rectangle.

    A single cell in the last column and row makes a sheet of 17 thousand million cells, whatever the file's size.

    Raises:
        DocumentRefused: A sheet spans more than `MAX_SHEET_CELLS` cells, or cannot be unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheets = [member for member in archive.namelist() if re.search(r"worksheets/[^/]+\.xml$", member)]
            for sheet in sheets:
                with archive.open(sheet) as part:
                    rows, columns = sheet_extent(part.read(MAX_XML_PART_BYTES + 1))
                if rows * columns > MAX_SHEET_CELLS:
                    raise DocumentRefused(
                        f"{name!r} has a sheet whose cells span {rows} rows and {columns} columns and the limit is "
                        f"{MAX_SHEET_CELLS} cells; delete stray cells far from the table"
                    )
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError) as exc:
        raise DocumentRefused(f"{name!r} is damaged: a sheet cannot be unpacked") from exc


def sheet_extent(xml: bytes) -> tuple[int, int]:
    """Give the rows and columns of the rectangle that the cells of a sheet's XML span, (0, 0) for none."""
    rows: set[int] = set()
    columns: set[int] = set()
    for letters, digits in set(_CELL.findall(xml)):
        rows.add(int(digits))
        columns.add(_column_number(letters))
    if not rows:
        return 0, 0
    return max(rows) - min(rows) + 1, max(columns) - min(columns) + 1


def check_html(text: str, name: str) -> None:
    """Refuse HTML that is too large or nested too deeply.

    Raises:
        DocumentRefused: Over `MAX_HTML_BYTES`, or elements nested deeper than `MAX_NESTING`.
    """
    if len(text) > MAX_HTML_BYTES:
        raise DocumentRefused(
            f"{name!r} has {len(text)} characters of HTML and the limit is {MAX_HTML_BYTES}; split the document"
        )
    if (depth := html_depth(text)) > MAX_NESTING:
        raise DocumentRefused(f"{name!r} nests HTML elements {depth} deep and the limit is {MAX_NESTING}; simplify the page")


def html_depth(text: str) -> int:
    """Give how deep the elements of some HTML are nested, at most; scripts, styles and comments do not count."""
    deepest = 0
    stack: list[str] = []
    for match in _TAG.finditer(text):
        closing, tag, rest = match[2], (match[3] or "").lower(), match[4] or ""
        if not tag or tag in _VOID or rest.endswith("/"):
            continue
        if closing:
            _close(stack, tag)
            continue
        if stack and tag in _AUTO_CLOSED and stack[-1] == tag:
            stack.pop()
        stack.append(tag)
        deepest = max(deepest, len(stack))
    return deepest


def _close(stack: list[str], tag: str) -> None:
    """Leave the innermost open element of that name, with all that is open in it."""
    for index in range(len(stack) - 1, max(len(stack) - 50, 0) - 1, -1):
        if stack[index] == tag:
            del stack[index:]
            return


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 1048576:.0f} MiB"
