"""Many calls over one child process: each hears the messages that carry its number, whoever of them reads; knows no model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from tiny_moa.child import ChildProcess, Frame
from tiny_moa.errors import WorkerFailed


@dataclass
class _Inbox:
    """Messages for one call, and what wakes it while it waits for one or for the reader's place."""

    frames: deque[Frame] = field(default_factory=deque)
    news: anyio.Event | None = None


class Calls:
    """The calls in flight on one child.

    No task is started for reading: of the calls that wait, one reads and hands out what it reads. When it has its own
    message, fails or is cancelled, another takes its place.

    Attributes:
        heard_at: Time of the event loop's clock at which the child was last heard.
    """

    def __init__(self, child: ChildProcess) -> None:
        self._child = child
        self._inboxes: dict[int, _Inbox] = {}
        self._next = 0
        self._is_read = False
        self._failure: WorkerFailed | None = None
        self._sending = anyio.Lock()
        self.heard_at = 0.0

    def __len__(self) -> int:
        return len(self._inboxes)

    @contextmanager
    def open(self) -> Iterator[int]:
        """Begin a call and give its number; what still arrives for it after it was left is dropped."""
        self._next += 1
        call = self._next
        self._inboxes[call] = _Inbox()
        try:
            yield call
        finally:
            del self._inboxes[call]

    async def send(self, message: Frame) -> None:
        """Send a message, whole even when the task is cancelled: half of one would tear the stream.

        Raises:
            WorkerFailed: The child has ended.
        """
        async with self._sending:
            with anyio.CancelScope(shield=True):  # the child always reads
                await self._child.send(message)

    async def receive(self, call: int) -> Frame:
        """Wait for the next message of a call; may be cancelled at any moment without losing one.

        Raises:
            WorkerFailed: The child has ended or sent what is no message.
        """
        inbox = self._inboxes[call]
        try:
            while not inbox.frames:
                if self._failure is not None:
                    raise WorkerFailed(str(self._failure))
                if self._is_read:
                    inbox.news = anyio.Event()
                    await inbox.news.wait()
                else:
                    await self._read()
            return inbox.frames.popleft()
        finally:
            inbox.news = None
            if not self._is_read:
                self._wake_one()

    async def _read(self) -> None:
        self._is_read = True
        try:
            frame = await self._child.receive()
        except WorkerFailed as exc:
            self._failure = exc
            for inbox in self._inboxes.values():
                _wake(inbox)
            return
        finally:
            self._is_read = False
        self.heard_at = anyio.current_time()
        if (addressee := self._inboxes.get(frame.get("id", 0))) is not None:
            addressee.frames.append(frame)
            _wake(addressee)

    def _wake_one(self) -> None:
        for inbox in self._inboxes.values():
            if inbox.news is not None and not inbox.news.is_set():
                _wake(inbox)
                return


def _wake(inbox: _Inbox) -> None:
    if inbox.news is not None:
        inbox.news.set()
