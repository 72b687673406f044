"""Links are kept in headings, cells and slides too, and the words alone go where no link can be."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents.pdf import PdfPage, write_pdf
from tiny_moa.experts.documents.aligned import find_aligned_tables
from tiny_moa.experts.documents.anchors import anchor, anchor_links, drop_anchors, write_anchors
from tiny_moa.experts.documents.document import Page
from tiny_moa.experts.documents.layout import Box, Run, join_words
from tiny_moa.experts.documents.lined import take_lined_tables
from tiny_moa.experts.documents.parts import outline_of, tables_of
from tiny_moa.experts.documents.reading_order import order_columns
from tiny_moa.experts.documents.tables import take_ruled_tables

TO = "https://example.org/tides?year=2026"


@given(st.text(st.characters(exclude_categories=("Cs", "Co"))), st.text(st.characters(exclude_categories=("Cs", "Co"))))
def test_what_is_marked_is_written_and_dropped_again(text: str, path: str) -> None:
    marked = anchor(text, f"https://example.org/{path}")
    assert drop_anchors(marked) == text
    assert write_anchors(marked) == text or write_anchors(marked).startswith(f"[{text}](https://example.org/")
    assert "|" not in write_anchors(marked).removeprefix(f"[{text}]") or write_anchors(marked) == text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "notes.html", "#there", ""])
def test_other_addresses_are_no_links(address: str) -> None:
    assert anchor("here", address) == "here"


def test_only_the_words_of_a_link_are_in_it() -> None:
    assert write_anchors(anchor_links("see the tide tables now", (("tide tables", TO),))) == f"see the [tide tables]({TO}) now"


def test_an_outline_and_the_cells_of_a_table_have_words_alone() -> None:
    page = Page(1, f"## Tides, see [tables]({TO})\n\n| Port | Tide |\n| - | - |\n| [Ulm]({TO}) | 2 |\n", "text")
    assert [heading.text for heading in outline_of([page])] == ["Tides, see tables"]
    assert tables_of([page])[0].rows == (("Port", "Tide"), ("Ulm", "2"))


def word_file() -> bytes:
    import docx
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    document = docx.Document()
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
    relation = document.part.relate_to(TO, kind, is_external=True)

    def link(paragraph: Any) -> None:
        run = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'
        inner = run.format("tide ") + run.format("tables")
        paragraph._p.append(parse_xml(f'<w:hyperlink {nsdecls("w", "r")} r:id="{relation}">{inner}</w:hyperlink>'))

    link(document.add_heading("See the ", 1))
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ("Port", "Tide", "Ulm", "see "), strict=True):
        cell.text = text
    link(table.cell(1, 1).paragraphs[0])
    return saved(document)


def slide_file() -> bytes:
    from pptx import Presentation
    from pptx.util import Inches

    slides = Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text = "Tides"
    table = slide.shapes.add_table(2, 1, 0, Inches(4), Inches(3), Inches(1)).table
    table.cell(0, 0).text = "Port"
    for frame in (slide.placeholders[1].text_frame, table.cell(1, 0).text_frame):
        frame.paragraphs[0].add_run().text = "see "
        run = frame.paragraphs[0].add_run()
        run.text, run.hyperlink.address = "tide tables", TO
    return saved(slides)


def sheet_file() -> bytes:
    import openpyxl

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (("Port", "Tide"), ("Ulm", "tide tables")):
        sheet.append(row)
    sheet["B2"].hyperlink = TO
    return saved(workbook)


def saved(document: Any) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


@pytest.mark.docling
@pytest.mark.parametrize(
    ("make", "suffix", "lines"),
    [
        (word_file, ".docx", ["## See the {}", "| Ulm | see {} |"]),
        (slide_file, ".pptx", ["- see {}", "| see {} |"]),
        (sheet_file, ".xlsx", ["| Ulm | {} |"]),
    ],
)
def test_office_files_keep_links_in_headings_cells_and_lists(make: Callable[[], bytes], suffix: str, lines: list[str]) -> None:
    from tiny_moa.experts.documents.convert import convert

    read = convert(make(), f"tides{suffix}", suffix=suffix, seconds=60, wants=("docling",))
    written = read["pages"][0]["markdown"].splitlines()
    assert [line.format(f"[tide tables]({TO})") for line in lines] == [line for line in written if "tide tables" in line]
    assert not any("\ue000" <= character <= "\uf8ff" for text in read["docling"]["texts"] for character in text["text"])


def linked_rows(rows: list[list[str]]) -> list[Run]:
    """The words of a table 80 points a column, 24 a row, with a link on what stands between square brackets."""
    found = []
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            left, top = 50 + 80 * column, 100 + 24 * number
            words, link = text.strip("[]"), TO if text.startswith("[") else ""
            found.append(Run(left, top, left + 5 * len(words), top + 10, words, link=link))
    return found


ROWS = [["Port", "Tide"], ["Ulm", "[high]"], ["Linz", "[low]"]]
LEVEL = [Box(46, 94 + 24 * n, 210, 94.5 + 24 * n) for n in range(4)]
UPRIGHT = [Box(x, 94, x + 0.5, 166) for x in (46, 126, 210)]


@pytest.mark.parametrize(
    "find",
    [
        lambda words: take_ruled_tables(words, [*LEVEL, *UPRIGHT])[0],
        lambda words: take_lined_tables(words, LEVEL)[0],
        lambda words: find_aligned_tables(order_columns(join_words(words))),
    ],
)
def test_the_cells_of_every_kind_of_table_keep_their_links(find: Callable[[list[Run]], list[Any]]) -> None:
    (table,) = find(linked_rows(ROWS))
    assert [(cell.text, cell.links) for cell in table.cells if cell.links] == [("high", (("high", TO),)), ("low", (("low", TO),))]


@pytest.mark.docling
def test_a_pdf_keeps_links_in_headings_and_cells() -> None:
    from tiny_moa.experts.documents.convert import convert

    page = PdfPage()
    page.text(60, 80, "Tides, see tables", size=20)
    page.link(145, 60, 260, 86, TO)
    page.lines(60, 120, ["Read the table before you sail, and then the list of things.", "They are at the pier."])
    page.table(60, 170, [80, 80], [["Port", "Tide"], ["Ulm", "high"], ["Linz", "low"]])
    page.link(140, 190, 170, 204, TO)
    read = convert(write_pdf([page]), "tides.pdf", suffix=".pdf", seconds=60, wants=("docling",))
    markdown = read["pages"][0]["markdown"]
    assert f"# Tides, see [tables]({TO})\n" in markdown and f"| Ulm | [high]({TO}) |" in markdown
    assert read["title"] == "Tides, see tables"
    assert [cell["text"] for table in read["docling"]["tables"] for cell in table["data"]["table_cells"]][3] == "high"
