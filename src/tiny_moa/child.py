"""One child process that answers requests over its standard streams; knows nothing of models or documents.

Messages are frames: four bytes of length, then JSON in UTF-8. The child writes frames to a private duplicate of
its standard output and points descriptor 1 at standard error first, so nothing a native library prints can reach
the wire. The child ends by itself when its standard input closes, which also happens when the parent is killed.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tiny_moa.errors import WorkerFailed

logger = logging.getLogger(__name__)

Frame = dict[str, Any]
_LENGTH = struct.Struct(">I")
MAX_FRAME_BYTES = 256 << 20
"""A longer frame can only be a torn stream; it ends the child instead of the memory."""


def pack(message: Frame) -> bytes:
    """Turn a message into one frame."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Frame:
    """Turn the body of a frame into its message."""
    message = json.loads(body.decode("utf-8", "surrogatepass"))
    if not isinstance(message, dict):
        raise ValueError(f"a message is an object, not {type(message).__name__}")
    return message


class ChildProcess:
    """The parent's end: starts `python -m MODULE`, sends requests, receives events, kills.

    One task at a time may talk to a child; the caller serialises. A child that failed is not used again.
    """

    def __init__(self, module: str, name: str, environ: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._name = name
        self._environ = dict(environ or {})
        self._process: Process | None = None
        self._frames: BufferedByteReceiveStream | None = None
        self._expected: int | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the child was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process id, `None` before it was started."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the child; returns as soon as the process exists.

        Python's `-P` keeps the current folder, which may be anybody's project, out of the child's module path.
        """
        environ = {**os.environ, **self._environ, "PYTHONUNBUFFERED": "1"}
        with anyio.CancelScope(shield=True):  # a process whose handle a cancellation took could never be ended
            process = await anyio.open_process(
                [sys.executable, "-P", "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None,
                env=environ,
            )
            assert process.stdout is not None
            self._process, self._frames = process, BufferedByteReceiveStream(process.stdout)

    async def send(self, message: Frame) -> None:
        """Send one message.

        Raises:
            WorkerFailed: The child has ended.
        """
        if self._process is None or self._process.stdin is None:
            raise WorkerFailed(f"{self._name} was not started")
        try:
            await self._process.stdin.send(pack(message))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as exc:
            raise await self._failure() from exc

    async def receive(self) -> Frame:
        """Wait for the next message.

        May be cancelled at any moment: what has arrived of a frame is kept for the next call.

        Raises:
            WorkerFailed: The child has ended or sent what is no frame.
        """
        if self._frames is None:
            raise WorkerFailed(f"{self._name} was not started")
        try:
            if self._expected is None:
                (self._expected,) = _LENGTH.unpack(await self._frames.receive_exactly(_LENGTH.size))
            if self._expected > MAX_FRAME_BYTES:
                raise await self._broken(f"sent a frame of {self._expected} bytes")
            body = await self._frames.receive_exactly(self._expected)
            self._expected = None
            return unpack(body)
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as exc:
            raise await self._failure() from exc
        except ValueError as exc:
            raise await self._broken("sent something that is not a JSON object") from exc

    async def kill(self) -> None:
        """End the child at once and reap it; harmless when it has ended already."""
        if self._process is None:
            return
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                self._process.kill()
            with anyio.move_on_after(5):
                await self._process.wait()
            await self._close_streams()

    async def _close_streams(self) -> None:
        assert self._process is not None
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError, anyio.ClosedResourceError, anyio.BrokenResourceError):
                    await stream.aclose()

    async def _broken(self, what: str) -> WorkerFailed:
        """End a child that broke the protocol: nothing it sends later can be trusted."""
        await self.kill()
        return WorkerFailed(f"{self._name} {what} and was ended; call again, a new one is started")

    async def _failure(self) -> WorkerFailed:
        """Say how the child ended; it is reaped first, so that its code is known."""
        assert self._process is not None
        with anyio.move_on_after(2, shield=True):
            await self._process.wait()
        code = self._process.returncode
        how = "closed its stream" if code is None else f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return WorkerFailed(f"{self._name} {how} in the middle of its work; call again, a new one is started")


Reply = Callable[[Frame], None]


class ChildWire:
    """The child's end: requests come in from a thread of its own, replies go out from any.

    The process ends when the parent's end closes: whatever runs natively is then of no use to anyone.
    """

    def __init__(self, notice: Callable[[Frame], None] | None = None, streams: tuple[BinaryIO, BinaryIO] | None = None) -> None:
        """Claim the standard streams, if no others are given, and begin to read.

        Messages with the key `notice` go to `notice`, in the reading thread.
        """
        self._in, self._out = streams or claim_streams()
        self._notice = notice
        self._writing = threading.Lock()
        self._ready = threading.Condition()
        self._requests: list[Frame] = []
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def reply(self, message: Frame) -> None:
        """Send one message."""
        with self._writing:
            self._out.write(pack(message))
            self._out.flush()

    def requests(self, *, wait: bool) -> list[Frame]:
        """Give what was asked since the last time, in order; with `wait`, one request at least."""
        with self._ready:
            if wait:
                self._ready.wait_for(lambda: bool(self._requests))
            taken, self._requests = self._requests, []
        return taken

    def _read(self) -> None:
        while (message := _read_frame(self._in)) is not None:
            if "notice" in message and self._notice is not None:
                self._notice(message)
                continue
            with self._ready:
                self._requests.append(message)
                self._ready.notify()
        os._exit(0)


def serve_child(answer: Callable[[Frame, Reply], None], notice: Callable[[Frame], None] | None = None) -> None:
    """Run the child's end until standard input closes; the last thing a child's `main` calls.

    Requests are answered one after another in the calling thread. A message with the key `notice` is handed to
    `notice` at once, from the reading thread, also while a request is being answered.

    Args:
        answer: Does one request; it sends its own replies and turns its own errors into replies.
        notice: Takes notices, such as a cancellation.
    """
    wire = ChildWire(notice)
    while True:
        for message in wire.requests(wait=True):
            answer(message, wire.reply)


def claim_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take the standard streams as the wire and leave harmless descriptors 0 and 1 to everybody else."""
    wire_in, wire_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return os.fdopen(wire_in, "rb"), os.fdopen(wire_out, "wb")


def _read_frame(stream: BinaryIO) -> Frame | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return unpack(body) if len(body) == length else None
