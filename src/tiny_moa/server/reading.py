"""What `parse_document` answers: one slice of a document in the form that was asked for, and what belongs to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent

from tiny_moa.experts.base import Call
from tiny_moa.experts.documents import Document, Page, Reading, Source, decode_upload, parse_pages
from tiny_moa.experts.documents.chunks import chunk_pages
from tiny_moa.experts.documents.export import summarise_warnings
from tiny_moa.experts.documents.extraction import extract
from tiny_moa.experts.documents.formats import find_format
from tiny_moa.experts.documents.paging import SLICE_COST, Cursor, Slice, parse_cursor, take_slice
from tiny_moa.experts.documents.parts import outline_markdown, outline_of, tables_of
from tiny_moa.experts.documents.render import code_to_html, to_html, to_text
from tiny_moa.server.team import Team

Form = Literal["markdown", "html", "json", "text", "chunks"]
TableForm = Literal["none", "csv", "records"]
MAX_IMAGES: Final = 4
"""Most pictures of one answer."""
MAX_HEADINGS: Final = 100
ENOUGH_AT_FIRST: Final = 6_000
"""Characters after which the first part of a long document is given out, while a full one would still be read."""
_HTML_SHARE: Final = 0.5
"""HTML is up to twice as long as the Markdown it is made of."""


@dataclass(frozen=True)
class Wanted:
    """What the caller wants of a document; see the tool's arguments."""

    source: str
    content: str = ""
    pages: str = ""
    form: Form = "markdown"
    next: str = ""
    tables: TableForm = "none"
    images: bool = False
    password: str = ""
    extract: Mapping[str, Any] | None = None


async def find_source(team: Team, wanted: Wanted, call: Call) -> Source:
    """Give what is to be read: an upload, what a URL leads to, or a name under the roots.

    Raises:
        DocumentError: It may not be read or fetched.
        InvalidRequest: The content is not base64.
    """
    if wanted.content:
        return decode_upload(wanted.source, wanted.content)
    if team.settings.url_hosts and wanted.source.lower().startswith(("http://", "https://")):
        return await team.fetcher.fetch(wanted.source, deadline=call.deadline)
    return wanted.source


async def read_document(team: Team, wanted: Wanted, call: Call) -> CallToolResult:
    """Read a document and give one slice of it.

    Raises:
        DocumentError: It could not be read.
        InvalidRequest: An argument is not understood, or there is no such page.
    """
    source = await find_source(team, wanted, call)
    cursor, pages = parse_cursor(wanted.next), parse_pages(wanted.pages)
    if wanted.extract is not None:
        return await _extracted(team, source, Reading(pages, None, wanted.password), wanted.extract, call)
    if wanted.form == "json":
        return await _as_json(team, source, Reading(pages, None, wanted.password), cursor, call)
    if wanted.next:
        pages = pages.starting_at(cursor.page)
    enough = SLICE_COST if wanted.next or wanted.pages else ENOUGH_AT_FIRST
    reading = Reading(pages, enough + cursor.offset, wanted.password)
    document = await team.reader.read(source, deadline=call.deadline, listener=call.listener, reading=reading)
    start = cursor if wanted.next else Cursor(document.pages[0].number if document.pages else 1)
    part = _slice(document, start, wanted.form)
    follow = part.next or _unread(document, reading)
    values = _values(document, part, follow, wanted)
    content: list[ContentBlock] = [TextContent(type="text", text=part.text)]
    if follow and not wanted.next and not wanted.pages:
        outline = await _outline(team, source, document, wanted, call)
        values["outline"] = outline
        content.insert(0, TextContent(type="text", text=f"Outline:\n{outline_markdown(outline)}")) if outline else None
    if wanted.tables != "none":
        values["tables"] = _tables(document, part, wanted.tables)
        content.append(TextContent(type="text", text=json.dumps(values["tables"], ensure_ascii=False)))
    if wanted.images:
        content += await _images(team, source, document, part, wanted, call)
    content.append(TextContent(type="text", text=_head(values)))
    return CallToolResult(content=content, structured_content=values)


def _slice(document: Document, start: Cursor, form: Form) -> Slice:
    is_marked = document.page_count > 1
    known = find_format(document.ref.suffix)
    is_code = known is not None and known.route == "plain" and known.name != "Markdown"

    def write(page: Page, markdown: str) -> str:
        markdown = markdown.strip("\n") if is_marked or form != "markdown" else markdown
        match form:
            case "html":
                body = code_to_html(markdown) if is_code else to_html(markdown)
                return f'<section data-page="{page.number}">\n{body}</section>' if is_marked else body
            case "text":
                return markdown if is_code else to_text(markdown)
            case "chunks":
                found = chunk_pages([Page(page.number, markdown)])
                return "\n".join(json.dumps(asdict(chunk), ensure_ascii=False) for chunk in found)
            case _:
                return f"<!-- page {page.number} -->\n\n{markdown}" if is_marked else markdown

    return take_slice(document.pages, start, write, share=_HTML_SHARE if form in ("html", "chunks") else 1.0)


