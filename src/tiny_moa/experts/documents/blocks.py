"""Makes headings, paragraphs, list items and code out of lines in reading order; pure, builds on `layout`."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from tiny_moa.experts.documents.hangul import UNKNOWN, Wording, is_divided, measure_wording
from tiny_moa.experts.documents.layout import MARKER, TICK, Box, Run, enclose, group_rows
from tiny_moa.experts.documents.links import Links, is_address_divided, is_link_divided, join_links

Kind = Literal["heading", "paragraph", "item", "code"]

_LARGER = 1.12
"""Text this much larger than the body can be a heading."""
_MAX_HEADING_CHARACTERS = 160
_SENTENCE_END = (".", ";", ",", "!", "?", ":", "。")
_SAME_HEIGHT = 0.18
"""Lines of one paragraph differ less in height, as a share of it."""
_SAME_HEIGHT_BOLD = 0.08
"""The same for bold lines, which may be headings below each other."""
_SHORT_LINE = 0.5
"""A line shorter than this share of its column ends its paragraph where the next one begins with a capital."""
_FAR_LEFT = 4.0
"""Lines that begin further to the left than this many heights do not go on."""
_USUAL_GAP = 0.3
"""Space between the lines of a paragraph where none shows it, in line heights."""
_SCAN_GAP = -0.1
"""The same where lines were recognised in a picture: their boxes are taller than their letters."""
_SCAN_STEP = 0.4
"""There lines further apart than usual by more than this are those of two paragraphs."""
_WIDE_GAP = 0.8
"""A larger one is that between paragraphs of one line each, unless most lines are full."""
_FULL_LINE = 0.85
"""Full lines have more than this share of the width of the widest."""
_LAST_LINE = 0.75
"""The same for a line that ends a sentence."""
CAPTION = re.compile(r"(?:Figure|Fig\.|Table|Listing|Abbildung|Tabelle|그림|표|사진)\s*\d+(?:[.:]|\s|$)")
"""How the caption of a figure or table begins."""
_REFERENCE = re.compile(r"\[\d{1,3}\]\s")
"""How an entry of a list of references begins."""
_NUMBER = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+\S")
"""The number before the words of a heading."""


@dataclass(frozen=True, slots=True)
class Block(Box):
    """A piece of running text.

    Attributes:
        kind: What it is.
        text: Its lines joined; the lines of code stay lines.
        level: Of a heading 1 for the largest, of a list item 0 for the outermost; else 0.
        marker: What stood before a list item.
        links: What leads somewhere, and where to, in the order of the text.
    """

    kind: Kind
    text: str
    level: int = 0
    marker: str = ""
    links: Links = ()


@dataclass(frozen=True)
class Typography:
    """What a document's text looks like, over all its pages.

    Attributes:
        body_height: Height of most of its text.
        heading_heights: Heights of text larger than that, the largest first.
        wording: How it divides Korean words.
        is_bold: Whether most of its text is bold, so that bold letters are no heading.
        is_scan: Whether its lines were recognised in pictures.
    """

    body_height: float
    heading_heights: tuple[float, ...]
    wording: Wording = UNKNOWN
    is_bold: bool = False
    is_scan: bool = False


def measure(pages: Sequence[Sequence[Run]]) -> Typography:
    """Measure the lines of all pages; heights within 6 % of each other count as one.

    The body is what most letters belong to. In slides those may be the titles: where hardly two lines of a page have the
    largest height of all, and at least half as many letters are smaller, the body is among those.
    """
    weights: Counter[float] = Counter()
    n_lines: Counter[float] = Counter()
    n_pages = 0
    for lines in pages:
        n_pages += bool(lines)
        for line in lines:
            weights[round(line.height, 1)] += len(line.text)
            n_lines[round(line.height, 1)] += 1
    if not weights:
        return Typography(10.0, ())
    body = float(weights.most_common(1)[0][0])
    smaller = Counter({height: weight for height, weight in weights.items() if height * _LARGER < body})
    if n_pages > 1 and body == max(weights) and n_lines[body] <= 1.5 * n_pages and smaller.total() * 2 >= weights[body]:
        body = float(smaller.most_common(1)[0][0])
    heights: list[float] = []
    for height in sorted(weights, reverse=True):
        if height > body * _LARGER and (not heights or height < heights[-1] * 0.94):
            heights.append(height)
    bold = sum(len(line.text) for lines in pages for line in lines if line.is_bold and abs(line.height - body) < 0.1)
    return Typography(body, tuple(heights), measure_wording(pages), is_bold=bold * 2 > weights[body])


def build_blocks(items: Sequence[Box], typography: Typography) -> list[Box]:
    """Join lines into blocks, and leave everything else in its place.

    Args:
        items: Lines (`Run`) and other boxes of one page, in reading order.
        typography: Of the whole document.

    Returns:
        Blocks and the other boxes in the same order; every word of every line is in exactly one block, except that
        a word divided by a hyphen at a line's end is put together.
    """
    widest_gap = _widest_gap(items, is_scan=typography.is_scan)
    built: list[Box] = []
    lines: list[Run] = []
    edges = _right_edges(items)
    for place, item in enumerate(items):
        if not isinstance(item, Run):
            built += _finish(lines, typography)
            lines = []
            built.append(item)
            continue
        if lines and _begins_block(lines, item, widest_gap, edges[place - 1]):
            built += _finish(lines, typography)
            lines = []
        lines.append(item)
    return _indent_items(built + _finish(lines, typography))


def _widest_gap(items: Sequence[Box], *, is_scan: bool) -> float:
    """Give the widest space between lines of one paragraph, in line heights."""
    if is_scan:
        return _typical_gap(items, _SCAN_GAP) + _SCAN_STEP
    return max(0.65, 1.4 * _typical_gap(items, _USUAL_GAP) + 0.05)


def _typical_gap(items: Sequence[Box], usual: float) -> float:
    """Give the usual space between lines of a paragraph, in line heights."""
    gaps = [
        ((below.bottom - above.bottom) / above.height - 1, above.right - above.left)
        for above, below in pairwise(items)
        if isinstance(above, Run) and isinstance(below, Run) and abs(above.height - below.height) < 0.1 * above.height
    ]
    near = [(gap, width) for gap, width in gaps if -0.3 < gap < 1.3]
    widest = max((width for _, width in near), default=0.0)
    full = [gap for gap, width in near if width > _FULL_LINE * widest]
    typical = statistics.median(gap for gap, _ in near) if len(near) >= 3 else usual
    return typical if typical < _WIDE_GAP or len(full) * 2 > len(near) else usual


def _right_edges(items: Sequence[Box]) -> list[float]:
    """Give for each item how far the lines of its column reach: those that follow each other and begin where it does."""
    edges = [item.right for item in items]
    start = 0
    for place in range(1, len(items) + 1):
        if place == len(items) or not _is_below(items[place - 1], items[place]):
            widest = max(edges[start:place], default=0.0)
            edges[start:place] = [widest] * (place - start)
            start = place
    return edges


def _is_below(above: Box, below: Box) -> bool:
    is_near = -0.5 * above.height < below.top - above.bottom < 1.5 * above.height
    return is_near and abs(below.left - above.left) < 3 * above.height and abs(below.height - above.height) < 0.2 * above.height


def _ended_early(last: Run, line: Run, right: float) -> bool:
    """Whether a paragraph ended with its last line: it is much shorter than the column and a new sentence follows."""
    share = (last.right - last.left) / max(right - last.left, 1.0)
    if ends_sentence(last.text):
        return share < _LAST_LINE and not line.text[:1].islower()
    return share < _SHORT_LINE and line.text[:1].isupper()


def _begins_block(lines: Sequence[Run], line: Run, widest_gap: float, right: float) -> bool:
    """Whether a line starts something new instead of going on from the lines before."""
    last = lines[-1]
    if is_link_divided(last, line):
        return False
    if last.is_mono and line.is_mono:
        return line.top - last.bottom > 3 * max(last.height, line.height) or line.bottom < last.top
    same = _SAME_HEIGHT_BOLD if last.is_bold and line.is_bold else _SAME_HEIGHT
    if last.is_mono != line.is_mono or last.is_bold != line.is_bold or abs(last.height - line.height) > same * last.height:
        return len(group_rows([last, line])) > 1 or last.is_mono != line.is_mono
    gap = (line.bottom - last.bottom) / max(last.height, line.height) - 1
    if _marker(line.text) or len(group_rows([last, line])) == 1:
        return bool(_marker(line.text))
    if (
        TICK.match(line.text)
        or TICK.match(last.text)
        or CAPTION.match(line.text)
        or (_REFERENCE.match(line.text) and _REFERENCE.match(lines[0].text))
        or _ended_row(lines, line)
        or _stands_elsewhere(lines, line)
    ):
        return True
    if gap < -0.5:
        return ends_sentence(last.text) or not line.text[:1].islower()
    return gap > widest_gap or _is_first_line(lines, line) or _ended_early(last, line, right)


def _stands_elsewhere(lines: Sequence[Run], line: Run) -> bool:
    """Whether a line begins far to the left of those before, as a heading at the edge below a title in the middle."""
    is_centred = abs((line.left + line.right) - (lines[-1].left + lines[-1].right)) < 2 * line.height
    return min(above.left for above in lines) - line.left > _FAR_LEFT * line.height and not is_centred


def _ended_row(lines: Sequence[Run], line: Run) -> bool:
    """Whether a row of several lines ended; one printed with wide spaces goes on where its sentence does."""
    is_row = len(lines) > 1 and len(group_rows(lines[-2:])) == 1
    return is_row and not (line.text[:1].islower() and abs(line.left - min(above.left for above in lines)) < line.height)


def _is_first_line(lines: Sequence[Run], line: Run) -> bool:
    """Whether a line is indented as the first of a paragraph is."""
    last = lines[-1]
    indent = line.left - last.left
    hangs = len(lines) == 1 and (_marker(last.text) or _REFERENCE.match(last.text))
    if indent <= 0.8 * line.height or (hangs and indent < 3 * line.height):
        return False
    is_centred = abs((line.left + line.right) - (last.left + last.right)) < line.height
    return not is_centred


def _finish(lines: Sequence[Run], typography: Typography) -> list[Box]:
    if not lines:
        return []
    box = enclose(lines)
    place = (box.left, box.top, box.right, box.bottom)
    if all(line.is_mono for line in lines):
        return [Block(*place, "code", _code(lines))]
    links = join_links(lines)
    text = join_lines([line.text for line in lines], typography.wording, [address for _, address in links])
    level = heading_level(lines, text, typography)
    if level:
        return [Block(*place, "heading", text, level, links=links)]
    marker = _marker(text)
    if marker:
        return [Block(*place, "item", text[len(marker) :].lstrip(), 0, marker, links)]
    return [Block(*place, "paragraph", text, links=links)]


def join_lines(lines: Sequence[str], wording: Wording = UNKNOWN, addresses: Sequence[str] = ()) -> str:
    """Join the lines of a paragraph; a hyphen at a line's end goes when a small letter follows it, but not in an address."""
    text = lines[0]
    for line in lines[1:]:
        if is_address_divided(text, line, addresses):
            text += line
        elif len(text) > 1 and text[-1] in "-\u00ad\u2010" and text[-2].isalpha() and line[:1].islower():
            text = text[:-1] + line
        elif (_is_spaceless(text[-1:]) and _is_spaceless(line[:1])) or is_divided(text, line, wording):
            text += line
        else:
            text = f"{text} {line}"
    return text


