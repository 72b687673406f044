"""What an expert is: the `Expert` protocol, the values it takes and gives, and a model asked through templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import anyio

from tiny_moa.catalog import ExpertSpec, ModelSpec
from tiny_moa.experts.checks import Check
from tiny_moa.experts.thinking import ThinkingBudget, complete_in_budget
from tiny_moa.models.families import FAMILIES, split_thoughts
from tiny_moa.models.pool import ModelPool
from tiny_moa.models.runtime import Completion, CompletionRequest, Finish, Listener, Message, Runtime, Usage
from tiny_moa.templates import Template, TemplateLibrary

Status = Literal["verified", "unverified", "partial"]
"""`verified`: a check that is not a language model settled the answer. `partial`: the deadline or a limit cut it off."""


@dataclass(frozen=True)
class Call:
    """The bounds of one call, handed down through every step of it.

    Attributes:
        deadline: Time on the event loop's clock at which to return what there is.
        max_tokens: Most tokens one expert writes.
        listener: Hears what is going on.
    """

    deadline: float
    max_tokens: int
    listener: Listener

    def until(self, deadline: float) -> Call:
        """Give the same call with an earlier deadline; a later one changes nothing."""
        return replace(self, deadline=min(deadline, self.deadline))


@dataclass(frozen=True)
class Task:
    """What an expert is asked.

    Attributes:
        text: The request, in the user's or the Brain's words.
        language: The programming language wanted, for experts that write code.
        tools: The tools on offer, for experts that propose calls: objects with `name`, `description`, `parameters`.
        documents: Documents and folders to look at, for the expert that reads them; those that the text names when empty.
        wants_answer: Whether that expert is to answer the text from them, rather than to give their own text.
        tests: Python asserts that code must pass.
        prefix: Code before a gap that is to be filled in.
        suffix: Code behind it.
    """

    text: str
    language: str = "python"
    tools: tuple[Mapping[str, Any], ...] = ()
    documents: tuple[str, ...] = ()
    wants_answer: bool = False
    tests: str = ""
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True)
class Attempt:
    """One time a model wrote for a proposal.

    Attributes:
        model: Its name in the catalogue.
        template: Name and digest of the template it was asked with, or `fill-in marks`.
        finish: Why it stopped.
        usage: What it cost.
        thoughts: What it wrote for itself before the answer.
        instead_of: The model it stood in for, because that one's file is not here; empty when it is the first choice.
    """

    model: str
    template: str
    finish: Finish
    usage: Usage
    thoughts: str = ""
    instead_of: str = ""


@dataclass(frozen=True)
class Proposal:
    """What an expert answers.

    Attributes:
        expert: Its name.
        text: The answer as a person reads it.
        status: What is known of its truth.
        checks: What was checked, in order.
        attempts: The models' work behind it; empty when no model was needed.
        fields: The answer as values, such as `command` or `calls`, for programs.
        notes: What the reader should know, one sentence each.
        minutes: What happened on the way, for the trace alone: plain values, none of which go into a reply.
    """

    expert: str
    text: str
    status: Status
    checks: tuple[Check, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    minutes: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Abstention:
    """An expert that did not answer, why, and the models' work that came to nothing."""

    expert: str
    reason: str
    attempts: tuple[Attempt, ...] = ()


class Expert(Protocol):
    """One expert of the team."""

    @property
    def spec(self) -> ExpertSpec:
        """Its table in the catalogue."""

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """Answer a task within the bounds of the call.

        A deadline gives a partial proposal when there is text, and raises when there is none.

        Raises:
            RequestError: The task cannot be served as it is.
            ModelError: The model could not do its part.
            DocumentError: A document could not be read.
        """


