from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.fakes import Recorder, Reply, ScriptedLauncher, ScriptedRuntime
from tests.pools import FULL, IDLE_SECONDS, MIB, Bench, forecast_of, soon, spec, tiers
from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import BudgetExceeded, DeadlineExceeded, WeightsMissing, WorkerFailed
from tiny_moa.models.claims import Claim, ClaimsFolder
from tiny_moa.models.pool import ModelPool
from tiny_moa.models.runtime import CompletionRequest, Message
from tiny_moa.models.seats import ModelStatistics

M, N, P = spec("m"), spec("n"), spec("p")
STIFF = {"may_shrink": False}
HELLO = CompletionRequest((Message("user", "hello"),), max_tokens=20)
FULL_BYTES = forecast_of().total
PARKED_BYTES = forecast_of().parked


async def touch(pool: ModelPool, model: ModelSpec, recorder: Recorder | None = None) -> None:
    async with pool.lease(model, deadline=soon(), listener=recorder or Recorder()):
        pass


def statistics(pool: ModelPool, model: ModelSpec) -> ModelStatistics:
    return next(found for found in pool.statistics().models if found.model == model.name)


def one_slot(model: ModelSpec) -> ScriptedRuntime:
    return ScriptedRuntime("hi", name=model.name, slots=1)


# -- loading ----------------------------------------------------------------------------------------------------------


async def test_a_model_is_loaded_when_first_needed_and_only_then() -> None:
    bench = Bench()
    async with bench.pool() as pool:
        assert bench.launched == []
        for _ in range(2):
            async with pool.lease(M, deadline=soon(), listener=Recorder()) as runtime:
                assert (await runtime.complete(HELLO, deadline=soon(), listener=Recorder())).text == "hi there"
    assert (bench.launched, bench.inspected) == (["m"], ["m.gguf"])
    assert bench.launcher.runtimes[0].is_closed


async def test_ten_first_callers_share_one_load_and_are_served_in_order() -> None:
    wait = anyio.Event()
    bench = Bench(ScriptedLauncher("hi", wait=wait))
    async with bench.pool() as pool, anyio.create_task_group() as group:
        served: list[int] = []

        async def caller(number: int) -> None:
            async with pool.lease(M, deadline=soon(), listener=Recorder()):
                served.append(number)

        for number in range(10):
            group.start_soon(caller, number)
        await anyio.wait_all_tasks_blocked()
        wait.set()
    assert bench.launched == ["m"]
    assert served == list(range(10))


async def test_a_model_serves_as_many_callers_as_it_has_slots_and_others_side_by_side() -> None:
    bench = Bench()
    async with bench.pool(slots=2) as pool, anyio.create_task_group() as group:
        entered: list[str] = []
        leave = anyio.Event()

        async def hold(model: ModelSpec, name: str) -> None:
            async with pool.lease(model, deadline=soon(), listener=Recorder()):
                entered.append(name)
                await leave.wait()

        for name in ("first", "second", "third"):
            group.start_soon(hold, M, name)
        group.start_soon(hold, N, "other")
        await anyio.wait_all_tasks_blocked()
        assert sorted(entered) == ["first", "other", "second"]
        found = {(s.model, s.leases, s.waiting) for s in pool.statistics().models}
        assert found == {("m", 2, 1), ("n", 1, 0)}
        leave.set()
    assert entered[-1] == "third"


async def test_waiting_too_long_for_a_model_is_a_typed_error_and_keeps_the_queue_intact() -> None:
    async with Bench(ScriptedLauncher(build=one_slot)).pool() as pool:
        async with pool.lease(M, deadline=soon(), listener=Recorder()):
            with pytest.raises(DeadlineExceeded, match="waiting for model 'm'"):
                async with pool.lease(M, deadline=anyio.current_time(), listener=Recorder()):
                    pass
            assert statistics(pool, M).waiting == 0
        await touch(pool, M)


async def test_a_load_that_outlasts_the_deadline_goes_on_and_is_ready_for_the_next_caller() -> None:
    wait = anyio.Event()
    bench = Bench(ScriptedLauncher("hi", wait=wait))
    async with bench.pool() as pool:
        with pytest.raises(DeadlineExceeded, match="it goes on loading"):
            async with pool.lease(M, deadline=anyio.current_time() + 0.01, listener=Recorder()):
                pass
        wait.set()
        await anyio.wait_all_tasks_blocked()
        assert tiers(pool) == {"m": "hot"}
        recorder = Recorder()
        await touch(pool, M, recorder)
        assert recorder.phases == [("queued", "m")]
    assert bench.launched == ["m"]


