"""What stands beside running text, inside it or around it: boxes, addresses, floats, running heads, divided addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.documents.pdf import PdfPage, write_pdf
from tests.test_documents_layout import BODY, PROSE, letters, rules, run, texts_of, words
from tiny_moa.experts.documents.addresses import find_address_gutter
from tiny_moa.experts.documents.assemble import Content, arrange
from tiny_moa.experts.documents.blocks import Block, build_blocks
from tiny_moa.experts.documents.continued import join_interrupted
from tiny_moa.experts.documents.furniture import find_furniture
from tiny_moa.experts.documents.hangul import Wording, is_divided, measure_wording
from tiny_moa.experts.documents.layout import Box, Run, join_words
from tiny_moa.experts.documents.links import split_links
from tiny_moa.experts.documents.marks import read_panels
from tiny_moa.experts.documents.quotes import own_number
from tiny_moa.experts.documents.reading_order import order_columns
from tiny_moa.experts.documents.sidebars import take_sidebars
from tiny_moa.experts.documents.tables import Table, find_frames

SENDER = ["Larch & Sons", "7 Mill Road", "Eastham", "Phone 555 014"]
TAKER = ["Hotel Linden", "Sea Front 22", "80331 Port Alba"]


def block(text: str, top: float, kind: str = "paragraph") -> Block:
    return Block(50, top, 300, top + 10, kind, text)  # type: ignore[arg-type]


def frame(left: float, top: float, right: float, bottom: float) -> list[Box]:
    upright = [Box(x - 0.3, top, x + 0.3, bottom) for x in (left, right)]
    return [*(Box(left, y - 0.3, right, y + 0.3) for y in (top, bottom)), *upright]


def spread(text: str, left: float, top: float, step: float = 5.5) -> list[Run]:
    """The words of a line, each at its place."""
    found, x = [], left
    for part in text.split():
        found.append(Run(x, top, x + step * len(part), top + 10, part))
        x += step * (len(part) + 0.6)
    return found


def arranged(content: Content) -> list[str]:
    (boxes,), _ = arrange([content])
    return texts_of(boxes)


def paragraph(n_lines: int, left: float, top: float) -> list[Run]:
    return [word for number in range(n_lines) for word in spread(f"l{number} {PROSE}", left, top + 12 * number)]


def test_a_box_beside_a_paragraph_comes_after_it() -> None:
    beside = [*spread("Good to know", 345, 105), *spread("oak moves in autumn", 345, 117)]
    below = spread(f"Last {PROSE} and {PROSE} for a day", 40, 170)
    page = Content(595, 842, (*paragraph(4, 40, 100), *beside, *below), rules=tuple(frame(338, 98, 480, 135)))
    text = " ".join(arranged(page))
    assert text.index("l3 the quay") < text.index("Good to know oak moves in autumn") < text.index("Last the quay")
    assert f"l0 {PROSE} l1 {PROSE}" in text


def test_a_box_that_fills_its_column_stays_in_its_place() -> None:
    column = [*paragraph(3, 40, 100), *spread(f"Note {PROSE}", 40, 145), *paragraph(3, 40, 170)]
    assert take_sidebars(column, [Box(34, 138, 320, 160)]) == ([], column)


@settings(deadline=None)
@given(words(), rules())
def test_boxes_take_words_and_lose_none(found: list[Run], drawn: list[Box]) -> None:
    boxed, rest = take_sidebars(found, find_frames(drawn))
    taken = [word.text for _, inside in boxed for word in inside]
    assert letters([*taken, *(word.text for word in rest)]) == letters(word.text for word in found)


def test_address_blocks_side_by_side_are_read_one_after_the_other() -> None:
    blocks = [run(text, 50, 100 + 12 * row) for row, text in enumerate(SENDER)]
    blocks += [run(text, 330, 100 + 12 * row) for row, text in enumerate(TAKER)]
    assert [line.text for line in order_columns(blocks)] == [*SENDER, *TAKER]


@pytest.mark.parametrize(
    ("left", "right", "step"),
    [
        (["Family name", "Given name", "Town 1 of 2"], ["Oke", "Ada", "Ulm 7 west"], 24),  # rows stand apart
        (["Name:", "Street:", "Town 1 of:"], ["Oke", "Sea Front 22", "Ulm"], 12),  # labels
        (["Berth 11 A", "Berth 12 B", "Berth 13 C"], ["Mary Ann", "Sea Front 22", "Otter"], 12),  # cells that count
        (["Red", "White", "Blue"], ["Rose", "Lily", "Iris"], 12),  # no place in them
        (["Larch", "7 Mill Road"], ["Linden", "Sea Front 22"], 12),  # too few
    ],
)
def test_what_only_looks_like_addresses_is_read_by_rows(left: Sequence[str], right: Sequence[str], step: float) -> None:
    lines = [run(text, x, 100 + step * row) for x, texts in ((50, left), (330, right)) for row, text in enumerate(texts)]
    assert find_address_gutter(lines) is None


def test_a_paragraph_goes_on_after_what_stands_inside_it() -> None:
    table = Table(50, 120, 300, 180, (), 0, 0)
    caption, note = block("Table 1: Bridges", 110), block("1 Measured dry.", 185)
    boxes = [block("The sensors that were tied to the obser-", 90), caption, table, note, block("vation deck held.", 200)]
    whole, *floats = join_interrupted(boxes, BODY)
    assert isinstance(whole, Block) and whole.text == "The sensors that were tied to the observation deck held."
    assert floats == [caption, table, note]


@pytest.mark.parametrize(
    "boxes",
    [
        [block("It ended.", 90), block("Table 1: Bridges", 110), block("then more", 200)],
        [block("It went on", 90), block("Table 1: Bridges", 110), block("Then more", 200)],
        [block("It went on", 90), block("Ropes", 110, "heading"), block("then more", 200)],
        [block("It went on", 90), block("then more", 200)],
    ],
)
def test_other_paragraphs_stay_apart(boxes: list[Box]) -> None:
    assert join_interrupted(boxes, BODY) == boxes


def test_a_running_head_may_stand_further_in_when_it_stands_off() -> None:
    def page(number: int) -> list[Run]:
        return [run("Sway of bridges", 50, 100), run(str(number), 540, 100), *(run(PROSE, 50, 140 + 12 * n) for n in range(9))]

    assert find_furniture([page(2), page(3)], [842, 842]) == [{0, 1}, {0, 1}]


def test_the_head_of_a_table_that_goes_on_is_no_running_head() -> None:
    def page(number: int) -> list[Run]:
        return [run("Code", 50, 100), run("Meaning", 150, 100), *(run(f"C-{number}{n}", 50, 116 + 16 * n) for n in range(9))]

    assert find_furniture([page(2), page(3)], [842, 842]) == [set(), set()]


def test_a_small_line_above_a_page_that_has_a_number_is_its_head() -> None:
    text = [run(PROSE, 50, 140 + 12 * n) for n in range(9)]
    head, number = run("Inspection 77", 50, 40, height=8), run("Page 1", 280, 800, height=8)
    assert find_furniture([[head, *text, number]], [842]) == [{0, 10}]
    assert find_furniture([[head, *text]], [842]) == [set()]  # a letterhead: nothing says that it is more


def test_a_number_at_the_right_edge_of_a_column_is_not_joined_to_the_next_one() -> None:
    right = [word for row in range(7) for word in spread(PROSE, 310, 100 + 12 * row)]
    words = [*right, *spread("x = y", 120, 124), Run(280, 124, 300, 134, "(1)")]
    assert {line.text for line in join_words(words) if line.left < 300} == {"x = y", "(1)"}


def test_an_address_over_two_lines_is_one_even_in_another_font() -> None:
    to = "https://bridges.example.org/data"
    above = Run(50, 100, 290, 110, "higher than by steel; see https://", links=(("https://", to),))
    below = Run(50, 112, 180, 122, "bridges.example.org/data.", is_mono=True, links=(("bridges.example.org/data.", to),))
    (box,) = build_blocks([above, below], BODY)
    assert isinstance(box, Block) and box.text == f"higher than by steel; see {to}."
    assert split_links(box.text, box.links) == [(box.text, "")]


def test_the_items_of_a_list_do_not_say_how_korean_words_are_divided() -> None:
    lines = [run(f"• 한 번에 {n} 권까지 빌릴 수 있습니다", 50, 100 + 12 * n) for n in range(3)]
    lines += [run("마지막 항목은 다음 줄까지 이어지는 긴 항목입니다", 50, 136)]
    assert measure_wording([lines]).divides is None


def test_paragraphs_of_a_scan_are_apart_where_their_lines_are() -> None:
    lines = [run(f"{PROSE} in line {n}", 50, 100 + 14 * n, height=16) for n in range(4)]
    lines.append(run("Yours sincerely and with the best of wishes for you", 50, 170, height=16))
    scanned = build_blocks(lines, replace(BODY, body_height=16.0, is_scan=True))
    assert [box.text.split()[0] for box in scanned if isinstance(box, Block)] == ["the", "Yours"]


def test_a_box_that_is_painted_is_found_whatever_stands_far_above_it() -> None:
    page = PdfPage()
    page.table(60, 80, [120, 300], [["Service", "Total"], ["Dinner", "73.00"], ["Tax", "8.40"]], ruled=False)
    for number in range(4):
        page.text(60, 200 + 12 * number, f"Line {number} of a paragraph that flows around a box")
    page.commands.append("0.9 g 340 590 180 55 re f 0 g")
    page.lines(346, 212, ["Lost something?", "We keep finds for a year."])
    page.text(60, 270, "The last paragraph of the page is as wide as the page, and so goes on below the box to its edge.")
    pdfium = pytest.importorskip("pypdfium2")
    (panel,) = read_panels(pdfium.PdfDocument(write_pdf([page]))[0])
    assert (panel.left, panel.top, panel.right, panel.bottom) == (340, 197, 520, 252)


@pytest.mark.docling
def test_the_text_of_a_painted_box_comes_after_the_paragraph_beside_it() -> None:
    from tiny_moa.experts.documents.convert import convert

    page = PdfPage()
    page.commands.append("0.9 g 340 590 180 55 re f 340 590 180 55 re 342 592 176 51 re f* 0 g")
    for number in range(4):
        page.text(60, 210 + 12 * number, f"Line {number} of a paragraph that flows around a box")
    page.lines(346, 216, ["What is lost and found", "we keep for a year."])
    page.text(60, 280, "The last paragraph of the page is as wide as the page, and so goes on below the box to its edge.")
    (read,) = convert(write_pdf([page]), "bill.pdf", suffix=".pdf", seconds=60)["pages"]
    first, box, last = read["markdown"].split("\n\n")
    assert first.startswith("Line 0 of") and first.endswith("Line 3 of a paragraph that flows around a box")
    assert (box, last[:8]) == ("What is lost and found we keep for a year.", "The last")


def test_a_frequent_word_at_the_end_of_a_line_is_whole_where_words_are_divided() -> None:
    assert not is_divided("큰비가 온 지난", "여름의 일", Wording(True))
    assert is_divided("걸으며 바닥과 조명을 살펴보았으니 안내", "판의 글씨는", Wording(True))


@pytest.mark.parametrize(
    ("marker", "template", "level", "shown"),
    [
        ("1.2.", "%2.", 1, "2."),
        ("1.2.", "%1.%2.", 1, "1.2."),
        ("3.", "%1.", 0, "3."),
        ("b)", "%2)", 1, "b)"),
        ("1.2.", "", 1, "1.2."),
    ],
)
def test_the_number_of_an_item_is_the_one_that_word_shows(marker: str, template: str, level: int, shown: str) -> None:
    assert own_number(marker, template, level) == shown
