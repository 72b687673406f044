"""One model and the calls in progress on it, each a row of steps; knows neither processes nor event loops.

A call is a generator (see `memory`): whoever runs the engine decides whose step is next. Everything is for one thread; only
stop flags may be raised from elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tiny_moa.errors import ContextExceeded, DeadlineExceeded, InvalidRequest, WeightsInvalid
from tiny_moa.models.answer_text import AnswerText
from tiny_moa.models.chat_template import ChatTemplate
from tiny_moa.models.grammar import schema_grammar
from tiny_moa.models.memory import ModelMemory, Prompt, Steps, Work
from tiny_moa.models.native import Aborted, ContextSize, NativeModel, load_library
from tiny_moa.models.native_adapter import NativeAdapter
from tiny_moa.models.prefix_store import PrefixStore, model_identity
from tiny_moa.models.runtime import (
    KEPT_PREFIXES,
    KEPT_TURN_ENDS,
    MOST_SAMPLES,
    AdapterFile,
    Completion,
    KvType,
    Message,
    Piece,
    RuntimeStatistics,
    Usage,
)
from tiny_moa.models.sampling import Sampler, SamplerOptions
from tiny_moa.models.scoring import PromptPlace, score_labels
from tiny_moa.models.stopflag import StopFlag
from tiny_moa.models.threads import ThreadTuner
from tiny_moa.models.writing import Answer, AnswerOptions, Report, write

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineOptions:
    """The size of an engine.

    Attributes:
        context_tokens: Cells of the cache, which all sequences share; at most what the model was trained for is opened.
        kv_type: How cells are stored.
        threads: Threads that compute.
        tunes_threads: Whether fewer may compute while that is faster.
        pins: How many prompt beginnings are kept that are the same in every call.
        turn_ends: How many ends of conversations' turns are kept.
        sequences: How many texts calls may work on at a time: answers of a fan-out, labels of a batch.
        batch_tokens: Longest prompt chunk; 64 reads as fast as 256 and can be stopped sooner.
        prefixes: Folder for prompt beginnings, `None` to store none.
        adapter: What is laid over the weights, `None` for nothing.
    """

    context_tokens: int = 4096
    kv_type: KvType = "f16"
    threads: int = 1
    tunes_threads: bool = False
    pins: int = KEPT_PREFIXES
    turn_ends: int = KEPT_TURN_ENDS
    sequences: int = MOST_SAMPLES + 1
    batch_tokens: int = 64
    prefixes: Path | None = None
    adapter: AdapterFile | None = None


@dataclass(frozen=True)
class EngineRequest:
    """A `CompletionRequest` as plain values that crossed a pipe; the fields mean the same."""

    messages: tuple[Message, ...]
    max_tokens: int = 1
    sampling: SamplerOptions = field(default_factory=SamplerOptions)
    stops: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    opening: str = ""
    fixed_messages: int = 0
    wants_log_probabilities: bool = False
    raw: tuple[Piece, ...] = ()


class Engine:
    """One model: loaded, and with a context unless it is parked."""

    def __init__(self, name: str, path: Path, options: EngineOptions) -> None:
        """Load a model and open its context.

        Raises:
            WeightsMissing: The file cannot be opened.
            WeightsInvalid: It is not GGUF, llama.cpp refuses it or its adapter, or it has no chat template.
            WorkerFailed: There is no memory for the context.
        """
        self.name = name
        self.calls: Callable[[], int] = lambda: 1
        """Says how many calls are in flight; whoever runs the engine sets it."""
        self._options = options
        self._counters = RuntimeStatistics()
        self._tuner = ThreadTuner.start(options.threads, is_fixed=not options.tunes_threads)
        self._memory: ModelMemory | None = None
        with ExitStack() as undo:
            self._model = NativeModel(name, path)
            undo.callback(self._model.close)
            self._template = _chat_template(name, self._model)
            self._adapter = _adapter(self._model, options)
            self._size = self._context_size(options)
            self._store = self._open_store(path)
            self._awake()
            undo.pop_all()

    def _context_size(self, options: EngineOptions) -> ContextSize:
        cells = options.context_tokens
        if self._model.trained_tokens and cells > self._model.trained_tokens:
            cells = self._model.trained_tokens
            logger.warning(
                "model %r was trained for %d tokens; its context is that, not %d", self.name, cells, options.context_tokens
            )
        return ContextSize(cells, options.sequences, options.batch_tokens, options.kv_type)

    def _open_store(self, path: Path) -> PrefixStore | None:
        if self._options.prefixes is None:
            return None
        try:
            key = f"{model_identity(path)} {self._size} {load_library().version}{_adapter_identity(self._options)}"
        except OSError as exc:
            logger.warning("prompt beginnings of model %r are not stored: %s", self.name, exc)
            return None
        return PrefixStore(self._options.prefixes, key)

    def _awake(self) -> ModelMemory:
        """Give the context, opening it when the engine is parked."""
        if self._memory is None:
            kept = (self._options.pins, self._options.turn_ends)
            self._memory = ModelMemory(self._model, self._size, kept, self._tuner, self._store, self._adapter)
            self._memory.calls = self._in_flight
        return self._memory

    def _in_flight(self) -> int:
        return self.calls()

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""
        return self._memory.cells if self._memory else self._size.cells

    @property
    def is_parked(self) -> bool:
        """Whether the context is freed."""
        return self._memory is None

    @property
    def threads(self) -> int:
        """How many threads the next step computes with."""
        return (self._memory.tuner if self._memory else self._tuner).threads

    @property
    def statistics(self) -> RuntimeStatistics:
        """The counters as they are now."""
        if self._memory is None:
            return replace(self._counters, threads=self.threads)
        evaluated = self._counters.evaluated_tokens + self._memory.evaluated_tokens
        return replace(self._counters, evaluated_tokens=evaluated, threads=self.threads, prefixes=self._memory.kept())

    def prompt(self, request: EngineRequest) -> Prompt:
        """Render and tokenise a conversation, or tokenise a raw prompt.

        Raises:
            WeightsInvalid: The model's chat template fails.
        """
        prefix: list[int] = []
        tail: list[int] = []
        for piece in request.raw:
            tail.extend(self._model.tokenise(piece.text, special=piece.is_mark))
        for segment in self._template.render(request.messages, request.fixed_messages) if not request.raw else ():
            tokens = self._model.tokenise(segment.text, special=not segment.is_content)
            (prefix if segment.is_fixed and request.fixed_messages else tail).extend(tokens)
        head = prefix or tail
        if (beginning := self._model.beginning) is not None and head[:1] != [beginning]:
            head.insert(0, beginning)
        opening = self._model.tokenise(request.opening, special=False)
        if not tail and not opening:  # the last token must be read anew: its logits are not kept
            tail = [prefix.pop()]
        return Prompt(tuple(prefix), tuple(tail), tuple(opening))

    # -- calls --------------------------------------------------------------------------------------------------------

    def complete(self, request: EngineRequest, n: int, flag: StopFlag, report: Report) -> Steps[tuple[Completion, ...]]:
        """Write `n` answers to one prompt, each with a seed of its own.

        When the flag is raised, the answers so far come back with `finish="deadline"`, whoever raised it.

        Raises:
            InvalidRequest: `n` is below 1 or above the number of sequences.
            ContextExceeded: The prompt leaves no room for a token of each answer.
            SchemaUnsupported: The schema cannot be kept.
            WeightsInvalid: The template fails, or the weights compute no numbers.
        """
        self._count(requests=1)
        if not 1 <= n <= min(MOST_SAMPLES, self._options.sequences):
            raise InvalidRequest(f"{n} answers; 1 to {min(MOST_SAMPLES, self._options.sequences)} are possible")
        memory, work, prompt = self._awake(), Work(flag), self.prompt(request)
        options = AnswerOptions(0, min(request.max_tokens, self._room(prompt, n) // n), request.wants_log_probabilities)
        with ExitStack() as stack:
            samplers = self._samplers(request, n, prompt, stack)
            report("phase", "reading", 0)
            try:
                cells = len(prompt) + n * options.max_tokens
                yield from memory.wait(n, cells, work)
                sequences = stack.enter_context(memory.lend(n, cells))
                cached, row = yield from self._read(prompt, memory, sequences, work)
            except Aborted:
                usage = Usage(len(prompt), read_seconds=self._timed(work, "read_seconds"))
                return (Completion("", "deadline", usage), *[Completion("", "deadline", Usage())] * (n - 1))
            usage = Usage(len(prompt), cached, read_seconds=self._timed(work, "read_seconds"))
            report("phase", "writing", 0)
            answers = [
                Answer(
                    replace(options, number=number), sampler, AnswerText(request.stops, request.opening), sequence, len(prompt)
                )
                for number, (sampler, sequence) in enumerate(zip(samplers, sequences, strict=True))
            ]
            yield from self._write(answers, memory, work, row, report)
        return tuple(answer.completion(_usage(usage, number, answer), report) for number, answer in enumerate(answers))

    def score(self, request: EngineRequest, labels: Sequence[str], flag: StopFlag) -> Steps[tuple[float, ...]]:
        """Give the probability of each label as the whole answer, normalised over the labels.

        A label's probability is that of its tokens and of the end after them. All labels of a batch are computed at once
        behind the prompt, each in a sequence of its own.

        Raises:
            InvalidRequest: There are no labels, or one is longer than a batch.
            ContextExceeded: The prompt leaves no room for the labels.
            DeadlineExceeded: The stop flag was raised.
        """
        self._count(requests=1)
        memory, work = self._awake(), Work(flag)
        tokens = [self._model.tokenise(label, special=False) for label in labels]
        if not tokens or max(map(len, tokens)) > memory.batch_tokens:
            raise InvalidRequest(f"{len(tokens)} labels; give one at least, each of {memory.batch_tokens} tokens at most")
        prompt = self.prompt(replace(request, opening=""))
        self._room(prompt, memory.batch_tokens)
        slots, cells = min(len(labels) + 1, self._options.sequences), len(prompt) + memory.batch_tokens
        try:
            yield from memory.wait(slots, cells, work)
            with memory.lend(slots, cells) as sequences:
                _, row = yield from self._read(prompt, memory, sequences[:1], work)
                place = PromptPlace(sequences[0], len(prompt), row)
                return (yield from score_labels(tokens, self._model, memory, work, place, sequences[1:]))
        except Aborted as exc:
            raise DeadlineExceeded(f"model {self.name!r} was stopped before it had scored {len(labels)} labels") from exc
        finally:
            self._timed(work, "read_seconds")

    # -- steps --------------------------------------------------------------------------------------------------------

    def _room(self, prompt: Prompt, least: int) -> int:
        """Give how many tokens fit behind a prompt, `least` or more."""
        room = self.context_tokens - len(prompt)
        if room < least:
            raise ContextExceeded(self.name, len(prompt), self.context_tokens)
        return room

    def _samplers(self, request: EngineRequest, n: int, prompt: Prompt, stack: ExitStack) -> list[Sampler]:
        """Make a sampler for each answer, with a seed of its own, that has taken the opening."""
        grammar = None if request.schema is None else schema_grammar(request.schema)
        samplers = []
        for number in range(n):
            options = replace(request.sampling, seed=(request.sampling.seed + number) % (1 << 32))
            samplers.append(stack.enter_context(Sampler(self._model, options, grammar)))
            samplers[-1].begin(prompt.opening)
        return samplers

    def _read(self, prompt: Prompt, memory: ModelMemory, sequences: Sequence[int], work: Work) -> Steps[tuple[int, int]]:
        """Read a prompt into the first sequence and copy it to the others; gives tokens copied and the row of the last."""
        cached, row = yield from memory.read(prompt, sequences[0], work)
        for sequence in sequences[1:]:
            memory.copy(sequences[0], sequence)
        self._count(cached_tokens=cached + (len(sequences) - 1) * len(prompt))
        return cached, row

    def _write(self, answers: Sequence[Answer], memory: ModelMemory, work: Work, row: int, report: Report) -> Steps[None]:
        def count(event: str, text: str, number: int) -> None:
            self._count(generated_tokens=1)
            report(event, text, number)

        try:
            yield from write(answers, self._model, memory, work, row, count)
        finally:
            self._count(write_seconds=sum(answer.seconds for answer in answers) + work.lap())

    def _timed(self, work: Work, counter: str) -> float:
        seconds = work.lap()
        self._count(**{counter: seconds})
        return seconds

    def _count(self, **more: float) -> None:
        now = self._counters
        self._counters = replace(now, **{name: getattr(now, name) + count for name, count in more.items()})

    # -- the end ------------------------------------------------------------------------------------------------------

    def store(self) -> None:
        """Write kept prompt beginnings to the folder for them, if there is one."""
        if self._memory is not None:
            self._memory.store()

    def park(self) -> None:
        """Store what is worth it and free the context; the weights stay mapped. No call may be in progress."""
        if self._memory is not None:
            self._memory.store()
            self._tuner = self._memory.tuner
            self._count(evaluated_tokens=self._memory.evaluated_tokens)
            self._memory.close()
            self._memory = None

    def close(self) -> None:
        """Free everything; harmless when done already."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        self._model.close()


def _usage(prompt: Usage, number: int, answer: Answer) -> Usage:
    """Give what an answer cost; the prompt was read for the first, the others copied it."""
    read = prompt if number == 0 else Usage(prompt.prompt_tokens, prompt.prompt_tokens)
    return replace(read, completion_tokens=answer.written, write_seconds=answer.seconds)


def _adapter(model: NativeModel, options: EngineOptions) -> NativeAdapter | None:
    return NativeAdapter(model, options.adapter.path, options.adapter.scale) if options.adapter else None


def _adapter_identity(options: EngineOptions) -> str:
    """What a kept beginning depends on besides the model; empty without an adapter."""
    return f" {model_identity(options.adapter.path)} {options.adapter.scale}" if options.adapter else ""


def _chat_template(name: str, model: NativeModel) -> ChatTemplate:
    if (source := model.chat_template) is None:
        raise WeightsInvalid(f"the weights of model {name!r} have no chat template; use an instruction-tuned file")
    if not model.ends:
        raise WeightsInvalid(f"the vocabulary of model {name!r} has no end token; use another file")
    return ChatTemplate(name, source, {"bos_token": model.mark("bos"), "eos_token": model.mark("eos")})
