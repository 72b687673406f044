"""Finds what stands at the edges of every page: running headers, footers and page numbers; pure, builds on `layout`."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from tiny_moa.experts.documents.layout import Run, group_rows

_EDGE: Final = 0.09
"""Headers and footers stand in this share of the page's height."""
_WIDE_EDGE: Final = 0.16
"""They may stand in this one when nothing is further out, as in books and papers with large margins."""
_STANDS_OFF: Final = 1.2
"""Then the next line is at least this many line heights away; the rows of a table are closer."""
_SAME_PLACE: Final = 2.0
"""And they stand at the same height of both pages, within this many points."""
_SMALLER: Final = 0.95
"""What stands on one page alone is a header where it is smaller than this share of the text, and the page has a number."""
_PAGE_NUMBER = re.compile(
    r"(?:page|p\.|seite)?\s*\d{1,4}\s*(?:(?:of|/|von)\s*\d{1,4})?|[-–—]\s*\d{1,4}\s*[-–—]|\d{1,4}\s*쪽", re.I
)
_Key = tuple[bool, str]
_Sighting = tuple[int, float, tuple[int, ...]]
"""On which page, at which height of it, and with which numbers."""


def find_furniture(pages: Sequence[Sequence[Run]], heights: Sequence[float]) -> list[set[int]]:
    """Find running headers and footers.

    A line is furniture when it stands in the upper or lower 9 % of its page and another page has the same there,
    with the same numbers or such as grow with the pages, or when it is the number of the page. A number beside
    something that is none is a cell of a table. Further in, only the outermost line of a page is furniture, when it
    stands off and another page has it at the same height, or it is a number at the bottom. Beside a page's number or at
    the top of its page a small line that stands off is furniture though no other page has it.

    Args:
        pages: The lines of each page.
        heights: The height of each page.

    Returns:
        For each page the positions of such lines in its sequence.
    """
    seen: dict[_Key, set[_Sighting]] = defaultdict(set)
    outer = [_outermost(lines, height) for lines, height in zip(pages, heights, strict=True)]
    for number, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        for line in lines:
            if key := _edge_key(line, height, _WIDE_EDGE):
                seen[key].add((number, line.middle, _numbers(line)))
    found = []
    for number, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        edge = {
            index
            for index, line in enumerate(lines)
            if (key := _edge_key(line, height, _EDGE))
            and (_is_page_number(line) or _is_running((number, None, _numbers(line)), seen[key]))
        }
        edge |= {
            index
            for index in outer[number]
            if (key := _edge_key(lines[index], height, _WIDE_EDGE))
            and (
                _is_running((number, lines[index].middle, _numbers(lines[index])), seen[key])
                or (not key[0] and _is_page_number(lines[index]))
            )
        }
        edge = {index for index in edge if not _is_cell(index, lines, edge)}
        found.append(edge | _beside_number(lines, edge, outer[number], height))
    return found


def _edge_key(line: Run, height: float, share: float) -> _Key | None:
    if line.bottom < height * share or line.top > height * (1 - share):
        return line.middle < height / 2, re.sub(r"\d+|\b[ivxl]+\b", "#", line.text.strip().casefold())
    return None


def _is_page_number(line: Run) -> bool:
    return _PAGE_NUMBER.fullmatch(line.text.strip()) is not None


def _numbers(line: Run) -> tuple[int, ...]:
    return tuple(int(digits[-9:]) for digits in re.findall(r"\d+", line.text))


def _is_running(ours: tuple[int, float | None, tuple[int, ...]], seen: set[_Sighting]) -> bool:
    """Whether another page has the same numbers at the same place, or each as much larger as it comes later."""
    page, place, numbers = ours
    return any(
        other != page
        and (place is None or abs(its_place - place) < _SAME_PLACE)
        and len(numbers) == len(theirs)
        and all(our - its in (0, page - other) for our, its in zip(numbers, theirs, strict=True))
        for other, its_place, theirs in seen
    )


def _outermost(lines: Sequence[Run], height: float) -> set[int]:
    """Give the lines of the first and last row of a page, of those that stand off and are no larger than most text."""
    rows = group_rows(lines)
    if len(rows) < 3:
        return set()
    usual = statistics.median(line.height for line in lines)
    ends = [
        row
        for row, gap in (
            (rows[0], min(line.top for line in rows[1]) - max(line.bottom for line in rows[0])),
            (rows[-1], min(line.top for line in rows[-1]) - max(line.bottom for line in rows[-2])),
        )
        if gap > _STANDS_OFF * usual and max(line.height for line in row) < 1.1 * usual
    ]
    chosen = {id(line) for row in ends for line in row}
    return {index for index, line in enumerate(lines) if id(line) in chosen}


def _beside_number(lines: Sequence[Run], edge: set[int], outer: set[int], height: float) -> set[int]:
    """Give the small lines at the outer end of a page that has a number: all in its row, and those at the top."""
    numbered = [lines[index] for index in edge if _is_page_number(lines[index])]
    usual = statistics.median(line.height for line in lines for _ in line.text) if numbered else 0.0
    return {
        index
        for index in outer
        if _edge_key(lines[index], height, _EDGE)
        and lines[index].height < _SMALLER * usual
        and (lines[index].middle < height / 2 or len(group_rows([lines[index], numbered[0]])) == 1)
    }


def _is_cell(index: int, lines: Sequence[Run], edge: set[int]) -> bool:
    """Whether a bare number stands beside a line that is no furniture."""
    line = lines[index]
    if not line.text.strip().isdigit():
        return False
    return any(
        place not in edge and abs(other.middle - line.middle) < 0.45 * min(other.height, line.height)
        for place, other in enumerate(lines)
    )
