"""Weights files that go away, change or break while their model is resident: real workers, real files."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from tests.fakes import Recorder
from tests.gguf_files import write_parrot, write_random
from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import ModelError, WeightsInvalid, WeightsMissing, WorkerFailed
from tiny_moa.models.claims import Budget
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.pool import ModelPool
from tiny_moa.models.runtime import CompletionRequest, Message
from tiny_moa.models.weights import Headers, WeightStore

pytestmark = pytest.mark.llama
QUESTION = CompletionRequest((Message("user", "What is the capital of France?"),), 20)
WORDS = ["Paris", " is", " the", " capital", "."]


def pool_of(folder: Path) -> ModelPool:
    return ModelPool(LlamaLauncher(1), WeightStore(folder).locate, Budget(1 << 30), inspect=Headers())


async def answer(pool: ModelPool, spec: ModelSpec) -> str:
    deadline = anyio.current_time() + 60
    async with pool.lease(spec, deadline=deadline, listener=Recorder()) as runtime:
        return (await runtime.complete(QUESTION, deadline=deadline, listener=Recorder())).text


def spec(name: str = "parrot") -> ModelSpec:
    return ModelSpec(name=name, title=name, file=f"{name}.gguf", context_tokens=512)


async def test_a_file_deleted_while_resident_answers_on_and_is_missed_at_the_next_load(tmp_path: Path) -> None:
    path = write_parrot(tmp_path / "parrot.gguf", WORDS)
    with anyio.fail_after(60):
        async with pool_of(tmp_path) as pool:
            assert await answer(pool, spec()) == "Paris is the capital."
            path.unlink()
            assert await answer(pool, spec()) == "Paris is the capital."
        async with pool_of(tmp_path) as pool:
            with pytest.raises(WeightsMissing):
                await answer(pool, spec())


async def test_a_file_replaced_while_resident_takes_effect_at_the_next_load(tmp_path: Path) -> None:
    path = write_parrot(tmp_path / "parrot.gguf", WORDS)
    with anyio.fail_after(60):
        async with pool_of(tmp_path) as pool:
            assert await answer(pool, spec()) == "Paris is the capital."
            write_parrot(tmp_path / "new.gguf", ["Lyon", "."]).replace(path)
            assert await answer(pool, spec()) == "Paris is the capital."
        async with pool_of(tmp_path) as pool:
            assert await answer(pool, spec()) == "Lyon."


async def test_a_file_cut_short_while_resident_is_a_typed_error_and_the_others_go_on(tmp_path: Path) -> None:
    broken = write_random(tmp_path / "broken.gguf", "llama")
    write_parrot(tmp_path / "parrot.gguf", WORDS)
    with anyio.fail_after(60):
        async with pool_of(tmp_path) as pool:
            assert await answer(pool, spec()) == "Paris is the capital."
            async with pool.lease(spec("broken"), deadline=anyio.current_time() + 60, listener=Recorder()):
                os.truncate(broken, 4096)  # what was mapped is gone: touching it kills the worker
            with pytest.raises((WorkerFailed, WeightsInvalid)):
                await answer(pool, spec("broken"))
            assert await answer(pool, spec()) == "Paris is the capital."
            with pytest.raises(ModelError):
                await answer(pool, spec("broken"))
