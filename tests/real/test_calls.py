"""The embedded model asked for tool calls through the server: what it proposes is always valid, whatever it understands."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from tiny_moa import build_team, load_settings
from tiny_moa.server.app import build_server

pytestmark = pytest.mark.llama

ALARM = {
    "name": "set_alarm",
    "description": "Sets an alarm.",
    "inputSchema": {
        "type": "object",
        "properties": {"hour": {"type": "integer", "minimum": 0, "maximum": 23}, "days": {"$ref": "#/$defs/Days"}},
        "required": ["hour"],
        "$defs": {"Days": {"type": "array", "items": {"enum": ["mon", "tue", "sat"]}}},
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "library.search",
        "description": "Searches a library's books by title or author.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 2}, "limit": {"type": "integer"}},
            "required": ["query"],
            "additionalProperties": False,
        },
    },
}
MANY = [
    {"name": f"press_{number}", "description": f"Presses button {number} of the panel.", "parameters": {"type": "object"}}
    for number in range(60)
]


def judge(reply: dict[str, Any], tools: list[dict[str, Any]]) -> None:
    """Every call fits its tool's schema; where there is none, the reply says why."""
    calls, schemas = reply["result"]["calls"], {tool.get("function", tool)["name"]: tool.get("function", tool) for tool in tools}
    for call in calls:
        schema = schemas[call["name"]].get("parameters", schemas[call["name"]].get("inputSchema"))
        Draft202012Validator(schema).validate(call["arguments"])
    assert calls or reply["result"]["reason"]


def tool(**parameters: Any) -> dict[str, Any]:
    return {"name": "keep", "description": "Keeps a thing on a shelf.", "parameters": {"type": "object", **parameters}}


SCHEMAS = (
    {"properties": {}, "additionalProperties": False},
    {"properties": {"thing": {"type": "string", "pattern": "^[a-z]+$"}, "shelf": {"type": "integer"}}, "required": ["thing"]},
    {"properties": {"share": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}}, "required": ["share"]},
    {"properties": {"kind": {"enum": ["cup", "book", 3, None]}, "sure": {"type": "boolean"}}, "required": ["kind", "sure"]},
    {"properties": {"things": {"type": "array", "items": {"type": "string"}, "minItems": 2}}, "required": ["things"]},
    {"properties": {"thing": {"type": ["string", "integer"]}}, "required": ["thing"], "not": {"required": ["other"]}},
    {"properties": {"tree": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}},
    {"properties": {"a": {}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
)
REQUESTS = ("Keep my 2 red books on shelf 7", "빨간 책 2권을 7번 선반에 둬")


async def test_whatever_the_schema_the_embedded_model_proposes_valid_calls_or_none() -> None:
    team = build_team(load_settings({}, deadline_seconds=600))
    async with Client(build_server(team)) as client:
        for part, text in zip(SCHEMAS, cycle(REQUESTS), strict=False):
            one = tool(**part)
            result = await client.call_tool("call_tool", {"request": text, "tools": [one], "max_tokens": 24})
            if result.structured_content is None:
                assert "cut off" in result.content[0].text  # type: ignore[union-attr]  # it went on and on inside one value
            else:
                judge(result.structured_content, [one])


@pytest.mark.parametrize(
    ("request_text", "tools"),
    [
        ("Wake me at 6 on Saturday", [ALARM]),
        ("토요일 7시에 알람 맞춰줘", [ALARM]),
        ("Search the library for Emma and for Ulysses", [*MANY, SEARCH]),
    ],
)
async def test_the_embedded_model_proposes_valid_calls_or_none(request_text: str, tools: list[dict[str, Any]]) -> None:
    team = build_team(load_settings({}, deadline_seconds=600))
    async with Client(build_server(team)) as client:
        result = await client.call_tool("call_tool", {"request": request_text, "tools": tools, "max_tokens": 60})
    if (reply := result.structured_content) is None:
        assert "cut off" in result.content[0].text  # type: ignore[union-attr]  # it went on and on inside one value
        return
    judge(reply, tools)
