"""What is known of the models of a panel, who votes on whose answer, and how much a vote counts beside those of its kin; pure.

Judges that err alike say one thing twice: with a correlation of r between their errors, n are worth `n / (1 + (n - 1) r)`. And a
judge may like what its own family writes, so it leaves that to others where there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SAME_FAMILY = 0.8
"""How much the errors of two models of one family are taken to go together while nobody measured it: they count about once."""

Correlations = Mapping[frozenset[str], float]
"""For two models, how much their errors as judges go together, 0 to 1."""


@dataclass(frozen=True)
class Standing:
    """What is known of the models: weights of admitted voters and of authors, and how the panel does in general.

    Attributes:
        weights: By model; who is not named does not vote.
        author_weights: By model; who is not named counts as right half of the time.
        p_right: Chance that one answer alone is right.
        balanced_accuracy: Of those who judge.
        correlations: Of the judges that were measured on the same answers.
        thresholds: By model, the probability of yes above which its verdict is one; 0.5 for who is not named.
        by_verdict: The same when voters are asked of each answer whether it is right, instead of for credits; `None` when nobody
            was measured that way.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    author_weights: Mapping[str, float] = field(default_factory=dict)
    p_right: float = 0.5
    balanced_accuracy: float = 0.5
    correlations: Correlations = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    by_verdict: Standing | None = None

    def asked(self, by_verdict: bool | None) -> tuple[Standing, bool]:
        """Give what holds when voters are asked in a way, and whether it is for verdicts; `None` takes what tells more."""
        other = self.by_verdict
        if by_verdict is None:
            by_verdict = other is not None and sum(other.weights.values()) > sum(self.weights.values())
        return (other if by_verdict and other is not None else self), by_verdict


@dataclass(frozen=True)
class Member:
    """One seat: its name, its model and the model's family."""

    name: str
    model: str
    family: str


def kinship(one: Member, other: Member, correlations: Correlations) -> float:
    """Give how much the errors of two go together: 1 for one model, else as it was measured, else by their families."""
    if one.model == other.model:
        return 1.0
    measured = correlations.get(frozenset((one.model, other.model)))
    if measured is not None:
        return min(max(measured, 0.0), 1.0)
    return SAME_FAMILY if one.family == other.family else 0.0


def weigh(voters: Sequence[Member], standing: Standing) -> dict[str, float]:
    """Give the weight of each who votes, by name: its model's, divided by one and the kinship to all others who vote."""
    found = {}
    for place, voter in enumerate(voters):
        others = [*voters[:place], *voters[place + 1 :]]
        alike = sum(kinship(voter, other, standing.correlations) for other in others)
        found[voter.name] = standing.weights.get(voter.model, 0.0) / (1 + alike)
    return found


def offered(
    voter: Member, authors: Mapping[str, Member], voters: Sequence[Member], *, masks_own: bool = True, masks_family: bool = True
) -> list[str]:
    """Give the candidates a voter is asked about: not its own, nor its family's where a voter of another family is asked.

    Args:
        voter: Who votes.
        authors: Of the candidates, by label.
        voters: All who vote, the voter included.
        masks_own: False offers its own too, to measure what that costs.
        masks_family: False offers those of its family too, for the same.
    """
    is_left_to_others = masks_family and any(other.family != voter.family for other in voters)

    def may_judge(author: Member) -> bool:
        if author.name == voter.name:
            return not masks_own
        return not (is_left_to_others and author.family == voter.family)

    return [label for label, author in authors.items() if may_judge(author)]
