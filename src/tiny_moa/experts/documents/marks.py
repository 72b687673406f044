"""What pdfium knows about a page besides its letters: bullets drawn as shapes, boxes, and links; child process only."""

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
_PANEL_POINTS: Final = (50.0, 20.0)
"""Width and height that a rectangle with text in it has at least."""
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


def read_panels(page: Any) -> tuple[Box, ...]:
    """Give the painted or framed rectangles of one of pdfium's pages that can have text in them, each once."""
    width, height = page.get_size()
    found: dict[tuple[int, ...], Box] = {}
    for item, box in _shapes(page):
        is_panel = _PANEL_POINTS[0] < box.right - box.left < 0.7 * width and _PANEL_POINTS[1] < box.height < 0.6 * height
        if is_panel and _is_rectangle(item):
            found.setdefault((round(box.left / 3), round(box.top / 3), round(box.right / 3), round(box.bottom / 3)), box)
    return tuple(found.values())


def _is_rectangle(item: Any) -> bool:
    """Whether a path is a rectangle, or one inside another, whose lines are all level or upright."""
    from pypdfium2 import raw

    n_points = raw.FPDFPath_CountSegments(item)
    if n_points not in (4, 5, 8, 10):
        return False
    x, y = ctypes.c_float(), ctypes.c_float()
    before: tuple[float, float] | None = None
    for index in range(n_points):
        segment = raw.FPDFPath_GetPathSegment(item, index)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO or not raw.FPDFPathSegment_GetPoint(segment, x, y):
            return False
        if kind == raw.FPDF_SEGMENT_LINETO and before and min(abs(x.value - before[0]), abs(y.value - before[1])) > 0.5:
            return False
        before = (x.value, y.value)
    return True


def _small_shapes(page: Any) -> list[Box]:
    """Give the places of drawn shapes that are small and about as wide as high, each once."""
    found: dict[tuple[int, int], Box] = {}
    for _, box in _shapes(page):
        if 1 < box.right - box.left < 12 and 0.7 < box.height / (box.right - box.left) < 1.4:
            found.setdefault((round(box.left), round(box.top)), box)
    return list(found.values())


def _shapes(page: Any) -> Iterator[tuple[Any, Box]]:
    """Give the drawn shapes of a page and their places; none of a drawing."""
    from pypdfium2 import raw

    n_objects = raw.FPDFPage_CountObjects(page)
    if n_objects > MAX_OBJECTS:
        return
    sides = [ctypes.c_float() for _ in range(4)]
    for index in range(n_objects):
        item = raw.FPDFPage_GetObject(page, index)
        if raw.FPDFPageObj_GetType(item) == raw.FPDF_PAGEOBJ_PATH and raw.FPDFPageObj_GetBounds(item, *sides):
            left, bottom, right, top = (side.value for side in sides)
            if right - left > 1 and top - bottom > 1:
                yield item, box_on_page(page, left, bottom, right, top)


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
