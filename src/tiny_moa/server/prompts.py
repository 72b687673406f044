"""The three prompts a host's user picks from a menu; their words are templates under `prompts/host/`."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from tiny_moa.templates import TemplateLibrary


def register_prompts(server: MCPServer[Any], templates: TemplateLibrary) -> None:
    """Publish the prompts on a server."""

    def fill(name: str, hole: str, value: str) -> str:
        if not value.strip():
            raise MCPError(code=INVALID_PARAMS, message=f"the prompt {name!r} needs the argument {hole!r}")
        return templates.get(f"host/{name}", holes=(hole,)).fill(**{hole: value.strip()})[-1].text

    @server.prompt(title="Ask the local team")
    def ask_the_team(question: str = "") -> str:
        """Put a question to the local experts and report how far the answer was checked."""
        return fill("ask_the_team", "question", question)

    @server.prompt(title="Summarise a document")
    def summarise_document(document: str = "") -> str:
        """Read a document under the roots and summarise it."""
        return fill("summarise_document", "document", document)

    @server.prompt(title="A shell command, explained first")
    def safe_command(task: str = "") -> str:
        """Get a shell command with its risk, without running it."""
        return fill("safe_command", "task", task)
