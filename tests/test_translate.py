from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import ScriptedLauncher
from tests.teams import call_of, scripted_team
from tiny_moa.ask import Answer
from tiny_moa.experts.base import Task
from tiny_moa.experts.translate.masks import lost_numbers, mask
from tiny_moa.experts.translate.tongues import check_language
from tiny_moa.experts.translate.wanted import languages, read_request


async def translate(folder: Path, script: str | Sequence[str], request: str) -> tuple[Answer, ScriptedLauncher]:
    launcher = ScriptedLauncher(script)
    async with scripted_team(folder, launcher) as team:
        return await team.asker.ask_expert("multilingual", Task(request), call_of()), launcher


# -- what is wanted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_text", "target", "text"),
    [
        ("Translate into Korean: The sky is blue.", "ko", "The sky is blue."),
        ("Please translate the following to French:\n\nThe sky is blue.\nIt is high.", "fr", "The sky is blue.\nIt is high."),
        ("다음 문장을 영어로 번역해줘: 하늘이 파랗다.", "en", "하늘이 파랗다."),
        ("하늘이 파랗다.\n\n위 문장을 일본어로 번역해 주세요", "ja", "하늘이 파랗다."),
        ('"하늘이 파랗다"를 영어로 번역하면?', "en", "하늘이 파랗다"),
        ("How do you say 'blue sky' in Japanese?", "ja", "blue sky"),
        ("Translate this from English to German: blue", "de", "blue"),
        ("Translate: 하늘", "en", "하늘"),
        ("번역해줘: the sky", "ko", "the sky"),
        ("explain it in Korean\n\n<material>\nx = 1 adds\n</material>", "ko", "x = 1 adds"),
        ("한국말로 옮겨줘: https://a.org is up", "ko", "https://a.org is up"),
        ("In French, please: good morning", "fr", "good morning"),
        ("Answer in Korean: What is the capital of France?", "ko", None),
        ("Write an essay on how to live: the sea", "ko", None),
        ("What is the difference between 은 and 는?", "ko", None),
        ("translate this", "ko", None),
    ],
)
def test_a_request_says_into_which_language_and_what(request_text: str, target: str, text: str | None) -> None:
    wanted = read_request(request_text)
    assert (wanted.target, wanted.text) == (target, text)


@given(st.text(max_size=300))
def test_any_request_can_be_read(request_text: str) -> None:
    assert read_request(request_text).target in languages()


def test_every_language_is_found_by_each_of_its_names() -> None:
    for code, entry in languages().items():
        english, korean = entry["english"], entry["korean"]
        assert isinstance(english, list) and isinstance(korean, list)
        assert {read_request(f"Translate into {name}: 12").target for name in english} == {code}
        assert {read_request(f"{name}로 번역해줘: 12").target for name in korean} == {code}


# -- what stays -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        "```python\nprint('hi there')\n```", "`pip install x`", "https://example.org/a?b=c", "ada@example.org", "{{name}}",
        "{user_id}", "%s", "<br/>", "/etc/hosts", "read_file", "readFile", "list.sort()", "notes.md", "v1.2.3", "[[7]]",
    ],
)  # fmt: skip
def test_what_is_no_language_is_protected(part: str) -> None:
    masked = mask(f"See\n{part}\nnow")
    assert masked.parts == (part,)
    assert masked.text == "See\n[[1]]\nnow"


@given(st.text(max_size=200), st.booleans())
def test_what_is_put_back_is_what_was_taken(text: str, with_numbers: bool) -> None:
    masked = mask(text, with_numbers=with_numbers)
    assert masked.restore(masked.text) == text
    assert masked.lost(masked.text) == ()


@given(st.integers(1, 4), st.integers(0, 2))
def test_a_part_that_is_lost_or_doubled_is_named(n: int, times: int) -> None:
    parts = [f"`code {number}`" for number in range(n)]
    masked = mask(" and ".join(parts))
    written = " ".join(f"[[{number}]]" for number in range(2, n + 1)) + " [[1]]" * times
    assert masked.lost(written) == (() if times == 1 else (parts[0],))


@pytest.mark.parametrize(
    ("source", "translated", "lost"),
    [
        ("1,200 won for 3", "3개에 1200원", ()),
        ("at 10:30", "10:30에", ()),
        ("5 of 5", "5", ("5",)),
        ("room 12", "방", ("12",)),
    ],
)
def test_numbers_are_compared_by_their_digits(source: str, translated: str, lost: tuple[str, ...]) -> None:
    assert lost_numbers(source, translated) == lost


# -- which language -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "target", "passed"),
    [
        ("하늘이 파랗다.", "ko", True),
        ("The sky is blue.", "ko", False),
        ("Python 코드를 실행합니다", "ko", True),
        ("空が青いです。", "ja", True),
        ("空が青いです。", "zh", False),
        ("The sky over the town was blue that morning.", "en", True),
        ("Der Himmel über der Stadt war an diesem Morgen blau.", "en", False),
        ("Le ciel était bleu ce matin au-dessus de la ville.", "fr", True),
        ("Blue", "en", None),
        ("12 + 3", "en", None),
    ],
)
def test_a_language_is_told_by_letters_and_by_a_detector(text: str, target: str, passed: bool | None) -> None:
    found = check_language(text, target)
    assert (None if found is None else found.passed) is passed


# -- the expert -----------------------------------------------------------------------------------------------------


async def test_code_and_links_are_put_back_and_everything_is_checked(tmp_path: Path) -> None:
    request = "Translate into Korean: Run `make test` 3 times, see https://a.org/x."
    answer, launcher = await translate(tmp_path, "[[1]]를 3번 실행하고 [[2]]를 보세요.", request)
    assert answer.text == "`make test`를 3번 실행하고 https://a.org/x를 보세요."
    assert [(check.what, check.passed) for check in answer.checks] == [("protected", True), ("numbers", True), ("language", True)]
    assert "make test" not in launcher.runtimes[0].requests[0].messages[-1].content
    assert answer.fields == {"language": "ko", "translation": answer.text}
    assert answer.status == "unverified"


async def test_a_faulty_translation_is_asked_for_once_more_and_the_better_one_is_kept(tmp_path: Path) -> None:
    answer, launcher = await translate(
        tmp_path, ["문서를 보세요.", "[[1]]에서 [[2]]개를 보세요."], "Translate into Korean: See `a` 7"
    )
    assert answer.text == "`a`에서 7개를 보세요."
    assert len(launcher.runtimes[0].requests) == 2
    assert all(check.passed for check in answer.checks)


async def test_a_translation_that_stays_faulty_says_so(tmp_path: Path) -> None:
    answer, _ = await translate(tmp_path, "See the thing.", "Translate into Korean: See `a` 7 times")
    assert [(check.what, check.passed) for check in answer.checks] == [("protected", False), ("language", False)]
    assert len([note for note in answer.notes if note.startswith("Check the translation")]) == 2


async def test_a_question_about_languages_is_answered_in_words(tmp_path: Path) -> None:
    answer, launcher = await translate(tmp_path, "The one marks a topic.", "What is the difference between 은 and 는?")
    assert answer.text == "The one marks a topic."
    assert answer.checks == ()
    assert json.dumps(answer.fields) == "{}"
    assert len(launcher.runtimes[0].requests) == 1
