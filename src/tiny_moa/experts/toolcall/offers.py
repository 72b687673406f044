"""Reads the tools a host offers, in the several forms hosts write them, and says what is wrong with them; asks no model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.schemas import schema_fault

MOST_TOOLS = 1_000
MOST_BYTES = 1 << 20
"""Most tools, and most JSON of all of them together: more is a mistake of the host."""


def read_tools(tools: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
    """Read a list of tools as hosts write them into objects with `name`, `description` and `parameters`.

    Understands plain objects, `{"type": "function", "function": {...}}`, and MCP tools with `inputSchema`.

    Raises:
        InvalidRequest: The list is empty or too long, a tool has no name, two share one, or a schema is none.
    """
    if not tools:
        raise InvalidRequest("the list of tools is empty; give at least one tool with a name and a JSON Schema of its arguments")
    if len(tools) > MOST_TOOLS:
        raise InvalidRequest(
            f"the list has {len(tools)} tools and at most {MOST_TOOLS} are read; leave out those that cannot fit"
        )
    read = tuple(_read_tool(tool, position) for position, tool in enumerate(tools, start=1))
    names = [tool["name"] for tool in read]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidRequest(f"two tools are called {twice[0]!r}; give each a name of its own")
    if (size := len(json.dumps(read, ensure_ascii=False, default=dict).encode(errors="replace"))) > MOST_BYTES:
        raise InvalidRequest(f"the tools take {size} bytes and at most {MOST_BYTES} are read; shorten their schemas")
    return read


def _read_tool(tool: Any, position: int) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
        tool = tool["function"]
    if not isinstance(tool, Mapping):
        raise InvalidRequest(f"tool {position} of the list is not an object with a `name`, it is {_shown(tool)}")
    if not isinstance(tool.get("name"), str) or not tool["name"].strip():
        raise InvalidRequest(f"tool {position} of the list has no `name`: {_shown(tool)}")
    given = tool.get("parameters", tool.get("inputSchema", tool.get("input_schema")))
    schema = {"type": "object", "properties": {}} if given is None else given
    if fault := _fault_of(schema):
        raise InvalidRequest(f"the schema of tool {tool['name'][:80]!r} cannot be used: {fault[:300]}")
    return {"name": tool["name"], "description": str(tool.get("description") or ""), "parameters": schema}


def _fault_of(schema: Any) -> str | None:
    if not isinstance(schema, Mapping):
        return f"a JSON Schema is an object, this is {_shown(schema)}"
    if fault := schema_fault(schema):
        return fault
    kind = schema.get("type", "object")
    return None if kind == "object" else f"the arguments must be an object, not {kind!r}"


def _shown(value: Any) -> str:
    return repr(value)[:80]
