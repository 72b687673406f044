"""Fakes that stand behind the product's own seams and keep the real things' rules.

`ScriptedRuntime` stands in for a loaded model and `ScriptedLauncher` for what loads one. The contract tests run the same
assertions on them and on the real runtime. What they cannot do: read the prompt, keep to a schema (the script must), draw by
`sampling`, notice a loop, or run out of context while they write. A token is a word or a sign, with the blanks before it, and
its log-probability is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.lowlevel

from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import ContextExceeded, DeadlineExceeded, InvalidRequest, WorkerFailed
from tiny_moa.models.answer_text import AnswerText
from tiny_moa.models.runtime import (
    MOST_SAMPLES,
    Completion,
    CompletionRequest,
    Finish,
    Listener,
    LoadOptions,
    Message,
    Phase,
    RuntimeStatistics,
    Usage,
)

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
_MARKUP_TOKENS = 4
"""What the chat format adds to each message."""


@dataclass(frozen=True)
class Reply:
    """One scripted answer, and what happens on the way.

    Attributes:
        text: What is written; when it begins with the request's `opening`, that is not written twice.
        finish: Why it ends when nothing else ends it.
        wait: Waited for before token number `after`; a deadline or a cancellation ends the waiting.
        error: Raised before token number `after`. A `WorkerFailed` also ends the runtime.
        after: How many tokens are written before `wait` and `error`.
    """

    text: str = ""
    finish: Finish = "stop"
    wait: anyio.Event | None = None
    error: Exception | None = None
    after: int = 0


Answer = str | Reply
Script = Answer | Sequence[Answer] | Callable[[CompletionRequest], Answer]
Scores = Callable[[CompletionRequest, Sequence[str]], Sequence[float]]


class ScriptedRuntime:
    """A model that answers by a script: one answer for ever, a list of them in order, or a function of the request.

    A fan-out asks the script once for each answer, a function with the seed that answer is drawn with.

    Attributes:
        requests: Every request so far, in order, scored ones included; a fan-out is one.
        is_closed: Whether `aclose` was called.
        is_parked: Whether `park` was called and nothing since.
        weights_bytes: What `resident_bytes` says while it is parked.
        context_bytes: What it says more while it is not.
    """

    def __init__(
        self,
        script: Script = "",
        *,
        name: str = "scripted",
        context_tokens: int = 4096,
        slots: int = 4,
        scores: Scores | None = None,
    ) -> None:
        self._script = script if isinstance(script, str | Reply) or callable(script) else list(script)
        self._name = name
        self._context_tokens = context_tokens
        self._slots = slots
        self._scores = scores
        self._in_flight = 0
        self._kept: set[tuple[Message, ...]] = set()
        self._statistics = RuntimeStatistics()
        self._is_dead = False
        self.requests: list[CompletionRequest] = []
        self.is_closed = False
        self.is_parked = False
        self.weights_bytes = 0
        self.context_bytes = 0

    @property
    def is_alive(self) -> bool:
        return not (self._is_dead or self.is_closed)

    @property
    def slots(self) -> int:
        return self._slots

    def resident_bytes(self) -> int:
        return 0 if not self.is_alive else self.weights_bytes + (0 if self.is_parked else self.context_bytes)

    async def park(self) -> None:
        self._check_alive()
        if self._in_flight:
            raise RuntimeError(f"{self._in_flight} calls are in flight; a runtime is parked when nobody uses it")
        await anyio.lowlevel.checkpoint()
        self.is_parked = True

    def statistics(self) -> RuntimeStatistics:
        return self._statistics

    def die(self) -> None:
        """End as a killed process does: the next token or call raises `WorkerFailed`."""
        self._is_dead = True

    async def aclose(self) -> None:
        self.is_closed = True

    async def complete(self, request: CompletionRequest, *, deadline: float, listener: Listener) -> Completion:
        (completion,) = await self.sample(request, 1, deadline=deadline, listener=listener)
        return completion

    async def sample(self, request: CompletionRequest, n: int, *, deadline: float, listener: Listener) -> tuple[Completion, ...]:
        if not 1 <= n <= MOST_SAMPLES:
            raise InvalidRequest(f"{n} answers; 1 to {MOST_SAMPLES} are possible")
        with self._call(request) as usage:
            replies = [self._next(_seeded(request, index)) for index in range(n)]
            listener.phase("reading", self._name)
            await anyio.lowlevel.checkpoint()
            self._keep(request, usage)
            listener.phase("writing", self._name)
            copied = replace(usage, cached_tokens=usage.prompt_tokens)
            costs = [usage, *[copied] * (n - 1)]
            return tuple(
                [await self._answer(request, reply, cost, deadline, listener) for reply, cost in zip(replies, costs, strict=True)]
            )

    async def _answer(
        self, request: CompletionRequest, reply: Reply, usage: Usage, deadline: float, listener: Listener
    ) -> Completion:
        answer = AnswerText(request.stops, request.opening)
        finish, written = await self._write(request, reply, answer, deadline, listener)
        if rest := answer.finish():
            listener.wrote(rest)
        found = (0.0,) * written if request.wants_log_probabilities else ()
        return Completion(answer.text, finish, replace(usage, completion_tokens=written), found)

    async def _write(
        self, request: CompletionRequest, reply: Reply, answer: AnswerText, deadline: float, listener: Listener
    ) -> tuple[Finish, int]:
        tokens = _TOKEN.findall(reply.text.removeprefix(request.opening))
        for written in range(len(tokens) + 1):
            if written == min(reply.after, len(tokens)):
                await self._interrupt(reply, deadline)
            await anyio.lowlevel.checkpoint()
            self._check_alive()
            if anyio.current_time() >= deadline:
                return "deadline", written
            if written == len(tokens):
                break
            if written == min(request.max_tokens, self._context_tokens - _prompt_tokens(request)):
                return "length", written
            self._count(generated_tokens=1, evaluated_tokens=1)
            listener.wrote(answer.add(tokens[written].encode()))
            if answer.is_stopped:
                return "stop", written + 1
        return reply.finish, len(tokens)

    async def _interrupt(self, reply: Reply, deadline: float) -> None:
        if reply.wait is not None:
            with anyio.CancelScope(deadline=deadline):
                await reply.wait.wait()
        if reply.error is not None:
            self._is_dead = self._is_dead or isinstance(reply.error, WorkerFailed)
            raise reply.error

    async def score(self, request: CompletionRequest, labels: Sequence[str], *, deadline: float) -> tuple[float, ...]:
        with self._call(request) as usage:
            self._keep(request, usage)
            await anyio.lowlevel.checkpoint()
            if anyio.current_time() >= deadline:
                raise DeadlineExceeded(f"model {self._name!r} had no time to score {len(labels)} labels")
            weights = self._scores(request, labels) if self._scores else [1.0] * len(labels)
            return tuple(weight / sum(weights) for weight in weights)

    @contextmanager
    def _call(self, request: CompletionRequest) -> Iterator[Usage]:
        """Take one of the slots; a parked runtime wakes, without what it had kept."""
        if self._in_flight == self._slots:
            raise RuntimeError(f"{self._in_flight} calls are in flight, as many as the runtime has slots")
        usage = self._begin(request)
        self._in_flight += 1
        self.is_parked = False
        try:
            yield usage
        finally:
            self._in_flight -= 1

    def _begin(self, request: CompletionRequest) -> Usage:
        self._check_alive()
        self.requests.append(request)
        self._count(requests=1)
        prompt_tokens = _prompt_tokens(request)
        if prompt_tokens >= self._context_tokens:
            raise ContextExceeded(self._name, prompt_tokens, self._context_tokens)
        fixed = request.messages[: request.fixed_messages]
        return Usage(prompt_tokens=prompt_tokens, cached_tokens=_tokens_of(fixed) if fixed in self._kept else 0)

    def _keep(self, request: CompletionRequest, usage: Usage) -> None:
        if fixed := request.messages[: request.fixed_messages]:
            self._kept.add(fixed)
        self._count(evaluated_tokens=usage.prompt_tokens - usage.cached_tokens, cached_tokens=usage.cached_tokens)

    def _next(self, request: CompletionRequest) -> Reply:
        answer: Answer
        if isinstance(self._script, list):
            assert self._script, f"the script of {self._name!r} has no answer left for {request}"
            answer = self._script.pop(0)
        else:
            answer = self._script(request) if callable(self._script) else self._script
        return Reply(answer) if isinstance(answer, str) else answer

    def _check_alive(self) -> None:
        if not self.is_alive:
            raise WorkerFailed(f"the scripted model {self._name!r} has ended; call again, a new one is started")

    def _count(self, **more: int) -> None:
        now = self._statistics
        self._statistics = replace(now, **{name: getattr(now, name) + count for name, count in more.items()})


class ScriptedLauncher:
    """Loads scripted models.

    Attributes:
        launches: Each load that began: the model's name and its weights.
        options: The options of each of them.
        runtimes: Each runtime that was loaded, in order.
        wait: Waited for in every load, until it is set to `None`.
        error: Raised by every load, until it is set to `None`.
    """

    def __init__(
        self,
        script: Script = "",
        *,
        build: Callable[[ModelSpec], ScriptedRuntime] | None = None,
        wait: anyio.Event | None = None,
        error: Exception | None = None,
    ) -> None:
        """Take one script for all models, or a function that makes the runtime of each."""
        self._script = script
        self._build = build
        self.wait = wait
        self.error = error
        self.launches: list[tuple[str, Path]] = []
        self.options: list[LoadOptions] = []
        self.runtimes: list[ScriptedRuntime] = []

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> ScriptedRuntime:
        self.launches.append((spec.name, weights))
        self.options.append(options)
        await anyio.lowlevel.checkpoint()
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        made = ScriptedRuntime(self._script, name=spec.name, context_tokens=options.context_tokens, slots=options.slots)
        runtime = made if self._build is None else self._build(spec)
        self.runtimes.append(runtime)
        return runtime


@dataclass
class Recorder:
    """A listener that keeps what it hears.

    Attributes:
        phases: Each phase with its subject.
        tokens: The text of each token.
        stages: Who went to work, in order.
        on_token: Called after each token with the number heard so far.
    """

    phases: list[tuple[Phase, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    on_token: Callable[[int], None] | None = None

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def phase(self, phase: Phase, subject: str) -> None:
        self.phases.append((phase, subject))

    def wrote(self, text: str) -> None:
        self.tokens.append(text)
        if self.on_token is not None:
            self.on_token(len(self.tokens))

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def _seeded(request: CompletionRequest, index: int) -> CompletionRequest:
    if not index:
        return request
    return replace(request, sampling=request.sampling.model_copy(update={"seed": request.sampling.seed + index}))


def _tokens_of(messages: Sequence[Message]) -> int:
    return sum(_MARKUP_TOKENS + len(_TOKEN.findall(message.content)) for message in messages)


def _prompt_tokens(request: CompletionRequest) -> int:
    raw = sum(1 if piece.is_mark else len(_TOKEN.findall(piece.text)) for piece in request.raw)
    return _tokens_of(request.messages) + raw + len(_TOKEN.findall(request.opening))
