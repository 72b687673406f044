"""A loaded model as a runtime: the client of a worker process, and the launcher that starts one; imports no engine.

A call is a request, then events until `done` or `error`. Cancellation and deadline raise the call's flag in shared memory and
wait for that last event. A worker from which nothing is heard for two seconds then is killed, and every call on it fails.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anyio

from tiny_moa.catalog import ModelSpec
from tiny_moa.child import ChildProcess, Frame
from tiny_moa.errors import (
    DeadlineExceeded,
    EngineMissing,
    InvalidRequest,
    TinyMoAError,
    WorkerFailed,
)
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
from tiny_moa.models.stopflag import StopFlags
from tiny_moa.models.wire import (
    ENVIRON,
    adapter_fields,
    completion_of,
    error_of,
    ignore,
    request_fields,
    resident_bytes_of,
    statistics_of,
)

WORKER = "tiny_moa.models.worker"
GRACE_SECONDS = 2.0
"""How long a worker that was asked to stop a call may be silent; native code looks at the flag every few milliseconds."""
_MOST_GRACE_SECONDS = 10.0
"""How long it may take to stop when it is heard meanwhile: another call's step has to end first."""
_STORE_SECONDS = 2.0
"""How long a worker may take to store prompt beginnings before it is ended."""
_NEEDED = ("llama_cpp", "jinja2", "numpy")

Hear = Callable[[Frame], None]


