"""Pages in Arabic or Hebrew: turned so that they run from left to right as all others do; pure, builds on `layout`.

A mirrored page has its first column, the markers of its lists and the beginnings of its lines on the left. What is
written from left to right in it, such as an address, then stands the wrong way round and is turned back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tiny_moa.experts.documents.layout import AnyBox, Run, is_right_to_left

_LEADING_POINT = re.compile(r"([.,:;!?]+)(\d[\d.,:/-]*)")
"""A number with the end of its sentence before it, as it stands in such a line."""


def runs_right_to_left(words: Iterable[Run]) -> bool:
    """Whether most letters of a page are of a script that runs from right to left."""
    letters = [word for word in words if any(character.isalpha() for character in word.text)]
    reversed_letters = sum(len(word.text) for word in letters if is_right_to_left(word))
    return reversed_letters * 2 > sum(len(word.text) for word in letters)


def mirror(boxes: Sequence[AnyBox], width: float) -> list[AnyBox]:
    """Give boxes as they stand in a mirror at the middle of a page this wide; doing it twice gives the places back."""
    return [_mirrored(box, width) for box in boxes]


def _mirrored(box: AnyBox, width: float) -> AnyBox:
    turned = replace(box, left=width - box.right, right=width - box.left)
    if isinstance(turned, Run):
        return replace(turned, text=_LEADING_POINT.sub(r"\2\1", turned.text), is_mirrored=not turned.is_mirrored)
    return turned
