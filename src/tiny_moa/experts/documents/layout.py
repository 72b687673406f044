"""The geometry of a page: where things stand, and words joined to lines; pure, knows no file format.

All boxes have their origin in the upper left corner of the page and are measured in points.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Final, TypeVar

MARKER: Final = re.compile(r"[•·●▪■◦○‣⁃➢➤✓*\-–—\uf0a7\uf0a8\uf0b7\uf0d8\uf0fc]|\(?(?:\d{1,2}|[a-z])[.)]")
"""What stands before an item of a list, alone in its word; the private codes are bullets of symbol fonts."""
TICK: Final = re.compile(r"[☐☑☒]")
"""A box to tick, alone in its word."""

_EQUATION = re.compile(r"\(\d{1,3}[a-z]?\)")
"""The number of an equation, which stands at the right edge of its column."""
_WORD_GAP = 1.2
"""A gap wider than this many line heights separates columns or cells, not words; justified text stays below 1."""
_NARROW_GAP = 0.5
"""A gap wider than this can separate cells where the rows around have one in the same place."""
_COLUMN_GAP = 0.7
_COLUMN_ROWS = 4
"""A gap wider than this many line heights divides columns where this many other rows begin after it."""
_WIDEST_SPACE = 2.5
"""Spaces of justified text are narrower than this many line heights."""
_FULL_WORDS = 4
"""Lines of fewer words do not say how wide a column is."""
_FEW_WORDS = 6
_MANY_WORDS = 14
_MARKER_GAP = 4.0
"""The same for the gap after a list marker."""


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
    space: float = 0.0
    """Of a line: the mean space between its words."""
    is_mirrored: bool = False
    """Whether its page was mirrored, because most of it runs from right to left."""


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
    starts = Counter(round(word.left) for row in rows for word in _beginnings(row))
    split = [_split_row(row, [*_shared_gaps(rows, number), *_column_gaps(row, starts)]) for number, row in enumerate(rows)]
    split = join_numbers(split)
    full = {(line[0].left, line[-1].right) for row in split for line in row if len(line) >= _FULL_WORDS}
    return [_one_line(line) for row in split for line in (_join_justified(row, full) if len(row) > 1 else row)]


def group_rows(boxes: Sequence[AnyBox]) -> list[list[AnyBox]]:
    """Group boxes that stand side by side; rows go from the top down, the boxes of a row from left to right."""
    rows: list[list[AnyBox]] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left, box.top)):
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


def _beginnings(row: Sequence[Run]) -> list[Run]:
    """Give the first word of a row, and those after a gap that may divide columns."""
    return [row[0], *(right for left, right in pairwise(row) if right.left - left.right > _COLUMN_GAP * row[0].height)]


def _column_gaps(row: Sequence[Run], starts: Mapping[int, int]) -> list[float]:
    """Give where the narrow gaps of a row begin after which others begin, or go on: the lines of a column close to this one."""
    after = {id(word) for word in _beginnings(row)[1:]}
    return [
        left.right
        for left, right in pairwise(row)
        if id(right) in after and sum(starts.get(round(right.left) + shift, 0) for shift in (-1, 0, 1)) > _COLUMN_ROWS
    ]


def _has_gap(row: Sequence[Run], start: float, end: float, height: float) -> bool:
    """Whether a row has words on both sides of a free strip that is in the same place."""
    before = max((word.right for word in row if word.left < (start + end) / 2), default=None)
    after = min((word.left for word in row if word.left >= (start + end) / 2), default=None)
    return before is not None and after is not None and min(after, end) - max(before, start) > 0.8 * _NARROW_GAP * height


def join_numbers(rows: Sequence[Sequence[list[Run]]]) -> list[list[list[Run]]]:
    """Give bare numbers before a list's items a point and join them to their items; those of a table's rows stay cells.

    They count from 1 up, stand below each other, are no larger than most text, and only their item is on their line.
    """
    found: dict[int, list[int]] = {}
    usual = (
        statistics.median_low(word.height for row in rows for part in row for word in part for _ in word.text) if rows else 0.0
    )
    for place, row in enumerate(rows):
        words = [word for part in row for word in part]
        if len(row) > 2 or len(words) < 2 or words[1].height > 1.1 * usual or not _is_number_before(words[0], words[1]):
            continue
        above = [word.left for part in rows[place - 1] for word in part] if place else []
        is_head = all(any(abs(left - word.left) < 2 for left in above) for word in words[:2])
        last = rows[found[round(words[0].left)][-1]][0][0] if round(words[0].left) in found else None
        if last is not None and int(words[0].text) == int(last.text) + 1:
            found[round(words[0].left)].append(place)
        elif words[0].text == "1" and not is_head:
            found[round(words[0].left)] = [place]
    items = {place for places in found.values() if len(places) > 1 for place in places}
    return [_numbered(row) if place in items else list(row) for place, row in enumerate(rows)]


def _is_number_before(number: Run, word: Run) -> bool:
    gap = (word.left - number.right) / number.height
    return number.text.isdecimal() and len(number.text) <= 2 and 0.7 < gap < 2.2 and word.text[:1].isalpha()


def _numbered(row: Sequence[list[Run]]) -> list[list[Run]]:
    number, *words = [word for part in row for word in part]
    return [[replace(number, text=f"{number.text}."), *words]]


def _join_justified(row: Sequence[list[Run]], full: set[tuple[float, float]]) -> list[list[Run]]:
    """Join the parts of a row that are one line after all: as wide as full lines are, with even spaces between its words."""
    for start in range(len(row) - 1):
        for end in range(len(row), start + 1, -1):
            words = [word for part in row[start:end] for word in part]
            gaps = [after.left - before.right for before, after in pairwise(words)]
            is_even = max(gaps) < min(1.3 * min(gaps) + 0.5, _WIDEST_SPACE * words[0].height)
            if is_even and any(abs(words[0].left - left) < 2 and abs(words[-1].right - right) < 2 for left, right in full):
                return [*row[:start], words, *_join_justified(row[end:], full)]
    return list(row)


def _split_row(row: Sequence[Run], gaps: Sequence[float]) -> list[list[Run]]:
    lines: list[list[Run]] = [[row[0]]]
    for word in row[1:]:
        line = lines[-1]
        gap = word.left - line[-1].right
        height = max(line[-1].height, word.height, 4.0)
        is_equation = len(lines) > 1 and line[-1].right in gaps and _EQUATION.fullmatch(line[0].text)
        is_item = len(line) == 1 and MARKER.fullmatch(line[0].text) and not is_equation
        after_marker = is_item or TICK.fullmatch(line[-1].text)
        is_shared = not after_marker and line[-1].right in gaps
        if is_shared or gap > height * (_MARKER_GAP if after_marker else _WORD_GAP):
            lines.append([word])
        else:
            line.append(word)
    return lines


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
        text=_mirrored_text(words) if words[-1].is_mirrored else " ".join(word.text for word in _in_reading_order(words)),
        is_bold=all(word.is_bold for word in words),
        is_mono=all(word.is_mono for word in words),
        links=_links(words),
        space=max(statistics.mean(after.left - before.right for before, after in pairwise(words)), 0.0) if words[1:] else 0.0,
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
    for is_reversed, group in groupby(reversed(words[len(number) :]), key=is_right_to_left):
        part = list(group)
        ordered += part if is_reversed else part[::-1]
    return ordered


def is_right_to_left(word: Run) -> bool:
    """Whether a word has letters that run from right to left."""
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in word.text)


def _mirrored_text(words: Sequence[Run]) -> str:
    """Give the text of a line of a mirrored page; words that touch are one, and Latin ones stand the wrong way round."""
    ordered: list[Run] = []
    latin: list[Run] = []
    for word in [*words, None]:
        if word is not None and not is_right_to_left(word) and (latin or word.text[:1].isalpha()):
            latin.append(word)
            continue
        last = max((place for place, part in enumerate(latin) if part.text[-1:].isalpha()), default=-1)
        ordered += latin[last::-1] if last >= 0 else []
        ordered += latin[last + 1 :]
        latin = []
        ordered += [word] if word is not None else []
    text = ""
    for before, word in zip([None, *ordered], ordered, strict=False):
        touches = before is not None and min(abs(word.left - before.right), abs(before.left - word.right)) < 0.12 * word.height
        text += word.text if touches or not text else f" {word.text}"
    return text
