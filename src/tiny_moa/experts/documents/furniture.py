"""Finds what stands at the edges of every page: running headers, footers and page numbers; pure, builds on `layout`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from tiny_moa.experts.documents.layout import Run

_EDGE = 0.09
"""Headers and footers stand in this share of the page's height."""
_PAGE_NUMBER = re.compile(
    r"(?:page|p\.|seite)?\s*\d{1,4}\s*(?:(?:of|/|von)\s*\d{1,4})?|[-–—]\s*\d{1,4}\s*[-–—]|\d{1,4}\s*쪽", re.I
)
_Key = tuple[bool, str]


def find_furniture(pages: Sequence[Sequence[Run]], heights: Sequence[float]) -> list[set[int]]:
    """Find running headers and footers.

    A line is furniture when it stands in the upper or lower 9 % of its page and another page has the same there,
    with the same numbers or such as grow with the pages, or when it is the number of the page. A number beside
    something that is none is a cell of a table.

    Args:
        pages: The lines of each page.
        heights: The height of each page.

    Returns:
        For each page the positions of such lines in its sequence.
    """
    seen: dict[_Key, set[tuple[int, tuple[int, ...]]]] = defaultdict(set)
    for number, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        for line in lines:
            if key := _edge_key(line, height):
                seen[key].add((number, _numbers(line)))
    found = []
    for number, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        edge = {
            index
            for index, line in enumerate(lines)
            if (key := _edge_key(line, height))
            and (_PAGE_NUMBER.fullmatch(line.text.strip()) or _is_running(number, _numbers(line), seen[key]))
        }
        found.append({index for index in edge if not _is_cell(index, lines, edge)})
    return found


def _edge_key(line: Run, height: float) -> _Key | None:
    if line.bottom < height * _EDGE or line.top > height * (1 - _EDGE):
        return line.middle < height / 2, re.sub(r"\d+|\b[ivxl]+\b", "#", line.text.strip().casefold())
    return None


def _numbers(line: Run) -> tuple[int, ...]:
    return tuple(int(digits[-9:]) for digits in re.findall(r"\d+", line.text))


def _is_running(page: int, numbers: tuple[int, ...], seen: set[tuple[int, tuple[int, ...]]]) -> bool:
    """Whether another page has the same numbers at the same place, or each as much larger as it comes later."""
    return any(
        other != page
        and len(numbers) == len(theirs)
        and all(ours - its in (0, page - other) for ours, its in zip(numbers, theirs, strict=True))
        for other, theirs in seen
    )


def _is_cell(index: int, lines: Sequence[Run], edge: set[int]) -> bool:
    """Whether a bare number stands beside a line that is no furniture."""
    line = lines[index]
    if not line.text.strip().isdigit():
        return False
    return any(
        place not in edge and abs(other.middle - line.middle) < 0.45 * min(other.height, line.height)
        for place, other in enumerate(lines)
    )
