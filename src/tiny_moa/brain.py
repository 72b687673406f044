"""The Brain: chooses who answers (cues first, then a plan by the model) and joins what they wrote; asks no expert itself."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Abstention, Call, Proposal, TemplatedModel, cut_note, status_of
from tiny_moa.templates import TemplateLibrary

logger = logging.getLogger(__name__)

BRAIN = "brain"
"""Who answers when no expert is asked; not a name in the catalogue."""
MAX_STEPS = 3
_PLAN_TOKENS = 200

DecidedBy = Literal["caller", "cues", "plan", "fallback"]


@dataclass(frozen=True)
class Step:
    """One expert's part of a route.

    Attributes:
        expert: Its name.
        prompt: What it is asked.
        priority: 1 runs first; a later priority reads what the earlier wrote, equal ones stand side by side.
    """

    expert: str
    prompt: str
    priority: int = 1


@dataclass(frozen=True)
class Route:
    """Who answers and why.

    Attributes:
        steps: In order of priority; none when the Brain answers itself.
        decided_by: The caller named the expert, the cues were clear, the Brain planned, or nothing else worked.
        reason: The cue that matched, the Brain's thought, or what went wrong.
    """

    steps: tuple[Step, ...]
    decided_by: DecidedBy
    reason: str = ""


class PlannedAgent(BaseModel):
    """One expert in the Brain's plan."""

    model_config = ConfigDict(frozen=True)

    name: str
    prompt: str
    priority: int = 1


class Plan(BaseModel):
    """The Brain's plan in its JSON form."""

    model_config = ConfigDict(frozen=True)

    thinking: str
    agents: tuple[PlannedAgent, ...]
    direct_answer: bool


# -- deciding: pure -------------------------------------------------------------------------------------------------


def route_by_cues(question: str, experts: Iterable[ExpertSpec]) -> Route | None:
    """Choose by the catalogue's cues when they are clear.

    Clear is: one expert alone; or one expert among those that work side by side, with a document read before it or a
    translation after it. The experts' `order` gives the order of work.

    Returns:
        The route, or `None` when no cue matches or several experts claim the same work equally.
    """
    hits = {expert: _matches(question, expert) for expert in experts}
    hits = {expert: found for expert, found in hits.items() if found}
    chosen: list[ExpertSpec] = []
    for order in sorted({expert.order for expert in hits}):
        rivals = sorted((e for e in hits if e.order == order), key=lambda e: -len(hits[e]))
        if len(rivals) > 1 and len(hits[rivals[0]]) == len(hits[rivals[1]]):
            return None
        chosen.append(rivals[0])
    if not chosen or len(chosen) > MAX_STEPS:
        return None
    reason = ", ".join(f"{expert.label} by {min(hits[expert], key=len)!r}" for expert in chosen)
    return Route(tuple(Step(e.name, question, n) for n, e in enumerate(chosen, start=1)), "cues", reason)


def _matches(question: str, expert: ExpertSpec) -> frozenset[str]:
    """The different texts that an expert's cues match, in lower case and shortened."""
    if expert.cue_pattern is None:
        return frozenset()
    return frozenset(match[0].strip().lower()[:40] for match in expert.cue_pattern.finditer(question)) - {""}


def plan_schema(labels: Sequence[str]) -> dict[str, Any]:
    """Give the JSON Schema that binds the Brain's plan to the experts there are."""
    agent = {
        "type": "object",
        "properties": {
            "name": {"enum": list(labels)},
            "prompt": {"type": "string", "minLength": 1, "maxLength": 200},
            "priority": {"type": "integer", "minimum": 1, "maximum": MAX_STEPS},
        },
        "required": ["name", "prompt", "priority"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "thinking": {"type": "string", "maxLength": 120},
            "agents": {"type": "array", "items": agent, "maxItems": MAX_STEPS},
            "direct_answer": {"type": "boolean"},
        },
        "required": ["thinking", "agents", "direct_answer"],
        "additionalProperties": False,
    }


