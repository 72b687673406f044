"""The Brain's plan: its JSON form, and what of it the question supports; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tiny_moa.brain.route import MAX_STEPS, Route, Step
from tiny_moa.catalog import ExpertSpec


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
    """Turn the Brain's plan into a route, if the question supports all of it; else into one expert with the whole question.

    A plan is kept when it has at most `MAX_STEPS` steps, knows all of its experts, asks nothing twice, and each of its prompts is
    grounded in the question. Of any other plan only the first expert that there is remains, a grounded one before others.
    Priorities make its graph, so that it has no cycle.

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
    if plan.direct_answer:
        return Route((), "plan", plan.thinking)
    known = [agent for agent in plan.agents if agent.name in experts]
    if not known:
        return None
    if len(plan.agents) == 1 or (fault := fault_of(plan, question, experts)):
        chosen = next((agent for agent in known if is_grounded(agent.prompt, question)), known[0])
        reason = plan.thinking if len(plan.agents) == 1 else f"one expert, because {fault}"
        return Route((Step(experts[chosen.name].name, question),), "plan", reason)
    ranks = {priority: n for n, priority in enumerate(sorted({agent.priority for agent in known}), start=1)}
    steps = [Step(experts[agent.name].name, agent.prompt, ranks[agent.priority]) for agent in known]
    return Route(tuple(sorted(steps, key=lambda step: step.priority)), "plan", plan.thinking)


def fault_of(plan: Plan, question: str, experts: Collection[str]) -> str:
    """Say why a plan cannot be followed as it is; empty when it can."""
    if len(plan.agents) > MAX_STEPS:
        return f"the plan has {len(plan.agents)} steps and {MAX_STEPS} are possible"
    if strangers := [agent.name for agent in plan.agents if agent.name not in experts]:
        return f"the plan names {strangers[0][:40]!r}, and there is no such expert"
    if len({(agent.name, agent.prompt) for agent in plan.agents}) < len(plan.agents):
        return "the plan asks the same twice"
    if invented := [agent.name for agent in plan.agents if not is_grounded(agent.prompt, question)]:
        return f"the question does not ask what {invented[0]} was to do"
    return ""


_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d]+")
_STEM = 4
"""How many first letters make two words the same; of Korean, half as many syllables, because particles follow."""
_FREE = frozenset(
    ("a", "an", "and", "as", "for", "in", "into", "it", "of", "on", "please", "that", "the", "then", "this", "to", "with")
)


def is_grounded(prompt: str, question: str) -> bool:
    """Whether a prompt asks what the question does: at least half of its words are the question's, and all of its numbers."""
    words, known = _words(prompt), _words(question)
    numbers = {word for word in words if word[0].isdigit()}
    if not words or not numbers <= known:
        return False
    told = [word for word in words if word not in _FREE] or list(words)
    stems = {_stem(word) for word in known}
    return sum(_stem(word) in stems for word in told) * 2 >= len(told)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _stem(word: str) -> str:
    if word[0].isdigit():
        return word
    return word[: _STEM // 2] if "가" <= word[0] <= "힣" else word[:_STEM]
