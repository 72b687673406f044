"""The real server process with the real embedded model, over real standard streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult

from tests.documents.make import handbook_docx
from tests.gguf_files import write_parrot
from tests.teams import endless
from tiny_moa import build_team, load_settings
from tiny_moa.catalog import load_catalog
from tiny_moa.models.weights import WeightStore
from tiny_moa.server.app import build_server

pytestmark = pytest.mark.llama
Mode = Literal["auto", "legacy"]
BOTH_ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
SERVE = [sys.executable, "-m", "tiny_moa", "serve", "--threads", "1"]
ENVIRON = {key: value for key, value in os.environ.items() if not key.startswith("TINY_MOA_") and key != "PYTHONUNBUFFERED"}
LONG = "Write a long story about a fox, a river and a mountain, with many chapters."


def server(*arguments: str, transcript: Path | None = None) -> StdioServerParameters:
    command = [*SERVE, *arguments]
    if transcript is not None:
        command = [sys.executable, str(Path(__file__).with_name("tee.py")), str(transcript), *command]
    return StdioServerParameters(command=command[0], args=command[1:], env=ENVIRON)


def values(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def counters(client: Client) -> dict[str, Any]:
    (content,) = (await client.read_resource("moa://status")).contents
    (model,) = json.loads(content.text)["models"]  # type: ignore[union-attr]
    return dict(model)


async def cancel_while_writing(client: Client) -> None:
    """Start a call of thousands of tokens and cancel it once the server says that it writes."""
    writing = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        if message and "writing" in message:
            writing.set()

    async with anyio.create_task_group() as group:

        async def ask() -> None:
            await client.call_tool(
                "write_code", {"task": LONG, "language": "text", "max_tokens": 4000}, progress_callback=on_progress
            )

        group.start_soon(ask)
        await writing.wait()
        group.cancel_scope.cancel()


@BOTH_ERAS
@pytest.mark.docling
@pytest.mark.promise(1)
async def test_every_byte_on_stdout_is_protocol_through_a_whole_session(tmp_path: Path, mode: Mode) -> None:
    (tmp_path / "note.docx").write_bytes(handbook_docx())
    transcript, catalog = tmp_path / "transcript", str(endless(tmp_path))
    with anyio.fail_after(180):
        async with Client(server("--root", str(tmp_path), "--catalog", catalog, transcript=transcript), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 6
            assert values(await client.call_tool("ask", {"question": "Why is the sky blue?", "max_tokens": 16}))["answer"]
            assert values(await client.call_tool("parse_document", {"source": "note.docx"}))["text"]
            assert (await client.call_tool("ask", {"question": ""})).is_error
            await cancel_while_writing(client)
            assert values(await client.call_tool("solve_math", {"problem": "6 * 7"}))["status"] == "verified"
    lines = transcript.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) >= 6
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)


async def test_two_hundred_interleaved_calls_during_loads_lose_no_line(tmp_path: Path) -> None:
    transcript = tmp_path / "transcript"
    sums: list[int] = []
    with anyio.fail_after(180):
        async with Client(server(transcript=transcript), mode="legacy") as client, anyio.create_task_group() as group:

            async def add(number: int) -> None:
                reply = values(await client.call_tool("solve_math", {"problem": f"{number} + 1"}))
                sums.append(int(reply["result"]["answer"]))

            async def write(number: int) -> None:
                values(await client.call_tool("write_code", {"task": f"add {number}", "max_tokens": 4}))

            for number in range(200):
                group.start_soon(add, number)
                if number % 50 == 0:
                    group.start_soon(write, number)
    assert sorted(sums) == list(range(1, 201))
    lines = transcript.read_bytes().split(b"\n")
    assert lines.pop() == b""
    answered = [message["id"] for message in map(json.loads, lines) if "id" in message and "result" in message]
    assert len(answered) == len(set(answered)) >= 205


@pytest.mark.promise(3)
async def test_a_deadline_of_five_seconds_gives_partial_text_within_six(tmp_path: Path) -> None:
    with anyio.fail_after(120):
        async with Client(server("--catalog", str(endless(tmp_path)))) as client:
            await client.call_tool("write_code", {"task": "x", "max_tokens": 1})
            with anyio.fail_after(6):
                reply = values(
                    await client.call_tool(
                        "write_code", {"task": LONG, "language": "text", "max_tokens": 4000, "deadline_seconds": 5}
                    )
                )
    assert reply["partial"] is True
    assert reply["status"] == "partial"
    assert len(reply["answer"]) > 100
    assert "deadline" in reply["notes"][-1]


async def test_a_deadline_during_the_first_load_is_kept_too(tmp_path: Path) -> None:
    with anyio.fail_after(120):
        async with Client(server("--catalog", str(endless(tmp_path)))) as client:
            with anyio.fail_after(6):
                result = await client.call_tool(
                    "write_code", {"task": LONG, "language": "text", "max_tokens": 4000, "deadline_seconds": 5}
                )
    assert values(result)["partial"] is True


@BOTH_ERAS
@pytest.mark.promise(4)
async def test_after_a_cancel_no_further_token_is_generated(tmp_path: Path, mode: Mode) -> None:
    async with Client(server("--catalog", str(endless(tmp_path))), mode=mode) as client:
        with anyio.fail_after(120):
            await cancel_while_writing(client)
            while (stopped := await counters(client))["is_leased"]:
                pass  # each look is a request of its own; the cancel is on its way
            for _ in range(20):
                assert (await counters(client))["runtime"]["generated_tokens"] == stopped["runtime"]["generated_tokens"]
            assert 0 < stopped["runtime"]["generated_tokens"] < 4000
            assert values(await client.call_tool("write_code", {"task": "x", "max_tokens": 4}))["answer"]


async def test_two_hosts_with_two_servers_and_ten_calls_at_once_all_answer() -> None:
    answered: list[str] = []

    async def call(client: Client, number: int) -> None:
        reply = values(await client.call_tool("write_code", {"task": f"add {number} to x", "max_tokens": 8}))
        answered.append(reply["answer"])

    with anyio.fail_after(180):
        async with Client(server()) as first, Client(server()) as second, anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(call, first, number)
            for number in range(2):
                group.start_soon(call, second, number)
    assert len(answered) == 12
    assert all(text.startswith("```python") for text in answered)


async def test_a_user_catalogue_with_any_local_gguf_path_takes_a_role(tmp_path: Path) -> None:
    write_parrot(tmp_path / "parrot.gguf", ["Paris", " is", " the", " capital", " of", " France", "."])
    catalog = tmp_path / "mine.toml"
    catalog.write_text(
        '[models.parrot]\ntitle = "Parrot"\npath = "parrot.gguf"\ncontext_tokens = 1024\n'
        '[experts.multilingual]\nmodel = "parrot"\n'
    )
    with anyio.fail_after(120):
        async with Client(server("--catalog", str(catalog))) as client:
            reply = values(await client.call_tool("ask", {"question": "Translate: 파리는 프랑스의 수도이다"}))
    assert reply["answer"] == "Paris is the capital of France."
    assert reply["steps"][0]["models"] == ["parrot"]


@pytest.mark.promise(2)
def test_listing_tools_imports_no_engine_and_no_converter() -> None:
    program = """