def _unread(document: Document, reading: Reading) -> Cursor | None:
    """Give the first wanted page that was not read yet."""
    last = document.pages[-1].number if document.pages else 0
    for first, end in reading.pages.within(document.page_count):
        if end > last:
            return Cursor(max(first, last + 1))
    return None


def _values(document: Document, part: Slice, follow: Cursor | None, wanted: Wanted) -> dict[str, Any]:
    shown = [page for page in document.pages if part.first <= page.number <= part.last]
    engines = [{"number": page.number, "warnings": [page.engine]} for page in shown]
    said = [words.split(": ", 1) for words in summarise_warnings(engines)]
    return {
        "uri": document.ref.uri,
        "title": document.title,
        "status": document.status,
        "format": wanted.form,
        "pages": f"{part.first}-{part.last}" if part.last > part.first else str(part.first),
        "page_count": document.page_count,
        "next": str(follow) if follow else None,
        "engines": {engine: numbers.split(" ", 1)[1] for numbers, engine in said},
        "from_cache": document.from_cache,
        "warnings": list(document.warnings),
        "text": part.text,
    }


def _head(values: Mapping[str, Any]) -> str:
    engines = ", ".join(f"{engine}: {pages}" for engine, pages in values["engines"].items())
    follow = f'; more follows: call again with next="{values["next"]}"' if values["next"] else ""
    head = f"[{values['status']}] {values['uri']}, page {values['pages']} of {values['page_count']}, read by {engines}{follow}"
    return "\n".join((head, *values["warnings"]))


async def _outline(team: Team, source: Source, document: Document, wanted: Wanted, call: Call) -> list[dict[str, Any]]:
    """Give the bookmarks of a long document, else the headings of what was read of it."""
    bookmarks = await team.reader.outline(source, deadline=call.deadline, listener=call.listener, password=wanted.password)
    found = [dict(mark) for mark in bookmarks] or [asdict(heading) for heading in outline_of(document.pages)]
    return found[:MAX_HEADINGS]


def _tables(document: Document, part: Slice, form: TableForm) -> list[dict[str, Any]]:
    shown = [page for page in document.pages if part.first <= page.number <= part.last]
    return [
        {"table": table.name, "page": table.page, "caption": table.caption}
        | ({"csv": table.csv()} if form == "csv" else {"records": table.records()})
        for table in tables_of(shown)
    ]


async def _images(
    team: Team, source: Source, document: Document, part: Slice, wanted: Wanted, call: Call
) -> Sequence[ContentBlock]:
    """Give the first pictures of the pages shown."""
    found: list[ContentBlock] = []
    pages = dict.fromkeys(picture.page for picture in document.pictures if part.first <= picture.page <= part.last)
    for page in pages:
        bitmaps = await team.reader.bitmaps(
            source, page, deadline=call.deadline, listener=call.listener, password=wanted.password
        )
        for bitmap in bitmaps:
            if bitmap is not None and len(found) < MAX_IMAGES:
                data = base64.b64encode(bitmap).decode("ascii")
                found.append(ImageContent(type="image", data=data, mime_type="image/png"))
        if len(found) == MAX_IMAGES:
            break
    return found


async def _extracted(team: Team, source: Source, reading: Reading, schema: Mapping[str, Any], call: Call) -> CallToolResult:
    """Give the values that a schema describes, each with its page, and what is wrong with them."""
    document = await team.reader.read(source, deadline=call.deadline, listener=call.listener, reading=reading)
    found = await extract(document, schema, team.copyist, call)
    values = {
        "uri": document.ref.uri,
        "status": "partial" if found.faults or document.status == "partial" else "unverified",
        "values": found.values,
        "fields": [asdict(field) for field in found.fields],
        "warnings": [*found.faults, *document.warnings],
    }
    places = "; ".join(f"{field.path}: page {field.page or '?'}" for field in found.fields)
    head = "\n".join((f"[{values['status']}] {document.ref.uri}: {places}", *found.faults))
    text = json.dumps(found.values, ensure_ascii=False)
    return CallToolResult(
        content=[TextContent(type="text", text=text), TextContent(type="text", text=head)], structured_content=values
    )


async def _as_json(team: Team, source: Source, reading: Reading, cursor: Cursor, call: Call) -> CallToolResult:
    """Give docling's document as JSON text, in slices that make the whole when they are joined."""
    found = await team.reader.docling_json(source, deadline=call.deadline, listener=call.listener, reading=reading)
    whole = Page(1, json.dumps(found, ensure_ascii=False, separators=(",", ":")))
    part = take_slice([whole], cursor, lambda page, text: text)
    values = {"uri": found.get("name"), "format": "json", "next": str(part.next) if part.next else None, "text": part.text}
    head = f"[ok] docling JSON, {len(whole.markdown)} characters" + (f'; go on with next="{part.next}"' if part.next else "")
    return CallToolResult(
        content=[TextContent(type="text", text=part.text), TextContent(type="text", text=head)], structured_content=values
    )
