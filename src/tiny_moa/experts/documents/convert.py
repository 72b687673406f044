"""Turns the bytes of one document into pages of Markdown with docling; runs in the child process only."""

from __future__ import annotations

import io
import logging
import os
import sys
import time
import types
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache
from typing import Any, Final

from tiny_moa.errors import ConversionFailed, DocumentError, PasswordNeeded
from tiny_moa.experts.documents import guards
from tiny_moa.experts.documents.artifacts import NO_LAYOUT, find_layout
from tiny_moa.experts.documents.asciidoc import prepare_asciidoc
from tiny_moa.experts.documents.bitmaps import picture_as_pdf
from tiny_moa.experts.documents.export import Json, export_pages, find_title, summarise_warnings
from tiny_moa.experts.documents.formats import Format, find_format
from tiny_moa.experts.documents.glue import glue_pieces
from tiny_moa.experts.documents.loading import hidden_models, load_for_pdf
from tiny_moa.experts.documents.opendocument import prepare_opendocument
from tiny_moa.experts.documents.pdf import NEEDS_OCR, UNKNOWN_SCRIPT, PageRecord, read_pdf
from tiny_moa.experts.documents.pictures import describe_pictures
from tiny_moa.experts.documents.plain import plain_document, plain_markdown
from tiny_moa.experts.documents.quotes import backend_options, remove_marks
from tiny_moa.experts.documents.repairs import free_lists, show_footnotes
from tiny_moa.experts.documents.standard import LayoutReader, layout_models
from tiny_moa.experts.documents.texts import decode_text, keep_typography

logger = logging.getLogger(__name__)

ALL_PAGES = (1, sys.maxsize)
_SPACED: Final = frozenset(("odt", "ods", "odp"))
"""docling's formats whose pieces of a sentence keep the spaces between them."""
OnPage = Callable[[int, int], None]


def convert(
    content: bytes, name: str, *, suffix: str, seconds: float, pages: tuple[int, int] = ALL_PAGES, password: str = "",
    on_page: OnPage | None = None, wants: Collection[str] = (),
) -> Json:  # fmt: skip
    """Convert one document, or some pages of a PDF.

    Args:
        content: The whole file.
        name: What to call it in messages.
        suffix: Its suffix, which decides the format.
        seconds: After how long a PDF stops and gives the pages it has.
        pages: First and last page of a PDF that are read; other formats are read whole.
        password: What opens a protected PDF.
        on_page: Told how many pages are done, and of how many, whenever one more is.
        wants: `docling` for docling's own document as JSON, `images` for the bitmaps of the pictures.

    Returns:
        `pages` (each `number`, `markdown`, `engine`, `warnings`), `page_count`, `title`, `status`, `warnings`, `format`,
        `pictures` (each `page`, `caption`, `box`, and `png` in base64 when wanted), and `docling` when wanted; of a text
        that is read as it is `docling` alone. `passing` says that another try may give more, `spent` that this process
        should not make it.

    Raises:
        DocumentRefused: It is over a limit or not of the format its suffix says.
        ConversionFailed: docling cannot read it, or all of it was read and has no text.
    """
    document_format = find_format(suffix)
    assert document_format is not None
    if document_format.route == "plain":
        return {"docling": _plain(content, name, document_format, seconds)}
    is_pdf = document_format.route in ("pdf", "picture")
    if document_format.route == "pdf" and password:
        content = _unlocked(content, name, password)
    content, warnings = _prepare(content, name, document_format)
    record = PageRecord()
    result = _run(content, name, document_format, seconds, pages, on_page, record)
    _repair(result.document, document_format)
    read = export_pages(result, record.engines if is_pdf else None, first=pages[0], last=pages[1])
    remove_marks(result.document)
    for page in read:
        page["warnings"] += record.warnings.get(page["number"], [])
    late = [error for error in result.errors if getattr(error.category, "value", "") == "timeout"]
    if late:
        warnings.append(f"time was up after {len(result.pages)} of {len(read)} pages; a longer deadline reads more")
    warnings += summarise_warnings(read)
    if pages == ALL_PAGES and not any(page["markdown"].strip() for page in read):
        raise ConversionFailed(_no_text(name, read))
    is_partial = bool(late) or any(page["warnings"] for page in read)
    answer = {
        "pages": read,
        "page_count": max(result.input.page_count or 0, len(read)) if is_pdf else len(read),
        "title": find_title(result.document),
        "status": "partial" if is_partial else "ok",
        "warnings": warnings,
        "format": document_format.name,
        "out_of_time": bool(late),
        "passing": record.is_passing,
        "spent": record.is_stuck,
        "pictures": describe_pictures(result.document, content if is_pdf else None, wants_bitmaps="images" in wants),
    }
    return answer | ({"docling": result.document.export_to_dict()} if "docling" in wants else {})


def _repair(document: Any, document_format: Format) -> None:
    free_lists(document)
    show_footnotes(document)
    if document_format.input_format in _SPACED:
        glue_pieces(document)


def _plain(content: bytes, name: str, document_format: Format, seconds: float) -> Json:
    """Give docling's document of what is else read as it is."""
    if document_format.input_format:
        markdown = plain_markdown(content, name)
        result = _run(markdown, name, replace(document_format, suffix=".md"), seconds, ALL_PAGES, None, PageRecord())
        found: Json = result.document.export_to_dict()
        return found
    _docling()
    written: Json = plain_document(content, name, document_format).export_to_dict()
    return written