def _is_spaceless(character: str) -> bool:
    """Whether the script of a character is written without spaces; Hangul is not."""
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


def heading_level(lines: Sequence[Run], text: str, typography: Typography) -> int:
    """Give the level of a heading, 0 when the lines are none.

    A heading is short, holds letters, does not end as a sentence does, and is larger than the body or bold. Its
    level follows its size among all sizes of headings; bold text of the body's size is below them all.
    """
    height = statistics.median(line.height for line in lines)
    is_larger = height > typography.body_height * _LARGER
    is_short = len(text) <= _MAX_HEADING_CHARACTERS and len(lines) <= 4 and any(character.isalpha() for character in text)
    if not is_short or text.endswith(_SENTENCE_END[:3]) or (MARKER.fullmatch(text.split()[0]) and not _NUMBER.match(text)):
        return 0
    if not is_larger and (typography.is_bold or not all(line.is_bold for line in lines) or height < 0.9 * typography.body_height):
        return 0
    rank = sum(height < size * 0.94 for size in typography.heading_heights) + 1
    return min(max(rank, 1), 6)


def level_headings(pages: Sequence[Sequence[Box]]) -> list[list[Box]]:
    """Make the levels of a document's headings follow each other, and numbered ones follow their numbers.

    Only the title is on level 1: a heading that is alone on the highest level, or the document's first words where
    all other headings as large are numbered, or begin at one edge and it does not.
    """
    headings = [box for page in pages for box in page if isinstance(box, Block) and box.kind == "heading"]
    used = Counter(heading.level for heading in headings)
    highest = min(used, default=0)
    top = [heading for heading in headings if heading.level == highest]
    first_box = next((box for page in pages for box in page if isinstance(box, Block)), None)
    is_title = len(top) > 1 and top[0] is first_box and not _depth(top[0]) and (all(map(_depth, top[1:])) or _is_centred(top))
    first = 1 if len(top) == 1 else 2
    levels = {level: index + first for index, level in enumerate(sorted(used))}
    leveled = [
        [_at_level(box, 1 if is_title and box is top[0] else levels.get(getattr(box, "level", 0), 0)) for box in page]
        for page in pages
    ]
    return _without_gaps(_level_numbered(leveled))


