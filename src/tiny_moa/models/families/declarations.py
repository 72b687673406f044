"""Writes tools in FunctionGemma's own declaration language; pure.

Form: the examples on its model card and its chat template, as quoted in third-party engines' tests. Keys are in the order the
template gives them, type names in capitals, texts between `<escape>` marks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ESCAPE = "<escape>"
_MARKS = (
    ESCAPE, "<start_function_declaration>", "<end_function_declaration>", "<start_function_call>", "<end_function_call>",
    "<start_function_response>", "<end_function_response>", "<start_of_turn>", "<end_of_turn>",
)  # fmt: skip
_DEPTH = 8
"""How deep a schema is written; what lies deeper is left out, and no such model could fill it."""


def declare(tool: Mapping[str, Any]) -> str:
    """Give the declaration of one tool: an object with `name`, `description` and `parameters`."""
    described = f"description:{_text(tool.get('description', ''))}"
    parameters = _schema(tool.get("parameters") or {"type": "object"}, _DEPTH, is_parameters=True)
    name = _plain(str(tool.get("name", "")))
    return f"<start_function_declaration>declaration:{name}{{{described},parameters:{parameters}}}<end_function_declaration>"


def _schema(schema: Any, depth: int, *, is_parameters: bool = False) -> str:
    if not isinstance(schema, Mapping) or not depth:
        return "{}"
    parts = []
    if schema.get("description") and not is_parameters:
        parts.append(f"description:{_text(schema['description'])}")
    if isinstance(schema.get("enum"), Sequence):
        parts.append(f"enum:{_list(schema['enum'])}")
    if isinstance(schema.get("items"), Mapping):
        parts.append(f"items:{_schema(schema['items'], depth - 1)}")
    if isinstance(properties := schema.get("properties"), Mapping):
        fields = ",".join(f"{_plain(str(name))}:{_schema(properties[name], depth - 1)}" for name in sorted(properties, key=str))
        parts.append(f"properties:{{{fields}}}")
    if isinstance(required := schema.get("required"), Sequence) and required:
        parts.append(f"required:{_list(required)}")
    kind = schema.get("type", "object" if is_parameters else "string")
    parts.append(f"type:{_text((kind if isinstance(kind, str) else 'string').upper())}")
    return "{" + ",".join(parts) + "}"


def _list(values: Sequence[Any]) -> str:
    return "[" + ",".join(_text(value) for value in values) + "]"


def _text(value: object) -> str:
    return f"{ESCAPE}{_plain(str(value))}{ESCAPE}"


def _plain(text: str) -> str:
    """Take the language's marks out of a text, again and again: taking one out may bring another together."""
    while any(mark in text for mark in _MARKS):
        for mark in _MARKS:
            text = text.replace(mark, "")
    return text
