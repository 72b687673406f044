"""PDF files of the corpus, drawn with the small writer of `tests.documents.pdf`."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from tests.documents import scans
from tests.documents.pdf import PdfPage, write_pdf

BASIN = (
    "Dredging of the inner basin began early in March and went on until the first storms of October, when the crews were sent "
    "to the repair yards. The mud was taken to the old quarry."
)
CRANES = (
    "Two cranes were repaired and one was sold, so that four cranes now serve the northern quay alone. A well-known supplier "
    "delivered the spare parts in the autumn."
)
FERRY = (
    "The night ferry carried nine thousand travellers over the year. Most of them came in the summer, when the day boats are "
    "full and the harbour stays open until midnight."
)


def two_columns_pdf() -> bytes:
    """A paper: title over both columns, an abstract, sections, a caption and a ruled table in the right column."""
    page = PdfPage()
    _edges(page, "Harbour Review 12 (2026)", "- 1 -")
    page.text(130, 90, "A study of quays and cranes", size=20, font="F2")
    page.text(230, 112, "A. Oar and B. Rower", size=11)
    page.lines(50, 140, _wrapped(f"Abstract. {FERRY}", 100))
    y = _section(page, 50, 190, "1 Introduction", [BASIN, CRANES])
    _section(page, 50, y + 14, "2 Methods", [FERRY])
    y = _section(page, 310, 190, "3 Results", [CRANES])
    page.text(310, y + 10, "Table 1. Berths of the port.", size=9)
    y = page.table(310, y + 18, [80, 80, 70], [["Berth", "Depth", "Use"], ["A1", "12.5 m", "bulk"], ["B2", "9.0 m", "ferry"]])
    _section(page, 310, y + 24, "4 Discussion", [BASIN])
    second = PdfPage()
    _edges(second, "Harbour Review 12 (2026)", "- 2 -")
    second.text(50, 90, "5 References", size=14, font="F2")
    second.lines(50, 110, ["[1] B. Rower, Mud and its uses, 2019.", "[2] A. Oar, Rowing by night, 2021."])
    return write_pdf([page, second], title="Quays")


def three_columns_pdf() -> bytes:
    """A newsletter in three columns under one title."""
    page = PdfPage()
    page.text(50, 80, "Harbour newsletter", size=22, font="F2")
    for x, name, text in ((50, "Basin", BASIN), (225, "Cranes", CRANES), (400, "Ferry", FERRY)):
        page.text(x, 120, name, size=13, font="F2")
        page.lines(x, 140, _wrapped(text, 30))
    return write_pdf([page])


def statement_pdf() -> bytes:
    """Tables without rules: numbers on the right, a cell of two lines, a missing value."""
    page = PdfPage()
    page.text(50, 80, "Quarterly statement", size=18, font="F2")
    page.lines(50, 110, ["The quarter in figures, in tonnes and in per cent of the year before."])
    for row, cells in enumerate(
        [("Month", "Ships", "Cargo", "Change"), ("January", "120", "34,500", "+2.1"), ("February", "98", "28,100", "-18.6"),
         ("March", "135", "40,020", "+42.4"), ("Total", "353", "102,620", "")]
    ):  # fmt: skip
        y = 150 + 16 * row
        page.text(50, y, cells[0])
        for right, text in zip((220, 320, 420), cells[1:], strict=True):
            page.text(right - 5.2 * len(text), y, text)
    page.text(50, 260, "Staff", size=14, font="F2")
    for y, cells in [
        (285, ("Name", "Role", "Remarks")),
        (309, ("Ann Oar", "Harbour master", "Works on weekdays and every")),
        (321, ("", "", "second weekend")),
        (345, ("Ben Row", "Pilot", "Trains both apprentices")),
    ]:
        for x, text in zip((50, 170, 310), cells, strict=True):
            page.text(x, y, text)
    return write_pdf([page])


def merged_pdf() -> bytes:
    """A ruled table with a cell over two columns and one over two rows."""
    page = PdfPage()
    page.text(50, 80, "Cranes by quay", size=18, font="F2")
    for y in (120, 160, 180, 200):
        page.rule(50, y, 350, y)
    page.rule(150, 140, 350, 140)
    for x, top in ((50, 120), (150, 120), (250, 140), (350, 120)):
        page.rule(x, top, x, 200)
    for x, y, text in [(56, 144, "Quay"), (220, 134, "Cranes"), (156, 154, "Old"), (256, 154, "New"), (56, 174, "North"),
                       (156, 174, "2"), (256, 174, "1"), (56, 194, "South"), (156, 194, "4"), (256, 194, "0")]:  # fmt: skip
        page.text(x, y, text)
    return write_pdf([page])


def long_table_pdf() -> bytes:
    """A ruled table over two pages, between running lines."""
    pages = []
    for number, start in ((1, 1), (2, 31)):
        page = PdfPage()
        _edges(page, "Register of ships", f"Page {number} of 2")
        rows = [["No", "Ship", "Port"], *([str(n), f"Ship {n}", f"Port {n % 7}"] for n in range(start, start + 30))]
        page.table(50, 90, [60, 140, 140], rows)
        pages.append(page)
    return write_pdf(pages)


def lists_pdf() -> bytes:
    """Nested lists, letters and numbers, a line that goes on, code, a footnote."""
    page = PdfPage()
    page.text(50, 80, "Checklist", size=18, font="F2")
    page.lines(50, 110, ["Before the ferry leaves, the mate does what follows, in this order."])
    for x, y, text in [(60, 135, "1. Count the passengers"), (60, 149, "2. Close the doors, first the outer ones and then the"),
                       (74, 161, "inner ones"), (78, 175, "\u2022 bow door"), (78, 189, "\u2022 stern door"),
                       (60, 203, "3. Report to the bridge")]:  # fmt: skip
        page.text(x, y, text)
    page.text(50, 235, "Commands", size=14, font="F2")
    for y, text in ((258, "door --close bow"), (270, "  --wait 5")):
        page.text(50, y, text, font="F3")
    page.lines(50, 300, ["All commands are logged. Nobody may open a door at sea, with-", "out the order of the master."])
    page.text(50, 760, "1 The log is kept for ten years.", size=7)
    return write_pdf([page])


def korean_report_pdf() -> bytes:
    """A Korean report: headings, paragraphs over lines, a ruled table."""
    page = PdfPage()
    page.text(50, 80, "항만 운영 보고서", size=20, font="F4")
    page.text(50, 115, "1 개요", size=14, font="F4")
    page.text(50, 138, "올해 항만은 화물 십만 톤을 처리하였다. 북쪽 부두의 준설은", font="F4")
    page.text(50, 151, "시월에 끝났다.", font="F4")
    page.text(50, 180, "2 선석", size=14, font="F4")
    for y in (195, 213, 231):
        page.rule(50, y, 250, y)
    for x in (50, 150, 250):
        page.rule(x, 195, x, 231)
    for x, y, text in [(56, 208, "선석"), (156, 208, "수심"), (56, 226, "가-1"), (156, 226, "12.5미터")]:
        page.text(x, y, text, font="F4")
    return write_pdf([page])


def form_pdf() -> bytes:
    """A form: names of fields with what was filled in beside them."""
    page = PdfPage()
    page.text(50, 80, "Application for a berth", size=18, font="F2")
    for y, name, value in [(120, "Name of the owner:", "Ann Oar"), (145, "Name of the boat:", "Gull"),
                           (170, "Length in metres:", "9.5"), (195, "From:", "14 March 2026")]:  # fmt: skip
        page.text(50, y, name, font="F2")
        page.text(200, y, value)
        page.rule(195, y + 3, 400, y + 3)
    page.text(50, 230, "Signature of the harbour master")
    return write_pdf([page])


def mixed_pdf() -> bytes:
    """A page of text, then a scan of a notice."""
    page = PdfPage()
    page.text(50, 80, "Cover letter", size=18, font="F2")
    page.lines(50, 110, _wrapped(BASIN, 90))
    scan = PdfPage()
    picture = scans.scanned(scans.notice(), degrees=1.5).resize((1190, 537))
    full = picture.crop((0, 0, 1190, 1684))
    full.paste(250, (0, 537, 1190, 1684))
    scan.scan(full.tobytes(), *full.size)
    return write_pdf([page, scan])


def formulas_pdf() -> bytes:
    """Formulas as lines of text, with indices and an exponent."""
    page = PdfPage()
    page.text(50, 80, "Tides", size=18, font="F2")
    page.lines(50, 110, ["The height of the water follows from the two waves of the moon and the sun:"])
    page.text(180, 135, "h = a sin(wt) + b")
    page.text(150, 160, "E = mc")
    page.text(184, 156, "2", size=6)
    page.lines(50, 190, ["where t is the time in hours since the last high water."])
    return write_pdf([page])


def permit_pdf() -> bytes:
    """A form whose fields hold what was filled in, and boxes to tick."""
    page = PdfPage()
    page.text(50, 80, "Permit to moor", size=18, font="F2")
    for y, name, value in ((120, "Name of boat", "Halcyon"), (150, "Owner", "Greta Lind"), (180, "Length in metres", "11.4")):
        page.text(50, y, name)
        page.field(180, y - 13, 380, y + 5, name, value)
    page.field(50, 205, 64, 219, "insured", is_ticked=True)
    page.text(76, 216, "Insured")
    page.field(50, 230, 64, 244, "aboard", is_ticked=False)
    page.text(76, 241, "Lived aboard")
    page.text(50, 280, "Signed at the harbour office on 4 May 2031")
    return write_pdf([page])


def hebrew_pdf() -> bytes:
    """A page that runs from right to left: a title, a line with a number, a list with its markers on the right, a table."""
    page = PdfPage()

    def right(x: float, y: float, text: str, size: float = 10) -> None:
        """Write a line that ends at `x`, with its letters in the order of the paper."""
        page.text(x - 0.9 * size * len(text), y, text[::-1], size=size, font="F4")

    right(545, 80, "מדריך לנמל", 20)
    right(545, 120, "הנמל נפתח בכל יום בשעה שמונה בבוקר")
    right(545, 133, "ונסגר בערב")
    for y, item in ((160, "אין להכניס כלבים"), (174, "יש לסגור את השער")):
        page.text(536, y, "\u2022")
        right(525, y, item)
    rows = (("רציף", "עומק"), ("צפון", "21"), ("דרום", "8"))
    for y in (200, 218, 236, 254):
        page.rule(345, y, 545, y)
    for x in (345, 445, 545):
        page.rule(x, 200, x, 254)
    for number, (quay, depth) in enumerate(rows):
        right(540, 213 + 18 * number, quay)
        right(440, 213 + 18 * number, depth if number == 0 else depth[::-1])
    return write_pdf([page])


def lined_pdf() -> bytes:
    """Tables with level rules only, cells of two lines; then one with rules around its body and none in it."""
    page = PdfPage()
    page.text(50, 80, "Herbs of the priory", size=18, font="F2")
    for y in (110, 128, 158, 176):
        page.rule(50, y, 350, y)
    for x, y, text in [
        (54, 122, "Herb"),
        (120, 122, "Use"),
        (310, 122, "Bed"),
        (54, 140, "Sage"),
        (120, 140, "For the throat, steeped in hot"),
        (120, 152, "water with honey"),
        (310, 140, "4"),
        (54, 170, "Rue"),
        (120, 170, "Against fleas"),
        (310, 170, "7"),
    ]:
        page.text(x, y, text)  # fmt: skip
    page.lines(50, 200, ["Nothing was sold outside the walls."])
    for y in (215, 233, 275):
        page.rule(50, y, 250, y)
    for x in (50, 150, 250):
        page.rule(x, 215, x, 275)
    for row, cells in enumerate((("Month", "Hands"), ("March", "6"), ("June", "9"), ("September", "4"))):
        for x, text in zip((56, 156), cells, strict=True):
            page.text(x, 228 + (0 if row == 0 else 5 + 12 * row), text)
    return write_pdf([page])


def sidebar_pdf() -> bytes:
    """A page with a narrow column of its own beside the text, and two lists beside each other."""
    page = PdfPage()
    for y, text, size, font in [(60, "Contact", 13, "F2"), (81, "ida@harbour.example", 10, "F1"), (103, "+47 555 0199", 10, "F1"),
                                (140, "Languages", 13, "F2"), (163, "Norwegian", 10, "F1"), (177, "English", 10, "F1"),
                                (191, "Korean", 10, "F1")]:  # fmt: skip
        page.text(40, y, text, size=size, font=font)
    page.text(200, 70, "Ida Storm", size=22, font="F2")
    y = page.lines(200, 92, _wrapped(FERRY, 60), leading=13)
    page.text(200, y + 12, "Studies", size=13, font="F2")
    page.lines(200, y + 29, ["Master of marine engineering, Trondheim, 2021."], leading=13)
    for x, items in ((200, ("South slope", "Ripe by August")), (380, ("North slope", "Three weeks later"))):
        for number, item in enumerate(items):
            page.text(x, y + 60 + 14 * number, f"\u2022 {item}")
    return write_pdf([page])


def _edges(page: PdfPage, head: str, foot: str) -> None:
    page.text(50, 32, head, size=8)
    page.text(280, 822, foot, size=8)


def _section(page: PdfPage, x: float, y: float, heading: str, paragraphs: list[str]) -> float:
    page.text(x, y, heading, size=13, font="F2")
    y += 18
    for paragraph in paragraphs:
        y = page.lines(x, y, _wrapped(paragraph, 46)) + 6
    return y


def _wrapped(text: str, characters: int) -> list[str]:
    return textwrap.wrap(text, characters, break_on_hyphens=False)


MAKERS: dict[str, Callable[[], bytes]] = {
    "two_columns.pdf": two_columns_pdf,
    "three_columns.pdf": three_columns_pdf,
    "statement.pdf": statement_pdf,
    "merged.pdf": merged_pdf,
    "long_table.pdf": long_table_pdf,
    "lists.pdf": lists_pdf,
    "korean_report.pdf": korean_report_pdf,
    "form.pdf": form_pdf,
    "mixed.pdf": mixed_pdf,
    "formulas.pdf": formulas_pdf,
    "permit.pdf": permit_pdf,
    "hebrew.pdf": hebrew_pdf,
    "lined.pdf": lined_pdf,
    "sidebar.pdf": sidebar_pdf,
}
