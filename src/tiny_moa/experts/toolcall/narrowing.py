"""Picks the tools of a long list that share words with a request, so that the rest need not be read; asks no model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Tool = Mapping[str, Any]
MOST_SHOWN = 12
"""Most tools a model is shown; a choice of more is beyond a small one."""
MOST_BYTES = 6_000
"""Most bytes of their names, descriptions and schemas together: some 1,800 tokens of a context of 4,096."""
_PIECE = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+|[^\W\dA-Za-z_]+")
_PLURAL = re.compile(r"(?<=[a-z]{3})(?:ies|es|s|ing|ed|er|e)$")


def narrow(request: str, tools: Sequence[Tool]) -> tuple[Tool, ...]:
    """Give the tools nearest to a request by BM25 over their names, descriptions and arguments, in the order of the list.

    A list that is short enough stays whole. A tie goes to the earlier tool. One tool at least is given, however long it is.
    """
    if len(tools) <= MOST_SHOWN and sum(map(_length, tools)) <= MOST_BYTES:
        return tuple(tools)
    scores = closeness(request, tools)
    chosen: list[int] = []
    room = MOST_BYTES
    for index in sorted(range(len(tools)), key=lambda index: (-scores[index], index)):
        if len(chosen) == MOST_SHOWN:
            break
        if not chosen or _length(tools[index]) <= room:
            chosen.append(index)
            room -= _length(tools[index])
    return tuple(tools[index] for index in sorted(chosen))


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

    documents = [terms(" ".join(_words(tool))) or [""] for tool in tools]
    index = bm25s.BM25()
    index.index(documents, show_progress=False)
    known = {term for document in documents for term in document}
    asked = [term for term in terms(request) if term in known]
    return tuple(float(score) for score in index.get_scores(asked)) if asked else (0.0,) * len(tools)


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
