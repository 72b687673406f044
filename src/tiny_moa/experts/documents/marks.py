"""What pdfium knows about a page besides its letters: bullets drawn as shapes, and links; child process only."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tiny_moa.experts.documents.glyphs import shown
from tiny_moa.experts.documents.layout import Box, Run
from tiny_moa.experts.documents.links import link_words
from tiny_moa.experts.documents.mirror import mirror, runs_right_to_left

BULLET: Final = "•"
"""What stands in the place of a bullet that is drawn, as browsers do it."""
MAX_OBJECTS: Final = 20_000
"""Pages with more objects are drawings, in which no bullets are looked for."""
MAX_LINKS: Final = 2_000
_MAX_SHAPES: Final = 400
_LEAST_SIZE: Final = 0.15
_LARGEST_SIZE: Final = 0.65
"""A bullet's sides are between these shares of its line's height; larger ones are boxes to tick."""
_REACH: Final = 2.0
"""The words of an item begin within this many line heights after its bullet, and none ends so near before it."""
_SCHEMES: Final = ("http://", "https://", "mailto:", "ftp://")
_UNSAFE = re.compile(r"[\s<>()\[\]]")
"""What would end a link of Markdown too early."""


def read_marks(document: Any, page: Any, words: Sequence[Run]) -> list[Run]:
    """Give the words of one of pdfium's pages with their links, and a bullet for each that is drawn.

    Args:
        document: pdfium's document.
        page: One of its pages.
        words: Those of the page that are level.
    """
    linked = link_words(words, _links(document, page))
    if not runs_right_to_left(words):
        return [*find_bullets(_small_shapes(page), words), *linked]
    width = page.get_size()[0]
    return [*mirror(find_bullets(mirror(_small_shapes(page), width), mirror(words, width)), width), *linked]


def find_bullets(shapes: Sequence[Box], words: Sequence[Run]) -> list[Run]:
    """Give a word for each shape that is a bullet: a small square or circle with words after it and none before.

    Shapes that stand beside each other are a row of dots, and pages with very many are drawings.
    """
    if len(shapes) > _MAX_SHAPES:
        return []
    return [bullet for shape in shapes if (bullet := _bullet(shape, shapes, words)) is not None]


def _bullet(shape: Box, shapes: Sequence[Box], words: Sequence[Run]) -> Run | None:
    beside = [word for word in words if word.top < shape.top and shape.bottom < word.bottom]
    after = min((word for word in beside if word.left >= shape.right), key=lambda word: word.left, default=None)
    if after is None or after.left - shape.right > _REACH * after.height:
        return None
    if not all(_LEAST_SIZE < side / after.height < _LARGEST_SIZE for side in (shape.height, shape.right - shape.left)):
        return None
    before: list[Box] = [word for word in beside if word is not after]
    before += [other for other in shapes if other is not shape and abs(other.middle - shape.middle) < shape.height]
    if any(-1 < shape.left - box.right < _REACH * after.height for box in before):
        return None
    return Run(shape.left, after.top, shape.right, after.bottom, BULLET)


def _small_shapes(page: Any) -> list[Box]:
    """Give the places of drawn shapes that are small and about as wide as high, each once."""
    from pypdfium2 import raw

    n_objects = raw.FPDFPage_CountObjects(page)
    if n_objects > MAX_OBJECTS:
        return []
    found: dict[tuple[int, int], Box] = {}
    sides = [ctypes.c_float() for _ in range(4)]
    for index in range(n_objects):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) != raw.FPDF_PAGEOBJ_PATH or not raw.FPDFPageObj_GetBounds(item, *sides):
            continue
        left, bottom, right, top = (side.value for side in sides)
        if 1 < right - left < 12 and 0.7 < (top - bottom) / (right - left) < 1.4:
            box = box_on_page(page, left, bottom, right, top)
            found.setdefault((round(box.left), round(box.top)), box)
    return list(found.values())


def _links(document: Any, page: Any) -> list[tuple[Box, str]]:
    """Give the places of links to addresses outside, with the addresses."""
    return [(box, to) for box, to in _annotations(document, page) if to.lower().startswith(_SCHEMES) and not _UNSAFE.search(to)]


def _annotations(document: Any, page: Any) -> Iterator[tuple[Box, str]]:
    from pypdfium2 import raw

    place, link, rectangle = ctypes.c_int(0), raw.FPDF_LINK(), raw.FS_RECTF()
    for _ in range(MAX_LINKS):
        if not raw.FPDFLink_Enumerate(page, place, link):
            return
        action = raw.FPDFLink_GetAction(link)
        if not action or raw.FPDFAction_GetType(action) != raw.PDFACTION_URI or not raw.FPDFLink_GetAnnotRect(link, rectangle):
            continue
        length = raw.FPDFAction_GetURIPath(document, action, None, 0)
        address = ctypes.create_string_buffer(length)
        raw.FPDFAction_GetURIPath(document, action, address, length)
        box = box_on_page(page, rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        yield box, address.value.decode("utf-8", "replace")


def box_on_page(page: Any, left: float, bottom: float, right: float, top: float) -> Box:
    """Give a rectangle of the file as it is on the page as it is shown."""
    width, height = page.get_size()
    from_left, from_bottom, _, _ = page.get_cropbox()
    corners = [
        shown(x - from_left, y - from_bottom, page.get_rotation(), width, height) for x, y in ((left, bottom), (right, top))
    ]
    (x, y), (other_x, other_y) = corners
    return Box(min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))
