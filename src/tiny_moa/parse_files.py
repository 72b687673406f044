"""The command `parse`: writes the Markdown of files beside them or into a folder, one after the other; serves nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from tiny_moa.errors import DocumentError, DocumentNotFound
from tiny_moa.experts.documents import Document, DocumentCache, DocumentLibrary, DocumentReader, DocumentRef, cache_folder
from tiny_moa.experts.documents.export import summarise_warnings
from tiny_moa.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from tiny_moa.models.runtime import Phase

_MOST_FILES: Final = 10_000


@dataclass(frozen=True)
class _Job:
    """A document and where its Markdown goes."""

    ref: DocumentRef
    target: Path


def parse(settings: Settings, given: argparse.Namespace) -> int:
    """Write FILE.md for every file; 0 when all were read whole or in part, 1 when one failed; the others are written.

    Files are named below `--root`; without one, by any path. A folder stands for the documents in it.
    """
    return anyio.run(_parse, settings, given.files, given.out)


async def _parse(settings: Settings, files: Sequence[str], out: Path | None) -> int:
    console = _console()
    library = DocumentLibrary(settings.roots or tuple(dict.fromkeys(_folder_of(file) for file in files)))
    cache = DocumentCache(cache_folder(os.environ), settings.cache_mib << 20)
    reader = DocumentReader(library, cache=cache)
    names = list(files) if settings.roots else [str(Path(file).absolute()) for file in files]  # noqa: ASYNC240
    failed = 0
    try:
        with _progress(console) as progress:
            for name in names:
                try:
                    jobs = [_Job(ref, _target(ref, library, out)) for ref in library.expand(name, _MOST_FILES)]
                except DocumentError as exc:
                    failed += _failure(console, exc)
                    continue
                for job in jobs:
                    failed += await _write(reader, job, settings.deadline_seconds, (console, progress))
    finally:
        await reader.aclose()
    return 1 if failed else 0


async def _write(reader: DocumentReader, job: _Job, seconds: float, screen: tuple[Console, Progress]) -> int:
    """Read one document, however long it takes as long as it goes on, and write its Markdown; 1 when that failed."""
    console, progress = screen
    task = progress.add_task(job.ref.name, total=None)
    try:
        document = await _read(reader, job.ref, seconds, _Bar(progress, task))
        job.target.parent.mkdir(parents=True, exist_ok=True)
        await anyio.Path(job.target).write_text(document.markdown.rstrip("\n") + "\n", encoding="utf-8")
    except DocumentError as exc:
        return _failure(console, exc)
    except OSError as exc:
        console.print(f"failed: {str(job.target)!r} could not be written: {exc.strerror}", markup=False, style="red")
        return 1
    finally:
        progress.remove_task(task)
    console.print(f"{document.status}: {job.target} ({_tiers(document)})", markup=False, soft_wrap=True)
    for warning in document.warnings:
        console.print(f"  {warning}", markup=False, style="yellow", soft_wrap=True)
    return 0


async def _read(reader: DocumentReader, ref: DocumentRef, seconds: float, bar: _Bar) -> Document:
    """Read to the end: what was read before a deadline is kept, so that the next call goes on from there."""
    pages = -1
    while True:
        document = await reader.read(ref.uri, deadline=anyio.current_time() + seconds, listener=bar)
        if len(document.pages) in (pages, document.page_count):
            return document
        pages = len(document.pages)


class _Bar:
    """A progress bar that hears how a document goes on."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def stage(self, name: str) -> None:
        """See `Listener.stage`."""

    def phase(self, phase: Phase, subject: str) -> None:
        """See `Listener.phase`; what is being read is the bar's words."""
        self._progress.update(self._task, description=f"{phase} {subject}")

    def wrote(self, text: str) -> None:
        """See `Listener.wrote`."""


def _target(ref: DocumentRef, library: DocumentLibrary, out: Path | None) -> Path:
    """Give where the Markdown of a document goes: its name with `.md` after it, beside it or below the folder."""
    name = f"{ref.name}.md"
    if out is None:
        return ref.path.with_name(name)
    root = max((root for root in library.roots if ref.path.is_relative_to(root)), key=lambda root: len(root.parts))
    return out / ref.path.relative_to(root).with_name(name)


def _tiers(document: Document) -> str:
    """Say how the pages were read, such as `pages 1-3: text; page 4: ocr`."""
    return "; ".join(summarise_warnings([{"number": page.number, "warnings": [page.engine]} for page in document.pages]))


def _failure(console: Console, error: DocumentError) -> int:
    console.print(f"failed: {error}", markup=False, style="red", soft_wrap=True)
    return 1


def _folder_of(file: str) -> Path:
    """Give the folder that is open for reading when a file is named without a root.

    Raises:
        DocumentNotFound: There is none.
    """
    path = Path(file).absolute()
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise DocumentNotFound(f"there is no document {file!r}; its folder does not exist")
    return folder


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
