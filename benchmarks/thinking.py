"""Thinking or Instruct: two models of the catalogue as router, planner and answerer, on the same items.

    uv run --extra local --group dev python benchmarks/thinking.py MODEL MODEL --routes ROUTES.jsonl --answers SET.jsonl
        --scorer SCORER.py [--models FOLDER] [--catalog FILE] [--n 12] [--seconds 60] [--seed 1]

As router a model scores the labels, as planner it writes a plan within the grammar, as answerer it answers freely and may think
within its budget. ROUTES has lines with `input` and `expected` (`route`, `accept`), SET lines that the scorer's
`score_record(record, output)` judges. A route counts when the whole list is right, for the router of one label when the first is.
Intervals are Wilson's at 95 %. The last line of each role says who won how many of the items on which the two differ.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from tiny_moa import TinyMoAError, load_settings
from tiny_moa.brain import labels_of, load_classifier, plan_schema, route_by_plan
from tiny_moa.experts.base import Attempt, Call, TemplatedModel
from tiny_moa.server.progress import Pulse
from tiny_moa.server.team import Team, build_team

Item = dict[str, Any]
_PLAN_TOKENS, _ANSWER_TOKENS = 200, 400


@dataclass(frozen=True)
class Outcome:
    """What one model made of one item in one role; `thought` is the number of characters it thought."""

    is_right: bool
    seconds: float
    tokens: int
    thought: int
    was_cut: bool


Role = Callable[[TemplatedModel, Item], Awaitable[tuple[bool, Attempt | None]]]


def read_items(file: Path, n: int, seed: int) -> list[Item]:
    """Draw `n` items of a file, in its order; all when `n` is 0."""
    items = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    if not 0 < n < len(items):
        return items
    return [items[index] for index in sorted(random.Random(seed).sample(range(len(items)), n))]


def roles_of(team: Team, scorer: Callable[[Item, str], dict[str, float]], seconds: float) -> dict[str, Role]:
    """Give the three roles as functions of a model and an item."""
    labels = list(load_classifier().head.labels)
    experts = {spec.label: spec for spec in team.catalog.experts.values()}
    listed = "\n".join(f"{label}: {spec.description}" for label, spec in experts.items())

    def call(tokens: int) -> Call:
        return Call(anyio.current_time() + seconds, tokens, Pulse())

    async def router(model: TemplatedModel, item: Item) -> tuple[bool, Attempt | None]:
        shares, attempt = await model.score("brain/route", {"question": item["input"]}, labels, call(1))
        accepted = [item["expected"]["route"], *item["expected"].get("accept", ())]
        return labels[shares.index(max(shares))] in [route[0] for route in accepted], attempt

    async def planner(model: TemplatedModel, item: Item) -> tuple[bool, Attempt | None]:
        values = {"experts": listed, "question": item["input"]}
        completion, attempt = await model.write("brain/plan", values, call(_PLAN_TOKENS), schema=plan_schema(list(experts)))
        route = route_by_plan(completion.text, item["input"], experts)
        accepted = [item["expected"]["route"], *item["expected"].get("accept", ())]
        return route is not None and list(labels_of(route)) in accepted, attempt

    async def answerer(model: TemplatedModel, item: Item) -> tuple[bool, Attempt | None]:
        completion, attempt = await model.write("experts/reasoner", {"task": item["input"]}, call(_ANSWER_TOKENS))
        return scorer(item, completion.text)["score"] >= 1, attempt

    return {"router": router, "planner": planner, "answerer": answerer}


async def measure(role: Role, model: TemplatedModel, items: Sequence[Item]) -> list[Outcome]:
    """Have a model do a role on every item; an error is a wrong answer."""
    found = []
    for item in items:
        began = time.perf_counter()
        is_right, attempt = False, None
        try:
            is_right, attempt = await role(model, item)
        except TinyMoAError as exc:
            print(f"  {model.spec.name}: {exc}", file=sys.stderr)
        seconds = time.perf_counter() - began
        tokens, thoughts = (attempt.usage.completion_tokens, attempt.thoughts) if attempt else (0, "")
        found.append(
            Outcome(is_right, seconds, tokens, len(thoughts), bool(attempt and attempt.finish in ("deadline", "length")))
        )
    return found


def wilson(hits: int, n: int) -> str:
    """Give a share with its 95 % interval by Wilson's formula."""
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return f"{share:.0%} ({hits} of {n}; {middle - half:.0%} to {middle + half:.0%})"


def show(role: str, found: dict[str, list[Outcome]]) -> None:
    """Print the figures of one role."""
    print(f"\n{role}")
    for name, outcomes in found.items():
        right, n = sum(outcome.is_right for outcome in outcomes), len(outcomes)
        seconds = statistics.median(outcome.seconds for outcome in outcomes)
        tokens = statistics.fmean(outcome.tokens for outcome in outcomes)
        thought = sum(outcome.thought > 0 for outcome in outcomes)
        cut = sum(outcome.was_cut for outcome in outcomes)
        print(f"  {name:24} {wilson(right, n)}; median {seconds:.2f} s; {tokens:.0f} tokens; {thought} thought, {cut} cut off")
    (first, ones), (second, others) = found.items()
    wins = [one.is_right - other.is_right for one, other in zip(ones, others, strict=True)]
    print(f"  they differ on {sum(map(abs, wins))} items: {first} wins {wins.count(1)}, {second} wins {wins.count(-1)}")


async def run(given: argparse.Namespace) -> None:
    """Measure both models in all roles."""
    settings = load_settings(os.environ, catalog=given.catalog, models=given.models, traces=False)
    spec = importlib.util.spec_from_file_location("scorer", given.scorer)
    if spec is None or spec.loader is None:
        raise SystemExit(f"cannot load {given.scorer}")
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    routes, answers = (read_items(file, given.n, given.seed) for file in (given.routes, given.answers))
    async with build_team(settings) as team:
        if strangers := [name for name in given.names if name not in team.catalog.models]:
            raise SystemExit(f"no model {strangers[0]!r}; the models are: {', '.join(team.catalog.models)}")
        models = {name: TemplatedModel(team.catalog.models[name], team.pool, team.templates) for name in given.names}
        print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, {given.seconds:g} s an answer")
        for role, function in roles_of(team, scorer.score_record, given.seconds).items():
            items = answers if role == "answerer" else routes
            show(role, {name: await measure(function, model, items) for name, model in models.items()})


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs=2, metavar="MODEL", help="two models of the catalogue")
    for name in ("routes", "answers", "scorer"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--catalog", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--n", type=int, default=12, help="items of each set, 0 for all")
    parser.add_argument("--seconds", type=float, default=60.0, help="time of one answer")
    parser.add_argument("--seed", type=int, default=1)
    anyio.run(run, parser.parse_args())


if __name__ == "__main__":
    main()
