"""Makes a PDF of a picture, so that a photo or a scan goes the same way as a scanned page; runs in the child only."""

from __future__ import annotations

import io
from typing import Final

from tiny_moa.errors import ConversionFailed, DocumentRefused

MAX_PIXELS: Final = 100_000_000
"""Of one picture; 300 MB in memory."""
MAX_FRAMES: Final = 200
_PAGE_POINTS: Final = 842
"""Length of the long side of the page that a picture becomes: that of A4."""
_MOVES: Final = frozenset({"GIF", "WEBP", "PNG"})
"""Formats whose further frames are a film, not pages."""


def picture_as_pdf(content: bytes, name: str) -> bytes:
    """Put every page of a picture on a page of a PDF, turned as its EXIF data says.

    Raises:
        DocumentRefused: It has more than `MAX_PIXELS` pixels or `MAX_FRAMES` pages.
        ConversionFailed: It is no picture that can be opened.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # checked here, with an error that says what to do
    try:
        with Image.open(io.BytesIO(content)) as picture:
            n_pages = 1 if picture.format in _MOVES else getattr(picture, "n_frames", 1)
            if n_pages > MAX_FRAMES:
                raise DocumentRefused(f"{name!r} has {n_pages} pages and the limit is {MAX_FRAMES}; split it")
            pages = []
            for number in range(n_pages):
                picture.seek(number)
                if picture.width * picture.height > MAX_PIXELS:
                    raise DocumentRefused(
                        f"{name!r} is {picture.width} x {picture.height} pixels and the limit is {MAX_PIXELS} in all; "
                        "make it smaller"
                    )
                pages.append(_on_white(ImageOps.exif_transpose(picture)))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as exc:
        raise ConversionFailed(f"{name!r} could not be opened as a picture: it is damaged or of another format") from exc
    return _as_pdf(pages)


def _on_white(picture: object) -> object:
    from PIL import Image

    assert isinstance(picture, Image.Image)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("RGB")


def _as_pdf(pages: list[object]) -> bytes:
    """Write the pages, each as large as A4 on its long side."""
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    for page in pages:
        bitmap = pypdfium2.PdfBitmap.from_pil(page)
        scale = _PAGE_POINTS / max(bitmap.width, bitmap.height)
        width, height = bitmap.width * scale, bitmap.height * scale
        image = pypdfium2.PdfImage.new(document)
        image.set_bitmap(bitmap)
        image.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
        sheet = document.new_page(width, height)
        sheet.insert_obj(image)
        sheet.gen_content()
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()
