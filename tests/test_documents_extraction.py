"""Values are copied out of a document in the form of a schema, and what the document does not hold is flagged."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from tests.fakes import ScriptedLauncher
from tests.teams import scripted_team
from tiny_moa.experts.documents import Page
from tiny_moa.experts.documents.extraction import find_page, judge, numbers_in
from tiny_moa.server.app import build_server

SCHEMA = {
    "type": "object",
    "properties": {"invoice": {"type": "string", "description": "number of the invoice"}, "total": {"type": "number"}},
    "required": ["invoice", "total"],
}
PAGES = (Page(1, "Invoice  NO-17\n\nGreetings"), Page(2, "| Total | 1,234.50 |\n\n합계 900원"))


@pytest.mark.parametrize(
    ("value", "page"),
    [
        ("no-17", 1),
        (1234.5, 2),
        (1234, None),
        (234.5, None),
        ("1,234.50", 2),
        ("1234.50", 2),
        (900, 2),
        (90, None),
        ("Greeting", None),
        ("", None),
        (True, None),
    ],
)
def test_the_page_of_a_value_is_where_it_stands_as_a_word(value: object, page: int | None) -> None:
    assert find_page(value, PAGES) == page


def test_a_text_that_stands_nowhere_is_left_out_where_nothing_is_allowed_and_only_flagged_elsewhere() -> None:
    maybe = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    line = {"type": "object", "properties": {"code": {"type": ["string", "null"]}}}
    properties = {
        "vat": maybe,
        "to": maybe,
        "kind": {"enum": ["bill", None]},
        "day": {"type": ["string", "null"], "format": "date"},
        "name": {"type": "string"},
        "lines": {"type": "array", "items": line},
    }
    given_ = {"vat": "123456", "to": "Greetings", "kind": "bill", "day": "2026-11-03", "name": "Bo", "lines": [{"code": "x9"}]}
    found = judge(given_, {"type": "object", "properties": properties}, PAGES)
    assert found.values == given_ | {"vat": None, "lines": [{"code": None}]}
    assert found.faults == (
        "vat: '123456' does not stand in the document and was left out",
        "lines.0.code: 'x9' does not stand in the document and was left out",
        "kind: 'bill' does not stand in the document",
        "day: '2026-11-03' does not stand in the document",
        "name: 'Bo' does not stand in the document",
    )


@given(st.integers(0, 10**9), st.integers(0, 99), st.sampled_from([",.", ".,", "'.", "\u00a0,", " ."]))
def test_a_price_stands_there_in_any_way_of_writing_it(whole: int, cents: int, marks: str) -> None:
    thousands = marks[0].strip(" ")
    written = f"{whole:,}".replace(",", thousands) + f"{marks[1]}{cents:02}"
    assert Decimal(f"{whole}.{cents:02}") in numbers_in(f"The total is {written} EUR, due in 2026.")


def test_figures_of_dates_and_names_are_no_other_numbers() -> None:
    assert numbers_in("No-17 of 03.11.2026, A4, v1.2.3, 5kg, 제3조") == {17, 5, 3}


def test_values_are_checked_by_the_schema_and_looked_up_one_by_one() -> None:
    found = judge({"invoice": "NO-17", "total": "900"}, SCHEMA, PAGES)
    assert [(field.path, field.page) for field in found.fields] == [("invoice", 1), ("total", 2)]
    assert found.faults == ("total: '900' is not of type 'number'",)
    invented = judge({"invoice": "NO-99", "total": 900}, SCHEMA, PAGES)
    assert invented.faults == ("invoice: 'NO-99' does not stand in the document",)


async def test_the_tool_gives_json_with_the_page_of_each_value(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    text = "# Bill\n\n" + "\n\n".join(page.markdown for page in PAGES) + "\n\n" + "Nothing to see here.\n\n" * 400
    (tmp_path / "docs" / "bill.md").write_text(text, encoding="utf-8")
    launcher = ScriptedLauncher('{"invoice": "NO-17", "total": 900}')
    async with Client(build_server(scripted_team(tmp_path, launcher, roots=[tmp_path / "docs"]))) as client:
        result = await client.call_tool("parse_document", {"source": "bill.md", "extract": SCHEMA})
        assert not result.is_error, result.content
        assert result.structured_content is not None
        assert result.structured_content["values"] == {"invoice": "NO-17", "total": 900}
        assert [field["page"] for field in result.structured_content["fields"]] == [1, 1]
        (request,) = launcher.runtimes[0].requests
        assert request.schema == SCHEMA
        assert "NO-17" in request.messages[-1].content and len(request.messages[-1].content) < 4_500
        for schema, words in (({"type": "nothing"}, "is no JSON Schema"), ({"type": "object"}, "with properties")):
            refused = await client.call_tool("parse_document", {"source": "bill.md", "extract": schema})
            assert refused.is_error and words in str(refused.content)


async def test_a_model_that_is_cut_off_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bill.md").write_text("# Bill NO-17", encoding="utf-8")
    launcher = ScriptedLauncher('{"invoice": "NO-1')
    async with Client(build_server(scripted_team(tmp_path, launcher, roots=[tmp_path]))) as client:
        result = await client.call_tool("parse_document", {"source": "bill.md", "extract": SCHEMA})
        assert result.is_error
        assert "was cut off" in str(result.content)
        assert "ask for less" in str(result.content)
