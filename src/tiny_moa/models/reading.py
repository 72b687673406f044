"""How a prompt is cut into batches, so that a token's numbers do not depend on what was kept; pure.

llama.cpp multiplies batches of fewer than eight rows by other routines than larger ones, and these round otherwise; from eight
rows up, what a row computes is the same to the last bit however many are beside it. So no part of a prompt is read in a
smaller batch, wherever reading begins. Source: the thresholds of llama.cpp's x86-64 routines (2 for f16, 8 for k-quants), and
a measurement of all sizes up to 64 on two real models.
"""

from __future__ import annotations

LEAST_ROWS = 8
"""Fewest tokens of a prompt that are computed at once, unless the whole prompt is shorter."""
ADDED_CELLS = 64
"""Most cells of the cache whose values llama.cpp adds at once: four registers of 16 numbers."""


def marks(fixed: int, turn: int, length: int, window: int = 0) -> tuple[int, int]:
    """Give where a prompt is worth keeping: after what is fixed, and where the answer's turn begins; 0 for nowhere.

    Each is moved back until enough is left to read behind it; the end of a prompt may be kept as it is.

    Args:
        fixed: How many tokens are the same in every call.
        turn: Where the answer's turn begins.
        length: Tokens of the whole prompt.
        window: How far some layers look back, 0 when all look back to the beginning. Such layers keep the end of a beginning
            only; put back, it must lie as it did among the cells that are added at once.
    """

    def moved(mark: int) -> int:
        mark = min(mark, length - LEAST_ROWS) if mark < length else mark
        if 0 < window < mark:
            mark -= (mark - window) % ADDED_CELLS
        return mark if mark >= LEAST_ROWS else 0

    return moved(fixed), moved(turn)


def stops(start: int, wanted: tuple[int, ...], end: int) -> tuple[int, ...]:
    """Give where reading from `start` to `end` stops, the end last: at wanted places, but for those too close to the last one.

    The place named first is kept when two are too close to each other.
    """
    found: list[int] = []
    for place in wanted:
        if all(abs(place - other) >= LEAST_ROWS for other in (start, end, *found)) and start < place < end:
            found.append(place)
    return (*sorted(found), end)


def chunk_end(start: int, end: int, most: int) -> int:
    """Give where the next batch of a part ends: `most` tokens further, or fewer when too few would be left behind it."""
    if end - start <= most:
        return end
    return min(start + most, end - min(LEAST_ROWS, most // 2))
