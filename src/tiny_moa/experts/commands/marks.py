"""Prepares a request for reading: phrases become one word each, places become literals; pure, its data is words.toml.

It does not know what any word means: that is `words`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tiny_moa.experts.commands.literals import split_literals

FILE = Path(__file__).with_name("words.toml")
_PAIR_WORDS = r"(files?|folders?|director(?:y|ies)|regular|normal|plain|lines?|words?|(?:sym)?links?|names?|paths?)"
_PAIR = re.compile(rf"\b{_PAIR_WORDS}/{_PAIR_WORDS}\b", re.IGNORECASE)
_ENDING = re.compile(
    r"\bfiles(?: that| which| whose names?)? (?:end(?:ing|s)? (?:in|with)|with (?:the )?extension)"
    r" [\"']?\*?\.?([a-z0-9]{1,5})[\"']?(?:,? (?:or|and) [\"']?\*?\.([a-z0-9]{1,5})[\"']?)?(?![\w.])",
    re.IGNORECASE,
)
_ENDING_KOREAN = re.compile(r"확장자가 \.?([A-Za-z0-9]{1,5})인 (?:모든 )?파일")
_KOREAN_NUMBERS = ("두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열")
_COUNTED = re.compile(
    rf"(?<![가-힣])({'|'.join(_KOREAN_NUMBERS)})\s?(?=(?:번째|개|칸|줄|번만|번씩|글자|단어|초|분|시간|일|주|달|개월|단계|등분|조각)(?!기))"
)
_QUOTED = re.compile(r"(\"[^\"\n]+\"|“[^”\n]+”|(?<![\w가-힣])['‘`][^'’`\n]+['’`](?![A-Za-z0-9_]))")
_STDIN = r"\b(?:from )?(?:the )?(?:standard input|stdin)\b|표준\s?입력(?:에서|을|으로)?"


@dataclass(frozen=True)
class Marks:
    """What is rewritten before a request is read.

    Attributes:
        phrases: Several words that mean one thing, each with the word to write instead; outside of quotes only.
        places: Phrases that name a place, such as "the current folder", each with the path it means.
    """

    phrases: tuple[tuple[re.Pattern[str], str], ...]
    places: tuple[tuple[re.Pattern[str], str], ...]


def load_marks(file: Path = FILE) -> Marks:
    """Read the phrases and the places."""
    table = tomllib.loads(file.read_text("utf-8"))
    return Marks(
        tuple((re.compile(row["says"], re.IGNORECASE), row["means"]) for row in table["phrase"]),
        tuple((re.compile(pattern, re.IGNORECASE), path) for path, pattern in table["places"].items()),
    )


def mark_places(text: str, marks: Marks) -> str:
    """Put place phrases such as "the current folder" into quotes of our own, so that they are read as literals.

    Also reads "files ending in .txt" as `*.txt` files and "files/folders" as two words, which look like one path.
    """
    text = one_word_each(text, marks.phrases)
    text = _PAIR.sub(r"\1 and \2", text)
    text = _ENDING.sub(_files_ending, _ENDING_KOREAN.sub(r"*.\1 파일", text))
    pieces = []
    for piece in split_literals(text):
        part = piece.text
        if piece.literal is None:
            for pattern, value in marks.places:
                part = pattern.sub(f" “\x01{value}”", part)
            part = re.sub(_STDIN, " “\x02”", part, flags=re.IGNORECASE)
        pieces.append(part)
    return "".join(pieces)


def one_word_each(text: str, phrases: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Write each phrase and each Korean number of a text as one word; what stands in quotes is left as it is."""
    return "".join(part if index % 2 else _in_plain(part, phrases) for index, part in enumerate(_QUOTED.split(text)))


def _in_plain(text: str, phrases: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, word in phrases:
        text = pattern.sub(word, text)
    return _COUNTED.sub(lambda match: str(_KOREAN_NUMBERS.index(match[1]) + 2), text)


def _files_ending(match: re.Match[str]) -> str:
    return " or ".join(f"*.{ending}" for ending in match.groups() if ending) + " files"
