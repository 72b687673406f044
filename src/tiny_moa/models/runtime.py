"""What it means to run a model: the `Runtime` protocol and the values that cross it; runs nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:  # the worker process imports this module and must start without the catalogue's validation library
    from tiny_moa.catalog import ModelSpec, Sampling
from tiny_moa.templates import Role

Phase = Literal["queued", "loading", "reading", "writing", "converting"]
KvType = Literal["f16", "q8_0"]
Finish = Literal["stop", "length", "deadline", "repetition"]
"""Why a completion ended: by itself, at `max_tokens`, at the deadline, or because it went in circles."""
MOST_SAMPLES = 8
"""Most answers of one fan-out; more sequences would cost hybrid models a state each."""
KEPT_PREFIXES, KEPT_TURN_ENDS = 4, 2
"""How many prompt beginnings a loaded model keeps: of those that are the same in every call, and of conversations."""
KEPT_SHARE = 0.75
"""Of a context's tokens, so many may all of them have together."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; its content is text, never markup of the chat format."""

    role: Role
    content: str


@dataclass(frozen=True)
class Piece:
    """A part of a raw prompt: text of a person, or one of the vocabulary's marks, which text never becomes."""

    text: str
    is_mark: bool = False


def _default_sampling() -> Sampling:
    from tiny_moa.catalog import Sampling

    return Sampling.model_validate({})


@dataclass(frozen=True)
class CompletionRequest:
    """What to complete and how.

    Attributes:
        messages: The conversation; the last message is answered.
        max_tokens: Most tokens to write, 1 or more.
        sampling: How tokens are drawn; a temperature of 0 always takes the likeliest.
        stops: The answer ends before the first of these texts.
        schema: A JSON Schema that binds the answer, `None` for free text. The form, types, names, choices and lengths
            are kept; limits a grammar cannot say (`pattern`, `multipleOf`, wide number ranges) are left to the caller's check.
        opening: Text the answer is made to begin with; it is part of the returned text.
        wants_log_probabilities: Whether the completion carries the log-probability of each token.
        raw: A prompt that is read as it is, without the chat template, in place of the messages; for filling in a middle.
        fixed_messages: How many leading messages are the same in every call. Everything up to the first varying
            content is read once and kept.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    sampling: Sampling = field(default_factory=_default_sampling)
    stops: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    opening: str = ""
    fixed_messages: int = 0
    wants_log_probabilities: bool = False
    raw: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Usage:
    """What a completion cost.

    Attributes:
        prompt_tokens: Tokens of the whole prompt.
        cached_tokens: Those of them that were copied instead of read.
        completion_tokens: Tokens written.
        read_seconds: Time to read the prompt.
        write_seconds: Time to write the answer.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    read_seconds: float = 0.0
    write_seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.read_seconds + other.read_seconds,
            self.write_seconds + other.write_seconds,
        )


@dataclass(frozen=True)
class Completion:
    """Text a model wrote.

    Attributes:
        text: The answer, stop strings removed; what there was so far when `finish` is `deadline`.
        finish: Why it ended.
        usage: What it cost.
        log_probabilities: Natural logarithms, one for each token written, of the probability the model gave it before
            any sampling; empty unless the request wanted them.
    """

    text: str
    finish: Finish
    usage: Usage
    log_probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class AdapterFile:
    """A LoRA adapter on this machine: its file, how strongly it counts (1 is as trained), and the bytes it adds."""

    path: Path
    scale: float
    bytes: int


@dataclass(frozen=True)
class LoadOptions:
    """How much of the machine one model may take, and what is laid over its weights.

    Attributes:
        context_tokens: Cells of the cache, shared by everything in flight; the runtime opens at most what the model was
            trained for.
        kv_type: How the cache is stored; `q8_0` takes a little more than half of `f16`.
        slots: How many calls may be in flight at a time; they take turns.
        prefixes: Folder in which kept prompt beginnings outlive the process; `None` keeps them in memory only.
        adapter: What is laid over the weights, `None` for nothing.
    """

    context_tokens: int = 4096
    kv_type: KvType = "f16"
    slots: int = 4
    prefixes: Path | None = None
    adapter: AdapterFile | None = None


@dataclass(frozen=True)
class PrefixStatistics:
    """A kept prompt beginning: its length in tokens and how often it was copied instead of read."""

    tokens: int
    hits: int


