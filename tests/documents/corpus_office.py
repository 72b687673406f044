"""Office files of the corpus: Word, PowerPoint and Excel, as people fill them."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Sequence
from typing import Any


def handbook_docx() -> bytes:
    """Running header, title, bold words before commas, a link, nested lists, merged cells, a picture with a caption."""
    import docx
    from docx.shared import Inches

    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Draft, not for passengers"
    document.sections[0].footer.paragraphs[0].text = "Crew office"
    document.add_heading("Crew handbook", 0)
    document.add_paragraph("Edition of 2026 — “revised”, and it’s final…")
    document.add_heading("1. Duties", 1)
    paragraph = document.add_paragraph("Every member checks the ")
    paragraph.add_run("fire doors").bold = True
    paragraph.add_run(", the ")
    paragraph.add_run("bilge pump").italic = True
    paragraph.add_run(", and the log.")
    for text, style in [
        ("First watch", "List Number"),
        ("Second watch", "List Number"),
        ("Hemp rope", "List Bullet"),
        ("Short ends", "List Bullet 2"),
        ("Steel rope", "List Bullet"),
    ]:
        document.add_paragraph(text, style=style)
    document.add_heading("1.1 Equipment", 2)
    table = _docx_table(document, [("Item", "Stock", ""), ("", "Deck", "Store"), ("Rope | hemp", "12", "3"), ("Lamp", "7", "0")])
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    document.add_picture(_picture(), width=Inches(2))
    document.add_paragraph("Figure 1: The pump room", style="Caption")
    return saved(document)


def minutes_docx() -> bytes:
    """Korean minutes: headings, a numbered list, a table, a line break inside a paragraph."""
    import docx

    document = docx.Document()
    document.add_heading("항만 위원회 회의록", 0)
    document.add_heading("안건", 1)
    document.add_paragraph("선석 배정", style="List Number")
    document.add_paragraph("요금 조정", style="List Number")
    document.add_heading("결정 사항", 1)
    document.add_paragraph("위원회는 “야간 요금”을 3월 1일부터 올리기로 하였다.\n반대는 없었다.")
    _docx_table(document, [("선석", "요금"), ("가-1", "12,000원"), ("나-2", "9,500원")])
    return saved(document)


def strategy_pptx() -> bytes:
    """Slides with nested bullets, a table, a chart and speaker notes."""
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = "Harbour strategy"
    slide.placeholders[1].text = "Board meeting, 3 March 2026"
    slide.notes_slide.notes_text_frame.text = "Welcome the guests first."
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Goals"
    frame = slide.placeholders[1].text_frame
    frame.text = "More berths"
    for text, level in [("Two in the north", 1), ("Cranes for them", 2), ("Fewer delays", 0)]:
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Budget"
    table = slide.shapes.add_table(3, 3, Inches(1), Inches(2), Inches(6), Inches(2)).table
    for row, cells in enumerate([("Part", "2025", "2026"), ("Berths", "1,200", "1,450"), ("Cranes", "300", "0")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    chart = CategoryChartData()
    chart.categories = ["First half", "Second half"]
    chart.add_series("Ships", (120, 135))
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Traffic"
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(2), Inches(6), Inches(3), chart)
    slide.notes_slide.notes_text_frame.text = "Say why the “second half” is better — twice."
    return saved(deck)


def fees_xlsx() -> bytes:
    """Two tables on a sheet, a date, a hidden sheet, a Korean sheet."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Fees 2026"
    for row in [("Berth", "Length", "Fee"), ("A1", 12.5, 340), ("B2", 9, 250.75)]:
        sheet.append(row)
    for column, cells in (("F", ("Season", "Winter")), ("G", ("Discount", "half"))):
        for number, text in enumerate(cells):
            sheet[f"{column}{8 + number}"] = text
    days = book.create_sheet("Days")
    days.append(["Day", "Open"])
    days.append([datetime.date(2026, 3, 14), "yes"])
    hidden = book.create_sheet("Old")
    hidden["A1"] = "superseded words"
    hidden.sheet_state = "hidden"
    korean = book.create_sheet("요금표")
    for row in [("구분", "금액"), ("어른", 12000)]:
        korean.append(row)
    return saved(book)


def letter_odt() -> bytes:
    """A letter as LibreOffice would save it: headings, a list, a table."""
    from odfdo import Document, Header, List, Paragraph, Table

    document = Document("text")
    body = document.body
    body.clear()
    body.append(Header(1, "Letter to the pilots"))
    body.append(Paragraph("The channel is “dredged” — pass slowly."))
    body.append(Header(2, "Signals"))
    body.append(List(["two short blasts", "one long blast"]))
    table = Table("Depths", width=2, height=2)
    for row, cells in enumerate([("Buoy", "Depth"), ("R4", "11.2 m")]):
        for column, text in enumerate(cells):
            table.set_value((column, row), text)
    body.append(table)
    return saved(document)


def saved(document: Any) -> bytes:
    """Give the bytes that a document saves."""
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _docx_table(document: Any, rows: Sequence[Sequence[str]]) -> Any:
    table = document.add_table(len(rows), len(rows[0]))
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    return table


def _picture() -> io.BytesIO:
    from PIL import Image

    content = io.BytesIO()
    Image.new("RGB", (160, 90), (30, 90, 160)).save(content, "PNG")
    content.seek(0)
    return content


MAKERS: dict[str, Callable[[], bytes]] = {
    "handbook.docx": handbook_docx,
    "minutes.docx": minutes_docx,
    "strategy.pptx": strategy_pptx,
    "fees.xlsx": fees_xlsx,
    "letter.odt": letter_odt,
}
