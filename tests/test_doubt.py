"""When a quick answer is doubted."""

from __future__ import annotations

import pytest

from tiny_moa.brain.doubt import doubts, signs
from tiny_moa.experts.base import Proposal
from tiny_moa.experts.checks import Check

EASY = "What do 3 pens cost at 2 euros each?"
FAILED, OPINION = (
    Check("example", "run in a sandbox", False, "f(1)"),
    Check("agreement", "answers that mean the same", False, "1 of 3"),
)


@pytest.mark.parametrize(
    ("proposals", "found"),
    [
        ([], "nobody answered"),
        ([Proposal("coder", "x", "verified", (FAILED,))], ""),
        ([Proposal("coder", "x", "unverified")], ""),
        ([Proposal("coder", "x", "unverified", (OPINION,))], ""),
        ([Proposal("coder", "x", "unverified", (FAILED,))], "a check failed"),
        ([Proposal("coder", "x", "partial")], "the answer was cut off"),
        ([Proposal("reasoner", "x", "unverified", fields={"split": {"5": 1, "6": 1}})], "solutions differ"),
        ([Proposal("reasoner", "x", "unverified", fields={"split": {"5": 2}})], ""),
    ],
)
def test_an_answer_is_doubted_for_what_came_of_it(proposals: list[Proposal], found: str) -> None:
    assert ", ".join(doubts(EASY, proposals)) == found


def test_an_unproved_answer_to_a_question_that_looks_hard_is_doubted() -> None:
    hard = (
        "If each of 7 rows has 8 seats and every 3rd seat is taken, at most how many groups of 4 fit, and what is the remainder?"
    )
    assert {"many numbers", "a search", "conditions"} <= set(signs(hard))
    assert "looks hard" in doubts(hard, [Proposal("reasoner", "x", "unverified")])[0]
    assert not doubts(hard, [Proposal("reasoner", "x", "verified")])


def test_one_sign_alone_is_no_reason() -> None:
    assert signs("What is the largest planet?") == ("a search",)
    assert not doubts("What is the largest planet?", [Proposal("brain", "x", "unverified")])


def test_korean_questions_have_signs_too() -> None:
    assert {"many numbers", "a search"} <= set(signs("상자 3개에 공이 4개, 5개, 6개씩 있다. 가능한 경우의 수는?"))
