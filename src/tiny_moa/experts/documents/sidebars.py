"""Keeps boxes that running text flows around out of its lines, and puts them after the paragraph beside them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tiny_moa.experts.documents.blocks import Block
from tiny_moa.experts.documents.layout import Box, Run, group_rows, join_words

_MAX_SHARE: Final = 0.5
"""A frame around more than this share of a page's words is its border."""
_MIN_BESIDE: Final = 2
"""Text flows around a box that has at least this many rows of it beside it; a cell of a table has one."""

_NEAR: Final = 3.0
"""What stands above or below a box within this many line heights can be of its column."""


def take_sidebars(words: Sequence[Run], frames: Sequence[Box]) -> tuple[list[tuple[Box, list[Run]]], list[Run]]:
    """Find the boxes that text flows around: it stands beside them, and close above and below them it is wider than they are.

    A box that fills its column stays where it is.

    Returns:
        Each frame with its words, and the words that are in none.
    """
    found: list[tuple[Box, list[Run]]] = []
    rest = list(words)
    for frame in frames:
        inside = [word for word in rest if _holds(frame, word)]
        around = [word for word in rest if not _holds(frame, word)]
        if inside and len(inside) <= _MAX_SHARE * len(words) and _flows_around(frame, join_words(around)):
            found.append((frame, inside))
            rest = around
    return found, rest


def _holds(frame: Box, word: Run) -> bool:
    return frame.left <= (word.left + word.right) / 2 <= frame.right and frame.top <= word.middle <= frame.bottom


def _flows_around(frame: Box, lines: Sequence[Run]) -> bool:
    beside = [line for line in lines if frame.top < line.middle < frame.bottom]
    near = [line for line in lines if line.left < frame.right and line.right > frame.left and _is_near(frame, line)]
    return len(group_rows(beside)) >= _MIN_BESIDE and all(
        line.left < frame.left - line.height or line.right > frame.right + line.height for line in near
    )


def _is_near(frame: Box, line: Run) -> bool:
    return max(line.top - frame.bottom, frame.top - line.bottom) < _NEAR * line.height


def put_beside(blocks: Sequence[Box], frame: Box, inner: Sequence[Box]) -> list[Box]:
    """Put what is in a frame after the first block beside it that is no heading, or where it stands among the others."""
    beside = [
        place
        for place, block in enumerate(blocks)
        if block.top < frame.bottom and block.bottom > frame.top and not (isinstance(block, Block) and block.kind == "heading")
    ]
    above = [place for place, block in enumerate(blocks) if block.bottom <= frame.top]
    place = min(beside, default=max(above, default=-1)) + 1
    return [*blocks[:place], *inner, *blocks[place:]]