async def test_a_load_stops_when_the_last_of_its_callers_is_cancelled() -> None:
    bench = Bench(ScriptedLauncher("hi", wait=anyio.Event()))
    async with bench.pool() as pool, anyio.create_task_group() as group:

        async def caller(scope: anyio.CancelScope) -> None:
            with scope:
                await touch(pool, M)

        first, second = anyio.CancelScope(), anyio.CancelScope()
        group.start_soon(caller, first)
        group.start_soon(caller, second)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        assert (statistics(pool, M).waiting, pool.statistics().used_bytes) == (1, FULL_BYTES)
        second.cancel()
        await anyio.wait_all_tasks_blocked()
        assert (statistics(pool, M).waiting, pool.statistics().used_bytes) == (0, 0)
        bench.launcher.wait = None
        await touch(pool, M)
    assert bench.launched == ["m", "m"]


async def test_a_cancelled_first_caller_does_not_take_the_others_down() -> None:
    wait = anyio.Event()
    bench = Bench(ScriptedLauncher("hi", wait=wait))
    served = anyio.Event()
    async with bench.pool() as pool, anyio.create_task_group() as group:
        first = anyio.CancelScope()

        async def impatient() -> None:
            with first:
                await touch(pool, M)

        async def patient() -> None:
            await touch(pool, M)
            served.set()

        group.start_soon(impatient)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(patient)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        wait.set()
    assert served.is_set()
    assert bench.launched == ["m"]


async def test_a_failed_load_tells_all_who_wait_and_leaves_the_pool_usable() -> None:
    wait = anyio.Event()
    bench = Bench(ScriptedLauncher("hi", wait=wait, error=WeightsMissing("m", "gone")))
    async with bench.pool() as pool:
        async with anyio.create_task_group() as group:

            async def caller() -> None:
                with pytest.raises(WeightsMissing):
                    await touch(pool, M)

            for _ in range(3):
                group.start_soon(caller)
            await anyio.wait_all_tasks_blocked()
            wait.set()
        assert bench.launched == ["m"]
        assert pool.statistics().used_bytes == 0
        bench.launcher.error = None
        await touch(pool, M)


async def test_a_mistake_of_ours_reaches_the_caller_as_it_is() -> None:
    async with Bench(ScriptedLauncher(error=RuntimeError("ours"))).pool() as pool:
        with pytest.raises(RuntimeError, match="ours"):
            await touch(pool, M)


async def test_a_dead_worker_is_replaced_for_the_next_caller() -> None:
    bench = Bench(ScriptedLauncher([Reply("one two", error=WorkerFailed("ended"), after=1)]))
    async with bench.pool() as pool:
        with pytest.raises(WorkerFailed):
            async with pool.lease(M, deadline=soon(), listener=Recorder()) as runtime:
                await runtime.complete(HELLO, deadline=soon(), listener=Recorder())
        assert tiers(pool) == {"m": "cold"}
        async with pool.lease(M, deadline=soon(), listener=Recorder()) as runtime:
            assert runtime.is_alive
        assert (statistics(pool, M).loads, statistics(pool, M).restarts) == (2, 1)
    assert bench.launcher.runtimes[0].is_closed


async def test_a_worker_that_died_while_nobody_used_it_is_replaced() -> None:
    bench = Bench()
    async with bench.pool() as pool:
        await touch(pool, M)
        bench.launcher.runtimes[0].die()
        async with pool.lease(M, deadline=soon(), listener=Recorder()) as runtime:
            assert runtime.is_alive
        assert statistics(pool, M).restarts == 1


async def test_a_cancelled_caller_gives_the_model_back() -> None:
    async with Bench(ScriptedLauncher(Reply("one two", wait=anyio.Event()))).pool() as pool:
        with anyio.move_on_after(0.01):
            async with pool.lease(M, deadline=soon(), listener=Recorder()) as runtime:
                await runtime.complete(HELLO, deadline=soon(), listener=Recorder())
        found = statistics(pool, M)
        assert (found.is_leased, found.is_loaded) == (False, True)


async def test_the_listener_hears_queued_then_loading_once() -> None:
    recorder = Recorder()
    async with Bench().pool() as pool:
        for _ in range(2):
            await touch(pool, M, recorder)
    assert recorder.phases == [("queued", "m"), ("loading", "m"), ("queued", "m")]


