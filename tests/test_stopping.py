"""The utility of a meeting and when it has gone on for long enough."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.stopping import Utility, evidence, has_enough, lambert_w

REFERENCE = Utility(p_right=0.6, gain=2 * (0.8 - 0.6))
"""The authors' reference run, with their k."""


def test_the_reference_run_comes_out_as_published() -> None:
    assert REFERENCE.best_rounds == pytest.approx(4.015, abs=5e-4)
    assert [REFERENCE.at(t) for t in range(6)] == pytest.approx([0.600, 0.728, 0.804, 0.844, 0.855, 0.846], abs=1e-3)
    assert [REFERENCE.slope(t) for t in (1, 2, 3, 4)] == pytest.approx([0.0993, 0.0559, 0.0242, 0.0003], abs=1e-4)
    assert REFERENCE.signal == pytest.approx(0.1796, abs=2e-4)


@pytest.mark.parametrize(("conviction", "rounds"), [(1.0, 2), (0.7, 2), (0.5, 5)])
def test_the_more_conviction_the_sooner_it_is_enough(conviction: float, rounds: int) -> None:
    held = next(t for t in range(1, 9) if has_enough([conviction] * t, REFERENCE))
    assert held == rounds


def test_judges_that_are_noise_make_no_round_worth_it() -> None:
    noise = Utility.of(0.3, balanced_accuracy=0.5)
    assert noise.best_rounds == 0
    assert has_enough([], noise)
    assert Utility.of(0.3, balanced_accuracy=0.3).gain == 0


def test_rejected_winners_are_no_evidence() -> None:
    assert evidence([-1.0, -0.5], REFERENCE) == 0


@given(st.floats(0, 1e6))
def test_lamberts_w_solves_its_equation(x: float) -> None:
    w = lambert_w(x)
    assert w * math.exp(w) == pytest.approx(x, rel=1e-9, abs=1e-12)


def test_lamberts_w_of_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        lambert_w(-1)


@given(st.floats(0.01, 0.99), st.floats(0.51, 0.99))
def test_the_best_round_is_where_the_slope_ends(p_right: float, accuracy: float) -> None:
    curve = Utility.of(p_right, accuracy)
    assert curve.slope(curve.best_rounds) == pytest.approx(0, abs=1e-9)
