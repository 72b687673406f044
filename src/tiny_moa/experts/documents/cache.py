"""What was read from documents, kept on disk for later processes: whole entries or none, and never too many."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger(__name__)

_MAGIC: Final = b"tiny-moa document 1\n"
_DIGEST_BYTES: Final = 32
_SUFFIX: Final = ".doc"
_STALE_SECONDS: Final = 3600
"""A half-written file as old as this belongs to a process that is gone."""
MAX_ENTRY_BYTES: Final = 256 << 20
"""An entry that unpacks to more is not believed."""


class DocumentCache:
    """A folder of entries, shared by processes.

    An entry is written beside its place and moved there whole, so that a reader sees all of it or nothing. One that is
    damaged is as good as none and is removed. When the entries together are over the limit, those that were not used
    for the longest time go first. No failure of the disk reaches the caller: without a cache documents are read again.

    Args:
        folder: Where the entries are; made when the first is written, for this user only.
        max_bytes: Most bytes of all entries; 0 keeps nothing.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Give an entry and remember that it was used; `None` when there is none."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        entry = _opened(content, key)
        with contextlib.suppress(OSError):
            if entry is None:
                logger.warning("a damaged entry of the document cache was removed")
                path.unlink()
            else:
                os.utime(path)
        return entry

    def put(self, key: str, entry: Mapping[str, Any]) -> None:
        """Write an entry; another process that writes the same one does no harm."""
        content = _closed(key, entry)
        if len(content) > self._max_bytes:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                Path(name).replace(self._path(key))
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room()
        except OSError as exc:
            logger.warning("the document cache could not be written: %s", exc.strerror)

    def _path(self, key: str) -> Path:
        return self._folder / (hashlib.sha256(key.encode()).hexdigest() + _SUFFIX)

    def _make_room(self) -> None:
        """Remove the entries not used for the longest time, and what crashed writers left."""
        entries: list[tuple[float, int, str]] = []
        with os.scandir(self._folder) as found:
            for file in found:
                with contextlib.suppress(OSError):
                    status = file.stat(follow_symlinks=False)
                    entries.append((status.st_mtime, status.st_size, file.path))
        newest = max((when for when, _, _ in entries), default=0.0)
        total = sum(size for _, size, path in entries if path.endswith(_SUFFIX))
        for when, size, path in sorted(entries):
            is_entry = path.endswith(_SUFFIX)
            if (is_entry and total > self._max_bytes) or (path.endswith(".part") and newest - when > _STALE_SECONDS):
                with contextlib.suppress(OSError):
                    Path(path).unlink()
                total -= size if is_entry else 0


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder for what can be made again, as the operating system wants it."""
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if sys.platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "tiny-moa" / "cache" / "documents"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "tiny-moa" / "documents"
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home / ".cache") / "tiny-moa" / "documents"


def _closed(key: str, entry: Mapping[str, Any]) -> bytes:
    body = json.dumps({"key": key, "entry": entry}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    packed = zlib.compress(body, 3)
    return _MAGIC + hashlib.sha256(packed).digest() + packed


def _opened(content: bytes, key: str) -> Mapping[str, Any] | None:
    """Unpack an entry; `None` when it is damaged, of another form or of another key."""
    packed = content[len(_MAGIC) + _DIGEST_BYTES :]
    if not content.startswith(_MAGIC) or hashlib.sha256(packed).digest() != content[len(_MAGIC) :][:_DIGEST_BYTES]:
        return None
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, MAX_ENTRY_BYTES)
        held = json.loads(body.decode("utf-8", "surrogatepass"))
    except (zlib.error, ValueError):
        return None
    return held["entry"] if isinstance(held, dict) and held.get("key") == key else None
