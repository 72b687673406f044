"""Kept prompt beginnings as files, so that they outlive the process; knows no engine, only tokens and bytes.

A state that fits the wrong model is accepted by llama.cpp without a word and makes it talk nonsense. So a file is found only
under a key of everything it depends on, and believed only when its checksum holds; any other is ignored and removed.
"""

from __future__ import annotations

import array
import hashlib
import logging
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

CAP_BYTES = 512 << 20
"""Most bytes the folder may hold; the files used longest ago go first."""
_MAGIC = b"tmoakv01"
_HEAD = struct.Struct("<8s32sI")
_SUFFIX = ".kv"
_DIGESTED_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredPrefix:
    """A beginning from a file: its tokens and the engine's bytes."""

    tokens: tuple[int, ...]
    state: bytearray


def model_identity(path: Path) -> str:
    """Describe a weights file by its size, its time of change and a digest of its first mebibyte, where the header lies.

    A digest of the whole would take seconds at each start.
    """
    state = path.stat()
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_DIGESTED_BYTES)).hexdigest()
    return f"{state.st_size} {state.st_mtime_ns} {head}"


class PrefixStore:
    """The files of one model in one setting. Nothing it does raises: a lost file costs seconds, not answers."""

    def __init__(self, folder: Path, key: str, cap_bytes: int = CAP_BYTES) -> None:
        """Take a folder and what the states depend on: model, context settings, library version."""
        self._folder = folder
        self._key = hashlib.sha256(key.encode()).hexdigest()[:32]
        self._cap = cap_bytes

    def has(self, tokens: Sequence[int]) -> bool:
        """Whether there is a file for these tokens."""
        return self._path(tokens).exists()

    def save(self, tokens: Sequence[int], state: bytes | bytearray) -> None:
        """Write a beginning, whole or not at all; older files give way to the folder's cap."""
        body = array.array("i", tokens).tobytes() + state
        head = _HEAD.pack(_MAGIC, self._checksum(body, len(tokens)), len(tokens))
        if len(head) + len(body) > self._cap:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix="new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(head)
                    file.write(body)
                Path(temporary).replace(self._path(tokens))
            except BaseException:
                with suppress(OSError):
                    Path(temporary).unlink()
                raise
            self._trim()
        except OSError as exc:
            logger.warning("a prompt beginning of %d tokens is not stored: %s", len(tokens), exc)

    def load(self) -> Iterator[StoredPrefix]:
        """Give what is stored for this model and setting, the newest first."""
        for path in self._files(f"{self._key}-*{_SUFFIX}"):
            if (stored := self._read(path)) is not None:
                yield stored

    def reject(self, stored: StoredPrefix) -> None:
        """Remove a beginning the engine did not take."""
        logger.warning("the engine does not take a stored prompt beginning of %d tokens; it is removed", len(stored.tokens))
        self._remove(self._path(stored.tokens))

    def used(self, tokens: Sequence[int]) -> None:
        """Note a use, so that others give way first."""
        with suppress(OSError):
            os.utime(self._path(tokens))

    def _read(self, path: Path) -> StoredPrefix | None:
        try:
            content = path.read_bytes()
            magic, checksum, count = _HEAD.unpack_from(content)
            body = memoryview(content)[_HEAD.size :]
            if magic != _MAGIC or checksum != self._checksum(body, count) or len(body) < 4 * count:
                raise ValueError("its checksum does not hold")
        except (OSError, ValueError, struct.error) as exc:
            logger.warning("the stored prompt beginning %s is ignored and removed: %s", path.name, exc)
            self._remove(path)
            return None
        tokens = array.array("i")
        tokens.frombytes(body[: 4 * count])
        return StoredPrefix(tuple(tokens), bytearray(body[4 * count :]))

    def _checksum(self, body: bytes | memoryview, count: int) -> bytes:
        """Digest the content together with the key, so that a renamed file of another model does not pass."""
        return hashlib.sha256(f"{self._key} {count} ".encode() + hashlib.sha256(body).digest()).digest()

    def _path(self, tokens: Sequence[int]) -> Path:
        digest = hashlib.sha256(array.array("i", tokens).tobytes()).hexdigest()[:32]
        return self._folder / f"{self._key}-{digest}{_SUFFIX}"

    def _files(self, pattern: str) -> list[Path]:
        found: list[tuple[int, Path]] = []
        with suppress(OSError):
            for path in self._folder.glob(pattern):
                with suppress(OSError):
                    found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found, reverse=True)]

    def _trim(self) -> None:
        total = 0
        for path in self._files(f"*{_SUFFIX}"):
            with suppress(OSError):
                total += path.stat().st_size
            if total > self._cap:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()
