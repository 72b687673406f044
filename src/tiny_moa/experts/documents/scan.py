"""Reads the text of a picture of a page: finds its lines, sets them upright, recognises them; runs in the child only.

Detection and recognition are rapidocr's, on onnxruntime, with weights out of its own package. It knows Latin, Greek,
Chinese and Japanese letters and no Hangul, so lines it cannot read go to a Tesseract of the user's with Korean.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from tiny_moa.experts.documents import tesseract
from tiny_moa.experts.documents.layout import Box, Run

Point = tuple[float, float]
Corners = list[Point]
"""The four corners of a line of text, from its upper left one clockwise."""

THREADS: Final = 2
MAX_SIDE_PIXELS: Final = 3200
"""Longer pictures are made smaller before lines are looked for."""
_LEAST_SCORE: Final = 0.5
"""A line read with less certainty is left out: it is a drawing, a stain or an unknown script."""
_WEAK_SCORE: Final = 0.8
_WEAK_SHARE: Final = 0.15
"""Share of lines read with little certainty from which on the script may be an unknown one."""
_SAMPLE: Final = 5
"""How many of the longest lines decide which way is up."""
_SAME_HEIGHT: Final = 0.2


@dataclass(frozen=True)
class Reading:
    """What was read from a picture, in pixels of the picture as it was turned.

    Attributes:
        lines: The lines with their text, their sides upright.
        width: Width of the upright picture.
        height: Height of the upright picture.
        n_unread: Lines that were seen and not read.
    """

    lines: tuple[Run, ...]
    width: float
    height: float
    n_unread: int = 0


@dataclass(frozen=True)
class _Line:
    box: Box
    text: str
    score: float


def is_installed() -> bool:
    """Whether characters can be recognised; imports nothing."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


def read_picture(picture: Any, *, seconds: float) -> Reading:
    """Read a picture of a page.

    A page that stands on its side or its head is turned, and a skewed one is set straight. Heights of lines that
    differ by less than a fifth become the same, since a line without descenders looks lower than one with them.

    Args:
        picture: A Pillow image.
        seconds: After how long Tesseract, when it is asked, is stopped.
    """
    picture = picture.convert("RGB")
    corners = _find_lines(picture)
    if not corners:
        return Reading((), picture.width, picture.height)
    picture, lines = _upright(picture, corners)
    weak = [line for line in lines if line.score < _WEAK_SCORE]
    if len(weak) > _WEAK_SHARE * len(lines) and tesseract.reads_korean():
        lines = _with_hangul(picture, lines, seconds)
    read = [line for line in lines if line.text.strip() and line.score >= _LEAST_SCORE]
    runs = even_heights([Run(b.left, b.top, b.right, b.bottom, line.text.strip()) for line in read for b in [line.box]])
    return Reading(tuple(runs), picture.width, picture.height, sum(_is_wide(line.box) for line in lines if line not in read))


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": MAX_SIDE_PIXELS,
            "Global.text_score": 0.0,
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
        }
    )


def _find_lines(picture: Any) -> list[Corners]:
    """Give the corners of each line of text."""
    import numpy as np

    found = _engine()(np.asarray(picture)[:, :, ::-1], use_det=True, use_cls=False, use_rec=False)
    boxes = getattr(found, "boxes", None)
    return [] if boxes is None else [[(float(x), float(y)) for x, y in box] for box in boxes]


def _recognise(picture: Any, box: Box) -> _Line:
    import numpy as np

    crop = picture.crop((int(box.left), int(box.top), math.ceil(box.right), math.ceil(box.bottom)))
    found = _engine()(np.asarray(crop)[:, :, ::-1], use_det=False, use_cls=False, use_rec=True)
    texts = getattr(found, "txts", None)
    return _Line(box, str(texts[0]), float(found.scores[0])) if texts else _Line(box, "", 0.0)


