"""Tests of how a prompt is cut into batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.reading import ADDED_CELLS, LEAST_ROWS, chunk_end, marks, stops
from tiny_moa.models.turns import LEAST_CHUNK

lengths = st.integers(1, 400)


@given(st.data(), lengths, st.sampled_from([0, 64, 100]))
def test_no_part_of_a_prompt_is_read_in_a_batch_that_rounds_otherwise(data: st.DataObject, length: int, window: int) -> None:
    fixed = data.draw(st.integers(0, length))
    turn = data.draw(st.integers(fixed, length))
    kept = data.draw(st.sampled_from([0, *range(LEAST_ROWS, length - LEAST_ROWS + 1)]))
    batches, start = [], kept
    for stop in stops(kept, marks(fixed, turn, length, window), length):
        while start < stop:
            end = chunk_end(start, stop, data.draw(st.integers(LEAST_CHUNK, 64)))
            batches.append(end - start)
            start = end
    assert sum(batches) == length - kept
    assert min(batches) >= min(LEAST_ROWS, length)
    assert max(batches) <= 64


@given(st.data(), lengths)
def test_a_beginning_ends_where_it_was_marked_or_a_little_before(data: st.DataObject, length: int) -> None:
    fixed = data.draw(st.integers(0, length))
    for mark, place in zip((fixed, length), marks(fixed, length, length), strict=True):
        assert place in (0, mark, length - LEAST_ROWS)
        assert mark - LEAST_ROWS < place <= mark or place == 0


def test_a_beginning_longer_than_the_window_ends_so_that_its_cells_are_added_as_before() -> None:
    assert marks(60, 200, 300, window=64) == (60, 64 + 2 * ADDED_CELLS)
    assert marks(60, 200, 300) == (60, 200)


def test_of_two_places_close_to_each_other_the_first_named_is_kept() -> None:
    assert stops(0, (40, 44), 100) == (40, 100)
    assert stops(36, (40, 60), 100) == (60, 100)
    assert stops(0, (40, 100), 100) == (40, 100)
