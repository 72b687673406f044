"""Every format that docling knows is read, or its absence has a reason."""

from __future__ import annotations

import pytest

from tiny_moa.experts.documents.formats import FORMATS, LEFT_OUT, SUPPORTED, find_format, why_not_read


@pytest.mark.docling
def test_every_format_of_docling_is_read_or_left_out_for_a_reason() -> None:
    pytest.importorskip("docling")
    from tiny_moa.experts.documents.convert import _docling

    known = {member.value for member in _docling().InputFormat}
    read = {kind.input_format for kind in FORMATS.values() if kind.input_format}
    assert read | set(LEFT_OUT) == known
    assert not read & set(LEFT_OUT)
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_suffixes_are_found_in_any_case_and_name_a_route() -> None:
    assert find_format(".PDF") is FORMATS[".pdf"] and find_format(".rtf") is None
    assert all(kind.suffix or kind.route in ("plain", "picture") for kind in FORMATS.values())
    assert all(word in SUPPORTED for word in ("DOCX", "PDF", "PNG", "EPUB", "email"))


@pytest.mark.parametrize(
    ("suffix", "to_do"),
    [
        (".doc", "docx"),
        (".PPT", "pptx"),
        (".xls", "xlsx"),
        (".rtf", "docx"),
        (".hwp", "PDF"),
        (".gz", "unpack"),
        (".mp3", "transcript"),
    ],
)
def test_what_is_not_read_is_refused_with_what_to_do(suffix: str, to_do: str) -> None:
    assert to_do in why_not_read(suffix) and find_format(suffix) is None
    assert SUPPORTED in why_not_read(".xyz")


@pytest.mark.docling
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("log.md", "---\ntitle: x\n---\n# Log\n\n- one\n", [("section_header", "Log"), ("list_item", "one")]),
        ("log.txt", "First.\nStill first.\n\nSecond.", [("text", "First.\nStill first."), ("text", "Second.")]),
        ("log.py", "a = 1\n\nb = 2\n", [("code", "a = 1\n\nb = 2\n")]),
    ],
)
def test_plain_texts_have_a_document_of_docling_too(name: str, text: str, expected: list[tuple[str, str]]) -> None:
    pytest.importorskip("docling")
    from tiny_moa.experts.documents.convert import convert

    found = convert(text.encode(), name, suffix=f".{name.partition('.')[2]}", seconds=60, wants=["docling"])["docling"]
    assert [(item["label"].replace("title", "section_header"), item["text"]) for item in found["texts"]] == expected