def route_by_plan(text: str, question: str, experts: Mapping[str, ExpertSpec]) -> Route | None:
    """Turn the Brain's plan into a route, keeping only what the question supports.

    A prompt that shares less than half of its words with the question is replaced by the question: a small Brain
    rewrites what it should pass on. An expert is asked once, with the first of its prompts.

    Args:
        text: What the Brain wrote.
        question: The user's question.
        experts: The experts by label.

    Returns:
        The route, or `None` when the text is no plan, or plans nobody and no direct answer.
    """
    try:
        plan = Plan.model_validate_json(text)
    except ValidationError:
        return None
    agents: dict[str, PlannedAgent] = {}
    for agent in plan.agents:
        if agent.name in experts:
            agents.setdefault(agent.name, agent)
    if plan.direct_answer or not agents:
        return Route((), "plan", plan.thinking) if plan.direct_answer else None
    ranks = {priority: n for n, priority in enumerate(sorted({agent.priority for agent in agents.values()}), start=1)}
    only = len(agents) == 1
    steps = [
        Step(experts[a.name].name, question if only or not is_grounded(a.prompt, question) else a.prompt, ranks[a.priority])
        for a in agents.values()
    ]
    return Route(tuple(sorted(steps, key=lambda step: step.priority)), "plan", plan.thinking)


def is_grounded(prompt: str, question: str) -> bool:
    """Whether at least half of a prompt's words occur in the question."""
    words = re.findall(r"\w+", prompt.lower())
    known = set(re.findall(r"\w+", question.lower()))
    return bool(words) and sum(word in known for word in words) * 2 >= len(words)


_VERBATIM = re.compile(
    r"\b(?:extract|convert|transcribe|show me|give me|what is the text|full text|read (?:out|me)?)\b|텍스트|추출|변환|읽어|보여",
    re.IGNORECASE,
)


def wants_verbatim(question: str) -> bool:
    """Whether a question wants a document's text as it is, rather than an answer drawn from it."""
    return bool(_VERBATIM.search(question))


# -- doing ----------------------------------------------------------------------------------------------------------


class Brain:
    """The model that plans, answers what no expert needs to, and joins proposals."""

    def __init__(self, model: TemplatedModel, experts: Mapping[str, ExpertSpec], templates: TemplateLibrary) -> None:
        self._model = model
        self._experts = {spec.label: spec for spec in experts.values()}
        self._chain = templates.get("brain/chain", holes=("task", "material"))

    async def route(self, question: str, call: Call) -> Route:
        """Decide who answers. Never fails: without a usable plan the Brain answers itself."""
        if (route := route_by_cues(question, self._experts.values())) is not None:
            return route
        call.listener.stage("routing")
        experts = "\n".join(f"{label}: {spec.description}" for label, spec in self._experts.items())
        bounded = Call(call.deadline, min(call.max_tokens, _PLAN_TOKENS), call.listener)
        try:
            completion, _ = await self._model.write(
                "brain/plan", {"experts": experts, "question": question}, bounded, schema=plan_schema(list(self._experts))
            )
        except ModelError as exc:
            return Route((), "fallback", str(exc))
        route = route_by_plan(completion.text, question, self._experts)
        return route or Route((), "fallback", f"the plan was not usable ({completion.finish})")

    def continue_with(self, task: str, material: str, *, max_chars: int) -> str:
        """Write what the next expert of a chain is asked: its task and what the earlier ones wrote, marked as data.

        Material beyond `max_chars` characters is cut, and the cut is marked.
        """
        if len(material) > max_chars:
            material = material[:max_chars] + f"\n[… {len(material) - max_chars} more characters left out]"
        closed = material.replace("</material>", "</ material>")
        return self._chain.fill(task=task, material=closed)[-1].text

    async def answer(self, question: str, call: Call) -> Proposal | Abstention:
        """Answer directly."""
        return await self._write("brain/answer", {"question": question}, call)

    async def aggregate(self, question: str, proposals: Sequence[Proposal], call: Call) -> Proposal | Abstention:
        """Join proposals that stand side by side into one answer."""
        call.listener.stage("combining")
        notes = "\n\n".join(f"Notes of {proposal.expert.upper()}:\n{proposal.text}" for proposal in proposals)
        return await self._write("brain/aggregate", {"question": question, "notes": notes}, call)

    async def _write(self, template: str, values: Mapping[str, str], call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(template, values, call)
        if not (text := completion.text.strip()):
            return Abstention(BRAIN, "the model wrote nothing")
        return Proposal(BRAIN, text, status_of(attempt), attempts=(attempt,), notes=cut_note(attempt))


def under_headings(proposals: Sequence[Proposal], titles: Mapping[str, str]) -> str:
    """Put proposals under headings, unchanged: the answer when joining them fails."""
    return "\n\n".join(f"## {titles.get(proposal.expert, proposal.expert)}\n\n{proposal.text}" for proposal in proposals)
