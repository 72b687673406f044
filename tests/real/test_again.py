"""A meeting of real members that is held again goes the same way: the same seed gives the same trace."""

from __future__ import annotations

import io
from pathlib import Path

import anyio
import pytest
from rich.console import Console

from tests.fakes import Recorder
from tiny_moa import build_team, load_settings
from tiny_moa.experts.base import Call
from tiny_moa.measure import _hold_again, minutes_of
from tiny_moa.traces import TraceStore, traces_folder

pytestmark = pytest.mark.llama
QUESTION = "Which is heavier, a bag of 12 apples of 150 g each or two bottles of 1 kg each? Say why."
TIMES = 2


async def test_a_meeting_held_again_goes_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = load_settings({}, threads=1, max_tokens=24, deadline_seconds=600)
    async with build_team(settings) as team:
        call = Call(anyio.current_time() + 600, 24, Recorder())
        await team.asker.ask(QUESTION, call, depth="deliberate")
    record = TraceStore(traces_folder()).load("last")
    assert list((tmp_path / "tiny-moa" / "prefixes").iterdir()), "the next process finds beginnings of prompts"
    for _ in range(TIMES):
        out = io.StringIO()
        assert await _hold_again(settings, record, minutes_of(record), Console(file=out, width=200)) == 0, out.getvalue()
        assert "the same answer by the same minutes" in out.getvalue()
