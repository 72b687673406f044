"""Ways of getting an answer out of a panel, behind one interface: from one answer of the best model to a full meeting.

A strategy is a class with a name and `run`; `STRATEGIES` lists them under the plain words of `depth`. All of them prove, read and
compare answers by the field of the task, and all may be held to the same number of tokens.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import anyio

from tiny_moa.deliberation.anonymity import without_author
from tiny_moa.deliberation.classes import group
from tiny_moa.deliberation.electorate import Standing
from tiny_moa.deliberation.fields import Field, Finding, look_at
from tiny_moa.deliberation.meeting import Meeting, Verdict
from tiny_moa.deliberation.panel import Seat, Written, combine, propose_together
from tiny_moa.deliberation.rules import Reason, Rules
from tiny_moa.deliberation.voters import UNKNOWN_AUTHOR
from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Attempt, Call
from tiny_moa.models.runtime import MOST_SAMPLES

_PROMPT_TOKENS, _CHARS_PER_TOKEN = 120, 3
"""Of the words around a task, and of a task: what a prompt is taken to have before a model has counted it."""


@dataclass(frozen=True)
class Panel:
    """Who may be asked, the best first, and what is known of them."""

    seats: tuple[Seat, ...]
    standing: Standing


@dataclass(frozen=True)
class Job:
    """One task to be answered.

    Attributes:
        id: A name of its own; anonymous labels are drawn from it.
        task: In the user's words.
        field: The kind of task.
        rules: Temperature, seed, rounds and the bound of tokens.
        samples: How many answers the strategies draw that draw several.
    """

    id: str
    task: str
    field: Field
    rules: Rules = dataclasses.field(default_factory=Rules)
    samples: int = 3


class Strategy(Protocol):
    """One way of getting an answer."""

    @property
    def name(self) -> str:
        """What it is called in the literature."""

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task. Never fails for a model: what did not come is named in the verdict."""


@dataclass(frozen=True)
class Drawn:
    """One answer: who wrote it, its text, and what was found of it."""

    seat: Seat
    text: str
    finding: Finding


