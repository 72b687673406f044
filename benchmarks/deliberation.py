"""What a team adds to its best member at the same number of tokens: the bare member, `ask`, every strategy, and parts taken out.

    uv run --extra local --group dev python benchmarks/deliberation.py SET.jsonl... --scorer SCORER.py [--models FOLDER]
        [--catalog benchmarks/catalogs/standin.toml] [--profile standin] [--n 8] [--seed 1] [--tokens 1500] [--samples 3]
        [--strategies solo,ask,repeat,deliberate] [--ablate] [--against solo] [--json OUT.json] [--table]

Sets and scorer are those of `experts.py`; only tasks `math` and `code` are answered by a team. Everybody gets the same items in
the same order, one item of each set by turns, and every strategy may read and write as many tokens as `--tokens` says. `ask` is
asked as users ask it and bound by nothing but `--max-tokens` an answer; what it took is in the table. Intervals are 95 %, those
of differences by a bootstrap over the items both have. Oracle is how often any of the answers drawn was right.

With `--json` every outcome is kept as soon as it is there, and every reply of a model in OUT.replies.jsonl. The same command goes
on where it was ended; another one of the same tokens, seed and models adds items, strategies or `--ablate` to the same files.
`--table` only prints what is kept. `remembered.py` says what is shared and how it is counted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from experts import Record, Unusable, arguments, bootstrap, check_opponents, describe, load_scorer, measured, read_set, wilson
from remembered import RememberingLauncher, Replies
from ways import SOLO, Bench, Outcome, Way, ways

from tiny_moa import Settings, Team, build_team
from tiny_moa.deliberation.rules import Rules
from tiny_moa.models.engines import choose_launcher

Outcomes = dict[str, dict[str, Outcome]]
"""By way, by item."""


@dataclass
class Kept:
    """What was measured, in a file when one is named; a file of other arguments is refused."""

    path: Path | None
    run: Mapping[str, Any]
    made: Mapping[str, Any]
    sets: dict[str, Outcomes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what the file holds."""
        if self.path is None or not self.path.exists():
            return
        try:
            said = json.loads(self.path.read_text("utf-8"))
            self.sets = {
                name: {way: {id_: Outcome(**one) for id_, one in found.items()} for way, found in by_way.items()}
                for name, by_way in said["sets"].items()
            }
            other = {key: value for key, value in said["run"].items() if value != self.run.get(key)}
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise Unusable(f"{str(self.path)!r} is not what this wrote: {exc!r}; name another file") from exc
        if other:
            raise Unusable(f"{str(self.path)!r} was measured with {other}; name another file, or give the same")

    def of(self, set_: str, way: str) -> dict[str, Outcome]:
        """Give the outcomes of a way by item."""
        return self.sets.setdefault(set_, {}).setdefault(way, {})

    def put(self, set_: str, way: str, outcome: Outcome) -> None:
        """Keep an outcome, at once and whole."""
        self.of(set_, way)[outcome.id] = outcome
        if self.path is None:
            return
        said = {
            name: {way: {i: asdict(o) for i, o in got.items()} for way, got in all_.items()} for name, all_ in self.sets.items()
        }
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"run": self.run, "made": self.made, "sets": said}, indent=1), "utf-8")
        new.replace(self.path)


# -- figures ----------------------------------------------------------------------------------------------------------


def figures(outcomes: Mapping[str, Outcome], others: Mapping[str, Outcome], seed: int) -> dict[str, Any]:
    """Give the figures of one way, and its differences from another on the items both answered."""
    found = list(outcomes.values())
    right = sum(one.score for one in found)
    differences = [one.score - others[id_].score for id_, one in outcomes.items() if id_ in others]
    verified = [one for one in found if one.is_verified]
    return {
        "n": len(found),
        "score": right / len(found),
        "interval": wilson(right, len(found)),
        "pairs": len(differences),
        "difference": statistics.fmean(differences) if differences else None,
        "difference_interval": bootstrap(differences, seed) if differences else None,
        "oracle": statistics.fmean(one.oracle for one in found),
        "verified": len(verified),
        "verified_right": sum(one.score >= 1 for one in verified),
        "tokens": statistics.fmean(one.tokens for one in found),
        "read": statistics.fmean(one.read for one in found),
        "seconds": statistics.fmean(one.seconds for one in found),
    }


