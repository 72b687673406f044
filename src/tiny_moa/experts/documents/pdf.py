"""Glue between docling's model-free PDF pipeline and our geometry; runs in the child process only.

docling parses and keeps its limits, time and error records; what is on a page is taken out of it here, by character
recognition where the page is a picture, and put together in `assemble`. The methods that are replaced are private, so
docling is pinned and a test reads documents through them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tiny_moa.errors import ConversionFailed
from tiny_moa.experts.documents import placed, scan, vision
from tiny_moa.experts.documents.assemble import assemble
from tiny_moa.experts.documents.content import MIN_PICTURE_SHARE, Content, Picture
from tiny_moa.experts.documents.document import Engine
from tiny_moa.experts.documents.fields import read_fields
from tiny_moa.experts.documents.glyphs import read_words
from tiny_moa.experts.documents.layout import Box, Run
from tiny_moa.experts.documents.marks import read_marks, read_panels
from tiny_moa.experts.documents.mirror import mirror, runs_right_to_left
from tiny_moa.experts.documents.standard import LayoutReader

MAX_RULE_POINTS: Final = 2.0
"""Painted boxes up to this thickness are rules."""
MIN_SCAN_SHARE: Final = 0.3
"""Bitmaps larger than this share of the page, with next to no text on them, are read by character recognition."""
NEEDS_OCR: Final = "no text layer; OCR is not installed"
UNKNOWN_SCRIPT: Final = "some lines could not be recognised; Korean needs Tesseract with its 'kor' data on the PATH"
PART_UNREAD: Final = "some lines could not be recognised"
NOTHING_SEEN: Final = "a picture in which no text was recognised"
_MIN_WORDS = 5
_LONG_SIDE_PIXELS = 1800
_SHORT_SIDE_PIXELS = 900
_UNMAPPED = re.compile(r"[\ue000-\uf8ff\ufffd]{2}|\ufffd")
"""What stands for letters of a font that does not say which they are."""


@dataclass
class PageRecord:
    """What read each page, by number, and what is missing from it; filled while a PDF is converted.

    Attributes:
        engines: What read it.
        warnings: What is missing.
        is_passing: Whether the layout model failed on a page, which it may not do the next time.
        is_stuck: Whether it was still at work on a page when that was given up.
    """

    engines: dict[int, Engine] = field(default_factory=dict)
    warnings: dict[int, list[str]] = field(default_factory=dict)
    is_passing: bool = False
    is_stuck: bool = False


def read_pdf(
    content: bytes, pages: tuple[int, int], seconds: float, heard: Callable[[Any], None] | None, record: PageRecord,
    models: LayoutReader | None = None,
) -> Any:  # fmt: skip
    """Have docling read a PDF with our pipeline; gives its result, which may be a failure.

    docling's converter would do the same, and import the libraries of all other formats first.

    Args:
        content: The file.
        pages: First and last page that are read.
        seconds: After how long it stops and gives the pages it has.
        heard: Told docling's events of progress.
        record: Where to say what read each page.
        models: Reads pages of the file with a layout model; `None` where there is none.
    """
    from docling.backend.docling_parse_backend import ThreadedDoclingParseDocumentBackend
    from docling.datamodel.backend_options import ThreadedDoclingParseBackendOptions
    from docling.datamodel.base_models import ConversionStatus, InputFormat
    from docling.datamodel.document import ConversionResult, InputDocument, build_invalid_input_errors
    from docling.datamodel.pipeline_options import NativePdfPipelineOptions
    from docling.datamodel.progress import ProgressReporter
    from docling.datamodel.settings import DocumentLimits

    options = NativePdfPipelineOptions(
        generate_page_images=False, generate_picture_images=False, parser_threads=2, document_timeout=max(seconds, 0.1)
    )
    # rules are parsed only when pages are rendered, so pages are rendered very small
    parsing = ThreadedDoclingParseBackendOptions(parser_threads=2, render_pages=True, render_scale=0.1)
    source = InputDocument(
        io.BytesIO(content), InputFormat.PDF, ThreadedDoclingParseDocumentBackend, parsing, "document.pdf",
        DocumentLimits(page_range=pages),
    )  # fmt: skip
    if not source.valid:
        return ConversionResult(input=source, status=ConversionStatus.FAILURE, errors=build_invalid_input_errors(source))
    pipeline = _pipeline_class(_PageReader(content, seconds, record, models))(options)
    return pipeline.execute(source, raises_on_error=False, progress=ProgressReporter([heard] if heard else []))


def _pipeline_class(reader: _PageReader) -> Any:
    from docling.pipeline.native_pdf_pipeline import NativePdfPipeline

    class GeometricPdfPipeline(NativePdfPipeline):  # type: ignore[misc]
        """docling's model-free pipeline with an assembler that looks at where things stand on the page."""

        def _build_document(self, conv_res: Any) -> Any:
            self._contents: dict[int, Content] = {}
            return super()._build_document(conv_res)

        def _parse_page(self, timings: Any, conv_res: Any, page_backend: Any) -> Any:
            page = super()._parse_page(timings, conv_res, page_backend)
            if page is not None:
                self._contents[page.page_no] = reader.read(page, page_backend)
            return page

        def _assemble_document(self, conv_res: Any) -> Any:
            conv_res.document = assemble(conv_res, self._contents)
            self._contents = {}
            reader.close()
            return conv_res

    return GeometricPdfPipeline


