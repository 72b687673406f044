"""The server through the SDK's in-memory client, in both protocol eras, over scripted models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ResourceTemplateReference

import tiny_moa
from tests.fakes import Reply, ScriptedLauncher
from tests.gguf_headers import write_dummy
from tests.teams import scripted_team
from tiny_moa.server.app import build_server
from tiny_moa.server.team import Team

Mode = Literal["auto", "legacy"]
BOTH_ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
TOOLS = ["ask", "solve_math", "write_code", "call_tool", "linux_command", "parse_document"]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "ask": {"question": "Write a python function"},
    "solve_math": {"problem": "2 + 2"},
    "write_code": {"task": "reverse a string"},
    "call_tool": {"request": "add 1", "tools": [{"name": "add"}]},
    "linux_command": {"request": "list files"},
    "parse_document": {"source": "note.txt"},
}
A_NUMBER = {"type": "object", "properties": {"a": {"type": "integer"}}}
REPLIES = {"call_tool": '[{"name": "add", "arguments": {}}]', "linux_command": '{"command": "ls", "explanation": "Lists."}'}


def client_of(team: Team, mode: Mode = "auto") -> Client:
    return Client(build_server(team), mode=mode)


def text_of(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


@BOTH_ERAS
async def test_the_six_tools_are_listed_in_order_with_honest_annotations(tmp_path: Path, mode: Mode) -> None:
    async with client_of(scripted_team(tmp_path, ""), mode) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == TOOLS
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    assert not any(tool.annotations and tool.annotations.open_world_hint for tool in tools)
    assert all(tool.title and tool.description and len(tool.description.encode()) < 2048 for tool in tools)


async def test_an_expert_whose_table_names_a_tool_of_its_own_is_published_and_no_other(tmp_path: Path) -> None:
    catalog = '[experts.multilingual]\ntool = "translate"\n'
    async with client_of(scripted_team(tmp_path, "Bonjour.", catalog=catalog)) as client:
        tools = (await client.list_tools()).tools
        reply = await client.call_tool("translate", {"request": "Say hello in French"})
    assert [tool.name for tool in tools] == [*TOOLS, "translate"]
    assert reply.structured_content is not None
    assert reply.structured_content["experts"] == ["multilingual"]


async def test_a_reply_says_what_was_checked_and_what_each_attempt_cost(tmp_path: Path) -> None:
    async with client_of(scripted_team(tmp_path, '[{"name": "add", "arguments": {"a": 1}}]')) as client:
        reply = await client.call_tool("call_tool", {"request": "add 1", "tools": [{"name": "add", "parameters": A_NUMBER}]})
    assert reply.structured_content is not None
    checked, (step,) = reply.structured_content["checked"], reply.structured_content["steps"]
    assert checked[0] == {"what": "call", "how": "JSON Schema", "passed": True, "detail": "add"}
    assert [attempt["template"].split("@")[0] for attempt in step["attempts"]] == ["experts/tool_fit", "experts/tool_caller"]
    written = step["attempts"][-1]
    assert (written["model"], written["finish"]) == ("smollm2-135m", "stop")
    assert written["tokens"]["completion"] == reply.structured_content["tokens"]["completion"] > 0
    assert written["seconds"] >= 0


async def test_all_schemas_together_stay_small(tmp_path: Path) -> None:
    async with client_of(scripted_team(tmp_path, "")) as client:
        tools = (await client.list_tools()).tools
    listed = json.dumps([tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in tools])
    assert len(listed) < 9_500  # 2,750 tokens of SmolLM2, which tests/real counts exactly


@BOTH_ERAS
@pytest.mark.parametrize("tool", TOOLS)
async def test_every_tool_answers_with_text_and_values(tmp_path: Path, mode: Mode, tool: str) -> None:
    (tmp_path / "note.txt").write_text("Remember the milk.", encoding="utf-8")
    async with client_of(scripted_team(tmp_path, REPLIES.get(tool, "x = 1"), roots=[tmp_path]), mode) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    assert result.structured_content["status"] in ("verified", "unverified", "ok")
    assert len(result.content) == 2


async def test_a_reply_says_who_answered_how_it_was_decided_and_what_was_checked(tmp_path: Path) -> None:
    async with client_of(scripted_team(tmp_path, "unused")) as client:
        result = await client.call_tool("ask", {"question": "12 * 12"})
    reply = result.structured_content
    assert reply is not None
    assert reply["answer"] == "12 * 12 = 144"
    assert (reply["status"], reply["partial"], reply["experts"]) == ("verified", False, ["reasoner"])
    assert reply["route"]["decided_by"] == "cues"
    assert reply["checked"] == [{"what": "result", "how": "exact arithmetic", "passed": True, "detail": "12 * 12 = 144"}]
    assert "[verified] by reasoner; chosen by cues" in text_of(result)


@BOTH_ERAS
@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("ask", {"question": " "}, "the question is empty"),
        ("ask", {"question": "x" * 1_000_000}, "at most 60000 are read"),
        ("write_code", {"task": "x", "language": "?"}, "programming language"),
        ("write_code", {"task": "x", "tests": "assert f(1 == 2"}, "the tests cannot be compiled"),
        ("call_tool", {"request": "x", "tools": []}, "the list of tools is empty"),
        (
            "call_tool",
            {"request": "x", "tools": [{"name": "a", "parameters": {"type": "objekt"}}]},
            "schema of tool 'a' cannot be used",
        ),
        ("call_tool", {"request": "x", "tools": [{"name": "a", "parameters": []}]}, "a JSON Schema is an object"),
        (
            "call_tool",
            {"request": "x", "tools": [{"name": "a", "parameters": {"type": "array"}}]},
            "the arguments must be an object",
        ),
        ("call_tool", {"request": "x", "tools": [{"name": "a", "parameters": {"$ref": "#/no"}}]}, "leads nowhere"),
        ("call_tool", {"request": "x", "tools": [{"name": "a", "parameters": {"$ref": "#"}}]}, "leads to itself"),
        ("call_tool", {"request": "x", "tools": [{"name": "a"}, {"name": "a"}]}, "two tools are called 'a'"),
        ("call_tool", {"request": "x", "tools": [{"description": "nameless"}]}, "has no `name`"),
        ("call_tool", {"request": "x" * 100_000, "tools": [{"name": "a"}]}, "100000 characters"),
        ("call_tool", {"request": " ", "tools": [{"name": "a"}]}, "empty"),
        ("parse_document", {"source": "../secret.txt"}, "leads out of the folders"),
        ("parse_document", {"source": "/etc/passwd"}, "leads out of the folders"),
        ("parse_document", {"source": "http://127.0.0.1/a.pdf"}, "is a URL"),
        ("parse_document", {"source": "link.txt"}, "leads out of the folders"),
        ("parse_document", {"source": "nothing.pdf"}, "there is no document"),
    ],
)
@pytest.mark.promise(8)
async def test_wrong_input_gets_a_clear_error_and_the_next_call_works(
    tmp_path: Path, mode: Mode, tool: str, arguments: dict[str, Any], words: str
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (tmp_path / "open" / "link.txt").symlink_to(tmp_path / "secret.txt")
    async with client_of(scripted_team(tmp_path, "unused", roots=[tmp_path / "open"]), mode) as client:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert words in text_of(result)
        assert len(text_of(result)) < 1000
        again = await client.call_tool("solve_math", {"problem": "2 + 2"})
        assert not again.is_error


async def test_missing_weights_name_the_fix(tmp_path: Path) -> None:
    team = scripted_team(tmp_path, "unused")
    (tmp_path / "dummy.gguf").unlink()
    async with client_of(team) as client:
        result = await client.call_tool("write_code", {"task": "x"})
        assert result.is_error
        assert "dummy.gguf" in text_of(result)
        (tmp_path / "dummy.gguf").write_bytes(b"no gguf")
        result = await client.call_tool("write_code", {"task": "x"})
        assert result.is_error
        assert "begins with b'no g'" in text_of(result)
        write_dummy(tmp_path / "dummy.gguf")
        assert not (await client.call_tool("write_code", {"task": "x"})).is_error


async def test_a_crash_of_ours_reaches_the_caller_without_its_text(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with client_of(scripted_team(tmp_path, ScriptedLauncher(error=RuntimeError("private detail")))) as client:
        result = await client.call_tool("write_code", {"task": "x"})
    assert result.is_error
    assert "private detail" not in text_of(result)


@BOTH_ERAS
async def test_the_deadline_gives_partial_text_marked_partial(tmp_path: Path, mode: Mode) -> None:
    async with client_of(scripted_team(tmp_path, Reply("one two three", wait=anyio.Event(), after=2)), mode) as client:
        with anyio.fail_after(60):
            result = await client.call_tool("linux_command", {"request": "x", "deadline_seconds": 1})
            assert result.is_error  # half a command is no command
            result = await client.call_tool("write_code", {"task": "x", "deadline_seconds": 1})
    assert result.structured_content is not None
    assert result.structured_content["partial"] is True
    assert "one two" in result.structured_content["answer"]


@BOTH_ERAS
@pytest.mark.promise(5)
async def test_progress_names_the_phase_while_a_call_runs(tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_moa.server.progress.BEAT_SECONDS", 0.01)
    held = anyio.Event()
    heard: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)
        if message and "2 tokens" in message:
            held.set()

    async with client_of(scripted_team(tmp_path, Reply("one two three", wait=held, after=2)), mode) as client:
        with anyio.fail_after(10):
            await client.call_tool("write_code", {"task": "x"}, progress_callback=on_progress)
    assert "coder: writing, 2 tokens" in heard


@BOTH_ERAS
async def test_a_cancelled_call_stops_the_model_and_the_next_one_works(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiny_moa.server.progress.BEAT_SECONDS", 0.01)
    launcher = ScriptedLauncher([Reply("one two three", wait=anyio.Event(), after=1), "x = 1"])
    async with client_of(scripted_team(tmp_path, launcher), mode) as client:
        with anyio.CancelScope() as scope, anyio.fail_after(60):

            async def on_progress(progress: float, total: float | None, message: str | None) -> None:
                if message and "1 token" in message:
                    scope.cancel()

            await client.call_tool("write_code", {"task": "x"}, progress_callback=on_progress)
        with anyio.fail_after(60):
            assert not (await client.call_tool("write_code", {"task": "x"})).is_error
    assert launcher.runtimes[0].statistics().generated_tokens == 1 + 3


@BOTH_ERAS
async def test_documents_are_resources_with_completion(tmp_path: Path, mode: Mode) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "회의록.md").write_text("# 안건\n", encoding="utf-8")
    (tmp_path / "docs" / "plan b.txt").write_text("Plan B", encoding="utf-8")
    async with client_of(scripted_team(tmp_path, "", roots=[tmp_path / "docs"]), mode) as client:
        listed = {resource.name: str(resource.uri) for resource in (await client.list_resources()).resources}
        assert listed["plan b.txt"] == "doc://plan%20b.txt"
        for name, text in (("회의록.md", "# 안건"), ("plan b.txt", "Plan B")):
            (content,) = (await client.read_resource(listed[name])).contents
            assert text in content.text  # type: ignore[union-attr]
        reference = ResourceTemplateReference(uri="doc://{+path}")
        completed = await client.complete(reference, {"name": "path", "value": "pl"})
        assert completed.completion.values == ["plan b.txt"]


@BOTH_ERAS
@pytest.mark.parametrize(
    "uri", ["doc://../secret.txt", "doc://%2e%2e/secret.txt", "doc://nothing.pdf", "doc:///etc/passwd", "doc://"]
)
@pytest.mark.promise(7)
async def test_a_resource_outside_the_roots_is_not_found(tmp_path: Path, mode: Mode, uri: str) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    async with client_of(scripted_team(tmp_path, "", roots=[tmp_path / "open"]), mode) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
    assert caught.value.error.code == -32602
    assert str(tmp_path) not in caught.value.error.message


async def test_the_catalogue_and_the_status_are_resources_without_paths(tmp_path: Path) -> None:
    async with client_of(scripted_team(tmp_path, "x = 1")) as client:
        await client.call_tool("write_code", {"task": "x"})
        texts = {uri: (await client.read_resource(uri)).contents[0].text for uri in ("moa://catalog", "moa://status")}  # type: ignore[union-attr]
    assert json.loads(texts["moa://catalog"])["experts"]["coder"]["tool"] == "write_code"
    (model,) = json.loads(texts["moa://status"])["models"]
    assert (model["is_loaded"], model["loads"], model["runtime"]["generated_tokens"]) == (True, 1, 3)
    assert not any(str(tmp_path) in text for text in texts.values())


@BOTH_ERAS
async def test_three_prompts_fill_their_argument_and_ask_for_it(tmp_path: Path, mode: Mode) -> None:
    async with client_of(scripted_team(tmp_path, ""), mode) as client:
        prompts = (await client.list_prompts()).prompts
        assert [prompt.name for prompt in prompts] == ["ask_the_team", "summarise_document", "safe_command"]
        filled = await client.get_prompt("safe_command", {"task": "free some disk space"})
        assert "free some disk space" in filled.messages[0].content.text  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="needs the argument 'task'"):
            await client.get_prompt("safe_command", {})


async def test_ten_calls_at_once_are_all_answered(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("x = 1")
    answers: list[bool] = []
    with anyio.fail_after(10):
        async with client_of(scripted_team(tmp_path, launcher)) as client, anyio.create_task_group() as group:

            async def one() -> None:
                answers.append(not (await client.call_tool("write_code", {"task": "x"})).is_error)

            for _ in range(10):
                group.start_soon(one)
    assert answers == [True] * 10
    assert len(launcher.launches) == 1


def test_one_version_everywhere() -> None:
    root = Path(tiny_moa.__file__).parents[2]
    described = json.loads((root / "server.json").read_text("utf-8"))
    assert described["version"] == described["packages"][0]["version"] == tiny_moa.__version__
