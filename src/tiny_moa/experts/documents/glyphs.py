"""Reads the words of a page of a PDF with pdfium, letter by letter: place, size, font and direction; child process only.

docling's parser gives words whose boxes fit their ink, so that `rope` is lower than `Rope`, and plain dashes and quotes
for printed ones. Here a word is as high as its font's size, around its base line, and its letters are the file's own.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from tiny_moa.experts.documents.layout import Run

_ASCENT: Final = 0.8
"""Part of the size that is above the base line; fonts differ, so one share for all keeps lines comparable."""
_WORD_GAP: Final = 0.17
"""A gap wider than this share of the size ends a word, where the file has no space."""
_SCRIPT_GAP: Final = 0.32
"""The same between Hangul and a number or Latin letter, which word processors set a little apart."""
_OVERLAP: Final = 0.6
"""A letter that begins further back than this share of the size begins another word."""
_SIZE_CHANGE: Final = 0.12
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|medi(?:um)?$|cmbx|sfbx|-bd", re.IGNORECASE)
_MONO = re.compile(r"courier|mono|nimbusmon|consol|typewriter|cmtt|sftt|menlo|-code|coding", re.IGNORECASE)
_LIGATURE = re.compile("[\ufb00-\ufb06\ufb1d-\ufdfb\ufe70-\ufefc\u210e\U0001d400-\U0001d7ff]")
"""Ligatures, the shapes of Arabic letters, and the slanted and bold letters of formulas, which are read as plain ones."""
_ALEFS: Final = frozenset("اأإآ")
_LAM: Final = "ل"
_LAM_GAP: Final = 0.45
"""What stands before a ligature of lam and alef, of which pdfium gives a part of the width only."""
_HYPHENS: Final = (0x02, 0xFFFE, 0xAD)
"""What pdfium gives for a hyphen at the end of a line."""
_BULLETS: Final = frozenset("•●▪■◦○‣⁃➢➤\uf0a7\uf0a8\uf0b7\uf0d8\uf0fc")
"""Signs that are a word of their own, however close the next one stands."""
_BOLD_WEIGHT: Final = 600


@dataclass(frozen=True, slots=True)
class _Letter:
    text: str
    x: float
    end: float
    y: float
    size: float
    font: str
    is_bold: bool
    turn: int


def read_words(page: Any) -> tuple[list[Run], list[tuple[Run, bool]]]:
    """Give the words of one of pdfium's pages.

    Returns:
        The words that run from left to right or from right to left, and those that run up or down, each with whether
        it runs up; in points from the upper left corner of the page as it is shown.
    """
    level: list[Run] = []
    turned: list[tuple[Run, bool]] = []
    seen: set[tuple[str, int, int]] = set()
    for word in _words(_letters(page)):
        run = _run(word)
        key = (run.text, round(run.left), round(run.top))
        if key in seen or not run.text.strip():
            continue  # printed twice to look bold
        seen.add(key)
        if word[0].turn in (0, 180):
            level.append(run)
        else:
            turned.append((run, word[0].turn == 90))
    return level, turned


def _letters(page: Any) -> Iterator[_Letter | None]:
    """Give the letters of a page in the order of the file, `None` where a word ends."""
    from pypdfium2 import raw

    fonts: dict[int, tuple[str, bool]] = {}
    width, height = page.get_size()
    left, bottom, _, _ = page.get_cropbox()
    quarter = page.get_rotation()
    text_page = page.get_textpage()
    x, y, matrix, box = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX(), raw.FS_RECTF()
    ends_word, last = False, None
    try:
        for index, text, is_guessed in _codes(text_page):
            if not text.strip():
                ends_word = ends_word or is_guessed
                if not is_guessed:
                    yield None
                continue
            raw.FPDFText_GetCharOrigin(text_page, index, x, y)
            raw.FPDFText_GetMatrix(text_page, index, matrix)
            raw.FPDFText_GetLooseCharBox(text_page, index, box)
            size = raw.FPDFText_GetFontSize(text_page, index) * math.hypot(matrix.c, matrix.d)
            if size < 0.5:
                continue
            font, is_bold = _font(text_page, index, fonts)
            turn = round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) * 90 % 360
            start = shown(x.value - left, y.value - bottom, quarter, width, height)
            along = (box.right - box.left) if turn % 180 == 0 else (box.top - box.bottom)
            letter = _Letter(text, *_along(start, turn + 360 - quarter, along, size), font, is_bold, (turn - quarter) % 360)
            if ends_word and not _changes_script(last, letter):
                yield None
            yield letter
            last, ends_word = letter, False
    finally:
        text_page.close()


def _codes(text_page: Any) -> Iterator[tuple[int, str, bool]]:
    """Give the place and text of each letter, empty where a word ends, and whether that is only pdfium's guess."""
    from pypdfium2 import raw

    high = 0
    for index in range(raw.FPDFText_CountChars(text_page)):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        code, high = _whole(high, code), 0
        text = "-" if code in _HYPHENS else chr(code) if code < 0x110000 else ""
        is_guessed = raw.FPDFText_IsGenerated(text_page, index) == 1
        yield index, "" if is_guessed or unicodedata.category(text or " ") == "Cc" else text, is_guessed


