"""Bytes of memory that two processes share, by which the parent stops native code in the worker; knows no model."""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from contextlib import suppress
from pathlib import Path

_SIZE = 2
"""A flag and a zero behind it: read as a C string, its length is 1 while the flag is raised."""


class StopFlag:
    """One flag; raising it is seen by native code within one operation, without any Python in between.

    Attributes:
        address: Where it lies in this process's memory.
    """

    def __init__(self, memory: mmap.mmap, index: int = 0) -> None:
        self._memory = memory
        self._offset = index * _SIZE
        self._buffer = (ctypes.c_char * _SIZE).from_buffer(memory, self._offset)
        self.address = ctypes.cast(self._buffer, ctypes.c_void_p)

    @classmethod
    def private(cls) -> StopFlag:
        """Make a flag for this process alone."""
        return cls(mmap.mmap(-1, _SIZE))

    @property
    def is_raised(self) -> bool:
        """Whether the work should stop."""
        return self._memory[self._offset] != 0

    def raise_(self) -> None:
        """Ask for a stop."""
        self._memory[self._offset] = 1

    def lower(self) -> None:
        """Allow work again."""
        self._memory[self._offset] = 0


class StopFlags:
    """A row of flags in one shared file, one for each call that may be in flight.

    Attributes:
        path: The file that carries the memory to the other process.
    """

    def __init__(self, memory: mmap.mmap, path: Path) -> None:
        self._flags = [StopFlag(memory, index) for index in range(len(memory) // _SIZE)]
        self.path = path

    @classmethod
    def shared(cls, count: int) -> StopFlags:
        """Make flags in a new temporary file; the process that attaches to it removes the file's name."""
        handle, name = tempfile.mkstemp(prefix="tiny-moa-stop-")
        try:
            os.write(handle, bytes(count * _SIZE))
            return cls(mmap.mmap(handle, count * _SIZE), Path(name))
        finally:
            os.close(handle)

    @classmethod
    def attach(cls, path: Path) -> StopFlags:
        """Open the flags another process made, and remove the file's name where the system allows it."""
        with path.open("r+b") as file:
            flags = cls(mmap.mmap(file.fileno(), 0), path)
        flags.forget_file()
        return flags

    def __getitem__(self, index: int) -> StopFlag:
        return self._flags[index]

    def __len__(self) -> int:
        return len(self._flags)

    def forget_file(self) -> None:
        """Remove the file's name if it is still there; the memory stays."""
        with suppress(OSError):
            self.path.unlink()
