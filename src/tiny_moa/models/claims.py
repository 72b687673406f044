"""What the server processes of one user take of the machine's memory, told to each other in a folder of small files.

Each process writes one file: its id and start time, the memory it has for itself, and the weights files it maps, which
processes share and which count once. A lock file makes reading and writing one step. Nobody is asked and nothing is freed
here; a process that has ended has no claim.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import anyio.to_thread

from tiny_moa.models.machine import user_folder

logger = logging.getLogger(__name__)

_LOCK, _SUFFIX = "claims.lock", ".claim"
_NOBODY: Mapping[str, int] = MappingProxyType({})
StartOf = Callable[[int], str | None]
"""Gives a mark that is another one for another process of the same id; `None` when there is no such process."""


@dataclass(frozen=True)
class Claim:
    """What a process holds, or is about to.

    Attributes:
        private_bytes: Memory no other process shares.
        files: The bytes of each weights file it maps, by a name that is the same in every process.
    """

    private_bytes: int = 0
    files: Mapping[str, int] = field(default_factory=lambda: _NOBODY)

    @property
    def bytes(self) -> int:
        """Everything together."""
        return self.private_bytes + sum(self.files.values())


class ClaimsFolder:
    """The claims of one user's processes. Every method may wait a moment for the lock: call it from a worker thread."""

    def __init__(self, folder: Path, *, pid: int | None = None, start_of: StartOf | None = None) -> None:
        """Use a folder that only this user can write to.

        Args:
            folder: It is made when it does not exist.
            pid: The process that claims, this one when it is `None`.
            start_of: Says when a process began.

        Raises:
            OSError: It cannot be made, or is not this user's alone.
        """
        self._start_of = start_of or start_of_process
        self._pid = os.getpid() if pid is None else pid
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(folder)
        self._mine = folder / f"{self._pid}-{uuid.uuid4().hex[:8]}{_SUFFIX}"

    def others(self, mine: Claim) -> int:
        """Give the bytes that living processes have taken, without the files that `mine` maps too."""
        with self._lock():
            return self._others(mine)

    def claim(self, mine: Claim, machine_bytes: int) -> bool:
        """Replace this process's claim if it fits the machine beside the others; says whether it did.

        A claim that is not larger than the one before always fits.
        """
        with self._lock():
            if mine.bytes + self._others(mine) > machine_bytes and mine.bytes > self._read(self._mine)[1].bytes:
                return False
            fields = {"pid": self._pid, "start": self._start_of(self._pid), "private_bytes": mine.private_bytes}
            new = self._mine.with_suffix(".new")
            new.write_text(json.dumps({**fields, "files": dict(mine.files)}), "utf-8")
            new.replace(self._mine)
            return True

    def release(self) -> None:
        """Withdraw this process's claim; harmless when there is none."""
        with self._lock():
            self._mine.unlink(missing_ok=True)

    def _others(self, mine: Claim) -> int:
        private = 0
        files: dict[str, int] = {}
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path == self._mine:
                continue
            is_alive, claim = self._read(path)
            if not is_alive:
                path.unlink(missing_ok=True)
                continue
            private += claim.private_bytes
            for name, size in claim.files.items():
                files[name] = max(size, files.get(name, 0))
        return private + sum(size for name, size in files.items() if name not in mine.files)

    def _read(self, path: Path) -> tuple[bool, Claim]:
        """Whether the process of a claim lives, and its claim; nothing for a file that cannot be read."""
        try:
            fields = json.loads(path.read_text("utf-8"))
            files = {str(name): int(size) for name, size in fields["files"].items()}
            claim = Claim(int(fields["private_bytes"]), files)
            start = self._start_of(int(fields["pid"]))
            return start is not None and start == fields["start"], claim
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return False, Claim()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        handle = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock_file(handle)
            yield
        finally:
            os.close(handle)  # which also unlocks


class Budget:
    """How many bytes the models of this process may take: a limit of its own, and what the others leave of the machine."""

    def __init__(self, limit_bytes: int, *, machine_bytes: int = 1 << 62, claims: ClaimsFolder | None = None) -> None:
        """Take the limits; without a folder for claims the other processes are not heeded."""
        self.limit_bytes = limit_bytes
        self.others_bytes = 0
        """What the other processes had taken when they were asked last."""
        self._machine_bytes = machine_bytes
        self._claims = claims

    async def most(self, held: Claim) -> int:
        """Give the bytes this process may take in all, when it maps the files of `held`."""
        if self._claims is not None:
            with _heedless("read"):
                self.others_bytes = await anyio.to_thread.run_sync(self._claims.others, held)
        return min(self.limit_bytes, self._machine_bytes - self.others_bytes)

    async def claim(self, held: Claim) -> bool:
        """Tell the others what this process takes; says whether the machine has that beside what they took."""
        if self._claims is not None:
            with _heedless("written"):
                return await anyio.to_thread.run_sync(self._claims.claim, held, self._machine_bytes)
        return True

    async def release(self) -> None:
        """Tell the others that this process takes nothing any more."""
        if self._claims is not None:
            with _heedless("withdrawn"):
                await anyio.to_thread.run_sync(self._claims.release)


@contextmanager
def _heedless(what: str) -> Iterator[None]:
    """A full disk or a removed folder must not stop the models of this process."""
    try:
        yield
    except OSError as exc:
        logger.warning("the memory claims could not be %s: %s; other servers of this user are not heeded", what, exc)


def open_claims(environ: Mapping[str, str]) -> ClaimsFolder | None:
    """Open this user's claims folder; `None`, with a warning, when there can be none."""
    try:
        return ClaimsFolder(user_folder(environ))
    except OSError as exc:
        logger.warning("no folder for memory claims: %s; other servers of this user are not heeded", exc)
        return None


def start_of_process(pid: int) -> str | None:
    """Give a mark of when a process began, `None` when it has ended; a system that does not say gives an empty one."""
    if sys.platform == "win32":
        return _start_on_windows(pid)
    with suppress(OSError, IndexError):
        state, *rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return None if state in "ZX" else rest[18]  # field 22 of proc(5): clock ticks after the machine started
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return ""


def _start_on_windows(pid: int) -> str | None:
    """See OpenProcess with PROCESS_QUERY_LIMITED_INFORMATION, and GetProcessTimes; written after the manual, never run."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    if not (process := kernel.OpenProcess(0x1000, False, pid)):
        return None
    times = [ctypes.c_uint64() for _ in range(4)]
    try:
        kernel.GetProcessTimes(ctypes.c_void_p(process), *(ctypes.byref(time) for time in times))
    finally:
        kernel.CloseHandle(ctypes.c_void_p(process))
    return str(times[0].value) if not times[1].value else None


def _check_owner(folder: Path) -> None:
    """The folder may lie where everybody can write: it must be a real one, ours, and closed to others."""
    found = folder.lstat()
    is_ours = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
    if not stat.S_ISDIR(found.st_mode) or not is_ours:
        raise PermissionError(f"{folder.name!r} is not a folder of this user alone; remove it or set XDG_RUNTIME_DIR")


def _lock_file(handle: int) -> None:
    """Wait for the lock; the system gives it back when the process ends."""
    if sys.platform == "win32":
        import msvcrt

        while True:
            with suppress(OSError):  # it gives up after ten seconds
                msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
                return
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
