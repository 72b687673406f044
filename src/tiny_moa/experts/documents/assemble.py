"""Makes docling's document out of what stands on the pages of a PDF; runs in the child process only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from tiny_moa.experts.documents import aligned, blocks, layout, reading_order, sidebars, tables
from tiny_moa.experts.documents import lined as lined_tables
from tiny_moa.experts.documents.anchors import anchor_links
from tiny_moa.experts.documents.blocks import Block
from tiny_moa.experts.documents.content import Content, Picture
from tiny_moa.experts.documents.continued import join_interrupted
from tiny_moa.experts.documents.export import PAGE_GROUP
from tiny_moa.experts.documents.furniture import find_furniture
from tiny_moa.experts.documents.layout import Box, Run
from tiny_moa.experts.documents.links import split_links
from tiny_moa.experts.documents.placed import arrange_placed
from tiny_moa.experts.documents.tables import Table, find_frames
from tiny_moa.experts.documents.vision import markdown_boxes


def assemble(conv_res: Any, contents: dict[int, Content]) -> Any:
    """Make docling's document out of the contents of its pages."""
    from docling_core.types.doc import ContentLayer, DocItemLabel, DoclingDocument, DocumentOrigin, Size

    source = conv_res.input
    origin = DocumentOrigin(mimetype="application/pdf", filename=source.file.name, binary_hash=source.document_hash)
    document = DoclingDocument(name=PurePath(source.file.name).stem, origin=origin)
    arranged, furniture = arrange([contents[page.page_no] for page in conv_res.pages])
    for page, boxes, edges in zip(conv_res.pages, arranged, furniture, strict=True):
        content = contents[page.page_no]
        document.add_page(page_no=page.page_no, size=Size(width=content.width, height=content.height))
        writer = _PageWriter(document, page.page_no, content)
        for box, caption in pair_captions(boxes):
            writer.add(box, caption)
        for line in edges:
            label = DocItemLabel.PAGE_HEADER if line.middle < content.height / 2 else DocItemLabel.PAGE_FOOTER
            document.add_text(
                label, line.text, parent=writer.group, prov=writer.place(line), content_layer=ContentLayer.FURNITURE
            )
    return document


def arrange(contents: list[Content]) -> tuple[list[list[Box]], list[list[Run]]]:
    """Arrange the contents of all pages.

    Returns:
        For each page its blocks, tables and pictures in reading order, and its running headers and footers.
    """
    found = [_take_tables(content) for content in contents]
    beside = [
        sidebars.take_sidebars(words, [] if content.placed else [*find_frames(content.rules), *content.panels])
        for (_, words), content in zip(found, contents, strict=True)
    ]
    lines = [layout.join_words(words) for _, words in beside]
    typography = {
        is_scan: replace(
            blocks.measure([page for page, content in zip(lines, contents, strict=True) if content.is_scan == is_scan]),
            is_scan=is_scan,
        )
        for is_scan in (False, True)
    }
    edges = find_furniture(lines, [content.height for content in contents])
    pages: list[list[Box]] = []
    furniture: list[list[Run]] = []
    for content, (ruled, _), (boxed, _), page_lines, edge in zip(contents, found, beside, lines, edges, strict=True):
        outer = [page_lines[index] for index in sorted(edge)]
        if content.placed:
            boxes, outer = arrange_placed(content, page_lines, outer, typography[False])
        else:
            body: list[Box] = [line for index, line in enumerate(page_lines) if index not in edge]
            boxes = _arrange_page([*body, *ruled, *content.pictures], boxed, typography[content.is_scan])
            boxes += _turned_text(content.turned)
            boxes += markdown_boxes(content.written, Box(0, 0, content.width, content.height)) if content.written else []
        pages.append(boxes)
        furniture.append(outer)
    return blocks.level_headings(pages), furniture


def _arrange_page(items: Sequence[Box], boxed: Sequence[tuple[Box, Sequence[Run]]], typography: blocks.Typography) -> list[Box]:
    """Arrange what is on a page, and the words in boxes that its text flows around."""
    built = _build(items, typography)
    for frame, words in boxed:
        built = sidebars.put_beside(built, frame, _build(layout.join_words(words), typography))
    return join_interrupted(built, typography)


def _build(items: Sequence[Box], typography: blocks.Typography) -> list[Box]:
    """Put what is on a page, or in a box on it, into reading order and join it to blocks and tables."""
    ordered = reading_order.order_columns(items)
    return blocks.build_blocks(aligned.find_aligned_tables(ordered), typography)


def _take_tables(content: Content) -> tuple[list[Table], list[Run]]:
    """Give the tables of a page that have rules, and the words that are in none of them."""
    ruled, words = tables.take_ruled_tables(content.words, content.rules)
    free = [rule for rule in content.rules if not any(_is_on(rule, table) for table in ruled)]
    lined, rest = lined_tables.take_lined_tables(words, free)
    return [*ruled, *lined], rest


def _is_on(rule: Box, table: Table) -> bool:
    return table.top - 3 <= rule.middle <= table.bottom + 3 and table.left - 3 <= rule.left and rule.right <= table.right + 3


def pair_captions(boxes: Sequence[Box]) -> list[tuple[Box, Block | None]]:
    """Put captions to the tables below them, and to the pictures above or below them; all else stays in order."""
    paired: list[tuple[Box, Block | None]] = []
    for box in boxes:
        before, its_caption = paired[-1] if paired else (None, None)
        if isinstance(box, Table | Picture) and isinstance(before, Block) and _is_caption(before):
            paired[-1] = (box, before)
        elif isinstance(box, Block) and _is_caption(box) and isinstance(before, Picture) and its_caption is None:
            paired[-1] = (before, box)
        else:
            paired.append((box, None))
    return paired


