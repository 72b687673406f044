"""Who sits on a panel: the best team that fits the time and the memory, found by trying every team; pure.

The paper (arXiv 2601.16863) calls the choice a variation of the knapsack problem and shows no solver; the values, weights
and bounds are ours. Each choice comes with its terms, so that it can be read, and replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

Mode = Literal["fixed", "dynamic", "replay"]
LEAST_TASKS = 30
"""Below so many measured tasks of a model a choice by figures would be a guess: the fixed team sits."""
MOST_MODELS = 12
"""More are not enumerated: 4,095 teams of any size is what twelve make."""
HOPELESS = 0.05
"""A model that was measured on enough tasks and is right less often than that, at least, sits in no fixed team."""
UNKNOWN_DIVERSITY = 0.5
"""For two models that were never seen on the same tasks."""


@dataclass(frozen=True)
class Applicant:
    """One model that could sit on the panel.

    Attributes:
        model: Its name in the catalogue.
        family: Its kin; two of one family err alike.
        accuracy: What it is at least right on tasks of this class, 0 to 1.
        tasks: On how many that was measured.
        bytes: What it holds when it is loaded.
        load_seconds: What loading it takes.
        read_rate: Prompt tokens it reads in a second.
        write_rate: Tokens it writes in a second.
        is_loaded: Whether it is in memory now.
    """

    model: str
    family: str
    accuracy: float
    tasks: int
    bytes: int
    load_seconds: float = 0.0
    read_rate: float = 1.0
    write_rate: float = 1.0
    is_loaded: bool = False

    def seconds(self, read_tokens: int, write_tokens: int) -> float:
        """Give how long one round takes it, loading not counted."""
        return read_tokens / self.read_rate + write_tokens / self.write_rate


@dataclass(frozen=True)
class Bounds:
    """What a panel must fit into.

    Attributes:
        seconds: Until the deadline.
        bytes: What all its models may hold together.
        rounds: How many are planned.
        read_tokens: Prompt tokens of one member in one round.
        write_tokens: Tokens one member writes in one round.
        least: Fewest members.
        most: Most members.
        most_of_family: Most members of one family.
    """

    seconds: float
    bytes: int
    rounds: int = 1
    read_tokens: int = 600
    write_tokens: int = 256
    least: int = 2
    most: int = 3
    most_of_family: int = 2


@dataclass(frozen=True)
class Prices:
    """How the terms are weighed: what a bit of diversity is worth, and what a second costs, both in accuracy."""

    diversity: float = 0.25
    second: float = 0.002


@dataclass(frozen=True)
class Choice:
    """A panel and why it is that one.

    Attributes:
        models: Its members, the most accurate first; none when no team fits.
        mode: How it was chosen.
        accuracy: Sum of the members' accuracies.
        diversity: Sum over the pairs, weighed.
        cost: Seconds of all rounds, weighed.
        seconds: The same, not weighed.
        bytes: What they hold together.
        teams: How many teams were tried.
        reason: In a sentence.
    """

    models: tuple[str, ...]
    mode: Mode
    accuracy: float = 0.0
    diversity: float = 0.0
    cost: float = 0.0
    seconds: float = 0.0
    bytes: int = 0
    teams: int = 0
    reason: str = ""

    @property
    def value(self) -> float:
        """What the panel is worth: accuracy and diversity less the cost."""
        return self.accuracy + self.diversity - self.cost


Diversity = Mapping[frozenset[str], float]
"""For two models, the share of the tasks the better one gets wrong that the other gets right; 0 to 1."""


def choose_panel(
    applicants: Sequence[Applicant], bounds: Bounds, *, fixed: Sequence[str] = (), diversity: Diversity | None = None,
    prices: Prices = Prices(),
) -> Choice:  # fmt: skip
    """Choose the team of the greatest value among all that fit; ties go to fewer seconds, then to the earlier names.

    Args:
        applicants: At most `MOST_MODELS`.
        bounds: What the team must fit.
        fixed: The team that sits while fewer than `LEAST_TASKS` tasks were measured of some applicant.
        diversity: Of pairs.
        prices: How the terms are weighed.

    Raises:
        ValueError: There are too many applicants, or two of one name.
    """
    if len(applicants) > MOST_MODELS or len({a.model for a in applicants}) != len(applicants):
        raise ValueError(f"{len(applicants)} applicants; at most {MOST_MODELS} of different names")
    if unmeasured := [a.model for a in applicants if a.tasks < LEAST_TASKS]:
        return _fixed(applicants, bounds, fixed, unmeasured)
    teams = [
        team
        for size in range(bounds.least, bounds.most + 1)
        for team in combinations(sorted(applicants, key=lambda a: (-a.accuracy, a.model)), size)
    ]
    weighed = [_weigh(team, bounds, diversity or {}, prices, len(teams)) for team in teams if not why_not(team, bounds)]
    if not weighed:
        return Choice((), "dynamic", teams=len(teams), reason="no team fits the time and the memory")
    return min(weighed, key=lambda choice: (-choice.value, choice.seconds, choice.models))


def replay_panel(models: Sequence[str], applicants: Sequence[Applicant]) -> Choice:
    """Seat the team of an earlier choice again; nobody when one of them is not here any more."""
    missing = [model for model in models if model not in {a.model for a in applicants}]
    if missing:
        return Choice((), "replay", reason=f"not here any more: {', '.join(missing)}")
    return Choice(tuple(models), "replay", reason="as it was chosen before")


def why_not(team: Sequence[Applicant], bounds: Bounds) -> str:
    """Say why a team does not fit, empty when it does."""
    if (held := sum(member.bytes for member in team)) > bounds.bytes:
        return f"it holds {held} bytes, {bounds.bytes} are to be had"
    if (needed := _seconds(team, bounds)) > bounds.seconds:
        return f"it takes {needed:.0f} s, {bounds.seconds:.0f} s are left"
    for member in team:
        if sum(other.family == member.family for other in team) > bounds.most_of_family:
            return f"more than {bounds.most_of_family} of the family {member.family!r}"
    return ""


def _fixed(applicants: Sequence[Applicant], bounds: Bounds, fixed: Sequence[str], unmeasured: Sequence[str]) -> Choice:
    by_name = {a.model: a for a in applicants if a.tasks < LEAST_TASKS or a.accuracy >= HOPELESS}
    team: list[Applicant] = []
    for model in fixed:  # who does not fit any more stays out, the others sit
        if model in by_name and len(team) < bounds.most and not why_not([*team, by_name[model]], bounds):
            team.append(by_name[model])
    reason = f"the fixed team, for fewer than {LEAST_TASKS} tasks were measured of {', '.join(unmeasured)}"
    if len(team) < bounds.least:
        return Choice((), "fixed", reason=f"{reason}; too few of it fit")
    names = tuple(member.model for member in team)
    return Choice(names, "fixed", seconds=_seconds(team, bounds), bytes=sum(m.bytes for m in team), reason=reason)


def _weigh(team: Sequence[Applicant], bounds: Bounds, diversity: Diversity, prices: Prices, teams: int) -> Choice:
    pairs = combinations([member.model for member in team], 2)
    seconds = _seconds(team, bounds)
    return Choice(
        models=tuple(member.model for member in team),
        mode="dynamic",
        accuracy=sum(member.accuracy for member in team),
        diversity=prices.diversity * sum(diversity.get(frozenset(pair), UNKNOWN_DIVERSITY) for pair in pairs),
        cost=prices.second * seconds,
        seconds=seconds,
        bytes=sum(member.bytes for member in team),
        teams=teams,
        reason=f"the best of {teams} teams",
    )


def _seconds(team: Sequence[Applicant], bounds: Bounds) -> float:
    """All rounds, one member after the other, and what has to be loaded first."""
    loads = sum(member.load_seconds for member in team if not member.is_loaded)
    return loads + bounds.rounds * sum(member.seconds(bounds.read_tokens, bounds.write_tokens) for member in team)
