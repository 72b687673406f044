"""Answers that mean the same are one class; what speaks for a class, from proofs down to votes; pure.

Masking a whole class for its authors would be wrong: when two of three agree, only the dissenter could vote on them. So a
voter judges each candidate of a class but its own, and the class gets the mean of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tiny_moa.deliberation.ballots import Ballot, Candidate, Form, votes

T = TypeVar("T")


@dataclass(frozen=True)
class AnswerClass(Generic[T]):
    """Candidates whose answers mean the same.

    Attributes:
        answer: The first one's.
        labels: Of its candidates, in their order.
    """

    answer: T
    labels: tuple[str, ...]


def group(answers: Mapping[str, T | None], is_same: Callable[[T, T], bool]) -> tuple[AnswerClass[T | None], ...]:
    """Put answers into classes, in the order of their first candidates.

    Sameness is taken as transitive: an answer joins every class with a member that is the same, and those become one. An
    answer that could not be read (`None`) is a class of its own.
    """
    classes: list[list[str]] = []
    for label, answer in answers.items():
        joined = [label]
        if answer is not None:
            for found in [c for c in classes if any(_agree(answers[other], answer, is_same) for other in c)]:
                classes.remove(found)
                joined = [*found, *joined]
        classes.append(joined)
    order = {label: place for place, label in enumerate(answers)}
    ordered = sorted((sorted(c, key=order.__getitem__) for c in classes), key=lambda c: order[c[0]])
    return tuple(AnswerClass(answers[c[0]], tuple(c)) for c in ordered)


def _agree(first: T | None, second: T, is_same: Callable[[T, T], bool]) -> bool:
    return first is not None and is_same(first, second)


@dataclass(frozen=True)
class Support:
    """What speaks for a class.

    Attributes:
        proof: 1 when a verifier showed it to be right, -1 when it showed it to be wrong, 0 when none could tell.
        authors: Sum of the weights of its authors, each model once.
        judges: What the admitted voters think of it, weighted.
        size: How many candidates it has.
    """

    proof: int
    authors: float
    judges: float
    size: int

    @property
    def rank(self) -> tuple[int, float, int]:
        """What classes are compared by: proof outranks everything, then authors and judges together, then size."""
        return self.proof, self.authors + self.judges, self.size


def support(
    answers: AnswerClass[T], candidates: Mapping[str, Candidate], ballots: Sequence[Ballot], weights: Mapping[str, float], *,
    proofs: Mapping[str, int], author_weights: Mapping[str, float], form: Form = "intensity",
) -> Support:  # fmt: skip
    """Weigh one class.

    Args:
        answers: The class.
        candidates: All candidates by label.
        ballots: At most one for each voter.
        weights: Of the voters; who is not named has none.
        proofs: 1, -1 or 0 by label; one proof for or against a candidate holds for its class, and one for it wins.
        author_weights: Of the authors; 0 for who is not named. Several answers of one model count once.
        form: How credits become votes.
    """
    found = {proofs.get(label, 0) for label in answers.labels}
    judged = 0.0
    for ballot in ballots:
        weight = weights.get(ballot.voter, 0.0)
        bought = votes(ballot, form)
        others = [label for label in answers.labels if candidates[label].author != ballot.voter and label in bought]
        if weight > 0 and others:
            judged += weight * sum(bought[label] for label in others) / len(others)
    authors = {candidates[label].author for label in answers.labels}
    return Support(
        proof=1 if 1 in found else -1 if -1 in found else 0,
        authors=sum(author_weights.get(author, 0.0) for author in sorted(authors)),
        judges=judged,
        size=len(answers.labels),
    )