def _is_caption(block: Block) -> bool:
    return block.kind == "paragraph" and not block.links and blocks.CAPTION.match(block.text) is not None


def _turned_text(words: tuple[Run, ...]) -> list[Box]:
    """Keep text that runs up or down the page, in the order of the file, after everything else."""
    if not words:
        return []
    box = layout.enclose(words)
    return [Block(box.left, box.top, box.right, box.bottom, "paragraph", " ".join(word.text for word in words))]


class _PageWriter:
    """Adds the boxes of one page to docling's document."""

    def __init__(self, document: Any, number: int, content: Content) -> None:
        from docling_core.types.doc import GroupLabel

        self._document = document
        self._group = document.add_group(label=GroupLabel.UNSPECIFIED, name=f"{PAGE_GROUP}{number}")
        self._number = number
        self._content = content
        self._lists: list[Any] = []
        self._last_items: list[Any] = []

    @property
    def group(self) -> Any:
        """The group that holds what is on the page."""
        return self._group

    def add(self, box: Box, caption: Block | None = None) -> None:
        """Add a block, table or picture, with its caption, after what was added before."""
        if isinstance(box, Block) and box.kind == "item":
            self._add_item(box)
            return
        self._lists, self._last_items = [], []
        if isinstance(box, Block):
            self._add_block(box)
        elif isinstance(box, Table):
            self._document.add_table(
                data=_table_data(box), parent=self._group, prov=self.place(box), caption=self._add_caption(caption)
            )
        elif isinstance(box, Picture):
            self._document.add_picture(parent=self._group, prov=self.place(box), caption=self._add_caption(caption))

    def _add_caption(self, caption: Block | None) -> Any:
        from docling_core.types.doc import DocItemLabel

        if caption is None:
            return None
        return self._document.add_text(DocItemLabel.CAPTION, caption.text, parent=self._group, prov=self.place(caption))

    def place(self, box: Box) -> Any:
        """Give docling's record of where something stands."""
        from docling_core.types.doc import BoundingBox, CoordOrigin, ProvenanceItem

        left, right = box.left, box.right
        if self._content.is_mirrored:
            left, right = self._content.width - right, self._content.width - left
        bbox = BoundingBox(l=left, t=box.top, r=right, b=box.bottom, coord_origin=CoordOrigin.TOPLEFT)
        text, bbox = getattr(box, "text", ""), bbox.to_bottom_left_origin(self._content.height)
        return ProvenanceItem(page_no=self._number, bbox=bbox, charspan=(0, len(text)))

    def _add_block(self, block: Block) -> None:
        from docling_core.types.doc import DocItemLabel

        place = self.place(block)
        if block.kind == "code":
            self._document.add_code(text=block.text, parent=self._group, prov=place)
        elif block.kind == "paragraph":
            pieces = self._pieces(block)
            if len(pieces) == 1:
                self._document.add_text(DocItemLabel.TEXT, block.text, parent=self._group, prov=place, hyperlink=pieces[0][1])
            else:
                self._add_pieces(pieces, self._group, place)
        elif block.level == 1:
            self._document.add_title(anchor_links(block.text, block.links), parent=self._group, prov=place)
        else:
            text = anchor_links(block.text, block.links)
            self._document.add_heading(text, level=block.level - 1, parent=self._group, prov=place)

    def _add_item(self, block: Block) -> None:
        level = min(block.level, len(self._lists))
        del self._lists[level + 1 :], self._last_items[level:]
        if level == len(self._lists):
            parent = self._last_items[-1] if self._last_items else self._group
            self._lists.append(self._document.add_list_group(parent=parent))
        is_numbered = any(character.isalnum() for character in block.marker)
        pieces, place = self._pieces(block), self.place(block)
        is_whole = len(pieces) == 1
        item = self._document.add_list_item(
            block.text if is_whole else "", enumerated=is_numbered, marker=block.marker, parent=self._lists[level], prov=place,
            hyperlink=pieces[0][1] if is_whole else None,
        )  # fmt: skip
        if not is_whole:
            self._add_pieces(pieces, item, place)
        self._last_items.append(item)

    def _add_pieces(self, pieces: Sequence[tuple[str, Any]], parent: Any, place: Any) -> None:
        from docling_core.types.doc import DocItemLabel

        group = self._document.add_inline_group(parent=parent)
        for text, address in pieces:
            self._document.add_text(DocItemLabel.TEXT, text.strip(), parent=group, prov=place, hyperlink=address)

    def _pieces(self, block: Block) -> list[tuple[str, Any]]:
        """Divide a block's text at its links; an address that docling does not take is none."""
        from pydantic import AnyUrl, ValidationError

        found: list[tuple[str, Any]] = []
        for text, address in split_links(block.text, block.links):
            try:
                found.append((text, AnyUrl(address) if address else None))
            except ValidationError:
                found.append((text, None))
        return found or [(block.text, None)]


def _table_data(table: Table) -> Any:
    from docling_core.types.doc import TableCell, TableData

    cells = [
        TableCell(
            text=anchor_links(cell.text, cell.links),
            row_span=cell.row_span,
            col_span=cell.column_span,
            start_row_offset_idx=cell.row,
            end_row_offset_idx=cell.row + cell.row_span,
            start_col_offset_idx=cell.column,
            end_col_offset_idx=cell.column + cell.column_span,
            column_header=cell.row == 0,
        )
        for cell in table.cells
    ]
    return TableData(num_rows=table.n_rows, num_cols=table.n_columns, table_cells=cells)
