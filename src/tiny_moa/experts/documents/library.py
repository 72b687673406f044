"""Finds documents under the roots and refuses everything else; reads names and sizes, never contents.

A document is known by `doc://` and its percent-encoded path below its root. With several roots the first one wins:
a file of the second root whose path the first root holds too is `doc://~2/...`, of the third `doc://~3/...`.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tiny_moa.errors import DocumentError, DocumentNotFound, DocumentRefused, OutsideRoots
from tiny_moa.experts.documents.document import DocumentRef
from tiny_moa.experts.documents.formats import SUPPORTED, find_format, why_not_read

SCHEME: Final = "doc://"
MAX_BYTES: Final = 50 * 1024 * 1024
"""Largest file that is read."""
MAX_ENTRIES: Final = 20_000
"""How many files and folders of one root a listing looks at."""
MAX_DEPTH: Final = 32
"""How deep below a root a listing looks."""

_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*://|(?:file|data|https?|ftp|javascript|mailto|urn):)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NUMBERED = re.compile(r"~([1-9][0-9]?)/(.+)", re.DOTALL)


class DocumentLibrary:
    """The documents under some folders.

    Roots are resolved once, when the library is made. A link that stays under the roots is followed; its document
    has the URI of the file it leads to. Hidden files and folders below a root do not exist for a library.
    """

    def __init__(self, roots: Sequence[Path], *, max_bytes: int = MAX_BYTES) -> None:
        self._roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._max_bytes = max_bytes

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders, resolved, in the order given and each once."""
        return self._roots

    def list(self, limit: int = 100) -> tuple[DocumentRef, ...]:
        """Give the documents that can be read, at most `limit` of them, sorted by root and path.

        Links are left out: what they lead to is listed itself. Looks at `MAX_ENTRIES` entries of a root at most.
        """
        return tuple(islice(self._documents(), max(limit, 0)))

    def locate(self, source: str) -> DocumentRef:
        """Find the document of a path or a URI.

        Args:
            source: A path below a root, an absolute path under a root, or a `doc://` URI.

        Raises:
            DocumentNotFound: There is no such file; the message names similar ones.
            OutsideRoots: The path or a link on it leads out of the roots, or there are no roots.
            DocumentRefused: A URL, a name with control characters, a folder or device, a hidden, too large or
                unsupported file.
        """
        target = _plain_path(source)
        if not self._roots:
            raise OutsideRoots("no folder is open for reading; set TINY_MOA_ROOTS or start the server with --root FOLDER")
        return self._examine(self._find(target, source), source)

    def expand(self, source: str, limit: int) -> tuple[DocumentRef, ...]:
        """Find the documents of a path or a URI: the one it names, or those in the folder it names.

        `.` and `doc://` stand for everything under the roots.

        Raises:
            DocumentError: As `locate`; also when a folder holds no document.
        """
        if source.strip() in (".", "./", "/", SCHEME) and self._roots:
            found = self.list(limit)
        else:
            target = _plain_path(source)
            folder = self._find(target.rstrip("/") or target, source) if self._roots else None
            if folder is None or not folder.is_dir():
                return (self.locate(source),)
            inside = (ref for ref in self._documents() if ref.path.is_relative_to(folder))
            found = tuple(islice(inside, max(limit, 0)))
        if not found:
            raise DocumentNotFound(f"there is no document in {source!r}; supported are {SUPPORTED}")
        return found

    def complete(self, prefix: str, limit: int = 20) -> tuple[str, ...]:
        """Give the documents that go on from `prefix`, for completion.

        A prefix that begins with `doc://` is completed with URIs, any other with paths below the root. Capitals do
        not matter; those that begin with the prefix come before those that only contain it.
        """
        as_uri = prefix.startswith(SCHEME)
        wanted = _folded(os.fsdecode(unquote_to_bytes(prefix[len(SCHEME) :])) if as_uri else prefix)
        starts: list[str] = []
        contains: list[str] = []
        for ref in self._documents():
            path = path_of(ref.uri)
            found = _folded(path)
            if wanted in found:
                (starts if found.startswith(wanted) else contains).append(ref.uri if as_uri else path)
        return tuple((starts + contains)[: max(limit, 0)])

    def _documents(self) -> Iterator[DocumentRef]:
        seen: set[Path] = set()
        for root in self._roots:
            for path in _walk(root):
                if path in seen:
                    continue
                seen.add(path)
                try:
                    yield self._examine(path, path.name)
                except DocumentError:
                    continue

    def _find(self, target: str, source: str) -> Path:
        """Resolve a path to an existing place under the roots."""
        candidates = [root / target for root in self._roots]  # an absolute target replaces the root
        if (numbered := _NUMBERED.fullmatch(target)) and (number := int(numbered[1])) <= len(self._roots):
            candidates.append(self._roots[number - 1] / numbered[2])
        inside = [real for path in candidates if (real := _resolve(path)) and self._root_of(real) is not None]
        if not inside:
            raise OutsideRoots(f"{source!r} leads out of the folders open for reading; name a file below one of them")
        for real in inside:
            if os.path.lexists(real):
                return real
        return self._same_name_or_fail(target, source)

    def _same_name_or_fail(self, target: str, source: str) -> Path:
        """Look for the same name in another Unicode form, as other systems write Korean names; else suggest."""
        known = {path_of(ref.uri): ref.path for ref in islice(self._documents(), 2000)}
        wanted = unicodedata.normalize("NFC", target)
        for path, real in known.items():
            if unicodedata.normalize("NFC", path) == wanted:
                return real
        close = difflib.get_close_matches(target, known, n=3, cutoff=0.5)
        names = {Path(path).name: path for path in known}
        close += [names[name] for name in difflib.get_close_matches(Path(target).name, names, n=3, cutoff=0.6)]
        hint = f"did you mean {', '.join(repr(path) for path in dict.fromkeys(close[:3]))}?" if close else _listing(known)
        raise DocumentNotFound(f"there is no document {source!r}; {hint}")

    def _root_of(self, real: Path) -> int | None:
        """Give the number of the innermost root over a real path."""
        over = [index for index, root in enumerate(self._roots) if real.is_relative_to(root)]
        return max(over, key=lambda index: len(self._roots[index].parts), default=None)

    def _examine(self, real: Path, shown: str) -> DocumentRef:
        """Check that a real path is a document that may be read, and describe it."""
        index = self._root_of(real)
        assert index is not None
        relative = real.relative_to(self._roots[index])
        if any(part.startswith(".") for part in relative.parts):
            raise DocumentRefused(f"{shown!r} is hidden; files and folders whose name begins with a dot are not read")
        if _CONTROL.search(str(relative)):
            raise DocumentRefused(f"{shown!r} has control characters or broken text in its name; rename the file")
        size_bytes = _plain_file_size(real, shown, self._max_bytes)
        document_format = find_format(real.suffix)
        if document_format is None:
            raise DocumentRefused(f"{shown!r}: {why_not_read(real.suffix)}")
        return DocumentRef(
            self._uri(index, relative), real.name, real, size_bytes, real.suffix.lower(), document_format.mime_type
        )

    def _uri(self, index: int, relative: Path) -> str:
        shadowed = any(os.path.lexists(root / relative) for root in self._roots[:index])
        path = f"~{index + 1}/{relative.as_posix()}" if shadowed else relative.as_posix()
        return SCHEME + quote_from_bytes(os.fsencode(path), safe="/~")


