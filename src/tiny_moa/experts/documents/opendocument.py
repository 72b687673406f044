"""Prepares OpenDocument files for docling, which leaves their formulas and quotes out; runs in the child process only."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

from tiny_moa.experts.documents.mathml import write_latex
from tiny_moa.experts.documents.quotes import MARK, is_quote_style

_CONTENT: Final = "content.xml"
_MATH: Final = "{http://www.w3.org/1998/Math/MathML}math"
_NAMES: Final = {
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "xlink": "http://www.w3.org/1999/xlink",
}
_ENCODED = re.compile(r"_([0-9a-f]{2})_")


def prepare_opendocument(content: bytes) -> bytes:
    """Write formulas as text between dollar signs, and mark the paragraphs of quotes.

    What is no file of this kind, or has neither, comes back as it is.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            tree = etree.fromstring(archive.read(_CONTENT), parser)
            formulas = {frame: _formula(archive, frame, parser) for frame in _all(tree, "draw", "frame")}
            written = [_write_formula(frame, latex) for frame, latex in formulas.items() if latex]
            styles = _styles(tree)
            quotes = [_mark(paragraph) for paragraph in _all(tree, "text", "p") if _is_quote(paragraph, styles)]
            return _replaced(archive, etree.tostring(tree)) if written or quotes else content
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, etree.XMLSyntaxError):
        return content  # damaged or locked; docling says what is wrong with it


def _all(tree: Any, space: str, name: str) -> list[Any]:
    return list(tree.iter(_name(space, name)))


def _name(space: str, name: str) -> str:
    return f"{{{_NAMES[space]}}}{name}"


def _formula(archive: zipfile.ZipFile, frame: Any, parser: Any) -> str:
    """Give the formula in a frame as LaTeX, empty for anything else in it."""
    from lxml import etree

    embedded = frame.find(_name("draw", "object"))
    if embedded is None:
        return ""
    inner = embedded.find(_MATH)
    path = str(embedded.get(_name("xlink", "href"), "")).removeprefix("./").strip("/")
    if inner is None and path and f"{path}/{_CONTENT}" in archive.namelist():
        inner = etree.fromstring(archive.read(f"{path}/{_CONTENT}"), parser)
    is_formula = inner is not None and inner.tag in (_MATH, "math")
    return write_latex(inner) if is_formula else ""


def _write_formula(frame: Any, latex: str) -> Any:
    """Put a formula in the place of its frame; one that is alone in its paragraph is set off."""
    parent = frame.getparent()
    around = "".join(parent.itertext()).replace("".join(frame.itertext()), "").strip()
    text = f"${latex}$" if around or len(parent) > 1 else f"$${latex}$$"
    text += frame.tail or ""
    before = frame.getprevious()
    if before is None:
        parent.text = (parent.text or "") + text
    else:
        before.tail = (before.tail or "") + text
    parent.remove(frame)
    return parent


def _styles(tree: Any) -> Mapping[str, str]:
    """Give for each style that a file made for itself the named one it comes from."""
    return {
        style.get(_name("style", "name"), ""): style.get(_name("style", "parent-style-name"), "")
        for style in tree.iter(_name("style", "style"))
    }


def _is_quote(paragraph: Any, styles: Mapping[str, str]) -> bool:
    style = paragraph.get(_name("text", "style-name"), "")
    named = [_ENCODED.sub(lambda found: chr(int(found[1], 16)), name) for name in (style, styles.get(style, ""))]
    return any(map(is_quote_style, named)) and bool("".join(paragraph.itertext()).strip())


def _mark(paragraph: Any) -> Any:
    paragraph.text = MARK + (paragraph.text or "")
    return paragraph


def _replaced(archive: zipfile.ZipFile, content: bytes) -> bytes:
    """Give a copy of an archive with other content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as copy:
        for entry in archive.infolist():
            copy.writestr(entry, content if entry.filename == _CONTENT else archive.read(entry))
    return stream.getvalue()
