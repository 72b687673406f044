"""Makes one small real file of every format, with known words in known places.

The packages that write office files come with docling and are imported where they are used.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.documents.pdf import PdfPage, protect, write_pdf

WORDS = ("anchor", "berth", "crane", "depth", "ebb", "ferry", "gauge", "harbour", "inlet", "jetty", "keel", "lock", "mooring")
LEFT = "Dredging of the inner basin began early in March and went on until the first storms of October."
RIGHT = "Two cranes were repaired and one was sold, so that four cranes now serve the northern quay alone."


def make_documents(folder: Path) -> Path:
    """Write every document of `MAKERS` into a folder and give the folder."""
    for name, maker in MAKERS.items():
        (folder / name).write_bytes(maker())
    return folder


def handbook_docx() -> bytes:
    """A Word file with headings, a nested list, a table and signs that need no escape."""
    import docx

    document = docx.Document()
    document.add_heading("Harbour handbook", 0)
    document.add_heading("Berths", 1)
    document.add_paragraph("Berth 14 is <closed> & its key is named key_of_berth_14.")
    document.add_paragraph("Northern quay", style="List Bullet")
    document.add_paragraph("Crane 3", style="List Bullet 2")
    document.add_heading("Depths", 2)
    table = document.add_table(3, 2)
    for row, cells in enumerate([("Berth", "Depth"), ("A1", "12.50 m"), ("B2", "007")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    return _saved(document)


def korean_docx() -> bytes:
    """A Word file in Korean."""
    import docx

    document = docx.Document()
    document.add_heading("항만 안내서", 0)
    document.add_heading("선석 현황", 1)
    document.add_paragraph("제14선석은 준설 공사로 폐쇄되었습니다.")
    table = document.add_table(2, 2)
    for row, cells in enumerate([("선석", "수심"), ("가-1", "12미터")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    return _saved(document)


def pptx() -> bytes:
    """Two slides, the second with a table."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Night ferry"
    slide.placeholders[1].text = "Leaves at 23:40"
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Fares"
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for row, cells in enumerate([("Who", "Fare"), ("Child", "4.50")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    return _saved(deck)


def xlsx() -> bytes:
    """Two sheets with a table each, one sheet name in Korean."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Ledger 2026"
    for row in [("Item", "Sum"), ("Rope", 12.5), ("Lamp", 3)]:
        sheet.append(row)
    other = book.create_sheet("요금표")
    for row in [("구분", "요금"), ("어린이", 4500)]:
        other.append(row)
    return _saved(book)


def far_cell_xlsx() -> bytes:
    """A small workbook whose sheet reaches from the first cell to the last that Excel has."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = "first"
    book.active["XFD1048576"] = "last"
    return _saved(book)


def html() -> bytes:
    """A page with navigation and a script that are no part of its text."""
    return (
        b"<!doctype html><html><head><title>Tides</title><script>var hidden = 1;</script></head><body>"
        b"<h1>Tide table</h1><p>High water is at <b>04:12</b> &amp; 16:37.</p><h2>Week 7</h2>"
        b"<table><tr><th>Day</th><th>High</th></tr><tr><td>Mon</td><td>4.1 m</td></tr></table>"
        b"<ul><li>spring tide<li>neap tide</ul></body></html>"
    )


def korean_html() -> bytes:
    """A page in the encoding that old Korean pages are in, as it declares itself."""
    head = "<html><head><meta charset='euc-kr'><title>물때</title></head>"
    return f"{head}<body><h1>물때표</h1><p>만조는 오후입니다.</p></body></html>".encode("euc_kr")


def nested_html() -> bytes:
    """A page whose elements are nested too deeply for any parser that recurses."""
    return b"<html><body>" + b"<div>" * 20_000 + b"deep" + b"</div>" * 20_000 + b"</body></html>"


def csv() -> bytes:
    """A table with semicolons and a quoted one among them."""
    return b'City;Quay\nGwangju;"North; inner"\nBusan;South\n'


def korean_csv() -> bytes:
    """A table in code page 949, as Korean spreadsheets save it."""
    return "도시,인구\n광주,1500000\n부산,3300000\n".encode("cp949")


def asciidoc() -> bytes:
    """Headings, a paragraph and a list."""
    return b"= Pump guide\n\n== Starting\n\nOpen the valve first.\n\n* prime the pump\n* watch the gauge\n"


def markdown() -> bytes:
    """Markdown with everything docling would change."""
    return "---\ntitle: Notes\n---\n\n# Notes — “quoted”\n\n> a | b\n\n```python\nx_y = '<a>'\n```\n".encode()


def text_pdf() -> bytes:
    """Two pages: title, numbered headings, two columns, a ruled table, a list, a borderless table, running lines."""
    first, second = PdfPage(), PdfPage()
    for number, page in enumerate((first, second), 1):
        page.text(50, 30, "Harbour Board", size=8)
        page.text(280, 825, f"Page {number} of 2", size=8)
    first.text(50, 80, "Annual Harbour Report", size=20, font="F2")
    first.text(50, 110, "1 Introduction", size=14, font="F2")
    first.lines(
        50,
        130,
        ["This report covers the year as a whole. It was written by the board, approved by the", "council and printed once."],
    )
    first.text(50, 180, "2 Basin", size=14, font="F2")
    first.lines(50, 200, _wrapped(f"{LEFT} {LEFT} {LEFT}"))
    first.text(310, 180, "3 Cranes", size=14, font="F2")
    first.lines(310, 200, _wrapped(f"{RIGHT} {RIGHT} {RIGHT}"))
    first.table(50, 400, [100, 100, 100], [["Berth", "Depth", "Use"], ["A1", "12.5 m", "bulk"], ["B2", "9 m", "passenger ferry"]])
    second.text(50, 80, "3.1 Repairs", size=12, font="F2")
    second.lines(50, 100, ["The second page has one paragraph with a hyphen-", "ated word at the end of its line."])
    second.text(50, 140, "\u2022 grease the bearings")
    second.text(50, 154, "\u2022 test the brake, which takes longer than")
    second.text(58, 166, "anybody thinks")
    second.text(66, 180, "\u2022 twice in winter")
    second.table(
        50, 220, [150, 100, 100], [["Part", "Count", "Price"], ["Rope", "3", "12.00"], ["Lamp", "1", "7.50"]], ruled=False
    )
    second.text(50, 320, "pump --prime", font="F3")
    second.text(62, 332, "--slowly", font="F3")
    return write_pdf([first, second])


def korean_pdf() -> bytes:
    """A heading and a paragraph in Korean."""
    page = PdfPage()
    page.text(50, 80, "항만 안내서", size=20, font="F4")
    page.text(50, 120, "제14선석은 준설 공사로", font="F4")
    page.text(50, 132, "폐쇄되었습니다. 자세한 내용은 사무실에 문의하십시오.", font="F4")
    return write_pdf([page])


def scan_pdf() -> bytes:
    """One page that is a bitmap without a text layer."""
    return write_pdf([_scan()])


def mixed_pdf() -> bytes:
    """A page of text, then a scan."""
    page = PdfPage()
    page.lines(50, 100, _wrapped(LEFT))
    return write_pdf([page, _scan()])


def blank_pdf() -> bytes:
    """Two pages with nothing on them."""
    return write_pdf([PdfPage(), PdfPage()])


def secret_pdf() -> bytes:
    """A PDF that cannot be opened without a password that nobody knows."""
    return write_pdf([PdfPage()], is_locked=True)


def protected_pdf(password: str) -> bytes:
    """A PDF that opens with a password."""
    page = PdfPage()
    page.lines(50, 100, _wrapped(LEFT))
    return protect(write_pdf([page]), password)


def long_pdf(pages: int = 30) -> bytes:
    """Pages of words in an order that is drawn once and for all."""
    draw = random.Random(7)
    written = []
    for _ in range(pages):
        page = PdfPage()
        page.lines(50, 90, [" ".join(draw.choices(WORDS, k=12)) for _ in range(55)])
        written.append(page)
    return write_pdf(written)


def bomb_docx() -> bytes:
    """A Word file whose document is 150 MB of spaces once unpacked."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(150):
                part.write(b" " * 1_000_000)
    return packed.getvalue()


def _scan() -> PdfPage:
    page = PdfPage()
    page.scan(random.Random(3).randbytes(80 * 113), 80, 113)
    return page


def _wrapped(text: str, characters: int = 46) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= characters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _saved(document: object) -> bytes:
    content = io.BytesIO()
    document.save(content)  # type: ignore[attr-defined]
    return content.getvalue()


MAKERS: dict[str, Callable[[], bytes]] = {
    "handbook.docx": handbook_docx,
    "안내서.docx": korean_docx,
    "ferry.pptx": pptx,
    "ledger.xlsx": xlsx,
    "tides.html": html,
    "물때.html": korean_html,
    "cities.csv": csv,
    "도시.csv": korean_csv,
    "pump.adoc": asciidoc,
    "notes.md": markdown,
    "report.pdf": text_pdf,
    "안내서.pdf": korean_pdf,
    "scan.pdf": scan_pdf,
    "mixed.pdf": mixed_pdf,
}
"""What each file is called and what makes it."""
