"""Finds tables by their rules, or by cells that stand below each other; pure, builds on `layout`."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from tiny_moa.experts.documents.layout import Box, Run, enclose, group_rows, join_words

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
_MAX_ROW_GAP = 2.2
"""Rows of a table without rules follow each other within this many line heights."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; `row` and `column` count from 0, the spans from 1."""

    text: str
    row: int
    column: int
    row_span: int = 1
    column_span: int = 1


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
        table = _fill_grid(inside, horizontal, vertical, rows, columns)
        if table is not None:
            taken = set(map(id, inside))
            rest = [word for word in rest if id(word) not in taken]
            tables.append(table)
    return tables, rest


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
        while end > start and len(rows[end - 1]) < 2 and _stands_off(rows, end - 1):
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


def _connected(rules: Sequence[Box]) -> list[tuple[list[Box], list[Box]]]:
    """Group rules that touch, each group as its horizontal and its vertical rules, from the top down."""
    distinct = {(round(r.left), round(r.top), round(r.right), round(r.bottom)): r for r in rules}
    horizontal = [r for r in distinct.values() if r.bottom - r.top <= _THIN and r.right - r.left > 8]
    vertical = [r for r in distinct.values() if r.right - r.left <= _THIN and r.bottom - r.top > 5]
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
        row = bisect_right(rows, word.middle) - 1
        column = bisect_right(columns, (word.left + word.right) / 2) - 1
        content[owner[row, column]].append(word)
    texts = {corner: _cell_text(content[corner]) for corner in places}
    filled = sum(bool(text) for text in texts.values())
    if filled < 2 or filled < _MIN_FILLED * len(texts) or max(map(len, texts.values())) > _MAX_CELL_CHARACTERS:
        return None
    cells = [
        Cell(texts[corner], *corner, 1 + max(r for r, _ in held) - corner[0], 1 + max(c for _, c in held) - corner[1])
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


def _cell_text(words: Sequence[Run]) -> str:
    return " ".join(line.text for line in join_words(words))


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


def _stands_off(rows: Sequence[Sequence[Box]], index: int) -> bool:
    """Whether a row is further below the one above than the lines of a cell are."""
    return index == 0 or rows[index][0].middle - rows[index - 1][0].middle > 1.4 * rows[index][0].height


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
    grid = [["" for _ in columns] for _ in runs]
    for number, row in enumerate(runs):
        for run in row:
            place = max((index for index, start in enumerate(columns) if start <= (run.left + run.right) / 2), default=0)
            grid[number][place] = f"{grid[number][place]} {run.text}".strip()
    if sum(sum(map(bool, row)) >= 2 for row in grid) < max(3, 0.6 * len(grid)):
        return None
    grid = _without_continuations(grid, runs)
    cells = [Cell(text, row, column) for row, texts in enumerate(grid) for column, text in enumerate(texts)]
    box = enclose(every)
    return Table(box.left, box.top, box.right, box.bottom, tuple(cells), len(grid), len(columns))


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


def _without_continuations(grid: list[list[str]], rows: Sequence[Sequence[Run]]) -> list[list[str]]:
    """Put a row that goes on with cells of the row above, closer to it than rows are to each other, into that row."""
    gaps = [below[0].middle - above[0].middle for above, below in pairwise(rows)]
    usual = statistics.median(gaps) if gaps else 0.0
    merged = [list(grid[0])]
    for cells, gap in zip(grid[1:], gaps, strict=True):
        goes_on = not cells[0] and all(above for above, text in zip(merged[-1], cells, strict=True) if text)
        if goes_on and gap < 0.85 * usual:
            merged[-1] = [f"{above} {text}".strip() for above, text in zip(merged[-1], cells, strict=True)]
        else:
            merged.append(list(cells))
    return merged