class _PageReader:
    """Reads pages of one PDF: the text it holds, and what its pictures show."""

    def __init__(self, content: bytes, seconds: float, record: PageRecord, models: LayoutReader | None) -> None:
        self._content = content
        self._seconds = seconds
        self._record = record
        self._models = models
        self._pdf: Any = None

    def read(self, page: Any, page_backend: Any) -> Content:
        """Give what is on a page, and record what read it."""
        shown = self._page(page.page_no)
        level, turned = read_words(shown)
        fields = read_fields(self._pdf, shown)
        taken = take_content(page, page_backend, read_marks(self._pdf, shown, level + fields), turned)
        content = upright(taken)
        if content is taken:
            content = taken = replace(taken, panels=read_panels(shown))
        if not content.words or wanted_regions(content):
            content = self._recognise(page.page_no, content)
        elif self._models is not None and content is taken and not fields and suits_models(content):
            content = self._place(self._models, page.page_no, content)
        has_text = content.words or content.turned
        self._record.engines.setdefault(page.page_no, "text" if has_text else "none")
        return mirrored(content) if runs_right_to_left(content.words) else content

    def close(self) -> None:
        """Let go of the file."""
        if self._pdf is not None:
            self._pdf.close()
            self._pdf = None

    def _recognise(self, number: int, content: Content) -> Content:
        picture = self._render(number, content)
        if not _has_ink(picture):
            return content
        if len(content.words) < _MIN_WORDS and (written := self._have_written(number, picture)):
            self._record.engines[number] = "vlm"
            return Content(content.width, content.height, (), written=written)
        if not scan.is_installed():
            self._record.warnings.setdefault(number, []).append(NEEDS_OCR)
            return content
        per_point = picture.width / content.width
        found: list[Run] = []
        whole = Box(0, 0, content.width, content.height)
        for region in wanted_regions(content) if len(content.words) >= _MIN_WORDS else [whole]:
            crop = picture.crop(tuple(round(side * per_point) for side in (region.left, region.top, region.right, region.bottom)))
            reading = scan.read_picture(crop, seconds=self._seconds)
            self._note(number, reading)
            if region is whole:
                size = (reading.width / per_point, reading.height / per_point)
                content = replace(content, width=size[0], height=size[1], words=(), pictures=(), rules=())
            found += [_at(line, region, per_point) for line in reading.lines]
        if not found and not content.words:
            self._record.warnings.setdefault(number, [NOTHING_SEEN])
        if sum(len(run.text) for run in found) > sum(len(word.text) for word in content.words):
            self._record.engines[number] = "ocr"
        return replace(content, words=(*content.words, *found), is_scan=not content.words)

    def _place(self, models: LayoutReader, number: int, content: Content) -> Content:
        """Give what the layout model makes of a page; the page as it is when the model fails."""
        try:
            result = models.read(number)
        except ConversionFailed as exc:
            self._record.warnings.setdefault(number, []).append(str(exc))
            self._record.is_passing, self._record.is_stuck = True, models.is_stuck
            return content
        try:
            content = placed.place(result, number, content)
        except ConversionFailed as exc:
            self._record.warnings.setdefault(number, []).append(str(exc))
            return content
        self._record.engines[number] = "layout"
        return content

    def _have_written(self, number: int, picture: Any) -> str:
        """Give what a vision model writes about a page, empty when there is none or it failed."""
        endpoint = vision.find_endpoint()
        if endpoint is None:
            return ""
        try:
            return vision.read_picture(endpoint, picture, seconds=self._seconds)
        except ConversionFailed as exc:
            self._record.warnings[number] = [str(exc)]
            return ""

    def _note(self, number: int, reading: scan.Reading) -> None:
        if reading.n_unread > max(1, 0.1 * len(reading.lines)):
            from tiny_moa.experts.documents import tesseract

            said = PART_UNREAD if tesseract.reads_korean() else UNKNOWN_SCRIPT
            self._record.warnings.setdefault(number, []).append(said)

    def _render(self, number: int, content: Content) -> Any:
        long, short = max(content.width, content.height), min(content.width, content.height)
        scale = min(max(_LONG_SIDE_PIXELS / long, _SHORT_SIDE_PIXELS / short), scan.MAX_SIDE_PIXELS / long)
        return self._page(number).render(scale=scale).to_pil()

    def _page(self, number: int) -> Any:
        import pypdfium2

        if self._pdf is None:
            self._pdf = pypdfium2.PdfDocument(self._content)
            self._pdf.init_forms()
        return self._pdf[number - 1]


