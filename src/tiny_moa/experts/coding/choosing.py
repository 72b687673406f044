"""Decides between candidates, and whether what passed is enough to call code verified; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiny_moa.experts.coding.trials import Run

ENOUGH = 3
"""So many trials passed need no second opinion."""
ENOUGH_AGREED = 2
"""So many are enough when an answer drawn apart agrees. One never is: models that share a mistake agree on it."""
_LEAST_RESULTS = 2
"""How many different results must be among them: a function that always says no passes every trial that wants a no."""


@dataclass(frozen=True)
class Candidate:
    """One piece of code and what is known of it.

    Attributes:
        code: The source.
        is_parsed: Whether it parses.
        lacking: Names that are demanded and that it does not define.
        runs: How each trial went.
    """

    code: str
    is_parsed: bool
    lacking: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def passed(self) -> tuple[Run, ...]:
        """The trials it passed."""
        return tuple(run for run in self.runs if run.verdict == "passed")

    @property
    def failed(self) -> tuple[Run, ...]:
        """The trials it failed."""
        return tuple(run for run in self.runs if run.verdict == "failed")

    @property
    def is_right(self) -> bool:
        """Whether nothing speaks against it."""
        return self.is_parsed and not self.lacking and not self.failed

    @property
    def passes_all(self) -> bool:
        """Whether there are trials, all of them ran, and it passed each."""
        return self.is_right and bool(self.runs) and len(self.passed) == len(self.runs)


def best_of(candidates: Sequence[Candidate]) -> Candidate:
    """Give the one that parses, has the names, fails the fewest trials and passes the most; ties go to the earlier."""
    return min(candidates, key=lambda each: (not each.is_parsed, len(each.lacking), len(each.failed), -len(each.passed)))


def is_enough(candidate: Candidate, *, is_confirmed: bool) -> bool:
    """Whether a candidate counts as verified.

    It passes every trial; those are enough, want different results, and an independent second answer agrees when they are few.
    """
    trials = {run.trial.title: run.trial.want for run in candidate.passed}
    least = ENOUGH_AGREED if is_confirmed else ENOUGH
    return candidate.passes_all and len(trials) >= least and len(set(trials.values())) >= _LEAST_RESULTS
