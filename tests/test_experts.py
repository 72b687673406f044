from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import ScriptedLauncher
from tests.teams import call_of, scripted_team
from tiny_moa.answer import Answer
from tiny_moa.errors import NoAnswer, TinyMoAError
from tiny_moa.experts.base import Task
from tiny_moa.experts.documents.expert import named_documents


async def ask(folder: Path, expert: str, reply: str, task: Task) -> Answer:
    async with scripted_team(folder, reply) as team:
        return await team.asker.ask_expert(expert, task, call_of())


async def test_a_worked_solution_names_its_wrong_step(tmp_path: Path) -> None:
    answer = await ask(tmp_path, "reasoner", "4 * 6 = 24\n24 - 5 = 18\nAnswer: 18", Task("How many eggs are whole?"))
    assert answer.status == "unverified"
    assert answer.fields["answer"] == "18"
    assert "should be 19" in " ".join(answer.notes)


@pytest.mark.promise(6)
async def test_an_unavailable_expert_abstains_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="speech is not part of this version"):
        await ask(tmp_path, "audio", "unused", Task("say it"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Summarise doc://a%20b/c.pdf.", ("doc://a%20b/c.pdf",)),
        ('What is in "my report.docx"?', ("my report.docx",)),
        ("report.pdf를 요약해줘", ("report.pdf",)),
        ("Compare plans/a.xlsx with plans/b.xlsx, please.", ("plans/a.xlsx", "plans/b.xlsx")),
        ("보고서.pdf 읽어줘", ("보고서.pdf",)),
        ("Read the document", ()),
    ],
)
def test_named_documents_are_found(text: str, names: tuple[str, ...]) -> None:
    assert named_documents(text) == names


# -- families, thoughts and stand-ins -------------------------------------------------------------------------------


async def test_thoughts_are_kept_apart_from_the_answer_and_have_tokens_of_their_own(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("<think>Hmm. It is blue.</think>\n\n파랗습니다.")
    async with scripted_team(tmp_path, launcher, catalog="thinking_tokens = 1000\n") as team:
        answer = await team.asker.ask_expert("multilingual", Task("Translate: it is blue"), call_of(max_tokens=50))
    assert answer.text == "파랗습니다."
    assert launcher.runtimes[0].requests[0].max_tokens == 1050


async def test_thoughts_without_an_end_are_no_answer(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="still thinking"):
        await ask(tmp_path, "multilingual", "<think>Let me see", Task("Translate: it is blue"))


STAND_IN = """
[models.big]
title = "Big"
repo = "a/b"
file = "big.gguf"
bytes = 5
[profiles.embedded.experts]
multilingual = ["hybriko-117m-linuxfc", "big", "smollm2-135m"]
reasoner = ["big"]
"""


async def test_the_first_model_that_is_here_answers_and_says_for_whom(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("파란색")
    async with scripted_team(tmp_path, launcher, catalog=STAND_IN) as team:
        answer = await team.asker.ask_expert("multilingual", Task("Translate: blue"), call_of())
    assert [name for name, _ in launcher.launches] == ["smollm2-135m"]
    assert answer.notes == ("Model 'smollm2-135m' stood in for 'big'; `tiny-moa pull big` fetches it.",)


async def test_when_no_model_of_a_role_is_here_the_error_names_the_command_and_the_bytes(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("unused")
    async with scripted_team(tmp_path, launcher, catalog=STAND_IN) as team:
        with pytest.raises(TinyMoAError, match=r"tiny-moa pull big` \(5 bytes"):
            await team.asker.ask_expert("reasoner", Task("Prove that there are infinitely many primes."), call_of())
    assert launcher.launches == []
