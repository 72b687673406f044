"""Pages are understood as people write them, and long documents are read in spans on a fixed grid."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.spans import EVERYTHING, WHOLE_PAGES, PageSet, parse_pages, span_from


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", ((1, sys.maxsize),)),
        ("3", ((3, 3),)),
        ("1-3,7", ((1, 3), (7, 7))),
        (" 7 , 1 - 3 ", ((1, 3), (7, 7))),
        ("5-", ((5, sys.maxsize),)),
        ("-4", ((1, 4),)),
        ("1-3,2-6,7", ((1, 7),)),
        ("2–3", ((2, 3),)),
    ],
)
def test_pages_are_read_as_people_write_them(text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert parse_pages(text).ranges == ranges


@pytest.mark.parametrize("text", ["x", "0", "3-1", "1,,2", "-", "1.5", "99999999"])
def test_what_is_no_pages_is_an_error(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is not understood"):
        parse_pages(text)


@given(st.text(alphabet="0123456789-, ", max_size=12))
def test_any_text_is_pages_or_an_error(text: str) -> None:
    try:
        pages = parse_pages(text)
    except InvalidRequest:
        return
    assert all(first <= last for first, last in pages.ranges)
    assert pages.first in pages


@given(st.integers(1, 400), st.data())
def test_spans_tile_a_document(page_count: int, data: st.DataObject) -> None:
    spans = {span_from(page, page_count) for page in range(1, page_count + 1)}
    ordered = sorted(spans)
    assert [first for first, _ in ordered] == [1] + [last + 1 for _, last in ordered[:-1]]
    assert ordered[-1][1] == page_count
    assert len(ordered) == 1 or page_count > WHOLE_PAGES
    page = data.draw(st.integers(1, page_count))
    first, last = span_from(page, page_count)
    assert first <= page <= last


def test_what_is_wanted_from_a_page_on() -> None:
    assert parse_pages("1-3,7-9").starting_at(2).ranges == ((2, 3), (7, 9))
    assert parse_pages("1-3,7-9").starting_at(8).ranges == ((8, 9),)
    assert EVERYTHING.starting_at(5) == PageSet(((5, sys.maxsize),))
    assert parse_pages("2-9").within(4) == ((2, 4),)
