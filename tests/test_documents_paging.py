"""Slices of a document fit into their limit and hold every word once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.document import Page
from tiny_moa.experts.documents.paging import WIDE_COST, Cursor, Slice, cost_of, cut, parse_cursor, take_slice

TEXTS = st.lists(st.text(alphabet="abc가 \n|-", max_size=600), min_size=1, max_size=6)


def pages_of(*texts: str) -> list[Page]:
    return [Page(number, text) for number, text in enumerate(texts, 1)]


def plain(page: Page, text: str) -> str:
    return text


def all_slices(pages: list[Page], room: int) -> list[Slice]:
    slices = [take_slice(pages, Cursor(), plain, room=room)]
    while (follow := slices[-1].next) is not None:
        slices.append(take_slice(pages, parse_cursor(str(follow)), plain, room=room))
    return slices


@given(TEXTS, st.integers(200, 900))
def test_slices_hold_every_letter_once_and_fit(texts: list[str], room: int) -> None:
    slices = all_slices(pages_of(*texts), room)
    assert all(len(part.text) <= room + 2 * len(texts) for part in slices)
    assert "".join("".join(part.text for part in slices).split()) == "".join("".join(texts).split())
    assert [part.first for part in slices] == sorted(part.first for part in slices)


@given(st.text(alphabet="ab \n|", max_size=2000), st.integers(1, 300))
def test_the_parts_of_a_text_are_the_text(text: str, room: int) -> None:
    parts = cut(text, room)
    assert "".join(parts) == text
    assert all(len(part) <= room for part in parts)


def test_korean_takes_more_of_the_room_than_english() -> None:
    assert cost_of("abcd") == 4
    assert cost_of("가나다라") == int(4 * WIDE_COST)
    (first, *_) = all_slices(pages_of("가" * 100 + "\n" + "나" * 100), 300)
    assert len(first.text) < 130


def test_pages_are_packed_and_empty_ones_left_out() -> None:
    part = take_slice(pages_of("one", "", "three"), Cursor(), lambda page, text: f"[{page.number}] {text}")
    assert (part.text, part.first, part.last, part.next) == ("[1] one\n\n[3] three", 1, 3, None)


def test_a_long_page_is_cut_between_paragraphs() -> None:
    paragraph = "word " * 15
    slices = all_slices(pages_of("\n\n".join([paragraph.strip()] * 10)), 200)
    assert all(set(part.text.strip().split("\n\n")) == {paragraph.strip()} for part in slices)


def test_a_long_table_is_cut_between_rows() -> None:
    rows = [f"| {number} | some words in a cell |" for number in range(60)]
    slices = all_slices(pages_of("\n".join(rows)), 300)
    assert [line for part in slices for line in part.text.split("\n") if line] == rows


def test_the_end_of_a_document_has_no_next() -> None:
    part = take_slice(pages_of("x " * 300, "y " * 300), Cursor(2), plain, room=5000)
    assert (part.first, part.last, part.next) == (2, 2, None)


@pytest.mark.parametrize("text", ["0", "x", "3:", "-1", "1:x"])
def test_a_cursor_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is not understood"):
        parse_cursor(text)


@given(st.integers(1, 9999), st.integers(0, 9999))
def test_a_cursor_is_read_as_it_was_written(page: int, offset: int) -> None:
    assert parse_cursor(str(Cursor(page, offset))) == Cursor(page, offset)
