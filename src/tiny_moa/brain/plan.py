"""The Brain's plan: its JSON form, and what of it the question supports; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
