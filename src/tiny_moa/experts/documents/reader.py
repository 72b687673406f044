"""Reads documents for the server: one child process that converts, a small cache, and a deadline for everything."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import stat
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import anyio.to_thread

from tiny_moa import errors
from tiny_moa.child import ChildProcess, Frame
from tiny_moa.errors import ConversionFailed, DocumentError, DocumentRefused, DocumentsMissing, WorkerFailed
from tiny_moa.experts.documents.document import Document, DocumentRef, Page
from tiny_moa.experts.documents.formats import find_format
from tiny_moa.experts.documents.library import DocumentLibrary
from tiny_moa.experts.documents.texts import decode_text
from tiny_moa.models.runtime import Listener

MAX_CACHED: Final = 32
"""Documents whose pages are kept."""
MAX_CACHED_CHARACTERS: Final = 20_000_000
"""Characters of Markdown that are kept, over all documents."""
WORKER: Final = "tiny_moa.experts.documents.worker"
"""The module that the child runs."""
_ENVIRON: Final = {
    **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"), ""),
    "PYTHONSAFEPATH": "1",
    "MALLOC_ARENA_MAX": "2",
}
"""What the child's environment always says: no hub, no proxy, no token, no module from the current folder."""
_PDF_SHARE: Final = 0.6
"""Part of the time left after which the parser of a PDF stops; the rest is for assembling the pages it has."""


@dataclass(frozen=True)
class ReaderStatistics:
    """A snapshot of a reader's counters.

    Attributes:
        conversions: Documents that were converted or, for plain text, decoded.
        cache_hits: Calls answered from kept pages.
        restarts: Children that were started after the first.
        cached: Documents whose pages are kept now.
        is_running: Whether a child is there now.
    """

    conversions: int = 0
    cache_hits: int = 0
    restarts: int = 0
    cached: int = 0
    is_running: bool = False


class DocumentReader:
    """Turns documents of a library into Markdown.

    One document is converted at a time; other calls wait, no longer than their deadline. The child is started with
    the first document that needs it and reused. It is killed at a deadline, on cancellation and after a crash, and
    the next call starts a new one.

    Args:
        library: The documents that can be read.
        environ: Variables for the child besides those of this process; those that keep it offline always win.
        worker: The module that the child runs; the seam at which tests put a fake.
    """

    def __init__(self, library: DocumentLibrary, *, environ: Mapping[str, str] | None = None, worker: str = WORKER) -> None:
        self._library = library
        self._worker = worker
        self._environ = {**(environ or {}), **_ENVIRON}
        self._lock = anyio.Lock()
        self._child: ChildProcess | None = None
        self._requests = 0
        self._starts = 0
        self._conversions = 0
        self._cache_hits = 0
        self._cache: OrderedDict[tuple[str, str, str], Document] = OrderedDict()

    @property
    def library(self) -> DocumentLibrary:
        """The documents that can be read."""
        return self._library

    async def read(self, source: str, *, deadline: float, listener: Listener) -> Document:
        """Read one document.

        Args:
            source: A path or URI as `DocumentLibrary.locate` takes it.
            deadline: Time on the event loop's clock (`anyio.current_time`) by which this returns or raises.
            listener: Hears the phase `queued` when another document is being converted, and `converting`.

        A PDF that cannot be finished in time gives the pages it has, with status `partial`; other formats fail.
        Cancelling kills the child.

        Raises:
            DocumentNotFound: There is no such document.
            OutsideRoots: The path leads out of the roots, or there are none.
            DocumentRefused: The file is over a limit, of no supported format, or changed while it was read.
            DocumentsMissing: docling is needed and is not installed.
            ConversionFailed: The deadline passed, the child crashed or ran out of memory, or there is no text.
        """
        started = anyio.current_time()
        with anyio.CancelScope(deadline=deadline):
            ref = await anyio.to_thread.run_sync(self._library.locate, source, abandon_on_cancel=True)
            content, digest = await anyio.to_thread.run_sync(_read_file, ref, source, abandon_on_cancel=True)
            document = await self._read(ref, content, digest, deadline=deadline, listener=listener)
            return replace(document, ref=ref, seconds=anyio.current_time() - started)
        raise ConversionFailed(
            f"{source!r} was not read in the {max(deadline - started, 0):.0f} s this call had; "
            "raise TINY_MOA_DEADLINE_SECONDS or split the document"
        )

    def statistics(self) -> ReaderStatistics:
        """Give the counters as they are now."""
        running = self._child is not None and self._child.is_alive
        restarts = max(self._starts - 1, 0)
        return ReaderStatistics(self._conversions, self._cache_hits, restarts, len(self._cache), running)

    async def aclose(self) -> None:
        """End the child; harmless when there is none. A later call starts a new one."""
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _read(self, ref: DocumentRef, content: bytes, digest: str, *, deadline: float, listener: Listener) -> Document:
        key = (digest, ref.suffix, _converter_version())
        if kept := self._kept(key):
            return kept
        document_format = find_format(ref.suffix)
        assert document_format is not None
        if document_format.route == "plain":
            listener.phase("converting", ref.name)
            document = await anyio.to_thread.run_sync(_plain_document, ref, content, abandon_on_cancel=True)
            self._conversions += 1
            return self._keep(key, document)
        if self._worker == WORKER:
            _require_docling(ref)
        if self._lock.locked():
            listener.phase("queued", ref.name)
        async with self._lock:
            if kept := self._kept(key):
                return kept
            listener.phase("converting", ref.name)
            answer = await self._convert(ref, digest, deadline)
            self._conversions += 1
            return self._keep(key, _document(ref, answer), lasting=not answer.get("out_of_time", False))

    def _kept(self, key: tuple[str, str, str]) -> Document | None:
        document = self._cache.get(key)
        if document is None:
            return None
        self._cache.move_to_end(key)
        self._cache_hits += 1
        return replace(document, from_cache=True)

    def _keep(self, key: tuple[str, str, str], document: Document, *, lasting: bool = True) -> Document:
        if lasting:
            self._cache[key] = document
        while len(self._cache) > MAX_CACHED or _characters(self._cache) > MAX_CACHED_CHARACTERS:
            self._cache.popitem(last=False)
        return document

    async def _convert(self, ref: DocumentRef, digest: str, deadline: float) -> Frame:
        """Have the child convert a file; any way out but an answer kills the child."""
        self._requests += 1
        request = {"id": self._requests, "op": "convert", "path": str(ref.path), "name": ref.name, "suffix": ref.suffix}
        answered = False
        try:
            child = await self._running_child()
            seconds = max(deadline - anyio.current_time(), 0.0) * _PDF_SHARE
            await child.send({**request, "digest": digest, "seconds": seconds})
            answer = await child.receive()
            answered = answer.get("id") == self._requests and not answer.get("spent", False)
        except WorkerFailed as exc:
            raise ConversionFailed(
                f"{ref.name!r} ended the process that converts documents; it is damaged or needs too much memory"
            ) from exc
        finally:
            if not answered:
                await self.aclose()
        if "error" in answer:
            raise _error(answer)
        return answer

    async def _running_child(self) -> ChildProcess:
        if self._child is None or not self._child.is_alive:
            await self.aclose()
            self._child = ChildProcess(self._worker, "the document process", self._environ)
            self._starts += 1
            await self._child.start()
        return self._child


