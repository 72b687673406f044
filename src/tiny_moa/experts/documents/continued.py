"""Joins paragraphs that a figure, a table or a footnote interrupts on their page; pure, builds on `blocks`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tiny_moa.experts.documents.blocks import CAPTION, Block, Typography, ends_sentence, join_lines
from tiny_moa.experts.documents.layout import Box

_MAX_BETWEEN: Final = 6
"""More boxes than this do not stand inside a paragraph."""
_FOOTNOTE = re.compile(r"(?:\d{1,2}|[*†‡§])\s?[^\W\d_]")
"""How a footnote begins."""


def join_interrupted(boxes: Sequence[Box], typography: Typography) -> list[Box]:
    """Join a paragraph that ends within a sentence with the one in small letters behind what stands between them.

    Between them are only figures, tables, captions and footnotes, and one at least; they come after the whole paragraph.
    """
    result: list[Box] = []
    place = 0
    while place < len(boxes):
        box = boxes[place]
        result.append(box)
        end = _end_of_floats(boxes, place + 1)
        after = boxes[end] if end < len(boxes) else None
        if isinstance(box, Block) and isinstance(after, Block) and end > place + 1 and _goes_on(box, after):
            text = join_lines([box.text, after.text], typography.wording)
            whole = replace(box, text=text, links=box.links + after.links)
            boxes = [*boxes[:place], whole, *boxes[place + 1 : end], *boxes[end + 1 :]]
            result.pop()
        else:
            place += 1
    return result


def _end_of_floats(boxes: Sequence[Box], start: int) -> int:
    end = start
    while end < len(boxes) and end - start < _MAX_BETWEEN and _is_float(boxes[end]):
        end += 1
    return end


def _is_float(box: Box) -> bool:
    if not isinstance(box, Block):
        return True
    return box.kind == "paragraph" and (CAPTION.match(box.text) or _FOOTNOTE.match(box.text)) is not None


def _goes_on(block: Block, after: Block) -> bool:
    are_text = block.kind in ("paragraph", "item") and after.kind == "paragraph" and not _is_float(block)
    return are_text and not ends_sentence(block.text) and after.text[:1].islower()
