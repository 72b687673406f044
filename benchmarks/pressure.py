"""A pool of real models under a tight budget: many callers, random cancels, for a minute; what it held and whom it served.

    uv run --extra local --group dev python benchmarks/pressure.py [--models FOLDER] [--seconds 60] [--mib 1228] [--seed 1]

FOLDER holds qwen2.5-coder-0.5b-instruct-q4_k_m.gguf, used as two models with contexts of their own. With SmolLM2 they need more
than the budget, so models are parked and evicted all the time. Memory is sampled over all workers, mapped weights included.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from tiny_moa.catalog import ModelSpec, load_catalog
from tiny_moa.errors import TinyMoAError
from tiny_moa.models.claims import Budget
from tiny_moa.models.llama import LlamaLauncher, LlamaRuntime
from tiny_moa.models.pool import ModelPool, PoolPolicy
from tiny_moa.models.runtime import CompletionRequest, LoadOptions, Message
from tiny_moa.models.weights import Headers, WeightStore
from tiny_moa.server.progress import Pulse

CALLERS = 12
SAMPLE_SECONDS = 0.1


class Watched:
    """Loads workers and remembers them, to add up what they hold."""

    def __init__(self) -> None:
        self._launch = LlamaLauncher(1)
        self.runtimes: list[LlamaRuntime] = []
        self.most_bytes = 0

    async def __call__(self, spec: ModelSpec, weights: Path, options: LoadOptions) -> LlamaRuntime:
        """Load a model; see `Launcher`."""
        runtime = await self._launch(spec, weights, options)
        self.runtimes.append(runtime)
        return runtime

    async def watch(self) -> None:
        """Sample for ever."""
        while True:
            held = sum(runtime.resident_bytes() for runtime in self.runtimes if runtime.is_alive)
            self.most_bytes = max(self.most_bytes, held)
            await anyio.sleep(SAMPLE_SECONDS)


async def caller(pool: ModelPool, models: list[ModelSpec], end: float, number: int, outcomes: Counter[str]) -> None:
    """Ask models at random until the end; a third of the calls is cancelled somewhere."""
    chance = random.Random(number)
    while anyio.current_time() < end:
        model = chance.choice(models)
        patience = chance.uniform(0.05, 3.0) if chance.random() < 1 / 3 else 600.0
        with anyio.move_on_after(patience) as scope:
            try:
                outcomes[await call(pool, model)] += 1
            except TinyMoAError as exc:
                outcomes[type(exc).__name__] += 1
        outcomes["cancelled"] += scope.cancelled_caught


async def call(pool: ModelPool, model: ModelSpec) -> str:
    """Have a model write twelve tokens; says how that ended."""
    deadline = anyio.current_time() + 300
    async with pool.lease(model, deadline=deadline, listener=Pulse()) as runtime:
        request = CompletionRequest((Message("user", "Write a line about the sea."),), 12)
        await runtime.complete(request, deadline=deadline, listener=Pulse())
        return "served" if runtime.is_alive else "evicted while leased"


async def measure(given: Any, models: list[ModelSpec]) -> None:
    """Run the storm and print."""
    watched, outcomes = Watched(), Counter[str]()
    budget = Budget(given.mib << 20)
    async with ModelPool(watched, WeightStore().locate, budget, PoolPolicy(idle_seconds=5.0), inspect=Headers()) as pool:
        async with anyio.create_task_group() as watching:
            watching.start_soon(watched.watch)
            end = anyio.current_time() + given.seconds
            async with anyio.create_task_group() as callers:
                for number in range(CALLERS):
                    callers.start_soon(partial(caller, pool, models, end, given.seed * 100 + number, outcomes))
            watching.cancel_scope.cancel()
        for model in pool.statistics().models:
            counts = f"loads {model.loads:3}  evictions {model.evictions:3}  restarts {model.restarts}  leases {model.leases}"
            print(f"  {model.model:12} {counts}")
    alive = sum(runtime.is_alive for runtime in watched.runtimes)
    share = watched.most_bytes / (given.mib << 20)
    print(f"  {dict(outcomes)}; at most {watched.most_bytes >> 20} of {given.mib} MiB ({share:.2f}); workers left {alive}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description="A pool of real models under a tight budget.")
    default = os.environ.get("TINY_MOA_BENCH_MODELS") or Path.home() / ".cache" / "tiny-moa-bench"
    parser.add_argument("--models", type=Path, default=Path(default))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--mib", type=int, default=1228, help="the budget; 1.2 GiB unless given")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    models = [load_catalog().models["smollm2-135m"]]
    path = given.models / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    for name, context in (("qwen-short", 2048), ("qwen-long", 8192)):
        models.append(ModelSpec(name=name, title=name, path=path, context_tokens=context))
    print(f"{datetime.now(UTC).date()}  {platform.machine()}, {CALLERS} callers, {given.seconds:g} s, budget {given.mib} MiB")
    anyio.run(measure, given, models)


if __name__ == "__main__":
    main()
