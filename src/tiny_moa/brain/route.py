"""Who answers a question: the route, and the cues of the catalogue when they are clear; pure, asks no model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tiny_moa.catalog import ExpertSpec

BRAIN = "brain"
"""Who answers when no expert is asked; not a name in the catalogue."""
MAX_STEPS = 5
"""A plan of more is none: five experts in a row are more than a host waits for."""

DecidedBy = Literal["caller", "signals", "cues", "classifier", "model", "plan", "fallback"]


@dataclass(frozen=True)
class Step:
    """One expert's part of a route.

    Attributes:
        expert: Its name, or the Brain's.
        prompt: What it is asked.
        priority: 1 runs first; a later priority reads what the earlier wrote, equal ones stand side by side.
        next_best: Who takes over when it does not answer, the best first; the Brain comes after them.
    """

    expert: str
    prompt: str
    priority: int = 1
    next_best: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """Who answers and why.

    Attributes:
        steps: In order of priority; none when the Brain answers itself.
        decided_by: The caller named the expert, the question shows on its face what it is, cues of a catalogue matched, the
            classifier chose, the Brain weighed the classifier's doubts, the Brain planned, or nothing else worked.
        reason: What matched, how probable it is, the Brain's thought, or what went wrong.
        confidence: How probable the step that decided takes the route to be right; `None` when it cannot say.
    """

    steps: tuple[Step, ...]
    decided_by: DecidedBy
    reason: str = ""
    confidence: float | None = None


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


_VERBATIM = re.compile(
    r"\b(?:extract|convert|transcribe|show me|give me|what is the text|full text|read (?:out|me)?)\b|텍스트|추출|변환|읽어|보여",
    re.IGNORECASE,
)


def wants_verbatim(question: str) -> bool:
    """Whether a question wants a document's text as it is, rather than an answer drawn from it."""
    return bool(_VERBATIM.search(question))
