"""Picks the tools of a long list that share words with a request, so that the rest need not be read; asks no model.

A Korean request and an English tool share words by a table of stems (words.toml), either way round.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

Tool = Mapping[str, Any]
MOST_SHOWN = 12
"""Most tools a model is shown; a choice of more is beyond a small one."""
MOST_BYTES = 6_000
"""Most bytes of their names, descriptions and schemas together: some 1,800 tokens of a context of 4,096."""
FILE = Path(__file__).with_name("words.toml")
_HANGUL = re.compile(r"[가-힣]")
_PIECE = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+|[^\W\dA-Za-z_]+")
_PLURAL = re.compile(r"(?<=[a-z]{3})(?:ies|es|s|ing|ed|er|e)$")


def is_short(tools: Sequence[Tool]) -> bool:
    """Tell whether a list of tools can be shown whole."""
    return len(tools) <= MOST_SHOWN and sum(map(_length, tools)) <= MOST_BYTES


def nearest(tools: Sequence[Tool], scores: Sequence[float]) -> tuple[Tool, ...]:
    """Give the tools of the highest scores that can be shown together, in the order of the list.

    A tie goes to the earlier tool. One tool at least is given, however long it is.
    """
    chosen: list[int] = []
    room = MOST_BYTES
    for index in sorted(range(len(tools)), key=lambda index: (-scores[index], index)):
        if len(chosen) == MOST_SHOWN:
            break
        if not chosen or _length(tools[index]) <= room:
            chosen.append(index)
            room -= _length(tools[index])
    return tuple(tools[index] for index in sorted(chosen))


def brief(tools: Sequence[Tool]) -> tuple[str, ...]:
    """Give one line for each tool from the first on, shortened so that as many as possible can be shown together."""
    names = [str(tool["name"]) for tool in tools]
    room = MOST_BYTES // len(tools) - 2
    lines = []
    for tool, name in zip(tools, names, strict=True):
        spare = room - len(name.encode(errors="replace"))
        said = str(tool["description"]).split(". ")[0].encode(errors="replace")[: max(spare, 0)].decode(errors="ignore")
        lines.append(f"{name}: {said}" if spare > 8 and said else name)
    left = MOST_BYTES
    for count, line in enumerate(lines):
        left -= len(line.encode(errors="replace")) + 1
        if left < 0:
            return tuple(lines[: max(count, 1)])
    return tuple(lines)


def terms(text: str) -> list[str]:
    """Give the search terms of a text: ASCII words without their endings, and pairs of signs of any other script.

    Names such as `getWeather` and `get_weather` come apart. Korean has its particles at the ends of words; pairs of signs
    find the word inside.
    """
    found: list[str] = []
    for piece in _PIECE.findall(text):
        if piece.isascii():
            found.append(_PLURAL.sub("", piece.lower()))
        else:
            found += [piece[at : at + 2] for at in range(max(len(piece) - 1, 1))]
    return found


def closeness(request: str, tools: Sequence[Tool]) -> tuple[float, ...]:
    """Give each tool's BM25 score for a request, 0 or more; 0 for all when they share no word with it."""
    import bm25s

    documents = [_terms(" ".join(_words(tool))) or [""] for tool in tools]
    index = bm25s.BM25()
    index.index(documents, show_progress=False)
    known = {term for document in documents for term in document}
    asked = [term for term in _terms(request) if term in known]
    return tuple(float(score) for score in index.get_scores(asked)) if asked else (0.0,) * len(tools)


def _terms(text: str) -> list[str]:
    """The terms of a text, and those of the English words for its Korean ones."""
    found = terms(text)
    if _HANGUL.search(text):
        found += [term for stem, english in _table() if stem in text for term in english]
    return found


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[str, tuple[str, ...]], ...]:
    words = tomllib.loads(FILE.read_text("utf-8"))["words"]
    return tuple((stem, tuple(terms(english))) for stem, english in words.items())


def _words(tool: Tool) -> Iterator[str]:
    yield str(tool["name"])
    yield str(tool["description"])
    for name, schema in tool["parameters"].get("properties", {}).items():
        yield str(name)
        if isinstance(schema, Mapping):
            yield str(schema.get("description", ""))
            yield " ".join(map(str, schema.get("enum", ())))


def _length(tool: Tool) -> int:
    return len(json.dumps(dict(tool), ensure_ascii=False).encode(errors="replace"))
