"""Turns text into the terms by which passages are found, and into sentences; English by stems, Korean by letter pairs; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
_HANGUL = re.compile(r"[\uac00-\ud7a3]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_PARTICLE = re.compile(
    r"(?:에서는|에게서|으로는|으로도|이라는|이라고|까지는|부터는|입니까|인가요|습니까|이었나|하나요|되나요|합니까|됩니까|인가|에서|에게|께서"
    r"|으로|까지|부터|처럼|보다|마다|조차|이나|이란|라는|라고|에는|에도|와의|과의|은|는|이|가|을|를|의|에|로|와|과|도|만|나|요)$"
)
_SENTENCE = re.compile(r"(?<=[.!?。！？])[\"'”’)\]]*\s+|(?<=다\.)\s*(?=[\uac00-\ud7a3])|\n+")
_ENGLISH_WORDS: Final = """a an and are as at be been by can could did do does for from had has have how i if in into is it its
many me more most much my of on or our please shall should so some such tell than that the their them then there these they this
those to under up us was we were what when where which who whom whose why will with would you your about according document
documents file files say says said give given show find any no not also each every must may might often long far old called
named name day year month date time age s"""
_KOREAN_WORDS: Final = """무엇 무엇인 어디 언제 누구 어떤 어느 어떻게 왜 얼마 얼마나 몇 그 이 저 것 수 등 및 또는
그리고 대한 대해 관한 따르면 문서 파일 있 있나 있는 하 하는 되 된 되는 인 알려줘 알려 주세요 뭐 뭐야 무슨
나요 있습니까 합니까 입니까 인가 인가요 명 개 날 년 시 때"""
_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_KOREAN: Final = frozenset(_KOREAN_WORDS.split())
"""Words that ask but say nothing of what is asked about."""
_IRREGULAR: Final = {
    "left": "leav", "leave": "leav", "leaves": "leav", "paid": "pay", "began": "begin", "begun": "begin", "wrote": "write",
    "written": "write", "built": "build", "sold": "sell", "bought": "buy", "held": "hold", "kept": "keep", "open": "open",
    "ran": "run", "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot",
}  # fmt: skip


def terms_of(text: str) -> list[str]:
    """Give the terms of a text in order, with repeats: stems of words, numbers, and pairs of letters of Korean words."""
    found: list[str] = []
    for word in _words(text):
        found += _terms(word)
    return found


def content_terms(question: str) -> tuple[tuple[str, ...], ...]:
    """Give the terms of each word of a question that says what is asked about, in order and once."""
    groups: dict[tuple[str, ...], None] = {}
    for word in _words(question):
        if word in _ENGLISH or word in _KOREAN or _PARTICLE.sub("", word) in _KOREAN:
            continue
        if terms := tuple(dict.fromkeys(_terms(word))):
            groups[terms] = None
    return tuple(groups)


def sentences_of(text: str) -> tuple[str, ...]:
    """Cut a passage into sentences and lines; rows of tables are lines."""
    parts = (part.strip() for part in _SENTENCE.split(text))
    return tuple(part for part in parts if part and not set(part) <= set("|-: "))


_ENDINGS: Final = (
    ("ies", "y", 3),
    ("sses", "ss", 2),
    ("ing", "", 4),
    ("edly", "", 3),
    ("ed", "", 3),
    ("es", "", 3),
    ("est", "", 4),
    ("er", "", 4),
)


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        yield match[0]


def _terms(word: str) -> Iterator[str]:
    if word[0].isdigit():
        yield word.replace(",", "").rstrip(".:")
    elif _HANGUL.search(word):
        for run in _HANGUL.findall(word):
            yield from _pairs(_stem_of(run))
        yield from (_stem(rest) for rest in _HANGUL.split(word) if rest)
    elif _WIDE.search(word):
        yield from _pairs(word)
    else:
        yield _stem(word)


def _stem_of(word: str) -> str:
    """Take the particle off a Korean word, if at least two letters are left."""
    bare = _PARTICLE.sub("", word)
    return bare if len(bare) >= 2 else word


def _pairs(word: str) -> Iterator[str]:
    if len(word) == 1:
        yield word
    for place in range(len(word) - 1):
        yield word[place : place + 2]


def _stem(word: str) -> str:
    """Take common endings off an English word; what is left need not be a word."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, instead, least in (
        ("ies", "y", 3),
        ("sses", "ss", 2),
        ("ing", "", 4),
        ("edly", "", 3),
        ("ed", "", 3),
        ("es", "", 3),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return _undouble(word[: -len(ending)] + instead).removesuffix("e")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word


def _undouble(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz" else word