def _read_file(ref: DocumentRef, source: str) -> tuple[bytes, str]:
    """Read a located file whole, with its digest; a link or a pipe put in its place since is not followed or waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(ref.path, flags)
    except OSError as exc:
        raise DocumentRefused(f"{source!r} cannot be opened: {exc.strerror}") from exc
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise DocumentRefused(f"{source!r} is not a plain file; pipes, sockets and devices are not read")
        content = file.read(ref.size_bytes + 1)
        after = os.fstat(descriptor)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(content) != ref.size_bytes:
        raise DocumentRefused(f"{source!r} was changed while it was read; call again when it is saved")
    if not content:
        raise ConversionFailed(f"{source!r} is empty: it has 0 bytes")
    return content, hashlib.sha256(content).hexdigest()


def _plain_document(ref: DocumentRef, content: bytes) -> Document:
    text, warning = decode_text(content, ref.name)
    if not text.strip():
        raise ConversionFailed(f"{ref.name!r} has no text: only white space")
    warnings = (warning,) if warning else ()
    return Document(ref, (Page(1, text),), ref.path.stem, warnings=warnings)


def _document(ref: DocumentRef, answer: Frame) -> Document:
    pages = tuple(Page(page["number"], page["markdown"], page["engine"], tuple(page["warnings"])) for page in answer["pages"])
    return Document(ref, pages, answer["title"] or ref.path.stem, answer["status"], tuple(answer["warnings"]))


def _error(answer: Frame) -> DocumentError:
    kind: Any = getattr(errors, str(answer["error"]), ConversionFailed)
    return kind(answer["message"]) if issubclass(kind, DocumentError) else ConversionFailed(answer["message"])


def _characters(cache: Mapping[Any, Document]) -> int:
    return sum(len(page.markdown) for document in cache.values() for page in document.pages)


def _require_docling(ref: DocumentRef) -> None:
    if importlib.util.find_spec("docling") is None:
        raise DocumentsMissing(
            f'{ref.name!r} needs the document package, which is not installed; run: pip install "tiny-moa[documents]"'
        )


def _converter_version() -> str:
    """Name what converts, so that kept pages of another version are not used."""
    try:
        return importlib.metadata.version("docling-slim")
    except importlib.metadata.PackageNotFoundError:
        return "none"
