"""The pool's notes on each model: who waits, what is loaded and what it holds; decides nothing and starts nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anyio

from tiny_moa.catalog import ModelSpec
from tiny_moa.models.claims import Claim
from tiny_moa.models.forecast import Forecast, forecast
from tiny_moa.models.gguf import Header
from tiny_moa.models.residency import Resident
from tiny_moa.models.runtime import LoadOptions, Runtime, RuntimeStatistics

Clock = Callable[[], float]
Tier = Literal["cold", "parked", "hot"]
_LEAST_RATIO, _MOST_RATIO = 0.9, 2.0
"""A model that never used its whole batch measures too little, so a forecast is not lowered by more than that."""


@dataclass(frozen=True)
class ModelStatistics:
    """A snapshot of one model in the pool.

    Attributes:
        model: Its name in the catalogue.
        tier: `hot` can answer at once, `parked` holds its weights and opens a context first, `cold` holds nothing.
        is_pinned: Whether it stays in memory whatever happens.
        forecast_bytes: What it was expected to hold at most when it was loaded, 0 when it is cold.
        measured_bytes: The most it was seen to hold since, or holds parked; 0 when it is cold or cannot be measured.
        context_tokens: The context it was loaded with, 0 when it is cold.
        kv_type: How its cache is stored; empty when it is cold.
        leases: How many callers use it now.
        waiting: How many callers wait for it.
        loads: How often it was loaded.
        evictions: How often it was put out of memory, for others or for idleness.
        restarts: How often its process had died and was forgotten.
        load_seconds: How long the last load took.
        runtime: Its counters since the last load, `None` when it is cold.
    """

    model: str
    tier: Tier
    is_pinned: bool
    forecast_bytes: int
    measured_bytes: int
    context_tokens: int
    kv_type: str
    leases: int
    waiting: int
    loads: int
    evictions: int
    restarts: int
    load_seconds: float
    runtime: RuntimeStatistics | None

    @property
    def is_loaded(self) -> bool:
        """Whether it could answer at once."""
        return self.tier == "hot"

    @property
    def is_leased(self) -> bool:
        """Whether somebody uses it now."""
        return self.leases > 0


@dataclass(frozen=True)
class PoolStatistics:
    """A snapshot of the pool.

    Attributes:
        budget_bytes: What the models may take together.
        used_bytes: What they are taken to hold now, loads under way included.
        others_bytes: What other processes of this user had claimed when they were asked last.
        models: Every model that was ever asked for, in order of first use.
    """

    budget_bytes: int
    used_bytes: int
    others_bytes: int
    models: tuple[ModelStatistics, ...]


class Ticket:
    """One caller's place in the queue for a model.

    Attributes:
        number: Its place among the callers for all models.
        loaded: What it was lent, `None` while it waits.
        error: Why it will be lent nothing.
        hears_loading: Whether the caller is yet to be told that the model loads.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.loaded: Loaded | None = None
        self.error: Exception | None = None
        self.hears_loading = False
        self._bell = anyio.Event()

    def ring(self) -> None:
        """Have the caller look at its ticket."""
        self._bell.set()

    async def news(self) -> None:
        """Wait until the ticket was rung since the last time."""
        await self._bell.wait()
        self._bell = anyio.Event()


@dataclass
class Load:
    """A model on its way in.

    Attributes:
        number: The place of the caller it began for.
        scope: Cancelling it stops the load.
        is_begun: Whether there is room and the weights are being read.
        is_kept: Whether it goes on when nobody waits any more, because a deadline passed while it was under way.
    """

    number: int
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    is_begun: bool = False
    is_kept: bool = False


@dataclass
class Loaded:
    """A model in memory.

    Attributes:
        runtime: What was loaded.
        options: In which form.
        path: Its weights.
        forecast: What it was expected to hold.
        reserved_bytes: The same, corrected by what earlier loads held.
        is_hot: Whether it has a context, or has the room for one.
        measured_bytes: The most it was seen to hold hot.
        parked_measured_bytes: What it held parked.
        leases: How many callers use it now.
    """

    runtime: Runtime
    options: LoadOptions
    path: Path
    forecast: Forecast
    reserved_bytes: int
    is_hot: bool = True
    measured_bytes: int = 0
    parked_measured_bytes: int = 0
    leases: int = 0

    @property
    def parked_bytes(self) -> int:
        """What it holds when it is parked."""
        return self.parked_measured_bytes or self.forecast.parked

    @property
    def held_bytes(self) -> int:
        """What it is taken to hold now."""
        return max(self.reserved_bytes, self.measured_bytes) if self.is_hot else self.parked_bytes

    def measure(self) -> None:
        """Look at what it really holds."""
        found = self.runtime.resident_bytes()
        if not self.is_hot:
            self.parked_measured_bytes = found
        elif not self.runtime.is_parked:
            self.measured_bytes = max(self.measured_bytes, found)


