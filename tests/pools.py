"""Pools over scripted models whose forecasts are chosen by the test: no file is opened and time stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from tests.fakes import ScriptedLauncher
from tiny_moa.catalog import ModelSpec
from tiny_moa.models.claims import Budget, ClaimsFolder
from tiny_moa.models.forecast import Forecast, forecast
from tiny_moa.models.gguf import Array, Header, Tensor, Value
from tiny_moa.models.pool import ModelPool, PoolPolicy
from tiny_moa.models.runtime import AdapterFile, LoadOptions

MIB = 1 << 20
FULL = LoadOptions(context_tokens=4096)
IDLE_SECONDS = 600.0


def spec(name: str, **fields: object) -> ModelSpec:
    """Give a model of a file of its own."""
    return ModelSpec.model_validate({"name": name, "title": name, "file": f"{name}.gguf", **fields})


def header(path: Path, weights_mib: int = 100) -> Header:
    """Give a header of so many weights and a cache of 16 KiB a token, 64 MiB for 4,096."""
    values: dict[str, Value] = {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "llama.embedding_length": 2048,
        "llama.block_count": 2,
        "llama.attention.head_count": 32,
        "tokenizer.ggml.tokens": Array("s", 100),
    }
    return Header(path, values, (Tensor("w", (1,), 0, 0, weights_mib * MIB),), 0)


def forecast_of(weights_mib: int = 100, options: LoadOptions = FULL) -> Forecast:
    """Give what a model of so many weights is expected to hold."""
    return forecast(header(Path("x.gguf"), weights_mib), options)


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """What a test of the pool needs: it opens pools of models with weights by name, 100 MiB unless given.

    Attributes:
        launcher: Loads the models.
        weights_mib: The weights of each model by name.
        clock: The pool's time.
        inspected: The files whose headers were asked for, in order.
        adapter: What is laid over every model.
    """

    launcher: ScriptedLauncher = field(default_factory=lambda: ScriptedLauncher("hi there"))
    weights_mib: Mapping[str, int] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    inspected: list[str] = field(default_factory=list)
    adapter: AdapterFile | None = None

    def pool(
        self,
        budget_bytes: int = 1 << 40,
        *,
        pinned: frozenset[str] = frozenset(),
        slots: int = 4,
        claims: ClaimsFolder | None = None,
        machine_bytes: int = 1 << 62,
    ) -> ModelPool:
        policy = PoolPolicy(pinned, IDLE_SECONDS, LoadOptions(slots=slots))
        budget = Budget(budget_bytes, machine_bytes=machine_bytes, claims=claims)
        return ModelPool(
            self.launcher, lambda spec: Path(spec.file or ""), budget, policy,
            inspect=self._inspect, adapter_of=lambda spec: self.adapter, clock=self.clock,
        )  # fmt: skip

    async def _inspect(self, path: Path) -> Header:
        self.inspected.append(path.name)
        return header(path, self.weights_mib.get(path.stem, 100))

    @property
    def launched(self) -> list[str]:
        """The names of the models that were loaded, in order."""
        return [name for name, _ in self.launcher.launches]


def tiers(pool: ModelPool) -> dict[str, str]:
    """Give the tier of each model."""
    return {model.model: model.tier for model in pool.statistics().models}


def soon() -> float:
    """Give a deadline that is far enough away."""
    return anyio.current_time() + 5