class LlamaRuntime:
    """A model in a worker process. Implements `Runtime`."""

    def __init__(self, name: str, child: ChildProcess, options: LoadOptions) -> None:
        self._name = name
        self._child = child
        self._options = options
        self._calls = Calls(child)
        self._flags = StopFlags.shared(options.slots)
        self._free_flags = list(range(options.slots))
        self._is_loaded = False
        self._is_parked = False
        self._statistics = RuntimeStatistics()
        self.context_tokens = 0

    @property
    def is_alive(self) -> bool:
        """Whether the worker runs."""
        return self._child.is_alive

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._child.pid

    @property
    def slots(self) -> int:
        """How many calls may be in flight at a time."""
        return self._options.slots

    @property
    def is_parked(self) -> bool:
        """Whether the worker holds only the mapped weights."""
        return self._is_parked

    def statistics(self) -> RuntimeStatistics:
        """Give the counters; while a call runs they count each token it has reported."""
        return self._statistics

    def resident_bytes(self) -> int:
        """Give the worker's resident memory, mapped weights included; 0 where the system does not tell."""
        return resident_bytes_of(self.pid)

    async def load(self, weights: Path, *, threads: int, tunes_threads: bool) -> None:
        """Start the worker and load the model into it; called once, by the launcher.

        Raises:
            WeightsMissing: The file cannot be opened.
            WeightsInvalid: llama.cpp refuses the file.
            WorkerFailed: The worker ended.
        """
        await self._child.start()
        options = {
            "context_tokens": self._options.context_tokens,
            "kv_type": self._options.kv_type,
            "threads": threads,
            "tunes_threads": tunes_threads,
            "prefixes": None if self._options.prefixes is None else str(self._options.prefixes),
            "adapter": adapter_fields(self._options.adapter),
        }
        message = {
            "op": "load",
            "name": self._name,
            "path": str(weights),
            "flags": str(self._flags.path),
            "log_level": logging.getLogger("tiny_moa").getEffectiveLevel(),
            "options": options,
        }
        self.context_tokens = (await self._ask(message))["context_tokens"]
        self._is_loaded = True
        self._flags.forget_file()

    async def complete(self, request: CompletionRequest, *, deadline: float, listener: Listener) -> Completion:
        """Write an answer; see `Runtime.complete`."""
        (completion,) = await self.sample(request, 1, deadline=deadline, listener=listener)
        return completion

    async def sample(self, request: CompletionRequest, n: int, *, deadline: float, listener: Listener) -> tuple[Completion, ...]:
        """Write several answers; see `Runtime.sample`."""
        if not 1 <= n <= MOST_SAMPLES:
            raise InvalidRequest(f"{n} answers; 1 to {MOST_SAMPLES} are possible")
        heard: list[list[str]] = [[] for _ in range(n)]

        def hear(event: Frame) -> None:
            if event["event"] == "phase":
                listener.phase(event["text"], self._name)
            else:
                heard[event["answer"]].append(event["text"])
                listener.wrote(event["text"])

        message = {"op": "complete", "request": request_fields(request), "n": n}
        ending = await self._exchange(message, deadline, hear)
        if ending is None:
            return tuple(Completion("".join(texts), "deadline", Usage(completion_tokens=len(texts))) for texts in heard)
        return tuple(completion_of(fields) for fields in ending["completions"])

    async def score(self, request: CompletionRequest, labels: Sequence[str], *, deadline: float) -> tuple[float, ...]:
        """Give the probability of each label; see `Runtime.score`."""
        message = {"op": "score", "request": request_fields(request), "labels": list(labels)}
        ending = await self._exchange(message, deadline, ignore)
        if ending is None:
            raise DeadlineExceeded(f"model {self._name!r} did not stop at the deadline and was ended; call again")
        return tuple(ending["scores"])

    async def park(self) -> None:
        """Free the context; see `Runtime.park`. It is not cancelled in the middle."""
        if len(self._calls):
            raise RuntimeError(f"{len(self._calls)} calls are in flight; a runtime is parked when nobody uses it")
        with anyio.move_on_after(_MOST_GRACE_SECONDS, shield=True):
            await self._ask({"op": "park"})
            self._is_parked = True
            return
        await self._child.kill()
        raise WorkerFailed(f"the process of model {self._name!r} did not free its context and was ended; call again")

    async def aclose(self) -> None:
        """Store prompt beginnings, if that is wanted, and end the worker; harmless when it has ended."""
        is_idle = self._is_loaded and not self._is_parked and not len(self._calls)
        if self._options.prefixes is not None and is_idle and self.is_alive:
            with anyio.move_on_after(_STORE_SECONDS, shield=True), suppress(TinyMoAError):
                await self._ask({"op": "store"})
        await self._child.kill()
        self._flags.forget_file()

    # -- exchanges ----------------------------------------------------------------------------------------------------

    async def _ask(self, message: Frame) -> Frame:
        """Send a request that no flag stops, and give its answer."""
        with self._calls.open() as call:
            await self._calls.send({**message, "id": call})
            return await self._ending(call, ignore)

    async def _exchange(self, message: Frame, deadline: float, hear: Hear) -> Frame | None:
        """Send a request and give its last event; `None` when the deadline passed and the worker had to be killed.

        However it is left, the worker has stopped the call or is dead.
        """
        if not self._free_flags:
            raise RuntimeError(f"{self.slots} calls are in flight, as many as the runtime has slots")
        flag = self._free_flags.pop()
        try:
            self._flags[flag].lower()
            if deadline <= anyio.current_time():  # or a fast worker would write before it is told to stop
                self._flags[flag].raise_()
            self._is_parked = False
            with self._calls.open() as call:
                return await self._followed({**message, "id": call, "flag": flag}, deadline, hear)
        finally:
            self._free_flags.append(flag)

    async def _followed(self, message: Frame, deadline: float, hear: Hear) -> Frame | None:
        call, flag = message["id"], message["flag"]
        is_over = False

        def follow(event: Frame) -> None:
            nonlocal is_over
            is_over = event["event"] in ("done", "error")
            if not is_over:
                hear(event)

        try:
            await self._calls.send(message)
            with anyio.CancelScope(deadline=deadline):
                return await self._ending(call, follow)
            return await self._halt(call, flag, follow)
        finally:
            if not is_over and self.is_alive:
                with suppress(TinyMoAError):
                    await self._halt(call, flag, ignore)

    async def _halt(self, call: int, flag: int, hear: Hear) -> Frame | None:
        """Raise the flag and wait, shielded, for the last event; kill a worker that is not heard."""
        self._flags[flag].raise_()
        with anyio.move_on_after(_MOST_GRACE_SECONDS, shield=True):
            while True:
                asked_at = anyio.current_time()
                with anyio.move_on_after(GRACE_SECONDS):
                    await self._calls.send({"notice": "stop"})
                    return await self._ending(call, hear)
                if self._calls.heard_at < asked_at:
                    break
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
            if event.get("event") in ("phase", "token"):
                self._count_token(event)
                hear(event)
                continue
            self._statistics = statistics_of(event.get("statistics", {}))
            if event.get("event") == "done":
                hear(event)
                return event
            hear({**event, "event": "error"})
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
        if event["event"] == "token":
            self._statistics = replace(self._statistics, generated_tokens=self._statistics.generated_tokens + 1)


class LlamaLauncher:
    """Starts workers. Implements `Launcher`."""

    def __init__(self, threads: int) -> None:
        """Take the number of threads of each model.

        With 0 it is as many as this process may use, at most 8, and fewer while that is faster.
        """
        self._threads = threads or usable_threads()
        self._tunes_threads = threads == 0

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> LlamaRuntime:
        """Load a model in a new process; see `Launcher`."""
        if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
            raise EngineMissing(
                f'the package {missing[0]!r} is not installed, and models need it; run: pip install "tiny-moa[llama]"'
            )
        child = ChildProcess(WORKER, f"the process of model {spec.name!r}", ENVIRON)
        runtime = LlamaRuntime(spec.name, child, options)
        try:
            await runtime.load(weights, threads=self._threads, tunes_threads=self._tunes_threads)
        except BaseException:
            await runtime.aclose()
            raise
        return runtime
