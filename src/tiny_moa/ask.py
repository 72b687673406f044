"""`Asker`: route, propose, then aggregate; every step within one deadline, every answer with its trace."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import add
from typing import Any

import anyio

from tiny_moa.brain import BRAIN, Brain, Route, Step, under_headings, wants_verbatim
from tiny_moa.errors import InvalidRequest, NoAnswer, TinyMoAError, UnknownExpert
from tiny_moa.experts.base import Abstention, Call, Expert, Proposal, Status, Task
from tiny_moa.experts.checks import Check
from tiny_moa.models.runtime import Usage

logger = logging.getLogger(__name__)

MAX_QUESTION_CHARS = 60_000
"""More cannot be read by a small model in the time a host waits; a document belongs under a root."""
_MATERIAL_CHARS = 6_000
_ROUTE_SHARE = 3
"""Routing may take one part in this many of the time."""


@dataclass(frozen=True)
class TraceStep:
    """What one expert did.

    Attributes:
        expert: Its name.
        models: The models that wrote for it, without repeats.
        prompt: What it was asked.
        outcome: What it proposed, or why it abstained.
        seconds: How long it took, with waiting and loading.
    """

    expert: str
    models: tuple[str, ...]
    prompt: str
    outcome: Proposal | Abstention
    seconds: float


@dataclass(frozen=True)
class Trace:
    """How an answer came about: the route, then each step in the order it ended."""

    route: Route
    route_seconds: float
    steps: tuple[TraceStep, ...]


@dataclass(frozen=True)
class Answer:
    """What a question got.

    Attributes:
        text: The answer.
        status: What is known of its truth.
        experts: Whose words it is made of, in order.
        checks: What was checked, over all of them.
        fields: The answer as values, when one expert's answer was passed on unchanged.
        notes: What the reader should know, one sentence each.
        usage: Tokens and times, over all of them.
        seconds: How long it took in all.
        trace: How it came about.
    """

    text: str
    status: Status
    experts: tuple[str, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    usage: Usage
    seconds: float
    trace: Trace
    fields: Mapping[str, Any] = field(default_factory=dict)


class Asker:
    """The whole pipeline over one team of experts."""

    def __init__(self, brain: Brain, experts: Mapping[str, Expert]) -> None:
        self._brain = brain
        self._experts = experts
        self._titles = {name: expert.spec.title for name, expert in experts.items()} | {BRAIN: "Brain"}

    async def ask(self, question: str, call: Call) -> Answer:
        """Answer a question by whoever is best for it.

        Args:
            question: In any language; documents are named by their path under a root or their `doc://` URI.
            call: The bounds.

        Raises:
            InvalidRequest: The question is empty or too long.
            NoAnswer: Every expert abstained, the Brain included.
        """
        check_text("question", question)
        began = anyio.current_time()
        route = await self._brain.route(question, call.until(began + (call.deadline - began) / _ROUTE_SHARE))
        route_seconds = anyio.current_time() - began
        steps = await self._follow(question, route, call)
        return _answer(Trace(route, route_seconds, tuple(steps)), anyio.current_time() - began, self._titles)

    async def ask_expert(self, name: str, task: Task, call: Call) -> Answer:
        """Ask one expert, without routing.

        Raises:
            UnknownExpert: There is none of that name.
            InvalidRequest: The task is empty or too long.
            NoAnswer: The expert abstained.
            TinyMoAError: What it raised, unchanged.
        """
        if (expert := self._experts.get(name)) is None:
            raise UnknownExpert(name, self._experts)
        check_text("task", task.text)
        began = anyio.current_time()
        call.listener.stage(name)
        outcome = await expert.propose(task, call)
        step = _trace(name, task.text, outcome, anyio.current_time() - began)
        trace = Trace(Route((Step(name, task.text),), "caller"), 0.0, (step,))
        return _answer(trace, step.seconds, self._titles)

    async def _follow(self, question: str, route: Route, call: Call) -> list[TraceStep]:
        """Run a route priority by priority, then let the Brain do what is left."""
        done: list[TraceStep] = []
        material = ""
        groups = [tuple(group) for _, group in groupby(route.steps, key=lambda step: step.priority)]
        left = len(route.steps) + self._is_finished_by_brain(question, groups)
        for group in groups:
            fresh: list[TraceStep] = []
            for step in group:
                fresh.append(await self._step(step, material, _share(call, parts=left)))
                left -= 1
            material = "\n\n".join(proposal.text for proposal in _proposals(fresh)) or material
            done += fresh
        return [*done, *await self._finish(question, done, groups, call)]

    def _is_finished_by_brain(self, question: str, groups: Sequence[Sequence[Step]]) -> bool:
        """Whether the Brain has work after the route when all goes well, so that time is kept for it."""
        if not groups:
            return False
        return len(groups[-1]) > 1 or (self._is_document(groups[-1][-1].expert) and not wants_verbatim(question))

    async def _step(self, step: Step, material: str, call: Call) -> TraceStep:
        prompt = self._brain.continue_with(step.prompt, material, max_chars=_MATERIAL_CHARS) if material else step.prompt
        return await self._record(step.expert, prompt, self._experts[step.expert].propose(Task(prompt), call), call)

    async def _finish(
        self, question: str, done: Sequence[TraceStep], groups: Sequence[Sequence[Step]], call: Call
    ) -> list[TraceStep]:
        """What the Brain adds: the whole answer, an answer drawn from a document, a merge, or nothing."""
        proposals = _proposals(done)
        if not proposals:
            if any(self._is_document(step.expert) for step in done):
                return []  # an answer about a document that could not be read would be a guess
            return [await self._record(BRAIN, question, self._brain.answer(question, call), call)]
        last = proposals[-1]
        if self._is_document(last.expert) and not wants_verbatim(question):
            prompt = self._brain.continue_with(question, last.text, max_chars=_MATERIAL_CHARS)
            return [await self._record(BRAIN, prompt, self._brain.answer(prompt, call), call)]
        if len(side_by_side := proposals[-len(groups[-1]) :]) > 1:
            return [await self._record(BRAIN, question, self._brain.aggregate(question, side_by_side, call), call)]
        return []

    def _is_document(self, expert: str) -> bool:
        return expert in self._experts and self._experts[expert].spec.kind == "documents"

    async def _record(self, name: str, prompt: str, work: Awaitable[Proposal | Abstention], call: Call) -> TraceStep:
        """Await one expert's work; an error of ours is an abstention with its text as the reason."""
        call.listener.stage(name)
        began = anyio.current_time()
        outcome: Proposal | Abstention
        try:
            outcome = await work
        except TinyMoAError as exc:
            logger.info("%s abstains: %s", name, type(exc).__name__)
            outcome = Abstention(name, str(exc))
        return _trace(name, prompt, outcome, anyio.current_time() - began)


