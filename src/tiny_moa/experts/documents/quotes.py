"""Keeps block quotes, for which docling's document has no kind: a mark goes with their text until Markdown is written."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from tiny_moa.experts.documents import anchors
from tiny_moa.experts.documents.glue import glue_html, glue_word, remove_glue
from tiny_moa.experts.documents.mail import mail_option

MARK: Final = "\uf8f4"
"""Stands before a quoted paragraph, once for each quote around it; a private character that fonts do not use."""
_AT_START = re.compile(rf"({MARK}+) ?")
_PLACEHOLDER = re.compile(r"%(\d+)")
_NUMBERS = re.compile(r"(?:\d+\.)+")
_QUOTE_STYLE = re.compile(r"(?:intense)?quot(?:e|ations?)|block ?text", re.IGNORECASE)
"""Names of paragraph styles for quotes in Word and LibreOffice."""
_BLOCKS: Final = frozenset(
    ("p", "div", "ul", "ol", "dl", "table", "pre", "blockquote", "section", "article", "figure", "header", "footer", "hr")
) | {f"h{level}" for level in range(1, 7)}


def write_quotes(line: str) -> str:
    """Turn the marks at the start of a line into `> `; any others go."""
    found = _AT_START.match(line)
    if found is None:
        return line.replace(MARK, "")
    return "> " * len(found[1]) + line[found.end() :].replace(MARK, "")


def remove_marks(document: Any) -> None:
    """Take the marks out of docling's document, once its Markdown is written."""
    for item in document.texts:
        clean = [_unmarked(text) for text in (item.text, item.orig)]
        if clean != [item.text, item.orig]:
            item.text, item.orig = (text.lstrip() for text in clean)
    for table in document.tables:
        for cell in table.data.table_cells:
            cell.text = _unmarked(cell.text)


def _unmarked(text: str) -> str:
    return anchors.drop_anchors(remove_glue(text.replace(MARK, "")))


def mark_html(soup: Any) -> None:
    """Mark the paragraphs in the block quotes of a page, and text that stands in one by itself."""
    for quote in soup.find_all("blockquote"):
        for paragraph in quote.find_all("p"):
            paragraph.insert(0, MARK)
        is_running = False
        for child in list(quote.children):
            name = getattr(child, "name", None)
            if name in _BLOCKS:
                is_running = False
            elif not is_running and (name or str(child).strip()):
                child.insert_before(MARK)
                is_running = True


def flatten_code(soup: Any) -> None:
    """Make the text in each listing of a page one piece, so that coloured words do not cost it its lines."""
    for listing in soup.find_all("pre"):
        for line_break in listing.find_all("br"):
            line_break.replace_with("\n")
        codes = listing.find_all("code")
        inner = codes[0] if len(codes) == 1 and codes[0].get_text() == listing.get_text() else listing
        inner.string = inner.get_text()


def mark_word(word: Any) -> None:
    """Mark the paragraphs of a Word document that have a style for quotes."""
    for paragraph in word.paragraphs:
        style = paragraph.style.name if paragraph.style is not None else ""
        if paragraph.runs and is_quote_style(style or ""):
            paragraph.runs[0].text = MARK + paragraph.runs[0].text


def is_quote_style(name: str) -> bool:
    """Whether a paragraph style of Word or LibreOffice is one for quotes, by its name."""
    return _QUOTE_STYLE.fullmatch(name.replace("Intense ", "Intense")) is not None


def own_number(marker: str, template: str, level: int) -> str:
    """Give the number of a list's item as Word shows it: without those of the levels above, where its template has none.

    Args:
        marker: As docling makes it, such as `1.2.`.
        template: Word's, such as `%2.` or `%1.%2.`.
        level: From 0 for the outermost on.
    """
    is_own = set(_PLACEHOLDER.findall(template)) == {str(level + 1)}
    return marker.rstrip(".").rpartition(".")[2] + "." if is_own and _NUMBERS.fullmatch(marker) else marker


@cache
def backend_options() -> Any:
    """Give docling's options for the formats in which more is kept than docling keeps, by format.

    Whatever else reads HTML, such as books and emails, does it with docling's own reader, which is taught the same.
    """
    from docling.backend.html_backend import HTMLDocumentBackend
    from docling.backend.msexcel_backend import MsExcelDocumentBackend
    from docling.backend.mspowerpoint_backend import MsPowerpointDocumentBackend
    from docling.backend.msword_backend import MsWordDocumentBackend
    from docling.datamodel.base_models import InputFormat
    from docling.document_converter import ExcelFormatOption, PowerpointFormatOption, WordFormatOption

    convert_html = HTMLDocumentBackend.convert

    def convert(backend: Any) -> Any:
        mark_html(backend.soup)
        flatten_code(backend.soup)
        glue_html(backend.soup)
        return convert_html(backend)

    class KeepingWord(MsWordDocumentBackend):  # type: ignore[misc]
        """docling's, with marks before quotes and where words go on, and with the links of cells and headings."""

        def convert(self) -> Any:
            mark_word(self.docx_obj)
            glue_word(self.docx_obj)
            anchors.mark_word_headings(self.docx_obj)
            return super().convert()

        def _is_rich_table_cell(self, cell: Any) -> bool:
            return anchors.holds_link(cell) or super()._is_rich_table_cell(cell)

        def _build_enum_marker(self, numid: int, ilvl: int) -> str:
            level = self._get_level_element(numid, ilvl)
            template = level.find("{*}lvlText") if level is not None else None
            words = next(iter(template.attrib.values()), "") if template is not None else ""
            return own_number(super()._build_enum_marker(numid, ilvl), words, ilvl)

    class KeepingSlides(MsPowerpointDocumentBackend):  # type: ignore[misc]
        """docling's, with the links of its text."""

        def convert(self) -> Any:
            anchors.mark_slides(self.pptx_obj)
            return super().convert()

    class KeepingSheets(MsExcelDocumentBackend):  # type: ignore[misc]
        """docling's, with the links of its cells."""

        def convert(self) -> Any:
            anchors.mark_sheets(self.workbook)
            return super().convert()

    HTMLDocumentBackend.convert = convert
    return {
        InputFormat.EMAIL: mail_option(),
        InputFormat.DOCX: WordFormatOption(backend=KeepingWord),
        InputFormat.PPTX: PowerpointFormatOption(backend=KeepingSlides),
        InputFormat.XLSX: ExcelFormatOption(backend=KeepingSheets),
    }