class TemplatedModel:
    """One model, asked in the words of a template; another one stands in for it while its file is not here."""

    def __init__(
        self, spec: ModelSpec, pool: ModelPool, templates: TemplateLibrary, *, stand_ins: tuple[ModelSpec, ...] = (),
        is_present: Callable[[ModelSpec], bool] = lambda spec: True,
    ) -> None:  # fmt: skip
        """Take the model.

        Args:
            spec: The first choice.
            pool: What lends models.
            templates: Where the words come from.
            stand_ins: Further choices, the best first; those that cannot run here at all are passed over.
            is_present: Tells whether a model's file is on this machine; asked anew for each call.
        """
        chain = (spec, *stand_ins)
        self._chain = tuple(choice for choice in chain if not choice.unavailable) or chain
        self._is_present = is_present
        self._pool = pool
        self._templates = templates

    @property
    def spec(self) -> ModelSpec:
        """The model that would answer now: the first whose file is here, and the first of all when none is."""
        return next(filter(self._is_present, self._chain), self._chain[0])

    async def write(
        self, template: str, values: Mapping[str, str], call: Call, *, schema: Mapping[str, Any] | None = None, opening: str = "",
        stops: tuple[str, ...] = (), sampling: Mapping[str, Any] | None = None,
    ) -> tuple[Completion, Attempt]:  # fmt: skip
        """Fill a template and have the model complete it.

        Args:
            template: The template's name.
            values: One value for each of its holes.
            call: The bounds.
            schema: A JSON Schema that binds the reply.
            opening: Text that the reply is made to begin with.
            stops: Texts that end the reply, besides the model's own.
            sampling: Fields of the model's sampling to replace, such as its temperature.

        Raises:
            TemplateError: The values are not the template's holes.
            ModelError: The model could not do it.
        """
        words, spec = self._templates.get(template), self.spec
        bounds = _Bounds(call.max_tokens, schema, opening, stops, sampling or {})
        request = _request(words, values, spec, bounds)
        async with self._pool.lease(spec, deadline=call.deadline, listener=call.listener) as runtime:
            completion, was_cut = await self._completed(runtime, request, spec, bounds, call)
        completion, attempt = self._attempt(words, spec, bounds, completion)
        return completion, replace(attempt, thoughts=f"{attempt.thoughts} [… ended by its budget]") if was_cut else attempt

    async def _completed(
        self, runtime: Runtime, request: CompletionRequest, spec: ModelSpec, bounds: _Bounds, call: Call
    ) -> tuple[Completion, bool]:
        """Complete a request, a thinker's within its budget; also tells whether the budget ended its thought."""
        if not (spec.thinking_tokens and bounds.is_free):
            return await runtime.complete(request, deadline=call.deadline, listener=call.listener), False
        now = anyio.current_time()
        until = now + (call.deadline - now) * spec.thinking_share
        budget = ThinkingBudget(spec.thinking_tokens, until, call.max_tokens)
        return await complete_in_budget(runtime, request, budget, deadline=call.deadline, listener=call.listener)

    async def sample(
        self, template: str, values: Mapping[str, str], call: Call, n: int, *, opening: str = "", stops: tuple[str, ...] = (),
        sampling: Mapping[str, Any] | None = None,
    ) -> tuple[tuple[Completion, Attempt], ...]:  # fmt: skip
        """Fill a template once and have the model complete it `n` times, computed side by side.

        Arguments and errors are those of `write`; answer k is drawn with the seed plus k, so a temperature of 0 gives
        the same answer `n` times.
        """
        words, spec = self._templates.get(template), self.spec
        bounds = _Bounds(call.max_tokens, None, opening, stops, sampling or {})
        request = _request(words, values, spec, bounds)
        async with self._pool.lease(spec, deadline=call.deadline, listener=call.listener) as runtime:
            completions = await runtime.sample(request, n, deadline=call.deadline, listener=call.listener)
        return tuple(self._attempt(words, spec, bounds, completion) for completion in completions)

    async def fill_in(self, before: str, after: str, call: Call) -> tuple[Completion, Attempt] | None:
        """Have the model write what belongs between two texts, with its family's own marks.

        Returns:
            What it wrote, or `None` when the model that would answer was not trained to.

        Raises:
            ModelError: The model could not do it.
        """
        spec = self.spec
        marks = FAMILIES[spec.family].fill_in if spec.fills_in else None
        if marks is None:
            return None
        request = CompletionRequest((), call.max_tokens, spec.sampling, spec.stops, raw=marks.pieces(before, after))
        async with self._pool.lease(spec, deadline=call.deadline, listener=call.listener) as runtime:
            completion = await runtime.complete(request, deadline=call.deadline, listener=call.listener)
        return completion, self._written(spec, "fill-in marks", completion)

    def _attempt(
        self, words: Template, spec: ModelSpec, bounds: _Bounds, completion: Completion
    ) -> tuple[Completion, Attempt]:  # fmt: skip
        """Part thoughts from the answer and write down what it cost."""
        thoughts, answer = "", completion.text
        if bounds.is_free:
            thoughts, answer = split_thoughts(answer, is_thinker=spec.thinking_tokens > 0)
        return replace(completion, text=answer), self._written(spec, f"{words.name}@{words.digest}", completion, thoughts)

    def _written(self, spec: ModelSpec, words: str, completion: Completion, thoughts: str = "") -> Attempt:
        first = self._chain[0].name
        return Attempt(
            spec.name, words, completion.finish, completion.usage, thoughts, instead_of="" if spec.name == first else first
        )

    async def score(
        self, template: str, values: Mapping[str, str], labels: Sequence[str], call: Call
    ) -> tuple[tuple[float, ...], Attempt]:  # fmt: skip
        """Fill a template and give the probability of each label as the whole answer, normalised over the labels.

        Nothing is written. What it cost is read off the model's counters, so it holds a little of other calls at the time.

        Raises:
            TemplateError: The values are not the template's holes.
            ModelError: The model could not do it.
        """
        words, spec = self._templates.get(template), self.spec
        messages = tuple(Message(turn.role, turn.text) for turn in words.fill(**values))
        request = CompletionRequest(messages, 1, spec.sampling, fixed_messages=words.fixed_turns)
        async with self._pool.lease(spec, deadline=call.deadline, listener=call.listener) as runtime:
            call.listener.phase("reading", spec.name)
            began, before = anyio.current_time(), runtime.statistics()
            shares = await runtime.score(request, labels, deadline=call.deadline)
            after = runtime.statistics()
        read, cached = after.evaluated_tokens - before.evaluated_tokens, after.cached_tokens - before.cached_tokens
        usage = Usage(read + cached, cached, read_seconds=anyio.current_time() - began)
        first = self._chain[0].name
        stood_in = "" if spec.name == first else first
        return shares, Attempt(spec.name, f"{words.name}@{words.digest}", "stop", usage, instead_of=stood_in)


