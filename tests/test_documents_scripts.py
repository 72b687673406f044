"""Korean, Arabic and Hebrew pages: words divided at the ends of lines, pages that run the other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts.documents.glyphs import _joined_lams, _Letter, _whole
from tiny_moa.experts.documents.hangul import UNKNOWN, Wording, is_divided, measure_wording
from tiny_moa.experts.documents.layout import Box, Run, join_words
from tiny_moa.experts.documents.mirror import mirror, runs_right_to_left

DIVIDES = Wording(True, frozenset({"길잡이가", "등대는", "바다를"}))


def line(text: str, number: int, *, width: float, left: float = 50.0, space: float = 0.0) -> Run:
    return Run(left, 100 + 15 * number, left + width, 110 + 15 * number, text, space=space)


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [
        ("길잡이가 되", "어 왔다.", True),
        ("1903년에 인", "천 앞바다의", True),
        ("작은 방법", "이다.", True),
        ("먼저 갖추게", "된다.", False),
        ("다니는 길잡", "이가 되어", True),  # seen elsewhere as one
        ("그 등대는", "바다를 본다", False),  # each seen elsewhere by itself
        ("섬에 세워졌으며,", "그 뒤로", False),
        ("봄부터", "가을까지", False),
        ("the quay", "등대", False),
    ],
)
def test_words_are_put_together_where_lines_divide_them(above: str, below: str, whole: bool) -> None:
    assert is_divided(above, below, DIVIDES) is whole


def test_words_are_left_apart_where_lines_end_with_words() -> None:
    assert not is_divided("길잡이가 되", "어 왔다.", Wording(False))
    assert is_divided("처리하였", "습니다.", UNKNOWN) and not is_divided("작은", "섬에", UNKNOWN)


def test_full_lines_show_that_words_are_divided_and_ragged_ones_that_they_are_not() -> None:
    full = [line("등대는 오랫동안 바다를 오가는", number, width=200 - number % 3) for number in range(8)]
    ragged = [line("등대는 오랫동안 바다를 오가는", number, width=200 - 30 * (number % 3)) for number in range(8)]
    assert measure_wording([full]).divides is True
    assert measure_wording([ragged]).divides is False
    assert measure_wording([full[:2]]).divides is None


def test_stretched_spaces_show_what_a_justified_line_lacked() -> None:
    lines = [line("등대는 오랫동안 바다를 오가는", number, width=200, space=12.0) for number in range(8)]
    assert measure_wording([[*lines, line("배들의 길잡이가 되었다", 8, width=90, space=3.0)]]).divides is False


def test_a_mirrored_line_is_read_from_the_right_and_its_latin_words_from_the_left() -> None:
    words = [Run(left, 10, left + 20, 20, text) for left, text in ((200, "כתובת"), (175, "ha.eu"), (150, "page"), (125, "המשרד"))]
    assert runs_right_to_left(words)
    (read,) = join_words(mirror(words, 300))
    assert read.text == "כתובת page ha.eu המשרד"


def test_the_end_of_a_sentence_stays_at_its_number() -> None:
    (read,) = join_words(mirror([Run(200, 10, 240, 20, "טלפון"), Run(150, 10, 195, 20, ".03-5551234")], 300))
    assert read.text == "טלפון 03-5551234."


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, 80)), max_size=8))
def test_mirroring_twice_gives_the_places_back(places: list[tuple[int, int]]) -> None:
    boxes = [Box(left, 0, left + width, 10) for left, width in places]
    assert mirror(mirror(boxes, 612), 612) == boxes


def test_a_ligature_of_lam_and_alef_is_read_lam_first() -> None:
    letters = [_Letter(text, x, x + 3, 0, 12, "", False, 0) for text, x in (("ا", 20), ("ا", 10), ("ل", 10), ("ث", 5))]
    assert "".join(letter.text for letter in _joined_lams(letters)) == "الاث"


@given(st.integers(0x10000, 0x10FFFF))
def test_halves_of_a_letter_are_put_together(code: int) -> None:
    high, low = 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)
    assert _whole(high, low) == code
    assert _whole(0, low) == 0xFFFD and _whole(0, 0x41) == 0x41