def _is_centred(headings: Sequence[Block]) -> bool:
    """Whether the first heading begins further to the right than all others, which begin together."""
    lefts = [heading.left for heading in headings[1:]]
    return max(lefts) - min(lefts) < 2 and headings[0].left - max(lefts) > 2 * headings[0].height


def _without_gaps(pages: Sequence[Sequence[Box]]) -> list[list[Box]]:
    """Move headings up to levels that nothing else is on, below the first."""
    used = sorted({box.level for page in pages for box in page if isinstance(box, Block) and box.kind == "heading"})
    levels = {level: used[0] + index for index, level in enumerate(used)}
    return [[_at_level(box, levels.get(getattr(box, "level", 0), 0)) for box in page] for page in pages]


def _level_numbered(pages: Sequence[Sequence[Box]]) -> list[list[Box]]:
    """Give numbered headings the level their number says: 2.1 is one below 2, whatever their sizes.

    The headings numbered without a dot set the level to count from; without any, levels stay as they are.
    """
    depths = {id(box): depth for page in pages for box in page if (depth := _depth(box))}
    tops = [box.level for page in pages for box in page if isinstance(box, Block) and depths.get(id(box)) == 1]
    if not tops:
        return [list(page) for page in pages]
    base = Counter(tops).most_common(1)[0][0]
    return [[_at_level(box, base + depths[id(box)] - 1) if id(box) in depths else box for box in page] for page in pages]


