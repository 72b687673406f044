"""Tests of which prompt beginnings are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.prefixes import PrefixIndex, starts_with
from tiny_moa.models.reading import LEAST_ROWS


def _index(fixed: int = 2, turn_ends: int = 1, budget: int = 1000) -> PrefixIndex:
    return PrefixIndex(fixed=fixed, turn_ends=turn_ends, budget_tokens=budget)


def _keep(index: PrefixIndex, tokens: tuple[int, ...], *, is_fixed: bool = True) -> bool:
    """Keep a beginning if it is wanted; says whether it was."""
    is_wanted = index.wants(tokens, is_fixed=is_fixed)
    if is_wanted:
        index.keep(tokens, bytearray(), is_fixed=is_fixed)
    return is_wanted


def _kept(index: PrefixIndex) -> list[tuple[int, ...]]:
    return [kept.tokens for kept in index.by_use()]


def test_the_longest_beginning_that_leaves_enough_to_read_is_found() -> None:
    index = _index(fixed=4)
    for tokens in ((1,), (1, 2), (1, 2, *(3,) * 8), (1, 9, 3, 4)):
        _keep(index, tokens)
    found = index.longest((1, 2, *(3,) * LEAST_ROWS))
    assert found is not None
    assert found.tokens == (1, 2)
    found = index.longest((1, 2, *(3,) * (LEAST_ROWS - 1)))
    assert found is not None
    assert found.tokens == (1,)
    assert index.longest((2, 1, 3)) is None


def test_what_was_used_longest_ago_makes_room() -> None:
    index = _index()
    for tokens in ((1,), (2,)):
        _keep(index, tokens)
    one = index.longest((1,) * 20)
    assert one is not None
    index.use(one)
    assert _keep(index, (3,))
    assert _kept(index) == [(1,), (3,)]


def test_the_end_of_a_turn_never_takes_the_place_of_what_is_fixed() -> None:
    index = _index(budget=10)
    _keep(index, (1,) * 4)
    _keep(index, (2,) * 4)
    assert not _keep(index, (3,) * 3, is_fixed=False)
    assert _keep(index, (3,) * 2, is_fixed=False)
    _keep(index, (4,) * 1, is_fixed=False)
    assert _kept(index) == [(1,) * 4, (2,) * 4, (4,)]


def test_an_unused_end_of_a_turn_goes_before_anything_else() -> None:
    index = _index(turn_ends=2, budget=6)
    _keep(index, (1,))
    _keep(index, (2, 2), is_fixed=False)
    _keep(index, (3, 3), is_fixed=False)
    used = index.longest((2,) * 20)
    assert used is not None
    index.use(used)
    _keep(index, (4, 4))
    assert (3, 3) not in _kept(index)
    assert len(_kept(index)) == 3


def test_what_is_wanted_again_is_used_and_not_kept_twice() -> None:
    index = _index()
    _keep(index, (1,))
    _keep(index, (2,))
    assert not _keep(index, (1,))
    assert _kept(index) == [(2,), (1,)]


_texts = st.lists(st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), st.booleans()), max_size=30)


@given(_texts, st.integers(0, 3), st.integers(0, 3), st.integers(0, 25))
def test_the_budget_and_the_counts_hold_whatever_is_kept(
    texts: list[tuple[tuple[int, ...], bool]], fixed: int, turn_ends: int, budget: int
) -> None:
    index = _index(fixed, turn_ends, budget)
    for tokens, is_fixed in texts:
        has_room = index.has_room(tokens)
        before = _kept(index)
        if _keep(index, tokens, is_fixed=is_fixed) and is_fixed and has_room:
            assert set(before) < set(_kept(index))
        kept = index.by_use()
        assert sum(each.is_fixed for each in kept) <= fixed
        assert sum(not each.is_fixed for each in kept) <= turn_ends
        assert sum(len(each.tokens) for each in kept) <= budget
        found = index.longest((*tokens, *(7,) * LEAST_ROWS))
        assert found is None or starts_with(tokens, found.tokens)