async def test_a_listener_that_fails_takes_only_its_own_call_down() -> None:
    class Deaf(Recorder):
        def phase(self, phase: object, subject: str) -> None:
            if phase == "loading":
                raise LookupError(subject)

    wait = anyio.Event()
    bench = Bench(ScriptedLauncher("hi", wait=wait))
    async with bench.pool() as pool, anyio.create_task_group() as group:
        group.start_soon(touch, pool, M)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(LookupError):
            await touch(pool, N, Deaf())
        wait.set()
    assert bench.launched == ["m", "n"]


async def test_leaving_the_pool_stops_loads_and_frees_everything() -> None:
    bench = Bench()
    with pytest.raises(KeyError, match="as it was"):
        async with bench.pool() as pool:
            await touch(pool, M)
            bench.launcher.wait = anyio.Event()
            with pytest.raises(DeadlineExceeded):
                async with pool.lease(N, deadline=anyio.current_time() + 0.01, listener=Recorder()):
                    pass
            raise KeyError("as it was")
    assert bench.launcher.runtimes[0].is_closed
    with pytest.raises(RuntimeError, match="not open"):
        await touch(pool, M)


async def test_whoever_waits_when_the_pool_is_left_is_told() -> None:
    bench = Bench(ScriptedLauncher("hi", wait=anyio.Event()))
    async with anyio.create_task_group() as group, bench.pool() as pool:

        async def caller() -> None:
            with pytest.raises(WorkerFailed):
                await touch(pool, M)

        group.start_soon(caller)
        await anyio.wait_all_tasks_blocked()


async def test_the_event_loops_own_cancellation_frees_everything_too() -> None:
    bench = Bench()
    entered = anyio.Event()

    async def serve() -> None:
        async with bench.pool() as pool, pool.lease(M, deadline=soon(), listener=Recorder()):
            entered.set()
            await anyio.sleep_forever()

    task = asyncio.create_task(serve())  # as Ctrl-C does it: no scope of anyio knows of this cancellation
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.launcher.runtimes[0].is_closed


# -- the budget -------------------------------------------------------------------------------------------------------


async def test_a_model_used_longest_ago_makes_room() -> None:
    bench = Bench()
    async with bench.pool(FULL_BYTES + PARKED_BYTES) as pool:
        for model in (M, N):
            bench.clock.now += 1
            await touch(pool, model)
        assert tiers(pool) == {"m": "parked", "n": "hot"}
        bench.clock.now += 1
        await touch(pool, P)
        assert tiers(pool) == {"m": "cold", "n": "parked", "p": "hot"}
        assert statistics(pool, M).evictions == 1
        assert pool.statistics().used_bytes <= pool.statistics().budget_bytes


async def test_a_parked_model_is_woken_without_another_load() -> None:
    bench = Bench()
    async with bench.pool(FULL_BYTES + PARKED_BYTES) as pool:
        for model in (M, N, M):
            bench.clock.now += 1
            await touch(pool, model)
        assert tiers(pool) == {"m": "hot", "n": "parked"}
    assert bench.launched == ["m", "n"]


async def test_a_leased_model_is_never_evicted_and_the_next_one_waits_for_it() -> None:
    bench = Bench()
    async with bench.pool(FULL_BYTES) as pool, anyio.create_task_group() as group:
        entered = anyio.Event()

        async def other() -> None:
            async with pool.lease(N, deadline=soon(), listener=Recorder()):
                entered.set()

        async with pool.lease(M, deadline=soon(), listener=Recorder()) as runtime:
            group.start_soon(other)
            await anyio.wait_all_tasks_blocked()
            assert runtime.is_alive
            assert not entered.is_set()
            assert tiers(pool) == {"m": "hot", "n": "cold"}
        with anyio.fail_after(5):
            await entered.wait()
        assert tiers(pool) == {"m": "cold", "n": "hot"}


async def test_later_callers_do_not_get_a_model_whose_room_an_earlier_one_waits_for() -> None:
    bench = Bench()
    order: list[str] = []
    async with bench.pool(FULL_BYTES) as pool, anyio.create_task_group() as group:

        async def caller(model: ModelSpec, name: str) -> None:
            async with pool.lease(model, deadline=soon(), listener=Recorder()):
                order.append(name)
                await anyio.wait_all_tasks_blocked()

        async with pool.lease(M, deadline=soon(), listener=Recorder()):
            group.start_soon(caller, N, "waits for room")
            await anyio.wait_all_tasks_blocked()
            group.start_soon(caller, M, "came later")
            await anyio.wait_all_tasks_blocked()
            assert order == []
    assert order == ["waits for room", "came later"]