def _depth(box: Box) -> int:
    number = _NUMBER.match(box.text) if isinstance(box, Block) and box.kind == "heading" else None
    return number[1].count(".") + 1 if number else 0


def _at_level(box: Box, level: int) -> Box:
    return replace(box, level=min(level, 6)) if isinstance(box, Block) and box.kind == "heading" else box


def _marker(text: str) -> str:
    """Give the list marker a text begins with, empty for none."""
    first, space, rest = text.partition(" ")
    return first if space and rest and MARKER.fullmatch(first) else ""


def ends_sentence(text: str) -> bool:
    """Whether a text ends as a sentence or a part of one does, inside quotes or brackets too."""
    return text.rstrip("\"')]”’").endswith(_SENTENCE_END)


def _code(lines: Sequence[Run]) -> str:
    """Put the lines of code below each other, with the spaces their places stand for."""
    left = min(line.left for line in lines)
    width = statistics.median((line.right - line.left) / max(len(line.text), 1) for line in lines) or 1.0
    rows = group_rows(lines)
    texts: list[str] = []
    for above, row in zip([rows[0], *rows], rows, strict=False):
        if row[0].top - above[0].bottom > 1.2 * row[0].height:
            texts.append("")
        text = ""
        for line in row:
            text = text.ljust(max(round((line.left - left) / width), len(text) + 1 if text else 0)) + line.text
        texts.append(text)
    return "\n".join(texts)


def _indent_items(blocks: Sequence[Box]) -> list[Box]:
    """Give list items that follow each other the level their indentation shows."""
    result: list[Box] = []
    indents: list[float] = []
    for block in blocks:
        if not isinstance(block, Block) or block.kind != "item":
            indents = []
            result.append(block)
            continue
        if result and isinstance(above := result[-1], Block) and above.kind == "item" and block.top < above.top + 1:
            indents = []  # beside the item before, not under it
        while indents and block.left < indents[-1] - 3:
            indents.pop()
        if not indents or block.left > indents[-1] + 6:
            indents.append(block.left)
        result.append(replace(block, level=len(indents) - 1))
    return result
