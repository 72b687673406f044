"""Tests of which prompt beginnings are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.prefixes import PrefixIndex, starts_with


def _index(fixed: int = 2, turn_ends: int = 1, budget: int = 100) -> PrefixIndex:
    return PrefixIndex(fixed=fixed, turn_ends=turn_ends, budget_tokens=budget)


def _kept(index: PrefixIndex) -> list[tuple[int, ...]]:
    return [kept.tokens for kept in index.by_use()]


def test_the_longest_beginning_that_leaves_a_token_to_read_is_found() -> None:
    index = _index(fixed=4)
    for tokens in ((1,), (1, 2), (1, 2, 3), (1, 9, 3, 4)):
        index.place(tokens, is_fixed=True)
    found = index.longest((1, 2, 3))
    assert found is not None
    assert found.tokens == (1, 2)
    assert index.longest((2, 1, 3)) is None


def test_what_was_used_longest_ago_makes_room() -> None:
    index = _index()
    for tokens in ((1,), (2,)):
        index.place(tokens, is_fixed=True)
    one = index.longest((1, 0))
    assert one is not None
    index.use(one)
    place, emptied = index.place((3,), is_fixed=True)
    assert place is not None
    assert emptied == [place.sequence]
    assert _kept(index) == [(1,), (3,)]


def test_the_end_of_a_turn_never_takes_the_place_of_what_is_fixed() -> None:
    index = _index(budget=10)
    index.place((1,) * 4, is_fixed=True)
    index.place((2,) * 4, is_fixed=True)
    assert index.place((3,) * 3, is_fixed=False) == (None, [])
    place, _ = index.place((3,) * 2, is_fixed=False)
    assert place is not None
    index.place((4,) * 1, is_fixed=False)
    assert _kept(index) == [(1,) * 4, (2,) * 4, (4,)]


def test_an_unused_end_of_a_turn_goes_before_anything_else() -> None:
    index = _index(turn_ends=2)
    index.place((1,), is_fixed=True)
    used, _ = index.place((2, 2), is_fixed=False)
    unused, _ = index.place((3, 3), is_fixed=False)
    assert used is not None
    assert unused is not None
    index.use(used)
    assert index.evict() == unused.sequence


def test_what_extends_a_kept_beginning_shares_its_tokens_of_the_budget() -> None:
    index = _index(budget=100)
    index.place((1,) * 80, is_fixed=True)
    place, emptied = index.place((1,) * 95, is_fixed=False)
    assert place is not None
    assert emptied == []


def test_nothing_to_give_up_is_said() -> None:
    with pytest.raises(LookupError):
        _index().evict()


_texts = st.lists(st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), st.booleans()), max_size=30)


@given(_texts, st.integers(1, 3), st.integers(0, 3), st.integers(0, 25))
def test_the_budget_and_the_sequences_hold_whatever_is_placed(
    texts: list[tuple[tuple[int, ...], bool]], fixed: int, turn_ends: int, budget: int
) -> None:
    index = _index(fixed, turn_ends, budget)
    for tokens, is_fixed in texts:
        index.place(tokens, is_fixed=is_fixed)
        kept = index.by_use()
        assert len({each.sequence for each in kept}) == len(kept)
        assert sum(each.is_fixed for each in kept) <= fixed
        assert sum(not each.is_fixed for each in kept) <= turn_ends
        assert all(0 <= each.sequence < fixed + turn_ends for each in kept)
        assert max((len(each.tokens) for each in kept), default=0) <= budget
        found = index.longest((*tokens, 7))
        assert found is None or starts_with(tokens, found.tokens)