@dataclass(frozen=True)
class _Bounds:
    """What binds one reply besides its words."""

    max_tokens: int
    schema: Mapping[str, Any] | None
    opening: str
    stops: tuple[str, ...]
    sampling: Mapping[str, Any]

    @property
    def is_free(self) -> bool:
        """Whether the model begins the reply itself, and so may think first."""
        return self.schema is None and not self.opening


def _request(words: Template, values: Mapping[str, str], spec: ModelSpec, bounds: _Bounds) -> CompletionRequest:
    return CompletionRequest(
        messages=tuple(Message(turn.role, turn.text) for turn in words.fill(**values)),
        max_tokens=bounds.max_tokens + (spec.thinking_tokens if bounds.is_free else 0),
        sampling=spec.sampling.model_copy(update=dict(bounds.sampling)),
        stops=(*spec.stops, *bounds.stops),
        schema=bounds.schema,
        opening=bounds.opening,
        fixed_messages=words.fixed_turns,
    )


def status_of(attempt: Attempt) -> Status:
    """Give the status of a text that nothing verified: partial when it was cut off, else unverified."""
    return "unverified" if attempt.finish == "stop" else "partial"


def nothing_written(attempt: Attempt) -> str:
    """Say why there is no answer."""
    if attempt.thoughts:
        return "the model was still thinking when its time or its tokens ran out; allow more of both"
    return "the model wrote nothing"


def cut_note(attempt: Attempt) -> tuple[str, ...]:
    """Say why a text was cut off, if it was, and which model was wanted, if another one stood in for it."""
    if attempt.instead_of:
        wanted = f"Model {attempt.model!r} stood in for {attempt.instead_of!r}; `tiny-moa pull {attempt.instead_of}` fetches it."
        return (*cut_note(replace(attempt, instead_of="")), wanted)
    match attempt.finish:
        case "deadline":
            return ("The deadline came first; this is what was written by then. Ask again with more seconds for the rest.",)
        case "length":
            return (f"The limit of {attempt.usage.completion_tokens} tokens came first. Ask again with a higher max_tokens.",)
        case "repetition":
            return ("The model began to repeat itself and was stopped.",)
        case "stop":
            return ()
