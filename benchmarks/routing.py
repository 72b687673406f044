"""Who would answer what: whole-route accuracy on a file of questions, by step, language and route, beside simpler routers.

    uv run --extra local --group dev python benchmarks/routing.py FILE [--scorer score.py] [--model smollm2-135m] [--limit N]

FILE has lines {"id", "input", "lang", "expected": {"route": [...], "accept": [[...]]}}. Compared in the same run: the router as
shipped, the catalogue's cues alone, and the model alone, which scores the labels after the router's own template. A route is
right when the whole list equals the expected one or one of those accepted; `--scorer` has a program's `score_route` judge.
`--weigh` fits how much the model's probabilities should count beside the classifier's, by likelihood of the first label.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import log, sqrt
from pathlib import Path
from statistics import median
from typing import Any

import anyio

from tiny_moa.brain import labels_of, load_classifier, route_by_cues, router_of
from tiny_moa.brain.classifier import weighed
from tiny_moa.experts.base import Call, TemplatedModel
from tiny_moa.server.progress import Pulse
from tiny_moa.server.team import Team, build_team
from tiny_moa.settings import load_settings

Labels = tuple[str, ...]
Judge = Callable[[Labels, dict[str, Any]], bool]


@dataclass
class Run:
    """What one router said."""

    name: str
    routes: list[Labels] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def add(self, route: Labels, step: str, began: float) -> None:
        """Note one answer."""
        self.routes.append(route)
        self.steps.append(step)
        self.milliseconds.append((time.perf_counter() - began) * 1000)


def interval(right: int, n: int) -> str:
    """Give a share with its 95 % interval by Wilson's formula."""
    if not n:
        return "no items"
    share, z = right / n, 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{share:.1%} ({right} of {n}; {middle - half:.1%} to {middle + half:.1%})"


def whole_list(route: Labels, expected: dict[str, Any]) -> bool:
    """Judge by equality of the whole list."""
    return list(route) in [expected["route"], *expected.get("accept", [])]


def judge_of(scorer: Path | None) -> Judge:
    """Take another program's `score_route`, or our own rule."""
    if scorer is None:
        return whole_list
    spec = importlib.util.spec_from_file_location("scorer", scorer)
    if spec is None or spec.loader is None:
        raise SystemExit(f"cannot load {scorer}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda route, expected: bool(module.score_route(json.dumps(list(route)), expected))


async def run_router(team: Team, items: Sequence[dict[str, Any]]) -> Run:
    """Ask the router as shipped; models only where it asks them itself."""
    run = Run("the router")
    for item in items:
        began = time.perf_counter()
        route = await team.brain.route(item["input"], _call())
        run.add(labels_of(route), route.decided_by, began)
    return run


def run_cues(team: Team, items: Sequence[dict[str, Any]]) -> Run:
    """Ask the catalogue's cues alone; what they do not settle is answered directly."""
    run = Run("the keyword table alone")
    for item in items:
        began = time.perf_counter()
        route = route_by_cues(item["input"], team.catalog.experts.values())
        run.add(labels_of(route) if route else ("DIRECT",), "cues" if route else "none", began)
    return run


async def run_model(team: Team, name: str, items: Sequence[dict[str, Any]]) -> tuple[Run, list[dict[str, float]]]:
    """Have a model score the labels, and take the likeliest."""
    run, opinions = Run(f"{name} alone"), list[dict[str, float]]()
    model = TemplatedModel(team.catalog.models[name], team.pool, team.templates)
    labels = list(load_classifier().head.labels)
    for item in items:
        began = time.perf_counter()
        shares, _ = await model.score("brain/route", {"question": item["input"]}, labels, _call())
        opinions.append(dict(zip(labels, shares, strict=True)))
        run.add((max(opinions[-1], key=lambda label: opinions[-1][label]),), "model", began)
    return run, opinions


def fit_weight(team: Team, items: Sequence[dict[str, Any]], opinions: Sequence[dict[str, float]]) -> None:
    """Print how likely the expected first label is where the classifier is unsure, by the model's weight."""
    classifier = load_classifier()
    router = router_of(tuple(team.catalog.experts.values()), classifier)
    unsure = [
        (guesses, opinion, item)
        for item, opinion in zip(items, opinions, strict=True)
        if (guesses := router.guesses(item["input"]))[0].probability < classifier.head.sure_from
    ]
    print(f"\nwhere the classifier is unsure ({len(unsure)} items), by the weight of the model's opinion:")
    for weight in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8):
        found = [(weighed(guesses, opinion, weight), item["expected"]) for guesses, opinion, item in unsure]
        right = sum(whole_list(guesses[0].labels, expected) for guesses, expected in found)
        gold = [sum(g.probability for g in guesses if g.labels[0] == expected["route"][0]) for guesses, expected in found]
        loss = -sum(log(max(share, 1e-9)) for share in gold) / max(len(gold), 1)
        print(f"  {weight:4.2f}: {right} right, log loss of the first label {loss:.3f}")


