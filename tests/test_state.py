"""What a meeting remembers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.state import WORTH, Record, forget, refute, render

records = st.lists(
    st.builds(Record, st.sampled_from(list(WORTH)), st.text("abc ", min_size=1, max_size=30), st.integers(1, 4), st.booleans()),
    max_size=12,
)


def words(text: str) -> int:
    return len(text.split())


def test_a_test_result_stays_longest_and_everything_is_shown_in_a_fixed_order() -> None:
    given_ = [Record("score", "C1 +0.3", 2), Record("winner", "The answer is 7.", 2), Record("test", "f(2) gave 5, not 4.", 1)]
    assert render(forget(given_, 2, words)) == "- f(2) gave 5, not 4.\n- The answer is 7.\n- C1 +0.3"
    assert [record.kind for record in forget(given_, 2, words, most_tokens=6)] == ["winner"]


def test_without_memory_only_the_last_round_is_left() -> None:
    given_ = [Record("test", "old", 1), Record("score", "new", 2)]
    assert [record.text for record in forget(given_, 2, words, gamma=0)] == ["new"]
    assert [record.text for record in forget(given_, 2, words, gamma=1)] == ["old", "new"]


def test_what_was_refuted_is_gone_at_once() -> None:
    assert forget(refute([Record("verified", "2 + 2 = 5", 1)], "2 + 2 = 5"), 1, words) == ()


@pytest.mark.parametrize("gamma", [-0.1, 1.1])
def test_a_gamma_outside_its_range_is_refused(gamma: float) -> None:
    with pytest.raises(ValueError, match="gamma"):
        forget([], 1, words, gamma=gamma)


@given(records, st.floats(0, 1), st.integers(0, 40))
def test_a_state_never_has_more_tokens_than_it_may(given_: list[Record], gamma: float, most: int) -> None:
    kept = forget(given_, 4, words, gamma=gamma, most_tokens=most)
    assert words(render(kept)) <= most
    assert not any(record.is_refuted for record in kept)
    assert len({record.text for record in kept}) == len(kept)


@given(records, st.permutations(range(12)))
def test_the_order_of_the_records_does_not_matter(given_: list[Record], order: list[int]) -> None:
    unique = list({(record.text, record.round): record for record in given_}.values())
    shuffled = [unique[place] for place in order if place < len(unique)]
    assert forget(unique, 4, words) == forget(shuffled, 4, words)
