"""A route as a small graph: what runs when, beside what, and what of it the answer is made of; pure, runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from tiny_moa.brain.route import Step

Lanes = tuple[tuple[Step, ...], ...]
"""Steps of one priority: the lanes run side by side, the steps of a lane one after the other."""


def stages(steps: Sequence[Step], lane_of: Callable[[str], str]) -> tuple[Lanes, ...]:
    """Order steps by priority, and those of one priority into lanes.

    A step reads what the priority before it wrote, so that the graph can have no cycle. Steps share a lane when they
    compete for the same thing: models for the one compute slot, documents for the one converter.

    Args:
        steps: In any order.
        lane_of: Names what an expert needs to itself.
    """
    by_priority = groupby(sorted(steps, key=lambda step: step.priority), key=lambda step: step.priority)
    return tuple(_lanes(tuple(group), lane_of) for _, group in by_priority)


def _lanes(steps: Sequence[Step], lane_of: Callable[[str], str]) -> Lanes:
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(lane_of(step.expert), []).append(step)
    return tuple(tuple(lane) for lane in found.values())


def turns(lanes: Lanes) -> int:
    """Give how many turns one priority takes: the length of its longest lane."""
    return max(map(len, lanes), default=0)


def final_steps(steps: Sequence[Step], *, material: Collection[str], rewriting: Collection[str]) -> tuple[Step, ...]:
    """Give the steps whose words are the answer; the others were only read by later ones.

    An expert that gives material (a document's text) is no part of the answer once somebody worked on it, and an expert
    that rewrites (a translator) puts its words in the place of all that came before.

    Args:
        steps: In order of priority.
        material: Experts that give material.
        rewriting: Experts that rewrite.
    """
    last = max((step.priority for step in steps), default=0)
    first = max((step.priority for step in steps if step.expert in rewriting), default=0)
    return tuple(step for step in steps if step.priority >= first and (step.priority == last or step.expert not in material))