async def test_earlier_callers_of_a_model_are_served_before_it_makes_room() -> None:
    bench = Bench(ScriptedLauncher(build=one_slot))
    order: list[str] = []
    async with bench.pool(FULL_BYTES) as pool, anyio.create_task_group() as group:

        async def caller(model: ModelSpec, name: str) -> None:
            async with pool.lease(model, deadline=soon(), listener=Recorder()):
                order.append(name)

        async with pool.lease(M, deadline=soon(), listener=Recorder()):
            for model, name in ((M, "second for m"), (N, "first for n"), (M, "third for m")):
                group.start_soon(caller, model, name)
                await anyio.wait_all_tasks_blocked()
    assert order == ["second for m", "first for n", "third for m"]
    assert bench.launched == ["m", "n", "m"]


async def test_a_caller_that_gives_up_waiting_for_room_leaves_no_trace() -> None:
    bench = Bench()
    async with bench.pool(FULL_BYTES) as pool:
        async with pool.lease(M, deadline=soon(), listener=Recorder()):
            with pytest.raises(DeadlineExceeded, match="waiting for model 'n'"):
                async with pool.lease(N, deadline=anyio.current_time() + 0.01, listener=Recorder()):
                    pass
            await anyio.wait_all_tasks_blocked()
            await touch(pool, M)
        assert tiers(pool) == {"m": "hot", "n": "cold"}
    assert bench.launched == ["m"]


async def test_a_model_that_does_not_fit_gets_a_coarser_cache_then_a_smaller_context() -> None:
    for budget, expected in (
        (FULL_BYTES, (4096, "f16")),
        (FULL_BYTES - 1, (4096, "q8_0")),
        (FULL_BYTES - 60 * MIB, (2048, "q8_0")),
    ):
        bench = Bench()
        async with bench.pool(budget) as pool:
            await touch(pool, M)
            assert (statistics(pool, M).context_tokens, statistics(pool, M).kv_type) == expected


async def test_a_model_that_fits_in_no_form_is_refused_with_both_numbers() -> None:
    bench = Bench()
    async with bench.pool(100 * MIB) as pool:
        with pytest.raises(
            BudgetExceeded, match=r"model 'm' needs \d+ MiB, the budget is 100 MiB; raise TINY_MOA_MEMORY_MIB"
        ) as caught:
            await touch(pool, M)
        assert caught.value.needed_bytes > caught.value.budget_bytes == 100 * MIB
    async with bench.pool(FULL_BYTES - 1) as pool:
        with pytest.raises(BudgetExceeded) as caught:
            await touch(pool, spec("m", **STIFF))
        assert caught.value.needed_bytes == FULL_BYTES
    assert bench.launched == []


async def test_pinned_models_stay_and_others_are_refused_what_they_hold() -> None:
    bench = Bench()
    async with bench.pool(FULL_BYTES + 10 * MIB, pinned=frozenset({"m"})) as pool:
        await touch(pool, M)
        bench.clock.now += 100 * IDLE_SECONDS
        with pytest.raises(BudgetExceeded) as caught:
            await touch(pool, N)
        assert caught.value.budget_bytes == 10 * MIB
        assert tiers(pool) == {"m": "hot", "n": "cold"}


async def test_what_was_measured_corrects_the_next_forecast() -> None:
    def heavy(model: ModelSpec) -> ScriptedRuntime:
        runtime = ScriptedRuntime("hi", name=model.name)
        runtime.weights_bytes, runtime.context_bytes = PARKED_BYTES, FULL_BYTES - PARKED_BYTES + 50 * MIB
        return runtime

    bench = Bench(ScriptedLauncher(build=heavy))
    async with bench.pool(2 * FULL_BYTES) as pool:
        await touch(pool, M)
        found = statistics(pool, M)
        assert (found.forecast_bytes, found.measured_bytes) == (FULL_BYTES, FULL_BYTES + 50 * MIB)
        assert pool.statistics().used_bytes == FULL_BYTES + 50 * MIB
        bench.launcher.runtimes[0].die()
        await touch(pool, M)
        assert pool.statistics().used_bytes == pytest.approx(FULL_BYTES + 50 * MIB, abs=1)
        await touch(pool, spec("n", **STIFF))
        assert tiers(pool) == {"m": "parked", "n": "hot"}


