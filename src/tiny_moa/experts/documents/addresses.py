"""Finds address blocks that stand side by side, as on letters and invoices; pure, builds on `layout`.

Their lines stand below each other as those of a table without rules do. What tells them apart: they are set as close as
running text is, far from each other, and some of their lines, but not all, hold the number of a house or a place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from tiny_moa.experts.documents.layout import Run

_MIN_LINES: Final = 3
_MAX_LINES: Final = 9
_SAME_LEFT: Final = 2.0
"""Lines of one block begin within this many points."""
_MIN_PITCH: Final = 12.0
"""Blocks begin at least this many line heights apart."""
_MIN_GAP: Final = 3.0
"""And have at least this many between them."""
_MAX_STEP: Final = 1.6
"""Base lines of running text are no further apart than this many line heights; those of a table's rows mostly are."""
_NUMBERED: Final = 0.7
"""At most this share of the lines of a block hold numbers; cells that count something all do."""
_PLACE = re.compile(r"(?=.*\d)(?=.*[^\W\d_]{2})\S+ .*\S")


def find_address_gutter(lines: Sequence[Run]) -> float | None:
    """Give the x between the first address block and those to the right of it, `None` when these are none."""
    blocks = _blocks(lines)
    if len(blocks) < 2 or not all(map(_is_address, blocks)):
        return None
    height = lines[0].height
    for block, after in pairwise(blocks):
        right = max(line.right for line in block)
        if after[0].left - block[0].left < _MIN_PITCH * height or after[0].left - right < _MIN_GAP * height:
            return None
    return blocks[1][0].left - 1


def _blocks(lines: Sequence[Run]) -> list[list[Run]]:
    """Group lines that begin at the same x, from left to right, each group from the top down."""
    blocks: list[list[Run]] = []
    for line in sorted(lines, key=lambda line: line.left):
        if blocks and line.left - blocks[-1][0].left < _SAME_LEFT:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return [sorted(block, key=lambda line: line.top) for block in blocks]


def _is_address(block: Sequence[Run]) -> bool:
    n_places = sum(_PLACE.fullmatch(line.text) is not None for line in block)
    n_numbered = sum(any(character.isdigit() for character in line.text) for line in block)
    return (
        _MIN_LINES <= len(block) <= _MAX_LINES
        and n_places >= 1
        and n_numbered <= _NUMBERED * len(block)
        and sum(line.text.endswith(":") for line in block) <= 1
        and all(below.bottom - above.bottom <= _MAX_STEP * above.height for above, below in pairwise(block))
    )
