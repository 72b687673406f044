"""Reads documents for the server: finds them, reads them span by span, keeps what was read, all within a deadline."""

from __future__ import annotations

import base64
import hashlib
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import anyio.to_thread

from tiny_moa.child import Frame
from tiny_moa.errors import ConversionFailed, InvalidRequest
from tiny_moa.experts.documents.artifacts import LayoutTier, find_layout
from tiny_moa.experts.documents.cache import DocumentCache
from tiny_moa.experts.documents.converter import WORKER, Converter
from tiny_moa.experts.documents.document import Document
from tiny_moa.experts.documents.formats import find_format
from tiny_moa.experts.documents.held import Held, held_text
from tiny_moa.experts.documents.library import DocumentLibrary
from tiny_moa.experts.documents.sources import Content, Source, Upload, opened
from tiny_moa.experts.documents.spans import EVERYTHING, PageSet, span_from
from tiny_moa.experts.documents.versions import name_versions
from tiny_moa.models.runtime import Listener

MAX_HELD: Final = 32
"""Documents whose pages are kept in memory."""
MAX_HELD_CHARACTERS: Final = 20_000_000
"""Characters of Markdown that are kept in memory, over all documents."""
_PDF_SHARE: Final = 0.6
"""Part of the time left after which the parser of a PDF stops; the rest is for assembling the pages it has."""


@dataclass(frozen=True)
class Reading:
    """What is wanted of a document.

    Attributes:
        pages: Which pages.
        enough_characters: Stop once the wanted pages have so much text; `None` reads them all.
        password: What opens a protected PDF.
    """

    pages: PageSet = EVERYTHING
    enough_characters: int | None = None
    password: str = ""


ALL: Final = Reading()


@dataclass(frozen=True)
class ReaderStatistics:
    """A snapshot of a reader's counters.

    Attributes:
        conversions: Spans of documents that were converted or, for plain text, decoded.
        cache_hits: Calls answered from kept pages alone.
        restarts: Workers that were ended or crashed.
        cached: Documents whose pages are kept in memory now.
        is_running: Whether the document process is there now.
    """

    conversions: int = 0
    cache_hits: int = 0
    restarts: int = 0
    cached: int = 0
    is_running: bool = False


