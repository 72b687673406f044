"""Scans are set upright, their lines become even, and lines in Hangul come from Tesseract."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents import make, scans
from tiny_moa.errors import ConversionFailed, DocumentRefused
from tiny_moa.experts.documents import pdf, scan, tesseract
from tiny_moa.experts.documents.content import Content, Picture
from tiny_moa.experts.documents.layout import Run


def corners(left: float, top: float, width: float, degrees: float) -> list[tuple[float, float]]:
    """A line of text that rises by some degrees, 20 high."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(left + x * cosine + y * sine, top - x * sine + y * cosine) for x, y in [(0, 0), (width, 0), (width, 20), (0, 20)]]


def word(text: str, left: float, top: float, height: float = 10) -> Run:
    return Run(left, top, left + 6 * len(text), top + height, text)


@settings(deadline=None)
@given(st.floats(-30, 30), st.integers(2, 12))
def test_the_skew_of_a_page_is_that_of_its_lines(degrees: float, n_lines: int) -> None:
    found = scan.skew([corners(50, 40 * number, 400, degrees) for number in range(n_lines)])
    assert math.isclose(found, degrees if abs(degrees) > 0.2 else 0.0, abs_tol=0.01) or abs(abs(degrees) - 0.2) < 0.01


def test_a_few_short_words_tell_no_skew() -> None:
    assert scan.skew([corners(0, 0, 30, 20), corners(0, 40, 400, 20)]) == 0.0


@settings(deadline=None)
@given(st.lists(st.floats(8, 60), max_size=20))
def test_lines_of_nearly_one_height_get_the_same_and_keep_their_middle(heights: list[float]) -> None:
    lines = [Run(0, 100, 50, 100 + height, "x") for height in heights]
    even = scan.even_heights(lines)
    assert all(math.isclose(a.middle, b.middle) for a, b in zip(lines, even, strict=True))
    assert all(abs(a.height - b.height) <= 0.21 * max(a.height, b.height) for a, b in zip(lines, even, strict=True))
    assert len({round(line.height, 6) for line in even}) <= len(set(heights))


def test_syllables_that_stand_close_become_one_word() -> None:
    places = [(24, 60, "2026"), (90, 20, "년"), (130, 20, "금"), (152, 20, "요일"), (200, 30, "No"), (233, 20, "3")]
    rows = [f"5\t1\t1\t1\t1\t1\t{left}\t50\t{width}\t20\t90\t{text}" for left, width, text in places]
    rows.append("5\t1\t1\t1\t2\t1\t24\t120\t40\t20\t90\t문의")
    assert tesseract.words_by_line("\n".join(["head", *rows]), 3) == ["2026년 금요일 No 3", "문의", ""]


@pytest.mark.parametrize(("text", "expected"), [("선석 A", True), ("berth 선", False), ("12:30", False), ("", False)])
def test_hangul_is_told_from_other_letters(text: str, expected: bool) -> None:
    assert tesseract.has_hangul(text) is expected


def test_only_large_bitmaps_without_words_are_recognised() -> None:
    large, small = Picture(0, 0, 600, 400), Picture(0, 500, 200, 600)
    page = Content(600, 800, (word("caption", 10, 420),), pictures=(large, small))
    assert [(region.top, region.bottom) for region in pdf.wanted_regions(page)] == [(0, 400)]
    covered = Content(600, 800, tuple(word("word", 10, 20 * number) for number in range(9)), pictures=(large,))
    assert pdf.wanted_regions(covered) == []


@pytest.mark.parametrize("goes_up", [True, False])
def test_a_page_of_turned_words_is_set_upright(goes_up: bool) -> None:
    words = [Run(100 + 20 * row, 300, 112 + 20 * row, 400, f"line{row}") for row in range(6)]
    turned = pdf.upright(Content(600, 800, (), tuple(words), turned_goes_up=goes_up))
    assert (turned.width, turned.height) == (800, 600)
    ordered = [run.text for run in sorted(turned.words, key=lambda run: run.top)]
    assert ordered == [run.text for run in (words if goes_up else reversed(words))]
    assert all(run.right - run.left == 100 and run.bottom - run.top == 12 for run in turned.words)


@pytest.mark.docling
def test_without_the_ocr_package_a_scan_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("docling")
    from tiny_moa.experts.documents.convert import convert

    monkeypatch.setattr(scan, "is_installed", lambda: False)
    answer = convert(make.mixed_pdf(), "mixed.pdf", suffix=".pdf", seconds=60)
    assert answer["status"] == "partial" and [page["engine"] for page in answer["pages"]] == ["text", "none"]
    assert answer["warnings"] == ["page 2: no text layer; OCR is not installed"]
    with pytest.raises(ConversionFailed, match=r"is a scan.*tiny-moa\[ocr\]"):
        convert(make.scan_pdf(), "scan.pdf", suffix=".pdf", seconds=60)


@pytest.mark.docling
def test_hangul_without_tesseract_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rapidocr")
    from tiny_moa.experts.documents.convert import convert

    monkeypatch.setattr(tesseract, "reads_korean", lambda: False)
    content = scans.saved(scans.korean_notice(), "PNG")
    try:
        answer = convert(content, "notice.png", suffix=".png", seconds=60)
    except ConversionFailed as exc:
        assert "Korean needs Tesseract" in str(exc)
    else:
        assert answer["status"] == "partial" and "Korean needs Tesseract" in answer["warnings"][0]


@pytest.mark.docling
@pytest.mark.skipif(not tesseract.reads_korean(), reason="Tesseract with Korean is not installed")
def test_a_korean_scan_is_read_by_tesseract() -> None:
    reading = scan.read_picture(scans.scanned(scans.korean_notice(), degrees=1.5), seconds=60)
    text = "".join(line.text for line in sorted(reading.lines, key=lambda line: line.top))
    assert scans.KOREAN[0] in text and "051-555-0199" in text


@pytest.mark.docling
def test_bad_pictures_are_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    from tiny_moa.experts.documents import bitmaps

    with pytest.raises(ConversionFailed, match="damaged"):
        bitmaps.picture_as_pdf(b"no picture", "a.png")
    monkeypatch.setattr(bitmaps, "MAX_PIXELS", 1000)
    with pytest.raises(DocumentRefused, match="1240 x 560 pixels"):
        bitmaps.picture_as_pdf(scans.saved(scans.notice(), "PNG"), "a.png")