def _whole(high: int, code: int) -> int:
    """Put the halves of a letter together for which pdfium gives two numbers; half of one is none."""
    if not 0xDC00 <= code < 0xE000:
        return code
    return 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD


def _font(text_page: Any, index: int, known: dict[int, tuple[str, bool]]) -> tuple[str, bool]:
    """Give the name of a letter's font and whether it is bold."""
    from pypdfium2 import raw

    shown = raw.FPDFText_GetTextObject(text_page, index)
    font = raw.FPDFTextObj_GetFont(shown) if shown else None
    if not font:
        return "", False
    key = ctypes.cast(font, ctypes.c_void_p).value or 0
    if key not in known:
        name = ctypes.create_string_buffer(256)
        raw.FPDFFont_GetBaseFontName(font, name, 256)
        text = name.value.decode("utf-8", "replace")
        known[key] = text, bool(_BOLD.search(text)) or raw.FPDFFont_GetWeight(font) >= _BOLD_WEIGHT
    return known[key]


def shown(x: float, y: float, quarter: int, width: float, height: float) -> tuple[float, float]:
    """Give where a point of the file is on the page as it is shown, from its upper left corner."""
    if quarter == 90:
        return y, x
    if quarter == 180:
        return width - x, y
    return (width - y, height - x) if quarter == 270 else (x, height - y)


def _along(start: tuple[float, float], turn: int, length: float, size: float) -> tuple[float, float, float, float]:
    """Give where a letter starts and ends on its line, where its line is, and its size.

    A line that runs up counts from the bottom, one that is upside down from the right, so that letters always ascend.
    """
    x, y = start
    direction = turn % 360
    if direction == 90:
        return -y, -y + length, x, size
    if direction == 270:
        return y, y + length, x, size
    return (-x, -x + length, y, size) if direction == 180 else (x, x + length, y, size)


def _words(letters: Iterator[_Letter | None]) -> Iterator[list[_Letter]]:
    word: list[_Letter] = []
    for letter in letters:
        if word and (letter is None or _begins_word(word, letter)):
            yield word
            word = []
        if letter is not None:
            word.append(letter)
    if word:
        yield word


def _begins_word(word: list[_Letter], letter: _Letter) -> bool:
    last = word[-1]
    if letter.x == last.x and letter.y == last.y:
        return False  # a part of one ligature
    if letter.turn != last.turn or last.text in _BULLETS or abs(letter.y - last.y) > 0.2 * last.size:
        return True
    if abs(letter.size - last.size) > _SIZE_CHANGE * last.size:
        return True
    if len(word) > 1 and word[-2].x == last.x:
        return letter.x - last.x > (1 + _WORD_GAP) * last.size  # how wide a ligature is, pdfium does not say
    ahead, back = letter.x - last.end, last.x - letter.end  # right to left, the next letter ends where the last began
    if _is_right_to_left(letter.text) and _is_right_to_left(last.text) and letter.x < last.x:
        return back > (_LAM_GAP if letter.text == _LAM or letter.text in _ALEFS else _WORD_GAP) * last.size
    gap = _SCRIPT_GAP if _changes_script(last, letter) else _WORD_GAP
    return ahead > gap * last.size or ahead < -_OVERLAP * last.size


def _changes_script(last: _Letter | None, letter: _Letter) -> bool:
    """Whether one of two letters of a line is Hangul, and the other a number or Latin letter."""
    if last is None or abs(last.y - letter.y) > 0.2 * last.size:
        return False
    kinds = {"\uac00" <= part.text <= "\ud7a3" for part in (last, letter)}
    return len(kinds) == 2 and all(part.text.isalnum() for part in (last, letter))


def _run(word: list[_Letter]) -> Run:
    if sum(_is_right_to_left(letter.text) for letter in word) * 2 > len(word):
        word = _joined_lams(sorted(word, key=lambda letter: -letter.x))  # some files hold such words from left to right
    text = _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), "".join(letter.text for letter in word))
    low, high = min(letter.x for letter in word), max(letter.end for letter in word)
    size, line = word[0].size, word[0].y
    bold = sum(letter.is_bold for letter in word) * 2 > len(word)
    mono = bool(_MONO.search(word[0].font))
    turn = word[0].turn
    if turn == 90:  # the line runs up, its letters' heads to the left
        return Run(line - _ASCENT * size, -high, line + (1 - _ASCENT) * size, -low, text, bold, mono)
    if turn == 270:
        return Run(line - (1 - _ASCENT) * size, low, line + _ASCENT * size, high, text, bold, mono)
    if turn == 180:
        return Run(-high, line - (1 - _ASCENT) * size, -low, line + _ASCENT * size, text, bold, mono)
    return Run(low, line - _ASCENT * size, high, line + (1 - _ASCENT) * size, text, bold, mono)


def _joined_lams(word: list[_Letter]) -> list[_Letter]:
    """Put the two letters of each ligature of lam and alef, which pdfium turns around, in the order they are read."""
    word = list(word)
    for place, (first, second) in enumerate(pairwise(word)):
        if first.x == second.x and first.text in _ALEFS and second.text == _LAM:
            word[place : place + 2] = [second, first]
    return word


def _is_right_to_left(text: str) -> bool:
    return unicodedata.bidirectional(text[:1]) in ("R", "AL")
