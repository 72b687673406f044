from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest
from mcp import Client

from tests.teams import scripted_team
from tiny_moa.cli import main
from tiny_moa.server.app import build_server
from tiny_moa.server.status import live_snapshots


async def test_a_server_publishes_what_it_does_and_takes_it_away_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tiny_moa.server.status.BEAT_SECONDS", 0.01)
    folder = tmp_path / "status"
    async with Client(build_server(scripted_team(tmp_path, "x = 1"), snapshots=folder)) as client:
        await client.call_tool("write_code", {"task": "x"})
        with anyio.fail_after(30):
            while "'generated_tokens': 3" not in str(found := live_snapshots(folder)):  # a snapshot may be older than the call
                await client.list_tools()
    (model,) = found[0]["models"]
    assert (found[0]["pid"], model["model"], model["tier"], model["loads"]) == (os.getpid(), "smollm2-135m", "hot", 1)
    assert model["runtime"]["generated_tokens"] == 3
    assert live_snapshots(folder) == []


def test_snapshots_of_ended_processes_and_broken_files_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(json.dumps({"pid": 2**22 + 1, "start": "1"}), "utf-8")
    (tmp_path / "2.json").write_text("{", "utf-8")
    assert live_snapshots(tmp_path) == []
    assert not (tmp_path / "1.json").exists()


def test_status_shows_a_table_of_the_running_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["status"])
    assert "No server of yours is running" in capsys.readouterr().out
