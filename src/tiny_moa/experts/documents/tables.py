"""Finds tables by their rules; pure, builds on `layout`."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from tiny_moa.experts.documents.layout import Box, Run, join_words
from tiny_moa.experts.documents.links import Links, join_links
from tiny_moa.experts.documents.unruled import find_row_breaks

_THIN = 2.5
"""Rules are at most this thick."""
_MAX_RULES = 1200
"""Pages with more are drawings, and joining their rules would take too long."""
_TOUCH = 2.5
"""Rules closer than this belong together."""
_MIN_FILLED = 0.3
"""A grid with a smaller share of cells that hold text is a drawing."""
_MAX_CELL_CHARACTERS = 1500
"""A longer cell is a frame around running text."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; `row` and `column` count from 0, the spans from 1; `links` as those of a line."""

    text: str
    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    links: Links = ()


@dataclass(frozen=True, slots=True)
class Table(Box):
    """A table: its cells cover every place of the grid exactly once."""

    cells: tuple[Cell, ...]
    n_rows: int
    n_columns: int


def take_ruled_tables(words: Sequence[Run], rules: Sequence[Box]) -> tuple[list[Table], list[Run]]:
    """Find tables drawn with horizontal and vertical rules.

    Rules that touch form a grid. Neighbouring cells without a rule between them are one cell.

    Returns:
        The tables, and the words that are in none of them.
    """
    tables: list[Table] = []
    rest = list(words)
    for horizontal, vertical in _connected(rules):
        rows = _levels([(rule.top + rule.bottom) / 2 for rule in horizontal])
        columns = _levels([(rule.left + rule.right) / 2 for rule in vertical])
        if len(rows) < 2 or len(columns) < 2 or (len(rows) - 1) * (len(columns) - 1) < 3:
            continue
        inside = [word for word in rest if _is_within(word, columns, rows)]
        unruled = _unruled_rows(inside, horizontal, vertical, rows, columns)
        rows = sorted({*rows, *(rule.top for rule in unruled)})
        table = _fill_grid(inside, [*horizontal, *unruled], vertical, rows, columns)
        if table is not None:
            taken = set(map(id, inside))
            rest = [word for word in rest if id(word) not in taken]
            tables.append(table)
    return tables, rest


def find_frames(rules: Sequence[Box]) -> list[Box]:
    """Give the places that rules stand around on all sides, with one rule across at most: boxes with text in them."""
    frames: list[Box] = []
    for horizontal, vertical in _connected(rules):
        rows = _levels([rule.middle for rule in horizontal])
        columns = _levels([(rule.left + rule.right) / 2 for rule in vertical])
        sides = len(columns) == 2 and all(_is_ruled(vertical, x, rows[0], rows[-1], upright=True) for x in columns)
        if len(rows) in (2, 3) and sides and all(_is_ruled(horizontal, y, *columns, upright=False) for y in rows):
            frames.append(Box(columns[0], rows[0], columns[1], rows[-1]))
    return frames


