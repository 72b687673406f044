"""The geometry of a page: words to lines, lines to columns in reading order; pure, knows no file format.

All boxes have their origin in the upper left corner of the page and are measured in points.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, TypeVar

MARKER: Final = re.compile(r"[•·●▪■◦○‣⁃➢➤✓*\-–—\uf0a7\uf0a8\uf0b7\uf0d8\uf0fc]|\(?(?:\d{1,2}|[a-z])[.)]")
"""What stands before an item of a list, alone in its word; the private codes are bullets of symbol fonts."""

_WORD_GAP = 1.2
"""A gap wider than this many line heights separates columns or cells, not words; justified text stays below 1."""
_NARROW_GAP = 0.5
"""A gap wider than this can separate cells where the rows around have one in the same place."""
_FEW_WORDS = 6
_MANY_WORDS = 14
_MARKER_GAP = 4.0
"""The same for the gap after a list marker."""
_MAX_CROSSING = 0.4
"""Share of lines that may cross a gutter: titles, wide figures and their captions do."""
_MAX_GUTTERS = 4
"""How often columns are divided again."""
_MIN_COLUMN_LINES = 3
_PROSE_CHARACTERS = 18
"""Lines of a text column are longer than this on average; cells of a table mostly are not."""
_PROSE_FILL = 0.6
"""Half of a text column's lines have at least this share of the longest one's width."""


@dataclass(frozen=True, slots=True)
class Box:
    """A place on the page."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Height, never zero; for text it follows the size of the font."""
        return max(self.bottom - self.top, 0.1)

    @property
    def middle(self) -> float:
        """Vertical middle."""
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class Run(Box):
    """A run of text at one place: a word, or the words of one line up to a wide gap."""

    text: str
    is_bold: bool = False
    is_mono: bool = False
    link: str = ""
    """The address it leads to, of a word."""
    links: tuple[tuple[str, str], ...] = ()
    """Of a line: what leads somewhere, and where to, in the order of the line."""


AnyBox = TypeVar("AnyBox", bound=Box)


def enclose(boxes: Iterable[Box]) -> Box:
    """Give the smallest box around one or more boxes."""
    every = list(boxes)
    return Box(min(b.left for b in every), min(b.top for b in every), max(b.right for b in every), max(b.bottom for b in every))


def join_words(words: Sequence[Run]) -> list[Run]:
    """Join the words of each line, and split lines at gaps too wide for a space.

    A list marker keeps the text after it even across a wide gap.

    Returns:
        Lines from the top down and from left to right; every word is in exactly one.
    """
    rows = group_rows(words)
    return [line for number, row in enumerate(rows) for line in _split_row(row, _shared_gaps(rows, number))]


def group_rows(boxes: Sequence[AnyBox]) -> list[list[AnyBox]]:
    """Group boxes that stand side by side; rows go from the top down, the boxes of a row from left to right."""
    rows: list[list[AnyBox]] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        for row in reversed(rows[-8:]):
            if _are_side_by_side(box, row[0]):
                row.append(box)
                break
        else:
            rows.append([box])
    return [sorted(row, key=lambda box: box.left) for row in rows]


def _are_side_by_side(a: Box, b: Box) -> bool:
    """Whether two boxes belong to one row: by their middles, or as an index or exponent belongs to its line."""
    low, high = sorted((a.height, b.height))
    if abs(a.middle - b.middle) < 0.45 * low:
        return True
    return high < 2 * low and min(a.bottom, b.bottom) - max(a.top, b.top) > 0.6 * low


def _shared_gaps(rows: Sequence[Sequence[Run]], number: int) -> list[float]:
    """Give where the narrow gaps of a row begin that two of its neighbours have in the same place: those of a table."""
    row = rows[number]
    gaps = [(left.right, right.left) for left, right in pairwise(row)]
    usual = statistics.median(end - start for start, end in gaps) if gaps else 0.0
    wide = [
        (start, end)
        for start, end in gaps
        if end - start > _NARROW_GAP * row[0].height and (len(row) <= _FEW_WORDS or end - start > 1.8 * usual)
    ]
    if not wide or len(row) > _MANY_WORDS:
        return []
    around = [rows[place] for place in range(max(number - 2, 0), min(number + 3, len(rows))) if place != number]
    near = [other for other in around if abs(other[0].middle - row[0].middle) < 5 * row[0].height]
    return [start for start, end in wide if sum(_has_gap(other, start, end, row[0].height) for other in near) >= 2]


