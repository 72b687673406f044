"""The Tool caller: proposes calls of the tools it is given, in its model's trained form or bound by grammar; calls nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import CallsUnreadable, InvalidRequest
from tiny_moa.experts import checks
from tiny_moa.experts.base import Abstention, Attempt, Call, Proposal, Task, TemplatedModel, cut_note, status_of
from tiny_moa.models.families import FAMILIES, Family

Calls = list[dict[str, Any]]
MAX_CALLS = 4
"""Most calls one request is turned into."""


class ToolCallExpert:
    """Turns a request into zero or more calls.

    A model whose family was trained on tools is shown them in that form and answers freely; what it wrote is read and
    checked against the tools' JSON Schemas. Another model, and one whose calls cannot be used, is bound to the schemas by
    grammar.
    """

    def __init__(self, spec: ExpertSpec, model: TemplatedModel) -> None:
        self.spec = spec
        self._model = model

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        if not task.tools:
            return Abstention(self.spec.name, "there are no tools to call here; give them to `call_tool`")
        parameters = {tool["name"]: tool["parameters"] for tool in task.tools}
        family = FAMILIES[self._model.spec.family]
        calls, attempts = await self._trained(task, call, family)
        if calls is None or not all(check.passed for check in checks.check_calls(calls, parameters)):
            calls, attempt = await self._bound(task, call, parameters)
            attempts = (*attempts, attempt)
        if calls is None:
            return Abstention(self.spec.name, "the calls were cut off before they were complete; allow more tokens or seconds")
        if not calls:
            return Abstention(self.spec.name, "no tool of the list fits the request")
        text = json.dumps(calls, ensure_ascii=False, indent=2)
        notes = ("These calls are proposals; nothing was called.", *cut_note(attempts[-1]))
        validity = checks.check_calls(calls, parameters)
        return Proposal(self.spec.name, text, status_of(attempts[-1]), validity, attempts, {"calls": calls}, notes)

    async def _trained(self, task: Task, call: Call, family: Family) -> tuple[Calls | None, tuple[Attempt, ...]]:
        """Ask in the family's own form; no calls at all when it has none, or when what it wrote cannot be read."""
        if family.tool_template is None:
            return None, ()
        values = {"task": task.text, "tools": family.write_tools(task.tools)}
        completion, attempt = await self._model.write(family.tool_template, values, call)
        try:
            found = family.read_calls(completion.text)
        except CallsUnreadable:
            return None, (attempt,)
        if attempt.finish != "stop" and not found:
            return None, (attempt,)
        return [{"name": one.name, "arguments": one.arguments} for one in found[:MAX_CALLS]], (attempt,)

    async def _bound(
        self, task: Task, call: Call, parameters: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Calls | None, Attempt]:  # fmt: skip
        """Ask with the answer bound to the tools' schemas; `None` when it was cut off."""
        tools = json.dumps([dict(tool) for tool in task.tools], ensure_ascii=False)
        completion, attempt = await self._model.write(
            self.spec.template, {"task": task.text, "tools": tools}, call, schema=_calls_schema(parameters)
        )
        calls = checks.parse_json(completion.text)
        return (calls if isinstance(calls, list) else None), attempt


def read_tools(tools: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
    """Read a list of tools as hosts write them into objects with `name`, `description` and `parameters`.

    Understands plain objects, `{"type": "function", "function": {...}}`, and MCP tools with `inputSchema`.

    Raises:
        InvalidRequest: The list is empty, a tool has no name, two share one, or a schema is none.
    """
    if not tools:
        raise InvalidRequest("the list of tools is empty; give at least one tool with a name and a JSON Schema of its arguments")
    read = tuple(_read_tool(tool, position) for position, tool in enumerate(tools, start=1))
    names = [tool["name"] for tool in read]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidRequest(f"two tools are called {twice[0]!r}; give each a name of its own")
    return read


def _read_tool(tool: Any, position: int) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
        tool = tool["function"]
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str) or not tool["name"]:
        raise InvalidRequest(f"tool {position} of the list is not an object with a `name`")
    given = tool.get("parameters", tool.get("inputSchema", tool.get("input_schema")))
    schema = {"type": "object", "properties": {}} if given is None else given
    fault = checks.check_schema(schema) if isinstance(schema, Mapping) else "a JSON Schema is an object"
    if fault is None and schema.get("type", "object") != "object":
        fault = f"the arguments must be an object, not {schema['type']!r}"
    if fault:
        raise InvalidRequest(f"the schema of tool {tool['name']!r} cannot be used: {fault[:300]}")
    return {"name": tool["name"], "description": str(tool.get("description", "")), "parameters": schema}


def _calls_schema(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A list of calls, each of one tool: the shape that the grammar enforces."""
    shapes = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": dict(schema)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, schema in parameters.items()
    ]
    return {"type": "array", "items": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}, "maxItems": MAX_CALLS}