def path_of(uri: str) -> str:
    """Give the path below the root that a `doc://` URI stands for."""
    return os.fsdecode(unquote_to_bytes(uri[len(SCHEME) :])).lstrip("/")


def _plain_path(source: str) -> str:
    """Turn what the caller gave into a path, or refuse it by its looks alone."""
    if source.startswith(SCHEME):
        target = path_of(source)
    elif _URL.match(source):
        raise DocumentRefused(f"{source!r} is a URL; nothing is fetched: download the file into a folder open for reading")
    else:
        target = source
    if not target.strip():
        raise DocumentRefused(f"{source!r} names no document; give a path such as 'report.pdf' or a doc:// URI")
    if _CONTROL.search(target):
        raise DocumentRefused(f"{source!r} has control characters such as NUL or a line break; give a plain path")
    return target


def _resolve(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None  # a loop of links leads nowhere


def _plain_file_size(real: Path, shown: str, max_bytes: int) -> int:
    try:
        status = os.lstat(real)
    except OSError as exc:
        raise DocumentNotFound(f"there is no document {shown!r}: {exc.strerror}") from exc
    if stat.S_ISDIR(status.st_mode):
        raise DocumentRefused(f"{shown!r} is a folder; name one file in it")
    if not stat.S_ISREG(status.st_mode):
        raise DocumentRefused(f"{shown!r} is not a plain file; pipes, sockets, links and devices are not read")
    if status.st_size > max_bytes:
        raise DocumentRefused(f"{shown!r} has {status.st_size} bytes and the limit is {max_bytes}; split the document")
    return status.st_size


def _walk(root: Path) -> Iterator[Path]:
    """Give the plain files below a root, folder by folder, sorted, up to the limits."""
    budget = MAX_ENTRIES
    pending = [(root, 0)]
    while pending and budget > 0:
        folder, depth = pending.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(islice(entries, budget), key=lambda entry: entry.name)
        except OSError:
            continue
        budget -= len(found)
        found = [entry for entry in found if not entry.name.startswith(".") and not entry.is_symlink()]
        yield from (Path(entry.path) for entry in found if entry.is_file(follow_symlinks=False))
        folders = [entry for entry in found if entry.is_dir(follow_symlinks=False)]
        pending += [(Path(entry.path), depth + 1) for entry in reversed(folders) if depth < MAX_DEPTH]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _listing(known: dict[str, Path]) -> str:
    if not known:
        return f"the folders open for reading hold no document; supported are {SUPPORTED}"
    shown = ", ".join(repr(path) for path in islice(known, 3))
    return f"among the documents are {shown}"
