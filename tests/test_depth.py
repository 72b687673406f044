"""`ask` with a depth: the council is asked for what nobody proved, and is believed no further than it goes."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.fakes import Recorder
from tests.teams import scripted_team
from tiny_moa.cli import main
from tiny_moa.deliberation.council import COUNCIL
from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.base import Call
from tiny_moa.models.runtime import CompletionRequest

PROBLEM = "Tom has 3 boxes of 4 pens and gives 5 pens away. How many pens are left?"


def answers(request: CompletionRequest) -> str:
    """Work the problem out wrongly in every way but as the members of a council."""
    is_member = any("found out" in message.content.lower() for message in request.messages)
    return "3 * 4 = 12\n12 - 5 = 7\nAnswer: 7" if is_member else "I cannot say."


def call(seconds: float = 120) -> Call:
    return Call(anyio.current_time() + seconds, 64, Recorder())


async def test_an_exact_answer_needs_no_council(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, answers) as team:
        found = await team.asker.ask("123 + 456 = ?", call(), depth="deliberate")
    assert (found.status, found.experts) == ("verified", ("reasoner",))


async def test_a_council_that_agrees_answers_what_nobody_proved(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, answers) as team:
        found = await team.asker.ask(PROBLEM, call(), depth="deliberate")
    assert COUNCIL in found.experts
    assert found.text.endswith("7")
    assert found.status == "unverified"
    assert found.fields["meeting"]["members"] == ["smollm2-135m", "smollm2-135m#2", "smollm2-135m#3"]
    assert any("not a proof" in note for note in found.notes)
    assert "minutes" not in found.fields


async def test_without_a_depth_nobody_meets(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, answers) as team:
        found = await team.asker.ask(PROBLEM, call())
    assert COUNCIL not in found.experts


async def test_an_unknown_depth_is_refused_with_the_ones_there_are(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, answers) as team:
        with pytest.raises(InvalidRequest, match="quick, single, repeat"):
            await team.asker.ask(PROBLEM, call(), depth="profound")


async def test_a_meeting_that_was_kept_can_be_counted_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    async with scripted_team(tmp_path, answers) as team:
        await team.asker.ask(PROBLEM, call(), depth="deliberate")
    assert replayed(capsys) == (0, "the minutes are as they were written; 0 tallies counted again\n")
    (record,) = (tmp_path / "data").rglob("*.json")
    record.write_text(record.read_text("utf-8").replace("12 - 5 = 7", "12 - 5 = 8"), "utf-8")
    with pytest.raises(SystemExit, match="1"):
        main(["replay"])
    assert "was changed after it was written" in capsys.readouterr().err


def replayed(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["replay", "last"])
    return int(left.value.code or 0), capsys.readouterr().out
