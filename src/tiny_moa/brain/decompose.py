"""The route of a request of several parts: each part's own route, joined into one graph; pure, given who chooses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from tiny_moa.brain.language import wanted_language, without_demand
from tiny_moa.brain.parts import Part, split_request
from tiny_moa.brain.route import BRAIN, MAX_STEPS, Route, Step

Choose = Callable[[str], Route | None]
"""Chooses who answers one demand; `None` when that is not clear."""


def decompose(request: str, choose: Choose) -> Route | None:
    """Split a request and have each part chosen for.

    Returns:
        The joined route, or `None` when the request has one part, when one expert would do all of them, when it has more
        steps than a plan may have, or when a part that only an `and` splits off is not clear.
    """
    for only_sure in (False, True):
        parts = split_request(request, only_sure=only_sure)
        if len(parts) > 1 and (route := _joined(parts, [choose(part.text) for part in parts])) is not None:
            return route
    return None


def _joined(parts: Sequence[Part], routes: Sequence[Route | None]) -> Route | None:
    if any((route is None or not route.steps) and not part.is_sure for part, route in zip(parts, routes, strict=True)):
        return None
    chains = [
        list(route.steps) if route is not None and route.steps else [Step(BRAIN, part.text)]
        for part, route in zip(parts, routes, strict=True)
    ]
    _drop_repeats(parts, chains)
    steps: list[Step] = []
    begun, level = 0, 0
    for part, chain in zip(parts, chains, strict=True):
        begun = level if part.needs_earlier else begun
        first = chain[0].priority
        steps += [replace(step, priority=begun + 1 + step.priority - first) for step in chain]
        level = max(step.priority for step in steps)
    experts = {step.expert for step in steps}
    if len(experts) < 2 or len(steps) > MAX_STEPS or len(set(steps)) < len(steps):
        return None
    known = [route for route in routes if route is not None]
    reason = "; ".join(f"part {number}: {route.reason or 'the Brain'}" for number, route in enumerate(known, start=1))
    return Route(tuple(sorted(steps, key=lambda step: step.priority)), known[0].decided_by, reason)


def _drop_repeats(parts: Sequence[Part], chains: Sequence[list[Step]]) -> None:
    """Have an expert work once where one part ends with it and the next, which builds on it, begins with it.

    The part that has another expert too gives it up: its words are about more than this expert's work.
    """
    for (before, chain), part in zip(pairwise(chains), parts[1:], strict=True):
        if part.needs_earlier and before[-1].expert == chain[0].expert:
            if len(chain) > 1:
                chain.pop(0)
            elif len(before) > 1:
                before.pop()


def leave_language_to_last(route: Route, rewriting: Collection[str]) -> Route:
    """Take the demand for a language out of the steps before the one that puts the answer into it."""
    last = route.steps[-1] if route.steps else None
    if last is None or last.expert not in rewriting or wanted_language(last.prompt) is None:
        return route
    steps = [replace(s, prompt=without_demand(s.prompt) or s.prompt) if s.priority < last.priority else s for s in route.steps]
    return replace(route, steps=tuple(steps))