def check_text(name: str, text: str) -> None:
    """Refuse an empty or overlong text.

    Raises:
        InvalidRequest: It is one of the two.
    """
    if not text.strip():
        raise InvalidRequest(f"the {name} is empty; say what you want to know")
    if len(text) > MAX_QUESTION_CHARS:
        raise InvalidRequest(
            f"the {name} has {len(text)} characters and at most {MAX_QUESTION_CHARS} are read; "
            "shorten it, or put the text into a file under a root and name the file"
        )


def _share(call: Call, *, parts: int) -> Call:
    """The call with an equal share of the time that is left."""
    now = anyio.current_time()
    return call.until(now + (call.deadline - now) / max(parts, 1)) if parts > 1 else call


def _trace(name: str, prompt: str, outcome: Proposal | Abstention, seconds: float) -> TraceStep:
    models = tuple(dict.fromkeys(attempt.model for attempt in outcome.attempts)) if isinstance(outcome, Proposal) else ()
    return TraceStep(name, models, prompt, outcome, seconds)


def _proposals(steps: Sequence[TraceStep]) -> list[Proposal]:
    return [step.outcome for step in steps if isinstance(step.outcome, Proposal)]


def _answer(trace: Trace, seconds: float, titles: Mapping[str, str]) -> Answer:
    """Put the answer together from what the steps left.

    Raises:
        NoAnswer: No step proposed anything.
    """
    proposals = _proposals(trace.steps)
    silent = [step.outcome for step in trace.steps if isinstance(step.outcome, Abstention)]
    if not proposals:
        raise NoAnswer(f"{abstention.expert}: {abstention.reason}" for abstention in silent)
    parts = _final_parts(trace, proposals)
    notes = [note for proposal in parts for note in proposal.notes]
    notes += [f"{titles[abstention.expert]} did not answer: {abstention.reason}." for abstention in silent]
    return Answer(
        text=parts[0].text if len(parts) == 1 else under_headings(parts, titles),
        status=_worst(proposal.status for proposal in (parts if len(proposals) == len(parts) else proposals)),
        experts=tuple(dict.fromkeys(proposal.expert for proposal in proposals)),
        checks=tuple(check for proposal in proposals for check in proposal.checks),
        notes=tuple(notes),
        usage=reduce(add, (attempt.usage for proposal in proposals for attempt in proposal.attempts), Usage()),
        seconds=seconds,
        trace=trace,
        fields=parts[0].fields if len(parts) == 1 else {},
    )


def _final_parts(trace: Trace, proposals: Sequence[Proposal]) -> Sequence[Proposal]:
    """The Brain's word or the end of the chain; all of the last priority when they stand side by side unmerged."""
    if proposals[-1].expert == BRAIN or not trace.route.steps:
        return proposals[-1:]
    last = {step.expert for step in trace.route.steps if step.priority == trace.route.steps[-1].priority}
    return [proposal for proposal in proposals if proposal.expert in last] or proposals[-1:]


def _worst(statuses: Iterable[Status]) -> Status:
    """Partial if anything is partial, verified only if everything is."""
    found = set(statuses)
    return "partial" if "partial" in found else "unverified" if "unverified" in found else "verified"
