"""Whether a Korean word goes on in the next line: many programs divide words at any syllable, without a hyphen; pure.

Where they do, lines are full up to a syllable; where lines end with words, some lack more than that. Which parts are one
word is then decided by the words seen elsewhere, by endings that are no words, and by endings after which words end.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tiny_moa.experts.documents.layout import MARKER, Run

_SYLLABLE: Final = 1.15
"""What a line lacks that is full up to a syllable is less than this many line heights."""
_MIN_LINES: Final = 3
_MIN_FULL: Final = 0.85
"""Share of lines that are full where words are divided."""
_FEW_FULL: Final = 0.6
"""The same where they are not: fewer."""
_SPACE: Final = 0.3
"""Width of a space where no line shows it, as a share of the line's height."""
_HANGUL = re.compile("[가-힣]")
_TAIL = re.compile(
    r"(?:들[이은을의과도]?|들에게|습니다|니다|었다|았다|였다|다|을|를|은|는|의|에|에서|으로|로|와|과|이며)(?=[\s.,)]|$)"
)
"""What no word is by itself: the rest of one."""
_VERB = re.compile(r"(?:하였다|한다|된다|이다|입니다|까지|부터)(?=[\s.,)]|$)")
"""What is the rest of a word, except after one that has ended."""
_WHOLE = re.compile(
    "지난|모든|어떤|다른|많은|작은|새로운|이런|그런|저런|같은|여러|매우|가장|아주|또는|그리고|그러나|하지만|따라서|거의"
)
"""Words of frequent kinds that end as no other does."""
_END = re.compile(
    r".(?:[을를은는이가에의와과로도만고며면지게해한된할될및등다서]|까지|부터|에서|으로|하여|되어|하는|있는|위해|통해|[.,!?:;)\]」』”’])$"
)
"""How most words end."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a document divides Korean words at the ends of lines.

    Attributes:
        divides: Whether it divides them; `None` when too few lines show it.
        words: Words seen inside its lines.
    """

    divides: bool | None = None
    words: frozenset[str] = frozenset()


UNKNOWN: Final = Wording()
"""Nothing is known of how a document divides words."""


def measure_wording(pages: Sequence[Sequence[Run]]) -> Wording:
    """See how the lines of all pages end."""
    lacks = [lack for lines in pages for lack in _lacks([line for line in lines if len(_HANGUL.findall(line.text)) >= 6])]
    words = frozenset(word.strip(".,()") for lines in pages for line in lines for word in line.text.split()[1:-1])
    if len(lacks) < _MIN_LINES:
        return Wording(None, words)
    share = sum(lack < _SYLLABLE for lack in lacks) / len(lacks)
    return Wording(True if share >= _MIN_FULL else False if share <= _FEW_FULL else None, words)


def is_divided(line: str, below: str, wording: Wording) -> bool:
    """Whether the last word of a line goes on in the line below."""
    last, first = line.split()[-1:], below.split()[:1]
    if not last or not first or not (_HANGUL.match(last[0][-1]) and _HANGUL.match(first[0])) or wording.divides is False:
        return False
    if wording.divides:
        return _is_one_word(last[0], first[0], wording.words)
    return bool(_TAIL.match(below)) or (bool(_VERB.match(below)) and not _END.search(last[0]))


def _is_one_word(last: str, first: str, words: Collection[str]) -> bool:
    """Decide for a document that divides words, where two parts of three are one."""
    whole, end = last + first.strip(".,()"), first.strip(".,()")
    if whole in words:
        return True
    if last in words and end in words:
        return False
    return _TAIL.match(first) is not None or not (_END.search(last) or _WHOLE.fullmatch(last))


def _lacks(lines: Sequence[Run]) -> list[float]:
    """Give for each line that is followed by another how much more would have fitted into it, in line heights."""
    below = {id(line): _line_below(line, lines) for line in lines}
    going_on = [line for line in lines if (other := below[id(line)]) is not None and not MARKER.match(other.text)]
    last = [line.space for line in lines if below[id(line)] is None and line.space]
    found = []
    for line in going_on:
        edge = max(other.right for other in lines if abs(other.left - line.left) < 2.5 * line.height and _is_near(line, other))
        space = min(statistics.median(last), line.space) if last else min(_SPACE * line.height, line.space)
        stretch = (line.text.count(" ")) * (line.space - space) if line.space else 0.0
        found.append((edge - line.right + stretch) / line.height)
    return found


def _line_below(line: Run, lines: Sequence[Run]) -> Run | None:
    return next((other for other in lines if other.top > line.top and _is_near(line, other, lines=1)), None)


def _is_near(line: Run, other: Run, *, lines: int = 3) -> bool:
    same = abs(other.height - line.height) < 0.1 * line.height and abs(other.left - line.left) < 2.5 * line.height
    return same and abs(other.middle - line.middle) < (lines + 0.3) * 1.8 * line.height