class DocumentReader:
    """Turns documents of a library into Markdown.

    A long PDF is read span by span, each kept as soon as it is read, so that a call that ends early loses nothing and
    the next one goes on from there. One span is converted at a time; other calls wait, no longer than their deadline.

    Args:
        library: The documents that can be read.
        cache: Where spans are kept for later processes; `None` keeps them in memory only.
        environ: Variables for the document process besides those of this one.
        worker: The module that it runs; the seam at which tests put a fake.
    """

    def __init__(
        self, library: DocumentLibrary, *, cache: DocumentCache | None = None, environ: Mapping[str, str] | None = None,
        worker: str = WORKER,
    ) -> None:  # fmt: skip
        self._library = library
        self._cache = cache
        self._environ = environ or {}
        self._converter = Converter(worker, self._environ)
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._conversions = 0
        self._cache_hits = 0

    @property
    def library(self) -> DocumentLibrary:
        """The documents that can be read."""
        return self._library

    async def warm(self) -> None:
        """Start the document process if it is not there; returns before it has loaded anything."""
        await self._converter.warm()

    async def read(self, source: Source, *, deadline: float, listener: Listener, reading: Reading = ALL) -> Document:
        """Read one document, or the pages of it that are wanted.

        Args:
            source: A path or URI as `DocumentLibrary.locate` takes it, or an upload.
            deadline: Time on the event loop's clock (`anyio.current_time`) by which this returns or raises.
            listener: Hears the phase `queued` when another document is being converted, and `converting`.
            reading: What is wanted.

        A PDF that cannot be finished in time gives the pages it has, with status `partial`; other formats fail.
        Cancelling ends the work.

        Raises:
            DocumentNotFound: There is no such document.
            OutsideRoots: The path leads out of the roots, or there are none.
            DocumentRefused: The file is over a limit, of no supported format, or changed while it was read.
            DocumentsMissing: docling is needed and is not installed.
            PasswordNeeded: It is protected, and the password is missing or wrong.
            InvalidRequest: The document has none of the wanted pages.
            ConversionFailed: The deadline passed, the worker crashed or ran out of memory, or there is no text.
        """
        started, held, is_whole = anyio.current_time(), None, False
        bounds = _Bounds(deadline, listener)
        with anyio.CancelScope(deadline=deadline):
            async with opened(source, self._library) as content:
                ref, held = content.ref, await self._hold(content, reading)
                is_whole = await self._fill(held, content, reading, bounds)
        if held is not None and (is_whole or held.has_any(reading.pages)):
            document = held.document(ref, reading.pages, is_whole=is_whole)
            self._cache_hits += not bounds.converted
            return replace(document, seconds=anyio.current_time() - started, from_cache=not bounds.converted)
        raise ConversionFailed(
            f"{_name(source)!r} was not read in the {max(deadline - started, 0):.0f} s this call had; "
            "raise deadline_seconds, or TINY_MOA_DEADLINE_SECONDS, or split the document"
        )

    async def outline(
        self, source: Source, *, deadline: float, listener: Listener, password: str = ""
    ) -> list[Mapping[str, Any]]:
        """Give a PDF's own bookmarks, each `level` from 1 on, `text` and `page`; none for other formats.

        Raises:
            DocumentError: As `read`.
        """
        with anyio.CancelScope(deadline=deadline):
            async with opened(source, self._library) as content:
                held = await self._hold(content, Reading(password=password))
                if content.ref.suffix == ".pdf" and held.page_count is None:
                    await self._look(held, content, password, _Bounds(deadline, listener))
                return held.bookmarks
        raise ConversionFailed(f"{_name(source)!r} was not read in time; raise deadline_seconds")

    async def bitmaps(
        self, source: Source, page: int, *, deadline: float, listener: Listener, password: str = ""
    ) -> tuple[bytes | None, ...]:
        """Give the pictures of one page as PNG files, in order; `None` for one without a bitmap.

        Raises:
            DocumentError: As `read`.
        """
        is_pdf = _name(source).lower().endswith(".pdf")
        more: Frame = {"wants": ["images"], "password": password} | ({"pages": [page, page]} if is_pdf else {})
        answer = await self._convert_again(source, deadline, listener, more)
        found = [words.get("png") for words in answer["pictures"] if words["page"] == page]
        return tuple(base64.b64decode(png) if png else None for png in found)

    async def docling_json(
        self, source: Source, *, deadline: float, listener: Listener, reading: Reading = ALL
    ) -> Mapping[str, Any]:
        """Give docling's own document as JSON values: the whole one, or of a PDF the first wanted range of pages.

        Raises:
            DocumentError: As `read`.
        """
        first, last = reading.pages.ranges[0]
        pages = None if reading.pages.is_everything else [first, last]
        answer = await self._convert_again(
            source, deadline, listener, {"wants": ["docling"], "pages": pages, "password": reading.password}
        )
        found: Mapping[str, Any] = answer["docling"]
        return found

    def statistics(self) -> ReaderStatistics:
        """Give the counters as they are now."""
        worker = self._converter
        return ReaderStatistics(self._conversions, self._cache_hits, worker.ended, len(self._held), worker.is_running)

    def layout_tier(self) -> LayoutTier:
        """Look whether the document process would find docling's layout model now."""
        return find_layout({**os.environ, **self._environ})

    async def aclose(self) -> None:
        """End the document process; harmless when there is none. A later call starts a new one."""
        await self._converter.aclose()

    async def _hold(self, content: Content, reading: Reading) -> Held:
        """Give what is kept of a document, empty at first."""
        protection = hashlib.sha256(reading.password.encode()).hexdigest()[:16] if reading.password else ""
        versions = await anyio.to_thread.run_sync(name_versions, {**os.environ, **self._environ})
        key = " ".join((content.digest, content.ref.suffix, versions, protection))
        if key not in self._held:
            self._held[key] = Held(key, is_secret=bool(protection))
        self._held.move_to_end(key)
        while len(self._held) > 1 and (len(self._held) > MAX_HELD or self._characters() > MAX_HELD_CHARACTERS):
            self._held.popitem(last=False)
        return self._held[key]

    def _characters(self) -> int:
        return sum(held.characters for held in self._held.values())

    async def _fill(self, held: Held, content: Content, reading: Reading, bounds: _Bounds) -> bool:
        """Read what is wanted and not kept; False when the time was up before all of it was read."""
        document_format = find_format(content.ref.suffix)
        assert document_format is not None
        if document_format.route == "plain":
            if not held.pages:
                bounds.listener.phase("converting", content.ref.name)
                held.add(await anyio.to_thread.run_sync(held_text, content, abandon_on_cancel=True))
                self._conversions += 1
                bounds.converted += 1
            is_whole = True
        elif document_format.route == "pdf":
            is_whole = await self._fill_pdf(held, content, reading, bounds)
        else:
            is_whole = held.covers(1) or await self._fill_span(held, content, (1, None), "", bounds)
        held.check_text(content.ref.name)
        return is_whole

    async def _fill_pdf(self, held: Held, content: Content, reading: Reading, bounds: _Bounds) -> bool:
        if held.page_count is None:
            await self._look(held, content, reading.password, bounds)
        if not held.page_count:  # it cannot be opened; converting it says why
            return await self._fill_span(held, content, (1, None), reading.password, bounds)
        wanted = reading.pages.within(held.page_count)
        if not wanted:
            raise InvalidRequest(f"{content.ref.name!r} has pages 1 to {held.page_count}, none of those that were asked for")
        for first, last in wanted:
            number = first
            while number <= last:
                if not held.covers(number):
                    start, end = span_from(number, held.page_count)
                    span = (held.first_missing(start, number), end)
                    if not await self._fill_span(held, content, span, reading.password, bounds):
                        return False
                    if not any(map(held.covers, range(span[0], end + 1))):
                        raise ConversionFailed(f"page {span[0]} of {content.ref.name!r} could not be read")
                    continue
                number += 1
                if (
                    reading.enough_characters is not None
                    and held.count_characters(reading.pages, number) > reading.enough_characters
                ):
                    return True
        return True

    async def _fill_span(
        self, held: Held, content: Content, span: tuple[int, int | None], password: str, bounds: _Bounds
    ) -> bool:
        """Take one span from the disk or convert it; False when the time was up in the middle of it."""
        first, last = span
        key = f"{held.key} from {first}"
        keeps = self._cache if self._cache is not None and not held.is_secret else None
        kept = await anyio.to_thread.run_sync(keeps.get, key) if keeps else None
        if kept is not None and held.add(kept):
            return True
        request = _request(content, "convert") | {"seconds": bounds.seconds, "password": password}
        if last is not None and (first, last) != (1, held.page_count):
            request["pages"] = [first, last]
        answer = await self._ask(content, request, bounds, first)
        self._conversions += 1
        bounds.converted += 1
        read = held.add(answer)
        if keeps and read and not answer.get("passing"):
            await anyio.to_thread.run_sync(keeps.put, key, held.entry(answer, read))
        return not answer.get("out_of_time", False)

    async def _look(self, held: Held, content: Content, password: str, bounds: _Bounds) -> None:
        keeps = self._cache if self._cache is not None and not held.is_secret else None
        key = f"{held.key} look"
        seen = await anyio.to_thread.run_sync(keeps.get, key) if keeps else None
        if seen is None:
            seen = await self._ask(content, _request(content, "look") | {"password": password}, bounds, None)
            if keeps and seen.get("page_count"):
                await anyio.to_thread.run_sync(keeps.put, key, {name: seen[name] for name in ("page_count", "outline")})
        held.page_count, held.bookmarks = int(seen.get("page_count", 0)), list(seen.get("outline", []))

    async def _convert_again(self, source: Source, deadline: float, listener: Listener, more: Frame) -> Frame:
        """Convert for something that is not kept."""
        bounds = _Bounds(deadline, listener)
        with anyio.CancelScope(deadline=deadline):
            async with opened(source, self._library) as content:
                return await self._ask(content, _request(content, "convert") | {"seconds": bounds.seconds} | more, bounds, 1)
        raise ConversionFailed(f"{_name(source)!r} was not read in time; raise deadline_seconds")

    async def _ask(self, content: Content, request: Frame, bounds: _Bounds, first: int | None) -> Frame:
        name, listener = content.ref.name, bounds.listener
        listener.phase("queued" if self._converter.is_busy else "converting", name)

        def on_page(done: int, of: int) -> None:
            listener.phase("converting", f"{name}, {done} of {of} pages" + (f" from page {first}" if first != 1 else ""))

        return await self._converter.ask(name, request, on_page)


@dataclass
class _Bounds:
    """The deadline of a call, who hears how it goes on, and how many spans it had to convert."""

    deadline: float
    listener: Listener
    converted: int = 0

    @property
    def seconds(self) -> float:
        """How long a PDF's parser may take."""
        return max(self.deadline - anyio.current_time(), 0.0) * _PDF_SHARE


def _request(content: Content, op: str) -> Frame:
    ref = content.ref
    return {"op": op, "path": str(content.path), "name": ref.name, "suffix": ref.suffix, "digest": content.digest}


def _name(source: Source) -> str:
    return source.name if isinstance(source, Upload) else source
