"""Lines, columns, tables and blocks are found by where words stand, and no word is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_moa.experts.documents import aligned, blocks, layout, lined, reading_order, tables
from tiny_moa.experts.documents.blocks import Block, Typography
from tiny_moa.experts.documents.furniture import find_furniture
from tiny_moa.experts.documents.layout import Box, Run
from tiny_moa.experts.documents.tables import Table

BODY = Typography(10.0, (20.0, 14.0))
PROSE = "the quay was surveyed in spring and found"


@st.composite
def words(draw: st.DrawFn) -> list[Run]:
    """Words anywhere on a page, some of them at the same place."""
    found = []
    for number in range(draw(st.integers(0, 40))):
        left, top = draw(st.integers(0, 500)), draw(st.integers(0, 700))
        width, height = draw(st.integers(1, 120)), draw(st.sampled_from([6, 10, 10, 10, 14, 30]))
        text = draw(st.sampled_from([f"w{number}", f"w{number}", "1.", "•", f"w{number}-"]))
        found.append(Run(left, top, left + width, top + height, text, draw(st.booleans()), draw(st.booleans())))
    return found


@st.composite
def rules(draw: st.DrawFn) -> list[Box]:
    """Rules of grids, some of them broken."""
    xs = sorted(draw(st.sets(st.integers(0, 50), min_size=2, max_size=5)))
    ys = sorted(draw(st.sets(st.integers(0, 50), min_size=2, max_size=5)))
    lines = [Box(xs[0] * 10, y * 14, xs[-1] * 10, y * 14) for y in ys] + [
        Box(x * 10, ys[0] * 14, x * 10, ys[-1] * 14) for x in xs
    ]
    return [line for line in lines if draw(st.integers(0, 9)) > 0]


def run(text: str, left: float, top: float, *, height: float = 10, bold: bool = False, mono: bool = False) -> Run:
    return Run(left, top, left + 5 * len(text), top + height, text, bold, mono)


def column(left: float, n_lines: int, tag: str, top: float = 100) -> list[Run]:
    return [run(f"{tag}{number} {PROSE}", left, top + 12 * number) for number in range(n_lines)]


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter("".join("".join(texts).split()))


def texts_of(boxes: Sequence[Box]) -> list[str]:
    found: list[str] = []
    for box in boxes:
        if isinstance(box, Table):
            found += [cell.text for cell in box.cells]
        elif isinstance(box, Block):
            found += [box.marker, box.text]
        elif isinstance(box, Run):
            found.append(box.text)
    return found


@settings(deadline=None)
@given(words())
def test_every_word_is_in_exactly_one_line(found: list[Run]) -> None:
    assert letters(line.text for line in layout.join_words(found)) == letters(word.text for word in found)


@settings(deadline=None)
@given(words(), st.randoms(use_true_random=False))
def test_lines_do_not_depend_on_the_order_of_the_words(found: list[Run], random: object) -> None:
    places = {(word.left, word.top) for word in found}
    if len(places) < len(found):
        return
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert layout.join_words(shuffled) == layout.join_words(found)


@settings(deadline=None)
@given(words())
def test_reading_order_keeps_every_item_once(found: list[Run]) -> None:
    lines: list[Box] = [*layout.join_words(found), Box(0, 0, 50, 50)]
    ordered = reading_order.order_columns(lines)
    assert Counter(map(id, ordered)) == Counter(map(id, lines))


@settings(deadline=None)
@given(words(), rules())
def test_a_page_keeps_every_letter_through_all_steps(found: list[Run], drawn: list[Box]) -> None:
    ruled, rest = tables.take_ruled_tables(found, drawn)
    ordered = reading_order.order_columns([*layout.join_words(rest), *ruled])
    built = blocks.build_blocks(aligned.find_aligned_tables(ordered), BODY)
    before, after = letters(word.text for word in found), letters(texts_of(built))
    before.pop("-", None), after.pop("-", None)  # hyphens at the ends of lines go
    assert after == before


@settings(deadline=None)
@given(words(), rules())
def test_the_cells_of_a_table_cover_its_grid_once(found: list[Run], drawn: list[Box]) -> None:
    for table in tables.take_ruled_tables(found, drawn)[0]:
        covered = Counter(
            (row, place)
            for cell in table.cells
            for row in range(cell.row, cell.row + cell.row_span)
            for place in range(cell.column, cell.column + cell.column_span)
        )
        assert covered == Counter((row, place) for row in range(table.n_rows) for place in range(table.n_columns))


def test_a_wide_gap_splits_a_line_but_not_after_a_marker() -> None:
    found = [run("left", 0, 0), run("right", 60, 0), run("•", 0, 20), run("item", 30, 20)]
    assert [line.text for line in layout.join_words(found)] == ["left", "right", "• item"]


def test_an_exponent_belongs_to_its_line() -> None:
    found = [run("x", 0, 10), Run(5.5, 8, 9, 14.5, "2"), run("metres", 12, 10)]
    assert [line.text for line in layout.join_words(found)] == ["x 2 metres"]


def test_columns_are_read_one_after_the_other_below_what_spans_them() -> None:
    title = Run(100, 50, 500, 70, "a title across both columns")
    left, right = column(50, 5, "l"), column(320, 5, "r")
    ordered = reading_order.order_columns([*right, title, *left])
    assert ordered == [title, *left, *right]


def test_three_columns_are_found() -> None:
    parts = [column(left, 5, tag) for left, tag in ((0, "a"), (260, "b"), (520, "c"))]
    mixed = [line for row in zip(*parts, strict=True) for line in row]
    assert reading_order.order_columns(mixed) == [*parts[0], *parts[1], *parts[2]]


def test_short_cells_side_by_side_are_not_columns() -> None:
    cells = [run(f"cell {row}{side}", 50 + 250 * side, 100 + 14 * row) for row in range(6) for side in range(2)]
    assert reading_order.order_columns(cells) == cells


def test_a_table_below_columns_is_read_by_rows() -> None:
    left, right = column(50, 6, "l"), column(320, 6, "r")
    cells = [run(f"c{row}{side}", 50 + 270 * side, 250 + 14 * row) for row in range(3) for side in range(2)]
    assert reading_order.order_columns([*left, *right, *cells]) == [*left, *right, *cells]


def test_a_ruled_table_has_its_cells_and_leaves_other_words() -> None:
    drawn = [Box(0, y, 200, y) for y in (0, 20, 40)] + [Box(x, 0, x, 40) for x in (0, 100, 200)]
    found = [run("a", 5, 5), run("b", 105, 5), run("c", 5, 25), run("two", 105, 22), run("after", 5, 60)]
    (table,), rest = tables.take_ruled_tables(found, drawn)
    assert [(cell.row, cell.column, cell.text) for cell in table.cells] == [(0, 0, "a"), (0, 1, "b"), (1, 0, "c"), (1, 1, "two")]
    assert [word.text for word in rest] == ["after"]


def test_cells_without_a_rule_between_them_are_one() -> None:
    drawn = [Box(0, y, 200, y) for y in (0, 20, 40)] + [Box(0, 0, 0, 40), Box(200, 0, 200, 40), Box(100, 20, 100, 40)]
    found = [run("a heading over both", 40, 5), run("c", 5, 25), run("d", 105, 25)]
    (table,), _ = tables.take_ruled_tables(found, drawn)
    assert [(cell.text, cell.column_span) for cell in table.cells] == [("a heading over both", 2), ("c", 1), ("d", 1)]


def frame(xs: Sequence[float], ys: Sequence[float]) -> list[Box]:
    """The rules of a grid."""
    return [Box(xs[0], y, xs[-1], y) for y in ys] + [Box(x, ys[0], x, ys[-1]) for x in xs]


def rows_of(table: Table) -> list[list[str]]:
    return [[cell.text for cell in table.cells if cell.row == row] for row in range(table.n_rows)]


def test_rows_without_rules_between_them_are_rows() -> None:
    head = [run("Berth", 5, 5), run("Depth", 105, 5)]
    body = [run(text, 5 + 100 * place, 25 + 12 * row) for row in range(3) for place, text in enumerate((f"A{row}", f"{row} m"))]
    (table,), _ = tables.take_ruled_tables([*head, *body], frame((0, 100, 200), (0, 20, 62)))
    assert rows_of(table) == [["Berth", "Depth"], ["A0", "0 m"], ["A1", "1 m"], ["A2", "2 m"]]


def test_rows_that_stand_apart_may_have_empty_cells_and_cells_of_two_lines() -> None:
    found = [run("Name", 5, 5), run("Role", 105, 5), run("Note", 205, 5)]
    found += [run("Ann", 5, 25), run("mate", 105, 25), run("Ben", 5, 45), run("pilot", 105, 45), run("works", 205, 45)]
    found += [run("at night", 205, 57), run("Cleo", 5, 77), run("cook", 105, 77)]
    (table,), _ = tables.take_ruled_tables(found, frame((0, 100, 200, 300), (0, 20, 92)))
    assert rows_of(table)[1:] == [["Ann", "mate", ""], ["Ben", "pilot", "works at night"], ["Cleo", "cook", ""]]


def test_wrapped_cells_of_one_row_stay_one_row() -> None:
    sides = [run("the quay was surveyed", 5 + 120 * side, 25 + 12 * row) for row in range(3) for side in range(2)]
    (table,), _ = tables.take_ruled_tables([run("for", 5, 5), run("against", 125, 5), *sides], frame((0, 120, 240), (0, 20, 62)))
    assert table.n_rows == 2


def test_rules_between_rows_alone_make_a_table_of_cells_with_several_lines() -> None:
    found = [run("Herb", 5, 5), run("Use", 75, 5), run("Sage", 5, 25), run("for the throat", 75, 25), run("with honey", 75, 37)]
    found += [run("Rue", 5, 57), run("against fleas", 75, 57), run("after", 5, 90)]
    (table,), rest = lined.take_lined_tables(found, [Box(0, y, 200, y) for y in (0, 20, 52, 72)])
    assert rows_of(table) == [["Herb", "Use"], ["Sage", "for the throat with honey"], ["Rue", "against fleas"]]
    assert [word.text for word in rest] == ["after"]


def test_text_between_rules_is_no_table() -> None:
    found = [line for number in range(3) for line in column(0, 3, f"p{number}", 10 + 60 * number)]
    assert lined.take_lined_tables(found, [Box(0, y, 300, y) for y in (5, 60, 120, 180)]) == ([], found)


def test_a_justified_line_with_wide_spaces_is_one_line() -> None:
    full = [Run(left, 20, left + 30, 30, "word") for left in (0, 33, 66, 99, 130)]
    wide = [Run(left, 40, left + 20, 50, "wide") for left in (0, 35, 70, 105, 140)]
    cells = [Run(left, 60, left + 20, 70, "cell") for left in (0, 50, 140)]
    assert [line.text for line in layout.join_words([*full, *wide, *cells])][1:] == [
        "wide wide wide wide wide",
        "cell",
        "cell",
        "cell",
    ]


def test_lists_beside_each_other_are_read_one_after_the_other() -> None:
    left, right = ([run(f"• {side}{row}", x, 100 + 14 * row) for row in range(3)] for side, x in (("a", 50), ("b", 250)))
    assert reading_order.order_columns([item for row in zip(left, right, strict=True) for item in row]) == [*left, *right]


def test_columns_on_other_base_lines_are_columns_however_short_their_lines_are() -> None:
    left = [run(f"side {row}", 50, 100 + 17 * row) for row in range(8)]
    right = [run(f"line {row} {PROSE}", 200, 104 + 12 * row) for row in range(11)]
    assert reading_order.order_columns([*right, *left]) == [*left, *right]


def test_a_grid_without_words_is_a_drawing() -> None:
    drawn = [Box(0, y, 200, y) for y in range(0, 101, 20)] + [Box(x, 0, x, 100) for x in range(0, 201, 20)]
    assert tables.take_ruled_tables([run("axis", 5, 5), run("x", 105, 85)], drawn)[0] == []


def test_aligned_cells_are_a_table_and_prose_is_not() -> None:
    cells = [run(f"v{row}{place}", 50 + 100 * place, 100 + 14 * row) for row in range(3) for place in range(3)]
    (table,) = aligned.find_aligned_tables(cells)
    assert isinstance(table, Table) and (table.n_rows, table.n_columns) == (3, 3)
    prose = [line for pair in zip(column(50, 4, "l"), column(400, 4, "r"), strict=True) for line in pair]
    assert aligned.find_aligned_tables(prose) == prose


def test_lines_become_paragraphs_at_gaps_and_indents() -> None:
    lines = [run("First line of one", 50, 100), run("and its second.", 50, 112), run("A second one", 50, 140)]
    lines += [run("goes on here.", 50, 152), run("A third is indented", 65, 164), run("and goes on.", 50, 176)]
    built = [box.text for box in blocks.build_blocks(lines, BODY) if isinstance(box, Block)]
    assert built == ["First line of one and its second.", "A second one goes on here.", "A third is indented and goes on."]


def test_headings_are_large_or_bold_and_short() -> None:
    lines = [run("Title", 50, 50, height=20), run("A section", 50, 100, height=14), run("Bold words", 50, 150, bold=True)]
    lines += [run("Large but a sentence, with its end.", 50, 200, height=14), run("Plain words", 50, 250)]
    built = [box for box in blocks.build_blocks(lines, BODY) if isinstance(box, Block)]
    assert [(box.kind, box.level) for box in built] == [
        ("heading", 1),
        ("heading", 2),
        ("heading", 3),
        ("paragraph", 0),
        ("paragraph", 0),
    ]


def test_lists_keep_their_markers_and_levels() -> None:
    lines = [run("• one", 50, 100), run("goes on", 58, 112), run("• two", 70, 124), run("1. three", 50, 136)]
    built = [box for box in blocks.build_blocks(lines, BODY) if isinstance(box, Block)]
    assert [(box.marker, box.text, box.level) for box in built] == [("•", "one goes on", 0), ("•", "two", 1), ("1.", "three", 0)]


def test_code_keeps_its_lines_and_indents() -> None:
    lines = [run("def f():", 50, 100, mono=True), run("return 1", 70, 112, mono=True), run("f()", 50, 136, mono=True)]
    (block,) = blocks.build_blocks(lines, BODY)
    assert isinstance(block, Block) and block.text == "def f():\n    return 1\n\nf()"


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["a hyphen-", "ated word"], "a hyphenated word"),
        (["the North-", "South line"], "the North- South line"),
        (["a dash -", "and more"], "a dash - and more"),
        (["한국어", "문장"], "한국어 문장"),
        (["日本", "語"], "日本語"),
    ],
)
def test_lines_are_joined_as_their_script_is_written(lines: list[str], joined: str) -> None:
    assert blocks.join_lines(lines) == joined


def test_running_lines_are_found_by_their_repetition() -> None:
    pages = [
        [run("Board", 50, 20), run(f"Text {n}", 50, 20), run("Body", 50, 400), run(f"Page {n} of 3", 50, 820)] for n in (1, 2)
    ]
    pages[1][1] = run("Only here", 50, 20)
    assert find_furniture(pages, [842, 842]) == [{0, 3}, {0, 3}]


def test_rows_of_a_long_table_at_the_edges_of_pages_are_no_running_lines() -> None:
    """Their numbers grow, but not as the numbers of pages do; a page number stands alone or beside running lines."""
    pages = [
        [run("Stock", 50, 20), run(str(n + 9), 300, 20), run(str(22 * n), 50, 800), run(f"Article {22 * n} of all", 100, 800)]
        for n in (1, 2, 3)
    ]
    assert find_furniture(pages, [842] * 3) == [{0, 1}] * 3


def test_bold_lines_below_each_other_that_differ_a_little_in_size_are_two_headings() -> None:
    lines = [run("2 Model", 50, 100, height=12, bold=True), run("2.1 Notation", 50, 121, bold=True)]
    assert [getattr(block, "text", "") for block in blocks.build_blocks(lines, BODY)] == ["2 Model", "2.1 Notation"]


def test_a_line_with_a_wide_gap_goes_on_in_the_next_one_where_its_sentence_does() -> None:
    lines = [run("The estimate settles", 50, 100), run("after forty", 200, 100), run("returns, as everybody knows.", 50, 112)]
    assert len(blocks.build_blocks(lines, BODY)) == 1
    assert len(blocks.build_blocks([*lines[:2], run("Returns were sorted.", 50, 112)], BODY)) == 2


def test_a_wide_line_of_prose_below_a_table_is_not_its_last_row() -> None:
    cells = [run(text, left, 100 + 14 * row) for row in range(4) for text, left in ((f"Dune{row}", 50), (str(120 + row), 120))]
    prose = [run("Next", 50, 175), run("the estimate settles after forty", 120, 175)]
    table, *rest = aligned.find_aligned_tables([*cells, *prose])
    assert isinstance(table, Table) and table.n_rows == 4 and rest == prose


def test_numbered_headings_follow_their_numbers() -> None:
    made = [("Report", 1), ("1 One", 2), ("1.1 Part", 2), ("2 Two", 2), ("2.1.1 Deep", 5), ("Loose", 5)]
    page = [Block(0, 0, 1, 1, "heading", text, level) for text, level in made]
    (levelled,) = blocks.level_headings([page])
    assert [box.level for box in levelled if isinstance(box, Block)] == [1, 2, 3, 2, 4, 3]


def test_columns_in_the_middle_of_a_page_are_read_one_after_the_other() -> None:
    wide = [run(f"over both columns {PROSE} {PROSE}", 0, 40 + 12 * number) for number in range(8)]
    left = [run(f"left{number} {PROSE}", 0, 161 + 12 * number) for number in range(4)]
    right = [run(f"right{number} {PROSE}", 270, 156 + 12 * number) for number in range(4)]
    after = [run(f"after both columns {PROSE} {PROSE}", 0, 240 + 12 * number) for number in range(8)]
    ordered = [line.text.split()[0] for line in reading_order.order_columns([*wide, *right, *left, *after])]
    assert ordered == ["over"] * 8 + [f"left{n}" for n in range(4)] + [f"right{n}" for n in range(4)] + ["after"] * 8


def test_arabic_and_hebrew_are_read_from_the_right() -> None:
    placed = [run("12", 0, 0), run("שלום", 20, 0), run("Quay", 50, 0), run("Five", 75, 0), run("עולם", 100, 0)]
    (line,) = layout.join_words(placed)
    assert line.text == "עולם Quay Five שלום 12"
    (line,) = layout.join_words([run("4.", 0, 0), run("שלום", 15, 0), run("עולם", 40, 0)])
    assert line.text == "4. עולם שלום"


def test_a_korean_word_divided_at_the_end_of_a_line_is_put_together() -> None:
    assert (
        blocks.join_lines(["크레인 두 대를 수리하였", "습니다. 북쪽 부두", "공사"])
        == "크레인 두 대를 수리하였습니다. 북쪽 부두 공사"
    )


def test_words_that_stand_in_columns_with_narrow_gaps_are_cells() -> None:
    rows = [("Gull", "12:30", "13:05"), ("Tern", "12:41", "13:17"), ("Skua", "12:59", "13:40")]
    placed = [run(text, 31 * c, 14 * r, height=10) for r, row in enumerate(rows) for c, text in enumerate(row)]
    lines = layout.join_words(placed)
    assert [line.text for line in lines] == [text for row in rows for text in row]


def test_a_numbered_heading_is_no_title_and_levels_have_no_gaps() -> None:
    sizes = (20.0, 14.0, 13.0)
    typography = Typography(10.0, sizes)
    levels = [
        blocks.heading_level([run(text, 0, 0, height=size)], text, typography) for text, size in zip("abc", sizes, strict=True)
    ]
    found = blocks.level_headings([[Block(0, 0, 9, 9, "heading", "Title", 1), Block(0, 9, 9, 9, "heading", "1 A", 3)]])
    assert levels == [1, 2, 3] and [box.level for box in found[0] if isinstance(box, Block)] == [1, 2]


def test_bare_numbers_before_the_items_of_a_list_get_a_point_and_those_of_a_table_do_not() -> None:
    items = [run(text, x, 100 + 12 * row) for row in range(3) for x, text in ((50, str(row + 1)), (68, f"item {row}"))]
    assert [line.text for line in layout.join_words(items)] == ["1. item 0", "2. item 1", "3. item 2"]
    head = [run("No", 50, 88), run("Name", 68, 88)]
    assert "1" in [line.text for line in layout.join_words([*head, *items])]


def test_columns_closer_than_usual_are_told_by_the_lines_that_begin_below_each_other() -> None:
    left = [Run(50, 100 + 14 * row, 245, 110 + 14 * row, f"left {row} {PROSE}") for row in range(8)]
    right = [Run(254, 100 + 14 * row, 450, 110 + 14 * row, f"right {row} {PROSE}") for row in range(8)]
    assert len(layout.join_words([*left, *right])) == 16


def test_what_follows_below_both_columns_is_read_after_them() -> None:
    left, right = column(50, 6, "l"), column(320, 6, "r")
    below = [run("a heading", 50, 200, height=14), run(f"and {PROSE}", 50, 222)]
    assert reading_order.order_columns([*left, *right, *below]) == [*left, *right, *below]


def test_a_heading_at_the_edge_below_a_title_in_the_middle_is_one_of_its_own() -> None:
    lines = [run("The title", 200, 100, height=20, bold=True), run("Summary", 50, 125, height=20, bold=True)]
    built = blocks.build_blocks([*lines, *column(50, 3, "p", 160)], BODY)
    assert texts_of(built)[:4] == ["", "The title", "", "Summary"]
