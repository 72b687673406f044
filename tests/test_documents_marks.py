"""Links, drawn bullets and quotes are kept; what looks like them and is not stays text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents.pdf import PdfPage, write_pdf
from tests.test_documents_reader import Recorder
from tiny_moa.experts.documents import DocumentLibrary, DocumentReader
from tiny_moa.experts.documents.asciidoc import prepare_asciidoc
from tiny_moa.experts.documents.assemble import pair_captions
from tiny_moa.experts.documents.blocks import Block, Typography, build_blocks
from tiny_moa.experts.documents.content import Picture
from tiny_moa.experts.documents.layout import Box, Run, join_words
from tiny_moa.experts.documents.links import join_links, link_words, split_links
from tiny_moa.experts.documents.marks import find_bullets
from tiny_moa.experts.documents.quotes import MARK, write_quotes
from tiny_moa.experts.documents.tables import Table

CODE = "```javascript\nlet a = 1;\nlet b = 2;\n```"
TO = "https://example.org/tides"


def word(text: str, left: float, top: float = 100.0, link: str = "") -> Run:
    return Run(left, top, left + 5 * len(text), top + 10, text, link=link)


def square(left: float, top: float, size: float = 4.0) -> Box:
    return Box(left, top, left + size, top + size)


def test_a_small_shape_before_words_is_a_bullet() -> None:
    (bullet,) = find_bullets([square(88, 103)], [word("Rope", 100)])
    assert (bullet.text, bullet.left, bullet.top, bullet.bottom) == ("•", 88, 100, 110)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([square(60, 103)], [word("Rope", 100)]),  # too far before
        ([square(86, 101, 8)], [word("Rope", 100)]),  # a box to tick
        ([square(88, 103)], [word("Hemp", 64), word("rope", 100)]),  # a dot between two words
        ([square(88, 103), square(80, 103), square(72, 103)], [word("17", 100)]),  # leaders to a page number
        ([square(88, 303)], [word("Rope", 100)]),  # beside nothing
        ([square(88, 103)] * 401, [word("Rope", 100)]),  # a drawing
    ],
)
def test_other_small_shapes_are_no_bullets(shapes: list[Box], words: list[Run]) -> None:
    assert find_bullets(shapes, words) == []


def test_neighbours_with_one_address_are_one_link_of_their_line() -> None:
    words = link_words([word("see", 10), word("tide", 30), word("tables", 55), word("now", 90)], [(Box(28, 98, 86, 112), TO)])
    (line,) = join_words(words)
    assert line.links == (("tide tables", TO),)
    assert split_links(line.text, join_links([line])) == [("see ", ""), ("tide tables", TO), (" now", "")]


def test_a_link_that_goes_on_in_the_next_line_is_one() -> None:
    assert split_links("see tide tables now", (("tide", TO), ("tables", TO))) == [
        ("see ", ""),
        ("tide tables", TO),
        (" now", ""),
    ]


def test_a_comma_after_a_link_is_not_in_it() -> None:
    assert split_links("see tides, then", (("tides,", TO),)) == [("see ", ""), ("tides", TO), (", then", "")]


def test_an_address_that_is_printed_as_itself_stays_as_it_is() -> None:
    assert split_links("write to a@b.org", (("a@b.org", "mailto:a@b.org"),)) == [("write to a@b.org", "")]


@given(
    st.text("ab ", max_size=20), st.lists(st.tuples(st.text("ab ", min_size=1, max_size=4), st.sampled_from("xy")), max_size=5)
)
def test_the_pieces_of_a_text_are_the_text(text: str, links: list[tuple[str, str]]) -> None:
    assert "".join(piece for piece, _ in split_links(text, tuple(links))) == text


def test_every_entry_of_a_list_of_references_is_a_paragraph() -> None:
    texts = [("[1] A. Moreau. Bells under", 10), ("water. 2011.", 24), ("[2] K. Oyelaran. Floats.", 10)]
    lines = [word(text, left, 100 + 12 * number) for number, (text, left) in enumerate(texts)]
    found = [getattr(block, "text", "") for block in build_blocks(lines, Typography(10.0, ()))]
    assert found == ["[1] A. Moreau. Bells under water. 2011.", "[2] K. Oyelaran. Floats."]


def test_marks_become_quotes_at_the_start_of_a_line_and_go_elsewhere() -> None:
    assert write_quotes(f"{MARK}{MARK} twice {MARK}quoted") == "> > twice quoted"
    assert write_quotes(f"- {MARK}an item") == "- an item"


def test_a_quote_of_asciidoc_is_marked_and_says_whose_it_is() -> None:
    text = prepare_asciidoc("[quote, Old saying]\n____\nDig\nearly.\n\nDrink late.\n____\nAfter.")
    assert text.split("\n") == [
        "[quote, Old saying]", "", f"{MARK}Dig", "early.", "", f"{MARK}Drink late.", "", f"{MARK}— Old saying", "", "After.",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """A PDF, a page and a Word file, each as Markdown, and the PDF as docling's document."""
    docx = pytest.importorskip("docx")
    pytest.importorskip("docling")
    folder = tmp_path_factory.mktemp("marks")
    (folder / "list.pdf").write_bytes(_pdf())
    page = "<p>Before.</p><blockquote><p>Never <b>open</b> it.</p>Nor close it.</blockquote><p>After.</p>"
    page += '<pre class="language-js"><code><span>let</span> a = 1;\n<span>let</span> b = 2;</code></pre>'
    (folder / "page.html").write_text(f"<body><h1>Kiln</h1>{page}</body>", encoding="utf-8")
    document = docx.Document()
    for text, style in (("Before.", "Normal"), ("Mud waits.", "Quote"), ("After.", "Normal"), ("Rope", "List Bullet")):
        document.add_paragraph(text, style=style)
    document.add_heading("Moorings", 1)
    document.add_paragraph("Tie up.")
    document.save(str(folder / "memo.docx"))
    return anyio.run(_read_all, folder)


