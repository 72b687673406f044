"""The route of a request of several parts: each part's own route, joined into one graph; pure, given who chooses."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from tiny_moa.brain.language import wanted_language, without_demand
from tiny_moa.brain.parts import Part, split_request
from tiny_moa.brain.route import BRAIN, MAX_STEPS, Route, Step
from tiny_moa.catalog import ExpertSpec

_READ = re.compile(r"^(?:please\s+)?(?:read|open|load|parse|look\s+at|take)\b|(?:읽|열어|열고|보고|살펴)", re.IGNORECASE)
_DRAFT = re.compile(
    r"\b(?:draft|compose|outline|write)\b.{0,20}\b(?:e-?mail|mail|letter|message|reply|note|memo)\b|초안|(?:메일|편지|답장).{0,6}(?:써|작성)",
    re.IGNORECASE,
)
_SHORT = 8
"""A part of more words says more than to read something."""

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
    reasons = [route.reason if route is not None and route.reason else "the Brain" for route in routes]
    reason = "; ".join(f"part {number}: {why}" for number, why in enumerate(reasons, start=1))
    decided_by = next(route.decided_by for route in routes if route is not None)
    return Route(tuple(sorted(steps, key=lambda step: step.priority)), decided_by, reason, _least_sure(routes))


def _least_sure(routes: Sequence[Route | None]) -> float | None:
    """How probable the least probable part is; `None` when one is not clear or cannot say."""
    found = [route.confidence if route is not None else None for route in routes]
    return None if None in found else min(share for share in found if share is not None)


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


def plain_part(words: str, reader: ExpertSpec | None) -> Route | None:
    """Choose for a part that says nothing but to read a document, or to draft something; `None` for any other.

    A classifier of whole requests sees too little in such a part.

    Args:
        words: The part.
        reader: The expert that reads documents, if there is one.
    """
    if _DRAFT.search(words):
        return Route((), "signals", "DIRECT: a draft", confidence=1.0)
    names_one = reader is not None and reader.cue_pattern is not None and reader.cue_pattern.search(words)
    if reader is not None and names_one and _READ.search(words) and len(words.split()) <= _SHORT:
        return Route((Step(reader.name, words),), "signals", f"{reader.label}: a document to be read", confidence=1.0)
    return None


def leave_language_to_last(route: Route, rewriting: Collection[str]) -> Route:
    """Take the demand for a language out of the steps before the one that puts the answer into it."""
    last = route.steps[-1] if route.steps else None
    if last is None or last.expert not in rewriting or wanted_language(last.prompt) is None:
        return route
    steps = [replace(s, prompt=without_demand(s.prompt) or s.prompt) if s.priority < last.priority else s for s in route.steps]
    return replace(route, steps=tuple(steps))