def _upright(picture: Any, corners: Sequence[Corners]) -> tuple[Any, list[_Line]]:
    """Turn a picture so that its text is level and not upside down, and recognise its lines."""
    long = [line for line in corners if max(_sides(line)) > 2 * min(_sides(line))]
    if sum(_sides(line)[1] > _sides(line)[0] for line in long) > 0.6 * len(long) > 0:
        turned = [_level(*_turn(picture, corners, quarter)) for quarter in (90, 270)]
        picture, boxes = max(turned, key=lambda found: _sureness(_sample(*found)))
        return picture, [_recognise(picture, box) for box in boxes]
    straight, boxes = _level(picture, corners)
    lines = [_recognise(straight, box) for box in boxes]
    if (sureness := _sureness(_longest(lines))) < _WEAK_SCORE:
        reversed_ = _level(*_turn(picture, corners, 180))
        if _sureness(_sample(*reversed_)) > sureness + 0.15:
            return reversed_[0], [_recognise(reversed_[0], box) for box in reversed_[1]]
    return straight, lines


def _level(picture: Any, corners: Sequence[Corners]) -> tuple[Any, list[Box]]:
    """Set a skewed picture straight."""
    angle = skew(corners)
    picture, corners = _turn(picture, corners, angle) if angle else (picture, corners)
    return picture, [_around(line) for line in corners]


def _sample(picture: Any, boxes: Sequence[Box]) -> list[_Line]:
    """Recognise the longest lines only."""
    longest = sorted(boxes, key=lambda box: box.left - box.right)[:_SAMPLE]
    return [_recognise(picture, box) for box in longest]


def _longest(lines: Sequence[_Line]) -> list[_Line]:
    return sorted(lines, key=lambda line: line.box.left - line.box.right)[:_SAMPLE]


def _sureness(lines: Sequence[_Line]) -> float:
    """Give how surely lines were read, from 0 to 1."""
    return statistics.mean(line.score for line in lines)


def skew(corners: Sequence[Corners]) -> float:
    """Give by how many degrees the lines rise to the right, 0 when there are too few long ones to tell."""
    slopes = [
        math.degrees(math.atan2(line[0][1] - line[1][1], line[1][0] - line[0][0]))
        for line in corners
        if _sides(line)[0] > 4 * _sides(line)[1]
    ]
    angle = statistics.median(slopes) if len(slopes) >= 2 else 0.0
    return angle if 0.2 < abs(angle) < 45 else 0.0


def _sides(line: Corners) -> tuple[float, float]:
    return math.dist(line[0], line[1]), math.dist(line[0], line[3])


def _turn(picture: Any, corners: Sequence[Corners], degrees: float) -> tuple[Any, list[Corners]]:
    """Turn clockwise around the middle; the picture grows as its corners need."""
    turned = picture.rotate(-degrees, expand=True, resample=3, fillcolor=(255, 255, 255))
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle, new_middle = (picture.width / 2, picture.height / 2), (turned.width / 2, turned.height / 2)

    def move(point: Point) -> Point:
        x, y = point[0] - middle[0], point[1] - middle[1]
        return x * cosine - y * sine + new_middle[0], x * sine + y * cosine + new_middle[1]

    return turned, [_from_upper_left([move(point) for point in line]) for line in corners]


def _from_upper_left(line: Corners) -> Corners:
    """Give the corners, which go round clockwise, from the upper left one on."""
    first = min(range(4), key=lambda index: line[index][0] + line[index][1])
    return [*line[first:], *line[:first]]


def _around(points: Corners) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(max(min(xs), 0), max(min(ys), 0), max(*xs, 1), max(*ys, 1))


def _with_hangul(picture: Any, lines: Sequence[_Line], seconds: float) -> list[_Line]:
    """Take from Tesseract the lines in which it finds Hangul."""
    texts = tesseract.read_lines(picture, [line.box for line in lines], seconds=seconds)
    return [
        replace(line, text=text, score=1.0) if tesseract.has_hangul(text) else line
        for line, text in zip(lines, texts, strict=True)
    ]


def even_heights(lines: Sequence[Run]) -> list[Run]:
    """Give lines of nearly the same height the same one, each around its own middle."""
    groups: list[list[float]] = []
    for height in sorted(line.height for line in lines):
        if groups and height < groups[-1][0] * (1 + _SAME_HEIGHT):
            groups[-1].append(height)
        else:
            groups.append([height])
    usual = {height: statistics.median(group) for group in groups for height in group}
    return [
        replace(line, top=line.middle - usual[line.height] / 2, bottom=line.middle + usual[line.height] / 2) for line in lines
    ]


def _is_wide(box: Box) -> bool:
    """Whether a box has the shape of several letters."""
    return box.right - box.left > 2 * box.height
