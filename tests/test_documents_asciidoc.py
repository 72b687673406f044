"""AsciiDoc is prepared for docling: rows on lines, authors apart, links as Markdown has them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_moa.experts.documents.asciidoc import prepare_asciidoc, table_rows
from tiny_moa.experts.documents.markdown import join_pieces, tidy
from tiny_moa.experts.documents.texts import keep_typography


@pytest.mark.parametrize(
    ("lines", "attributes", "rows"),
    [
        (["|A |B", "", "|1", "|2"], "", ["|A |B", "|1 |2"]),
        (["|a", "|b", "|c", "|d"], "[cols=2]", ["|a |b", "|c |d"]),
        (["|a", "goes on", "|b"], '[cols="1,3"]', ["|a goes on |b"]),
        (["2+|wide |x"], '[cols="3*"]', ["|wide |wide |x"]),
        (["|a\\|b |c"], "", ["|a¦b |c"]),
        (
            ["Hour,Event", "", '20,"Fog, thick"', "21,a|b"],
            "[%header,format=csv]",
            ["|Hour |Event", "|20 |Fog, thick", "|21 |a¦b"],
        ),
    ],
)
def test_rows_of_tables_come_to_stand_on_lines(lines: list[str], attributes: str, rows: list[str]) -> None:
    assert table_rows(lines, attributes) == rows


@settings(deadline=None)
@given(st.lists(st.text("abc xyz", min_size=1, max_size=6), min_size=1, max_size=12), st.integers(1, 4))
def test_no_cell_is_lost(cells: list[str], width: int) -> None:
    rows = table_rows([f"|{cell}" for cell in cells], f"[cols={width}]")
    assert [part.strip() for row in rows for part in row[1:].split("|")] == [cell.strip() for cell in cells]


def test_listings_are_not_touched_and_the_rest_is_rewritten() -> None:
    text = "= T\nB. Row\n\n:v: 2\n\nSee <<x,there>> or https://a.example/b[it], {v}.\n\n----\n{v} |=== <<x>>\n----\n"
    written = prepare_asciidoc(text)
    assert "{v} |=== <<x>>" in written and "See there or [it](https://a.example/b), 2." in written
    assert "\n\u2060B. Row\n" in written


def test_pieces_of_a_sentence_get_spaces_where_a_sentence_has_them() -> None:
    assert join_pieces(["See (", "**a**", ",", "*b*", ") or", "`c`", ". End"]) == "See (**a**, *b*) or `c`. End"


def test_rows_become_compact_and_code_stays() -> None:
    code = "```\n|  a   |\n```"
    assert tidy(f"|  a   | b&#124;c |\n|------|:---:|\n{code}") == f"| a | b\\|c |\n| - | - |\n{code}"


def test_only_invisible_signs_are_taken_out_of_web_pages() -> None:
    assert keep_typography("“a” — b\u00a0c\u200b…") == "“a” — b c…"


def test_a_title_does_not_part_a_listing_from_its_language() -> None:
    written = prepare_asciidoc("[source,python]\n.Example\n----\nx = 1\n----\n'''\n,===\na,b\n,===\n")
    assert written == ".Example\n[source,python]\n----\nx = 1\n----\n\n|===\n|a |b\n|===\n"
