"""A model run by xllamacpp: the client of its worker process, and the launcher that starts one; imports no engine.

xllamacpp is llama.cpp's server as a ready wheel for Linux, macOS and Windows. It differs from the first engine in this: what
is kept of prompts is up to the server, which copies whatever a new one has in common with the last ones; nothing of it
outlives the process; and a parked model is loaded anew, from the system's file cache.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anyio

from tiny_moa.catalog import ModelSpec
from tiny_moa.child import ChildProcess, Frame
from tiny_moa.errors import DeadlineExceeded, EngineMissing, TinyMoAError, WorkerFailed
from tiny_moa.models.calls import Calls
from tiny_moa.models.machine import usable_threads
from tiny_moa.models.runtime import (
    MOST_SAMPLES,
    Completion,
    CompletionRequest,
    Listener,
    LoadOptions,
    RuntimeStatistics,
    Usage,
)
from tiny_moa.models.wire import ENVIRON, adapter_fields, completion_of, error_of, ignore, request_fields, resident_bytes_of

logger = logging.getLogger(__name__)

WORKER = "tiny_moa.models.xllama_worker"
GRACE_SECONDS = 10.0
"""How long a worker may take to stop: between two tokens it hears at once, in a prompt after the chunk of 32 tokens."""
_NEEDED = ("xllamacpp", "jinja2")

Hear = Callable[[Frame], None]


class XllamaRuntime:
    """A model in a worker process. Implements `Runtime`."""

    def __init__(self, name: str, child: ChildProcess, folder: Path, slots: int) -> None:
        self._name = name
        self._child = child
        self._folder = folder
        self._slots = slots
        self._calls = Calls(child)
        self._in_flight = 0
        self._is_parked = False
        self._statistics = RuntimeStatistics()
        self.context_tokens = 0

    @property
    def is_alive(self) -> bool:
        """Whether the worker runs."""
        return self._child.is_alive

    @property
    def is_parked(self) -> bool:
        """Whether the worker holds no model."""
        return self._is_parked

    @property
    def slots(self) -> int:
        """How many calls may be in flight at a time."""
        return self._slots

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._child.pid

    def statistics(self) -> RuntimeStatistics:
        """Give the counters; while a call runs they count each token it has reported."""
        return self._statistics

    def resident_bytes(self) -> int:
        """Give the worker's memory, mapped weights included; 0 where the system does not show it as Linux does."""
        return resident_bytes_of(self.pid) if self.is_alive else 0

    async def park(self) -> None:
        """Free the model; see `Runtime.park`. It is not cancelled in the middle."""
        if self._in_flight:
            raise RuntimeError(f"{self._in_flight} calls are in flight; a runtime is parked when nobody uses it")
        with anyio.move_on_after(GRACE_SECONDS, shield=True):
            await self._ask({"op": "park"})
            self._is_parked = True
            return
        await self._child.kill()
        raise WorkerFailed(f"the process of model {self._name!r} did not free its context and was ended; call again")

    async def load(self, weights: Path, options: LoadOptions, threads: int) -> None:
        """Start the worker and load the model into it; called once, by the launcher.

        Raises:
            WeightsMissing: The file cannot be opened.
            WeightsInvalid: xllamacpp refuses the file.
            WorkerFailed: The worker ended.
        """
        if options.prefixes is not None:
            logger.info("model %s: xllamacpp keeps prompt beginnings in memory only", self._name)
        await self._child.start()
        message = {
            "op": "load",
            "name": self._name,
            "path": str(weights),
            "folder": str(self._folder),
            "log_level": logging.getLogger("tiny_moa").getEffectiveLevel(),
            "options": {
                "context_tokens": options.context_tokens,
                "kv_type": options.kv_type,
                "sequences": MOST_SAMPLES + options.slots,
                "threads": threads,
                "adapter": adapter_fields(options.adapter),
            },
        }
        self.context_tokens = (await self._ask(message))["context_tokens"]

    async def complete(self, request: CompletionRequest, *, deadline: float, listener: Listener) -> Completion:
        """Write an answer; see `Runtime.complete`."""
        (completion,) = await self.sample(request, 1, deadline=deadline, listener=listener)
        return completion

    async def sample(self, request: CompletionRequest, n: int, *, deadline: float, listener: Listener) -> tuple[Completion, ...]:
        """Write several answers; see `Runtime.sample`."""
        heard: list[list[str]] = [[] for _ in range(n)]

        def hear(event: Frame) -> None:
            if event["event"] == "phase":
                listener.phase(event["text"], self._name)
            else:
                heard[event["answer"]].append(event["text"])
                listener.wrote(event["text"])

        message = {"op": "sample", "request": request_fields(request), "n": n}
        ending = await self._exchange(message, deadline, hear)
        if ending is None:
            return tuple(Completion("".join(parts), "deadline", Usage(completion_tokens=len(parts))) for parts in heard)
        return tuple(completion_of(fields) for fields in ending["completions"])

    async def score(self, request: CompletionRequest, labels: Sequence[str], *, deadline: float) -> tuple[float, ...]:
        """Give the probability of each label; see `Runtime.score`."""
        message = {"op": "score", "request": request_fields(request), "labels": list(labels)}
        ending = await self._exchange(message, deadline, ignore)
        if ending is None:
            raise DeadlineExceeded(f"the deadline passed before model {self._name!r} had scored {len(labels)} labels; call again")
        return tuple(ending["scores"])

    async def aclose(self) -> None:
        """End the worker and remove its folder; harmless when that is done."""
        await self._child.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _ask(self, message: Frame) -> Frame:
        """Send a request that nothing stops, and give its answer."""
        with self._calls.open() as call:
            await self._calls.send({**message, "id": call})
            return await self._ending(call, ignore)

    async def _exchange(self, message: Frame, deadline: float, hear: Hear) -> Frame | None:
        """Send a request and give its last event; `None` when the deadline had passed before, or the worker had to be killed.

        However it is left, the worker has stopped the call or is dead.
        """
        if self._in_flight == self._slots:
            raise RuntimeError(f"{self._in_flight} calls are in flight, as many as the runtime has slots")
        if deadline <= anyio.current_time() and self.is_alive:
            return None  # a fast worker would have written all before it is told to stop
        self._in_flight += 1
        self._is_parked = False
        try:
            with self._calls.open() as call:
                return await self._followed({**message, "id": call}, deadline, hear)
        finally:
            self._in_flight -= 1

    async def _followed(self, message: Frame, deadline: float, hear: Hear) -> Frame | None:
        call, is_over = message["id"], False

        def follow(event: Frame) -> None:
            nonlocal is_over
            is_over = event["event"] in ("done", "error")
            if not is_over:
                hear(event)

        try:
            await self._calls.send(message)
            with anyio.CancelScope(deadline=deadline):
                return await self._ending(call, follow)
            return await self._halt(call, follow)
        finally:
            if not is_over and self.is_alive:
                with suppress(TinyMoAError):
                    await self._halt(call, ignore)

    async def _halt(self, call: int, hear: Hear) -> Frame | None:
        """Stop a call and wait, shielded, for its last event; kill a worker that does not answer."""
        with anyio.move_on_after(GRACE_SECONDS, shield=True):
            await self._calls.send({"notice": "stop", "id": call})
            return await self._ending(call, hear)
        await self._child.kill()
        return None

    async def _ending(self, call: int, hear: Hear) -> Frame:
        """Hear events until the last one, that one included.

        Raises:
            TinyMoAError: The worker's error, of the class it had there.
            WorkerFailed: The worker ended or broke the protocol.
        """
        while True:
            event = await self._receive(call)
            self._count_token(event)
            if event.get("event") in ("phase", "token"):
                hear(event)
                continue
            self._statistics = RuntimeStatistics(**{**event.get("statistics", {}), "prefixes": ()})
            hear(event)
            if event.get("event") == "done":
                return event
            error = error_of(event, self._name)
            if isinstance(error, WorkerFailed):
                await self._child.kill()
            raise error

    async def _receive(self, call: int) -> Frame:
        try:
            return await self._calls.receive(call)
        except WorkerFailed:
            await self._child.kill()
            raise

    def _count_token(self, event: Frame) -> None:
        if event.get("event") == "token":
            self._statistics = replace(self._statistics, generated_tokens=self._statistics.generated_tokens + 1)


class XllamaLauncher:
    """Starts workers. Implements `Launcher`."""

    def __init__(self, threads: int) -> None:
        """Take the number of threads of each model; 0 is as many as this process may use, at most 8."""
        self._threads = threads or usable_threads()

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> XllamaRuntime:
        """Load a model in a new process; see `Launcher`."""
        if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
            raise EngineMissing(
                f'the package {missing[0]!r} is not installed, and models need it; run: pip install "tiny-moa[xllama]"'
            )
        child = ChildProcess(WORKER, f"the process of model {spec.name!r}", ENVIRON)
        runtime = XllamaRuntime(spec.name, child, Path(tempfile.mkdtemp(prefix="tiny-moa-")), options.slots)
        try:
            await runtime.load(weights, options, self._threads)
        except BaseException:
            await runtime.aclose()
            raise
        return runtime
