"""The memory of real workers: what the forecast says is what they hold, and a pool under pressure stays in its budget.

`--log-cli-level=INFO` shows what was forecast and measured.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from tests.fakes import Recorder
from tests.gguf_files import ARCHITECTURES, Shape, write_parrot, write_random
from tiny_moa.catalog import ModelSpec, load_catalog
from tiny_moa.models.claims import Budget
from tiny_moa.models.forecast import forecast
from tiny_moa.models.gguf import read_header
from tiny_moa.models.llama import LlamaLauncher, LlamaRuntime
from tiny_moa.models.pool import ModelPool, PoolPolicy
from tiny_moa.models.runtime import KEPT_SHARE, MOST_SAMPLES, CompletionRequest, LoadOptions, Message
from tiny_moa.models.weights import Headers, WeightStore

pytestmark = [pytest.mark.llama, pytest.mark.slow]

logger = logging.getLogger(__name__)
GUARD_SECONDS = 240
MIB = 1 << 20
ASK = CompletionRequest((Message("user", "Tell me of the fox, the river and the mountain. " * 6),), 8)
LABELS = [f"{number}: the answer is a rather long label of words" for number in range(MOST_SAMPLES)]
"""So long that a batch is full and every row of it wants its logits."""
LARGER = Shape(blocks=8, embedding=512, feed_forward=1536, heads=8, head_size=64, ssm_inner=512, ssm_state=64, ssm_heads=8)
BENCHMARK_MODELS = Path(os.environ.get("TINY_MOA_BENCH_MODELS", "no-such-folder"))
REAL = [
    ("smollm2", LoadOptions(4096, "f16")),
    ("smollm2", LoadOptions(2048, "q8_0")),
    ("smollm2", LoadOptions(8192, "f16")),
    ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", LoadOptions(4096, "f16")),
    ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", LoadOptions(2048, "q8_0")),
    ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", LoadOptions(4096, "f16")),
    ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", LoadOptions(4096, "q8_0")),
]


def smollm2() -> Path:
    path = WeightStore().find(load_catalog().models["smollm2-135m"])
    assert path is not None
    return path


def resident(pid: int) -> int:
    """Give the bytes a process holds, mapped files included; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))


def spec_of(path: Path, context_tokens: int) -> ModelSpec:
    return ModelSpec(name=path.stem, title=path.stem, path=path, context_tokens=context_tokens)


@asynccontextmanager
async def loaded(path: Path, options: LoadOptions) -> AsyncIterator[LlamaRuntime]:
    runtime = await LlamaLauncher(1)(spec_of(path, options.context_tokens), path, options)
    try:
        yield runtime
    finally:
        await runtime.aclose()


async def use_everything(runtime: LlamaRuntime) -> None:
    """Do what takes the most memory: a long prompt, a fan-out, and a batch in which each row wants its logits."""
    deadline = anyio.current_time() + GUARD_SECONDS
    await runtime.complete(ASK, deadline=deadline, listener=Recorder())
    await runtime.sample(ASK, MOST_SAMPLES, deadline=deadline, listener=Recorder())
    await runtime.score(ASK, LABELS, deadline=deadline)


async def compare(path: Path, options: LoadOptions) -> tuple[int, int, int, int]:
    """Give forecast and measurement of a model in use, and of the same parked."""
    expected = forecast(read_header(path), options)
    async with loaded(path, options) as runtime:
        assert runtime.pid is not None
        await use_everything(runtime)
        used = resident(runtime.pid)
        kept = sum(prefix.tokens for prefix in runtime.statistics().prefixes) / (runtime.context_tokens * KEPT_SHARE)
        assert runtime.resident_bytes() == pytest.approx(used, rel=0.05)
        await runtime.park()
        parked = resident(runtime.pid)
    total = expected.total - round(expected.kept * (1 - kept))  # of what may be kept, so much is
    row = [total, used, expected.parked, parked]
    sizes = " | ".join(f"{size / MIB:.0f}" for size in row)
    logger.info("| %s | %d %s | %s |", path.name, options.context_tokens, options.kv_type, sizes)
    return total, used, expected.parked, parked


@pytest.mark.parametrize(("name", "options"), REAL)
async def test_real_models_hold_what_was_forecast(name: str, options: LoadOptions) -> None:
    path = smollm2() if name == "smollm2" else BENCHMARK_MODELS / name
    if not path.is_file():
        pytest.skip(f"set TINY_MOA_BENCH_MODELS to a folder with {name}")
    with anyio.fail_after(GUARD_SECONDS):
        total, used, parked_total, parked = await compare(path, options)
    assert used == pytest.approx(total, rel=0.05)
    assert parked == pytest.approx(parked_total, rel=0.05)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_random_models_hold_what_was_forecast(tmp_path: Path, architecture: str) -> None:
    path = write_random(tmp_path / f"{architecture}.gguf", architecture, shape=LARGER)
    with anyio.fail_after(GUARD_SECONDS):
        total, used, parked_total, parked = await compare(path, LoadOptions(2048))
    assert used == pytest.approx(total, abs=8 * MIB)
    assert parked == pytest.approx(parked_total, abs=8 * MIB)


