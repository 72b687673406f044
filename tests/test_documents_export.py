"""What is said about pages is short, however many they are."""

from __future__ import annotations

from tiny_moa.experts.documents.export import summarise_warnings


def test_a_warning_is_said_once_with_its_pages() -> None:
    pages = [{"number": number, "warnings": ["scan"] if number != 4 else ["torn"]} for number in range(1, 8)]
    assert summarise_warnings(pages) == ["pages 1-3, 5-7: scan", "page 4: torn"]


def test_pages_without_warnings_give_none() -> None:
    assert summarise_warnings([{"number": 1, "warnings": []}]) == []
