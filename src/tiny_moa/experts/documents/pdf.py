"""Glue between docling's model-free PDF pipeline and our geometry; runs in the child process only.

docling parses and keeps its limits, time and error records; we decide what is a heading, a list or a table. Both
methods that are replaced are private, so docling is pinned and a test reads documents through them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any, Final

from tiny_moa.experts.documents import blocks, layout, tables
from tiny_moa.experts.documents.blocks import Block
from tiny_moa.experts.documents.export import PAGE_GROUP
from tiny_moa.experts.documents.layout import Box, Run
from tiny_moa.experts.documents.tables import Table

MAX_RULE_POINTS: Final = 2.0
"""Painted boxes up to this thickness are rules."""
MIN_PICTURE_SHARE: Final = 0.03
"""Bitmaps smaller than this share of the page are ornaments."""
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|medi(?:um)?$|cmbx|sfbx|-bd", re.IGNORECASE)
_MONO = re.compile(r"courier|mono|nimbusmon|consol|typewriter|cmtt|sftt|menlo|-code", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Picture(Box):
    """A bitmap on the page."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What one page holds, in points from its upper left corner."""

    height: float
    words: tuple[Run, ...]
    turned: tuple[Run, ...]
    rules: tuple[Box, ...]
    pictures: tuple[Picture, ...]


def pdf_option(seconds: float) -> Any:
    """Give docling's format option for PDF with our pipeline.

    Args:
        seconds: After how long it stops and gives the pages it has.
    """
    from docling.datamodel.backend_options import ThreadedDoclingParseBackendOptions
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.document_converter import NativePdfFormatOption

    options = NativePdfPipelineOptions(
        generate_page_images=False, generate_picture_images=False, parser_threads=2, document_timeout=max(seconds, 0.1)
    )
    # rules are parsed only when pages are rendered, so pages are rendered very small
    backend = ThreadedDoclingParseBackendOptions(parser_threads=2, render_pages=True, render_scale=0.1)
    return NativePdfFormatOption(pipeline_cls=_pipeline_class(), pipeline_options=options, backend_options=backend)


@cache
def _pipeline_class() -> Any:
    from docling.pipeline.native_pdf_pipeline import NativePdfPipeline

    class GeometricPdfPipeline(NativePdfPipeline):  # type: ignore[misc]
        """docling's model-free pipeline with an assembler that looks at where things stand on the page."""

        def _build_document(self, conv_res: Any) -> Any:
            self._contents: dict[int, _Content] = {}
            return super()._build_document(conv_res)

        def _parse_page(self, timings: Any, conv_res: Any, page_backend: Any) -> Any:
            page = super()._parse_page(timings, conv_res, page_backend)
            if page is not None:
                self._contents[page.page_no] = _read_page(page, page_backend)
            return page

        def _assemble_document(self, conv_res: Any) -> Any:
            conv_res.document = _assemble(conv_res, self._contents)
            self._contents = {}
            return conv_res

    return GeometricPdfPipeline


def _read_page(page: Any, page_backend: Any) -> _Content:
    """Take words, rules and bitmaps out of docling's page while its parser is open."""
    height = float(page.size.height)
    words: list[Run] = []
    turned: list[Run] = []
    for cell in page.parsed_page.word_cells:
        text = _CONTROL.sub("", cell.text).strip()
        if text:
            box = cell.rect.to_bounding_box().to_top_left_origin(height)
            font = str(cell.font_name or "")
            word = Run(box.l, box.t, box.r, box.b, text, bool(_BOLD.search(font)), bool(_MONO.search(font)))
            is_turned = abs(cell.rect.r_y1 - cell.rect.r_y0) > abs(cell.rect.r_x1 - cell.rect.r_x0)
            (turned if is_turned else words).append(word)
    lines = page_backend.get_shape_lines() or []
    boxes = page_backend.get_thin_shape_boxes(max_thickness=MAX_RULE_POINTS) or []
    rules = tuple(Box(box.l, box.t, box.r, box.b) for box in [*lines, *boxes])
    least = MIN_PICTURE_SHARE * float(page.size.width) * height
    pictures = tuple(
        Picture(box.l, box.t, box.r, box.b)
        for box in page_backend.get_bitmap_rects()
        if abs((box.r - box.l) * (box.b - box.t)) >= least
    )
    return _Content(height, tuple(words), tuple(turned), rules, pictures)


