"""Takes what docling's layout model made of a page over into boxes of ours; runs in the child process only.

The model says what is what, and in which order; the words, their links and the cells of tables it did not look into are
those of the page.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from tiny_moa.errors import ConversionFailed
from tiny_moa.experts.documents import aligned, blocks, layout, reading_order, tables
from tiny_moa.experts.documents import lined as lined_tables
from tiny_moa.experts.documents.blocks import Block, Typography
from tiny_moa.experts.documents.content import MIN_PICTURE_SHARE, Content, Picture
from tiny_moa.experts.documents.layout import Box, Run, enclose
from tiny_moa.experts.documents.links import join_links
from tiny_moa.experts.documents.tables import Cell, Table

NOTHING_FOUND: Final = "the layout model found no place for most of the page's text"
LEFT_OUT: Final = "the layout model left out much of the page's text"
REPEATED: Final = "the layout model gave much of the page's text twice"
_LEAST_SHARE: Final = 0.5
"""A page of whose letters less are in regions that were found, or were taken over, is read without the model."""
_LARGEST_SHARE: Final = 1.5
"""So is one of whose letters more were taken over, which are in regions that overlap."""
_TABLES: Final = ("table", "document_index")
_BOXES_TO_TICK: Final = {"checkbox_selected": "☑", "checkbox_unselected": "☐"}


def place(result: Any, number: int, content: Content) -> Content:
    """Give the content of a page with what the layout model made of it.

    Args:
        result: docling's for that page.
        number: The page.
        content: What stands on the page.

    Raises:
        ConversionFailed: The model found regions for less than half of the page's letters, left more than half out, or
            gave as many twice.
    """
    if _found_share(result) < _LEAST_SHARE:
        raise ConversionFailed(NOTHING_FOUND)
    taker = _Taker(result.document, number, content)
    boxes = list(taker.take())
    taken = sum(_letters(text) for box in [*boxes, *taker.edges] for text in _texts(box))
    share = taken / max(sum(_letters(word.text) for word in content.words), 1)
    if not _LEAST_SHARE <= share <= _LARGEST_SHARE:
        raise ConversionFailed(LEFT_OUT if share < 1 else REPEATED)
    return replace(content, placed=tuple(boxes), edges=tuple(taker.edges))


def arrange_placed(
    content: Content, lines: Sequence[Run], edge: Sequence[Run], typography: Typography
) -> tuple[list[Box], list[Run]]:
    """Give the boxes of such a page as they are written, and its running headers and footers.

    Args:
        content: As `place` gives it.
        lines: The lines of the page.
        edge: Those of them that the pages around it show to be running headers and footers.
        typography: Of the whole document, which gives headings their levels.
    """
    kept: list[Box] = []
    furniture = list(content.edges)
    for box in content.placed:
        inside = _inside(box, lines)
        if isinstance(box, Block | Run) and inside and all(line in edge for line in inside):
            furniture += inside
        elif isinstance(box, Block) and inside:
            kept.append(_finished(box, inside, typography))
        else:
            kept.append(box)
    return blocks.build_blocks(kept, typography), furniture


def _finished(block: Block, lines: Sequence[Run], typography: Typography) -> Block:
    """Give a block with its level, and spelt as on the page: docling makes quotes and dashes plain."""
    if block.kind == "heading":
        level = blocks.heading_level(lines, block.text, typography)
        block = replace(block, level=level or len(typography.heading_heights) + 1)
    if block.kind == "code":
        return block
    printed = blocks.join_lines([line.text for line in lines], typography.wording, [address for _, address in block.links])
    first, _, rest = printed.partition(" ")
    if block.kind == "item" and layout.MARKER.fullmatch(first):
        printed = rest
    return replace(block, text=printed) if _bare(printed) == _bare(block.text) else block


class _Taker:
    """Takes the items of one page of docling's document over, in their order."""

    def __init__(self, document: Any, number: int, content: Content) -> None:
        self._document = document
        self._number = number
        self._content = content
        self._least_picture = MIN_PICTURE_SHARE * content.width * content.height
        self.edges: list[Run] = []
        """Running headers and footers."""

    def take(self) -> Iterator[Box]:
        from docling_core.types.doc import ContentLayer

        layers = {ContentLayer.BODY, ContentLayer.FURNITURE}
        own: set[str] = set()
        for item, _ in self._document.iterate_items(included_content_layers=layers, traverse_pictures=False):
            box = self._box(item)
            if box is None or item.self_ref in own or self._is_in_table(item):
                continue
            before = [ref.resolve(self._document) for ref in getattr(item, "captions", ())]
            after = [ref.resolve(self._document) for ref in getattr(item, "footnotes", ())]
            own.update(of_it.self_ref for of_it in (*before, *after))
            yield from self._paragraphs(before)
            yield from self._one(item, box)
            yield from self._paragraphs(after)

    def _is_in_table(self, item: Any) -> bool:
        """Whether an item is among a table's cells, which are taken with it."""
        while item.parent is not None:
            item = item.parent.resolve(self._document)
            if item.label.value in _TABLES:
                return True
        return False

    def _one(self, item: Any, box: Box) -> Iterator[Box]:
        label = item.label.value
        if label in _TABLES:
            yield from self._table(item, box)
        elif label in ("picture", "chart"):
            if (box.right - box.left) * (box.bottom - box.top) >= self._least_picture:
                yield Picture(box.left, box.top, box.right, box.bottom)
        elif label in ("page_header", "page_footer"):
            self.edges.append(Run(box.left, box.top, box.right, box.bottom, _text(item)))
        elif label == "code":
            yield from self._code(item, box)
        elif _text(item):
            yield self._block(item, box, label)

    def _block(self, item: Any, box: Box, label: str) -> Block:
        place, text = (box.left, box.top, box.right, box.bottom), _text(item)
        if label in ("title", "section_header"):
            return Block(*place, "heading", text, 1, links=self._links(box))
        if label == "list_item":
            return Block(*place, "item", text, 0, item.marker or "-", self._links(box))
        if tick := _BOXES_TO_TICK.get(label):
            text = f"{tick} {text}"
        return Block(*place, "paragraph", text, links=self._links(box))

    def _paragraphs(self, items: Sequence[Any]) -> Iterator[Box]:
        for item in items:
            box = self._box(item)
            if box is not None and _text(item):
                yield self._block(item, box, "text")

    def _table(self, item: Any, box: Box) -> Iterator[Box]:
        """Take a table over; where the cells have no text, find them by the rules and words of the page."""
        cells = _cells(item.data)
        if any(cell.text for cell in cells):
            yield Table(box.left, box.top, box.right, box.bottom, cells, item.data.num_rows, item.data.num_cols)
            return
        words, rules = _inside(box, self._content.words), _inside(box, self._content.rules)
        ruled, rest = tables.take_ruled_tables(words, rules)
        lined, rest = lined_tables.take_lined_tables(rest, rules)
        yield from aligned.find_aligned_tables(reading_order.order_columns([*layout.join_words(rest), *ruled, *lined]))

    def _code(self, item: Any, box: Box) -> Iterator[Box]:
        """Take code over as the lines of the page, which keep their indentation."""
        lines = layout.join_words(_inside(box, self._content.words))
        if lines and all(line.is_mono for line in lines):
            yield from lines
        elif _text(item):
            yield Block(box.left, box.top, box.right, box.bottom, "code", _text(item))

    def _links(self, box: Box) -> tuple[tuple[str, str], ...]:
        words = _inside(box, self._content.words)
        return join_links(layout.join_words(words)) if any(word.link for word in words) else ()

    def _box(self, item: Any) -> Box | None:
        """Give where an item stands, `None` for one that is nowhere on the page."""
        height = self._content.height
        places = [place.bbox.to_top_left_origin(height) for place in item.prov if place.page_no == self._number]
        return enclose([Box(place.l, place.t, place.r, place.b) for place in places]) if places else None