def _has_gap(row: Sequence[Run], start: float, end: float, height: float) -> bool:
    """Whether a row has words on both sides of a free strip that is in the same place."""
    before = max((word.right for word in row if word.left < (start + end) / 2), default=None)
    after = min((word.left for word in row if word.left >= (start + end) / 2), default=None)
    return before is not None and after is not None and min(after, end) - max(before, start) > 0.8 * _NARROW_GAP * height


def _split_row(row: Sequence[Run], gaps: Sequence[float]) -> list[Run]:
    lines: list[list[Run]] = [[row[0]]]
    for word in row[1:]:
        line = lines[-1]
        gap = word.left - line[-1].right
        height = max(line[-1].height, word.height, 4.0)
        after_marker = len(line) == 1 and MARKER.fullmatch(line[0].text)
        is_shared = not after_marker and line[-1].right in gaps
        if is_shared or gap > height * (_MARKER_GAP if after_marker else _WORD_GAP):
            lines.append([word])
        else:
            line.append(word)
    return [_one_line(line) for line in lines]


def _one_line(words: Sequence[Run]) -> Run:
    """Make one run of words; its height is that of most of its letters."""
    letters: Counter[float] = Counter()
    for word in words:
        letters[round(word.height, 1)] += len(word.text)
    height = letters.most_common(1)[0][0]
    usual = next(word for word in words if round(word.height, 1) == height)
    box = enclose(words)
    return Run(
        left=box.left,
        top=usual.top,
        right=box.right,
        bottom=usual.bottom,
        text=" ".join(word.text for word in _in_reading_order(words)),
        is_bold=all(word.is_bold for word in words),
        is_mono=all(word.is_mono for word in words),
        links=_links(words),
    )


def _links(words: Sequence[Run]) -> tuple[tuple[str, str], ...]:
    """Give what leads somewhere in a line: neighbours with one address together."""
    groups = groupby(words, key=lambda word: word.link)
    return tuple((" ".join(word.text for word in group), link) for link, group in groups if link)


def _in_reading_order(words: Sequence[Run]) -> list[Run]:
    """Give the words of a line as they are read: in Arabic and Hebrew from the right, numbers and Latin words in them not."""
    letters = [character for word in words if not word.text.isascii() for character in word.text if character.isalpha()]
    n_latin = sum(character.isalpha() for word in words if word.text.isascii() for character in word.text)
    n_reversed = sum(unicodedata.bidirectional(character) in ("R", "AL") for character in letters)
    if n_reversed * 2 < len(letters) + n_latin or not n_reversed:
        return list(words)
    number = list(words[:1]) if MARKER.fullmatch(words[0].text) else []  # of a heading whose page runs to the right
    ordered: list[Run] = number
    for is_reversed, group in groupby(reversed(words[len(number) :]), key=_is_right_to_left):
        part = list(group)
        ordered += part if is_reversed else part[::-1]
    return ordered


def _is_right_to_left(word: Run) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in word.text)


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
        gutter = find_gutter([item for item in band if isinstance(item, Run)])
        is_divided = gutter is not None and not any(item.left < gutter < item.right for item in band)
        ordered += _read_band(band, gutter, depth) if gutter is not None and is_divided else band
        start = end
    return ordered


def _goes_on(above: Sequence[Box], row: Sequence[Box], width: float) -> bool:
    """Whether a row is close below the one above, and has two parts or is no wider than half of all rows."""
    if row[0].top - max(box.bottom for box in above) > 0.9 * row[0].height:
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
    return order_columns(left, depth + 1) + order_columns(right, depth + 1)


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
    for _, _, middle in sorted(candidates)[:12]:
        if _is_prose([line for line in lines if line.right <= middle]) and _is_prose(
            [line for line in lines if line.left >= middle]
        ):
            return middle
    return None


def _is_prose(lines: Sequence[Run]) -> bool:
    if len(lines) < _MIN_COLUMN_LINES or sum(len(line.text) for line in lines) < _PROSE_CHARACTERS * len(lines):
        return False
    widths = [line.right - line.left for line in lines]
    return statistics.median(widths) >= _PROSE_FILL * max(widths)
