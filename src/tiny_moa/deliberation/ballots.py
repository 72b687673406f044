"""Turns ballots into scores, a winner and its conviction by quadratic voting; pure, asks nobody and draws nothing.

Source of the formulas: N-Way Self-Evaluating Deliberation (arXiv 2601.16863) as its authors' open kit quorum-rs documents them
(quadratic votes, net support, winner conviction). Abstentions, ties, weights and the form that keeps intensity are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tiny_moa.errors import NoQuorum

CREDITS = (-9, -4, -1, 0, 1, 4, 9)
"""What a ballot may give a candidate: squares, so that the votes they buy are whole numbers from -3 to 3."""
BUDGET = float(max(CREDITS))
"""Credits that count as a full purse in the form that keeps intensity: who gives less, buys less."""
SAME = 1e-9
"""Scores closer than this are equal."""

Form = Literal["intensity", "strict", "mean"]
"""How credits become votes: the root of their share of the purse, or of what the voter gave in all, which makes (1, 0) equal to
(9, 0); or, for comparison, the credits themselves without any root."""


@dataclass(frozen=True)
class Ballot:
    """One voter's word on the others' candidates.

    Attributes:
        voter: Who votes.
        credits: Credits by candidate; the voter's own is absent. Empty or all zero abstains.
    """

    voter: str
    credits: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_abstention(self) -> bool:
        """Whether it says nothing."""
        return not any(self.credits.values())


@dataclass(frozen=True)
class Candidate:
    """What is voted on.

    Attributes:
        label: Its anonymous name, the same for all voters.
        author: Who wrote it; may not vote on it.
        prior: How good the author is known to be, for ties.
        length: Of its text, in characters, for ties.
    """

    label: str
    author: str
    prior: float = 0.0
    length: int = 0


@dataclass(frozen=True)
class Tally:
    """What the ballots came to.

    Attributes:
        scores: Sum of the votes for each candidate.
        net_support: Weighted mean of the votes over the real ballots that name it, in [-1, 1]; 0 where there is none.
        voters: How many ballots counted.
        winner: The label with the most net support; ties by prior, then the shorter text, then the earlier label.
        is_endorsed: Whether the winner has more support than opposition.
        conviction: Net support of the winner over the sum of all absolute ones, in [-1, 1]; 0 when nobody has any.
        positive_conviction: The same over the positive ones only, so that opposing the losers does not lower it; [0, 1].
    """

    scores: Mapping[str, float]
    net_support: Mapping[str, float]
    voters: int
    winner: str
    is_endorsed: bool
    conviction: float
    positive_conviction: float


def ballot_schema(labels: Sequence[str]) -> dict[str, Any]:
    """Give the JSON Schema of a ballot over these candidates; whoever may not vote on one is not offered it."""
    return {
        "type": "object",
        "properties": {label: {"enum": list(CREDITS)} for label in labels},
        "required": list(labels),
        "additionalProperties": False,
    }


def credits_of_probability(yes: float, threshold: float = 0.5) -> float:
    """Turn the probability of a verdict `yes`, 0 to 1, into credits from -9 to 9.

    Who says yes to nearly everything means little by it: the odds are taken against those of the threshold, which gives none.
    """
    if not (0 <= yes <= 1 and 0 < threshold < 1):
        raise ValueError(f"a probability of {yes}, with a threshold of {threshold}")
    for_it, against = yes * (1 - threshold), (1 - yes) * threshold
    return BUDGET * ((for_it - against) / (for_it + against))  # in this order it is never beyond the budget


def votes(ballot: Ballot, form: Form = "intensity") -> dict[str, float]:
    """Give what a ballot's credits buy, each in [-1, 1].

    In the quadratic forms it is the signed root of each candidate's share, and the shares of one ballot add up to 1 at most,
    so a vote for everybody is worth less than one for a single candidate.
    """
    if form == "mean":
        return {label: max(-1.0, min(1.0, given / BUDGET)) for label, given in ballot.credits.items()}
    spent = sum(map(abs, ballot.credits.values()))
    purse = spent if form == "strict" else max(spent, BUDGET)
    if not spent:
        return {}
    return {label: math.copysign(math.sqrt(abs(given) / purse), given) for label, given in ballot.credits.items()}


def tally(
    ballots: Sequence[Ballot], candidates: Sequence[Candidate], *, weights: Mapping[str, float] | None = None,
    form: Form = "intensity", masks_own: bool = True,
) -> Tally:  # fmt: skip
    """Count ballots over candidates.

    A vote on a voter's own candidate or on an unknown one is not counted: the diagonal is masked here once more, whatever the
    ballot's form let through. A voter of weight 0 changes nothing. An abstention is no zero: it counts nowhere.

    Args:
        ballots: At most one for each voter.
        candidates: In the order of their labels.
        weights: How much a voter's word counts, 0 or more; 1 for everybody when it is `None`, 0 for who is not named.
        form: How credits become votes.
        masks_own: False counts votes for oneself, to measure what that costs.

    Raises:
        NoQuorum: There are fewer than two candidates, or no ballot that counts.
    """
    if len(candidates) < 2:
        raise NoQuorum(f"{len(candidates)} candidates; two are the least")
    author = {candidate.label: candidate.author for candidate in candidates}
    given: dict[str, list[tuple[float, float]]] = {label: [] for label in author}
    voters = 0
    for ballot in ballots:
        weight = 1.0 if weights is None else weights.get(ballot.voter, 0.0)
        mine = Ballot(ballot.voter, _counted(ballot, author, masks_own=masks_own))
        if weight <= 0 or mine.is_abstention:
            continue
        voters += 1
        for label, vote in votes(mine, form).items():
            given[label].append((weight, vote))
    if not voters:
        raise NoQuorum("no ballot that counts")
    scores = {label: sum(weight * vote for weight, vote in pairs) for label, pairs in given.items()}
    support = {label: _mean(pairs) for label, pairs in given.items()}
    winner = _winner(candidates, support)
    everything = sum(map(abs, support.values()))
    positive = sum(max(value, 0.0) for value in support.values())
    return Tally(
        scores=scores,
        net_support=support,
        voters=voters,
        winner=winner,
        is_endorsed=support[winner] > SAME,
        conviction=support[winner] / everything if everything > SAME else 0.0,
        positive_conviction=max(support[winner], 0.0) / positive if positive > SAME else 0.0,
    )


def _counted(ballot: Ballot, author: Mapping[str, str], *, masks_own: bool) -> dict[str, float]:
    known = {label: given for label, given in ballot.credits.items() if label in author}
    return {label: given for label, given in known.items() if not (masks_own and author[label] == ballot.voter)}


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
    total = sum(weight for weight, _ in pairs)
    return sum(weight * vote for weight, vote in pairs) / total if total else 0.0


def _winner(candidates: Sequence[Candidate], support: Mapping[str, float]) -> str:
    best = max(support[candidate.label] for candidate in candidates)
    tied = [candidate for candidate in candidates if best - support[candidate.label] < SAME]
    return min(tied, key=lambda candidate: (-candidate.prior, candidate.length, candidate.label)).label