def report(run: Run, items: Sequence[dict[str, Any]], judge: Judge) -> None:
    """Print the figures of one router."""
    gold = [item["expected"] for item in items]
    right = [judge(route, expected) for route, expected in zip(run.routes, gold, strict=True)]
    first = [route[0] in {e["route"][0], *(a[0] for a in e.get("accept", []))} for route, e in zip(run.routes, gold, strict=True)]
    print(f"\n{run.name}: {interval(sum(right), len(right))}; first label {interval(sum(first), len(first))}")
    chains = [ok for ok, expected in zip(right, gold, strict=True) if len(expected["route"]) > 1]
    print(f"  two specialists in order: {interval(sum(chains), len(chains))}; median {median(run.milliseconds):.1f} ms")
    for language in sorted({item.get("lang", "?") for item in items}):
        mine = [ok for ok, item in zip(right, items, strict=True) if item.get("lang", "?") == language]
        print(f"  {language}: {interval(sum(mine), len(mine))}")
    for step, count in Counter(run.steps).most_common():
        chosen = [(ok, ms) for ok, ms, s in zip(right, run.milliseconds, run.steps, strict=True) if s == step]
        share = f"{count / len(items):.0%} of the questions, {sum(ok for ok, _ in chosen) / count:.1%} right"
        print(f"  decided by {step}: {share}, median {median(ms for _, ms in chosen):.1f} ms")


def confusion(run: Run, items: Sequence[dict[str, Any]]) -> None:
    """Print which first labels were taken for which."""
    labels = load_classifier().head.labels
    counts = Counter((item["expected"]["route"][0], route[0]) for item, route in zip(items, run.routes, strict=True))
    print("\nfirst labels, expected down, given across\n" + " " * 14 + "".join(f"{label[:8]:>9}" for label in labels))
    for expected in labels:
        print(f"{expected:14}" + "".join(f"{counts[expected, given] or '.':>9}" for given in labels))


def _call() -> Call:
    return Call(anyio.current_time() + 60, 64, Pulse())


async def main() -> None:
    """Run all routers and print their figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--scorer", type=Path, help="a Python file with score_route(prediction, expected)")
    parser.add_argument("--model", default="smollm2-135m", help="the model that routes alone; 'none' leaves it out")
    parser.add_argument("--models", type=Path, help="a folder with GGUF files")
    parser.add_argument("--limit", type=int, help="only the first N questions")
    parser.add_argument("--weigh", action="store_true", help="fit the weight of the model's opinion")
    given = parser.parse_args()
    items = [json.loads(line) for line in given.file.read_text("utf-8").splitlines() if line.strip()][: given.limit]
    judge = judge_of(given.scorer)
    print(f"{given.file.name}, {len(items)} questions, {datetime.now(UTC):%Y-%m-%d}, {platform.machine()}")
    async with build_team(load_settings({}, models=given.models)) as team:
        runs = [await run_router(team, items), run_cues(team, items)]
        opinions: list[dict[str, float]] = []
        if given.model != "none":
            run, opinions = await run_model(team, given.model, items)
            runs.append(run)
        for run in runs:
            report(run, items, judge)
        confusion(runs[0], items)
        if given.weigh and opinions:
            fit_weight(team, items, opinions)


if __name__ == "__main__":
    anyio.run(main)
