"""Decides which models stay in memory: evictions, idle models, and the form in which a model fits; does nothing itself.

Time is any clock in seconds, sizes are bytes. A model is hot (it can answer), parked (only its mapped weights and its
vocabulary are held) or cold (nothing is held). Whoever calls acts on the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tiny_moa.models.runtime import LoadOptions

EVICT_FACTOR = 3
"""A model idle this many times the time to live is evicted, not only parked."""
_KEEP, _PARK, _EVICT = 0, 1, 2


@dataclass(frozen=True)
class Resident:
    """A model in memory.

    Attributes:
        name: Its name.
        held_bytes: What it holds now.
        parked_bytes: What it would hold parked; at least `held_bytes` when it is parked already.
        last_used: When it was used last.
        is_leased: Whether somebody uses it, or is sure to before the one who asks: it is not touched.
        is_pinned: Whether it stays whatever happens.
    """

    name: str
    held_bytes: int
    parked_bytes: int
    last_used: float
    is_leased: bool = False
    is_pinned: bool = False


@dataclass(frozen=True)
class Step:
    """One thing to do: park or evict a model, which frees some bytes."""

    action: Literal["park", "evict"]
    name: str
    freed_bytes: int


@dataclass(frozen=True)
class Evictions:
    """Steps that make room, in the order to take them; none when there is room already."""

    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """There is no room now.

    Attributes:
        would_fit_bytes: What would fit now, when every model that is neither leased nor pinned goes; may be negative.
        wait_for: Leased models whose going makes the room, the one used longest ago first; empty when there is no use
            in waiting.
    """

    would_fit_bytes: int
    wait_for: tuple[str, ...] = ()


def choose_evictions(
    residents: Iterable[Resident], needed_bytes: int, budget_bytes: int, now: float, idle_seconds: float
) -> Evictions | Refusal:
    """Choose what to park and what to evict so that `needed_bytes` more fit into the budget.

    Models idle for longer than `idle_seconds` go first, then those used longest ago; of both, as many as suffice are
    parked before one is evicted, and no step is taken without which it would fit as well. Leased and pinned models are
    never touched; ties go to the earlier name.

    Returns:
        The steps, or a refusal that says what would fit and whom to wait for.
    """
    residents = tuple(residents)
    over = sum(resident.held_bytes for resident in residents) + needed_bytes - budget_bytes
    if over <= 0:
        return Evictions()
    free = [resident for resident in _by_age(residents) if not (resident.is_leased or resident.is_pinned)]
    levels = _enough(free, over, now - idle_seconds)
    if levels is None:
        would_fit = needed_bytes - over + sum(resident.held_bytes for resident in free)
        return Refusal(would_fit, _whom_to_wait_for(residents, needed_bytes - would_fit))
    return Evictions(tuple(_step(resident, levels[resident.name]) for resident in free if levels[resident.name]))


def choose_idle(residents: Iterable[Resident], now: float, idle_seconds: float) -> tuple[Step, ...]:
    """Choose what to park and evict because nobody has used it: parked after `idle_seconds`, evicted after three times that.

    The one used longest ago comes first; leased and pinned models are never touched.
    """
    steps = []
    for resident in _by_age(residents):
        idle = now - resident.last_used
        if resident.is_leased or resident.is_pinned or idle < idle_seconds:
            continue
        if idle >= EVICT_FACTOR * idle_seconds:
            steps.append(_step(resident, _EVICT))
        elif resident.parked_bytes < resident.held_bytes:
            steps.append(_step(resident, _PARK))
    return tuple(steps)


def most_bytes(residents: Iterable[Resident], budget_bytes: int) -> int:
    """Give the size of the largest model that could come in when everything unpinned has gone; may be negative."""
    return budget_bytes - sum(resident.held_bytes for resident in residents if resident.is_pinned)


def plan_admission(forms: Sequence[LoadOptions], cost: Callable[[LoadOptions], int], most: int) -> LoadOptions | None:
    """Choose the first form of a model that costs at most `most` bytes; `None` when even the last costs more."""
    return next((options for options in forms if cost(options) <= most), None)


def smaller_forms(options: LoadOptions, least_context_tokens: int, *, allows_quantised_cache: bool) -> tuple[LoadOptions, ...]:
    """Give the forms in which a model may be loaded, the wanted one first, then smaller ones.

    First the cache is stored as `q8_0` when it may be, then the context is halved, down to the least.
    """
    forms = [options]
    if allows_quantised_cache and options.kv_type != "q8_0":
        forms.append(replace(options, kv_type="q8_0"))
    while (tokens := max(forms[-1].context_tokens // 2, least_context_tokens)) < forms[-1].context_tokens:
        forms.append(replace(forms[-1], context_tokens=tokens))
    return tuple(forms)


def _by_age(residents: Iterable[Resident]) -> list[Resident]:
    return sorted(residents, key=lambda resident: (resident.last_used, resident.name))


def _enough(free: Sequence[Resident], over: int, idle_since: float) -> dict[str, int] | None:
    """How far to go with each model so that `over` bytes are freed; `None` when all of them are too few."""
    levels = {resident.name: _KEEP for resident in free}
    for resident, level in _escalation(free, idle_since):
        levels[resident.name] = level
        if _total(free, levels) >= over:
            break
    else:
        return None
    for resident in reversed(free):  # the one used last is spared first
        for lower in range(levels[resident.name]):
            if _total(free, {**levels, resident.name: lower}) >= over:
                levels[resident.name] = lower
                break
    return levels


def _escalation(free: Sequence[Resident], idle_since: float) -> list[tuple[Resident, int]]:
    idle = [resident for resident in free if resident.last_used <= idle_since]
    fresh = [resident for resident in free if resident.last_used > idle_since]
    return [(resident, level) for group in (idle, fresh) for level in (_PARK, _EVICT) for resident in group]


def _total(free: Sequence[Resident], levels: dict[str, int]) -> int:
    return sum(_freed(resident, levels[resident.name]) for resident in free)


def _freed(resident: Resident, level: int) -> int:
    if level == _PARK:
        return max(resident.held_bytes - resident.parked_bytes, 0)
    return resident.held_bytes if level == _EVICT else 0


def _step(resident: Resident, level: int) -> Step:
    return Step("park" if level == _PARK else "evict", resident.name, _freed(resident, level))


def _whom_to_wait_for(residents: Iterable[Resident], missing: int) -> tuple[str, ...]:
    """The leased models that make up what is missing, the one used longest ago first."""
    found: list[str] = []
    for resident in _by_age(residents):
        if missing > 0 and resident.is_leased and not resident.is_pinned:
            found.append(resident.name)
            missing -= resident.held_bytes
    return tuple(found) if missing <= 0 else ()
