"""What a team adds to its best member at the same number of tokens: every strategy, and meetings of which one part is taken out.

    uv run --extra local --group dev python benchmarks/deliberation.py SET.jsonl... --scorer SCORER.py [--models FOLDER]
        [--catalog benchmarks/catalogs/standin.toml] [--profile standin] [--n 8] [--seed 1] [--tokens 1500] [--ablate]
        [--json OUT.json]

Sets and scorer are those of `experts.py`; only tasks `math` and `code` are answered by a team. Every strategy gets the same items
in the same order, and may read and write as many tokens as `--tokens` says, copied ones left out. Intervals are 95 %, those of
differences from the best member alone by a bootstrap over items. Oracle@N is how often any of the answers drawn was right.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import anyio
from experts import Record, Scorer, Unusable, arguments, bootstrap, load_scorer, measured, read_set, wilson

from tiny_moa import Call, Settings, build_team
from tiny_moa.deliberation.council import Council, job_id
from tiny_moa.deliberation.meeting import Rules
from tiny_moa.deliberation.panel import seat
from tiny_moa.deliberation.strategies import STRATEGIES, Job, Panel, Strategy


class Silence:
    """Hears nothing."""

    def stage(self, name: str) -> None:
        """Pass."""

    def phase(self, phase: str, subject: str) -> None:
        """Pass."""

    def wrote(self, text: str) -> None:
        """Pass."""


@dataclass(frozen=True)
class Variant:
    """One way of answering that is measured.

    Attributes:
        name: In the table.
        strategy: What answers.
        rules: How meetings are held.
        is_uniform: Whether everybody votes with the same weight, measured or not.
        is_alone: Whether the best model sits three times instead of different ones.
    """

    name: str
    strategy: Strategy
    rules: Rules
    is_uniform: bool = False
    is_alone: bool = False

    def panel(self, chosen: Panel) -> Panel:
        """Give the panel it uses."""
        seats = seat([chosen.seats[0].model] * 3) if self.is_alone else chosen.seats
        names = {member.model.spec.name for member in seats}
        standing = chosen.standing
        if self.is_uniform:
            standing = replace(
                standing, weights=dict.fromkeys(names, 1.0), balanced_accuracy=max(0.6, standing.balanced_accuracy)
            )
        return Panel(seats, standing)


@dataclass(frozen=True)
class Outcome:
    """What a variant made of one item."""

    id: str
    score: float
    oracle: float
    reason: str
    is_verified: bool
    tokens: int
    read: int
    seconds: float
    output: str


def variants(rules: Rules, *, ablates: bool) -> list[Variant]:
    """Give what is measured: every strategy, then a meeting of which one part is taken out each time."""
    found = [Variant(f"{depth} ({strategy.name})", strategy, rules) for depth, strategy in STRATEGIES.items()]
    if not ablates:
        return found
    meeting = STRATEGIES["deliberate"]
    changes: Mapping[str, Mapping[str, Any]] = {
        "everybody votes": {},
        "everybody votes, mean": {"form": "mean"},
        "everybody votes, strict": {"form": "strict"},
        "everybody votes, by verdict": {"by_verdict": True},
        "everybody votes, no mask": {"masks_own": False},
        "everybody votes, gamma 0": {"gamma": 0.0},
        "everybody votes, gamma 1": {"gamma": 1.0},
    }
    found += [Variant(name, meeting, replace(rules, **more), is_uniform=True) for name, more in changes.items()]
    return [*found, Variant("one model three times", meeting, rules, is_uniform=True, is_alone=True)]


async def answer(variant: Variant, council: Council, item: Record, scorer: Scorer, limits: tuple[float, int]) -> Outcome:
    """Have a variant answer one item."""
    seconds, max_tokens = limits
    call = Call(anyio.current_time() + seconds, max_tokens, Silence())
    kind, task = str(item["task"]), str(item["input"])
    _, chosen = council.choose(kind, call, 2)
    job = Job(job_id(task), task, council.field(kind), variant.rules)
    began = time.perf_counter()
    verdict = await variant.strategy.run(job, variant.panel(chosen), call)
    took = time.perf_counter() - began
    read = sum(a.usage.prompt_tokens - a.usage.cached_tokens for a in verdict.attempts)
    written = sum(a.usage.completion_tokens for a in verdict.attempts)
    scores = [float(scorer(item, text)["score"]) for text in dict.fromkeys([verdict.text, *verdict.candidates]) if text]
    return Outcome(
        str(item["id"]), scores[0] if verdict.text else 0.0, max(scores, default=0.0), verdict.reason, verdict.is_verified,
        read + written, read, took, verdict.text,
    )  # fmt: skip


def figures(outcomes: Sequence[Outcome], alone: Sequence[Outcome], seed: int) -> dict[str, Any]:
    """Give the figures of one variant beside those of the best member alone."""
    right = sum(one.score for one in outcomes)
    differences = [one.score - other.score for one, other in zip(outcomes, alone, strict=True)]
    verified = [one for one in outcomes if one.is_verified]
    return {
        "n": len(outcomes),
        "score": right / len(outcomes),
        "interval": wilson(right, len(outcomes)),
        "difference": statistics.fmean(differences),
        "difference_interval": bootstrap(differences, seed),
        "oracle": statistics.fmean(one.oracle for one in outcomes),
        "verified": len(verified),
        "verified_right": sum(one.score >= 1 for one in verified),
        "tokens": statistics.fmean(one.tokens for one in outcomes),
        "read": statistics.fmean(one.read for one in outcomes),
        "seconds": statistics.fmean(one.seconds for one in outcomes),
    }


def show(name: str, found: Mapping[str, Any]) -> None:
    """Print one line of the table."""
    low, high = found["difference_interval"]
    print(
        f"  {name:34} {found['score']:6.1%}  {found['difference']:+6.1%} [{low:+.1%}, {high:+.1%}] oracle {found['oracle']:.1%} "
        f"verified {found['verified_right']}/{found['verified']}  {found['tokens']:6.0f} tokens  {found['seconds']:6.1f} s",
        flush=True,
    )


async def run(given: argparse.Namespace, settings: Settings) -> None:
    """Measure every variant on every set."""
    team = build_team(settings)
    scorer, kept = load_scorer(given.scorer), {}
    rules = Rules(seed=given.seed, most_tokens=given.tokens)
    async with team:
        for path in given.sets:
            items = [item for item in read_set(path, given.n, given.seed) if item["task"] in ("math", "code")]
            if not items:
                raise Unusable(f"the set {str(path)!r} has no task of mathematics or code")
            print(f"\n{path.stem}: {len(items)} items, {given.tokens} tokens each, profile {given.profile}", flush=True)
            alone: list[Outcome] = []
            for variant in variants(rules, ablates=given.ablate):
                outcomes = [
                    await answer(variant, team.council, item, scorer, (given.deadline, given.max_tokens)) for item in items
                ]
                alone = alone or outcomes
                found = figures(outcomes, alone, given.seed)
                show(variant.name, found)
                kept[f"{path.stem} {variant.name}"] = {**found, "items": [asdict(one) for one in outcomes]}
                if given.json:
                    given.json.write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = arguments("Compare ways of answering as a team at equal tokens.", max_tokens=400)
    parser.add_argument("--tokens", type=int, default=1500, help="tokens an item may cost in any strategy")
    parser.add_argument("--ablate", action="store_true", help="also measure meetings of which one part is taken out")
    measured(parser.parse_args(), run)


if __name__ == "__main__":
    main()
