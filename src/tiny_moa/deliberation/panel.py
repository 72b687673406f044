"""Who sits in a meeting and how each is asked: to propose, to vote, to say whether one answer is right; decides nothing.

All who sit with one model are asked with the same words; only the form of a ballot differs. So a model reads the prompt of a
phase once, however many of its copies sit: proposals as a fan-out, ballots from where the given beginning of the reply stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tiny_moa.deliberation.ballots import Ballot, ballot_schema, credits_of_probability
from tiny_moa.deliberation.electorate import Member
from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.base import Attempt, Call, TemplatedModel
from tiny_moa.models.runtime import MOST_SAMPLES

BALLOT, VERDICT, COMBINE = (f"deliberation/{name}" for name in ("ballot", "verdict", "combine"))
HOLES: Mapping[str, tuple[str, ...]] = {
    BALLOT: ("task", "state", "candidates"),
    VERDICT: ("task", "candidate"),
    COMBINE: ("task", "candidates"),
}
"""The templates of a meeting and the holes it fills, those of proposals left out: they are the fields' own."""
PROPOSAL_HOLES = ("task", "state")
NOTHING = "nothing yet"
"""What stands where a state would be, before there is one."""
_YES, _NO = "Yes", "No"
_BALLOT_TOKENS = 12
"""Tokens a candidate takes on a ballot at most, its label and the punctuation counted."""


@dataclass(frozen=True)
class Seat:
    """One member: a model, asked in one way.

    Attributes:
        name: Its name in the minutes, such as `qwen2.5-coder-1.5b` or `qwen2.5-coder-1.5b#2`; nobody is shown it.
        model: The model.
        number: Its place among those who sit with the same model, from 0; its seed.
    """

    name: str
    model: TemplatedModel
    number: int = 0

    @property
    def member(self) -> Member:
        """Who it is, without the model to ask."""
        return Member(self.name, self.model.spec.name, self.model.spec.family)


@dataclass(frozen=True)
class Written:
    """What a member wrote, and what it cost."""

    text: str
    attempt: Attempt

    @property
    def is_whole(self) -> bool:
        """Whether the member ended it, rather than a bound."""
        return self.attempt.finish == "stop"


@dataclass(frozen=True)
class Voted:
    """A member's ballot, and what it cost; an unreadable one is empty."""

    ballot: Ballot
    attempts: tuple[Attempt, ...]
    is_readable: bool


def seat(models: Sequence[TemplatedModel]) -> tuple[Seat, ...]:
    """Seat models in order; one that is named again sits again under a number of its own.

    Raises:
        InvalidRequest: Nobody is named.
    """
    if not models:
        raise InvalidRequest("a panel without members; name one model at least")
    seats: list[Seat] = []
    for model in models:
        number = sum(other.model.spec.name == model.spec.name for other in seats)
        seats.append(Seat(model.spec.name + (f"#{number + 1}" if number else ""), model, number))
    return tuple(seats)


async def propose(
    member: Seat, template: str, values: Mapping[str, str], call: Call, *, temperature: float, seed: int
) -> Written:  # fmt: skip
    """Have a member answer a task in the words of its field; `values` are the `task` and the `state`.

    Raises:
        ModelError: The model could not do it.
    """
    sampling = {"temperature": temperature, "seed": (seed + member.number) % (1 << 32)}
    filled = {"task": values["task"], "state": values["state"] or NOTHING}
    completion, attempt = await member.model.write(template, filled, call, sampling=sampling)
    return Written(completion.text.strip(), attempt)


async def propose_together(
    members: Sequence[Seat], template: str, values: Mapping[str, str], call: Call, *, temperature: float, seed: int
) -> tuple[Written, ...]:  # fmt: skip
    """Have all who sit with one model answer a task; the prompt is read once and the answers are computed as one batch.

    Raises:
        ModelError: The model could not do it.
    """
    if len(members) == 1:
        return (await propose(members[0], template, values, call, temperature=temperature, seed=seed),)
    sampling = {"temperature": temperature, "seed": (seed + members[0].number) % (1 << 32)}
    filled = {"task": values["task"], "state": values["state"] or NOTHING}
    drawn = await members[0].model.sample(template, filled, call, len(members), sampling=sampling)
    return tuple(Written(completion.text.strip(), attempt) for completion, attempt in drawn)


