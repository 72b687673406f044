"""Headings, tables and passages are found in the Markdown of pages; HTML and plain text are made of it safely."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.documents.chunks import chunk_pages
from tiny_moa.experts.documents.document import Document, DocumentRef, Page
from tiny_moa.experts.documents.parts import Heading, find_table, outline_markdown, outline_of, tables_of
from tiny_moa.experts.documents.render import to_html, to_text

REF = DocumentRef("doc://a.md", "a.md", Path("a.md"), 1, ".md", "text/markdown")
FIRST = """# Harbour

## Fees

| Ship | Fee, a day |
| - | - |
| A \\| B | 12.50 |
| C | |

```
# no heading
| no | table |
| - | - |
```

| not | a table |
"""
SECOND = "## Tides ##\n\nHigh water.\n\n| Day | Day |\n| --- | :-: |\n| 월 | 4.1 m |"
PAGES = (Page(1, FIRST), Page(2, SECOND))


def test_the_outline_has_the_headings_outside_code() -> None:
    assert outline_of(PAGES) == (Heading(1, "Harbour", 1), Heading(2, "Fees", 1), Heading(2, "Tides", 2))
    assert outline_markdown(outline_of(PAGES)) == "- Harbour (page 1)\n  - Fees (page 1)\n  - Tides (page 2)"


def test_tables_are_rows_csv_and_records() -> None:
    fees, days = tables_of(PAGES)
    assert (fees.name, fees.caption, fees.rows) == ("1.1", "Fees", (("Ship", "Fee, a day"), ("A | B", "12.50"), ("C", "")))
    assert fees.csv() == 'Ship,"Fee, a day"\nA | B,12.50\nC,\n'
    assert days.records() == [{"Day": "월", "Day 2": "4.1 m"}]


def test_a_table_is_found_by_number_or_by_page_and_place() -> None:
    document = Document(REF, PAGES, "a")
    assert find_table(document, "2") == find_table(document, "2.1")
    for number in ("3", "1.2", "0", "x", ""):
        with pytest.raises(InvalidRequest, match=r"its tables are: 1\.1, 2\.1"):
            find_table(document, number)


CELLS = st.text(alphabet='ab,"|가 1', max_size=8).map(str.strip)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=2, max_size=6)))
def test_a_table_comes_out_of_csv_as_it_went_in(rows: list[list[str]]) -> None:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    (table,) = tables_of([Page(1, "\n".join([lines[0], "|" + " - |" * len(rows[0]), *lines[1:]]))])
    assert [list(row) for row in csv.reader(io.StringIO(table.csv()))] == [row if row != [""] else [""] for row in rows]


def test_passages_know_their_page_and_section() -> None:
    fees, tides = chunk_pages(PAGES, max_characters=2000)
    assert (fees.page, fees.section) == (1, ("Harbour", "Fees"))
    assert (tides.page, tides.section) == (2, ("Harbour", "Tides"))
    assert "# no heading" in fees.text


def test_the_rows_of_a_long_table_stay_whole_under_its_head() -> None:
    rows = [f"| berth {number} | {number} m |" for number in range(50)]
    chunks = chunk_pages([Page(1, "\n".join(["| Berth | Depth |", "| - | - |", *rows]))], max_characters=200)
    assert len(chunks) > 4
    assert all(chunk.text.startswith("| Berth | Depth |\n| - | - |\n") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[2:]] == rows


@given(st.text(alphabet="ab# |-\n`가.", max_size=500), st.integers(40, 200))
def test_passages_hold_every_letter_of_the_text(text: str, room: int) -> None:
    letters = "".join(sign for chunk in chunk_pages([Page(1, text)], max_characters=room) for sign in chunk.text)
    for sign in "ab가":
        assert letters.count(sign) <= text.count(sign) * 30
        if sign in text and "#" not in text and "|" not in text:
            assert letters.count(sign) == text.count(sign)


def test_html_shows_what_is_html_in_a_document_and_runs_nothing() -> None:
    made = to_html("# A\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n\n| a | b |\n| - | - |\n| 1 | <b>2</b> |")
    assert "<h1>A</h1>" in made and "<td>1</td>" in made
    assert "<script" not in made and 'href="javascript' not in made and "<b>" not in made


def test_text_has_the_words_without_marks() -> None:
    made = to_text("# A\n\none *two*\nthree\n\n- x\n- y\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```\ncode  x\n```")
    assert made == "A\n\none two three\n\nx\ny\n\na\tb\n1\t2\n\ncode  x"
