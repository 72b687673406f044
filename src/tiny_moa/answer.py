"""What a question got and how: `Answer`, `Trace` and its steps as values, and an answer put together from them; asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

from tiny_moa.brain import BRAIN, Route, disagreements, under_headings
from tiny_moa.errors import NoAnswer
from tiny_moa.experts.base import Abstention, Proposal, Status
from tiny_moa.experts.checks import Check
from tiny_moa.models.runtime import Usage


@dataclass(frozen=True)
class TraceStep:
    """What one expert did.

    Attributes:
        expert: Its name.
        models: The models that wrote for it, without repeats.
        prompt: What it was asked.
        outcome: What it proposed, or why it abstained.
        seconds: How long it took, with waiting and loading.
        began: When it went to work, in seconds since the question came.
        instead_of: The expert it took over from; empty when the step was its own.
    """

    expert: str
    models: tuple[str, ...]
    prompt: str
    outcome: Proposal | Abstention
    seconds: float
    began: float = 0.0
    instead_of: str = ""

    @classmethod
    def of(cls, expert: str, prompt: str, outcome: Proposal | Abstention, seconds: float, began: float = 0.0) -> TraceStep:
        """Give the step; the models are those of the outcome's attempts."""
        models = tuple(dict.fromkeys(attempt.model for attempt in outcome.attempts))
        return cls(expert, models, prompt, outcome, seconds, began)


@dataclass(frozen=True)
class Trace:
    """How an answer came about: the route, then each step in the order it ended.

    Attributes:
        route: Who was to answer, and why.
        route_seconds: How long that took to decide.
        steps: What was done, those that came to nothing included.
        parts: Which of the steps the answer is made of, by index.
        question: What was asked.
        superseded: Steps, by index, that the answer does not rest on, because another one answered the question anew.
    """

    route: Route
    route_seconds: float
    steps: tuple[TraceStep, ...]
    parts: tuple[int, ...] = ()
    question: str = ""
    superseded: tuple[int, ...] = ()


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
        trace_id: Under which the trace is kept; empty when traces are off or could not be written.
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
    trace_id: str = ""


def proposals_of(steps: Iterable[TraceStep]) -> list[Proposal]:
    """Give what the steps proposed, in their order."""
    return [step.outcome for step in steps if isinstance(step.outcome, Proposal)]


def answer_of(trace: Trace, seconds: float, titles: Mapping[str, str]) -> Answer:
    """Put the answer together from the parts that the trace names; one part is passed on unchanged.

    Raises:
        NoAnswer: No step proposed anything, or no part is left.
    """
    silent = [step for step in trace.steps if isinstance(step.outcome, Abstention)]
    parts = proposals_of(trace.steps[index] for index in trace.parts)
    if not parts:
        raise NoAnswer(f"{step.expert}: {step.outcome.reason}" for step in silent if isinstance(step.outcome, Abstention))
    proposals = proposals_of(step for place, step in enumerate(trace.steps) if place not in trace.superseded)
    notes = [note for proposal in parts for note in proposal.notes]
    notes += disagreements(parts, titles)
    notes += [_silence(step, trace.steps, titles, are_parts=len(parts) > 1) for step in silent]
    return Answer(
        text=parts[0].text if len(parts) == 1 else under_headings(parts, titles),
        status=worst(proposal.status for proposal in (parts if len(proposals) == len(parts) else proposals)),
        experts=tuple(dict.fromkeys(proposal.expert for proposal in proposals)),
        checks=tuple(check for proposal in proposals for check in proposal.checks),
        notes=tuple(dict.fromkeys(notes)),
        usage=reduce(add, (attempt.usage for step in trace.steps for attempt in step.outcome.attempts), Usage()),
        seconds=seconds,
        trace=trace,
        fields=parts[0].fields if len(parts) == 1 else {},
    )


def _silence(step: TraceStep, steps: Sequence[TraceStep], titles: Mapping[str, str], *, are_parts: bool) -> str:
    """Say in one line that an expert did not answer, why, and who took over; of a failed merge, why the parts stand apart."""
    reason = step.outcome.reason.rstrip(".") if isinstance(step.outcome, Abstention) else ""
    if step.expert == BRAIN and are_parts:
        return f"The parts stand side by side: {reason}."
    heirs = [other.expert for other in steps if other.instead_of == step.expert and isinstance(other.outcome, Proposal)]
    end = f"; {titles.get(heirs[0], heirs[0])} took over" if heirs else ""
    return f"{titles.get(step.expert, step.expert)} did not answer: {reason}{end}."


def worst(statuses: Iterable[Status]) -> Status:
    """Partial if anything is partial, verified only if everything is."""
    found = set(statuses)
    return "partial" if "partial" in found else "unverified" if "unverified" in found else "verified"
