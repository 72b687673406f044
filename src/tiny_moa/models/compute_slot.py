"""One place to compute for the whole machine, shared by every process of the same user; knows no model.

Two models that compute at once take as long as one after the other and make each other wait for memory, so each takes the
slot for one step and gives it back. It is a courtesy and not a matter of correctness: who waits too long goes ahead, and a
process that dies gives back what it holds, because the system frees its locks.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tiny_moa.models.machine import user_folder

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""How long a step waits for the slot; a holder that takes longer is stopped or broken."""
_FIRST_NAP, _LONGEST_NAP = 0.0002, 0.002


class ComputeSlot:
    """A turnstile of two file locks: who waits holds the first, who computes the second.

    Because a process that has just computed must pass the first lock again, the one that waits goes before it. Once the
    patience was in vain, nobody is waited for until the slot was free again.
    """

    def __init__(self, folder: Path | None = None, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Open the locks in a folder, the user's own unless given; without one, every step goes ahead."""
        self._files: list[int] = []
        self._patience = patience_seconds
        self._is_patient = True
        try:
            place = folder or _own_folder()
            self._files = [_open(place / name) for name in ("queue.lock", "compute.lock")]
        except OSError as exc:
            logger.warning("models of several processes will compute at the same time: %s", exc)

    @contextmanager
    def turn(self, is_interrupted: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the slot and hold it; gives `False`, without the slot, when `is_interrupted` became true meanwhile."""
        if not self._files:
            yield True
            return
        may_go, held = self._enter(is_interrupted)
        try:
            yield may_go
        finally:
            if held:
                _unlock(self._files[1])

    def _enter(self, is_interrupted: Callable[[], bool]) -> tuple[bool, bool]:
        """Give whether to go ahead, and whether the slot is held."""
        queue, compute = self._files
        end = time.monotonic() + (self._patience if self._is_patient else 0.0)
        if not _wait(queue, end, is_interrupted):
            return self._refused(is_interrupted)
        try:
            if not _wait(compute, end, is_interrupted):
                return self._refused(is_interrupted)
        finally:
            _unlock(queue)
        self._is_patient = True
        return True, True

    def _refused(self, is_interrupted: Callable[[], bool]) -> tuple[bool, bool]:
        if is_interrupted():
            return False, False
        if self._is_patient:
            logger.warning("another process did not give back its turn to compute for %.0f s; going ahead", self._patience)
        self._is_patient = False
        return True, False

    def close(self) -> None:
        """Close the files; harmless when done already."""
        files, self._files = self._files, []
        for file in files:
            os.close(file)


def _wait(file: int, end: float, is_interrupted: Callable[[], bool]) -> bool:
    """Take a lock, asking again and again until a moment of the monotonic clock has passed."""
    nap = _FIRST_NAP
    while not _try_lock(file):
        if is_interrupted() or time.monotonic() >= end:
            return False
        time.sleep(nap)
        nap = min(nap * 2, _LONGEST_NAP)
    return True


def _own_folder() -> Path:
    """Make the folder of this user's processes.

    Raises:
        OSError: There is none, or somebody else made it.
    """
    folder = user_folder(os.environ)
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise PermissionError(f"{folder} belongs to another user")
    return folder


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0), 0o600)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: int) -> bool:
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        with suppress(OSError):
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: int) -> None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
