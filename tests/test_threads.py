"""Tests of the choice of threads on machines that are given as tables of seconds."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.threads import ThreadTuner

Machine = Callable[[int], float]


def _idle(threads: int) -> float:
    """38 tokens a second on two threads, 22 on one."""
    return 1 / 38 if threads == 2 else 1 / 22


def _crowded(threads: int) -> float:
    """With a busy neighbour 12 on two threads and 17 on one, as measured."""
    return 1 / 12 if threads == 2 else 1 / 17


def _run(tuner: ThreadTuner, machine: Machine, tokens: int) -> tuple[ThreadTuner, list[int]]:
    used = []
    for _ in range(tokens):
        used.append(tuner.threads)
        tuner = tuner.after(machine(tuner.threads))
    return tuner, used


def test_an_idle_machine_keeps_its_threads_and_is_rarely_disturbed() -> None:
    tuner, used = _run(ThreadTuner.start(2), _idle, 2000)
    assert tuner.chosen == 2
    assert used.count(1) < 40


def test_a_busy_neighbour_takes_a_thread_away_within_a_sentence() -> None:
    tuner, used = _run(ThreadTuner.start(2), _crowded, 100)
    assert tuner.chosen == 1
    assert used[16] == 1


def test_a_neighbour_that_comes_and_goes_is_noticed() -> None:
    tuner, _ = _run(ThreadTuner.start(2), _idle, 1500)
    tuner, _ = _run(tuner, _crowded, 40)
    assert tuner.chosen == 1
    tuner, _ = _run(tuner, _crowded, 500)
    tuner, _ = _run(tuner, _idle, 1100)
    assert tuner.chosen == 2


def test_one_thread_or_a_fixed_number_is_never_changed() -> None:
    for tuner in (ThreadTuner.start(1), ThreadTuner.start(2, is_fixed=True)):
        _, used = _run(tuner, _crowded, 300)
        assert set(used) == {tuner.most}


@given(st.integers(2, 8), st.lists(st.floats(1e-4, 10), max_size=400))
def test_only_one_thread_or_all_are_ever_used(most: int, seconds: list[float]) -> None:
    tuner = ThreadTuner.start(most)
    for each in seconds:
        tuner = tuner.after(each)
        assert {tuner.threads, tuner.chosen} <= {1, most}
        assert tuner.until_trial >= 1