class Draw:
    """Draws answers, those of one model side by side, and remembers what they cost and what did not come."""

    def __init__(self, job: Job, call: Call) -> None:
        self._job = job
        self._call = call
        self.attempts: list[Attempt] = []
        self.missing: list[str] = []
        self.candidates: list[str] = []

    @property
    def is_spent(self) -> bool:
        """Whether there is no time or are no tokens left."""
        return self._shortage() is not None

    def _shortage(self) -> Reason | None:
        most = self._job.rules.most_tokens
        if anyio.current_time() >= self._call.deadline:
            return "deadline"
        return "budget" if most is not None and self._used >= most else None

    @property
    def _used(self) -> int:
        return sum(a.usage.prompt_tokens - a.usage.cached_tokens + a.usage.completion_tokens for a in self.attempts)

    def reason(self, share: float, answers: int) -> Reason:
        """Say what a choice among so many answers rests on, when so large a share of them means the same."""
        if answers > 1 and share >= self._job.rules.agreement:
            return "agreement"
        return self._shortage() or "rounds"

    async def one(self, member: Seat, *, temperature: float | None = None) -> Drawn | None:
        """Draw one answer of a member; `None` when it does not come."""
        found = await self._together(member, 1, 0, self._job.rules.temperature if temperature is None else temperature)
        return found[0] if found else None

    async def several(self, member: Seat, n: int) -> list[Drawn]:
        """Draw `n` answers of a member, as many side by side as there are tokens for; none after a proof or beyond the bounds."""
        found: list[Drawn] = []
        asked = 0
        while asked < n and not (asked and (self.is_spent or any(drawn.finding.proof == 1 for drawn in found))):
            size = self._fan_out(member, n - asked)
            found += await self._together(member, size, asked, self._job.rules.temperature)
            asked += size
        return found

    def _fan_out(self, member: Seat, n: int) -> int:
        """Say how many of `n` answers are drawn at once: one, or as many as fit the tokens and the context at their longest."""
        most, each = self._job.rules.most_tokens, self._call.max_tokens
        known = [a.usage.prompt_tokens for a in self.attempts if a.model == member.model.spec.name]
        prompt = known[-1] if known else _PROMPT_TOKENS + len(self._job.task) // _CHARS_PER_TOKEN
        left = member.model.spec.context_tokens - prompt
        if most is not None:
            left = min(left, most - self._used - (0 if known else prompt))
        return max(1, min(n, MOST_SAMPLES, left // each))

    async def _together(self, member: Seat, n: int, first: int, temperature: float) -> list[Drawn]:
        """Draw `n` answers at once, the first of them as number `first` of this member."""
        field, rules, values = self._job.field, self._job.rules, {"task": self._job.task, "state": ""}
        seed = rules.seed + first
        try:
            drawn = await propose_together([member] * n, field.template, values, self._call, temperature=temperature, seed=seed)
        except ModelError as exc:
            self.missing.append(f"{member.name}: {exc}")
            return []
        self.attempts += [written.attempt for written in drawn]
        looked = [await self._looked_at(member, written) for written in drawn]
        return [each for each in looked if each is not None]

    async def _looked_at(self, member: Seat, written: Written) -> Drawn | None:
        if not (text := without_author(written.text)):
            self.missing.append(f"{member.name}: it wrote nothing")
            return None
        self.candidates.append(text)
        return Drawn(member, text, await look_at(self._job.field, self._job.task, text, is_whole=written.is_whole))

    def verdict(self, chosen: Drawn | None, share: float, reason: Reason) -> Verdict:
        """Give the verdict for an answer."""
        if chosen is None:
            return Verdict(
                "", "", False, "nobody answered", 1, None, 0.0, Finding(), tuple(self.attempts), tuple(self.missing), ()
            )
        is_proved = chosen.finding.proof == 1
        return Verdict(
            chosen.text, chosen.seat.name, is_proved, "verifier" if is_proved else reason, 1, None, share, chosen.finding,
            tuple(self.attempts), tuple(self.missing), (), tuple(self.candidates),
        )  # fmt: skip


def plurality(drawn: Sequence[Drawn], field: Field) -> tuple[Drawn | None, float]:
    """Choose the first answer of the largest class, proofs before all; gives its share of the answers too."""
    if not drawn:
        return None, 0.0
    by_label = {f"{place}": each for place, each in enumerate(drawn)}
    classes = group({label: each.finding.value for label, each in by_label.items()}, field.is_same)

    def rank(labels: tuple[str, ...]) -> tuple[int, bool, int]:
        proofs = [by_label[label].finding.proof for label in labels]
        return max(proofs) if 1 in proofs else min(proofs), by_label[labels[0]].finding.value is not None, len(labels)

    best = max(classes, key=lambda answers: rank(answers.labels))
    proved = [by_label[label] for label in best.labels if by_label[label].finding.proof == 1]
    return (proved or [by_label[best.labels[0]]])[0], len(best.labels) / len(drawn)


class Solo:
    """One greedy answer of the best model."""

    name = "best solo"

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task."""
        draw = Draw(job, call)
        return draw.verdict(await draw.one(panel.seats[0], temperature=0.0), 1.0, "rounds")


class SelfConsistency:
    """Several answers of the best model; the value most of them have (arXiv 2203.11171)."""

    name = "self-consistency"

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task."""
        draw = Draw(job, call)
        found = await draw.several(panel.seats[0], job.samples)
        chosen, share = plurality(found, job.field)
        return draw.verdict(chosen, share, draw.reason(share, len(found)))


class SelfMoA:
    """Several answers of the best model, which it then joins (arXiv 2502.00674)."""

    name = "Self-MoA"

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task."""
        draw = Draw(job, call)
        return await _joined(job, panel.seats[0], await draw.several(panel.seats[0], job.samples), draw, call)


class MoA:
    """One answer of every model; the best one joins them (arXiv 2406.04692)."""

    name = "MoA"

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task."""
        draw = Draw(job, call)
        found: list[Drawn] = []
        for member in panel.seats:
            if found and (draw.is_spent or found[-1].finding.proof == 1):
                break
            if (drawn := await draw.one(member)) is not None:
                found.append(drawn)
        return await _joined(job, panel.seats[0], found, draw, call)


class SlmMux:
    """Several answers of every model; the answer of the model that agrees most with itself (arXiv 2510.05077)."""

    name = "SLM-MUX"

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task; ties go to the model that is known to be better."""
        draw = Draw(job, call)
        best: tuple[tuple[int, float, float], Drawn, float, int] | None = None
        for member in panel.seats:
            if best is not None and draw.is_spent:
                break
            found = await draw.several(member, job.samples)
            chosen, share = plurality(found, job.field)
            if chosen is None:
                continue
            rank = (chosen.finding.proof, share, panel.standing.author_weights.get(member.model.spec.name, UNKNOWN_AUTHOR))
            if best is None or rank > best[0]:
                best = (rank, chosen, share, len(found))
            if chosen.finding.proof == 1:
                break
        if best is None:
            return draw.verdict(None, 0.0, "nobody answered")
        return draw.verdict(best[1], best[2], draw.reason(best[2], best[3]))


@dataclass(frozen=True)
class Deliberation:
    """A meeting of so many rounds (arXiv 2601.16863); with calibrated voters, verifiers before all votes."""

    name: str
    rounds: int

    async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
        """Answer a task."""
        rules = replace(job.rules, rounds=self.rounds)
        return await Meeting(job.id, job.task, job.field, panel.seats, panel.standing, rules).hold(call)


STRATEGIES: Mapping[str, Strategy] = {
    "single": Solo(),
    "repeat": SelfConsistency(),
    "refine": SelfMoA(),
    "compare": SlmMux(),
    "combine": MoA(),
    "vote": Deliberation("one-round NSED", 1),
    "deliberate": Deliberation("NSED", 2),
}
"""Every strategy by the word that users ask for it with."""


async def _joined(job: Job, member: Seat, drawn: Sequence[Drawn], draw: Draw, call: Call) -> Verdict:
    """Have a member join answers, unless one is proved; the plurality stands when joining fails or is refused."""
    chosen, share = plurality(drawn, job.field)
    if chosen is None or chosen.finding.proof == 1 or len(drawn) < 2 or draw.is_spent:
        return draw.verdict(chosen, share, draw.reason(share, len(drawn)))
    try:
        written = await combine(member, job.task, [each.text for each in drawn], call)
    except ModelError as exc:
        draw.missing.append(f"{member.name}: {exc}")
        return draw.verdict(chosen, share, "rounds")
    draw.attempts.append(written.attempt)
    text = without_author(written.text)
    finding = await look_at(job.field, job.task, text, is_whole=written.is_whole)
    if not text or finding.proof < 0 or finding.value is None:
        return draw.verdict(chosen, share, "rounds")
    return draw.verdict(Drawn(member, text, finding), share, "combined")
