"""A process that has everything loaded and forks a worker for the work; the worker can be ended without losing the load.

The server starts one such process. It loads what the first request may need, then waits, and loads the rest while nobody
asks. The first request makes it fork a worker; the worker does requests one after another until it is ended: by the notice
`kill`, by itself when its memory is spent, by a crash, or because it was forked before everything was loaded and has loaded
nothing of its own. The next request forks another one, which takes a few hundredths of a second. Where there is no fork,
the process works itself, and ending it is the only way to stop it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from tiny_moa.child import ChildWire, Frame, Reply, claim_streams, pack, serve_child, unpack

CAN_FORK: Final = hasattr(os, "fork")
"""Whether workers are forked here."""
KILL: Final[Frame] = {"notice": "kill"}
"""Ends the worker, if there is one, before whatever is asked next."""

Answer = Callable[[Frame, Reply], None]
Load = Callable[[], Iterator[None]]

_LENGTH = struct.Struct(">I")
_READ_BYTES: Final = 1 << 20
_PR_SET_PDEATHSIG: Final = 1
_END: Final = object()


def serve_forks(answer: Answer, load: Load, prepare: Callable[[], None]) -> None:
    """Serve until standard input closes.

    Args:
        answer: Does one request in the worker; a reply with the key `spent` set ends the worker after it, one with `kept`
            set says that the worker has loaded what another one would have to load again.
        load: Loads what the work needs: a first part before the first request is looked at, and another one whenever
            there is nothing to do. Where there is no fork, what is not in the first part is loaded by who needs it.
        prepare: Called in each worker before its first request, such as to cap its memory.
    """
    parts = load()
    if not CAN_FORK:
        next(parts, None)
        prepare()
        serve_child(answer)
    requests, replies = claim_streams()
    next(parts, None)
    _Nursery(requests, replies, answer, prepare).serve(parts)


class _Stream:
    """Frames out of a file descriptor, as their bytes come."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._held = bytearray()

    def read(self) -> list[bytes] | None:
        """Give the bodies that are whole after one more read; `None` at the end of the stream."""
        arrived = os.read(self.descriptor, _READ_BYTES)
        if not arrived:
            return None
        self._held += arrived
        bodies = []
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            end = _LENGTH.size + length
            if len(self._held) < end:
                break
            bodies.append(bytes(self._held[_LENGTH.size : end]))
            del self._held[:end]
        return bodies


class _Worker:
    """A forked worker, seen from the process that forked it."""

    def __init__(self, pid: int, requests: BinaryIO, replies: _Stream) -> None:
        self.pid = pid
        self.replies = replies
        self._requests = requests
        self.asked: object = None
        self.is_kept = False

    def send(self, request: Frame) -> None:
        self.asked = request.get("id")
        with contextlib.suppress(BrokenPipeError):  # a dead worker is noticed by the end of its replies
            self._requests.write(pack(request))
            self._requests.flush()

    def end(self) -> int:
        """End and reap it; gives its code, negative for a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            self._requests.close()
        os.close(self.replies.descriptor)
        return os.waitstatus_to_exitcode(status)


class _Nursery:
    """The loop of the process that forks: requests to the worker, its replies back; no thread, so that forking is safe."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO, answer: Answer, prepare: Callable[[], None]) -> None:
        self._requests = _Stream(requests.fileno())
        self._keep = requests
        self._replies = replies
        self._answer = answer
        self._prepare = prepare
        self._worker: _Worker | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._requests.descriptor, selectors.EVENT_READ, self._hear_server)

    def serve(self, parts: Iterator[None]) -> None:
        """Do what is asked, and load another part whenever nobody waits for an answer."""
        self._reply(pack({"ready": True}))
        is_loaded = False
        while True:
            events = self._selector.select(None if is_loaded or self._is_busy() else 0)
            for key, _ in events:
                key.data()
            if not events:
                is_loaded = next(parts, _END) is _END
                if is_loaded and not (self._worker and self._worker.is_kept):
                    self._end_worker()  # the next one has everything

    def _is_busy(self) -> bool:
        return self._worker is not None and self._worker.asked is not None

    def _hear_server(self) -> None:
        bodies = self._requests.read()
        if bodies is None:
            self._end_worker()
            os._exit(0)
        for body in bodies:
            message = unpack(body)
            if "notice" in message:
                self._end_worker()
            else:
                self._running_worker().send(message)

    def _hear_worker(self) -> None:
        worker = self._worker
        if worker is None:  # ended in the same round of events
            return
        for body in (bodies := worker.replies.read()) or ():
            kind = body[:1]
            self._reply(_LENGTH.pack(len(body) - 1) + body[1:])
            if kind != b"p":
                worker.asked = None
                worker.is_kept = kind == b"k"
            if kind == b"s":
                self._end_worker()
                return
        if bodies is None:
            asked, code = worker.asked, self._end_worker()
            if asked is not None:
                self._reply(pack({"id": asked, "crashed": code}))

    def _reply(self, frame: bytes) -> None:
        self._replies.write(frame)
        self._replies.flush()

    def _end_worker(self) -> int:
        worker, self._worker = self._worker, None
        if worker is None:
            return 0
        self._selector.unregister(worker.replies.descriptor)
        return worker.end()

    def _running_worker(self) -> _Worker:
        if self._worker is None:
            to_worker, from_worker = os.pipe(), os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(to_worker[1])
                os.close(from_worker[0])
                os.close(self._requests.descriptor)  # held open here, they would outlive the process they belong to
                os.close(self._replies.fileno())
                self._selector.close()
                _work(to_worker[0], from_worker[1], self._answer, self._prepare)
            os.close(to_worker[0])
            os.close(from_worker[1])
            self._worker = _Worker(pid, os.fdopen(to_worker[1], "wb"), _Stream(from_worker[0]))
            self._selector.register(from_worker[0], selectors.EVENT_READ, self._hear_worker)
        return self._worker


def _work(requests: int, replies: int, answer: Answer, prepare: Callable[[], None]) -> None:
    """Be the worker; never returns."""
    try:
        _die_with_parent()
        prepare()
        out = os.fdopen(replies, "wb")

        def reply(message: Frame) -> None:
            body = pack(message)[_LENGTH.size :]
            kind = b"s" if message.get("spent") else b"p" if "done" in message else b"k" if message.get("kept") else b"f"
            out.write(_LENGTH.pack(len(body) + 1) + kind + body)
            out.flush()

        wire = ChildWire(streams=(os.fdopen(requests, "rb"), out))
        while True:
            for message in wire.requests(wait=True):
                answer(message, reply)
    finally:  # a worker must never come back into the loop of its parent
        os._exit(1)


def _die_with_parent() -> None:
    """Have Linux end this process when its parent is gone; elsewhere the closed pipe does it between two steps."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
