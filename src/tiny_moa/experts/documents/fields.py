"""Reads what was filled into the form of a page, and text typed onto it, which are no part of its text; child process only."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tiny_moa.experts.documents.layout import Box, Run
from tiny_moa.experts.documents.marks import box_on_page

MAX_ANNOTATIONS: Final = 5_000
TICKED: Final = "☒"
NOT_TICKED: Final = "☐"
_LINE_POINTS: Final = 11.0
"""How high a line of a field is taken to be, where the field is higher."""
_WIDTH: Final = 0.5
"""How wide a letter is, as a share of the line's height."""


def read_fields(document: Any, page: Any) -> list[Run]:
    """Give the values of a page's fields where they stand: text, choices, and a box for each that can be ticked.

    Args:
        document: pdfium's document, whose forms are initialised.
        page: One of its pages.
    """
    found: list[Run] = []
    for annotation, kind in _annotations(page):
        text = _typed(annotation, kind) or _filled(document, annotation)
        if text.strip():
            found += lay_out(text, _place(page, annotation))
    return found


def lay_out(text: str, box: Box) -> list[Run]:
    """Put the lines of a value below each other into the box of its field; a single one in the middle."""
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()]
    height = min(box.height / len(lines), _LINE_POINTS)
    top = box.middle - height / 2 if len(lines) == 1 else box.top + 1
    return [
        Run(box.left + 2, top + height * number, _right(line, box, height), top + height * (number + 1), line.strip())
        for number, line in enumerate(lines)
    ]


def _right(line: str, box: Box, height: float) -> float:
    return max(min(box.left + 2 + _WIDTH * height * len(line), box.right), box.left + 3)


def _annotations(page: Any) -> Iterator[tuple[Any, int]]:
    from pypdfium2 import raw

    for index in range(min(raw.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        with _opened(raw.FPDFPage_GetAnnot(page, index)) as annotation:
            if annotation and not raw.FPDFAnnot_GetFlags(annotation) & raw.FPDF_ANNOT_FLAG_HIDDEN:
                yield annotation, raw.FPDFAnnot_GetSubtype(annotation)


@contextmanager
def _opened(annotation: Any) -> Iterator[Any]:
    from pypdfium2 import raw

    try:
        yield annotation
    finally:
        raw.FPDFPage_CloseAnnot(annotation)


def _typed(annotation: Any, kind: int) -> str:
    """Give the words of a note that is typed onto the page."""
    from pypdfium2 import raw

    if kind != raw.FPDF_ANNOT_FREETEXT:
        return ""
    return _string(lambda *into: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", *into))


def _filled(document: Any, annotation: Any) -> str:
    """Give the value of a field, empty for what is none."""
    from pypdfium2 import raw

    if document.formenv is None:
        return ""
    form = document.formenv.raw
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        return TICKED if raw.FPDFAnnot_IsChecked(form, annotation) else NOT_TICKED
    if kind in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        return _string(lambda *into: raw.FPDFAnnot_GetFormFieldValue(form, annotation, *into))
    return ""


def _string(get: Callable[..., int]) -> str:
    """Read a string of pdfium, which says how long it is before it gives it."""
    from pypdfium2 import raw

    length = get(None, 0)
    written = ctypes.create_string_buffer(length)
    get(ctypes.cast(written, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return written.raw[: max(length - 2, 0)].decode("utf-16-le", "replace")


def _place(page: Any, annotation: Any) -> Box:
    from pypdfium2 import raw

    rectangle = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rectangle)
    return box_on_page(page, rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
