"""Which models are in memory and who may use them: `ModelPool.lease()`; runs no model and reads no file itself.

Everything happens in one event loop, so between two awaits nothing changes. Callers hold tickets and are served in order
of arrival. What has to be waited for (room, loads, parking) happens in tasks of the pool's own group, which outlive a
caller that gives up. Whom to put out of memory is decided in `residency`.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import anyio
from anyio.abc import TaskGroup

from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import BudgetExceeded, DeadlineExceeded, TinyMoAError, WorkerFailed
from tiny_moa.models.claims import Budget
from tiny_moa.models.forecast import allows_quantised_cache
from tiny_moa.models.gguf import Header
from tiny_moa.models.residency import (
    Refusal,
    Resident,
    Step,
    choose_evictions,
    choose_idle,
    most_bytes,
    plan_admission,
    smaller_forms,
)
from tiny_moa.models.runtime import AdapterFile, Launcher, Listener, LoadOptions, Runtime
from tiny_moa.models.seats import Clock, Load, Loaded, PoolStatistics, Prices, Seat, Ticket, claim_of

logger = logging.getLogger(__name__)

_LOOKS = 4
"""How many times in the time to live idle models are looked for when nothing else happens."""
Inspect = Callable[[Path], Awaitable[Header]]


@dataclass(frozen=True)
class PoolPolicy:
    """How models are kept.

    Attributes:
        pinned: Models that are neither parked nor evicted.
        idle_seconds: An unused model is parked after this time, and evicted after three times it.
        options: How models are loaded; the context is the catalogue's.
    """

    pinned: frozenset[str] = frozenset()
    idle_seconds: float = 600.0
    options: LoadOptions = field(default_factory=LoadOptions)


class ModelPool:
    """Loads each model when it is first needed, once, within a budget, and lends it to as many callers as it has slots.

    Use as an async context manager: leaving it stops loads and frees every model.
    """

    def __init__(
        self, launch: Launcher, locate: Callable[[ModelSpec], Path], budget: Budget, policy: PoolPolicy = PoolPolicy(), *,
        inspect: Inspect, adapter_of: Callable[[ModelSpec], AdapterFile | None] = lambda spec: None,
        clock: Clock = anyio.current_time,
    ) -> None:  # fmt: skip
        """Take what loads models, what finds their files, how much they may take, how they are kept, and what checks a file."""
        self._launch = launch
        self._locate = locate
        self._budget = budget
        self._policy = policy
        self._inspect = inspect
        self._adapter_of = adapter_of
        self._clock = clock
        self._seats: dict[str, Seat] = {}
        self._numbers = itertools.count()
        self._group: TaskGroup | None = None
        self._turn = anyio.Lock()
        """Held by the one who makes room; in order of arrival."""
        self._change = anyio.Event()
        self._look = anyio.Event()
        self._drained: frozenset[str] = frozenset()
        """Models that are lent to nobody who came after `_drained_for`, who needs their room."""
        self._drained_for = math.inf

    async def __aenter__(self) -> ModelPool:
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._sweep)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._group is not None
        group, self._group = self._group, None
        group.cancel_scope.shield = True  # the pool's tasks end before their models do, whatever ended the caller
        group.cancel_scope.cancel()
        try:
            await group.__aexit__(None, None, None)
        finally:  # the event loop's own cancellation, as after Ctrl-C, comes through
            with anyio.CancelScope(shield=True):
                await self._close()

    async def _close(self) -> None:
        for seat in self._seats.values():
            self._fail(seat, WorkerFailed("the models are being closed; start again"))
            if seat.loaded is not None:
                loaded, seat.loaded = seat.loaded, None
                await loaded.runtime.aclose()
        await self._budget.release()

    @asynccontextmanager
    async def lease(self, spec: ModelSpec, *, deadline: float, listener: Listener) -> AsyncIterator[Runtime]:
        """Lend a model, loading it first when need be.

        Callers are served in order of arrival, as many at a time as the runtime has slots. All who wait for a load share
        it; it stops when the last of them is cancelled, and goes on for the next caller when a deadline passed meanwhile.
        A model that lacks room waits until leased ones can go, and later callers do not get those first.

        Args:
            spec: The model.
            deadline: Time on the event loop's clock after which waiting or loading is given up.
            listener: Hears the phases `queued` and `loading`.

        Raises:
            DeadlineExceeded: The deadline passed before the model was ready.
            BudgetExceeded: It does not fit, even alone and in its smallest form.
            WeightsMissing: Its file is not on this machine.
            WeightsInvalid: Its file is not one that can be loaded.
            EngineMissing: The engine package is not installed.
            WorkerFailed: Its process ended while it loaded, or the pool was left.
        """
        seat = self._seat(spec)
        ticket = Ticket(next(self._numbers))
        listener.phase("queued", spec.name)
        seat.tickets.append(ticket)
        try:
            self._serve(seat)
            self._look_for_idle()
            yield (await self._lent(seat, ticket, deadline, listener)).runtime
        finally:
            await self._give_back(seat, ticket)

    def statistics(self) -> PoolStatistics:
        """Give a snapshot of the pool and of every model that was ever asked for."""
        self._look_for_idle()
        used = sum(resident.held_bytes for resident in self._residents())
        models = tuple(seat.statistics() for seat in self._seats.values())
        return PoolStatistics(self._budget.limit_bytes, used, self._budget.others_bytes, models)

    # -- callers ------------------------------------------------------------------------------------------------------

    def _seat(self, spec: ModelSpec) -> Seat:
        if self._group is None:
            raise RuntimeError("the pool is not open; enter it with `async with` first")
        if spec.name not in self._seats:
            self._seats[spec.name] = Seat(spec, spec.name in self._policy.pinned, last_used=self._clock())
        return self._seats[spec.name]

    async def _lent(self, seat: Seat, ticket: Ticket, deadline: float, listener: Listener) -> Loaded:
        """Wait for what a ticket is for; the listener is called here, in the caller's own task."""
        with anyio.CancelScope(deadline=deadline):
            while ticket.loaded is None and ticket.error is None:
                await ticket.news()
                if ticket.hears_loading:
                    ticket.hears_loading = False
                    listener.phase("loading", seat.spec.name)
        if ticket.error is not None:
            raise ticket.error
        if ticket.loaded is not None:
            return ticket.loaded
        if seat.load is not None and seat.load.is_begun:
            seat.load.is_kept = True
            raise DeadlineExceeded(
                f"the deadline passed while model {seat.spec.name!r} was loading; it goes on loading, so call again soon"
            )
        raise DeadlineExceeded(
            f"the deadline passed while waiting for model {seat.spec.name!r}; try again, or allow more seconds"
        )

    async def _give_back(self, seat: Seat, ticket: Ticket) -> None:
        loaded = ticket.loaded
        if loaded is None:
            if ticket in seat.tickets:
                seat.tickets.remove(ticket)
            if not seat.tickets and seat.load is not None and not seat.load.is_kept:
                seat.load.scope.cancel()
        else:
            loaded.leases -= 1
            seat.last_used = self._clock()
            if loaded.runtime.is_alive:
                seat.learn()
            elif seat.loaded is loaded:
                self._forget(seat)
                with anyio.CancelScope(shield=True):
                    await loaded.runtime.aclose()
        self._changed()

    def _forget(self, seat: Seat) -> None:
        """Let go of a runtime that died, so that the next caller gets a new one."""
        seat.loaded = None
        seat.restarts += 1

    def _serve(self, seat: Seat) -> None:
        """Lend a model to those who wait for it, or have it brought in."""
        if self._group is None:
            return
        if seat.loaded is not None and not seat.loaded.runtime.is_alive and not seat.is_moving:
            self._group.start_soon(seat.loaded.runtime.aclose)
            self._forget(seat)
        while seat.tickets and seat.can_lend() and not self._is_drained(seat):
            seat.lend()
        if seat.tickets and seat.load is None and not seat.is_moving and seat.tier != "hot":
            seat.load = Load(seat.tickets[0].number)
            self._group.start_soon(self._prepare, seat, seat.load)

    def _is_drained(self, seat: Seat) -> bool:
        return seat.spec.name in self._drained and seat.tickets[0].number > self._drained_for

    def _changed(self) -> None:
        """Serve everybody who can be served now, and wake the one who waits for room."""
        for seat in self._seats.values():
            self._serve(seat)
        self._change.set()
        self._change = anyio.Event()

    def _fail(self, seat: Seat, error: Exception) -> None:
        if not seat.tickets and not isinstance(error, TinyMoAError):
            logger.error("model %s could not be loaded", seat.spec.name, exc_info=error)
        for ticket in seat.tickets:
            ticket.error = error
            ticket.ring()
        seat.tickets.clear()

    # -- loading ------------------------------------------------------------------------------------------------------

    async def _prepare(self, seat: Seat, load: Load) -> None:
        """Bring a model in; a task of the pool's group, at most one for each model. All who wait share its error."""
        try:
            with load.scope:
                await self._bring(seat, load)
        except Exception as exc:  # noqa: BLE001  it is raised again in the callers' tasks
            self._fail(seat, exc)
        finally:
            seat.load = seat.incoming = None
            while seat.tickets and seat.can_lend():  # who waited for this load gets it, whoever waits for its room
                seat.lend()
            with anyio.CancelScope(shield=True):
                await self._budget.claim(claim_of(self._seats.values()))
            self._changed()

    async def _bring(self, seat: Seat, load: Load) -> None:
        if seat.loaded is not None and await self._wake(seat, seat.loaded, load):
            return
        path = self._locate(seat.spec)
        forms = self._forms(seat.spec, header := await self._inspect(path))
        options = await self._admit(seat, load, path, Prices(header, seat.ratio, forms))
        if options.context_tokens < seat.spec.context_tokens:
            logger.warning("memory is short: model %s gets a context of %d", seat.spec.name, options.context_tokens)
        load.is_begun = True
        for ticket in seat.tickets:
            ticket.hears_loading = True
            ticket.ring()
        began = self._clock()
        runtime = await self._launch(seat.spec, path, options)
        assert seat.incoming is not None
        seat.loaded = Loaded(runtime, options, path, seat.incoming[1], seat.incoming[2])
        seat.loads += 1
        seat.last_used = self._clock()
        seat.load_seconds = seat.last_used - began
        seat.learn()
        logger.info("model %s loaded in %.2f s", seat.spec.name, seat.load_seconds)

    async def _wake(self, seat: Seat, loaded: Loaded, load: Load) -> bool:
        """Make room for the context of a parked model; one that has none any more is evicted, to be loaded smaller."""
        prices = Prices(None, seat.ratio, (loaded.options,), loaded)
        try:
            await self._admit(seat, load, loaded.path, prices)
        except BudgetExceeded:
            if seat.loaded is loaded:
                await self._evict(seat)
        if seat.loaded is not loaded:  # evicted, here or by another model that made room while this one waited
            seat.incoming = None
            return False
        loaded.is_hot = True
        return True

    def _forms(self, spec: ModelSpec, header: Header) -> tuple[LoadOptions, ...]:
        wanted = replace(self._policy.options, context_tokens=spec.context_tokens, adapter=self._adapter_of(spec))
        may_quantise = spec.may_shrink and allows_quantised_cache(header)
        return smaller_forms(wanted, spec.smallest_context_tokens, allows_quantised_cache=may_quantise)

    async def _admit(self, seat: Seat, load: Load, path: Path, prices: Prices) -> LoadOptions:
        """Make room for a model and reserve it; one model at a time, in order of arrival.

        After each step everything is looked at anew, because others went on meanwhile.

        Raises:
            BudgetExceeded: There will not be room, even when everybody else is gone.
        """
        async with self._turn:
            try:
                while True:
                    most = await self._budget.most(claim_of(self._seats.values(), path))
                    others = self._residents(load.number, but=[seat])
                    options = plan_admission(prices.forms, prices.bytes, most_bytes(others, most))
                    if options is None:
                        raise BudgetExceeded(seat.spec.name, prices.bytes(prices.forms[-1]), most_bytes(others, most))
                    needed, now = prices.bytes(options), self._clock()
                    choice = choose_evictions(others, needed, most, now, self._policy.idle_seconds)
                    if isinstance(choice, Refusal):
                        self._drained, self._drained_for = frozenset(choice.wait_for), load.number
                        await self._change.wait()
                    elif choice.steps:
                        await self._take(choice.steps[0])
                    else:
                        seat.incoming = (path, prices.forecast(options), needed)
                        if await self._budget.claim(claim_of(self._seats.values())):
                            return options
                        seat.incoming = None  # another process was faster
            finally:
                self._drained, self._drained_for = frozenset(), math.inf
                self._changed()

    # -- residency ----------------------------------------------------------------------------------------------------

    def _residents(self, before: float = math.inf, *, but: Sequence[Seat] = ()) -> list[Resident]:
        found = (seat.resident(before) for seat in self._seats.values() if seat not in but)
        return [resident for resident in found if resident is not None]

    async def _take(self, step: Step) -> None:
        """Park or evict a model that nobody uses; not interrupted, so that it is all there or all gone."""
        seat = self._seats[step.name]
        seat.is_moving = True
        try:
            with anyio.CancelScope(shield=True):
                if step.action == "evict" or not await self._park(seat):
                    await self._evict(seat)
        finally:
            seat.is_moving = False
            self._changed()
        logger.info("model %s: %s", step.name, seat.tier)

    async def _park(self, seat: Seat) -> bool:
        """Have a model free its context; says whether it did."""
        assert seat.loaded is not None
        try:
            await seat.loaded.runtime.park()
        except TinyMoAError:
            return False
        seat.loaded.is_hot = False
        seat.loaded.measure()
        return True

    async def _evict(self, seat: Seat) -> None:
        assert seat.loaded is not None
        loaded, seat.loaded = seat.loaded, None
        seat.evictions += 1
        await loaded.runtime.aclose()

    async def _sweep(self) -> None:
        """Park and evict what nobody has used for long; a task of the pool's group, for as long as the pool is open."""
        while True:
            with anyio.move_on_after(self._policy.idle_seconds / _LOOKS):
                await self._look.wait()
            self._look = anyio.Event()
            try:
                async with self._turn:
                    while steps := self._idle():
                        await self._take(steps[0])
                    await self._budget.claim(claim_of(self._seats.values()))
            except Exception:
                logger.exception("idle models could not be put out of memory; tried again later")

    def _idle(self) -> Sequence[Step]:
        residents = self._residents(but=[seat for seat in self._seats.values() if seat.tickets])
        return choose_idle(residents, self._clock(), self._policy.idle_seconds)

    def _look_for_idle(self) -> None:
        if self._idle():
            self._look.set()
