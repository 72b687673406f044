from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.brain import Step, final_steps, stages, turns

EXPERTS = ["ocr", "coder", "reasoner", "multilingual"]
STEPS = st.lists(
    st.builds(Step, st.sampled_from(EXPERTS), st.text(max_size=5), st.integers(min_value=1, max_value=5)), max_size=5, unique=True
)


def lane_of(expert: str) -> str:
    return "documents" if expert == "ocr" else "models"


def finals(*steps: Step) -> list[str]:
    return [step.expert for step in final_steps(steps, material={"ocr"}, rewriting={"multilingual"})]


@given(STEPS)
def test_every_step_runs_once_after_all_of_an_earlier_priority(steps: list[Step]) -> None:
    graph = stages(steps, lane_of)
    run = [step for lanes in graph for lane in lanes for step in lane]
    assert sorted(map(hash, run)) == sorted(map(hash, steps))
    assert [step.priority for step in run] == sorted(step.priority for step in steps)


@given(STEPS)
def test_steps_that_compete_for_the_same_thing_share_a_lane(steps: list[Step]) -> None:
    for lanes in stages(steps, lane_of):
        assert len(lanes) == len({lane_of(step.expert) for lane in lanes for step in lane})
        assert turns(lanes) == max(len(lane) for lane in lanes)


def test_a_translation_takes_the_place_of_what_it_translates() -> None:
    assert finals(Step("coder", "a"), Step("multilingual", "b", 2)) == ["multilingual"]


def test_a_document_that_somebody_worked_on_is_no_part_of_the_answer() -> None:
    assert finals(Step("ocr", "a"), Step("reasoner", "b", 2)) == ["reasoner"]
    assert finals(Step("ocr", "a")) == ["ocr"]


def test_a_solution_is_not_lost_behind_the_code_that_follows_it() -> None:
    assert finals(Step("reasoner", "a"), Step("coder", "b", 2)) == ["reasoner", "coder"]


@given(STEPS.filter(bool))
def test_something_always_is_the_answer(steps: list[Step]) -> None:
    assert final_steps(steps, material={"ocr"}, rewriting={"multilingual"})
