"""One meeting: rounds of proposals and ballots until a proof, agreement or evidence ends it; gives the best so far at any time.

The order of what decides: a proof, then agreement of independent answers, then the ballots of admitted voters, then how good the
authors are known to be. Ballots are never asked of a model that was not measured.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio

from tiny_moa.deliberation.anonymity import labels, without_author
from tiny_moa.deliberation.audit import Entry, chained
from tiny_moa.deliberation.ballots import Ballot, Candidate, Tally, tally
from tiny_moa.deliberation.classes import AnswerClass, Support, group, support
from tiny_moa.deliberation.electorate import Standing, offered, weigh
from tiny_moa.deliberation.fields import Field, Finding, look_at
from tiny_moa.deliberation.panel import Seat, Voted, Written, judge, propose_together, together, vote
from tiny_moa.deliberation.rules import Reason, Rules
from tiny_moa.deliberation.state import Record, forget, render
from tiny_moa.deliberation.stopping import Utility, has_enough
from tiny_moa.deliberation.voters import UNKNOWN_AUTHOR
from tiny_moa.errors import ModelError, NoQuorum
from tiny_moa.experts.base import Attempt, Call

logger = logging.getLogger(__name__)

_CHARS_PER_TOKEN = 3
"""Characters of a token, rather too few, for states that are cut before any model counts their tokens."""


@dataclass(frozen=True)
class Proposed:
    """One answer on the table: its label, who wrote it, its text, and what was found of it."""

    label: str
    seat: Seat
    text: str
    finding: Finding


@dataclass(frozen=True)
class Verdict:
    """What a meeting came to.

    Attributes:
        text: The winner's, empty when nobody answered.
        author: The winner's seat by name.
        is_verified: Whether a verifier showed it to be right.
        reason: Why the meeting ended.
        rounds: How many rounds were begun.
        conviction: The winner's in the last tally, `None` when no ballots were counted.
        share: The share of the proposals of its round that mean the same as the winner.
        finding: What a verifier found of it.
        attempts: Everything that was written.
        missing: Who did not do its part, and why, a sentence each.
        minutes: Everything that happened, chained.
        candidates: Every answer there was, in the order it came.
    """

    text: str
    author: str
    is_verified: bool
    reason: Reason
    rounds: int
    conviction: float | None
    share: float
    finding: Finding
    attempts: tuple[Attempt, ...]
    missing: tuple[str, ...]
    minutes: tuple[Entry, ...]
    candidates: tuple[str, ...] = ()


@dataclass
class _Best:
    """The best answer so far and what speaks for it."""

    proposed: Proposed | None = None
    rank: tuple[float, ...] = ()
    share: float = 0.0
    conviction: float | None = None


class Meeting:
    """One task, one panel, once."""

    def __init__(self, job: str, task: str, field: Field, members: Sequence[Seat], standing: Standing, rules: Rules) -> None:
        """Take what is to be answered, by whom, and how.

        Args:
            job: A name that is different for each task; labels are drawn from it.
            task: In the user's words.
            field: The kind of task.
            members: Who sits.
            standing: What is known of their models.
            rules: How it is held.
        """
        self._job = job
        self._task = task
        self._field = field
        self._members = tuple(members)
        self._standing, self._is_by_verdict = standing.asked(rules.by_verdict)
        self._rules = rules
        self._utility = Utility.of(self._standing.p_right, self._standing.balanced_accuracy)
        self._attempts: list[Attempt] = []
        self._missing: list[str] = []
        self._candidates: list[str] = []
        self._minutes: tuple[Entry, ...] = ()
        self._state: tuple[Record, ...] = ()
        self._convictions: list[float] = []
        self._best = _Best()

    async def hold(self, call: Call) -> Verdict:
        """Hold the meeting. Never fails for a member: who does not do its part is named in the verdict.

        At the deadline the best so far comes back.
        """
        self._note("opened", task=self._task, field=self._field.name, members=[m.name for m in self._members])
        reason: Reason = "rounds"
        rounds = 0
        while rounds < self._rules.rounds:
            rounds += 1
            ended = await self._round(rounds, call, is_last=rounds == self._rules.rounds)
            if ended is not None:
                reason = ended
                break
        return self._verdict(reason, rounds)

    # -- one round ------------------------------------------------------------------------------------------------------

    async def _round(self, number: int, call: Call, *, is_last: bool) -> Reason | None:
        """Hold one round; gives why it was the last, `None` when another one may follow."""
        table = await self._proposals(number, call)
        if not table:
            return "nobody answered" if self._best.proposed is None else self._out_of(call)
        classes = self._classes(table)
        if self._settle(number, table, classes):
            return "verifier"
        if self._is_agreed(table, classes):
            return "agreement"
        voters = [m for m in self._members if self._standing.weights.get(m.model.spec.name, 0.0) > 0]
        if not voters and (is_last or not self._is_refuted):
            return "no voters"
        if (short := self._is_short(call)) is not None:
            return short
        ballots = await self._ballots(number, table, voters, call) if voters else []
        counted = self._count(number, table, classes, ballots) if voters else None
        if counted is not None and has_enough(self._convictions, self._utility, self._rules.effort):
            return "evidence"
        self._remember(number, table, classes)
        return "rounds" if is_last else self._is_short(call)

    async def _proposals(self, number: int, call: Call) -> list[Proposed]:
        table: list[Proposed] = []
        names = labels([m.name for m in self._members], self._job, number)
        waiting = len(self._members)
        for alike in together(self._members):
            if table and self._is_short(call) is not None:
                self._miss(number, alike, "there was no time or no tokens left for its proposal")
                continue
            call.listener.stage(f"proposal {len(self._members) - waiting + 1} of {len(self._members)}, round {number}")
            bounded = _share(call, parts=waiting - len(alike) + 2)
            waiting -= len(alike)
            for member, written in zip(alike, await self._written(number, alike, bounded), strict=False):
                self._attempts.append(written.attempt)
                if not (text := without_author(written.text)):
                    self._miss(number, [member], "it wrote nothing")
                    continue
                self._candidates.append(text)
                finding = await look_at(self._field, self._task, text, is_whole=written.is_whole)
                table.append(Proposed(names[member.name], member, text, finding))
        table.sort(key=lambda proposed: proposed.label)
        self._note("proposals", round=number, proposals=[_said(proposed) for proposed in table])
        return table

    async def _written(self, number: int, members: Sequence[Seat], call: Call) -> Sequence[Written]:
        values = {"task": self._task, "state": render(self._state)}
        seed, warmth = self._rules.seed + 1000 * (number - 1), self._rules.temperature
        try:
            return await propose_together(members, self._field.template, values, call, temperature=warmth, seed=seed)
        except ModelError as exc:
            self._miss(number, members, str(exc))
            return ()

    async def _ballots(self, number: int, table: Sequence[Proposed], voters: Sequence[Seat], call: Call) -> list[Ballot]:
        texts, state = {p.label: p.text for p in table}, render(self._state)
        ballots, said, masks = [], [], {"masks_own": self._rules.masks_own, "masks_family": self._rules.masks_family}
        known, authors = [voter.member for voter in voters], {p.label: p.seat.member for p in table}
        for place, member in enumerate(voters):
            asked = offered(known[place], authors, known, **masks)
            if not asked:
                continue
            if self._is_short(call) is not None:
                self._miss(number, [member], "there was no time or no tokens left for its ballot")
                continue
            call.listener.stage(f"ballot {place + 1} of {len(voters)}, round {number}")
            try:
                bounded = _share(call, parts=len(voters) - place + 1)
                voted = await self._voted(member, state, texts, asked, bounded)
            except ModelError as exc:
                self._miss(number, [member], str(exc))
                continue
            self._attempts += voted.attempts
            if not voted.is_readable:
                self._miss(number, [member], "its ballot could not be read and counts as an abstention")
            ballots.append(voted.ballot)
            said.append({"voter": member.name, "model": member.model.spec.name, "credits": dict(voted.ballot.credits)})
        self._note("ballots", round=number, ballots=said)
        return ballots

    async def _voted(self, member: Seat, state: str, texts: Mapping[str, str], asked: Sequence[str], call: Call) -> Voted:
        if not self._is_by_verdict:
            return await vote(member, self._task, state, texts, asked, call)
        threshold = self._standing.thresholds.get(member.model.spec.name, 0.5)
        return await judge(member, self._task, texts, asked, call, threshold=threshold)

    # -- what a round came to -------------------------------------------------------------------------------------------

    def _classes(self, table: Sequence[Proposed]) -> tuple[AnswerClass[Any], ...]:
        return group({p.label: p.finding.value for p in table}, self._field.is_same)

    def _settle(self, number: int, table: Sequence[Proposed], classes: Sequence[AnswerClass[Any]]) -> bool:
        """Take the best of the round by what is known before any ballot; says whether a verifier settled it."""
        ranked = [(self._support(answers, table, []), answers) for answers in classes]
        self._take(number, table, ranked)
        return bool(self._best.proposed and self._best.proposed.finding.proof == 1)

    def _count(
        self, number: int, table: Sequence[Proposed], classes: Sequence[AnswerClass[Any]], ballots: Sequence[Ballot]
    ) -> Tally | None:
        """Count the ballots and take the class that most speaks for; `None` when there is no quorum."""
        candidates = [Candidate(p.label, p.seat.name, self._author_weight(p.seat), len(p.text)) for p in table]
        weights = self._weights(ballots)
        rules = self._rules
        try:
            counted = tally(ballots, candidates, weights=weights, form=rules.form, masks_own=rules.masks_own)
        except NoQuorum as exc:
            self._note("tally", round=number, quorum=False, reason=str(exc))
            return None
        self._convictions.append(counted.conviction)
        said = {"winner": counted.winner, "conviction": round(counted.conviction, 9), "endorsed": counted.is_endorsed}
        support_ = {label: round(value, 9) for label, value in counted.net_support.items()}
        known = {c.label: {"author": c.author, "prior": round(c.prior, 9), "length": c.length} for c in candidates}
        self._note("tally", round=number, quorum=True, weights=weights, candidates=known, support=support_, **said)
        ranked = [(self._support(answers, table, ballots), answers) for answers in classes]
        self._take(number, table, ranked, counted)
        return counted

    def _weights(self, ballots: Sequence[Ballot]) -> dict[str, float]:
        """Give what the word of each who said something counts."""
        heard = {ballot.voter for ballot in ballots if not ballot.is_abstention}
        voters = [m.member for m in self._members if m.name in heard]
        if self._rules.weighs_kin:
            return weigh(voters, self._standing)
        return {voter.name: self._standing.weights.get(voter.model, 0.0) for voter in voters}

    def _support(self, answers: AnswerClass[Any], table: Sequence[Proposed], ballots: Sequence[Ballot]) -> Support:
        candidates = {p.label: Candidate(p.label, p.seat.name) for p in table}
        weights = self._weights(ballots)
        proofs = {p.label: p.finding.proof for p in table}
        odds = {p.seat.name: self._author_weight(p.seat) for p in table}
        found = support(answers, candidates, ballots, weights, proofs=proofs, author_weights=odds, form=self._rules.form)
        models = {p.seat.model.spec.name: self._author_weight(p.seat) for p in table if p.label in answers.labels}
        return replace(found, authors=sum(models[name] for name in sorted(models)))  # copies of one model count once

    def _take(
        self, number: int, table: Sequence[Proposed], ranked: Iterable[tuple[Support, AnswerClass[Any]]],
        counted: Tally | None = None,
    ) -> None:  # fmt: skip
        """Keep the best of what there is, this round's or an earlier one's; ties go to what came first."""
        by_label = {p.label: p for p in table}
        for found, answers in ranked:
            supported = counted.net_support if counted else {}
            members = [by_label[label] for label in answers.labels]
            chosen = min(
                members, key=lambda p: (-p.finding.proof, -supported.get(p.label, 0.0), -self._author_weight(p.seat), p.label)
            )
            rank = (float(found.proof), float(answers.answer is not None), float(counted is not None), *found.rank[1:])
            if rank > self._best.rank or self._best.proposed is None:
                conviction = counted.conviction if counted else None
                self._best = _Best(chosen, rank, len(members) / len(table), conviction)

    def _is_agreed(self, table: Sequence[Proposed], classes: Sequence[AnswerClass[Any]]) -> bool:
        """Whether enough answers mean the same as the best one, none of them refused by a verifier.

        Where several models sit, two at least must agree: the copies of one err alike.
        """
        largest = max(classes, key=lambda c: len(c.labels))
        members = [p for p in table if p.label in largest.labels]
        if not any(p is self._best.proposed for p in members):
            return False
        models, all_models = ({p.seat.model.spec.name for p in some} for some in (members, table))
        if len(members) < 2 or len(models) < min(2, len(all_models)) or largest.answer is None:
            return False
        return len(members) / len(table) >= self._rules.agreement and all(p.finding.proof >= 0 for p in members)

    def _remember(self, number: int, table: Sequence[Proposed], classes: Sequence[AnswerClass[Any]]) -> None:
        """Bring facts into the state, never scores or who leads: small models copy what they are shown."""
        facts = [Record("test", p.finding.fact, number) for p in table if p.finding.fact]
        if len(classes) > 1:
            split = sorted(str(c.answer) for c in classes if c.answer is not None)
            facts.append(Record("contested", f"the answers differ: {'; '.join(split)[:160]}", number))
        kept = forget([*self._state, *facts], number, _tokens, gamma=self._rules.gamma, most_tokens=self._rules.state_tokens)
        self._state = kept
        self._note("state", round=number, state=render(kept))

    # -- bounds and minutes ---------------------------------------------------------------------------------------------

    @property
    def _is_refuted(self) -> bool:
        """Whether even the best answer so far was shown to be wrong, so that there is something to tell the next round."""
        return self._best.proposed is not None and self._best.proposed.finding.proof < 0

    def _is_short(self, call: Call) -> Reason | None:
        if anyio.current_time() >= call.deadline:
            return "deadline"
        most = self._rules.most_tokens
        used = sum(a.usage.prompt_tokens - a.usage.cached_tokens + a.usage.completion_tokens for a in self._attempts)
        return "budget" if most is not None and used >= most else None

    def _out_of(self, call: Call) -> Reason:
        return self._is_short(call) or "nobody answered"

    def _author_weight(self, member: Seat) -> float:
        return self._standing.author_weights.get(member.model.spec.name, UNKNOWN_AUTHOR)

    def _miss(self, number: int, members: Sequence[Seat], why: str) -> None:
        for member in members:
            logger.info("%s did not do its part in round %d", member.name, number)
            self._missing.append(f"{member.name}, round {number}: {why}")
            self._note("missing", round=number, member=member.name, reason=why)

    def _note(self, kind: str, **body: Any) -> None:
        self._minutes = chained(self._minutes, kind, body)

    def _verdict(self, reason: Reason, rounds: int) -> Verdict:
        best = self._best.proposed
        self._note("closed", reason=reason, rounds=rounds, winner=best.seat.name if best else "", text=best.text if best else "")
        finding = best.finding if best else Finding()
        return Verdict(
            text=best.text if best else "",
            author=best.seat.name if best else "",
            is_verified=finding.proof == 1,
            reason=reason,
            rounds=rounds,
            conviction=self._best.conviction,
            share=self._best.share,
            finding=finding,
            attempts=tuple(self._attempts),
            missing=tuple(self._missing),
            minutes=self._minutes,
            candidates=tuple(self._candidates),
        )


def _said(proposed: Proposed) -> dict[str, Any]:
    seat, proof = proposed.seat, proposed.finding.proof
    return {"label": proposed.label, "author": seat.name, "model": seat.model.spec.name, "text": proposed.text, "proof": proof}


def _share(call: Call, *, parts: int) -> Call:
    """The call with an equal share of the time that is left."""
    now = anyio.current_time()
    return call.until(now + (call.deadline - now) / parts)


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)
