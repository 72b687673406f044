"""Minutes that show when they were changed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.deliberation.audit import Entry, chained, first_broken

bodies = st.lists(
    st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(), st.booleans())), min_size=1, max_size=6
)


def minutes(said: list[dict[str, object]]) -> tuple[Entry, ...]:
    entries: tuple[Entry, ...] = ()
    for body in said:
        entries = chained(entries, "round", body)
    return entries


@given(bodies)
def test_minutes_as_they_were_written_hold(said: list[dict[str, object]]) -> None:
    assert first_broken(minutes(said)) is None


@given(bodies, st.integers(0, 5))
def test_a_changed_entry_is_found_where_it_is(said: list[dict[str, object]], place: int) -> None:
    entries = list(minutes(said))
    place %= len(entries)
    entries[place] = replace(entries[place], body={**entries[place].body, "added": 1.5})
    assert first_broken(entries) == place


@given(bodies.filter(lambda said: len(said) > 1))
def test_an_entry_that_was_taken_out_or_moved_is_found(said: list[dict[str, object]]) -> None:
    entries = list(minutes(said))
    assert first_broken(entries[1:]) == 0
    assert first_broken([entries[1], entries[0], *entries[2:]]) == 0
