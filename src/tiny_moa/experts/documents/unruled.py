"""Finds the rows of a ruled table that no rule divides; pure, builds on `layout`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from tiny_moa.experts.documents.layout import Run, enclose, group_rows

_ROW_STEP = 1.45
"""Base lines further apart than this many line heights are those of rows; the lines of a cell are closer."""
_SHORT_CELL = 0.6
"""Lines of prose fill more than this share of their column; values do not."""
_MIN_ROWS = 3
"""Rows as close as the lines of a cell are told apart from this number on."""

Lines = list[list[Run]]


def find_row_breaks(cells: Mapping[int, Sequence[Run]], widths: Mapping[int, float]) -> list[float]:
    """Say where the rows are in a band of a grid that has no rule across it.

    It has rows where every cell has as many lines as the others, on the same base lines, and one of its columns is too
    short for prose; or where groups of lines stand well apart and each has the first column and another one.

    Args:
        cells: The words of each cell of the band, by its first column.
        widths: How wide each cell is.

    Returns:
        The y between each two rows, empty when all words are one row.
    """
    lines = {column: group_rows(words) for column, words in cells.items() if words}
    if len(lines) < 2 or len(rows := group_rows([word for words in cells.values() for word in words])) < 2:
        return []
    even = len(lines) == len(cells) and all(len(found) == len(rows) for found in lines.values())
    if even and len(rows) >= _MIN_ROWS and any(_is_short(found, widths[column]) for column, found in lines.items()):
        return [_between(above, below) for above, below in pairwise(rows)]
    groups = _groups(rows)
    first = {id(word) for word in cells.get(min(cells), ())}
    others = [all(any(id(word) not in first for word in row) for row in group[:1]) for group in groups]
    if len(groups) > 1 and all(others) and all(any(id(word) in first for word in group[0]) for group in groups):
        return [_between(above[-1], below[0]) for above, below in pairwise(groups)]
    return []


def _is_short(lines: Sequence[Sequence[Run]], width: float) -> bool:
    return all(line[-1].right - line[0].left < _SHORT_CELL * width for line in lines)


def _groups(rows: Lines) -> list[Lines]:
    """Divide rows of words where they stand well apart."""
    groups: list[Lines] = [[rows[0]]]
    for above, below in pairwise(rows):
        step = below[0].middle - above[0].middle
        if step > _ROW_STEP * max(above[0].height, below[0].height):
            groups.append([below])
        else:
            groups[-1].append(below)
    return groups


def _between(above: Sequence[Run], below: Sequence[Run]) -> float:
    return (enclose(above).bottom + enclose(below).top) / 2
