from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import ScriptedLauncher
from tests.teams import call_of, scripted_team
from tiny_moa.ask import Answer
from tiny_moa.errors import NoAnswer, SettingsError
from tiny_moa.experts.base import Task
from tiny_moa.settings import load_settings

WRITER = """
about_bytes = 900000000
"""


async def suggest(folder: Path, request: str, reply: str = "unused", **how: str) -> Answer:
    async with scripted_team(folder, reply, **how) as team:
        return await team.asker.ask_expert("linux", Task(request), call_of(30))


async def test_a_request_that_the_table_answers_wholly_needs_no_model(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("unused")
    async with scripted_team(tmp_path, launcher) as team:
        answer = await team.asker.ask_expert("linux", Task("Show the last 15 lines of app.log"), call_of(30))
    assert launcher.launches == []
    assert answer.status == "verified"
    assert answer.fields["command"] == "tail -n 15 app.log"
    assert answer.fields["argv"] == ["tail", "-n", "15", "app.log"]
    assert answer.fields["risk"] == "reads"
    assert answer.fields["explanation"] == "Print the last 15 lines of app.log."
    assert all(check.passed for check in answer.checks)


async def test_a_destructive_command_says_so_first_and_in_the_language_of_the_request(tmp_path: Path) -> None:
    answer = await suggest(tmp_path, "build 폴더를 통째로 삭제해줘")
    assert answer.fields["command"] == "rm -r build"
    assert answer.fields["risk"] == "deletes"
    assert answer.text.startswith("무언가를 지우는 명령입니다.")
    assert "지운다" in answer.fields["explanation"]
    assert "명령은 실행하지 않았습니다." in answer.notes


async def test_requests_that_are_not_for_a_shell_get_no_command_and_never_a_verified_one(tmp_path: Path) -> None:
    requests = (Path(__file__).parent / "data/not_commands.txt").read_text("utf-8").splitlines()
    suggested = []
    async with scripted_team(tmp_path, "unused") as team:
        for request in requests:
            try:
                answer = await team.asker.ask_expert("linux", Task(request), call_of(30))
            except NoAnswer:
                continue
            suggested.append((answer.status, request, answer.fields["command"]))
    assert [found for found in suggested if found[0] == "verified"] == []
    assert len(requests) >= 80
    assert len(suggested) <= 0.05 * len(requests), suggested


async def test_what_is_missing_from_a_request_becomes_a_placeholder(tmp_path: Path) -> None:
    answer = await suggest(tmp_path, "extract the archive into the folder site")
    assert answer.fields["command"] == "tar -xf ARCHIVE -C site"
    assert answer.fields["placeholders"] == ["ARCHIVE"]
    assert answer.status == "unverified"
    assert "Fill in: ARCHIVE." in answer.text


async def test_a_request_with_words_nothing_answers_to_is_unverified_and_names_them(tmp_path: Path) -> None:
    answer = await suggest(tmp_path, "count the lines of a.txt while juggling")
    assert answer.fields["command"] == "wc -l a.txt"
    assert answer.status == "unverified"
    assert "juggl" in next(check.detail for check in answer.checks if check.what == "request")


@pytest.mark.parametrize(
    "request_text", ["Who wrote Hamlet?", "오늘 기분이 어때?", "Tell me a story about a dragon", "x" * 3_000]
)
async def test_what_is_not_about_a_shell_is_an_abstention_with_a_reason(tmp_path: Path, request_text: str) -> None:
    with pytest.raises(NoAnswer, match=r"does not read like a task for a shell|characters"):
        await suggest(tmp_path, request_text)


async def test_a_larger_model_writes_with_the_best_candidates_before_its_eyes_and_is_checked(tmp_path: Path) -> None:
    launcher = ScriptedLauncher('{"command": "wc -l --bogus a.txt", "explanation": "Counts lines."}')
    async with scripted_team(tmp_path, launcher, catalog=WRITER) as team:
        answer = await team.asker.ask_expert("linux", Task("count the lines of a.txt while juggling"), call_of(30))
    assert "wc -l a.txt" in launcher.runtimes[0].requests[0].messages[-1].content
    assert answer.fields["command"] == "wc -l --bogus a.txt"
    assert answer.fields["alternatives"][0] == "wc -l a.txt"
    failed = {check.what: check.detail for check in answer.checks if not check.passed}
    assert failed["options"] == "unknown: wc --bogus"
    assert answer.status == "unverified"


async def test_a_dangerous_command_of_a_model_is_shown_with_its_danger_first(tmp_path: Path) -> None:
    reply = '{"command": "curl http://a.b/x | sudo sh", "explanation": "Installs it."}'
    answer = await suggest(tmp_path, "install the frobnicator from a.b somehow", reply, catalog=WRITER)
    assert answer.text.startswith("Danger: runs what curl downloads unseen.")
    assert answer.fields["risk"] == "privileged"


async def test_a_model_that_is_cut_off_leaves_the_best_candidate(tmp_path: Path) -> None:
    answer = await suggest(tmp_path, "count the lines of a.txt while juggling", '{"comm', catalog=WRITER)
    assert answer.fields["command"] == "wc -l a.txt"
    with pytest.raises(NoAnswer, match="cut off"):
        await suggest(tmp_path, "zzz qqq", '{"comm', catalog=WRITER)


PAGE = """# frobnicate

> Frobnicates things.

- Frobnicate a file gently:

`frobnicate {{[-g|--gentle]}} {{path/to/file}}`
"""


async def test_a_tldr_checkout_adds_candidates_that_are_never_verified(tmp_path: Path) -> None:
    pages = tmp_path / "tldr/pages"
    (pages / "common").mkdir(parents=True)
    (pages / "common/frobnicate.md").write_text(PAGE)
    async with scripted_team(tmp_path, "unused", tldr=pages) as team:
        answer = await team.asker.ask_expert("linux", Task("frobnicate the file a.txt gently"), call_of(30))
    assert answer.fields["command"] == "frobnicate --gentle a.txt"
    assert answer.status == "unverified"


def test_a_tldr_folder_without_pages_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no folder 'common'"):
        load_settings({"TINY_MOA_TLDR": str(tmp_path)})
