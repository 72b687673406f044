"""Tests of what goes wrong under a call: the process dies, hangs, lies or has no memory. The next call always works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.fakes import Recorder
from tests.gguf_files import write_parrot, write_random
from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import ModelError, WorkerFailed
from tiny_moa.models import llama
from tiny_moa.models.llama import LlamaLauncher, LlamaRuntime
from tiny_moa.models.runtime import CompletionRequest, LoadOptions, Message

pytestmark = pytest.mark.llama

GUARD_SECONDS = 90
LONG = tuple(f" word{number}" for number in range(900))
ASK = CompletionRequest((Message("user", "Say something."),), 800)
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def long_parrot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parrot(tmp_path_factory.mktemp("weights") / "long.gguf", LONG)


async def _load(path: Path, **options: object) -> LlamaRuntime:
    return await LlamaLauncher(1)(ModelSpec(name="m", title="M", path=path), path, LoadOptions(2048, **options))  # type: ignore[arg-type]


def _soon() -> float:
    return anyio.current_time() + GUARD_SECONDS


def _with_fault(monkeypatch: pytest.MonkeyPatch, fault: str, **environ: str) -> None:
    monkeypatch.setattr(llama, "WORKER", "tests.hostile_worker")
    for name, value in {"PYTHONPATH": str(ROOT), "FAULT": fault, **environ}.items():
        monkeypatch.setenv(name, value)


async def _works(path: Path) -> None:
    runtime = await _load(path)
    completion = await runtime.complete(CompletionRequest(ASK.messages, 3), deadline=_soon(), listener=Recorder())
    assert completion.text == "".join(LONG[:3])
    await runtime.aclose()


@pytest.mark.parametrize("fault", ["native abort", "bad pointer", "closed pipe", "garbage", "exception"])
async def test_a_fault_in_the_worker_is_a_typed_error_for_every_call(
    long_parrot: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    with monkeypatch.context() as patch:
        _with_fault(patch, fault)
        runtime = await _load(long_parrot)
    failed: list[WorkerFailed] = []

    async def ask() -> None:
        try:
            await runtime.complete(ASK, deadline=_soon(), listener=Recorder())
        except WorkerFailed as exc:
            failed.append(exc)

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask)
    assert len(failed) == 3
    assert not runtime.is_alive
    await runtime.aclose()
    await _works(long_parrot)


async def test_a_killed_worker_fails_every_call_in_flight(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    pid, failed = runtime.pid, 0
    assert pid is not None

    async def ask() -> None:
        nonlocal failed
        with pytest.raises(WorkerFailed):
            await runtime.complete(
                ASK,
                deadline=_soon(),
                listener=Recorder(on_token=lambda count: os.kill(pid, signal.SIGKILL) if count == 9 else None),
            )
        failed += 1

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(ask)
    assert failed == 4
    assert runtime.resident_bytes() == 0
    await runtime.aclose()
    await _works(long_parrot)


async def test_a_frozen_worker_is_killed_at_the_first_deadline_and_the_other_call_fails(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    pid, finishes = runtime.pid, []
    assert pid is not None

    async def ask() -> None:
        with pytest.raises(WorkerFailed):
            await runtime.complete(ASK, deadline=_soon(), listener=Recorder())
        finishes.append("failed")

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            freeze = Recorder(on_token=lambda count: os.kill(pid, signal.SIGSTOP) if count == 1 else None)
            completion = await runtime.complete(ASK, deadline=anyio.current_time() + 0.5, listener=freeze)
            finishes.append(completion.finish)
    assert sorted(finishes) == ["deadline", "failed"]
    assert not runtime.is_alive


async def test_a_worker_that_was_frozen_for_a_moment_goes_on(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    pid = runtime.pid
    assert pid is not None

    async def thaw() -> None:
        while not any(runtime._flags[index].is_raised for index in range(runtime.slots)):
            await anyio.lowlevel.checkpoint()
        os.kill(pid, signal.SIGCONT)

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(thaw)
            freeze = Recorder(on_token=lambda count: os.kill(pid, signal.SIGSTOP) if count == 5 else None)
            completion = await runtime.complete(ASK, deadline=anyio.current_time() + 0.5, listener=freeze)
    assert completion.finish == "deadline"
    assert runtime.is_alive
    again = await runtime.complete(CompletionRequest(ASK.messages, 3), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(LONG[:3])
    await runtime.aclose()


async def test_a_worker_that_answers_but_never_stops_is_killed_in_the_end(
    long_parrot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(llama, "_MOST_GRACE_SECONDS", 1.0)
    with monkeypatch.context() as patch:
        _with_fault(patch, "hangs")
        runtime = await _load(long_parrot)
    with anyio.fail_after(GUARD_SECONDS):
        completion = await runtime.complete(ASK, deadline=anyio.current_time() + 4, listener=Recorder())
    assert completion.finish == "deadline"
    assert completion.usage.completion_tokens == 4
    assert not runtime.is_alive


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's limits")
@pytest.mark.parametrize("spare_mib", [1, 60, 150])
async def test_too_little_memory_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spare_mib: int) -> None:
    """Whatever does not fit, the libraries or the context, the server goes on."""
    path = write_random(tmp_path / "m.gguf", "falcon-h1")
    with monkeypatch.context() as patch:
        _with_fault(patch, "little memory", SPARE_MIB=str(spare_mib))
        with anyio.fail_after(GUARD_SECONDS), pytest.raises(ModelError):
            runtime = await _load(path)
            await runtime.complete(ASK, deadline=_soon(), listener=Recorder())
    runtime = await _load(path)
    assert (await runtime.complete(CompletionRequest(ASK.messages, 3), deadline=_soon(), listener=Recorder())).finish
    await runtime.aclose()


async def test_more_calls_than_slots_are_a_mistake(long_parrot: Path) -> None:
    runtime = await _load(long_parrot, slots=1)

    async def second(count: int) -> None:
        with pytest.raises(RuntimeError, match="slots"):
            await runtime.complete(ASK, deadline=_soon(), listener=Recorder())
        with pytest.raises(RuntimeError, match="in flight"):
            await runtime.park()

    is_begun = anyio.Event()
    async with anyio.create_task_group() as group:

        async def first() -> None:
            await runtime.complete(ASK, deadline=_soon(), listener=Recorder(on_token=lambda count: is_begun.set()))

        group.start_soon(first)
        await is_begun.wait()
        await second(1)
        group.cancel_scope.cancel()
    assert runtime.is_alive
    await runtime.aclose()


async def test_parking_gives_memory_back(tmp_path: Path) -> None:
    runtime = await _load(write_random(tmp_path / "m.gguf", "falcon-h1"))
    await runtime.complete(CompletionRequest(ASK.messages, 3), deadline=_soon(), listener=Recorder())
    awake = runtime.resident_bytes()
    await runtime.park()
    parked = runtime.resident_bytes()
    if awake:
        assert 0 < parked < awake
    await runtime.aclose()
    assert runtime.resident_bytes() == 0


async def test_beginnings_are_stored_at_the_end_and_found_by_the_next_process(long_parrot: Path, tmp_path: Path) -> None:
    asked = CompletionRequest((Message("system", "The same in every call of this test."), *ASK.messages), 3, fixed_messages=1)
    cached = []
    for _ in range(2):
        runtime = await _load(long_parrot, prefixes=tmp_path / "prefixes")
        completion = await runtime.complete(asked, deadline=_soon(), listener=Recorder())
        cached.append(completion.usage.cached_tokens > 0)
        assert runtime.statistics().prefixes[0].tokens > 0
        await runtime.aclose()
    assert cached == [False, True]
    assert len(list((tmp_path / "prefixes").iterdir())) == 1
