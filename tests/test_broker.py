"""The panel that fits and is worth most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.broker import LEAST_TASKS, Applicant, Bounds, choose_panel, replay_panel, why_not

LARGE = Applicant("large", "qwen", 0.7, 60, 1200, write_rate=20, read_rate=45)
MIDDLE = Applicant("middle", "qwen", 0.4, 60, 500, write_rate=50, read_rate=120)
SMALL = Applicant("small", "smol", 0.1, 60, 150, write_rate=120, read_rate=400)
TEAM = [LARGE, MIDDLE, SMALL]
WIDE = Bounds(seconds=300, bytes=4000)

applicants = st.lists(
    st.builds(
        Applicant, st.text("abcdef", min_size=1, max_size=4), st.sampled_from(["p", "q", "r"]), st.floats(0, 1),
        st.integers(LEAST_TASKS, 99), st.integers(1, 3000), st.floats(0, 20), st.floats(1, 500), st.floats(1, 200), st.booleans(),
    ),
    max_size=7, unique_by=lambda a: a.model,
)  # fmt: skip


def test_diversity_seats_another_family() -> None:
    alike = {frozenset({"large", "middle"}): 0.1, frozenset({"large", "small"}): 0.9, frozenset({"middle", "small"}): 0.9}
    chosen = choose_panel([LARGE, MIDDLE, replace(SMALL, accuracy=0.35)], replace(WIDE, most=2), diversity=alike)
    assert chosen.models == ("large", "small")
    assert chosen.mode == "dynamic"
    assert chosen.value == pytest.approx(chosen.accuracy + chosen.diversity - chosen.cost)


def test_memory_and_time_keep_models_out() -> None:
    assert set(choose_panel(TEAM, replace(WIDE, bytes=1000)).models) == {"middle", "small"}
    assert "large" not in choose_panel(TEAM, replace(WIDE, seconds=25)).models
    assert choose_panel(TEAM, replace(WIDE, seconds=1)).models == ()


def test_a_load_is_paid_for_unless_the_model_is_there() -> None:
    slow = replace(LARGE, load_seconds=280)
    assert "large" not in choose_panel([slow, MIDDLE, SMALL], WIDE).models
    assert "large" in choose_panel([replace(slow, is_loaded=True), MIDDLE, SMALL], WIDE).models


def test_the_fixed_team_sits_while_too_little_was_measured() -> None:
    chosen = choose_panel([LARGE, MIDDLE, replace(SMALL, tasks=3)], WIDE, fixed=["middle", "gone", "large"])
    assert (chosen.mode, chosen.models) == ("fixed", ("middle", "large"))
    assert "small" in chosen.reason
    assert choose_panel([replace(a, tasks=0) for a in TEAM], replace(WIDE, bytes=10), fixed=["large", "small"]).models == ()


def test_a_model_that_was_hardly_ever_right_sits_in_no_fixed_team() -> None:
    hopeless = replace(SMALL, accuracy=0.01)
    assert choose_panel([replace(LARGE, tasks=3), MIDDLE, hopeless], WIDE, fixed=["large", "middle", "small"]).models == (
        "large",
        "middle",
    )
    assert "small" in choose_panel([LARGE, MIDDLE, replace(hopeless, tasks=3)], WIDE, fixed=["large", "middle", "small"]).models


def test_an_earlier_team_sits_again_when_it_is_still_here() -> None:
    assert replay_panel(["small", "large"], TEAM).models == ("small", "large")
    assert "gone" in replay_panel(["gone", "large"], TEAM).reason


def test_two_applicants_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="different names"):
        choose_panel([LARGE, LARGE], WIDE)


@given(applicants, st.floats(1, 300), st.integers(100, 8000))
def test_a_chosen_team_fits_and_no_other_is_worth_more(team: list[Applicant], seconds: float, held: int) -> None:
    bounds = replace(WIDE, seconds=seconds, bytes=held)
    chosen = choose_panel(team, bounds)
    by_name = {a.model: a for a in team}
    seated = [by_name[model] for model in chosen.models]
    assert not seated or not why_not(seated, bounds)
    assert not seated or bounds.least <= len(seated) <= bounds.most
    for other in team:  # nobody could be put in another's place to a greater value
        for leaving in chosen.models:
            if other.model not in chosen.models:
                swapped = [by_name[m] for m in chosen.models if m != leaving] + [other]
                assert why_not(swapped, bounds) or choose_panel(swapped, replace(bounds, least=len(swapped))).value <= (
                    chosen.value + 1e-9
                )


@given(applicants, st.randoms(use_true_random=False))
def test_the_order_of_the_applicants_does_not_matter(team: list[Applicant], random: object) -> None:
    assert choose_panel(team, WIDE) == choose_panel(team[::-1], WIDE)