def table(name: str, found: Outcomes, against: str, seed: int) -> str:
    """Write the table of one set, a line for each way that has an outcome."""
    lines = [f"{name}, differences from {against}"]
    lines.append(f"  {'':20} {'n':>3}  right [95 %]            difference [95 %]        oracle verified tokens (read)  seconds")
    for way, outcomes in found.items():
        if not outcomes:
            continue
        got = figures(outcomes, found.get(against, {}), seed)
        low, high = got["interval"]
        less, more = got["difference_interval"] or (0.0, 0.0)
        difference = f"{got['difference']:+7.1%} [{less:+.1%}, {more:+.1%}]" if got["pairs"] else "no pairs"
        lines.append(
            f"  {way:20} {got['n']:3}  {got['score']:6.1%} [{low:.1%}, {high:.1%}]  {difference:25} {got['oracle']:6.1%} "
            f"{got['verified_right']:3}/{got['verified']:<3} {got['tokens']:6.0f} ({got['read']:.0f})  {got['seconds']:7.1f}"
        )
    return "\n".join(lines)


# -- a run ------------------------------------------------------------------------------------------------------------


def chosen(every: Sequence[Way], names: str) -> list[Way]:
    """Give the ways that were asked for by name, all when none was, in the order in which they share most.

    Raises:
        Unusable: There is none of a name.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in {way.name for way in every}]:
        raise Unusable(f"no strategy {unknown[0]!r}; choose among: {', '.join(way.name for way in every)}")
    return [way for way in every if not wanted or way.name in wanted]


async def measure(bench: Bench, wanted: Sequence[Way], sets: Mapping[str, Sequence[Record]], kept: Kept) -> None:
    """Measure what is missing, item by item, so that what is kept can be compared at any time."""
    longest = max(map(len, sets.values()))
    for place in range(longest):
        for name, items in sets.items():
            for way in wanted if place < len(items) else ():
                item = items[place]
                known = kept.of(name, way.name).get(str(item["id"]))
                if known is not None and known.standing == bench.standing(way, str(item["task"])):
                    continue
                outcome = await bench.measure(way, item)
                kept.put(name, way.name, outcome)
                print(
                    f"  {place + 1}/{len(items)} {outcome.id} {way.name}: {outcome.score:.2f} {outcome.reason[:40]}, "
                    f"{outcome.tokens} tokens, {outcome.seconds:.0f} s",
                    file=sys.stderr, flush=True,
                )  # fmt: skip


def what_runs(team: Team, given: argparse.Namespace, tasks: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what must be the same for outcomes to be compared, and what else was measured with."""
    made = describe(team, tasks)
    words = hashlib.sha256(" ".join(sorted(t.digest for t in team.templates.loaded)).encode()).hexdigest()[:12]
    run = {name: getattr(given, name) for name in ("profile", "tokens", "max_tokens", "samples", "seed")}
    return {**run, "words": words, "models": made["models"]}, made


async def run(given: argparse.Namespace, settings: Settings) -> None:
    """Measure every way on every set, and print the tables."""
    scorer = load_scorer(given.scorer)
    sets = {
        path.stem: [item for item in read_set(path, given.n, given.seed) if item["task"] in ("math", "code")]
        for path in given.sets
    }
    if empty := [name for name, items in sets.items() if not items]:
        raise Unusable(f"the set {empty[0]!r} has no task of mathematics or code")
    tasks = {str(item["task"]) for items in sets.values() for item in items}
    wanted = chosen(ways(Rules(seed=given.seed, most_tokens=given.tokens), ablates=given.ablate), given.strategies)
    replies = Replies(given.json and given.json.with_suffix(".replies.jsonl"))
    launch = RememberingLauncher(choose_launcher(settings.engine, settings.threads), replies)
    team = build_team(settings.model_copy(update={"traces": False}), launch=launch)
    check_opponents(team, tasks)
    kept = Kept(given.json, *what_runs(team, given, tasks))
    if not given.table:
        async with team:
            bench = Bench(team, replies, scorer, given.deadline, given.max_tokens, given.samples)
            await measure(bench, wanted, sets, kept)
    print(f"{given.tokens} tokens an item, profile {given.profile}, seed {given.seed}")
    for name in sets:
        print("\n" + table(name, kept.sets.get(name, {}), given.against, given.seed))


def main() -> None:
    """Read the arguments, measure, print."""
    parser = arguments("Compare ways of answering as a team at equal tokens.", max_tokens=400)
    parser.set_defaults(deadline=1800.0)
    parser.add_argument("--tokens", type=int, default=1500, help="tokens an item may cost in any strategy")
    parser.add_argument("--samples", type=int, default=3, help="answers of one model, where several are drawn")
    parser.add_argument("--strategies", default="", metavar="A,B", help="only these; all when it is left out")
    parser.add_argument("--ablate", action="store_true", help="also measure meetings of which one part is taken out")
    parser.add_argument("--against", default=SOLO, metavar="NAME", help="what differences are taken from")
    parser.add_argument("--table", action="store_true", help="only print what is kept")
    measured(parser.parse_args(), run)


if __name__ == "__main__":
    main()
