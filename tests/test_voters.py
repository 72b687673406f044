"""Who may vote, from what was counted."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.voters import UNKNOWN_AUTHOR, GeneratorRecord, VoterRecord, correlation, judged, p_greater

GOOD = VoterRecord(70, 90, 65, 90, steady=80, turned=90, parsed=180, asked=180)


def test_a_voter_that_is_better_than_chance_is_admitted_with_its_log_odds() -> None:
    assert GOOD.refusal == ""
    assert GOOD.balanced_accuracy == pytest.approx(0.75)
    assert GOOD.weight == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (VoterRecord(), "never measured"),
        (replace(GOOD, true_positives=90, true_negatives=0), "may be chance"),
        (replace(GOOD, true_positives=45, true_negatives=45), "may be chance"),
        (replace(GOOD, true_positives=20, true_negatives=25), "may be chance"),
        (replace(GOOD, true_positives=90, true_negatives=20), "20 of 90 wrong answers"),
        (replace(GOOD, steady=50), "stayed in the other order"),
        (replace(GOOD, parsed=170), "could be read"),
        (VoterRecord(2, 2, 2, 2, 2, 2, 4, 4), "20 of each are wanted"),
    ],
    ids=["unmeasured", "always yes", "a coin", "worse than a coin", "mostly yes", "unsteady", "unreadable", "too few"],
)
def test_anybody_else_has_no_vote_and_the_reason_is_given(record: VoterRecord, words: str) -> None:
    assert words in record.refusal
    assert record.weight == 0


@given(*[st.integers(1, 60)] * 4)
def test_one_of_two_is_greater(a: int, b: int, c: int, d: int) -> None:
    assert p_greater((a, b), (c, d)) + p_greater((c, d), (a, b)) == pytest.approx(1, abs=1e-9)


def test_the_probability_of_being_greater_is_that_of_simple_cases() -> None:
    assert p_greater((1, 1), (1, 1)) == pytest.approx(0.5)
    assert p_greater((2, 1), (1, 1)) == pytest.approx(2 / 3)  # the mean of the greater of two uniform draws


def test_an_authors_lower_bound_is_below_its_share_and_grows_with_the_count() -> None:
    few, many = GeneratorRecord(6, 10), GeneratorRecord(60, 100)
    assert 0 < few.lower_bound < many.lower_bound < 0.6
    assert GeneratorRecord().lower_bound == 0


def test_an_author_that_is_mostly_wrong_counts_little_and_never_against_what_it_says() -> None:
    assert GeneratorRecord().weight == pytest.approx(UNKNOWN_AUTHOR)
    assert 0 == GeneratorRecord(0, 50).weight < GeneratorRecord(15, 50).weight < UNKNOWN_AUTHOR < GeneratorRecord(40, 50).weight


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_a_correlation_is_symmetric_and_bounded_and_needs_both_to_vary(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    found = correlation(first, second)
    assert found == correlation(second, first)
    assert (found is None) == (len(set(first)) < 2 or len(set(second)) < 2)
    assert found is None or -1 - 1e-9 <= found <= 1 + 1e-9
    assert correlation([True, False], [True, False]) == 1
    assert correlation([True, False], [False, True]) == -1


chances = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30)


@given(chances)
def test_a_judge_that_gives_all_answers_the_same_chance_is_never_admitted(pairs: list[tuple[float, float]]) -> None:
    record, _ = judged([(right, right) for right, _ in pairs])
    assert record.balanced_accuracy <= 0.5
    assert record.weight == 0


@given(chances)
def test_chances_are_counted_whole_and_give_a_threshold_between_none_and_all(pairs: list[tuple[float, float]]) -> None:
    record, threshold = judged(pairs)
    assert (record.positives, record.negatives, record.asked) == (len(pairs), len(pairs), 2 * len(pairs))
    assert record.parsed == record.asked
    assert 0 < threshold < 1


def test_a_judge_is_known_by_what_it_holds_likelier() -> None:
    record, threshold = judged([(0.9 + n / 1000, 0.8 + n / 1000) for n in range(24)])
    assert (record.balanced_accuracy, record.refusal) == (1.0, "")
    assert 0.82 < threshold < 0.91
    assert judged([(0.8, 0.9)] * 24)[0].weight == 0