@dataclass(frozen=True)
class RuntimeStatistics:
    """A snapshot of one loaded model's counters since it was loaded.

    Attributes:
        requests: Calls answered, failed or cancelled.
        evaluated_tokens: Tokens the model computed, read and written.
        generated_tokens: Tokens written, over all calls.
        cached_tokens: Prompt tokens that were copied instead of read.
        read_seconds: Time spent computing prompts.
        write_seconds: Time spent computing answers.
        threads: Threads that compute now.
        prefixes: What is kept, the one used longest ago first.
    """

    requests: int = 0
    evaluated_tokens: int = 0
    generated_tokens: int = 0
    cached_tokens: int = 0
    read_seconds: float = 0.0
    write_seconds: float = 0.0
    threads: int = 0
    prefixes: tuple[PrefixStatistics, ...] = ()


class Listener(Protocol):
    """Hears how a call goes on; every method returns at once and may be called from the event loop only."""

    def stage(self, name: str) -> None:
        """Somebody else goes to work: `routing`, an expert by name, or `combining`."""

    def phase(self, phase: Phase, subject: str) -> None:
        """A phase begins; `subject` is the model's or the document's name."""

    def wrote(self, text: str) -> None:
        """One more token was written; `text` is what became printable by it and may be empty."""


class Runtime(Protocol):
    """One loaded model. As many tasks as it has slots may call it at a time: the pool's lease sees to that.

    One call more than that, and parking while a call is in flight, are mistakes of the caller and raise `RuntimeError`.
    """

    async def complete(self, request: CompletionRequest, *, deadline: float, listener: Listener) -> Completion:
        """Write the answer to the last message.

        Args:
            request: What to complete.
            deadline: Time on the event loop's clock (`anyio.current_time`) at which the text so far is returned
                with `finish="deadline"`.
            listener: Hears the phases `reading` and `writing`, and each token.

        Cancelling the task stops the model within one token and leaves the runtime usable.

        Raises:
            ContextExceeded: The prompt leaves no room in the context.
            SchemaUnsupported: The schema cannot be turned into a grammar.
            WorkerFailed: The model's process ended; the runtime is of no use any more.
        """

    async def sample(self, request: CompletionRequest, n: int, *, deadline: float, listener: Listener) -> tuple[Completion, ...]:
        """Write `n` answers to the same prompt, which is read once; they are computed as one batch.

        Answer number k is drawn with the seed of the request plus k. The bounds, the listener's phases and the errors are
        those of `complete`; `wrote` is heard for the tokens of all answers.

        Raises:
            InvalidRequest: `n` is below 1 or above `MOST_SAMPLES`.
        """

    async def score(self, request: CompletionRequest, labels: Sequence[str], *, deadline: float) -> tuple[float, ...]:
        """Give the probability of each label as the whole answer, normalised over the labels, in their order.

        Only the messages and `fixed_messages` of the request matter.

        Raises:
            DeadlineExceeded: The deadline passed before the labels were scored.
            ContextExceeded: The prompt leaves no room in the context.
            WorkerFailed: The model's process ended.
        """

    def statistics(self) -> RuntimeStatistics:
        """Give the counters as they are now."""

    @property
    def slots(self) -> int:
        """How many calls may be in flight at a time."""

    @property
    def is_parked(self) -> bool:
        """Whether the context is freed and only the mapped weights are held."""

    def resident_bytes(self) -> int:
        """Give the memory the runtime holds for itself now, mapped weights included; 0 when it cannot be measured."""

    async def park(self) -> None:
        """Free the context and keep the weights mapped; the next call opens a new context. No call may be in flight.

        Raises:
            WorkerFailed: The model's process ended.
        """

    @property
    def is_alive(self) -> bool:
        """Whether the runtime can take another request."""

    async def aclose(self) -> None:
        """Free the model; harmless when it is closed already."""


class Launcher(Protocol):
    """Loads models: the seam at which tests put a fake engine."""

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> Runtime:
        """Load `weights` and return when the model can answer. Cancelling stops the load and frees everything.

        Raises:
            EngineMissing: The engine package is not installed.
            WeightsInvalid: llama.cpp refuses the file.
            WorkerFailed: The model's process ended while it loaded.
        """
