"""How many threads compute, decided from what tokens took; pure.

Two threads wait for each other after every operation. Beside a busy neighbour they lose to one (measured on two cores: 38
tokens a second alone, 12 with a neighbour, one thread 17), so both counts are tried now and then and the faster is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_FIRST_TRIAL = 8
"""Tokens before the other count is tried for the first time, and again after the machine changed."""
_RAREST_TRIAL = 1024
_TRIAL_TOKENS = 4
"""Length of a trial; its first token is not counted, because threads have to start."""
_GAIN = 0.93
"""The other count must take this share of the time, or less, to be kept: both measurements are noisy."""
_DRIFT = 1.6
"""A token that slow or fast against the average, three times in a row, means that the machine changed."""
_DRIFT_TOKENS = 3
_WEIGHT = 0.2
"""Of the newest token in the average."""


@dataclass(frozen=True)
class ThreadTuner:
    """The state of the choice; each measurement gives the next state.

    Attributes:
        most: The count to use on an idle machine; with 1 there is nothing to choose.
        threads: The count to compute the next token with.
        chosen: The count that is kept when no trial runs.
        seconds: Average seconds a token took, by count.
        until_trial: Tokens until the other count is tried.
        interval: How many tokens are between two trials now.
        trial: Seconds of each token of the trial that runs.
        strange: How many tokens in a row were far from the average.
        is_fixed: Whether nothing is chosen.
    """

    most: int
    threads: int
    chosen: int
    seconds: Mapping[int, float] = field(default_factory=dict)
    until_trial: int = _FIRST_TRIAL
    interval: int = _FIRST_TRIAL
    trial: tuple[float, ...] = ()
    strange: int = 0
    is_fixed: bool = False

    @classmethod
    def start(cls, most: int, *, is_fixed: bool = False) -> ThreadTuner:
        """Begin with the most threads, and stay there when they are fixed."""
        return cls(most, most, most, is_fixed=is_fixed)

    def after(self, seconds: float) -> ThreadTuner:
        """Take how long the last token took with `threads` threads."""
        if self.most == 1 or self.is_fixed:
            return self
        if self.threads != self.chosen:
            return self._tried(seconds)
        known = self.seconds.get(self.threads, seconds)
        strange = self.strange + 1 if not known / _DRIFT <= seconds <= known * _DRIFT else 0
        average = seconds if strange >= _DRIFT_TOKENS else known + _WEIGHT * (seconds - known)
        state = replace(self, seconds={**self.seconds, self.threads: average}, strange=strange)
        if strange >= _DRIFT_TOKENS:
            return replace(state, strange=0, interval=_FIRST_TRIAL, until_trial=_FIRST_TRIAL)
        if self.until_trial > 1:
            return replace(state, until_trial=self.until_trial - 1)
        return replace(state, threads=self._other(), trial=())

    def _other(self) -> int:
        return 1 if self.chosen == self.most else self.most

    def _tried(self, seconds: float) -> ThreadTuner:
        trial = (*self.trial, seconds)
        if len(trial) < _TRIAL_TOKENS:
            return replace(self, trial=trial)
        best = min(trial[1:])
        known = {**self.seconds, self.threads: best}
        is_better = best <= known.get(self.chosen, best) * _GAIN
        chosen = self.threads if is_better else self.chosen
        interval = _FIRST_TRIAL if is_better else min(self.interval * 2, _RAREST_TRIAL)
        return replace(self, threads=chosen, chosen=chosen, seconds=known, trial=(), interval=interval, until_trial=interval)