def _unlocked(content: bytes, name: str, password: str) -> bytes:
    """Give a protected PDF without its protection."""
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(content, password=password)
    except pypdfium2.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise PasswordNeeded(f"{name!r} is protected and the password given does not open it") from exc
        return content
    opened = io.BytesIO()
    try:
        document.save(opened, flags=raw.FPDF_REMOVE_SECURITY)
    finally:
        document.close()
    return opened.getvalue()


def _prepare(content: bytes, name: str, document_format: Format) -> tuple[bytes, list[str]]:
    """Check the bytes, and give text to docling in one encoding it cannot mistake and pictures as a PDF."""
    if document_format.route == "picture":
        return picture_as_pdf(content, name), []
    if document_format.archive:
        guards.check_archive(content, name)
    if document_format.input_format == "odt":
        content = prepare_opendocument(content)
    if document_format.name == "XLSX":
        guards.check_sheets(content, name)
    if not document_format.text:
        return content, []
    text, warning = decode_text(content, name, is_markup=document_format.name == "HTML")
    if document_format.name == "HTML":
        guards.check_html(text, name)
    if document_format.name == "AsciiDoc":
        text = prepare_asciidoc(text)
    return text.encode("utf-8-sig", "replace"), [warning] if warning else []


def _run(
    content: bytes, name: str, document_format: Format, seconds: float, pages: tuple[int, int], on_page: OnPage | None,
    record: PageRecord,
) -> Any:  # fmt: skip
    """Have docling convert; its result, or the reason why there is none."""
    started = time.monotonic()
    suffix = ".pdf" if document_format.route == "picture" else document_format.suffix
    heard = on_page and _page_counter(on_page)
    if suffix == ".pdf":
        load_for_pdf()
        tier = find_layout(os.environ) if document_format.route == "pdf" else NO_LAYOUT
        if tier.folder:
            _docling()  # while it is loaded the models are hidden, so they cannot be loaded meanwhile
        seconds -= time.monotonic() - started
        models = LayoutReader(layout_models(tier), content, seconds) if tier.folder else None
        result = read_pdf(content, pages, seconds, heard, record, models)
    else:
        stream = _docling().DocumentStream(name=f"document{suffix}", stream=io.BytesIO(content))
        result = _converter(document_format.input_format).convert(stream, raises_on_error=False, progress_callback=heard)
    if result.status.value not in ("success", "partial_success"):
        raise _why_not(content, name, suffix, result)
    return result


def _page_counter(on_page: OnPage) -> Callable[[Any], None]:
    """Turn docling's progress events into counts of pages."""

    def hear(event: Any) -> None:
        if event.kind.value == "page_completed":
            on_page(event.completed_pages, event.total_pages)

    return hear


@cache
def _docling() -> types.SimpleNamespace:
    """Import docling's converter of every format; the cost of the first document that is no PDF."""
    load_for_pdf()
    with hidden_models():
        from docling.backend.html_backend import HTMLDocumentBackend
        from docling.datamodel.base_models import DocumentStream, InputFormat
        from docling.document_converter import DocumentConverter

    HTMLDocumentBackend._clean_unicode = staticmethod(keep_typography)  # it makes dashes and quotes plain
    return types.SimpleNamespace(DocumentConverter=DocumentConverter, DocumentStream=DocumentStream, InputFormat=InputFormat)


@cache
def _converter(input_format: str) -> Any:
    kind = _docling().InputFormat(input_format)
    options = {known: option for known, option in backend_options().items() if known == kind}
    return _docling().DocumentConverter(allowed_formats=[kind], format_options=options)


def _why_not(content: bytes, name: str, suffix: str, result: Any) -> DocumentError:
    """Say why docling has no result, in words that help; its own messages name hashes and classes."""
    if suffix == ".pdf" and _has_password(content):
        return PasswordNeeded(f"{name!r} is protected by a password; give it as password, or save the file without one")
    logger.info("docling gave no result: %s", "; ".join(error.error_message for error in result.errors)[:500])
    if any("ArchiveLimit" in error.error_message for error in result.errors):
        return ConversionFailed(f"{name!r} unpacks to more than the converter reads; split the document")
    return ConversionFailed(
        f"{name!r} could not be converted: it is damaged or not of the format its suffix says; open and save it again"
    )


def _has_password(content: bytes) -> bool:
    import pypdfium2

    try:
        pypdfium2.PdfDocument(content).close()
    except pypdfium2.PdfiumError as exc:
        return "password" in str(exc).lower()
    return False


def _no_text(name: str, pages: list[Json]) -> str:
    said = {warning for page in pages for warning in page["warnings"]}
    if NEEDS_OCR in said:
        return (
            f"{name!r} is a scan: none of its {len(pages)} pages has a text layer, and OCR is not installed; "
            'run: pip install "tiny-moa[ocr]"'
        )
    if UNKNOWN_SCRIPT in said:
        return f"{name!r} shows text, and {UNKNOWN_SCRIPT}"
    return f"{name!r} has no text that could be read"
