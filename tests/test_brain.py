from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.brain import MAX_STEPS, Plan, is_grounded, plan_schema, route_by_cues, route_by_plan, wants_verbatim
from tiny_moa.catalog import load_catalog

EXPERTS = load_catalog().experts
BY_LABEL = {spec.label: spec for spec in EXPERTS.values()}


def routed(question: str) -> list[str] | None:
    route = route_by_cues(question, EXPERTS.values())
    return None if route is None else [step.expert for step in route.steps]


@pytest.mark.parametrize(
    ("question", "experts"),
    [
        ("피보나치 함수 작성해줘", ["coder"]),
        ("123 + 456 = ?", ["reasoner"]),
        ("AIME 2024 문제 풀어줘", ["reasoner"]),
        ("이 코드를 한국어로 설명해줘", ["coder", "multilingual"]),
        ("Translate 'good morning' to Japanese", ["multilingual"]),
        ("Summarise quarterly.pdf", ["ocr"]),
        ("터미널에서 파일 크기 보는 법", ["linux"]),
        ("음성으로 말해줘", ["audio"]),
    ],
)
def test_clear_cues_choose_the_expert_or_the_chain(question: str, experts: list[str]) -> None:
    assert routed(question) == experts


@pytest.mark.parametrize(
    "question", ["Good morning!", "Who painted the Mona Lisa?", "What is the capital of France?", "오늘 기분이 어때?"]
)
def test_no_cue_means_no_decision(question: str) -> None:
    assert routed(question) is None


def test_equal_claims_are_left_to_the_brain() -> None:
    assert routed("bash or python?") is None


def test_the_reason_names_the_cue() -> None:
    route = route_by_cues("Translate this", EXPERTS.values())
    assert route is not None
    assert route.decided_by == "cues"
    assert "MULTILINGUAL by 'translate'" in route.reason


def plan(agents: list[dict[str, object]], *, direct: bool = False) -> str:
    return json.dumps({"thinking": "t", "agents": agents, "direct_answer": direct})


def test_a_plan_becomes_steps_in_order_of_priority() -> None:
    question = "explain this loop and translate the words"
    text = plan(
        [
            {"name": "MULTILINGUAL", "prompt": "translate the words", "priority": 3},
            {"name": "CODER", "prompt": "explain this loop", "priority": 1},
        ]
    )
    route = route_by_plan(text, question, BY_LABEL)
    assert route is not None
    assert [(step.expert, step.prompt, step.priority) for step in route.steps] == [
        ("coder", "explain this loop", 1),
        ("multilingual", "translate the words", 2),
    ]


def test_an_invented_prompt_is_replaced_by_the_question() -> None:
    agents = [{"name": name, "prompt": "build a rocket", "priority": 1} for name in ("CODER", "REASONER")]
    route = route_by_plan(plan(agents), "sort a list", BY_LABEL)
    assert route is not None
    assert {step.prompt for step in route.steps} == {"sort a list"}


def test_strangers_and_repeats_in_a_plan_are_dropped() -> None:
    agents = [{"name": name, "prompt": "sort a list", "priority": 1} for name in ("WIZARD", "CODER", "CODER")]
    route = route_by_plan(plan(agents), "sort a list", BY_LABEL)
    assert route is not None
    assert [step.expert for step in route.steps] == ["coder"]


def test_a_direct_answer_has_no_steps_and_an_empty_plan_is_no_route() -> None:
    direct = route_by_plan(plan([], direct=True), "hi", BY_LABEL)
    assert direct is not None
    assert direct.steps == ()
    assert route_by_plan(plan([]), "hi", BY_LABEL) is None


@given(st.text())
def test_text_that_is_no_plan_is_never_a_route(text: str) -> None:
    assert route_by_plan(text, "q", BY_LABEL) is None


def test_the_plan_schema_accepts_the_documented_form_and_bounds_it() -> None:
    schema = plan_schema(["CODER"])
    assert schema["properties"]["agents"]["maxItems"] == MAX_STEPS
    example = '{"thinking": "...", "agents": [{"name": "CODER", "prompt": "Write ...", "priority": 1}], "direct_answer": false}'
    assert Plan.model_validate_json(example).agents[0].name == "CODER"
    assert set(schema["required"]) == set(Plan.model_fields)


def test_grounding_counts_shared_words() -> None:
    assert is_grounded("sort the list", "please sort the list of names")
    assert not is_grounded("build a rocket", "sort a list")
    assert not is_grounded("", "anything")


def test_asking_for_the_text_is_not_asking_about_it() -> None:
    assert wants_verbatim("Extract the text of a.pdf")
    assert not wants_verbatim("What does a.pdf say about rain?")