import anyio, sys
from mcp import Client
from tiny_moa import build_team, load_settings
from tiny_moa.server.app import build_server

async def main():
    async with Client(build_server(build_team(load_settings({})))) as client:
        assert len((await client.list_tools()).tools) == 6
        await client.list_resources()
    heavy = {"llama_cpp", "docling", "docling_core", "torch", "huggingface_hub", "numpy", "pandas", "jinja2"} & set(sys.modules)
    assert not heavy, heavy

anyio.run(main)
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=ENVIRON, timeout=60)


def test_the_server_process_never_imports_the_engine_even_after_a_model_answered() -> None:
    program = """
import anyio, sys
from tiny_moa import Call, build_team, load_settings
from tiny_moa.server.progress import Pulse

async def main():
    async with build_team(load_settings({}, threads=1)) as team:
        answer = await team.asker.ask("Why is the sky blue?", Call(anyio.current_time() + 60, 4, Pulse()))
        assert answer.usage.completion_tokens
    assert not {"llama_cpp", "numpy", "jinja2"} & set(sys.modules)

anyio.run(main)
"""
    subprocess.run([sys.executable, "-c", program], check=True, env=ENVIRON, timeout=120)


async def test_the_schemas_of_all_tools_stay_under_three_thousand_tokens() -> None:
    async with Client(build_server(build_team(load_settings({})))) as client:
        tools = (await client.list_tools()).tools
    listed = json.dumps([tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in tools])
    assert 1000 < count_tokens(listed) < 3000


def count_tokens(text: str) -> int:
    """Count with SmolLM2's own tokenizer, in a process of its own so that this one stays free of the engine."""
    program = """
import ctypes, sys
import llama_cpp as native
parameters = native.llama_model_default_params()
parameters.vocab_only = True
model = native.llama_model_load_from_file(sys.argv[1].encode(), parameters)
data = sys.stdin.buffer.read()
tokens = (native.llama_token * len(data))()
print(native.llama_tokenize(native.llama_model_get_vocab(model), data, len(data), tokens, len(data), False, False))
"""
    path = str(WeightStore().locate(load_catalog().models["smollm2-135m"]))
    command = [sys.executable, "-c", program, path]
    return int(subprocess.run(command, input=text.encode(), check=True, capture_output=True, timeout=60).stdout)