async def test_a_parked_model_that_waits_for_its_turn_may_be_evicted_by_the_one_before_it() -> None:
    go_on = anyio.Event()

    class Slow(ScriptedRuntime):
        async def park(self) -> None:
            await go_on.wait()
            await super().park()

    bench = Bench(ScriptedLauncher(build=lambda model: Slow("hi", name=model.name)))
    async with bench.pool(FULL_BYTES) as pool, anyio.create_task_group() as group:
        await touch(pool, M)
        bench.clock.now += IDLE_SECONDS
        pool.statistics()
        await anyio.wait_all_tasks_blocked()  # it is being parked
        for model in (M, N):
            group.start_soon(touch, pool, model)
            await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert bench.launched == ["m", "n", "m"]


async def test_a_model_that_cannot_be_parked_is_evicted() -> None:
    class Stuck(ScriptedRuntime):
        async def park(self) -> None:
            raise WorkerFailed("it ended")

    bench = Bench(ScriptedLauncher(build=lambda model: Stuck("hi", name=model.name)))
    async with bench.pool(FULL_BYTES + PARKED_BYTES) as pool:
        await touch(pool, M)
        bench.clock.now += 1
        await touch(pool, N)
        assert tiers(pool) == {"m": "cold", "n": "hot"}


class Watched(ClaimsFolder):
    """Tells when the others can read that this process holds no more than a parked model."""

    def __init__(self, folder: Path, *, pid: int) -> None:
        super().__init__(folder, pid=pid, start_of=lambda pid: "then")
        self.shrank = threading.Event()

    def claim(self, mine: Claim, machine_bytes: int) -> bool:
        is_claimed = super().claim(mine, machine_bytes)
        if 0 < mine.bytes <= PARKED_BYTES:
            self.shrank.set()
        return is_claimed


async def test_a_parked_model_whose_room_is_gone_comes_back_smaller(tmp_path: Path) -> None:
    neighbour = ClaimsFolder(tmp_path / "claims", pid=1, start_of=lambda pid: "then")
    claims = Watched(tmp_path / "claims", pid=2)
    bench = Bench()
    async with bench.pool(claims=claims, machine_bytes=FULL_BYTES) as pool:
        await touch(pool, M)
        bench.clock.now += IDLE_SECONDS
        pool.statistics()
        assert await anyio.to_thread.run_sync(claims.shrank.wait, 30)
        assert neighbour.claim(Claim(20 * MIB), FULL_BYTES)
        assert tiers(pool) == {"m": "parked"}
        await touch(pool, M)
        assert statistics(pool, M).kv_type == "q8_0"
        assert pool.statistics().others_bytes == 20 * MIB
    assert bench.launched == ["m", "m"]


# -- idleness ---------------------------------------------------------------------------------------------------------


async def test_an_idle_model_is_parked_and_later_evicted_when_somebody_looks() -> None:
    bench = Bench()
    async with bench.pool() as pool:
        await touch(pool, M)
        for idle, tier in ((IDLE_SECONDS - 1, "hot"), (1, "parked"), (2 * IDLE_SECONDS - 1, "parked"), (1, "cold")):
            bench.clock.now += idle
            pool.statistics()
            await anyio.wait_all_tasks_blocked()
            assert tiers(pool) == {"m": tier}
        assert bench.launcher.runtimes[0].is_closed


async def test_a_lease_of_one_model_parks_another_that_is_idle() -> None:
    bench = Bench()
    async with bench.pool() as pool:
        await touch(pool, M)
        bench.clock.now += IDLE_SECONDS
        await touch(pool, N)
        await anyio.wait_all_tasks_blocked()
        assert tiers(pool) == {"m": "parked", "n": "hot"}


async def test_an_idle_model_in_use_stays_hot() -> None:
    bench = Bench()
    async with bench.pool() as pool, pool.lease(M, deadline=soon(), listener=Recorder()):
        bench.clock.now += 10 * IDLE_SECONDS
        pool.statistics()
        await anyio.wait_all_tasks_blocked()
        assert tiers(pool) == {"m": "hot"}


def test_the_form_of_the_tests_is_the_full_one() -> None:
    assert (FULL.context_tokens, FULL.kv_type) == (M.context_tokens, "f16")
