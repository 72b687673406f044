"""The text of one answer as it grows: whole characters, stop strings, and whether it goes in circles; pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

_PROBE = 32
_REPEATS = 6
_REPEATS_OF_LONG = 4
_LONG = 80
"""A passage of that many characters is a sentence or more: nobody writes it four times in a row."""
_LOOP_OF_WORDS = 200
_LOOP_OF_SIGNS = 1600
"""Characters that must repeat exactly before an answer counts as looping; figures of ours. Rulers, tables of zeros and
indentation repeat without words, so they need eight times as many."""
_WORD = re.compile(r"[^\W\d_]{3}")


class AnswerText:
    """Assembles the bytes of tokens into text and ends it before the first stop string.

    What might still become a stop string is held back, so that nothing printed is ever taken away again. Of several stop
    strings the one complete first counts, and the longest of those that end together.
    """

    def __init__(self, stops: Sequence[str] = (), opening: str = "") -> None:
        """Begin an answer.

        Args:
            stops: Texts the answer ends before; empty ones are ignored.
            opening: Text the answer begins with; stop strings are not looked for in it.
        """
        self._stops = tuple(stop for stop in stops if stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._printed = opening
        self._unseen = opening
        self._held = ""
        self.is_stopped = False

    @property
    def text(self) -> str:
        """What was printed so far."""
        return self._printed

    def add(self, piece: bytes) -> str:
        """Take the bytes of one token and give what became printable by it, after the first one with the opening before it."""
        self._held += self._decoder.decode(piece)
        if found := _first_stop(self._held, self._stops):
            self.is_stopped = True
            free, self._held = self._held[: found[0]], ""
        else:
            cut = len(self._held) - _begun_stop(self._held, self._stops)
            free, self._held = self._held[:cut], self._held[cut:]
        return self._print(free)

    def finish(self) -> str:
        """Give what was held back; bytes of an unfinished character are dropped."""
        free, self._held = self._held, ""
        return self._print(free)

    def _print(self, free: str) -> str:
        news, self._unseen = self._unseen + free, ""
        self._printed += free
        return news


def _first_stop(text: str, stops: Sequence[str]) -> tuple[int, int] | None:
    """Give start and end of the stop string that is complete first."""
    found = [(start, start + len(stop)) for stop in stops if (start := text.find(stop)) >= 0]
    return min(found, key=lambda span: (span[1], span[0]), default=None)


def _begun_stop(text: str, stops: Sequence[str]) -> int:
    """Give the length of the longest end of a text with which a stop string begins."""
    longest = min(len(text), max((len(stop) for stop in stops), default=1) - 1)
    return next((size for size in range(longest, 0, -1) if any(stop.startswith(text[-size:]) for stop in stops)), 0)


def is_looping(text: str) -> bool:
    """Tell whether a text ends in one passage over and over, exactly alike: six times, or four when it is long.

    200 characters of it suffice when the passage has a word, 1,600 when it is only digits, signs or blanks.
    Texts that vary at all, such as counting or a table's rows, never count.
    """
    before = text.rfind(text[-_PROBE:], 0, len(text) - 1) if len(text) >= _LOOP_OF_WORDS else -1
    if before < 0:
        return False
    period = len(text) - _PROBE - before
    least = _LOOP_OF_WORDS if _WORD.search(text[-period:] * 2) else _LOOP_OF_SIGNS
    length = max(least, (_REPEATS if period < _LONG else _REPEATS_OF_LONG) * period)
    return len(text) >= length and text[-(length - period) :] == text[-length:-period]
