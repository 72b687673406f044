"""When a team is worth asking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.prospect import Case, why_not_deliberate

cases = st.builds(Case, st.integers(0, 9), st.booleans(), st.integers(0, 3), st.floats(0, 9), st.sampled_from(["", "too late"]))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case(examples=3), ""),
        (Case(examples=1, is_refuted=True), ""),
        (Case(voters=1, best_rounds=1.5), ""),
        (Case(), "nothing here can run or prove"),
        (Case(is_refuted=True), "nothing here can run or prove"),
        (Case(examples=2), "too few to prove"),
        (Case(voters=2, best_rounds=0.4), "too little better than chance"),
        (Case(examples=9, voters=3, best_rounds=9, hindrance="no time"), "no time"),
    ],
)
def test_only_where_something_can_tell_a_better_answer(case: Case, words: str) -> None:
    found = why_not_deliberate(case)
    assert words in found
    assert bool(found) == bool(words)


@given(cases)
def test_without_examples_and_voters_a_team_is_never_asked(case: Case) -> None:
    if not case.examples and not case.voters:
        assert why_not_deliberate(case)