@dataclass(eq=False)
class Seat:
    """One model's place in the pool."""

    spec: ModelSpec
    is_pinned: bool
    tickets: deque[Ticket] = field(default_factory=deque)
    loaded: Loaded | None = None
    load: Load | None = None
    is_moving: bool = False
    """Whether it is being parked or evicted."""
    incoming: tuple[Path, Forecast, int] | None = None
    """The weights, the forecast and the reserved bytes of a load for which room was made."""
    last_used: float = 0.0
    ratio: float = 1.0
    """What it held, measured, for each byte of the forecast."""
    loads: int = 0
    evictions: int = 0
    restarts: int = 0
    load_seconds: float = 0.0

    @property
    def tier(self) -> Tier:
        """How far it is from answering."""
        return "cold" if self.loaded is None else "hot" if self.loaded.is_hot else "parked"

    def can_lend(self) -> bool:
        """Whether one more caller may have it now."""
        loaded = self.loaded
        if loaded is None or self.load is not None or self.is_moving:
            return False
        return loaded.is_hot and loaded.runtime.is_alive and loaded.leases < loaded.runtime.slots

    def lend(self) -> None:
        """Lend it to the caller who waits longest."""
        assert self.loaded is not None
        ticket = self.tickets.popleft()
        self.loaded.leases += 1
        ticket.loaded = self.loaded
        ticket.ring()

    def learn(self) -> None:
        """Measure what is loaded, and keep how far the forecast was off."""
        if self.loaded is not None:
            self.loaded.measure()
            if self.loaded.measured_bytes:
                ratio = self.loaded.measured_bytes / self.loaded.forecast.total
                self.ratio = min(max(ratio, _LEAST_RATIO), _MOST_RATIO)

    def resident(self, before: float) -> Resident | None:
        """Describe it to the policy; callers with a lower number than `before` count as if they used a hot model already.

        A parked model on its way in may still be evicted: it waits for its turn behind the one who asks.
        """
        if self.incoming is not None:
            held = parked = self.incoming[2]
        elif self.loaded is not None:
            held, parked = self.loaded.held_bytes, self.loaded.parked_bytes if self.loaded.is_hot else self.loaded.held_bytes
        else:
            return None
        is_leased = self.loaded is not None and self.loaded.leases > 0
        is_wanted = self.tier == "hot" and any(ticket.number < before for ticket in self.tickets)
        is_busy = is_leased or is_wanted or self.incoming is not None or self.is_moving
        return Resident(self.spec.name, held, parked, self.last_used, is_leased=is_busy, is_pinned=self.is_pinned)

    def statistics(self) -> ModelStatistics:
        """Give a snapshot."""
        loaded = self.loaded
        measured = 0 if loaded is None else loaded.measured_bytes if loaded.is_hot else loaded.parked_measured_bytes
        return ModelStatistics(
            model=self.spec.name,
            tier=self.tier,
            is_pinned=self.is_pinned,
            forecast_bytes=loaded.forecast.total if loaded else 0,
            measured_bytes=measured,
            context_tokens=loaded.options.context_tokens if loaded else 0,
            kv_type=loaded.options.kv_type if loaded else "",
            leases=loaded.leases if loaded else 0,
            waiting=len(self.tickets),
            loads=self.loads,
            evictions=self.evictions,
            restarts=self.restarts,
            load_seconds=self.load_seconds,
            runtime=loaded.runtime.statistics() if loaded else None,
        )


class Prices:
    """What each form of a model costs; of a parked one, what it held before it was parked."""

    def __init__(self, header: Header | None, ratio: float, forms: Sequence[LoadOptions], loaded: Loaded | None = None) -> None:
        self._header = header
        self._ratio = ratio
        self._loaded = loaded
        self.forms = forms

    def forecast(self, options: LoadOptions) -> Forecast:
        """Give the forecast for a form."""
        if self._loaded is not None:
            return self._loaded.forecast
        assert self._header is not None
        return forecast(self._header, options)

    def bytes(self, options: LoadOptions) -> int:
        """Give what a form costs, corrected by what earlier loads held."""
        if self._loaded is not None:
            return max(self._loaded.reserved_bytes, self._loaded.measured_bytes)
        return int(self.forecast(options).total * self._ratio)


def claim_of(seats: Iterable[Seat], more: Path | None = None) -> Claim:
    """Add up what models hold, with the weights they map apart; `more` is a file that is about to be mapped, for nothing."""
    private, files = 0, {} if more is None else {str(more.resolve()): 0}
    for seat in seats:
        for path, weights, held in _holdings(seat):
            name = str(path.resolve())
            files[name] = max(files.get(name, 0), min(weights, held))
            private += max(held - weights, 0)
    return Claim(private, files)


def _holdings(seat: Seat) -> Iterable[tuple[Path, int, int]]:
    if seat.incoming is not None:
        path, forecast, held = seat.incoming
        yield path, forecast.weights, held
    elif seat.loaded is not None:
        yield seat.loaded.path, seat.loaded.forecast.weights, seat.loaded.held_bytes
