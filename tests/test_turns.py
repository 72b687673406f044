"""Tests of whose turn it is: even shares, a head start for short calls, and nobody who waits for ever."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.turns import HEAD_START, LEAST_CHUNK, SHORT_WORK, Standing, chunk_tokens, clock_after, next_turn

STEP = 64.0


@dataclass
class _Job:
    left: float
    step: float
    spent: float = 0.0
    had: float = 0.0


def _turn(jobs: list[_Job], clock: float) -> tuple[_Job, float]:
    chosen = jobs[next_turn([Standing(job.spent, job.left) for job in jobs])]
    cost = min(chosen.step, chosen.left)
    chosen.spent += cost
    chosen.had += cost
    chosen.left -= cost
    return chosen, clock_after(clock, cost, len(jobs))


def test_the_one_that_has_spent_least_goes_next_and_ties_go_to_the_earlier() -> None:
    assert next_turn([Standing(5, 1000), Standing(3, 1000), Standing(3, 1000)]) == 1


def test_a_short_call_goes_first_up_to_its_head_start() -> None:
    assert next_turn([Standing(0, 1000), Standing(HEAD_START - 1, SHORT_WORK)]) == 1
    assert next_turn([Standing(0, 1000), Standing(HEAD_START + 1, SHORT_WORK)]) == 0


_jobs = st.lists(st.tuples(st.floats(200, 4000), st.sampled_from([2.0, 16.0, STEP])), min_size=1, max_size=6)


@given(_jobs)
def test_shares_stay_even_while_everybody_has_work(jobs: list[tuple[float, float]]) -> None:
    row, clock = [_Job(left, step) for left, step in jobs], 0.0
    while all(job.left > SHORT_WORK + STEP for job in row):
        _, clock = _turn(row, clock)
        assert max(job.had for job in row) - min(job.had for job in row) <= STEP


@given(_jobs)
def test_everybody_ends(jobs: list[tuple[float, float]]) -> None:
    row, clock, turns = [_Job(left, step) for left, step in jobs], 0.0, 0
    bound = sum(left / step + 1 for left, step in jobs)
    while row:
        chosen, clock = _turn(row, clock)
        turns += 1
        row = [job for job in row if job is not chosen or job.left > 0]
        assert turns <= bound


@given(st.floats(1, SHORT_WORK), st.integers(1, 4))
def test_a_stream_of_short_calls_starves_nobody(work: float, at_once: int) -> None:
    """New short calls come for ever; the long one still gets its share of every so many."""
    long, clock = _Job(10_000.0, STEP), 0.0
    row = [long]
    served = 0.0
    while long.had < 10 * STEP:
        while len(row) <= at_once:
            row.append(_Job(work, work, spent=clock))
        chosen, clock = _turn(row, clock)
        served += chosen.step
        row = [job for job in row if job.left > 0]
        assert served <= (long.had + HEAD_START + 2 * STEP) * 2 * (at_once + 1)


@given(st.integers(1, 512), st.integers(1, 9), st.one_of(st.none(), st.floats(0, 2)))
def test_a_chunk_is_never_longer_than_a_batch_nor_shorter_than_worth_it(most: int, calls: int, seconds: float | None) -> None:
    chunk = chunk_tokens(most, calls, seconds)
    assert min(most, LEAST_CHUNK) <= chunk <= most


def test_chunks_are_short_beside_others_on_a_slow_machine() -> None:
    assert chunk_tokens(64, 1, 0.05) == 64
    assert chunk_tokens(64, 2, 0.02) == 25
    assert chunk_tokens(64, 2, 0.5) == chunk_tokens(64, 2, None) == LEAST_CHUNK
    assert chunk_tokens(64, 2, 0.001) == 64
