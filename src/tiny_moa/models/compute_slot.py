"""The cores of the machine, shared by every process of the same user that computes; knows no model.

Models that compute with more threads than there are cores take as long as one after the other and make each other wait, so each
takes as many cores as it has threads for one step and gives them back. It is a courtesy and not a matter of correctness: who
waits too long goes ahead, and a process that dies gives back what it holds, because the system frees its locks.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tiny_moa.models.machine import usable_threads, user_folder

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""How long a step waits; a holder that takes longer is stopped or broken."""
_FIRST_NAP, _LONGEST_NAP = 0.0002, 0.002


class ComputeSlot:
    """A turnstile of file locks: who waits for cores holds the first, who computes one for each of its threads.

    Because a process that has just computed must pass the first lock again, the one that waits goes before it; and because
    one process at a time collects cores, no two wait for each other. Once the patience was in vain, nobody is waited for until
    the cores were free again.
    """

    def __init__(
        self, folder: Path | None = None, *, cores: int | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:  # fmt: skip
        """Open the locks; without a folder to hold them every step goes ahead.

        Args:
            folder: Where they are; the user's own unless given.
            cores: How many cores there are to share; those that models use unless given.
            patience_seconds: How long a step waits.
        """
        self._queue: int | None = None
        self._cores: list[int] = []
        self._patience = patience_seconds
        self._is_patient = True
        try:
            place = folder or _own_folder()
            self._queue = _open(place / "queue.lock")
            self._cores = [_open(place / f"core-{number}.lock") for number in range(cores or usable_threads())]
        except OSError as exc:
            self.close()
            logger.warning("models of several processes will compute at the same time: %s", exc)

    @contextmanager
    def turn(self, is_interrupted: Callable[[], bool], *, threads: int = 1) -> Iterator[bool]:
        """Wait for a core for each thread and hold them, all there are at most.

        Gives `False`, without any, when `is_interrupted` became true meanwhile.
        """
        if self._queue is None:
            yield True
            return
        held: list[int] = []
        try:
            yield self._enter(self._queue, held, min(threads, len(self._cores)), is_interrupted)
        finally:
            for core in held:
                _unlock(core)

    def _enter(self, queue: int, held: list[int], wanted: int, is_interrupted: Callable[[], bool]) -> bool:
        """Collect cores into `held`; gives whether to go ahead."""
        end = time.monotonic() + (self._patience if self._is_patient else 0.0)
        if not _wait(lambda: _try_lock(queue), end, is_interrupted):
            return self._refused(is_interrupted)

        def collect() -> bool:
            for core in self._cores:
                if len(held) < wanted and core not in held and _try_lock(core):
                    held.append(core)
            return len(held) == wanted

        try:
            if not _wait(collect, end, is_interrupted):
                return self._refused(is_interrupted)
        finally:
            _unlock(queue)
        self._is_patient = True
        return True

    def _refused(self, is_interrupted: Callable[[], bool]) -> bool:
        if is_interrupted():
            return False
        if self._is_patient:
            logger.warning("another process did not give back its turn to compute for %.0f s; going ahead", self._patience)
        self._is_patient = False
        return True

    def close(self) -> None:
        """Close the files; harmless when done already."""
        files, self._cores = [*self._cores, *([] if self._queue is None else [self._queue])], []
        self._queue = None
        for file in files:
            os.close(file)


def _wait(is_taken: Callable[[], bool], end: float, is_interrupted: Callable[[], bool]) -> bool:
    """Ask for something again and again until it is given or a moment of the monotonic clock has passed."""
    nap = _FIRST_NAP
    while not is_taken():
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
