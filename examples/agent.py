"""An agent of pydantic-ai with the team as its tools; its model is the library's TestModel, so it runs without a key.

    uv run --extra local --group dev python examples/agent.py

Put a real model in the place of `TestModel` and the agent chooses tools by itself. TestModel calls the tools it is
told to, with arguments it makes up from their schemas.
"""

from __future__ import annotations

import os
import sys

import anyio
from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models.test import TestModel


async def main() -> None:
    """Run the agent once and print what it made of the tool's reply."""
    server = StdioTransport(sys.executable, ["-m", "tiny_moa", "serve", "--max-tokens", "16"], env=dict(os.environ))
    agent = Agent(TestModel(call_tools=["write_code"]), toolsets=[MCPToolset(server)])
    async with agent:
        result = await agent.run("Write a function that reverses a string.")
    print(result.output)


if __name__ == "__main__":
    anyio.run(main)