def take_content(page: Any, page_backend: Any, level: Sequence[Run], turned: Sequence[tuple[Run, bool]]) -> Content:
    """Take rules and bitmaps out of docling's page while its parser is open, and put its words to them."""
    width, height = float(page.size.width), float(page.size.height)
    words = [word for word in level if not _UNMAPPED.search(word.text)]
    lines = page_backend.get_shape_lines() or []
    boxes = page_backend.get_thin_shape_boxes(max_thickness=MAX_RULE_POINTS) or []
    rules = tuple(Box(box.l, box.t, box.r, box.b) for box in [*lines, *boxes])
    least = MIN_PICTURE_SHARE * width * height
    pictures = tuple(
        Picture(box.l, box.t, box.r, box.b)
        for box in page_backend.get_bitmap_rects()
        if abs((box.r - box.l) * (box.b - box.t)) >= least
    )
    up = sum(goes_up for _, goes_up in turned) * 2 > len(turned)
    return Content(width, height, tuple(words), tuple(word for word, _ in turned), rules, pictures, up)


def upright(content: Content) -> Content:
    """Turn a page most of whose words run up or down, so that they run from left to right."""
    if len(content.turned) < _MIN_WORDS or len(content.turned) < 2 * len(content.words):
        return content

    def turn(box: Any) -> Any:
        if content.turned_goes_up:
            sides = (content.height - box.bottom, box.left, content.height - box.top, box.right)
        else:
            sides = (box.top, content.width - box.right, box.bottom, content.width - box.left)
        return replace(box, left=sides[0], top=sides[1], right=sides[2], bottom=sides[3])

    return Content(
        width=content.height,
        height=content.width,
        words=tuple(turn(word) for word in content.turned),
        turned=content.words,
        rules=tuple(turn(rule) for rule in content.rules),
        pictures=tuple(turn(picture) for picture in content.pictures),
    )


def mirrored(content: Content) -> Content:
    """Mirror a page that runs from right to left."""
    return replace(
        content,
        words=tuple(mirror(content.words, content.width)),
        rules=tuple(mirror(content.rules, content.width)),
        pictures=tuple(mirror(content.pictures, content.width)),
        panels=tuple(mirror(content.panels, content.width)),
        is_mirrored=True,
    )


def suits_models(content: Content) -> bool:
    """Whether a page is of the kind that layout models know: its text runs from left to right, and hardly any up or down."""
    return len(content.turned) < _MIN_WORDS and not runs_right_to_left(content.words)


def wanted_regions(content: Content) -> Sequence[Box]:
    """Give the bitmaps of a page that are large, and have hardly a word of the page's own text on them."""
    least = MIN_SCAN_SHARE * content.width * content.height
    regions = []
    for picture in content.pictures:
        box = Box(
            max(picture.left, 0), max(picture.top, 0), min(picture.right, content.width), min(picture.bottom, content.height)
        )
        inside = [word for word in content.words if box.left < word.left < box.right and box.top < word.middle < box.bottom]
        if (box.right - box.left) * (box.bottom - box.top) >= least and len(inside) < _MIN_WORDS:
            regions.append(box)
    return regions


def _at(line: Run, region: Box, per_point: float) -> Run:
    return replace(
        line,
        left=region.left + line.left / per_point,
        right=region.left + line.right / per_point,
        top=region.top + line.top / per_point,
        bottom=region.top + line.bottom / per_point,
    )


def _has_ink(picture: Any) -> bool:
    low, high = picture.convert("L").getextrema()
    return bool(high - low > 40)
