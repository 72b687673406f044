"""Every example runs as a reader would run it, with the paths filled in."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).parents[1]
HOSTS = ROOT / "examples" / "hosts"
ENVIRON = {key: value for key, value in os.environ.items() if not key.startswith("TINY_MOA_")}


def filled(text: str, documents: Path) -> str:
    script = Path(sys.executable).with_name("tiny-moa")
    return text.replace("/path/to/tiny-moa/.venv/bin/tiny-moa", str(script)).replace("/path/to/documents", str(documents))


async def listed(command: str, arguments: list[str]) -> list[str]:
    # Hosts start servers with a near-empty environment.
    server = StdioServerParameters(command=command, args=arguments, env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]})
    with anyio.fail_after(60):
        async with Client(server) as client:
            return [resource.name for resource in (await client.list_resources()).resources]


@pytest.mark.parametrize(
    ("file", "key"),
    [("claude_desktop_config.json", "mcpServers"), ("cursor_mcp.json", "mcpServers"), ("vscode_mcp.json", "servers")],
)
async def test_a_hosts_configuration_starts_the_server(tmp_path: Path, file: str, key: str) -> None:
    (tmp_path / "note.txt").write_text("x", encoding="utf-8")
    described: dict[str, Any] = json.loads(filled((HOSTS / file).read_text("utf-8"), tmp_path))[key]["tiny-moa"]
    assert "note.txt" in await listed(described["command"], described["args"])


async def test_the_command_for_claude_code_starts_the_server(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("x", encoding="utf-8")
    words = shlex.split(filled((HOSTS / "claude_code.sh").read_text("utf-8"), tmp_path))
    assert words[:5] == ["claude", "mcp", "add", "tiny-moa", "--"]
    assert "note.txt" in await listed(words[5], words[6:])


def test_the_python_client_prints_a_verified_answer() -> None:
    done = subprocess.run(
        [sys.executable, "examples/client.py"], cwd=ROOT, env=ENVIRON, capture_output=True, text=True, timeout=120, check=True
    )
    assert "answer: 17 * 23 = 391" in done.stdout
    assert "status: verified by reasoner" in done.stdout


@pytest.mark.llama
def test_the_agent_calls_a_tool_without_a_key() -> None:
    done = subprocess.run(
        [sys.executable, "examples/agent.py"], cwd=ROOT, env=ENVIRON, capture_output=True, text=True, timeout=120, check=True
    )
    assert "write_code" in done.stdout
    assert "```python" in done.stdout
