"""Keeps links where docling's document has no place for them: marks go around their text until Markdown is written.

These are the headings of Word files, the cells of sheets and of PDF tables, and all text of slides; child process only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from tiny_moa.experts.documents.links import Links, split_links

_START: Final = "\uf8f1"
_MIDDLE: Final = "\uf8f2"
_END: Final = "\uf8f3"
"""What stands before the address of a link, between it and its text, and after; private characters that fonts do not use."""
_ANCHOR = re.compile(f"{_START}([^{_START}{_MIDDLE}{_END}]*){_MIDDLE}([^{_START}{_END}]*){_END}")
_LEFT_OVER = re.compile(f"{_START}[^{_MIDDLE}]*{_MIDDLE}|[{_START}{_MIDDLE}{_END}]")
_ADDRESS = re.compile(r"(?:https?|ftp|mailto|tel):\S", re.IGNORECASE)
"""Addresses that are kept."""
_UNSAFE = re.compile(r"[\s|<>\[\]\\`]")
"""What would end a link or a cell of a table."""


def anchor(text: str, address: str) -> str:
    """Put the marks of a link around a text; a text without words or an address of another kind stays as it is."""
    if not text.strip() or not _ADDRESS.match(address):
        return text
    written = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", address.strip())
    return f"{_START}{written}{_MIDDLE}{text}{_END}"


def anchor_links(text: str, links: Links) -> str:
    """Put marks around all that leads somewhere in a text."""
    return "".join(anchor(piece, address) if address else piece for piece, address in split_links(text, links))


def write_anchors(markdown: str) -> str:
    """Turn the marks into Markdown's links."""
    return _LEFT_OVER.sub("", _ANCHOR.sub(r"[\2](\1)", markdown)) if _START in markdown else markdown


def drop_anchors(text: str) -> str:
    """Take the marks and addresses out of a text."""
    return _LEFT_OVER.sub("", _ANCHOR.sub(r"\2", text)) if _START in text else text


def mark_word_headings(word: Any) -> None:
    """Mark the links in the headings of a Word document, of which docling keeps the words alone."""
    from docx.oxml.ns import qn

    for paragraph in word.paragraphs:
        style = (paragraph.style.name or "") if paragraph.style is not None else ""
        if not style.lower().startswith(("heading", "title")):
            continue
        for link in paragraph.hyperlinks:
            _mark_texts(link._hyperlink.iter(qn("w:t")), link.url)


def holds_link(cell: Any) -> bool:
    """Whether a cell of a Word table has a link in it."""
    return bool(cell._tc.xpath(".//w:hyperlink"))


def mark_slides(slides: Any) -> None:
    """Mark the links in the text of slides, tables included."""
    from pptx.oxml.ns import qn

    for slide in slides.slides:
        for run in slide._element.iter(qn("a:r")):
            click = run.find(f"{qn('a:rPr')}/{qn('a:hlinkClick')}")
            relation = slide.part.rels.get(click.get(qn("r:id"), "")) if click is not None else None
            if relation is not None and relation.is_external:
                _mark_texts(run.iter(qn("a:t")), relation.target_ref)


def mark_sheets(workbook: Any) -> None:
    """Mark the links of the cells of a workbook."""
    for sheet in workbook.worksheets:
        for cell in list(sheet._cells.values()):  # its rows would make every cell of the sheet's rectangle
            link = getattr(cell, "hyperlink", None)
            if link is not None and link.target and isinstance(cell.value, str):
                cell.value = anchor(cell.value, link.target)


def _mark_texts(nodes: Iterable[Any], address: str) -> None:
    """Put the marks of one link around the text of several nodes."""
    with_text = [node for node in nodes if node.text]
    if with_text and (marked := anchor(with_text[0].text, address)) != with_text[0].text:
        with_text[0].text = marked.removesuffix(_END)
        with_text[-1].text += _END
