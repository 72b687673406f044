from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.teams import call_of, scripted_team
from tiny_moa.brain import BRAIN, MAX_STEPS, Route, Step, decompose, leave_language_to_last, route_by_cues, split_request
from tiny_moa.catalog import load_catalog

EXPERTS = load_catalog().experts


def parts(request: str) -> list[str]:
    return [part.text for part in split_request(request)]


def planned(request: str) -> list[tuple[str, int]] | None:
    route = decompose(request, lambda text: route_by_cues(text, EXPERTS.values()))
    return None if route is None else [(step.expert, step.priority) for step in route.steps]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("Open the slides, count the words, and outline a talk.", ["Open the slides", "count the words", "outline a talk."]),
        ("Prove the lemma, then turn it into C code", ["Prove the lemma", "turn it into C code"]),
        ("Convert the list. After that, sort it.", ["Convert the list.", "sort it."]),
        ("Translate the menu and send it to Kim", ["Translate the menu", "send it to Kim"]),
        ("1. Add 2 and 5. 2. Sing a song.", ["Add 2 and 5.", "Sing a song."]),
        ("Please do:\n- add 2 and 5\n- show all users", ["add 2 and 5", "show all users"]),
        ("표를 읽은 뒤 평균을 구해줘", ["표를 읽은", "평균을 구해줘"]),
        ("먼저 표를 정리해줘. 그런 다음 그것을 그래프로 그려줘.", ["표를 정리해줘.", "그것을 그래프로 그려줘."]),
        ("문제를 풀고 답을 독일어로 알려줘", ["문제를 풀고", "답을 독일어로 알려줘"]),
    ],
)
def test_words_of_order_lists_and_further_demands_part_a_request(request_: str, expected: list[str]) -> None:
    assert parts(request_) == expected


@pytest.mark.parametrize(
    "request_",
    [
        "Write a program to find and delete old mails",
        "Explain the difference between read and write",
        "Put into German: we ate, and then we sang.",
        "What does `sort, then print` mean?",
        "사과하고 싶다고 어떻게 말해?",
        "광고 문구를 다듬어줘",
        "다음 뒤 문장을 봐줘",
        "Version 1. 0 and 2. 0 differ",
        "",
    ],
)
def test_what_is_one_demand_stays_whole(request_: str) -> None:
    assert len(parts(request_)) == 1


def test_what_a_request_carries_stays_with_its_first_part() -> None:
    first, second = split_request("다음 글을 번역한 뒤 요약해줘: First we ate, then we sang.")
    assert first.text.endswith("First we ate, then we sang.")
    assert second.needs_earlier


def test_a_part_with_material_of_its_own_stands_beside_the_others() -> None:
    _, translate = split_request("Solve 3 + x = 9, then translate 'good night' into French")
    assert not translate.needs_earlier
    assert split_request("Solve 3 + x = 9, then explain it in French")[1].needs_earlier


@given(st.text(alphabet=st.sampled_from("ab 1.,\n'\"`:-가고뒤 then and 다음")))
def test_parts_are_never_more_than_a_plan_and_only_of_the_requests_words(request_: str) -> None:
    found = split_request(request_)
    assert 1 <= len(found) <= MAX_STEPS
    for part in found:
        assert all(word in request_ for word in part.text.split())


def test_a_request_of_fifty_steps_is_no_plan() -> None:
    assert planned(" ".join(f"{n}. Calculate {n} + {n} and write code." for n in range(1, 51))) is None


def test_parts_are_joined_into_one_graph() -> None:
    assert planned("Read bill.pdf, calculate the total, and draft a mail") == [("ocr", 1), ("reasoner", 2), (BRAIN, 3)]
    assert planned("Calculate 4 * 5, then translate 'good night' into French") == [("reasoner", 1), ("multilingual", 1)]
    assert planned("bill.pdf를 읽은 뒤 합계를 계산하고 결과를 영어로 번역해줘") == [
        ("ocr", 1),
        ("reasoner", 2),
        ("multilingual", 3),
    ]


def test_an_expert_between_two_parts_works_once() -> None:
    routes = {
        "Transcribe the talk": Route((Step("audio", "a"), Step("multilingual", "a", 2)), "cues"),
        "put it into German": Route((Step("multilingual", "b"),), "cues"),
        "List the users": Route((Step("linux", "c"),), "cues"),
        "describe the command in Korean": Route((Step("linux", "d"), Step("multilingual", "d", 2)), "cues"),
    }
    for request_, expected in (
        ("Transcribe the talk, then put it into German", [("audio", "a", 1), ("multilingual", "b", 2)]),
        ("List the users, then describe the command in Korean", [("linux", "c", 1), ("multilingual", "d", 2)]),
    ):
        route = decompose(request_, routes.get)
        assert route is not None
        assert [(step.expert, step.prompt, step.priority) for step in route.steps] == expected


@pytest.mark.parametrize(
    "request_",
    [
        "Open costs.xlsx, calculate the total, and draft a mail to the tenant.",
        "Open costs.xlsx, calculate the sum of all rows, and write an e-mail to my tenant.",
        "costs.xlsx를 읽고 합계를 계산한 다음 메일 초안을 써줘",
    ],
)
async def test_a_document_a_sum_and_a_draft_are_three_parts_for_the_classifier_too(tmp_path: Path, request_: str) -> None:
    async with scripted_team(tmp_path, "unused", classifies=True) as team:
        route = await team.brain.route(request_, call_of(), may_ask_model=False)
    assert [(step.expert, step.priority) for step in route.steps] == [("ocr", 1), ("reasoner", 2), (BRAIN, 3)]


def test_parts_of_one_expert_are_not_parted() -> None:
    assert planned("Calculate 4 * 5, then compute 6 * 7") is None


def test_an_unclear_part_behind_a_mere_and_is_not_parted() -> None:
    assert planned("Write a python class and make it nice") is None


def test_the_demand_for_a_language_is_left_to_the_translator() -> None:
    route = Route((Step("coder", "이 코드를 한국어로 설명해줘"), Step("multilingual", "이 코드를 한국어로 설명해줘", 2)), "cues")
    first, second = leave_language_to_last(route, {"multilingual"}).steps
    assert first.prompt == "이 코드를 설명해줘"
    assert second.prompt == "이 코드를 한국어로 설명해줘"
