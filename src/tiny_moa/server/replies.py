"""What a tool call gives back: text for the model that reads it, and the same as values for the program around it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from tiny_moa.answer import Answer, Trace, TraceStep
from tiny_moa.experts.base import Abstention, Attempt, Status
from tiny_moa.models.runtime import Usage


class Reply(BaseModel):
    """The answer and how it came about.

    `route` has `decided_by`, `reason`, `seconds` and the `plan`; what was checked has `what`, `how`, `passed`, `detail`; a step
    has `expert`, `models`, `outcome`, `seconds` and its `attempts`, each a time a model was asked, with its `model`,
    `template`, `finish`, `tokens` and `seconds`; tokens are `prompt`, `cached`, `completion`. `result` holds a `confidence`
    only where one was calibrated. They are plain objects here because this schema stands once in every tool, and hosts read
    all of it into their model's context.
    """

    answer: str
    status: Status
    partial: bool
    experts: list[str]
    route: dict[str, Any]
    checked: list[dict[str, Any]]
    notes: list[str]
    steps: list[dict[str, Any]]
    seconds: float
    tokens: dict[str, int]
    result: dict[str, Any]


def reply_of(answer: Answer) -> Reply:
    """Turn an answer into the structured part of a reply."""
    return Reply(
        answer=answer.text,
        status=answer.status,
        partial=answer.status == "partial",
        experts=list(answer.experts),
        route={**_described_route(answer.trace), "trace": answer.trace_id},
        checked=[asdict(check) for check in answer.checks],
        notes=list(answer.notes),
        steps=[_described(step) for step in answer.trace.steps],
        seconds=round(answer.seconds, 3),
        tokens=_tokens(answer.usage),
        result=dict(answer.fields),
    )


def _described_route(trace: Trace) -> dict[str, Any]:
    experts = [{"expert": step.expert, "prompt": step.prompt, "priority": step.priority} for step in trace.route.steps]
    return {
        "decided_by": trace.route.decided_by,
        "reason": trace.route.reason,
        "seconds": round(trace.route_seconds, 3),
        "plan": experts,
    }


def _described(step: TraceStep) -> dict[str, Any]:
    outcome = f"abstained: {step.outcome.reason}" if isinstance(step.outcome, Abstention) else step.outcome.status
    attempts = [] if isinstance(step.outcome, Abstention) else [_described_attempt(attempt) for attempt in step.outcome.attempts]
    return {
        "expert": step.expert,
        "models": list(step.models),
        "outcome": outcome,
        "seconds": round(step.seconds, 3),
        "attempts": attempts,
    }


def _described_attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "model": attempt.model,
        "template": attempt.template,
        "finish": attempt.finish,
        "tokens": _tokens(attempt.usage),
        "seconds": round(attempt.usage.read_seconds + attempt.usage.write_seconds, 3),
    }


def _tokens(usage: Usage) -> dict[str, int]:
    return {"prompt": usage.prompt_tokens, "cached": usage.cached_tokens, "completion": usage.completion_tokens}


def provenance(answer: Answer) -> str:
    """Say in one line, then one line a note, who made an answer, who decided that, and what was checked."""
    who = ", then ".join(
        f"{step.expert}" + (f" ({', '.join(step.models)})" if step.models else "")
        for step in answer.trace.steps
        if not isinstance(step.outcome, Abstention)
    )
    passed = [check for check in answer.checks if check.passed]
    checked = f"; passed: {', '.join(dict.fromkeys(f'{c.what} ({c.how})' for c in passed))}" if passed else ""
    failed = [check.detail or check.what for check in answer.checks if not check.passed]
    wrong = f"; FAILED: {'; '.join(failed[:3])}" if failed else ""
    head = f"[{answer.status}] by {who}; chosen by {answer.trace.route.decided_by}{checked}{wrong}; {answer.seconds:.1f} s"
    head += f"; trace {answer.trace_id}" if answer.trace_id else ""
    return "\n".join((head, *answer.notes))


def result_of(answer: Answer) -> CallToolResult:
    """Give an answer as a tool result: its text, its provenance as a block of its own, and its values."""
    content = [TextContent(type="text", text=answer.text), TextContent(type="text", text=provenance(answer))]
    return CallToolResult(content=list(content), structured_content=reply_of(answer).model_dump())
