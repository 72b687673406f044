"""Who may vote and how much a vote counts, from what was measured of a model; pure.

A voter that is right half of the time or less is noise: of three such voters at 45 % the majority is right 42.5 % of the time.
So nobody votes uncalibrated, and a model whose measurement does not show more than chance has no vote.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

SURE = 0.95
"""How sure it must be that a voter is better than chance."""
LEAST_TRUE_NEGATIVES = 0.3
"""A voter must find this share of the wrong answers: one that always says yes finds none."""
LEAST_STEADY, LEAST_PARSED = 0.7, 0.98
LEAST_JUDGED = 20
"""Right and wrong answers, of each so many: a perfect score on four would otherwise be proof enough."""
MOST_WEIGHT = 2.0
SPREAD = 10
"""Wrong answers an author is taken to choose among (K - 1 of the formula), equally likely; a choice of ours, not measured."""
UNKNOWN_AUTHOR = math.log(SPREAD)
"""The weight of an author nobody measured: as of one that is right half of the time."""
_LEAST_CHANCE = 1e-6
_Z90 = 1.2815515655446004
"""The 90 % quantile of the normal distribution."""


@dataclass(frozen=True)
class VoterRecord:
    """What was counted of one model as a judge, on answers whose truth is known by execution.

    Attributes:
        true_positives: Right answers it called right.
        positives: Right answers it judged.
        true_negatives: Wrong answers it called wrong.
        negatives: Wrong answers it judged.
        steady: Verdicts that stayed when the candidates' order was turned.
        turned: Verdicts that were asked for in both orders.
        parsed: Ballots that could be read.
        asked: Ballots that were asked for.
    """

    true_positives: int = 0
    positives: int = 0
    true_negatives: int = 0
    negatives: int = 0
    steady: int = 0
    turned: int = 0
    parsed: int = 0
    asked: int = 0

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the shares of right and of wrong answers it recognised; 0.5 is chance, and what nothing counted gives."""
        return (_share(self.true_positives, self.positives) + _share(self.true_negatives, self.negatives)) / 2

    @property
    def p_better_than_chance(self) -> float:
        """How likely its balanced accuracy is above one half, with a flat prior on both shares."""
        misses = self.negatives - self.true_negatives
        yes_to_right = (1 + self.true_positives, 1 + self.positives - self.true_positives)
        yes_to_wrong = (1 + misses, 1 + self.true_negatives)
        return p_greater(yes_to_right, yes_to_wrong)

    @property
    def weight(self) -> float:
        """Log-odds of its balanced accuracy, from 0 to 2; 0 for who is not admitted."""
        if self.refusal:
            return 0.0
        accuracy = min(self.balanced_accuracy, 1 - 1e-9)
        return min(max(math.log(accuracy / (1 - accuracy)), 0.0), MOST_WEIGHT)

    @property
    def refusal(self) -> str:
        """Why it may not vote, in a sentence; empty when it may."""
        if not self.asked:
            return "it was never measured as a voter"
        if min(self.positives, self.negatives) < LEAST_JUDGED:
            return f"it judged {self.positives} right and {self.negatives} wrong answers, {LEAST_JUDGED} of each are wanted"
        if self.parsed < LEAST_PARSED * self.asked:
            return f"{self.parsed} of {self.asked} ballots could be read, {LEAST_PARSED:.0%} are wanted"
        if self.p_better_than_chance < SURE:
            return (
                f"its balanced accuracy of {self.balanced_accuracy:.2f} may be chance "
                f"(better with a probability of {self.p_better_than_chance:.2f}, {SURE} is wanted)"
            )
        if self.true_negatives < LEAST_TRUE_NEGATIVES * self.negatives:
            return f"it found {self.true_negatives} of {self.negatives} wrong answers, {LEAST_TRUE_NEGATIVES:.0%} are wanted"
        if self.steady < LEAST_STEADY * self.turned:
            return f"{self.steady} of {self.turned} verdicts stayed in the other order, {LEAST_STEADY:.0%} are wanted"
        return ""


@dataclass(frozen=True)
class GeneratorRecord:
    """What was counted of one model as an author: how many tasks, and how many of its answers were right."""

    right: int = 0
    tasks: int = 0

    @property
    def accuracy(self) -> float:
        """Share of right answers, with one right and one wrong added, so that it is never 0 or 1."""
        return (self.right + 1) / (self.tasks + 2)

    @property
    def lower_bound(self) -> float:
        """What its accuracy is at least, with 90 % confidence (Wilson's interval); 0 when nothing was counted."""
        if not self.tasks:
            return 0.0
        share, n, z = self.right / self.tasks, self.tasks, _Z90
        middle = share + z * z / (2 * n)
        spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, (middle - spread) / (1 + z * z / n))

    @property
    def weight(self) -> float:
        """How much its word counts for an answer it wrote, 0 or more.

        It is the logarithm of how much likelier it says the right answer than a certain wrong one, `p (K - 1) / (1 - p)`: who is
        mostly wrong is so in many ways, so what two of them agree on is worth more than what either says alone.
        """
        return max(0.0, math.log(self.accuracy * SPREAD / (1 - self.accuracy)))


def p_greater(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Give the probability that a draw of Beta(first) is greater than one of Beta(second); whole parameters, 1 or more.

    The sum is over the first's successes: the closed form for whole parameters of E. Miller, "Formulas for Bayesian A/B
    testing" (2015).
    """
    (a, b), (c, d) = first, second
    total = 0.0
    for i in range(a):
        total += math.exp(_log_beta(c + i, b + d) - math.log(b + i) - _log_beta(1 + i, b) - _log_beta(c, d))
    return min(max(total, 0.0), 1.0)


Chances = tuple[float, float]
"""The probability of yes that a judge gave a right and a wrong answer of one task."""


def judged(chances: Sequence[Chances]) -> tuple[VoterRecord, float]:
    """Count a judge by its probabilities of yes, and give the threshold above which a yes is one: their median, 0.5 without any.

    Half of the answers are right, so the median halves them as a good judge would. Each task is counted with the median of all
    others, so that no verdict is measured by itself.
    """
    record = VoterRecord()
    for place, (right, wrong) in enumerate(chances):
        others = [chance for pair in (*chances[:place], *chances[place + 1 :]) for chance in pair]
        threshold = median(others) if others else 0.5
        record = replace(
            record,
            true_positives=record.true_positives + (right > threshold), positives=record.positives + 1,
            true_negatives=record.true_negatives + (wrong < threshold), negatives=record.negatives + 1,
            parsed=record.parsed + 2, asked=record.asked + 2,
        )  # fmt: skip
    middle = median([chance for pair in chances for chance in pair]) if chances else 0.5
    return record, min(max(middle, _LEAST_CHANCE), 1 - _LEAST_CHANCE)


def correlation(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    """Give the correlation of two series of yes and no, -1 to 1; `None` when one of them is all the same."""
    n = len(first)
    a, b = sum(first), sum(second)
    spread = a * (n - a) * b * (n - b)
    if not spread:
        return None
    both = sum(x and y for x, y in zip(first, second, strict=True))
    return (n * both - a * b) / math.sqrt(spread)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.5
