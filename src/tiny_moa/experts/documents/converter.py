"""The server's end of the document process: starts it, asks it one thing at a time, ends a worker that must stop."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import anyio

from tiny_moa import errors
from tiny_moa.child import ChildProcess, Frame
from tiny_moa.errors import ConversionFailed, DocumentError, DocumentsMissing, WorkerFailed
from tiny_moa.experts.documents import forks

WORKER: Final = "tiny_moa.experts.documents.worker"
"""The module that the process runs."""
_ENVIRON: Final = {
    **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"), ""),
    "PYTHONSAFEPATH": "1",
    "MALLOC_ARENA_MAX": "2",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What the process's environment always says: no hub, no proxy, no token, no module from the current folder, no threads
before it forks."""

OnPage = Callable[[int, int], None]


class Converter:
    """One document process.

    It is started with the first request or by `warm`, and kept. What is asked is done by a worker that it forks; a
    request that is cancelled or out of time ends the worker, and the next one is forked from the process that has
    everything loaded. Where there is no fork the process itself is ended and another one is started at once.

    Args:
        worker: The module to run; the seam at which tests put a fake.
        environ: Variables besides those of this process; those that keep it offline always win.
    """

    def __init__(self, worker: str, environ: Mapping[str, str]) -> None:
        self._worker = worker
        self._environ = {**environ, **_ENVIRON}
        self._lock = anyio.Lock()
        self._child: ChildProcess | None = None
        self._requests = 0
        self.starts = 0
        """Processes that were started."""
        self.ended = 0
        """Workers that were ended or ended themselves in the middle of a request."""

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._child is not None and self._child.is_alive

    @property
    def is_busy(self) -> bool:
        """Whether somebody's request is being done."""
        return self._lock.locked()

    async def warm(self) -> None:
        """Start the process if it is not there, so that the first document finds everything loaded."""
        if not self.is_running and not self.is_busy and _has_docling():
            async with self._lock:
                await self._running_child()

    async def ask(self, name: str, request: Frame, on_page: OnPage = lambda done, of: None) -> Frame:
        """Have one request done; waits until the earlier ones are done.

        Cancelling ends the worker.

        Args:
            name: What to call the document in messages.
            request: As `worker.answer` takes it.
            on_page: Told how many pages are done, and of how many.

        Raises:
            DocumentsMissing: docling is not installed.
            DocumentError: What the worker found wrong.
            ConversionFailed: The worker crashed or ran out of memory.
        """
        if self._worker == WORKER and not _has_docling():
            raise DocumentsMissing(
                f'{name!r} needs the document package, which is not installed; run: pip install "tiny-moa[documents]"'
            )
        async with self._lock:
            answer = await self._converse(name, request, on_page)
        if "error" in answer:
            raise _error(answer)
        return answer

    async def aclose(self) -> None:
        """End the process; harmless when there is none. A later request starts a new one."""
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _converse(self, name: str, request: Frame, on_page: OnPage) -> Frame:
        self._requests += 1
        number, is_answered = self._requests, False
        try:
            child = await self._running_child()
            await child.send({**request, "id": number})
            while True:
                frame = await child.receive()
                if frame.get("id") != number:
                    continue  # `ready`, or what a worker said that was ended meanwhile
                if "done" in frame:
                    on_page(frame["done"], frame["of"])
                    continue
                is_answered = True
                if "crashed" in frame:
                    self.ended += 1
                    raise _crash(name)
                return frame
        except WorkerFailed as exc:
            await self.aclose()
            raise _crash(name) from exc
        finally:
            if not is_answered:
                await self._end_worker()

    async def _end_worker(self) -> None:
        """Stop what is being done; what is asked next is done by another worker."""
        if not self.is_running:
            return
        assert self._child is not None
        self.ended += 1
        with anyio.CancelScope(shield=True):
            if forks.CAN_FORK:
                with suppress(WorkerFailed):
                    await self._child.send(forks.KILL)
            else:
                await self.aclose()
                await self._running_child()

    async def _running_child(self) -> ChildProcess:
        if self._child is None or not self._child.is_alive:
            await self.aclose()
            self._child = ChildProcess(self._worker, "the document process", self._environ)
            self.starts += 1
            await self._child.start()
        return self._child


def _has_docling() -> bool:
    return importlib.util.find_spec("docling") is not None


def _crash(name: str) -> ConversionFailed:
    return ConversionFailed(f"{name!r} ended the process that converts documents; it is damaged or needs too much memory")


def _error(answer: Frame) -> DocumentError:
    kind: Any = getattr(errors, str(answer["error"]), ConversionFailed)
    return kind(answer["message"]) if issubclass(kind, DocumentError) else ConversionFailed(answer["message"])
