"""The ways of answering that `deliberation.py` compares: the bare member, `ask` as users get it, every strategy, and meetings of
which one part is taken out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import anyio
from experts import Record, Scorer
from remembered import Replies

from tiny_moa import Call, Team, TinyMoAError
from tiny_moa.deliberation.council import job_id
from tiny_moa.deliberation.panel import seat
from tiny_moa.deliberation.rules import Rules
from tiny_moa.deliberation.strategies import STRATEGIES, Deliberation, Job, Panel, Strategy
from tiny_moa.experts.base import Task

SOLO = "solo"
"""The way all others are compared with: the best member, asked once and with nothing but the question."""
ASKED = {"ask": "quick", "ask-auto": "auto", "ask-deliberate": "deliberate"}
"""Ways of `ask` and their depths."""


class Silence:
    """Hears nothing."""

    def stage(self, name: str) -> None:
        """Pass."""

    def phase(self, phase: str, subject: str) -> None:
        """Pass."""

    def wrote(self, text: str) -> None:
        """Pass."""


@dataclass(frozen=True)
class Way:
    """One way of answering.

    Attributes:
        name: In the table.
        door: Who is asked: the bare model, `ask`, or a council's strategy.
        depth: Of `ask`.
        strategy: What answers; `None` where no council is asked directly.
        rules: How meetings are held.
        is_uniform: Whether everybody votes with the same weight, measured or not.
        is_alone: Whether the best model sits three times instead of different ones.
    """

    name: str
    door: Literal["bare", "ask", "council"]
    depth: str = ""
    strategy: Strategy | None = None
    rules: Rules = field(default_factory=Rules)
    is_uniform: bool = False
    is_alone: bool = False

    def panel(self, chosen: Panel) -> Panel:
        """Give the panel it uses."""
        seats = seat([chosen.seats[0].model] * 3) if self.is_alone else chosen.seats
        names = {member.model.spec.name for member in seats}
        standing = chosen.standing
        if self.is_uniform:
            accuracy = max(0.6, standing.balanced_accuracy)
            standing = replace(standing, weights=dict.fromkeys(names, 1.0), balanced_accuracy=accuracy, by_verdict=None)
        return Panel(seats, standing)


@dataclass(frozen=True)
class Outcome:
    """What a way made of one item.

    Attributes:
        id: The item's.
        score: 0 to 1.
        oracle: The best score of all answers that were drawn.
        reason: Why it ended.
        is_verified: Whether it says that the answer was proved.
        tokens: Read and written.
        read: Read; a prompt that was read before counts once.
        seconds: How long it took, remembered replies with the time they took when they were drawn.
        output: What was scored.
        standing: Digest of what was known of the models; empty where nothing of it matters.
    """

    id: str
    score: float
    oracle: float
    reason: str
    is_verified: bool
    tokens: int
    read: int
    seconds: float
    output: str
    standing: str = ""


def ways(rules: Rules, *, ablates: bool) -> tuple[Way, ...]:
    """Give what can be measured, what others begin with first; when wanted, also meetings of which one part is taken out."""
    found = [Way(SOLO, "bare"), *(Way(name, "ask", depth) for name, depth in ASKED.items())]
    found += [Way(depth, "council", strategy=strategy, rules=rules) for depth, strategy in STRATEGIES.items()]
    return (*found, *(_ablations(rules) if ablates else ()))


def _ablations(rules: Rules) -> list[Way]:
    """Meetings in which everybody votes, so that ballots matter; what is only counted otherwise has the same ballots."""
    meeting, longer = STRATEGIES["deliberate"], Deliberation("NSED", 3)
    changes: Mapping[str, Mapping[str, Any]] = {
        "all vote": {},
        "all vote: mean": {"form": "mean"},
        "all vote: strict": {"form": "strict"},
        "all vote: by verdict": {"by_verdict": True},
        "all vote: no mask": {"masks_own": False, "masks_family": False},
        "all vote: own mask": {"masks_family": False},
        "all vote: by heads": {"weighs_kin": False},
    }
    found = [
        Way(name, "council", strategy=meeting, rules=replace(rules, **more), is_uniform=True) for name, more in changes.items()
    ]
    found += [  # a state fades with its age, and is read with an age from the third round on
        Way(f"3 rounds: gamma {gamma:g}", "council", strategy=longer, rules=replace(rules, gamma=gamma), is_uniform=True)
        for gamma in (0.0, 0.5, 1.0)
    ]
    return [*found, Way("one model thrice", "council", strategy=meeting, rules=rules, is_uniform=True, is_alone=True)]


@dataclass(frozen=True)
class Bench:
    """What answers are measured with.

    Attributes:
        team: Who answers.
        replies: What its models replied so far.
        scorer: Scores an output.
        seconds: For one item.
        max_tokens: Of one answer.
        samples: How many answers the strategies draw that draw several.
    """

    team: Team
    replies: Replies
    scorer: Scorer
    seconds: float
    max_tokens: int
    samples: int = 3

    async def measure(self, way: Way, item: Record) -> Outcome:
        """Have a way answer one item, and score it."""
        call = Call(anyio.current_time() + self.seconds, self.max_tokens, Silence())
        self.replies.begin()
        began = time.perf_counter()
        text, others, reason, is_verified = await self._answered(way, str(item["task"]), str(item["input"]), call)
        took, cost = time.perf_counter() - began, self.replies.cost
        scores = [float(self.scorer(item, each)["score"]) for each in dict.fromkeys([text, *others]) if each]
        return Outcome(
            str(item["id"]), scores[0] if text else 0.0, max(scores, default=0.0), reason, is_verified, cost.read + cost.written,
            cost.read, round(took + cost.saved, 2), text, self.standing(way, str(item["task"])),
        )  # fmt: skip

    def standing(self, way: Way, kind: str) -> str:
        """Give the digest of what a way rests on that was measured of the models."""
        is_council = way.door == "council" or way.depth not in ("", "quick")
        return job_id(repr(sorted(self.team.council.measured(kind).items()))) if is_council else ""

    async def _answered(self, way: Way, kind: str, task: str, call: Call) -> tuple[str, Sequence[str], str, bool]:
        """Give the answer, all answers drawn, why it ended, and whether it is said to be proved."""
        if way.strategy is not None:
            council = self.team.council
            _, chosen = council.choose(kind, call, 2)
            job = Job(job_id(task), task, council.field(kind), way.rules, self.samples)
            verdict = await way.strategy.run(job, way.panel(chosen), call)
            return verdict.text, verdict.candidates, verdict.reason, verdict.is_verified
        asker = self.team.asker
        try:
            if way.door == "bare":
                answer = await asker.ask_expert(f"bare_{kind}", Task(task), call)
            else:
                answer = await asker.ask(task, call, depth=way.depth)
        except TinyMoAError as exc:
            return "", (), str(exc), False
        return answer.text, (), ", ".join(answer.experts), answer.status == "verified"
