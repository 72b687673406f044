"""The value that stands for what one page of a PDF holds, before it is put in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tiny_moa.experts.documents.layout import Box, Run

MIN_PICTURE_SHARE: Final = 0.03
"""Pictures smaller than this share of the page are ornaments."""


@dataclass(frozen=True, slots=True)
class Picture(Box):
    """A bitmap on the page."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one page holds, in points from its upper left corner.

    Attributes:
        width: Of the page as it is read.
        height: Of the page as it is read.
        words: Words that run from left to right.
        turned: Words that run up or down.
        rules: Thin lines.
        pictures: Bitmaps that are no ornaments.
        turned_goes_up: Whether most of the turned words run upwards.
        written: Markdown that a vision model wrote about the page, in the place of everything else; empty for none.
        is_scan: Whether its words were recognised in a picture, so that their sizes say little about other pages.
        is_mirrored: Whether everything stands as in a mirror, because most of it runs from right to left.
        placed: What a layout model made of the page, in reading order, in the place of words and rules; empty for none.
        edges: Running headers and footers that the model found.
        panels: Rectangles that are painted or framed, larger than a bullet and smaller than most of the page.
    """

    width: float
    height: float
    words: tuple[Run, ...]
    turned: tuple[Run, ...] = ()
    rules: tuple[Box, ...] = ()
    pictures: tuple[Picture, ...] = ()
    turned_goes_up: bool = False
    is_scan: bool = False
    written: str = ""
    is_mirrored: bool = False
    placed: tuple[Box, ...] = ()
    edges: tuple[Run, ...] = ()
    panels: tuple[Box, ...] = ()
