"""Who votes on whose answer, and how much votes of kin count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.electorate import SAME_FAMILY, Member, Standing, kinship, offered, weigh

LARGE, COPY = Member("large", "large", "qwen"), Member("large#2", "large", "qwen")
MIDDLE, SMALL = Member("middle", "middle", "qwen"), Member("small", "small", "smol")
AUTHORS = {"C1": LARGE, "C2": MIDDLE, "C3": SMALL}

members = st.builds(
    lambda number, model: Member(f"{model}#{number}", model, model[0]), st.integers(0, 99), st.sampled_from(["pa", "pb", "qa"])
)
panels = st.lists(members, min_size=1, max_size=6, unique_by=lambda member: member.name)


def test_copies_of_one_model_count_once_together() -> None:
    found = weigh([LARGE, COPY, Member("large#3", "large", "qwen")], Standing({"large": 0.9}))
    assert sum(found.values()) == pytest.approx(0.9)


def test_two_of_a_family_count_about_once_and_strangers_in_full() -> None:
    found = weigh([LARGE, MIDDLE, SMALL], Standing({"large": 0.9, "middle": 0.9, "small": 0.5}))
    assert found == pytest.approx({"large": 0.9 / (1 + SAME_FAMILY), "middle": 0.9 / (1 + SAME_FAMILY), "small": 0.5})


def test_what_was_measured_of_two_goes_before_their_families() -> None:
    measured = {frozenset(("large", "middle")): 0.1, frozenset(("large", "small")): -0.4}
    assert kinship(LARGE, MIDDLE, measured) == 0.1
    assert kinship(LARGE, SMALL, measured) == 0, "errors that go against each other are no reason to count more"
    assert kinship(LARGE, COPY, measured) == 1
    assert kinship(MIDDLE, SMALL, measured) == 0


@given(panels, st.floats(0, 2, allow_subnormal=False))
def test_no_vote_counts_more_for_having_kin_and_all_together_no_more_than_each_alone(panel: list[Member], weight: float) -> None:
    found = weigh(panel, Standing(dict.fromkeys(("pa", "pb", "qa"), weight)))
    assert all(0 <= each <= weight for each in found.values())
    families = {member.family for member in panel}
    assert sum(found.values()) <= weight * (len({m.model for m in panel}) + 1e-9)
    assert sum(found.values()) >= weight * (len(families) - 1e-9)


def test_nobody_judges_its_own_answer_nor_its_familys_where_others_do() -> None:
    everybody = [LARGE, MIDDLE, SMALL]
    assert offered(LARGE, AUTHORS, everybody) == ["C3"]
    assert offered(SMALL, AUTHORS, everybody) == ["C1", "C2"]
    assert offered(LARGE, AUTHORS, [LARGE, MIDDLE]) == ["C2", "C3"], "nobody else is there to judge C2"
    assert offered(LARGE, AUTHORS, everybody, masks_family=False) == ["C2", "C3"]
    assert offered(LARGE, AUTHORS, everybody, masks_own=False, masks_family=False) == ["C1", "C2", "C3"]


@given(panels, panels)
def test_every_answer_that_somebody_else_could_judge_is_judged(voters: list[Member], authors: list[Member]) -> None:
    by_label = {f"C{place}": author for place, author in enumerate(authors)}
    judged = {label for voter in voters for label in offered(voter, by_label, voters)}
    for label, author in by_label.items():
        assert (label in judged) == any(voter.name != author.name for voter in voters)
