"""When more rounds are not worth it: the utility of a meeting over its rounds, and the evidence gathered so far; pure.

`U(t) = 1 - (1 - p) exp(-k t) - b t^2`, the efficiency and fatigue model of N-Way Self-Evaluating Deliberation (arXiv
2601.16863, its authors' blog and open kit). p is the chance that one answer is right, k how fast a round finds out, b how fast
context wears out. The authors fit k as the rate times (accuracy of a verifier - p), which calls a coin-flip verifier useful
whenever p is below one half; ours is the rate times (2 BA - 1), with BA the balanced accuracy of those who judge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RATE, FATIGUE, EFFORT = 2.0, 0.004, 0.6
"""Of the authors' reference run (rate, fatigue) and of their kit (effort); not fitted on models of ours."""


@dataclass(frozen=True)
class Utility:
    """The curve of one meeting.

    Attributes:
        p_right: Chance that one answer alone is right, 0 to 1.
        gain: k of the formula: the rate times the discrimination of those who judge; 0 when they are noise.
        fatigue: b of the formula, above 0.
    """

    p_right: float
    gain: float
    fatigue: float = FATIGUE

    @classmethod
    def of(cls, p_right: float, balanced_accuracy: float, *, rate: float = RATE, fatigue: float = FATIGUE) -> Utility:
        """Give the curve for judges of a balanced accuracy; one half or less is noise and gains nothing."""
        return cls(p_right, rate * max(0.0, 2 * balanced_accuracy - 1), fatigue)

    def at(self, rounds: float) -> float:
        """Give the utility after so many rounds."""
        return 1 - (1 - self.p_right) * math.exp(-self.gain * rounds) - self.fatigue * rounds**2

    def slope(self, rounds: float) -> float:
        """Give what the next moment of deliberating adds."""
        return (1 - self.p_right) * self.gain * math.exp(-self.gain * rounds) - 2 * self.fatigue * rounds

    @property
    def best_rounds(self) -> float:
        """Where the slope is zero: `W(k^2 (1 - p) / 2b) / k` with Lambert's W; 0 when judging gains nothing."""
        if self.gain <= 0:
            return 0.0
        return lambert_w(self.gain**2 * (1 - self.p_right) / (2 * self.fatigue)) / self.gain

    @property
    def signal(self) -> float:
        """What there is to be had in all: the slopes of the rounds up to the best one (the authors name it and give no sum)."""
        return sum(max(self.slope(t), 0.0) for t in range(1, math.floor(self.best_rounds) + 1))


def evidence(convictions: Sequence[float], utility: Utility) -> float:
    """Add up what the rounds so far have shown: the winner's conviction times the slope, negative ones as nothing."""
    return sum(max(w, 0.0) * max(utility.slope(t), 0.0) for t, w in enumerate(convictions, start=1))


def has_enough(convictions: Sequence[float], utility: Utility, effort: float = EFFORT) -> bool:
    """Whether the evidence reaches the wanted share of all there is, or the best number of rounds has been held."""
    held = len(convictions)
    return held >= utility.best_rounds or evidence(convictions, utility) >= effort * utility.signal


def lambert_w(x: float) -> float:
    """Give the real w >= -1 with `w exp(w) = x`, for x >= 0, by Newton's method to twelve digits.

    Raises:
        ValueError: x is negative.
    """
    if x < 0:
        raise ValueError(f"lambert_w of {x}; 0 is the least here")
    w = math.log1p(x)
    for _ in range(64):
        step = (w * math.exp(w) - x) / (math.exp(w) * (w + 1))
        w -= step
        if abs(step) < 1e-12 * (1 + abs(w)):
            break
    return w
