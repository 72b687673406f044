"""Finds tables without rules, by cells that stand below each other; pure, builds on `layout` and `tables`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

from tiny_moa.experts.documents.layout import Box, Run, enclose, group_rows
from tiny_moa.experts.documents.links import join_links
from tiny_moa.experts.documents.tables import Cell, Table, join_cell

_MAX_ROW_GAP = 2.2
"""Rows of a table without rules follow each other within this many line heights."""
_PROSE_CHARACTERS = 18
"""Lines of running text are longer than this."""


def find_aligned_tables(items: Sequence[Box]) -> list[Box]:
    """Find tables without rules among items in reading order, and put each in the place of its lines.

    A table is three or more rows below each other with two or more lines side by side, whose lines fall into the
    same columns. Columns of running text are not taken.

    Returns:
        The items, with the lines of a table replaced by it.
    """
    rows = _rows_in_order(items)
    found: list[Box] = []
    start = 0
    while start < len(rows):
        end = start
        while end < len(rows) and _goes_on(rows, start, end):
            end += 1
        while end > start and len(rows[end - 1]) < 2 and _stands_off(rows, start, end - 1):
            end -= 1
        if end - start > 3 and _is_prose_below(rows[start:end]):
            end -= 1
        table = _align(rows[start:end]) if end - start >= 3 else None
        if table is not None:
            found.append(table)
            start = end
        else:
            found += rows[start]
            start += 1
    return found


def _rows_in_order(items: Sequence[Box]) -> list[list[Box]]:
    """Group neighbours in the reading order that stand side by side."""
    rows: list[list[Box]] = []
    for item in items:
        previous = rows[-1][-1] if rows else None
        if previous is not None and item.left >= previous.right and len(group_rows([previous, item])) == 1:
            rows[-1].append(item)
        else:
            rows.append([item])
    return rows


def _goes_on(rows: Sequence[Sequence[Box]], start: int, index: int) -> bool:
    """Whether a row can belong to a table that began at `start`."""
    row = rows[index]
    if not all(isinstance(item, Run) and not item.is_mono for item in row):
        return False
    if index == start:
        return len(row) >= 2
    above = rows[index - 1]
    gap = min(item.top for item in row) - max(item.bottom for item in above)
    if not -1 <= gap <= _MAX_ROW_GAP * max(item.height for item in row):
        return False
    return len(row) >= 2 or row[0].left > rows[start][0].right


def _stands_off(rows: Sequence[Sequence[Box]], start: int, index: int) -> bool:
    """Whether a row is further below the one above than the lines of a cell are, of those from `start` on."""
    steps = [below[0].middle - above[0].middle for above, below in pairwise(rows[max(start - 1, 0) : index + 1])]
    return not steps or (steps[-1] > 1.4 * rows[index][0].height and steps[-1] > 1.05 * min(steps))


def _is_prose_below(rows: Sequence[Sequence[Box]]) -> bool:
    """Whether the last row stands off from the others and has far more text: a line of a paragraph with a wide gap."""
    gaps = [below[0].middle - above[0].middle for above, below in pairwise(rows)]
    longest = [max(len(item.text) for item in row if isinstance(item, Run)) for row in rows]
    return gaps[-1] > 1.3 * max(gaps[:-1]) and longest[-1] > 2 * max(longest[:-1])


def _align(rows: Sequence[Sequence[Box]]) -> Table | None:
    """Put rows of lines into common columns; `None` when they do not fit or are running text."""
    runs = [[item for item in row if isinstance(item, Run)] for row in rows]
    every = [run for row in runs for run in row]
    columns = _column_starts(runs)
    if len(columns) < 2 or sum(len(row) >= 2 for row in runs) < 3:
        return None
    lengths = [len(run.text) for run in every]
    if statistics.mean(lengths) > 32 or max(lengths) > 160:
        return None
    held: list[list[list[Run]]] = [[[] for _ in columns] for _ in runs]
    for number, row in enumerate(runs):
        for run in row:
            place = max((index for index, start in enumerate(columns) if start <= (run.left + run.right) / 2), default=0)
            held[number][place].append(run)
    grid = _texts(held)
    if sum(sum(map(bool, row)) >= 2 for row in grid) < max(3, 0.6 * len(grid)) or _is_prose(grid):
        return None
    held = _without_continuations(held, runs)
    cells = [
        Cell(join_cell(lines).strip(), row, column, links=join_links(lines))
        for row, cells in enumerate(held)
        for column, lines in enumerate(cells)
    ]
    box = enclose(every)
    return Table(box.left, box.top, box.right, box.bottom, tuple(cells), len(held), len(columns))


def _texts(held: Sequence[Sequence[Sequence[Run]]]) -> list[list[str]]:
    return [[join_cell(lines).strip() for lines in row] for row in held]


def _is_prose(grid: Sequence[Sequence[str]]) -> bool:
    """Whether two columns or more are running text: every second line or more of each goes on in the one below."""
    columns = [[row[place] for row in grid] for place in range(len(grid[0]))]
    going_on = [sum(_goes_on_below(above, below) for above, below in pairwise(column)) for column in columns]
    return sum(2 * count >= len(grid) - 1 for count in going_on) >= 2


def _goes_on_below(above: str, below: str) -> bool:
    return " " in above and above[-1] not in ".!?:;" and below[:1].islower() and len(above) >= _PROSE_CHARACTERS


def _column_starts(rows: Sequence[Sequence[Run]]) -> list[float]:
    """Give where columns start.

    The rows with the most cells set the columns when two agree that none of them overlap; then a column starts in the
    middle of the space before it. Else columns are the stretches of x that lines cover, divided where none does.
    """
    width = max(map(len, rows))
    full = [row for row in rows if len(row) == width]
    if len(full) >= 2:
        lefts = [min(row[place].left for row in full) for place in range(width)]
        rights = [max(row[place].right for row in full) for place in range(width)]
        if all(right < left + 3 for right, left in zip(rights, lefts[1:], strict=False)):
            return [lefts[0] - 3, *((right + left) / 2 for right, left in zip(rights, lefts[1:], strict=False))]
    starts: list[float] = []
    end = float("-inf")
    for run in sorted((run for row in rows for run in row), key=lambda run: run.left):
        if run.left > end + 2:
            starts.append(run.left - 1)
        end = max(end, run.right)
    return starts


def _without_continuations(held: Sequence[Sequence[list[Run]]], rows: Sequence[Sequence[Run]]) -> list[list[list[Run]]]:
    """Put a row that goes on with cells of the row above, closer to it than rows are to each other, into that row."""
    gaps = [below[0].middle - above[0].middle for above, below in pairwise(rows)]
    usual = statistics.median(gaps) if gaps else 0.0
    merged = [list(held[0])]
    for cells, gap in zip(held[1:], gaps, strict=True):
        goes_on = not cells[0] and all(above for above, lines in zip(merged[-1], cells, strict=True) if lines)
        if goes_on and gap < 0.85 * usual:
            merged[-1] = [[*above, *lines] for above, lines in zip(merged[-1], cells, strict=True)]
        else:
            merged.append(list(cells))
    return merged
