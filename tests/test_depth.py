"""`ask` with a depth: the council is asked for what nobody proved, and is believed no further than it goes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import anyio
import pytest
from rich.console import Console

from tests.fakes import Recorder, ScriptedLauncher, ScriptedRuntime
from tests.teams import scripted_team
from tiny_moa.ask import DEPTHS
from tiny_moa.cli import main
from tiny_moa.deliberation.council import COUNCIL
from tiny_moa.errors import InvalidRequest, SettingsError
from tiny_moa.experts.base import Call
from tiny_moa.measure import _hold_again, minutes_of
from tiny_moa.models.runtime import Completion, CompletionRequest, Listener
from tiny_moa.server.team import Team
from tiny_moa.settings import Depth, Settings, load_settings
from tiny_moa.traces import TraceStore, traces_folder

PROBLEM = "Tom has 3 boxes of 4 pens and gives 5 pens away. How many pens are left?"


def answers(request: CompletionRequest) -> str:
    """Work the problem out wrongly in every way but as the members of a council."""
    return "3 * 4 = 12\n12 - 5 = 7\nAnswer: 7" if is_member(request) else "I cannot say."


def is_member(request: CompletionRequest) -> bool:
    return any("found out" in message.content.lower() for message in request.messages)


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
        with pytest.raises(InvalidRequest, match="quick, auto, single, repeat"):
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


async def test_a_meeting_is_held_again_by_the_same_members(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    said = ["Answer: 7"]

    def team_of(settings: Settings | None = None) -> Team:
        return scripted_team(tmp_path, lambda request: said[0] if is_member(request) else "I cannot say.")

    async with team_of() as team:
        await team.asker.ask(PROBLEM, call(), depth="repeat")
    record = TraceStore(traces_folder()).load("last")
    minutes = minutes_of(record)
    assert minutes[0].body["models"] == ["smollm2-135m"] * 3
    out = io.StringIO()
    monkeypatch.setattr("tiny_moa.server.team.build_team", team_of)  # what the command builds by itself
    assert await _hold_again(team.settings, record, minutes, Console(file=out, width=200)) == 0
    said[0] = "Answer: 8"
    assert await _hold_again(team.settings, record, minutes, Console(file=out, width=200)) == 1
    by = "held again by smollm2-135m, smollm2-135m, smollm2-135m"
    same, other, _, answer = out.getvalue().splitlines()
    assert (same, other, answer) == (f"{by}: the same answer by the same minutes", f"{by}: another answer", "Answer: 8")


async def test_a_roster_that_is_not_here_any_more_is_refused(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, answers) as team:
        with pytest.raises(InvalidRequest, match="not here any more: gone"):
            await team.council.answer(PROBLEM, "math", "repeat", call(), roster=["gone"])


def replayed(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main(["replay", "last"])
    return int(left.value.code or 0), capsys.readouterr().out


# -- auto -------------------------------------------------------------------------------------------------------------

TASK = """Write a Python function twice(n) that gives twice a number.

>>> twice(1)
2
>>> twice(5)
10
>>> twice(7)
14
"""


def codes(request: CompletionRequest) -> str:
    """Members of a council know it; the expert and its repairs do not."""
    return f"```python\ndef twice(n):\n    return {'2 * n' if is_member(request) else 'n + 1'}\n```"


async def test_auto_asks_a_team_where_running_examples_can_tell(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, codes) as team:
        quick = await team.asker.ask(TASK, call(600))
        found = await team.asker.ask(TASK, call(600), depth="auto")
    assert (quick.status, COUNCIL in quick.experts) == ("unverified", False)
    assert (found.status, found.experts) == ("verified", (COUNCIL,))
    assert "2 * n" in found.text
    assert found.fields["meeting"]["strategy"] == "NSED"


async def test_auto_says_why_no_team_was_asked_about_a_doubtful_answer(tmp_path: Path) -> None:
    hard = "If Tom has 3 boxes of 4 pens, and half of each box is red, at most how many of 12, 13 or 14 are not?"
    async with scripted_team(tmp_path, answers) as team:
        found = await team.asker.ask(hard, call(600), depth="auto")
    assert COUNCIL not in found.experts
    (note,) = [note for note in found.notes if "Council" in note]
    assert "it was not asked, though the question looks hard" in note
    assert "no model here is known to judge them better than chance" in note


async def test_auto_leaves_an_answer_alone_that_nothing_speaks_against(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "4 + 5 = 9\nAnswer: 9") as team:
        found = await team.asker.ask("Ann has 4 pens and buys 5. How many has she?", call(600), depth="auto")
    assert COUNCIL not in found.experts
    assert not any("Council" in note for note in found.notes)


async def test_auto_asks_nobody_when_there_is_no_time(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, codes) as team:
        found = await team.asker.ask(TASK, Call(anyio.current_time() + 20, 4096, Recorder()), depth="auto")
    assert COUNCIL not in found.experts
    assert any("s are left" in note for note in found.notes)


def test_every_depth_can_be_set() -> None:
    assert get_args(Depth) == DEPTHS
    assert load_settings({}).depth == "quick"
    with pytest.raises(SettingsError, match="TINY_MOA_DEPTH"):
        load_settings({"TINY_MOA_DEPTH": "profound"})


@pytest.mark.parametrize(("question", "part"), [("Ann has 4 pens and buys 5. How many has she?", 1), (TASK, 1 / 2)])
async def test_auto_keeps_time_for_a_team_only_where_one_could_help(tmp_path: Path, question: str, part: float) -> None:
    deadlines: list[float] = []

    class Watched(ScriptedRuntime):
        async def complete(self, request: CompletionRequest, *, deadline: float, listener: Listener) -> Completion:
            deadlines.append(deadline)
            return await super().complete(request, deadline=deadline, listener=listener)

    bounds = call(10_000)
    async with scripted_team(tmp_path, ScriptedLauncher(build=lambda spec: Watched(codes, name=spec.name))) as team:
        await team.asker.ask(question, bounds, depth="auto")
    assert bounds.deadline - deadlines[0] == pytest.approx(10_000 * (1 - part), abs=500)