def _found_share(result: Any) -> float:
    """Give the share of the letters that are in regions the model found; docling makes one of each line left over."""
    found = every = 0
    for page in result.pages:
        for cluster in page.predictions.layout.clusters:
            letters = sum(_letters(cell.text) for part in (cluster, *cluster.children) for cell in part.cells)
            every += letters
            found += letters if cluster.confidence < 1 else 0  # the lines left over are as sure as their letters are
    return found / every if every else 0.0


def _cells(data: Any) -> tuple[Cell, ...]:
    return tuple(
        Cell(cell.text.strip(), cell.start_row_offset_idx, cell.start_col_offset_idx, cell.row_span, cell.col_span)
        for cell in data.table_cells
    )


def _text(item: Any) -> str:
    """Give an item's text; of a formula that nobody read, what is printed."""
    return str(getattr(item, "text", "") or getattr(item, "orig", "")).strip()


def _texts(box: Box) -> Iterator[str]:
    if isinstance(box, Table):
        yield from (cell.text for cell in box.cells)
    elif isinstance(box, Block):
        yield f"{box.marker} {box.text}"
    elif isinstance(box, Run):
        yield box.text


def _bare(text: str) -> str:
    """Give the letters and digits alone, ligatures as the letters they stand for."""
    return "".join(character for character in unicodedata.normalize("NFKC", text) if character.isalnum())


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _inside(box: Box, things: Sequence[layout.AnyBox]) -> list[layout.AnyBox]:
    """Give what has its middle in a box."""
    return [
        thing for thing in things
        if box.left <= (thing.left + thing.right) / 2 <= box.right and box.top <= thing.middle <= box.bottom
    ]  # fmt: skip
