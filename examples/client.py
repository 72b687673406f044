"""A Python program that asks the team over MCP, hears how it goes, and reads who answered.

uv run --extra local python examples/client.py "What is 17 * 23?"
"""

from __future__ import annotations

import sys

import anyio
from mcp import Client, StdioServerParameters


async def main(question: str) -> None:
    """Start the server, ask it one question, print the answer and its provenance."""

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        print(f"… {message}", file=sys.stderr)

    server = StdioServerParameters(command=sys.executable, args=["-m", "tiny_moa", "serve"])
    async with Client(server) as client:
        tools = await client.list_tools()
        print("tools:", ", ".join(tool.name for tool in tools.tools))
        reply = await client.call_tool("ask", {"question": question}, progress_callback=on_progress)
        print("answer:", reply.structured_content["answer"])
        print("status:", reply.structured_content["status"], "by", ", ".join(reply.structured_content["experts"]))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if len(sys.argv) > 1 else "What is 17 * 23?")
