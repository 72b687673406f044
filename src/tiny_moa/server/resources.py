"""Documents, the catalogue and the pool's state as MCP resources, with completion of document names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion, PromptReference, Resource, ResourceTemplateReference

from tiny_moa.errors import DocumentError, DocumentNotFound, DocumentRefused, InvalidRequest, OutsideRoots, TinyMoAError
from tiny_moa.experts.documents import Document, PageSet, Reading
from tiny_moa.experts.documents.library import SCHEME
from tiny_moa.experts.documents.parts import find_table, outline_markdown, outline_of, tables_of
from tiny_moa.experts.documents.reader import ALL
from tiny_moa.server.describe import describe_catalog, describe_status
from tiny_moa.server.progress import Pulse, heartbeat
from tiny_moa.server.team import Team

DOCUMENT_TEMPLATE = "doc://{+path}"
PART_TEMPLATES = {f"{DOCUMENT_TEMPLATE}/{part}": part.split("/")[0] for part in ("page/{n}", "table/{n}", "image/{n}", "outline")}
"""What belongs to a document; these stand before the document itself, whose path would match them too."""
MAX_LISTED = 200
"""Most documents in `resources/list`; the rest is found by completion."""
MAX_NUMBERS = 100
"""Most page, table or picture numbers that a completion gives."""


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

    _register_documents(server, team)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it untyped
    async def complete(ref: PromptReference | ResourceTemplateReference, argument: Any, context: Any) -> Completion | None:
        name = getattr(ref, "uri", getattr(ref, "name", ""))
        is_document = name == DOCUMENT_TEMPLATE or name in PART_TEMPLATES
        if (argument.name == "path" and is_document) or (argument.name, name) == ("document", "summarise_document"):
            values = await anyio.to_thread.run_sync(team.library.complete, argument.value)
            return Completion(values=list(values), has_more=False)
        path = (getattr(context, "arguments", None) or {}).get("path")
        if argument.name == "n" and name in PART_TEMPLATES and path:
            numbers = await _numbers(team, path, PART_TEMPLATES[name])
            found = [number for number in numbers if number.startswith(argument.value)]
            return Completion(values=found[:MAX_NUMBERS], total=len(found), has_more=len(found) > MAX_NUMBERS)
        return None


def _register_documents(server: MCPServer[Any], team: Team) -> None:
    """Publish documents and what belongs to them; the SDK takes the first template that matches."""

    async def read(path: str, ctx: Context, reading: Reading = ALL) -> Document:
        with _resource_errors():
            async with heartbeat(ctx.report_progress) as pulse:
                return await team.reader.read(f"{SCHEME}{path}", deadline=_deadline(team), listener=pulse, reading=reading)

    @server.resource(f"{DOCUMENT_TEMPLATE}/page/{{n}}", name="page", title="Page of a document", mime_type="text/markdown")
    async def page(path: str, n: str, ctx: Context) -> str:
        """One page, slide or sheet of a document as Markdown."""
        with _resource_errors():
            number = _number(n)
        found = await read(path, ctx, Reading(PageSet(((number, number),))))
        with _resource_errors():
            if not found.pages:
                raise InvalidRequest(f"{found.ref.name!r} has pages 1 to {found.page_count}, no page {number}")
        return found.pages[0].markdown

    @server.resource(f"{DOCUMENT_TEMPLATE}/table/{{n}}", name="table", title="Table of a document", mime_type="text/csv")
    async def table(path: str, n: str, ctx: Context) -> str:
        """One table as CSV: by its number in the document, or as PAGE.PLACE."""
        document = await read(path, ctx)
        with _resource_errors():
            return find_table(document, n).csv()

    @server.resource(f"{DOCUMENT_TEMPLATE}/image/{{n}}", name="image", title="Picture in a document", mime_type="image/png")
    async def image(path: str, n: str, ctx: Context) -> bytes:
        """One picture as PNG, by its number in the document."""
        document = await read(path, ctx)
        with _resource_errors():
            number, pictures = _number(n), document.pictures
            if number > len(pictures):
                raise InvalidRequest(f"{document.ref.name!r} has {len(pictures)} pictures, no picture {number}")
            on_page = pictures[number - 1].page
            place = number - 1 - sum(picture.page < on_page for picture in pictures)
            async with heartbeat(ctx.report_progress) as pulse:
                bitmaps = await team.reader.bitmaps(f"{SCHEME}{path}", on_page, deadline=_deadline(team), listener=pulse)
            found = bitmaps[place] if place < len(bitmaps) else None
            if found is None:
                raise InvalidRequest(f"picture {number} of {document.ref.name!r} has no bitmap")
            return found

    @server.resource(f"{DOCUMENT_TEMPLATE}/outline", name="outline", title="Outline of a document", mime_type="text/markdown")
    async def outline(path: str, ctx: Context) -> str:
        """The headings of a document with their pages."""
        with _resource_errors():
            async with heartbeat(ctx.report_progress) as pulse:
                marks = await team.reader.outline(f"{SCHEME}{path}", deadline=_deadline(team), listener=pulse)
        return outline_markdown(marks or outline_of((await read(path, ctx)).pages))

    @server.resource(DOCUMENT_TEMPLATE, name="document", title="Document", mime_type="text/markdown")
    async def document(path: str, ctx: Context) -> str:
        """A document under the roots as Markdown."""
        return (await read(path, ctx)).markdown


def _deadline(team: Team) -> float:
    return anyio.current_time() + team.settings.deadline_seconds


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 6 or int(text) < 1:
        raise InvalidRequest(f"{text!r} is no number from 1 on")
    return int(text)


@contextmanager
def _resource_errors() -> Iterator[None]:
    """Hand our own errors to the caller: as not found when no such thing may be read, else as failed."""
    try:
        yield
    except (DocumentNotFound, OutsideRoots, DocumentRefused, InvalidRequest) as exc:
        raise ResourceNotFoundError(str(exc)) from exc
    except DocumentError as exc:
        raise ResourceError(str(exc)) from exc


async def _numbers(team: Team, path: str, part: str) -> list[str]:
    """Give the numbers of the pages, tables or pictures of a document; none when it cannot be read."""
    try:
        document = await team.reader.read(path, deadline=_deadline(team), listener=Pulse())
    except TinyMoAError:
        return []
    match part:
        case "page":
            return [str(page.number) for page in document.pages]
        case "table":
            return [str(number) for number, _ in enumerate(tables_of(document.pages), 1)]
        case "image":
            return [str(picture.number) for picture in document.pictures]
    return []


async def list_documents(team: Team) -> list[Resource]:
    """Give the documents under the roots as resources, the first `MAX_LISTED` of them."""
    found = await anyio.to_thread.run_sync(team.library.list, MAX_LISTED)
    return [
        Resource(uri=ref.uri, name=ref.name, mime_type="text/markdown", size=None, description=ref.mime_type) for ref in found
    ]
