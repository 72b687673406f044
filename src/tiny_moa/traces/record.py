"""A run as plain values: what was asked, who did what, and what came of it, in a form that is kept as JSON; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tiny_moa.answer import Answer, Trace, TraceStep
from tiny_moa.experts.base import Proposal

Record = dict[str, Any]
VERSION = 1
MOST_BYTES = 256 * 1024
"""The size of one record; longer texts in it are cut, and the cut is marked."""
_LONGEST = 32_768
_SHORTEST = 64


def record_of(
    trace: Trace, seconds: float, *, answer: Answer | None = None, failure: str = "", titles: Mapping[str, str] | None = None
) -> Record:
    """Give the record of a run.

    Args:
        trace: How it went.
        seconds: How long it took in all.
        answer: What came of it, `None` when nothing did.
        failure: Why nothing came of it.
        titles: What people call the experts, by name.
    """
    given = None
    if answer is not None:
        given = {
            "text": answer.text,
            "status": answer.status,
            "experts": list(answer.experts),
            "notes": list(answer.notes),
            "checks": [asdict(check) for check in answer.checks],
            "fields": dict(answer.fields),
        }
    steps = [{**_step(step), "is_part": place in trace.parts} for place, step in enumerate(trace.steps)]
    return {
        "version": VERSION,
        "question": trace.question,
        "seconds": seconds,
        "answer": given,
        "failure": failure,
        "titles": dict(titles or {}),
        "route": {**asdict(trace.route), "seconds": trace.route_seconds},
        "steps": steps,
    }


def _step(step: TraceStep) -> Record:
    outcome = "proposed" if isinstance(step.outcome, Proposal) else "abstained"
    return {
        "expert": step.expert,
        "models": list(step.models),
        "prompt": step.prompt,
        "began": step.began,
        "seconds": step.seconds,
        "instead_of": step.instead_of,
        "outcome": outcome,
        **{name: value for name, value in asdict(step.outcome).items() if name != "expert"},
    }


def written(record: Mapping[str, Any], *, most_bytes: int = MOST_BYTES) -> str:
    """Write a record as JSON of at most so many bytes: the longest texts in it are cut until it fits."""
    longest = _LONGEST
    while True:
        text = json.dumps(_cut(record, longest), ensure_ascii=False, default=str)
        if len(text.encode("utf-8", "replace")) <= most_bytes or longest <= _SHORTEST:
            return text
        longest //= 2


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        kept = value.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be written
        return kept if len(kept) <= longest else f"{kept[:longest]} [… {len(kept) - longest} characters left out]"
    if isinstance(value, Mapping):
        return {str(key): _cut(inner, longest) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(inner, longest) for inner in value]
    return value
