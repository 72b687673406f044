"""A first look at a PDF: how many pages, and its bookmarks; reads no page; runs in the child process only."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

Json = dict[str, Any]

MAX_BOOKMARKS: Final = 500
_MAX_CHARACTERS: Final = 200


def look_at_pdf(content: bytes, password: str = "") -> Json:
    """Give `page_count` and `outline` (each `level` from 1 on, `text`, `page`) of a PDF.

    A file that cannot be opened has a `page_count` of 0: who converts it says why.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content, password=password or None)
    except pypdfium2.PdfiumError:
        return {"page_count": 0, "outline": []}
    try:
        return {"page_count": len(document), "outline": _bookmarks(document)}
    finally:
        document.close()


def _bookmarks(document: Any) -> list[Json]:
    import pypdfium2

    found: list[Json] = []
    try:
        for mark in islice(document.get_toc(max_depth=6), MAX_BOOKMARKS):
            text = " ".join(str(mark.get_title()).split())[:_MAX_CHARACTERS]
            place = mark.get_dest()
            page = place.get_index() if place is not None else None
            if text and page is not None:
                found.append({"level": mark.level + 1, "text": text, "page": page + 1})
    except pypdfium2.PdfiumError:
        return found
    return found
