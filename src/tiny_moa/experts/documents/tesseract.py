"""Asks a Tesseract that the user installed for lines in Korean; runs it with fixed arguments, in the child only."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from tiny_moa.experts.documents.layout import Box

LANGUAGES: Final = "kor+eng"
_LINE_HEIGHT: Final = 40
"""Every line is made this many pixels high, at which Tesseract reads best."""
_PITCH: Final = 72
"""Space from one line to the next, so that they are never taken for one."""
_BORDER: Final = 24
_SYLLABLE_GAP: Final = 8
"""Pixels; syllables of one word stood up to 8 apart when measured, words 9 or more."""
_HANGUL_SHARE: Final = 0.2
_KILL_WITH_PARENT: Final = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


@cache
def find() -> str | None:
    """Give the program's place, `None` when it is not installed."""
    return shutil.which("tesseract")


@cache
def reads_korean() -> bool:
    """Whether Tesseract is installed with its Korean and English data."""
    program = find()
    if program is None:
        return False
    try:
        listed = subprocess.run([program, "--list-langs"], capture_output=True, timeout=10, check=False, env=_environ())
    except (OSError, subprocess.TimeoutExpired):
        return False
    return set(LANGUAGES.split("+")) <= set((listed.stdout + listed.stderr).decode(errors="replace").split())


def read_lines(picture: Any, boxes: Sequence[Box], *, seconds: float) -> list[str]:
    """Read the lines of a picture at the places given, all in one run of the program.

    Returns:
        A text for each box, empty when there is none or the time was up.
    """
    program = find()
    if program is None or not boxes:
        return ["" for _ in boxes]
    strip = io.BytesIO()
    _stack(picture, boxes).save(strip, "PNG", dpi=(300, 300))
    command = [program, "stdin", "stdout", "-l", LANGUAGES, "--psm", "6", "tsv"]
    try:
        done = subprocess.run(
            command,
            input=strip.getvalue(),
            capture_output=True,
            timeout=max(seconds, 1.0),
            check=False,
            env=_environ(),
            preexec_fn=_end_with_parent(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ["" for _ in boxes]
    return words_by_line(done.stdout.decode("utf-8", "replace"), len(boxes))


def words_by_line(table: str, n_lines: int) -> list[str]:
    """Put the words of Tesseract's table, whose places say on which line they stand, together.

    Tesseract takes most Hangul syllables for words; one that follows closely belongs to the word before it.
    """
    words: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for row in table.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) == 12 and fields[0] == "5" and (text := fields[11].strip()):
            left, top, width, height = map(int, fields[6:10])
            words[int((top + height / 2 - _BORDER) // _PITCH)].append((left, left + width, text))
    return [_join(words[number]) for number in range(n_lines)]


def _join(words: Sequence[tuple[int, int, str]]) -> str:
    text, end = "", 0
    for left, right, word in words:
        is_part = left - end <= _SYLLABLE_GAP and _is_hangul(word[0]) and (_is_hangul(text[-1:]) or text[-1:].isdigit())
        text = text + word if is_part or not text else f"{text} {word}"
        end = right
    return text


def has_hangul(text: str) -> bool:
    """Whether a fifth of the letters of a text or more are Hangul."""
    letters = [character for character in text if character.isalpha()]
    return sum(map(_is_hangul, letters)) > _HANGUL_SHARE * len(letters)


def _is_hangul(character: str) -> bool:
    return "가" <= character <= "힣"


def _stack(picture: Any, boxes: Sequence[Box]) -> Any:
    """Put the lines below each other on white."""
    from PIL import Image

    lines = []
    for box in boxes:
        line = picture.crop((int(box.left) - 2, int(box.top) - 1, int(box.right) + 3, int(box.bottom) + 2)).convert("L")
        width = max(round(line.width * _LINE_HEIGHT / line.height), 1)
        lines.append(line.resize((min(width, 4000), _LINE_HEIGHT)))
    strip = Image.new("L", (max(line.width for line in lines) + 2 * _BORDER, len(lines) * _PITCH + 2 * _BORDER), 255)
    for number, line in enumerate(lines):
        strip.paste(line, (_BORDER, _BORDER + number * _PITCH + (_PITCH - _LINE_HEIGHT) // 2))
    return strip


def _environ() -> dict[str, str]:
    """One thread, and nothing of the server's environment but where programs are."""
    return {"OMP_THREAD_LIMIT": "1", **{name: os.environ[name] for name in ("PATH", "TESSDATA_PREFIX") if name in os.environ}}


def _end_with_parent() -> Callable[[], None] | None:
    """Give what makes the program end when this process is killed, where the system can."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes
    import signal

    library = ctypes.CDLL(None)
    return lambda: library.prctl(_KILL_WITH_PARENT, signal.SIGKILL)
