"""The order in which the lines of a page are read: columns, bands of columns, columns of lists; pure, builds on `layout`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby, pairwise

from tiny_moa.experts.documents.addresses import find_address_gutter
from tiny_moa.experts.documents.layout import MARKER, AnyBox, Box, Run, enclose, group_rows

_MAX_CROSSING = 0.4
"""Share of lines that may cross a gutter: titles, wide figures and their captions do."""
_MAX_GUTTERS = 4
"""How often columns are divided again."""
_MIN_COLUMN_LINES = 3
_PROSE_CHARACTERS = 18
"""Lines of a text column are longer than this on average; cells of a table mostly are not."""
_PROSE_FILL = 0.6
"""Half of a text column's lines have at least this share of the longest one's width."""

_STEP = 0.9
"""Rows of one band are closer than this many line heights."""
_WIDE_STEP = 1.8
"""The same for two rows that have several parts each."""
_TOGETHER = 2.5
"""Balanced columns end within this many line heights of each other."""
_BELOW = 1.2
"""What follows below them stands off by more than this."""
_MIN_APART_LINES = 6
_MAX_SHARED = 0.35
"""Share of lines that stand on the same base line as one beside them, by accident, in columns that are no table."""
_SAME_BASE = 0.6
"""Base lines closer than this many points are the same."""
_MIN_LENGTH = 0.6
"""Share of the height of everything that a column without prose takes at least."""


def order_columns(items: Sequence[AnyBox], depth: int = 0) -> list[AnyBox]:
    """Put what is on a page into reading order.

    Looks for a gutter: a vertical line that few lines of text cross, with a column of prose on either side. Rows
    that cross it divide the page into bands; within a band the left column is read before the right one. Columns
    are looked at again in the same way, so three columns are found as well.

    Args:
        items: Lines, tables and whatever else has a place; only lines (`Run`) decide where a gutter is.
        depth: How many gutters were found around these items.

    Returns:
        Every item once.
    """
    gutter = find_gutter([item for item in items if isinstance(item, Run)]) if depth < _MAX_GUTTERS else None
    rows = group_rows(items)
    if gutter is None:
        return _read_rows(rows, depth)
    ordered: list[AnyBox] = []
    band: list[AnyBox] = []
    for row in rows:
        if any(item.left < gutter < item.right for item in row):
            ordered += [*_read_band(band, gutter, depth), *row]
            band = []
        else:
            band += row
    return ordered + _read_band(band, gutter, depth)


def _read_rows(rows: Sequence[Sequence[AnyBox]], depth: int) -> list[AnyBox]:
    """Read row by row, but a stretch of rows that has columns of prose of its own column by column."""
    if depth >= _MAX_GUTTERS or not rows:
        return [item for row in rows for item in row]
    width = max(row[-1].right for row in rows) - min(row[0].left for row in rows)
    ordered: list[AnyBox] = []
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and _goes_on(rows[end - 1], rows[end], width):
            end += 1
        band = [item for row in rows[start:end] for item in row]
        lines = [item for item in band if isinstance(item, Run)]
        gutter, between_lists = find_gutter(lines), find_list_gutter(lines) or find_address_gutter(lines)
        if gutter is not None and not any(item.left < gutter < item.right for item in band):
            ordered += _read_band(band, gutter, depth)
        elif between_lists is not None and not any(item.left < between_lists < item.right for item in band):
            ordered += _read_columns(band, between_lists, depth)
        else:
            ordered += band
        start = end
    return ordered


def _goes_on(above: Sequence[Box], row: Sequence[Box], width: float) -> bool:
    """Whether a row is close below the one above, and has two parts or is no wider than half of all rows."""
    step = _WIDE_STEP if len(row) > 1 and len(above) > 1 else _STEP
    if row[0].top - max(box.bottom for box in above) > step * row[0].height:
        return False
    return len(row) > 1 or row[0].right - row[0].left <= 0.55 * width


def _read_band(band: Sequence[AnyBox], gutter: float, depth: int) -> list[AnyBox]:
    """Read the left column and then the right one, but three or more rows that look like a table row by row."""
    ordered: list[AnyBox] = []
    columns: list[AnyBox] = []
    for is_tabular, rows in groupby(group_rows(band), key=lambda row: _is_tabular(row, gutter)):
        part = list(rows)
        flat = [item for row in part for item in row]
        if is_tabular and len(part) >= 3:
            ordered += [*_read_columns(columns, gutter, depth), *flat]
            columns = []
        else:
            columns += flat
    return ordered + _read_columns(columns, gutter, depth)


def _read_columns(items: Sequence[AnyBox], gutter: float, depth: int) -> list[AnyBox]:
    left = [item for item in items if item.right <= gutter]
    right = [item for item in items if item.right > gutter]
    left, below = _divide_below(left, right)
    return order_columns(left, depth + 1) + order_columns(right, depth + 1) + order_columns(below, depth + 1)


def _divide_below(left: Sequence[AnyBox], right: Sequence[AnyBox]) -> tuple[list[AnyBox], list[AnyBox]]:
    """Divide a left column where it goes on after both columns ended together, and a gap follows."""
    end = max((item.bottom for item in right), default=float("inf"))
    ordered = sorted(left, key=lambda item: item.top)
    left_end = ordered[0].bottom if ordered else 0.0
    for place, (above, below) in enumerate(pairwise(ordered), 1):
        left_end = max(left_end, above.bottom)
        height = min(above.height, below.height)
        if below.top - left_end > _BELOW * height and abs(left_end - end) < _TOGETHER * height and below.top > end:
            return ordered[:place], ordered[place:]
    return list(left), []


def _is_tabular(row: Sequence[Box], gutter: float) -> bool:
    """Whether a row stands on both sides of a gutter and its lines are too short for prose."""
    lines = [item for item in row if isinstance(item, Run)]
    stands_on_both = row[0].right <= gutter < row[-1].left
    return stands_on_both and sum(len(line.text) for line in lines) < _PROSE_CHARACTERS * len(lines)


def find_gutter(lines: Sequence[Run]) -> float | None:
    """Give the x that fewest lines cross and that has a column of prose on either side, `None` for no such x.

    Among equals the widest free strip wins, and its middle is given.
    """
    if len(lines) < 2 * _MIN_COLUMN_LINES:
        return None
    box = enclose(lines)
    margin = 0.1 * (box.right - box.left)
    edges = sorted({line.right for line in lines} | {line.left for line in lines})
    candidates: list[tuple[int, float, float]] = []
    for before, after in pairwise(edges):
        middle = (before + after) / 2
        if after - before < 0.5 or not box.left + margin < middle < box.right - margin:
            continue
        crossing = sum(line.left < middle < line.right for line in lines)
        if crossing <= _MAX_CROSSING * len(lines):
            candidates.append((crossing, before - after, middle))
    for crossing, _, middle in sorted(candidates)[:12]:
        sides = [line for line in lines if line.right <= middle], [line for line in lines if line.left >= middle]
        if all(map(_is_prose, sides)) or (crossing == 0 and _stand_apart(*sides)):
            return middle
    return None


def find_list_gutter(lines: Sequence[Run]) -> float | None:
    """Give the x between two lists that stand side by side: nothing crosses it, and the items of both have markers."""
    rows = [row for row in group_rows(lines) if len(row) > 1]
    starts = sorted(row[place].left for row in rows for place in range(1, len(row)) if _is_item(row[place]))
    for start in starts:
        middle = start - 1
        left = [line for line in lines if line.right <= middle]
        right = [line for line in lines if line.left >= middle]
        if len(left) + len(right) == len(lines) and all(len(side) > 1 and _is_list(side) for side in (left, right)):
            return middle
    return None


def _is_list(lines: Sequence[Run]) -> bool:
    return sum(map(_is_item, lines)) * 2 > len(lines)


def _is_item(line: Run) -> bool:
    first, _, rest = line.text.partition(" ")
    return bool(rest) and MARKER.fullmatch(first) is not None


def _stand_apart(left: Sequence[Run], right: Sequence[Run]) -> bool:
    """Whether two columns have nothing to do with each other: both are long, and their lines stand on other base lines."""
    fewer, more = sorted((left, right), key=len)
    box = enclose([*left, *right])
    if len(fewer) < _MIN_APART_LINES or any(
        enclose(side).bottom - enclose(side).top < _MIN_LENGTH * (box.bottom - box.top) for side in (fewer, more)
    ):
        return False
    shared = sum(any(abs(line.bottom - other.bottom) < _SAME_BASE for other in more) for line in fewer)
    return shared <= _MAX_SHARED * len(fewer)


def _is_prose(lines: Sequence[Run]) -> bool:
    if len(lines) < _MIN_COLUMN_LINES or sum(len(line.text) for line in lines) < _PROSE_CHARACTERS * len(lines):
        return False
    widths = [line.right - line.left for line in lines]
    return statistics.median(widths) >= _PROSE_FILL * max(widths)
