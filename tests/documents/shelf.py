"""Twenty documents on a shelf, English and Korean, with questions whose page is known and questions they do not answer."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from tests.documents.pdf import PdfPage, write_pdf

PDFS: dict[str, list[tuple[str, list[str]]]] = {
    "lighthouse.pdf": [
        (
            "History",
            [
                "The lighthouse on Gull Rock was lit for the first time in 1871.",
                "Its architect, Maren Holt, also drew the old customs house.",
                "A storm took the gallery in 1902 and it was rebuilt in iron.",
            ],
        ),
        (
            "Keepers",
            [
                "Three keepers lived on the rock until the lamp was automated.",
                "The last keeper, Tobias Ferrow, left the tower in 1988.",
                "Their logbooks are kept in the town archive.",
            ],
        ),
        (
            "Visits",
            [
                "Boats to the rock leave from the south pier on Saturdays.",
                "A tour takes ninety minutes and costs 14 euros for adults.",
                "Dogs are not allowed on the stairs.",
            ],
        ),
    ],
    "greenhouse.pdf": [
        (
            "Climate",
            [
                "The orchid hall is held at 23 degrees and 80 percent humidity.",
                "Vents open when the sensor near the roof reads above 27 degrees.",
            ],
        ),
        (
            "Watering",
            [
                "Seedlings are misted four times a day, older plants once.",
                "Rain water is collected in a tank of 12,000 litres under the yard.",
            ],
        ),
        (
            "Pests",
            ["Aphids are fought with lacewing larvae instead of spray.", "Quarantine for plants that arrive lasts eleven days."],
        ),
    ],
    "bridge.pdf": [
        (
            "Inspection",
            [
                "The cable bridge is inspected every second spring by two engineers.",
                "Cracks wider than 0.3 millimetres are reported the same day.",
            ],
        ),
        (
            "Loads",
            [
                "Lorries above 30 tonnes must use the northern crossing.",
                "In gales above 90 kilometres an hour the bridge is closed to cyclists.",
            ],
        ),
        ("Paint", ["The railings carry a dark green coat that was renewed in 2019.", "Next repainting is planned for 2031."]),
    ],
    "choir.pdf": [
        (
            "Members",
            [
                "The Linden choir has 46 singers, most of them altos.",
                "New voices audition in September before the conductor, Ilse Brandt.",
            ],
        ),
        (
            "Rehearsals",
            [
                "Rehearsals are on Tuesday evenings in the chapel of St Anne.",
                "Whoever misses three rehearsals may not sing the concert.",
            ],
        ),
        (
            "Tour",
            [
                "In 2027 the choir travels to Tallinn and sings in the old town hall.",
                "The coach company lends its bus for nothing.",
            ],
        ),
    ],
    "bakery.pdf": [
        (
            "Dough",
            ["Sourdough rests for sixteen hours in the cold room.", "The starter is fed with rye flour at five in the morning."],
        ),
        (
            "Ovens",
            ["The stone oven is fired with beech wood and reaches 280 degrees.", "Ash is cleared after every fourth batch."],
        ),
        (
            "Prices",
            [
                "A seeded loaf is sold for 4.80 and a plain one for 3.90.",
                "Bread of the day before goes to the shelter on Harrow Street.",
            ],
        ),
    ],
    "도서관.pdf": [
        ("이용 안내", ["도서관은 평일 오전 아홉 시에 문을 엽니다.", "매월 둘째 월요일은 정기 휴관일입니다."]),
        ("대출", ["회원은 한 번에 책을 일곱 권까지 빌릴 수 있습니다.", "연체료는 하루에 100원입니다."]),
        ("열람실", ["조용한 열람실은 4층에 있으며 좌석은 120석입니다.", "음료는 뚜껑이 있는 컵만 가지고 들어갈 수 있습니다."]),
    ],
    "등산.pdf": [
        ("코스", ["백운봉 정상까지는 왕복 여섯 시간이 걸립니다.", "가장 쉬운 길은 동쪽 계곡을 따라가는 길입니다."]),
        ("안전", ["겨울철에는 아이젠을 반드시 착용해야 합니다.", "구조 요청은 산악구조대 번호로 합니다."]),
        ("대피소", ["정상 아래 대피소에는 스무 명이 잘 수 있습니다.", "대피소 예약은 이용일 보름 전에 시작됩니다."]),
    ],
    "회사.pdf": [
        ("연혁", ["한빛정밀은 1996년 대전에서 세 명으로 시작했습니다.", "2011년에 첫 해외 공장을 베트남에 세웠습니다."]),
        ("제품", ["주력 제품은 의료용 소형 펌프입니다.", "제품 보증 기간은 3년입니다."]),
        ("사람", ["현재 대표는 윤서진이며 직원은 240명입니다.", "신입 사원 교육은 두 달 동안 진행됩니다."]),
    ],
}
TEXTS: dict[str, str] = {
    "recycling.md": "# Waste\n\n## Glass\n\nGlass is collected on the first Friday of the month.\n\n## Batteries\n\nOld batteries belong into the red box beside the town hall.\n",
    "printer.md": "# Printer\n\n## Jams\n\nOpen the rear flap and pull the sheet downwards.\n\n## Toner\n\nThe black cartridge lasts for about 2,300 sheets.\n",
    "garden_rules.txt": "Allotment rules.\n\nHedges may be no higher than 1.25 metres.\n\nBonfires are forbidden from April to October.\n",
    "sailing.md": "# Sailing school\n\n## Courses\n\n| Course | Days | Price |\n| - | - | - |\n| Dinghy | 5 | 320 |\n| Keelboat | 9 | 710 |\n\n## Gear\n\nLife jackets are lent by the school.\n",
    "김치.md": "# 김치 담그기\n\n## 절이기\n\n배추는 굵은 소금에 여덟 시간 절입니다.\n\n## 보관\n\n담근 김치는 이틀 동안 상온에서 익힌 뒤 냉장고에 넣습니다.\n",
    "기숙사.md": "# 기숙사 생활\n\n## 통금\n\n기숙사 문은 밤 열한 시 반에 잠깁니다.\n\n## 세탁실\n\n세탁기는 지하 1층에 여섯 대가 있습니다.\n",
    "버스.txt": "마을버스 안내\n\n첫차는 오전 5시 40분에 출발합니다.\n\n교통카드가 없으면 요금은 1,500원입니다.\n",
    "museum.html": "<h1>Clock museum</h1><h2>Collection</h2><p>The oldest clock was made in Augsburg in 1584.</p><h2>Shop</h2><p>Pocket watches are repaired on Thursdays by Mr Adeyemi.</p>",
    "학교.html": "<h1>새솔초등학교</h1><h2>급식</h2><p>급식은 12시 10분에 시작합니다.</p><h2>방과후</h2><p>방과후 수업은 도예와 합창이 있습니다.</p>",
    "depots.csv": "Depot,Town,Bays\nNorth,Larvik,18\nEast,Moss,7\n",
}  # fmt: skip


def handbook() -> bytes:
    """A Word file about a clinic."""
    import docx

    document = docx.Document()
    document.add_heading("Animal clinic", 1)
    document.add_heading("Vaccination", 2)
    document.add_paragraph("Puppies get their first injection at eight weeks.")
    document.add_heading("Emergencies", 2)
    document.add_paragraph("At night the emergency door is the blue one in Mill Lane.")
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def budget() -> bytes:
    """A workbook with two sheets, each of them a page."""
    import openpyxl

    book = openpyxl.Workbook()
    first = book.active
    first.title = "Income"
    for row in (("Source", "Amount"), ("Membership", 5400), ("Summer fair", 1875)):
        first.append(row)
    second = book.create_sheet("지출")
    for row in (("항목", "금액"), ("임대료", 3200), ("악기 수리", 460)):
        second.append(row)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


QUESTIONS: tuple[tuple[str, str, int, str], ...] = (
    ("When was the lamp on Gull Rock first lit?", "lighthouse.pdf", 1, "1871"),
    ("Who designed the lighthouse?", "lighthouse.pdf", 1, "Maren Holt"),
    ("In which year did the last keeper leave?", "lighthouse.pdf", 2, "1988"),
    ("How much does a tour of the lighthouse cost?", "lighthouse.pdf", 3, "14 euros"),
    ("What humidity does the orchid hall have?", "greenhouse.pdf", 1, "80 percent"),
    ("How big is the tank for rain water?", "greenhouse.pdf", 2, "12,000"),
    ("How long is the quarantine for plants?", "greenhouse.pdf", 3, "eleven days"),
    ("How often is the cable bridge inspected?", "bridge.pdf", 1, "second spring"),
    ("Which lorries have to take the northern crossing?", "bridge.pdf", 2, "30 tonnes"),
    ("When will the railings be repainted next?", "bridge.pdf", 3, "2031"),
    ("How many singers are in the choir?", "choir.pdf", 1, "46"),
    ("On which day are the choir's rehearsals?", "choir.pdf", 2, "Tuesday"),
    ("Where does the choir travel in 2027?", "choir.pdf", 3, "Tallinn"),
    ("What is the starter fed with?", "bakery.pdf", 1, "rye flour"),
    ("What is the price of a seeded loaf?", "bakery.pdf", 3, "4.80"),
    ("When is glass collected?", "recycling.md", 1, "first Friday"),
    ("How many sheets does the black cartridge last?", "printer.md", 1, "2,300"),
    ("How high may hedges be on the allotment?", "garden_rules.txt", 1, "1.25"),
    ("What is the price of the keelboat course?", "sailing.md", 1, "710"),
    ("Who repairs pocket watches?", "museum.html", 1, "Adeyemi"),
    ("At what age do puppies get the first injection?", "clinic.docx", 1, "eight weeks"),
    ("How much did the summer fair bring in?", "budget.xlsx", 1, "1875"),
    ("도서관은 평일 몇 시에 문을 여나요?", "도서관.pdf", 1, "아홉 시"),
    ("책은 한 번에 몇 권까지 빌릴 수 있나요?", "도서관.pdf", 2, "일곱 권"),
    ("열람실의 좌석은 몇 석입니까?", "도서관.pdf", 3, "120석"),
    ("대피소에는 몇 명이 잘 수 있나요?", "등산.pdf", 3, "스무 명"),
    ("제품의 보증 기간은 얼마입니까?", "회사.pdf", 2, "3년"),
    ("한빛정밀의 대표는 누구인가요?", "회사.pdf", 3, "윤서진"),
    ("배추는 소금에 몇 시간 절이나요?", "김치.md", 1, "여덟 시간"),
    ("기숙사 문은 언제 잠깁니까?", "기숙사.md", 1, "열한 시 반"),
)
"""A question, the document and page that answer it, and words of the answer."""

UNANSWERABLE: tuple[str, ...] = (
    "How tall is the lighthouse tower?",
    "Which fertiliser do the orchids get?",
    "Who paid for the cable bridge?",
    "What does the conductor earn?",
    "How many calories has a seeded loaf?",
    "What is the capital of Mongolia?",
    "Which wine goes with the keelboat course?",
    "도서관 관장의 이름은 무엇인가요?",
    "한빛정밀의 주가는 얼마입니까?",
    "기숙사의 월세는 얼마인가요?",
)


def make_shelf(folder: Path) -> Path:
    """Write the twenty documents into a folder and give the folder."""
    for name, chapters in PDFS.items():
        (folder / name).write_bytes(write_pdf([_page(name, head, lines) for head, lines in chapters]))
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "clinic.docx").write_bytes(handbook())
    (folder / "budget.xlsx").write_bytes(budget())
    return folder


def _page(name: str, head: str, lines: Sequence[str]) -> PdfPage:
    page = PdfPage()
    font = "F1" if name.isascii() else "F4"
    page.text(50, 80, head, size=18, font="F2" if name.isascii() else "F4")
    for number, line in enumerate(lines):
        page.text(50, 120 + 30 * number, line, font=font)
    return page
