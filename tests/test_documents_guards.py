"""Files that would cost unbounded time or memory are refused before a parser sees them; texts are decoded."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.documents import make
from tiny_moa.errors import DocumentRefused
from tiny_moa.experts.documents import guards
from tiny_moa.experts.documents.texts import decode_text


def archive(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members:
            written.writestr(name, content)
    return packed.getvalue()


def test_a_small_archive_passes() -> None:
    guards.check_archive(archive(("a.xml", b"<a/>")), "a.docx")


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="damaged or not of the format"):
        guards.check_archive(b"PK\x03\x04 and then nothing", "a.docx")


def test_a_zip_bomb_is_refused_by_what_it_declares() -> None:
    with pytest.raises(DocumentRefused, match="143 MiB unpacked and the limit is 32 MiB"):
        guards.check_archive(make.bomb_docx(), "bomb.docx")


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "MAX_MEMBERS", 3)
    with pytest.raises(DocumentRefused, match="holds 4 parts and the limit is 3"):
        guards.check_archive(archive(*((f"{number}.xml", b"") for number in range(4))), "a.docx")


def test_too_much_in_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "MAX_UNPACKED_BYTES", 3_000_000)
    with pytest.raises(DocumentRefused, match="4 MiB unpacked"):
        guards.check_archive(archive(*((f"{number}.png", b"\0" * 1_048_576) for number in range(4))), "a.docx")


@pytest.mark.parametrize(
    ("xml", "extent"),
    [
        (b"<sheetData/>", (0, 0)),
        (b'<c r="A1"><v>1</v></c>', (1, 1)),
        (b'<c r="B2" t="s"/><x:c s="1" r="D9"/>', (8, 3)),
        (b'<c r="A1"/><c r="XFD1048576"/>', (1048576, 16384)),
    ],
)
def test_the_extent_of_a_sheet_is_that_of_its_cells(xml: bytes, extent: tuple[int, int]) -> None:
    assert guards.sheet_extent(xml) == extent


def test_a_sheet_that_spans_millions_of_cells_is_refused() -> None:
    sheet = b'<worksheet><c r="A1"/><c r="XFD1048576"/></worksheet>'
    with pytest.raises(DocumentRefused, match="1048576 rows and 16384 columns"):
        guards.check_sheets(archive(("xl/worksheets/sheet1.xml", sheet)), "far.xlsx")


@pytest.mark.parametrize(
    ("html", "depth"),
    [
        ("", 0),
        ("plain", 0),
        ("<p>a<p>b<p>c", 1),
        ("<div><p>a</p><br><img src=x></div>", 2),
        ("<ul>" + "<li>a" * 50 + "</ul>", 2),
        ("<!-- <div><div> --><p>x</p>", 1),
        ("<script>if (a<b) { '<div><div>' }</script><p>x</p>", 1),
        ("<div/><div/>", 0),
        ("<div>" * 9 + "</div>" * 9, 9),
    ],
)
def test_the_depth_of_html_is_counted_as_browsers_do(html: str, depth: int) -> None:
    assert guards.html_depth(html) == depth


@given(st.text(alphabet="<>/divp ! -", max_size=200))
def test_the_depth_of_broken_html_is_bounded_by_its_tags(html: str) -> None:
    assert 0 <= guards.html_depth(html) <= html.count("<")


def test_deeply_nested_html_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="20002 deep and the limit is 400"):
        guards.check_html(make.nested_html().decode(), "deep.html")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_unicode_files_are_read_whatever_their_form(encoding: str) -> None:
    text = "Prices, among them those of the northern quay: 가격 12 €\n"
    assert decode_text(text.encode(encoding), "a.txt")[0] == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("도시,인구\n광주,1500000\n", "cp949"), ("Größe: 5 m, café, naïve, Äpfel\n", "cp1252"), ("1 € = £0.8", "cp1252")],
)
def test_the_encoding_of_an_old_file_is_guessed_and_said(text: str, encoding: str) -> None:
    decoded, warning = decode_text(text.encode(encoding), "a.txt")
    assert decoded == text
    assert warning is not None and encoding in warning


def test_markup_is_read_in_the_encoding_it_declares() -> None:
    text = "<meta charset='iso-8859-2'>Łódź"
    assert decode_text(text.encode("iso-8859-2"), "a.html", is_markup=True) == (text, None)


def test_a_binary_file_is_not_text() -> None:
    with pytest.raises(DocumentRefused, match="NUL bytes"):
        decode_text(bytes(range(256)) * 4, "a.txt")


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(content: bytes) -> None:
    try:
        text, _ = decode_text(content, "a.txt", is_markup=True)
    except DocumentRefused:
        assert b"\0" in content
    else:
        assert isinstance(text, str)


@given(st.text(min_size=1, max_size=200).filter(lambda text: "\0" not in text and "\ufeff" not in text))
def test_utf_8_comes_back_unchanged(text: str) -> None:
    assert decode_text(text.encode("utf-8"), "a.txt")[0] == text