def _connected(rules: Sequence[Box]) -> list[tuple[list[Box], list[Box]]]:
    """Group rules that touch, each group as its horizontal and its vertical rules, from the top down."""
    distinct = {(round(r.left), round(r.top), round(r.right), round(r.bottom)): r for r in rules}
    horizontal = [r for r in distinct.values() if r.bottom - r.top <= _THIN and r.right - r.left > 8]
    vertical = [r for r in distinct.values() if is_upright(r)]
    every = horizontal + vertical
    if len(every) > _MAX_RULES or len(horizontal) < 2 or len(vertical) < 2:
        return []
    leader = list(range(len(every)))

    def lead(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    from_top = sorted(range(len(every)), key=lambda index: every[index].top)
    for place, index in enumerate(from_top):
        for other in islice(from_top, place + 1, None):
            if every[other].top > every[index].bottom + _TOUCH:
                break
            if _touches(every[index], every[other]):
                leader[lead(index)] = lead(other)
    groups: dict[int, tuple[list[Box], list[Box]]] = defaultdict(lambda: ([], []))
    for index, rule in enumerate(every):
        groups[lead(index)][0 if index < len(horizontal) else 1].append(rule)
    whole = [group for group in groups.values() if len(group[0]) >= 2 and len(group[1]) >= 2]
    return sorted(whole, key=lambda group: min(rule.top for rule in group[0]))


def is_upright(rule: Box) -> bool:
    """Whether a rule stands, and is longer than a dot."""
    return rule.right - rule.left <= _THIN and rule.bottom - rule.top > 5


def _touches(a: Box, b: Box) -> bool:
    return a.left - _TOUCH <= b.right and b.left - _TOUCH <= a.right and a.top - _TOUCH <= b.bottom and b.top - _TOUCH <= a.bottom


def _levels(values: Sequence[float]) -> list[float]:
    """Give the distinct values, in order, those within 3 points of each other as one."""
    levels: list[float] = []
    for value in sorted(values):
        if not levels or value - levels[-1] > 3:
            levels.append(value)
    return levels


def _is_within(word: Run, columns: Sequence[float], rows: Sequence[float]) -> bool:
    return columns[0] <= (word.left + word.right) / 2 < columns[-1] and rows[0] <= word.middle < rows[-1]


def _unruled_rows(
    words: Sequence[Run], horizontal: Sequence[Box], vertical: Sequence[Box], rows: Sequence[float], columns: Sequence[float]
) -> list[Box]:
    """Give the rules that are missing between rows, through the cells that are in one band of the grid only."""
    owner = _merge_cells(horizontal, vertical, rows, columns)
    found: list[Box] = []
    for band in range(len(rows) - 1):
        tall = {owner[row, c] for row in (band - 1, band + 1) for c in range(len(columns) - 1) if (row, c) in owner}
        own = {owner[band, column] for column in range(len(columns) - 1)} - tall
        ends = {first: max(c for c in range(len(columns) - 1) if owner[band, c] == (band, first)) + 1 for _, first in own}
        cells: dict[int, list[Run]] = {first: [] for first in ends}
        for word in words:
            row, column = _place(word, rows, columns)
            if row == band and (place := owner[row, column]) in own:
                cells[place[1]].append(word)
        breaks = find_row_breaks(cells, {first: columns[end] - columns[first] for first, end in ends.items()})
        found += [Box(columns[first] + 4, y, columns[end] - 4, y) for y in breaks for first, end in ends.items()]
    return found


def _place(word: Run, rows: Sequence[float], columns: Sequence[float]) -> tuple[int, int]:
    """Say in which row and column of a grid the middle of a word is."""
    return bisect_right(rows, word.middle) - 1, bisect_right(columns, (word.left + word.right) / 2) - 1


def _fill_grid(
    words: Sequence[Run], horizontal: Sequence[Box], vertical: Sequence[Box], rows: Sequence[float], columns: Sequence[float]
) -> Table | None:
    """Put words into the cells of a grid; `None` when it looks like a drawing or a frame."""
    n_rows, n_columns = len(rows) - 1, len(columns) - 1
    owner = _merge_cells(horizontal, vertical, rows, columns)
    places: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for place, corner in owner.items():
        places[corner].append(place)
    content: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for word in words:
        content[owner[_place(word, rows, columns)]].append(word)
    lines = {corner: join_words(content[corner]) for corner in places}
    texts = {corner: join_cell(lines[corner]) for corner in places}
    filled = sum(bool(text) for text in texts.values())
    if filled < 2 or filled < _MIN_FILLED * len(texts) or max(map(len, texts.values())) > _MAX_CELL_CHARACTERS:
        return None
    cells = [
        Cell(
            texts[corner],
            *corner,
            1 + max(r for r, _ in held) - corner[0],
            1 + max(c for _, c in held) - corner[1],
            join_links(lines[corner]),
        )
        for corner, held in sorted(places.items())
    ]
    return Table(columns[0], rows[0], columns[-1], rows[-1], tuple(cells), n_rows, n_columns)


def _merge_cells(
    horizontal: Sequence[Box], vertical: Sequence[Box], rows: Sequence[float], columns: Sequence[float]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Say for each place of the grid in which cell's upper left place it is.

    Cells grow to the right while no rule stands between, and then down while all their places are open below.
    """
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(len(rows) - 1):
        for column in range(len(columns) - 1):
            if (row, column) in owner:
                continue
            right = column
            while (
                right + 2 < len(columns)
                and (row, right + 1) not in owner
                and not _is_ruled(vertical, columns[right + 1], rows[row], rows[row + 1], upright=True)
            ):
                right += 1
            down = row
            while down + 2 < len(rows) and not any(
                _is_ruled(horizontal, rows[down + 1], columns[place], columns[place + 1], upright=False)
                for place in range(column, right + 1)
            ):
                down += 1
            owner.update({(r, c): (row, column) for r in range(row, down + 1) for c in range(column, right + 1)})
    return owner


def _is_ruled(rules: Sequence[Box], at: float, start: float, end: float, *, upright: bool) -> bool:
    """Whether rules at this coordinate cover half of the stretch from `start` to `end`."""
    covered = 0.0
    for rule in rules:
        place = (rule.left + rule.right) / 2 if upright else (rule.top + rule.bottom) / 2
        low, high = (rule.top, rule.bottom) if upright else (rule.left, rule.right)
        if abs(place - at) <= 3:
            covered += max(min(high, end) - max(low, start), 0)
    return covered >= 0.5 * (end - start)


def join_cell(lines: Sequence[Run]) -> str:
    """Give the text of a cell's lines."""
    return " ".join(line.text for line in lines)
