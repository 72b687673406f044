"""The table of families: for each, how tools are offered, how calls are read, and its fill-in-the-middle marks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tiny_moa.models.families.declarations import declare
from tiny_moa.models.families.readers import ToolCall, read_declared, read_json, read_pythonic, read_tagged
from tiny_moa.models.runtime import Piece

Tools = Sequence[Mapping[str, Any]]
"""Tools on offer: objects with `name`, `description` and `parameters`."""


@dataclass(frozen=True)
class FillIn:
    """The marks with which a model is asked for what belongs between two pieces of code, in the order prefix, suffix, middle."""

    prefix: str
    suffix: str
    middle: str

    def pieces(self, before: str, after: str) -> tuple[Piece, ...]:
        """Give the raw prompt whose answer is the middle; marks inside the code stay text."""
        ahead, behind, end = (Piece(mark, is_mark=True) for mark in (self.prefix, self.suffix, self.middle))
        return tuple(piece for piece in (ahead, Piece(before), behind, Piece(after), end) if piece.text)


def _json_list(tools: Tools) -> str:
    return json.dumps([dict(tool) for tool in tools], ensure_ascii=False)


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        read_calls: Reads calls out of what the model wrote; none when it wrote of something else. Raises only
            `CallsUnreadable`.
        tool_template: The template that offers tools as the model was trained to see them, with the holes `task` and
            `tools`; `None` for a family without a form of its own, which is bound to a JSON Schema instead.
        write_tools: Writes what fills the hole `tools`.
        fill_in: Its marks for filling in a middle, `None` when it was not trained to.
    """

    read_calls: Callable[[str], tuple[ToolCall, ...]]
    tool_template: str | None = None
    write_tools: Callable[[Tools], str] = _json_list
    fill_in: FillIn | None = None


def _openai_lines(tools: Tools) -> str:
    return "\n".join(json.dumps({"type": "function", "function": dict(tool)}, ensure_ascii=False) for tool in tools)


def _declarations(tools: Tools) -> str:
    return "".join(declare(tool) for tool in tools)


_GENERIC = Family(read_json)
FAMILIES: Mapping[str, Family] = {
    "chatml": _GENERIC,
    "smollm": _GENERIC,
    "gemma": _GENERIC,
    "youtu": Family(read_tagged),
    "lfm": Family(read_pythonic, "families/lfm"),
    # The marks are in llama.cpp's vocabulary of the architecture; only the Coder was trained with them.
    "falcon-h1": Family(read_tagged, "families/falcon-h1", fill_in=FillIn("<|prefix|>", "<|suffix|>", "<|middle|>")),
    # The code models' marks, from their model card.
    "qwen": Family(read_tagged, "families/qwen", _openai_lines, FillIn("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")),
    "functiongemma": Family(read_declared, "families/functiongemma", _declarations),
}
"""Every family by the name the catalogue uses."""