async def _read_all(folder: Path) -> dict[str, Any]:
    reader = DocumentReader(DocumentLibrary([folder]))
    deadline, listener = anyio.current_time() + 120, Recorder()
    found: dict[str, Any] = {}
    for name in ("list.pdf", "page.html", "memo.docx"):
        found[name] = (await reader.read(name, deadline=deadline, listener=listener)).markdown
        found[f"{name} docling"] = await reader.docling_json(name, deadline=deadline, listener=listener)
    await reader.aclose()
    return found


def _pdf() -> bytes:
    page = PdfPage()
    page.text(60, 100, "Read the tables before you sail, and then the list of things to take along.")
    page.link(78, 88, 121, 104, TO)
    for number, item in enumerate(("Rope", "Lamp")):
        page.dot(64, 126 + 20 * number, 4)
        page.text(76, 132 + 20 * number, item)
    page.text(76, 200, "Pay here")
    page.link(70, 188, 140, 204, "https://example.org/pay")
    page.text(60, 260, "Table 1. Returns by shore.")
    page.table(60, 270, [80, 80], [["Shore", "Found"], ["Dune", "31"], ["Cliff", "4"]])
    return write_pdf([page])


@pytest.mark.docling
def test_a_pdf_keeps_links_and_bullets_that_are_drawn(read: Mapping[str, Any]) -> None:
    first, items, last, *_ = read["list.pdf"].split("\n\n")
    assert first.startswith(f"Read [the tables]({TO}) before you sail, and then")
    assert items == "- Rope\n- Lamp"
    assert last == "[Pay here](https://example.org/pay)"
    links = [text.get("hyperlink") for text in read["list.pdf docling"]["texts"] if text.get("hyperlink")]
    assert links == [TO, "https://example.org/pay"]


@pytest.mark.docling
def test_the_caption_of_a_table_belongs_to_it_and_is_written_once(read: Mapping[str, Any]) -> None:
    (table,) = read["list.pdf docling"]["tables"]
    captions = {text["self_ref"]: text["text"] for text in read["list.pdf docling"]["texts"] if text["label"] == "caption"}
    assert [captions[reference["$ref"]] for reference in table["captions"]] == ["Table 1. Returns by shore."]
    caption, rows = read["list.pdf"].split("\n\n")[3:]
    assert caption == "Table 1. Returns by shore." and rows.startswith("| Shore | Found |")


def test_captions_go_to_the_tables_below_and_the_pictures_beside_them() -> None:
    first, second = (Block(0, 0, 9, 9, "paragraph", text) for text in ("Figure 1: A quay", "Table 2: Depths"))
    words = Block(0, 0, 9, 9, "paragraph", "Figures 1 and 2 show it.")
    picture, table = Picture(0, 9, 9, 20), Table(0, 9, 9, 20, (), 0, 0)
    assert pair_captions([picture, first, second, table]) == [(picture, first), (table, second)]
    assert pair_captions([words, table, first, words]) == [(words, None), (table, None), (first, None), (words, None)]


@pytest.mark.docling
def test_block_quotes_of_pages_and_word_files_are_quotes(read: Mapping[str, Any]) -> None:
    assert read["page.html"].split("\n\n") == ["# Kiln", "Before.", "> Never **open** it.", "> Nor close it.", "After.", CODE]
    assert read["memo.docx"].split("\n\n")[:3] == ["Before.", "> Mud waits.", "After."]
    written = str(read["memo.docx docling"]) + str(read["page.html docling"])
    assert MARK not in written and "Mud waits." in written and "Nor close it." in written


@pytest.mark.docling
def test_a_heading_after_the_first_list_of_a_word_file_is_not_in_the_list(read: Mapping[str, Any]) -> None:
    assert read["memo.docx"].split("\n\n")[3:] == ["- Rope", "## Moorings", "Tie up."]
