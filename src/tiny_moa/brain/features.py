"""The features of a question: what the classifier counts, as hashes of their names; pure, shared by training and use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from zlib import crc32

from tiny_moa.brain.signals import Sight, look

FEATURE_VERSION = 5
"""Raised with every change of what is counted here or seen in `signals`: weights of another version are refused."""
_TOKEN = re.compile(r"<[\w:]+>|[가-힣]+|[ぁ-ヿ一-鿿]|[^\W\d_가-힣ぁ-ヿ一-鿿]+|\d+|[^\w\s]")
_MOST_TOKENS = 160
"""Longer questions are read at both ends: what is wanted stands at the beginning or at the end."""


def keys_of(question: str) -> tuple[int, ...]:
    """Give the 32-bit keys of a question's features, sorted, each once."""
    return tuple(sorted({crc32(name.encode()) for name in names_of(look(question))}))


def names_of(sight: Sight) -> Iterator[str]:
    """Give the features of a question by name, some more than once."""
    tokens = _clipped(_TOKEN.findall(sight.words))
    yield "bias"
    yield from _words("w", tokens)
    yield from _letters("c", tokens)
    yield from _skips(tokens)
    yield from _words("p", _clipped(_TOKEN.findall(sight.carried))[:60], most=1)
    yield from _edges(tokens)
    flags = sorted(sight.flags)
    yield from (f"f|{flag}" for flag in flags)
    marks = [flag for flag in flags if flag.startswith("mark:") or flag in ("maths", "code", "asks", "languages")]
    yield from (f"ff|{a}|{b}" for a, b in combinations(marks, 2))
    yield f"l|{sight.language}"
    yield from _about(sight.topics, marks, tokens)


def _about(topics: tuple[str, ...], marks: list[str], tokens: list[str]) -> Iterator[str]:
    """What the words are about, alone and with each other, with marks, and with the words at the edges."""
    yield from (f"t|{topic}" for topic in topics)
    yield from (f"tt|{a}|{b}" for a, b in combinations(sorted(topics), 2))
    yield from (f"to|{a}>{b}" for a, b in pairwise(topics))
    yield from (f"tf|{topic}|{mark}" for topic in topics for mark in marks)
    ends = [token for token in tokens if token[0].isalnum()]
    if ends:
        yield from (f"ta|{topic}|{ends[0]}" for topic in topics)
        yield from (f"tz|{topic}|{ends[-1]}" for topic in topics)
    yield f"tn|{'+'.join(sorted(topics)) or 'none'}"


def _clipped(tokens: list[str]) -> list[str]:
    half = _MOST_TOKENS // 2
    return tokens if len(tokens) <= _MOST_TOKENS else [*tokens[:half], *tokens[-half:]]


def _words(space: str, tokens: list[str], most: int = 3) -> Iterator[str]:
    for size in range(1, most + 1):
        yield from (f"{space}{size}|{' '.join(tokens[at : at + size])}" for at in range(len(tokens) - size + 1))


def _skips(tokens: list[str]) -> Iterator[str]:
    """Pairs of words with one or two others between them."""
    for gap in (2, 3):
        yield from (f"s|{a} {b}" for a, b in zip(tokens, tokens[gap:], strict=False))


def _letters(space: str, tokens: list[str]) -> Iterator[str]:
    """Runs of letters within words: shorter ones for Korean, where a syllable says more."""
    for token in tokens:
        if token.startswith("<") or len(token) < 2:
            continue
        edged = f"^{token}$"
        sizes = (2, 3, 4) if "가" <= token[0] <= "힣" else (3, 4, 5)
        for size in sizes:
            yield from (f"{space}|{edged[at : at + size]}" for at in range(len(edged) - size + 1))


def _edges(tokens: list[str]) -> Iterator[str]:
    """How the request begins and ends: its verb, mostly."""
    ends = [token for token in tokens if token[0].isalnum() or token[0] == "<"]
    if ends:
        yield f"a|{ends[0]}"
        yield f"z|{ends[-1]}"
        yield f"a2|{' '.join(ends[:2])}"
        yield f"z2|{' '.join(ends[-2:])}"
