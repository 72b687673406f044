"""Slices of a document fit into their limit and hold every word once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.document import Document, DocumentRef, Page
from tiny_moa.experts.documents.paging import cut, paginate

REF = DocumentRef("doc://a.md", "a.md", Path("a.md"), 1, ".md", "text/markdown")
TEXTS = st.lists(st.text(alphabet="abc가 \n|-", max_size=600), min_size=1, max_size=6)


def document(*texts: str) -> Document:
    return Document(REF, tuple(Page(number, text) for number, text in enumerate(texts, 1)), "a")


def all_slices(read: Document, max_chars: int) -> list[str]:
    first = paginate(read, max_chars=max_chars)
    return [paginate(read, page=number, max_chars=max_chars).text for number in range(1, first.pages + 1)]


@given(TEXTS, st.integers(200, 900))
def test_slices_hold_every_letter_once_and_fit(texts: list[str], max_chars: int) -> None:
    slices = all_slices(document(*texts), max_chars)
    assert all(len(text) <= max_chars for text in slices)
    marks = "".join(f"<!--page{number}-->" for number, text in enumerate(texts, 1) if text.strip()) if len(texts) > 1 else ""
    joined = "".join("".join(slices).split())
    assert len(joined) == len("".join("".join(texts).split())) + len(marks)
    for number in range(1, len(texts) + 1):
        joined = joined.replace(f"<!--page{number}-->", "", 1)
    assert joined == "".join("".join(texts).split())


@given(st.text(alphabet="ab \n|", max_size=2000), st.integers(1, 300))
def test_the_parts_of_a_text_are_the_text(text: str, room: int) -> None:
    parts = cut(text, room)
    assert "".join(parts) == text
    assert all(len(part) <= room for part in parts)


def test_a_short_document_is_one_slice_without_marks() -> None:
    part = paginate(document("# Title\n\nText\n"))
    assert (part.text, part.page, part.pages, part.next_page) == ("# Title\n\nText", 1, 1, None)


def test_pages_are_named_and_packed() -> None:
    part = paginate(document("one", "", "three"))
    assert part.text == "<!-- page 1 -->\n\none\n\n<!-- page 3 -->\n\nthree"
    assert (part.first, part.last) == (1, 3)


def test_a_long_page_is_cut_between_paragraphs() -> None:
    paragraph = "word " * 15
    read = document("\n\n".join([paragraph.strip()] * 10))
    slices = all_slices(read, 200)
    assert all(set(text.strip().split("\n\n")) == {paragraph.strip()} for text in slices)


def test_a_long_table_is_cut_between_rows() -> None:
    rows = [f"| {number} | some words in a cell |" for number in range(60)]
    lines = [line for text in all_slices(document("\n".join(rows)), 300) for line in text.split("\n") if line]
    assert lines == rows


def test_slices_lead_from_one_to_the_next() -> None:
    read = document("x " * 300, "y " * 300)
    first = paginate(read, max_chars=500)
    last = paginate(read, page=first.pages, max_chars=500)
    assert first.next_page == 2
    assert last.next_page is None and last.last == 2


@pytest.mark.parametrize("page", [0, -1, 2])
def test_a_slice_that_is_not_there_is_an_error(page: int) -> None:
    with pytest.raises(InvalidRequest, match="has pages 1 to 1"):
        paginate(document("text"), page=page)


def test_a_limit_without_room_is_an_error() -> None:
    with pytest.raises(InvalidRequest, match="must be 200 or more"):
        paginate(document("text"), max_chars=10)
