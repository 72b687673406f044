from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.models.residency import (
    EVICT_FACTOR,
    Evictions,
    Refusal,
    Resident,
    Step,
    choose_evictions,
    choose_idle,
    most_bytes,
    plan_admission,
    smaller_forms,
)
from tiny_moa.models.runtime import LoadOptions

NOW, IDLE = 1000.0, 100.0


def resident(name: str, held: int = 100, parked: int = 40, used: float = NOW, **flags: bool) -> Resident:
    return Resident(name, held, parked, used, **flags)


def steps(residents: Iterable[Resident], needed: int, budget: int) -> list[tuple[str, str]]:
    choice = choose_evictions(residents, needed, budget, NOW, IDLE)
    assert isinstance(choice, Evictions)
    return [(step.action, step.name) for step in choice.steps]


RESIDENTS = st.lists(
    st.builds(
        lambda held, share, used, leased, pinned: (held, held * share // 10, used, leased, pinned),
        st.integers(0, 100),
        st.integers(0, 10),
        st.integers(500, 1000),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
).map(
    lambda rows: [
        Resident(
            f"m{number}", held, parked, float(used), is_leased=leased and not number % 2, is_pinned=pinned and not number % 3
        )
        for number, (held, parked, used, leased, pinned) in enumerate(rows)
    ]
)


def test_nothing_is_done_when_there_is_room() -> None:
    assert steps([resident("a")], 50, 150) == []


def test_the_one_used_longest_ago_is_parked_first_and_evicted_only_when_parking_does_not_suffice() -> None:
    both = [resident("new", used=NOW), resident("old", used=NOW - 5)]
    assert steps(both, 50, 200) == [("park", "old")]
    assert steps(both, 100, 200) == [("park", "old"), ("park", "new")]
    assert steps(both, 130, 200) == [("evict", "old"), ("park", "new")]
    assert steps(both, 200, 200) == [("evict", "old"), ("evict", "new")]


def test_an_idle_model_goes_altogether_before_a_fresh_one_is_parked() -> None:
    assert steps([resident("fresh"), resident("idle", used=NOW - IDLE)], 90, 200) == [("evict", "idle")]


def test_a_large_new_model_spares_the_small_old_ones_that_would_not_help() -> None:
    assert steps([resident("small", 5, 5, NOW - 5), resident("large", 100, 100)], 100, 105) == [("evict", "large")]


def test_leased_and_pinned_models_are_not_touched_and_the_refusal_says_what_would_fit() -> None:
    held = [resident("leased", is_leased=True), resident("pinned", is_pinned=True), resident("free")]
    refusal = choose_evictions(held, 150, 300, NOW, IDLE)
    assert refusal == Refusal(would_fit_bytes=100, wait_for=("leased",))
    assert choose_evictions(held, 250, 300, NOW, IDLE) == Refusal(would_fit_bytes=100)
    assert most_bytes(held, 300) == 200


def test_idle_models_are_parked_then_evicted_the_oldest_first() -> None:
    held = [
        resident("fresh", used=NOW - IDLE + 1),
        resident("idle", used=NOW - IDLE),
        resident("parked", 40, 40, NOW - IDLE),
        resident("stale", used=NOW - EVICT_FACTOR * IDLE),
        resident("pinned", used=0, is_pinned=True),
        resident("leased", used=0, is_leased=True),
    ]
    assert choose_idle(held, NOW, IDLE) == (Step("evict", "stale", 100), Step("park", "idle", 60))


@given(RESIDENTS, st.integers(0, 500), st.integers(0, 500))
def test_the_chosen_evictions_free_enough_or_the_refusal_is_right(held: list[Resident], needed: int, budget: int) -> None:
    over = sum(each.held_bytes for each in held) + needed - budget
    movable = {each.name: each for each in held if not (each.is_leased or each.is_pinned)}
    choice = choose_evictions(held, needed, budget, NOW, IDLE)
    if isinstance(choice, Refusal):
        assert choice.would_fit_bytes == needed - over + sum(each.held_bytes for each in movable.values()) < needed
        leased = {each.name: each.held_bytes for each in held if each.is_leased and not each.is_pinned}
        reachable = needed - choice.would_fit_bytes <= sum(leased.values())
        assert bool(choice.wait_for) == reachable
        assert set(choice.wait_for) <= leased.keys()
        return
    assert len({step.name for step in choice.steps}) == len(choice.steps)
    assert {step.name for step in choice.steps} <= movable.keys()
    for step in choice.steps:
        each = movable[step.name]
        assert step.freed_bytes == each.held_bytes - (each.parked_bytes if step.action == "park" else 0)
    assert sum(step.freed_bytes for step in choice.steps) >= over


@given(RESIDENTS, st.integers(0, 500), st.integers(0, 500))
def test_no_step_is_superfluous(held: list[Resident], needed: int, budget: int) -> None:
    choice = choose_evictions(held, needed, budget, NOW, IDLE)
    if isinstance(choice, Refusal):
        return
    over = sum(each.held_bytes for each in held) + needed - budget
    freed = sum(step.freed_bytes for step in choice.steps)
    by_name = {each.name: each for each in held}
    for step in choice.steps:
        parked = by_name[step.name].held_bytes - by_name[step.name].parked_bytes
        assert freed - step.freed_bytes < over
        assert step.action == "park" or freed - step.freed_bytes + parked < over


@given(RESIDENTS, st.integers(0, 500), st.integers(0, 500))
def test_the_order_in_which_models_are_listed_does_not_matter(held: list[Resident], needed: int, budget: int) -> None:
    choices = {
        repr(choose_evictions(each, needed, budget, NOW, IDLE)) for each in itertools.islice(itertools.permutations(held), 8)
    }
    assert len(choices) == 1


@given(RESIDENTS, st.integers(0, 500), st.integers(0, 500))
def test_parking_alone_is_chosen_when_it_suffices_among_fresh_models(held: list[Resident], needed: int, budget: int) -> None:
    fresh = [each for each in held if each.last_used > NOW - IDLE]
    over = sum(each.held_bytes for each in fresh) + needed - budget
    parkable = sum(each.held_bytes - each.parked_bytes for each in fresh if not (each.is_leased or each.is_pinned))
    choice = choose_evictions(fresh, needed, budget, NOW, IDLE)
    if 0 < over <= parkable:
        assert isinstance(choice, Evictions)
        assert {step.action for step in choice.steps} == {"park"}


def test_smaller_forms_store_the_cache_coarser_and_then_halve_the_context() -> None:
    forms = smaller_forms(LoadOptions(context_tokens=10_000), 2048, allows_quantised_cache=True)
    assert [(form.context_tokens, form.kv_type) for form in forms] == [
        (10_000, "f16"),
        (10_000, "q8_0"),
        (5_000, "q8_0"),
        (2_500, "q8_0"),
        (2_048, "q8_0"),
    ]
    assert smaller_forms(LoadOptions(context_tokens=2048), 2048, allows_quantised_cache=False) == (
        LoadOptions(context_tokens=2048),
    )


@pytest.mark.parametrize(("most", "context"), [(5000, 4096), (4095, 2048), (2047, None)])
def test_the_largest_form_that_fits_is_planned(most: int, context: int | None) -> None:
    forms = smaller_forms(LoadOptions(context_tokens=4096), 2048, allows_quantised_cache=False)
    chosen = plan_admission(forms, lambda options: options.context_tokens, most)
    assert (chosen and chosen.context_tokens) == context
