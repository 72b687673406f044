"""The embedded model asked for tool calls through the server: what it proposes is always valid, whatever it understands."""

from __future__ import annotations

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
    calls, schemas = reply["result"]["calls"], {tool.get("function", tool)["name"]: tool.get("function", tool) for tool in tools}
    for call in calls:
        schema = schemas[call["name"]].get("parameters", schemas[call["name"]].get("inputSchema"))
        Draft202012Validator(schema).validate(call["arguments"])
    assert calls or reply["result"]["reason"]