def together(members: Sequence[Seat]) -> tuple[tuple[Seat, ...], ...]:
    """Group members that sit side by side with one model, in their order, as many as are computed at a time."""
    groups: list[tuple[Seat, ...]] = []
    for _, same in groupby(members, key=lambda member: member.model.spec.name):
        group = tuple(same)
        groups += [group[start : start + MOST_SAMPLES] for start in range(0, len(group), MOST_SAMPLES)]
    return tuple(groups)


async def vote(member: Seat, task: str, state: str, texts: Mapping[str, str], offered: Sequence[str], call: Call) -> Voted:
    """Have a member give credits to the candidates it is offered, always taking the likeliest; all are shown, by label.

    Raises:
        ModelError: The model could not do it.
    """
    bounded = replace(call, max_tokens=8 + _BALLOT_TOKENS * len(offered))
    greedy = {"temperature": 0.0, "seed": member.number}
    values = {"task": task, "state": state or NOTHING, "candidates": shown_candidates(texts)}
    schema = ballot_schema(offered)
    completion, attempt = await member.model.write(BALLOT, values, bounded, schema=schema, opening="{", sampling=greedy)
    credits = read_ballot(completion.text, offered)
    return Voted(Ballot(member.name, credits or {}), (attempt,), credits is not None)


async def judge(
    member: Seat, task: str, texts: Mapping[str, str], offered: Sequence[str], call: Call, *, threshold: float = 0.5
) -> Voted:  # fmt: skip
    """Have a member say of each candidate it is offered, one by one, whether it is right; its probability is the credit.

    Nothing is written, so such a ballot can always be read. What was found out so far is not shown.

    Raises:
        ModelError: The model could not do it.
    """
    said = {label: await chance(member, task, texts[label], call) for label in offered}
    credits = {label: credits_of_probability(yes, threshold) for label, (yes, _) in said.items()}
    return Voted(Ballot(member.name, credits), tuple(attempt for _, attempt in said.values()), is_readable=True)


async def chance(member: Seat, task: str, candidate: str, call: Call) -> tuple[float, Attempt]:
    """Give a member's probability of `Yes`, 0 to 1, when it is asked whether one candidate is right.

    Raises:
        ModelError: The model could not do it.
    """
    (yes, _), attempt = await member.model.score(VERDICT, {"task": task, "candidate": candidate}, (_YES, _NO), call)
    return min(max(yes, 0.0), 1.0), attempt


async def combine(member: Seat, task: str, texts: Sequence[str], call: Call) -> Written:
    """Have a member write one answer out of several.

    Raises:
        ModelError: The model could not do it.
    """
    shown = shown_candidates({f"C{place}": text for place, text in enumerate(texts, start=1)})
    completion, attempt = await member.model.write(COMBINE, {"task": task, "candidates": shown}, call)
    return Written(completion.text.strip(), attempt)


def read_ballot(text: str, offered: Sequence[str]) -> dict[str, float] | None:
    """Read the credits for the candidates that were offered; `None` for anything that is no such ballot."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or set(said) != set(offered):
        return None
    if any(isinstance(given, bool) or not isinstance(given, int | float) or not -9 <= given <= 9 for given in said.values()):
        return None
    return {label: float(given) for label, given in said.items()}


def shown_candidates(texts: Mapping[str, str], *, max_chars: int = 1200) -> str:
    """Write candidates as voters read them: in the order of their labels, each between marks that no text can close."""
    parts = []
    for label in sorted(texts, key=lambda label: (len(label), label)):
        text = texts[label].replace("</candidate", "</ candidate")
        cut = text if len(text) <= max_chars else text[:max_chars] + " […]"
        parts.append(f"<candidate {label}>\n{cut}\n</candidate>")
    return "\n\n".join(parts)
