"""The command `route`: says where questions would go and why, one or thousands of them, without answering any."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tiny_moa.ask import check_text
from tiny_moa.brain import labels_of
from tiny_moa.errors import InvalidRequest, TinyMoAError
from tiny_moa.experts.base import Call
from tiny_moa.server.progress import Pulse
from tiny_moa.server.team import Team, build_team

if TYPE_CHECKING:
    from tiny_moa.settings import Settings


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Route one question, or every line of a JSON Lines file; 1 when a line was bad.

    Raises:
        InvalidRequest: There is no question, or there are both.
    """
    import anyio

    if bool(given.jsonl) == (given.question is not None):
        raise InvalidRequest('give one question, or --jsonl FILE with lines {"id": …, "input": …}; \'-\' reads standard input')
    if given.jsonl:
        return anyio.run(_route_lines, settings, given)
    question = sys.stdin.read() if given.question == "-" else given.question
    check_text("question", question)
    return anyio.run(_route_one, settings, question, given)


async def _route_one(settings: Settings, question: str, given: argparse.Namespace) -> int:
    async with build_team(settings) as team:
        found = await described(team, settings, question, may_ask_model=not given.no_model)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    print(" → ".join(found["route"]))
    sure = "" if found["confidence"] is None else f", sure to {found['confidence']:.0%}"
    print(f"chosen by {found['decided_by']}{sure}, in {found['milliseconds']} ms: {found['reason']}")
    for step in found["steps"]:
        print(f"  {step['priority']}. {step['expert']}: {step['prompt']}")
    return 0


async def _route_lines(settings: Settings, given: argparse.Namespace) -> int:
    source = sys.stdin if given.jsonl == "-" else _opened(given.jsonl)
    n_bad = 0
    async with build_team(settings) as team:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            try:
                name, question = parse_line(line)
                found = await described(team, settings, question, may_ask_model=not given.no_model)
            except TinyMoAError as exc:
                n_bad += 1
                print(f"line {number}: {exc}", file=sys.stderr)
                continue
            shown = found if given.json else {"route": found["route"]}
            print(json.dumps({"id": name, **shown}, ensure_ascii=False), flush=source is sys.stdin)
    if n_bad:
        print(f"tiny-moa: {n_bad} lines could not be routed", file=sys.stderr)
    return 1 if n_bad else 0


def _opened(path: str) -> TextIO:
    try:
        return Path(path).open(encoding="utf-8", errors="replace")
    except OSError as exc:
        raise InvalidRequest(f"cannot read {path!r}: {exc.strerror}; give a file, or - for standard input") from exc


def parse_line(line: str) -> tuple[Any, str]:
    """Take the identifier and the question out of one line.

    Raises:
        InvalidRequest: It is no JSON object with a text `input`, or the text is empty or too long.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f'not JSON ({exc}); a line is {{"id": …, "input": "…"}}') from exc
    if not isinstance(record, dict) or not isinstance(record.get("input"), str):
        raise InvalidRequest('no text under "input"; a line is {"id": …, "input": "…"}')
    check_text("input", record["input"])
    return record.get("id"), record["input"]


async def described(team: Team, settings: Settings, question: str, *, may_ask_model: bool) -> dict[str, Any]:
    """Route a question and describe the route as plain values."""
    import anyio

    began = time.perf_counter()
    call = Call(anyio.current_time() + settings.deadline_seconds, settings.max_tokens, Pulse())
    route = await team.brain.route(question, call, may_ask_model=may_ask_model)
    return {
        "route": list(labels_of(route)),
        "decided_by": route.decided_by,
        "confidence": route.confidence,
        "reason": route.reason,
        "milliseconds": round((time.perf_counter() - began) * 1000, 1),
        "steps": list(_steps(route.steps)),
    }


def _steps(steps: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield {"expert": step.expert, "prompt": step.prompt, "priority": step.priority}
