"""Documents, the catalogue and the pool's state as MCP resources, with completion of document names."""

from __future__ import annotations

import json
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion, PromptReference, Resource, ResourceTemplateReference

from tiny_moa.errors import DocumentError, DocumentNotFound, DocumentRefused, OutsideRoots
from tiny_moa.server.describe import describe_catalog, describe_status
from tiny_moa.server.progress import heartbeat
from tiny_moa.server.team import Team

DOCUMENT_TEMPLATE = "doc://{+path}"
MAX_LISTED = 200
"""Most documents in `resources/list`; the rest is found by completion."""


def register_resources(server: MCPServer[Any], team: Team) -> None:
    """Publish the resources of a team on a server."""

    @server.resource("moa://catalog", title="Catalogue", mime_type="application/json")
    async def catalog() -> str:
        """The experts and models of this server, and which model each expert uses."""
        return json.dumps(describe_catalog(team), ensure_ascii=False, indent=2)

    @server.resource("moa://status", title="Status", mime_type="application/json")
    async def status() -> str:
        """What is loaded, who waits, and what was counted since the start."""
        return json.dumps(describe_status(team), ensure_ascii=False, indent=2)

    @server.resource(DOCUMENT_TEMPLATE, name="document", title="Document", mime_type="text/markdown")
    async def document(path: str, ctx: Context) -> str:
        """A document under the roots as Markdown."""
        deadline = anyio.current_time() + team.settings.deadline_seconds
        try:
            async with heartbeat(ctx.report_progress) as pulse:
                return (await team.reader.read(f"doc://{path}", deadline=deadline, listener=pulse)).markdown
        except (DocumentNotFound, OutsideRoots, DocumentRefused) as exc:
            raise ResourceNotFoundError(str(exc)) from exc
        except DocumentError as exc:
            raise ResourceError(str(exc)) from exc

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it untyped
    async def complete(ref: PromptReference | ResourceTemplateReference, argument: Any, context: Any) -> Completion | None:
        wanted = (argument.name, getattr(ref, "uri", getattr(ref, "name", "")))
        if wanted not in (("path", DOCUMENT_TEMPLATE), ("document", "summarise_document")):
            return None
        values = await anyio.to_thread.run_sync(team.library.complete, argument.value)
        return Completion(values=list(values), has_more=False)


async def list_documents(team: Team) -> list[Resource]:
    """Give the documents under the roots as resources, the first `MAX_LISTED` of them."""
    found = await anyio.to_thread.run_sync(team.library.list, MAX_LISTED)
    return [
        Resource(uri=ref.uri, name=ref.name, mime_type="text/markdown", size=None, description=ref.mime_type) for ref in found
    ]
