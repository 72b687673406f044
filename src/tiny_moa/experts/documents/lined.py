"""Finds tables whose rows are divided by horizontal rules alone; pure, builds on `layout`, `tables` and `unruled`."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from tiny_moa.experts.documents.layout import Box, Run, enclose, group_rows, join_words
from tiny_moa.experts.documents.links import join_links
from tiny_moa.experts.documents.tables import Cell, Table, is_upright, join_cell
from tiny_moa.experts.documents.unruled import find_row_breaks

_SAME_END = 4.0
"""Rules of one table begin and end within this many points of each other."""
_MAX_RULE_GAP = 12.0
"""Rules on one line with less between them are one: each cell may have its own."""
_MIN_RULE_POINTS = 60.0
_MIN_BANDS = 2
_MIN_ROWS = 3
"""Tables with fewer are found by how their cells stand below each other."""
_MIN_GAP = 4.0
"""Columns have at least this much space between them, in points, all the way down."""
_SPACE = 0.45
"""Words with less between them are those of one cell, in line heights."""
_MAX_LINES = 10
_MAX_CELL_CHARACTERS = 300
"""Bands with more lines or longer cells are running text between rules."""
_MIN_FILLED = 0.6
"""Share of rows that have two cells or more with text."""

Band = list[Run]


def take_lined_tables(words: Sequence[Run], rules: Sequence[Box]) -> tuple[list[Table], list[Run]]:
    """Find tables whose rows have rules between them, and no upright ones.

    Returns:
        The tables, and the words that are in none of them.
    """
    found: list[Table] = []
    rest = list(words)
    for group in _groups(rules):
        bands = _bands(rest, group)
        columns = _column_starts(bands, group[0])
        if len(bands) < _MIN_BANDS or len(columns) < 2 or not all(map(_is_row_like, bands)):
            continue
        table = _fill(bands, _whole_columns(bands, columns, group[0]), group[0])
        if table is not None:
            taken = {id(word) for band in bands for word in band}
            rest = [word for word in rest if id(word) not in taken]
            found.append(table)
    return found, rest


def _groups(rules: Sequence[Box]) -> list[list[Box]]:
    """Give the level rules that begin and end alike, each group from the top down."""
    level = [rule for rule in rules if not is_upright(rule)]
    joined: list[Box] = []
    for row in group_rows(sorted(level, key=lambda rule: rule.top)):
        for rule in row:
            last = joined[-1] if joined else None
            if last is not None and abs(last.middle - rule.middle) < 1.5 and rule.left - last.right < _MAX_RULE_GAP:
                joined[-1] = enclose([last, rule])
            else:
                joined.append(rule)
    groups: list[list[Box]] = []
    for rule in sorted(joined, key=lambda rule: rule.middle):
        if rule.right - rule.left < _MIN_RULE_POINTS:
            continue
        group = next((group for group in groups if _has_same_ends(group[0], rule)), None)
        if group is None:
            groups.append([rule])
        elif rule.middle - group[-1].middle > 3:
            group.append(rule)
    return [group for group in groups if len(group) > _MIN_BANDS]


def _has_same_ends(a: Box, b: Box) -> bool:
    return abs(a.left - b.left) < _SAME_END and abs(a.right - b.right) < _SAME_END


def _bands(words: Sequence[Run], group: Sequence[Box]) -> list[Band]:
    """Give the words between each two rules, and those in the row above the first and below the last."""
    inside = [word for word in words if group[0].left - 2 <= (word.left + word.right) / 2 <= group[0].right + 2]
    bands = [[word for word in inside if above.middle < word.middle < below.middle] for above, below in pairwise(group)]
    if not bands or not all(bands):
        return []
    height = bands[0][0].height
    over = [word for word in inside if 0 < group[0].middle - word.middle < 1.6 * height]
    under = [word for word in inside if 0 < word.middle - group[-1].middle < 1.6 * height]
    return [band for band in ([*_one_row(over)], *bands, [*_one_row(under)]) if band]


def _one_row(words: Sequence[Run]) -> list[Run]:
    """Give words that are one row of several parts, none for anything else."""
    return list(words) if len(group_rows(words)) == 1 and len(join_words(words)) > 1 else []


def _is_row_like(band: Band) -> bool:
    return len(group_rows(band)) <= _MAX_LINES


def _column_starts(bands: Sequence[Band], rule: Box) -> list[float]:
    """Give where columns begin: after the strips that are free in every band, but for cells that are as wide as two."""
    several = [band for band in bands if len(join_words(band)) > 1]
    covered = sorted((word.left, word.right) for band in several for word in band)
    starts: list[float] = []
    end = float("-inf")
    for left, right in covered:
        if left > end + _MIN_GAP:
            starts.append((left + end) / 2 if starts else left - 3)
        end = max(end, right)
    return starts


def _whole_columns(bands: Sequence[Band], columns: Sequence[float], rule: Box) -> list[float]:
    """Join columns of which one has the head and the other the cells: numbers at the right edge, their head at the left one."""
    rows = [row for band in bands for row in _rows(band, columns, rule)]
    head, *body = [{column for first, last in row for column in range(first, last + 1)} for row in rows]
    n_filled = [sum(column in row for row in body) for column in range(len(columns))]
    whole, joined = [columns[0]], False
    for column in range(1, len(columns)):
        heads = [place in head for place in (column - 1, column)]
        is_split = sum(heads) == 1 and n_filled[column - heads[0]] == 0 and 2 * max(n_filled[column - 1 : column + 1]) > len(body)
        joined = is_split and not joined
        whole += [] if joined else [columns[column]]
    return whole


def _fill(bands: Sequence[Band], columns: Sequence[float], rule: Box) -> Table | None:
    rows = [row for band in bands for row in _rows(band, columns, rule)]
    cells: list[Cell] = []
    for number, row in enumerate(rows):
        covered = 0
        for (first, last), words in sorted(row.items()):
            cells += [Cell("", number, column) for column in range(covered, first)]
            lines = join_words(words)
            cells.append(Cell(join_cell(lines), number, first, 1, last - first + 1, join_links(lines)))
            covered = last + 1
        cells += [Cell("", number, column) for column in range(covered, len(columns))]
    if len(rows) < _MIN_ROWS:
        return None
    if sum(len(row) > 1 for row in rows) < _MIN_FILLED * len(rows) or any(
        len(cell.text) > _MAX_CELL_CHARACTERS for cell in cells
    ):
        return None
    box = enclose([rule, *(word for band in bands for word in band)])
    return Table(box.left, box.top, box.right, box.bottom, tuple(cells), len(rows), len(columns))


def _rows(band: Band, columns: Sequence[float], rule: Box) -> list[dict[tuple[int, int], list[Run]]]:
    """Divide a band into rows, and each row into its cells, by the first and last column they cover."""
    ends = [*columns[1:], rule.right]
    by_column: dict[int, list[Run]] = {column: [] for column in range(len(columns))}
    for word in band:
        by_column[_column(word, columns)].append(word)
    widths = {column: ends[column] - start for column, start in enumerate(columns)}
    breaks = find_row_breaks(by_column, widths)
    rows: list[dict[tuple[int, int], list[Run]]] = [defaultdict(list) for _ in range(len(breaks) + 1)]
    for number, part in enumerate(rows):
        words = [word for word in band if bisect_right(breaks, word.middle) == number]
        spans = _spans([found for row in group_rows(words) for found in _covered(row, columns)])
        for word in words:
            column = _column(word, columns)
            part[next((first, last) for first, last in spans if first <= column <= last)].append(word)
    return rows


def _covered(row: Sequence[Run], columns: Sequence[float]) -> list[tuple[int, int]]:
    """Give the columns that each word of a row covers, and each two words that only a space divides."""
    covered = [(_column(word, columns), _column(word, columns)) for word in row]
    close = [pair for pair in pairwise(row) if pair[1].left - pair[0].right < _SPACE * pair[0].height]
    return covered + [(_column(before, columns), _column(after, columns)) for before, after in close]


def _spans(covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges of columns that overlap."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted(covered):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return spans


def _column(word: Run, columns: Sequence[float]) -> int:
    return _column_at((word.left + word.right) / 2, columns)


def _column_at(x: float, columns: Sequence[float]) -> int:
    return max(bisect_right(columns, x) - 1, 0)