# -- a pool under pressure --------------------------------------------------------------------------------------------

CALLS = 40
CALLERS = 4


@dataclass
class Watched:
    """Loads real workers and remembers the processes of all of them.

    Attributes:
        pids: Every worker that was loaded.
        most_bytes: The most they were seen to hold together.
    """

    launch: LlamaLauncher = field(default_factory=lambda: LlamaLauncher(1))
    pids: list[int] = field(default_factory=list)
    most_bytes: int = 0

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions | None = None) -> LlamaRuntime:
        runtime = await self.launch(spec, weights, options or LoadOptions())
        assert runtime.pid is not None
        self.pids.append(runtime.pid)
        return runtime

    def look(self) -> None:
        self.most_bytes = max(self.most_bytes, sum(map(resident, self.pids)))


def _cancelling(scope: anyio.CancelScope, after: int | None) -> Callable[[int], None]:
    """Give what cancels a scope at a token by its number, or never."""

    def hear(count: int) -> None:
        if count == after:
            scope.cancel()

    return hear


@dataclass
class Storm:
    """Callers that lease models at random and are cancelled at random, by a seed.

    Attributes:
        served: How many calls got their answer.
        cancelled: How many were cancelled before.
    """

    pool: ModelPool
    models: list[ModelSpec]
    look: Callable[[], None]
    seed: int
    served: int = 0
    cancelled: int = 0

    async def caller(self, number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        for _ in range(CALLS // CALLERS):
            model, patience = chance.choice(self.models), chance.choice([None, None, chance.randrange(1, 12)])
            with anyio.CancelScope() as scope:
                await self.call(model, Recorder(on_token=_cancelling(scope, patience)))
            self.served += not scope.cancelled_caught
            self.cancelled += scope.cancelled_caught

    async def call(self, model: ModelSpec, heard: Recorder) -> None:
        deadline = anyio.current_time() + GUARD_SECONDS
        async with self.pool.lease(model, deadline=deadline, listener=heard) as runtime:
            request = CompletionRequest((Message("user", "Go on."),), 12)
            completion = await runtime.complete(request, deadline=deadline, listener=heard)
            assert runtime.is_alive, "a leased model was put out of memory"
            assert completion.usage.completion_tokens > 0
            self.look()


def open_things() -> tuple[int, int]:
    """Give how many descriptors and threads this process has, without the threads the event loop keeps for the next call."""
    gc.collect()  # the shared memory of a runtime goes with the object
    threads = [thread for thread in threading.enumerate() if "AnyIO" not in thread.name]
    return len(list(Path("/proc/self/fd").iterdir())), len(threads)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_pool_under_pressure_stays_in_its_budget_and_serves_everybody(tmp_path: Path, seed: int) -> None:
    paths = [
        smollm2(),
        write_random(tmp_path / "falcon.gguf", "falcon-h1", shape=LARGER),
        write_parrot(tmp_path / "parrot.gguf", tuple(f" word{number}" for number in range(40))),
    ]
    models = [spec_of(path, 2048) for path in paths]
    sizes = sorted(forecast(read_header(path), LoadOptions(2048)).total for path in paths)
    budget = sizes[-1] + sizes[0] + 4 * MIB  # the largest and the smallest, but not all three
    before = open_things()
    watched = Watched()
    with anyio.fail_after(GUARD_SECONDS):
        policy = PoolPolicy(options=LoadOptions(slots=2))
        async with ModelPool(watched, lambda spec: spec.path or Path(), Budget(budget), policy, inspect=Headers()) as pool:
            storm = Storm(pool, models, watched.look, seed)
            async with anyio.create_task_group() as group:
                for number in range(CALLERS):
                    group.start_soon(storm.caller, number)
            statistics = pool.statistics()
    logger.info("most %d of %d MiB; %d served", watched.most_bytes // MIB, budget // MIB, storm.served)
    assert storm.served + storm.cancelled == CALLS
    assert storm.served > CALLS // 2
    assert storm.cancelled > 0
    assert watched.most_bytes <= budget * 1.1
    assert sum(model.evictions for model in statistics.models) > 0, "there was no pressure"
    assert sum(model.restarts for model in statistics.models) == 0
    assert all((model.leases, model.waiting) == (0, 0) for model in statistics.models)
    assert not any(map(resident, watched.pids)), "a worker outlived the pool"
    after = open_things()
    assert all(now <= then for now, then in zip(after, before, strict=True)), (before, after)
