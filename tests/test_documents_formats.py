"""Every format that docling knows is read, or its absence has a reason."""

from __future__ import annotations

import pytest

from tiny_moa.experts.documents.formats import FORMATS, LEFT_OUT, SUPPORTED, find_format


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