def _assemble(conv_res: Any, contents: dict[int, _Content]) -> Any:
    """Make docling's document out of the contents of its pages."""
    from docling_core.types.doc import ContentLayer, DocItemLabel, DoclingDocument, DocumentOrigin

    source = conv_res.input
    origin = DocumentOrigin(mimetype="application/pdf", filename=source.file.name, binary_hash=source.document_hash)
    document = DoclingDocument(name=PurePath(source.file.name).stem, origin=origin)
    arranged, furniture = arrange([contents[page.page_no] for page in conv_res.pages])
    for page, boxes, edges in zip(conv_res.pages, arranged, furniture, strict=True):
        document.add_page(page_no=page.page_no, size=page.size)
        writer = _PageWriter(document, page.page_no, float(page.size.height))
        for box in boxes:
            writer.add(box)
        for line in edges:
            label = DocItemLabel.PAGE_HEADER if line.middle < page.size.height / 2 else DocItemLabel.PAGE_FOOTER
            document.add_text(
                label, line.text, parent=writer.group, prov=writer.place(line), content_layer=ContentLayer.FURNITURE
            )
    return document


def arrange(contents: list[_Content]) -> tuple[list[list[Box]], list[list[Run]]]:
    """Arrange the contents of all pages.

    Returns:
        For each page its blocks, tables and pictures in reading order, and its running headers and footers.
    """
    found = [tables.take_ruled_tables(content.words, content.rules) for content in contents]
    lines = [layout.join_words(words) for _, words in found]
    typography = blocks.measure(lines)
    edges = blocks.find_furniture(lines, [content.height for content in contents])
    pages: list[list[Box]] = []
    for content, (ruled, _), page_lines, edge in zip(contents, found, lines, edges, strict=True):
        body: list[Box] = [line for index, line in enumerate(page_lines) if index not in edge]
        ordered = layout.order_columns([*body, *ruled, *content.pictures])
        built = blocks.build_blocks(tables.find_aligned_tables(ordered), typography)
        pages.append(built + _turned_text(content.turned))
    furniture = [[lines[number][index] for index in sorted(edge)] for number, edge in enumerate(edges)]
    return blocks.level_headings(pages), furniture


def _turned_text(words: tuple[Run, ...]) -> list[Box]:
    """Keep text that runs up or down the page, in the order of the file, after everything else."""
    if not words:
        return []
    box = layout.enclose(words)
    return [Block(box.left, box.top, box.right, box.bottom, "paragraph", " ".join(word.text for word in words))]


class _PageWriter:
    """Adds the boxes of one page to docling's document."""

    def __init__(self, document: Any, number: int, height: float) -> None:
        from docling_core.types.doc import GroupLabel

        self._document = document
        self._group = document.add_group(label=GroupLabel.UNSPECIFIED, name=f"{PAGE_GROUP}{number}")
        self._number = number
        self._height = height
        self._lists: list[Any] = []
        self._last_items: list[Any] = []

    @property
    def group(self) -> Any:
        """The group that holds what is on the page."""
        return self._group

    def add(self, box: Box) -> None:
        """Add a block, table or picture after what was added before."""
        if isinstance(box, Block) and box.kind == "item":
            self._add_item(box)
            return
        self._lists, self._last_items = [], []
        if isinstance(box, Block):
            self._add_block(box)
        elif isinstance(box, Table):
            self._document.add_table(data=_table_data(box), parent=self._group, prov=self.place(box))
        elif isinstance(box, Picture):
            self._document.add_picture(parent=self._group, prov=self.place(box))

    def place(self, box: Box) -> Any:
        """Give docling's record of where something stands."""
        from docling_core.types.doc import BoundingBox, CoordOrigin, ProvenanceItem

        bbox = BoundingBox(l=box.left, t=box.top, r=box.right, b=box.bottom, coord_origin=CoordOrigin.TOPLEFT)
        text = getattr(box, "text", "")
        return ProvenanceItem(page_no=self._number, bbox=bbox.to_bottom_left_origin(self._height), charspan=(0, len(text)))

    def _add_block(self, block: Block) -> None:
        from docling_core.types.doc import DocItemLabel

        place = self.place(block)
        if block.kind == "code":
            self._document.add_code(text=block.text, parent=self._group, prov=place)
        elif block.kind == "paragraph":
            self._document.add_text(DocItemLabel.TEXT, block.text, parent=self._group, prov=place)
        elif block.level == 1:
            self._document.add_title(block.text, parent=self._group, prov=place)
        else:
            self._document.add_heading(block.text, level=block.level - 1, parent=self._group, prov=place)

    def _add_item(self, block: Block) -> None:
        level = min(block.level, len(self._lists))
        del self._lists[level + 1 :], self._last_items[level:]
        if level == len(self._lists):
            parent = self._last_items[-1] if self._last_items else self._group
            self._lists.append(self._document.add_list_group(parent=parent))
        is_numbered = any(character.isalnum() for character in block.marker)
        item = self._document.add_list_item(
            block.text, enumerated=is_numbered, marker=block.marker, parent=self._lists[level], prov=self.place(block)
        )
        self._last_items.append(item)


def _table_data(table: Table) -> Any:
    from docling_core.types.doc import TableCell, TableData

    cells = [
        TableCell(
            text=cell.text,
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
