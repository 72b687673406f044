"""Classes of answers and what speaks for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.ballots import Ballot, Candidate
from tiny_moa.deliberation.classes import AnswerClass, group, support


def near(first: float, second: float) -> bool:
    return abs(first - second) <= 1


def test_what_is_the_same_by_way_of_a_third_is_one_class() -> None:
    found = group({"C1": 1.0, "C2": 3.0, "C3": 2.0, "C4": None, "C5": None}, near)
    assert [c.labels for c in found] == [("C1", "C2", "C3"), ("C4",), ("C5",)]


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=8))
def test_every_candidate_is_in_one_class_and_unread_answers_are_alone(answers: list[int | None]) -> None:
    labelled = {f"C{n}": answer for n, answer in enumerate(answers)}
    found = group(labelled, lambda a, b: a == b)
    assert sorted(label for c in found for label in c.labels) == sorted(labelled)
    assert all(len(c.labels) == 1 for c in found if c.answer is None)
    assert len([c for c in found if c.answer is not None]) == len({a for a in answers if a is not None})


CANDIDATES = {label: Candidate(label, author) for label, author in zip(("C1", "C2", "C3"), "abc", strict=True)}
PAIR, LONER = AnswerClass(7, ("C1", "C2")), AnswerClass(9, ("C3",))
NOBODY: dict[str, float] = {}


def weigh(answers: AnswerClass[int], ballots: list[Ballot], proofs: dict[str, int] | None = None) -> tuple[int, float, int]:
    weights = dict.fromkeys("abc", 1.0)
    return support(answers, CANDIDATES, ballots, weights, proofs=proofs or {}, author_weights=NOBODY).rank


def test_members_of_a_class_may_judge_each_other() -> None:
    ballots = [Ballot("a", {"C1": 9, "C2": 9}), Ballot("b", {"C1": 9}), Ballot("c", {"C1": -1, "C2": -1})]
    assert weigh(PAIR, ballots) > weigh(LONER, ballots)


def test_a_proof_outranks_every_vote() -> None:
    ballots = [Ballot("a", {"C2": 9, "C3": -9}), Ballot("b", {"C1": 9, "C3": -9})]
    assert weigh(LONER, ballots, {"C3": 1}) > weigh(PAIR, ballots)
    assert weigh(LONER, [Ballot("a", {"C3": 9})], {"C3": -1}) < weigh(PAIR, [])


def test_without_votes_the_larger_class_is_before_the_smaller() -> None:
    assert weigh(PAIR, []) > weigh(LONER, [])


def test_two_answers_of_one_author_count_once() -> None:
    twice = {"C1": Candidate("C1", "a"), "C2": Candidate("C2", "a")}
    found = support(PAIR, twice, [], {}, proofs={}, author_weights={"a": 0.7})
    assert found.authors == 0.7
