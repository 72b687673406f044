"""The pictures of docling's document: where they are, and their bitmaps on demand; runs in the child process only."""

from __future__ import annotations

import base64
import io
from typing import Any, Final

Json = dict[str, Any]

_SCALE: Final = 2.0
"""Pixels a point when a place on a page of a PDF is drawn."""
_MAX_SIDE: Final = 1600
"""Longest side of a bitmap that is given out; a larger one is scaled down."""


def describe_pictures(document: Any, pdf: bytes | None, *, wants_bitmaps: bool) -> list[Json]:
    """Describe the pictures of a document, in order.

    Args:
        document: docling's document.
        pdf: The file when it is a PDF; its pictures are drawn from their places on the page.
        wants_bitmaps: Whether each picture with a bitmap carries it as `png`, in base64.
    """
    described = [_describe(picture, document) for picture in document.pictures]
    if wants_bitmaps and described:
        pages = _Pages(pdf) if pdf is not None else None
        for picture, words in zip(document.pictures, described, strict=True):
            image = pages.draw(words) if pages else picture.get_image(document)
            if image is not None:
                words["png"] = _png(image)
        if pages:
            pages.close()
    return described


def _describe(picture: Any, document: Any) -> Json:
    caption = " ".join(str(picture.caption_text(document)).split())
    if not picture.prov:
        return {"page": 1, "caption": caption, "box": None}
    place = picture.prov[0]
    page = document.pages.get(place.page_no)
    if page is None or page.size is None:
        return {"page": place.page_no, "caption": caption, "box": None}
    box = place.bbox.to_top_left_origin(page.size.height)
    return {"page": place.page_no, "caption": caption, "box": [round(side, 1) for side in (box.l, box.t, box.r, box.b)]}


class _Pages:
    """Draws places on the pages of a PDF."""

    def __init__(self, content: bytes) -> None:
        import pypdfium2

        self._document = pypdfium2.PdfDocument(content)

    def draw(self, picture: Json) -> Any:
        if picture["box"] is None:
            return None
        page = self._document[picture["page"] - 1]
        left, top, right, bottom = picture["box"]
        width, height = page.get_size()
        image = page.render(scale=_SCALE, crop=(max(left, 0), max(height - bottom, 0), max(width - right, 0), max(top, 0)))
        return image.to_pil()

    def close(self) -> None:
        self._document.close()


def _png(image: Any) -> str:
    image = image.convert("RGB") if image.mode not in ("RGB", "L", "RGBA") else image
    image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    written = io.BytesIO()
    image.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode("ascii")
