from __future__ import annotations

import io
import json
import re
import stat
import sys
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.fakes import Reply, ScriptedLauncher, ScriptedRuntime
from tests.teams import call_of, scripted_team
from tests.test_meeting import Numbers, everybody, for_text, hold, panel, says
from tiny_moa.errors import InvalidRequest, NoAnswer, UnknownExpert, WorkerFailed
from tiny_moa.experts.base import Task
from tiny_moa.traces import TraceStore, page_of, traces_folder, tree_of
from tiny_moa.traces import store as stored
from tiny_moa.traces.record import MOST_BYTES, written

HOSTILE = "<script>alert('x')</script><img src=http://evil.example/a.png onerror=x> & \x1b[31m {{title}} </pre>"


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


async def record_of_a_chain(tmp_path: Path, first: str = "It adds.", question: str = "") -> dict[str, Any]:
    replies = iter([first])
    launcher = ScriptedLauncher(lambda request: next(replies, "더합니다."))
    async with scripted_team(tmp_path, launcher) as team:
        text = question or "Explain this code in Korean:\n```python\nx = 1 + 1\n```"
        answer = await team.asker.ask(text, call_of())
    assert answer.trace_id
    return TraceStore(traces_folder()).load(answer.trace_id)


async def test_every_run_is_kept_and_the_answer_carries_its_id(tmp_path: Path) -> None:
    record = await record_of_a_chain(tmp_path)
    assert [step["expert"] for step in record["steps"]] == ["coder", "multilingual"]
    assert [step["is_part"] for step in record["steps"]] == [False, True]
    assert "It adds." in record["steps"][1]["prompt"], "the trace shows what the second expert read"
    assert record["answer"]["text"] == "더합니다."
    assert TraceStore(traces_folder()).load("last") == record


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes there")
async def test_traces_are_for_the_users_eyes_only(tmp_path: Path) -> None:
    await record_of_a_chain(tmp_path)
    (file,) = traces_folder().glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(traces_folder().stat().st_mode) == 0o700


async def test_with_traces_off_nothing_is_written(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "x = 1\n", traces=False) as team:
        answer = await team.asker.ask("Write a python function", call_of())
    assert answer.trace_id == ""
    assert not traces_folder().exists()


async def test_a_run_without_an_answer_is_kept_with_its_reasons(tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "") as team:
        with pytest.raises(NoAnswer):
            await team.asker.ask("Write a python function", call_of())
    record = TraceStore(traces_folder()).load("last")
    assert record["answer"] is None
    assert "coder" in record["failure"]
    assert [step["outcome"] for step in record["steps"]] == ["abstained", "abstained"]
    assert "No answer" in page_of(record)


async def test_an_expert_asked_alone_that_fails_is_kept_too(tmp_path: Path) -> None:
    runtime = ScriptedRuntime([Reply("x", error=WorkerFailed("ended"), after=0)])
    async with scripted_team(tmp_path, ScriptedLauncher(build=lambda spec: runtime)) as team:
        with pytest.raises(WorkerFailed):
            await team.asker.ask_expert("multilingual", Task("x"), call_of())
        with pytest.raises(UnknownExpert):
            await team.asker.ask_expert("wizard", Task("x"), call_of())
    assert TraceStore(traces_folder()).load("last")["failure"] == "ended"


async def test_a_folder_that_cannot_be_written_to_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file where a folder should be", encoding="utf-8")
    async with scripted_team(tmp_path, "x = 1\n") as team:
        answer = await team.asker.ask("Write a python function", call_of())
    assert (answer.experts, answer.trace_id) == (("coder",), "")


async def test_old_traces_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_TRACES", 3)
    store = TraceStore(tmp_path / "few")
    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(store.keep, {"question": str(number)})
    assert len(store.ids()) == 3
    assert not list((tmp_path / "few").glob("*.new"))


def test_a_record_is_cut_to_its_size_and_says_so() -> None:
    text = written({"a": "가" * 3_000_000, "b": ["x" * 50_000] * 20, "c": "\ud800", "d": Path("p")})
    assert len(text.encode()) <= MOST_BYTES
    assert "characters left out" in json.loads(text)["a"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "20260101-000000-123456ab", "", "last2"])
async def test_only_a_kept_trace_can_be_loaded(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="no trace"):
        TraceStore(traces_folder()).load(name)
    await record_of_a_chain(tmp_path)
    with pytest.raises(InvalidRequest, match="no trace"):
        TraceStore(traces_folder()).load(name)


class Page(HTMLParser):
    """Collects a page's tags, links and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_page_stands_alone_and_everything_on_it_is_escaped(tmp_path: Path) -> None:
    question = f"Explain this code in Korean {HOSTILE}:\n```python\nx = 1\n```"
    record = await record_of_a_chain(tmp_path, f"It adds. {HOSTILE}", question)
    source = page_of(record)
    page = Page(source)
    assert page.sources == []
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(page.tags)
    assert not re.search(r"url\(|@import", source)
    assert "default-src 'none'" in source
    assert HOSTILE[:40] in page.text
    assert not re.search(r"\{\{\w+\}\}", source.replace("{{title}}", ""))


async def test_the_page_shows_experts_tokens_checks_and_folded_prompts(tmp_path: Path) -> None:
    page = Page(page_of(await record_of_a_chain(tmp_path)))
    for words in ("Coder", "Translator", "Timeline", "Chosen by", "smollm2-135m", "What it was asked", "read,"):
        assert words in page.text
    assert page.tags.count("details") >= 4


async def test_further_sections_have_a_place_on_the_page(tmp_path: Path) -> None:
    source = page_of(await record_of_a_chain(tmp_path), sections=["<section><h2>Rounds</h2></section>"])
    assert source.index("Route</h2>") < source.index("Rounds</h2>") < source.index("What each one did</h2>")


async def test_the_tree_has_no_markup_of_a_models(tmp_path: Path) -> None:
    from rich.console import Console

    record = await record_of_a_chain(tmp_path, "[bold red]It[/] adds. \x1b[31m")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tree_of(record, is_full=True))
    shown = console.export_text()
    assert "[bold red]It[/] adds." in shown
    assert "\x1b" not in shown
    assert "multilingual" in shown


async def test_a_meeting_is_shown_with_its_votes_and_nothing_it_says_becomes_markup(tmp_path: Path) -> None:
    record = await record_of_a_chain(tmp_path)
    likes = for_text("6")
    runtimes = [says("It is <b>5</b>.", likes), says("It is 6.", for_text("5", 1)), says("It is 7.", likes)]
    async with panel(*runtimes) as members:
        found = await hold(members, Numbers(), everybody(3))
    record["steps"][0]["minutes"] = [asdict(entry) for entry in found.minutes]
    page = page_of(record)
    assert "<h2>Meeting</h2>" in page
    assert "enough evidence" in page
    assert page.count('class="field"') == 3
    assert "Conviction, round 1" in page
    assert "It is &lt;b&gt;5&lt;/b&gt;." in page
    assert "<b>5</b>" not in page


async def test_a_run_without_a_meeting_has_no_section_for_one(tmp_path: Path) -> None:
    assert "<h2>Meeting</h2>" not in page_of(await record_of_a_chain(tmp_path))
