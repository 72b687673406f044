"""Real documents of every format through docling in its child process, and bad ones that must not harm it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from tests.documents import make, scans
from tests.test_documents_reader import Recorder
from tiny_moa.child import ChildProcess
from tiny_moa.errors import ConversionFailed, DocumentError, DocumentRefused, PasswordNeeded
from tiny_moa.experts.documents import Document, DocumentLibrary, DocumentReader, ReaderStatistics
from tiny_moa.experts.documents.converter import WORKER

pytestmark = pytest.mark.docling

BAD = {
    "corrupt.docx": lambda: make.handbook_docx()[:-2000],
    "not.docx": lambda: b"just words",
    "bomb.docx": make.bomb_docx,
    "far.xlsx": make.far_cell_xlsx,
    "nested.html": make.nested_html,
    "truncated.pdf": lambda: make.text_pdf()[:600],
    "noise.pdf": lambda: bytes(range(256)) * 20,
    "secret.pdf": make.secret_pdf,
    "blank.pdf": make.blank_pdf,
    "empty.html": lambda: b"<html><body></body></html>",
}


class Readings:
    """What came of every document, read one after the other by one reader."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.errors: dict[str, DocumentError] = {}
        self.statistics = ReaderStatistics()

    def pages(self, name: str) -> list[str]:
        return [page.markdown for page in self.documents[name].pages]


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    pytest.importorskip("docling")
    folder = make.make_documents(tmp_path_factory.mktemp("documents"))
    for name, maker in BAD.items():
        (folder / name).write_bytes(maker())
    found = Readings()

    async def read_all() -> None:
        reader = DocumentReader(DocumentLibrary([folder]))
        for name in [*BAD, *make.MAKERS]:
            try:
                found.documents[name] = await reader.read(name, deadline=anyio.current_time() + 60, listener=Recorder())
            except DocumentError as exc:
                found.errors[name] = exc
        found.statistics = reader.statistics()
        await reader.aclose()

    anyio.run(read_all)
    return found


def test_bad_documents_end_no_child_and_good_ones_are_read_after_them(readings: Readings) -> None:
    assert set(readings.errors) == {*BAD, "scan.pdf"}
    assert readings.statistics.restarts == 0


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("corrupt.docx", DocumentRefused, "damaged"),
        ("not.docx", DocumentRefused, "damaged"),
        ("bomb.docx", DocumentRefused, "143 MiB unpacked"),
        ("far.xlsx", DocumentRefused, "1048576 rows"),
        ("nested.html", DocumentRefused, "20002 deep"),
        ("truncated.pdf", ConversionFailed, "damaged|no text"),
        ("noise.pdf", ConversionFailed, "damaged"),
        ("secret.pdf", PasswordNeeded, "password"),
        ("blank.pdf", ConversionFailed, "no text"),
        ("empty.html", ConversionFailed, "no text"),
        ("scan.pdf", ConversionFailed, "no text|is a scan"),
    ],
)
def test_a_bad_document_gives_an_error_that_says_why(readings: Readings, name: str, kind: type, message: str) -> None:
    error = readings.errors[name]
    assert type(error) is kind
    assert re.search(message, str(error))


def test_a_word_file_keeps_its_structure_and_its_signs(readings: Readings) -> None:
    (page,) = readings.pages("handbook.docx")
    assert page.startswith("# Harbour handbook\n\n## Berths\n\nBerth 14 is <closed> & its key is named key_of_berth_14.")
    assert "- Northern quay\n    - Crane 3" in page
    assert "### Depths\n\n| Berth | Depth |\n| - | - |\n| A1 | 12.50 m |\n| B2 | 007 |" in page
    assert readings.documents["handbook.docx"].title == "Harbour handbook"


def test_korean_documents_keep_their_text(readings: Readings) -> None:
    (page,) = readings.pages("안내서.docx")
    assert page.startswith("# 항만 안내서\n\n## 선석 현황\n\n제14선석은 준설 공사로 폐쇄되었습니다.")
    assert "| 가-1 | 12미터 |" in page
    assert readings.pages("안내서.pdf") == [
        "# 항만 안내서\n\n제14선석은 준설 공사로 폐쇄되었습니다. 자세한 내용은 사무실에 문의하십시오."
    ]
    assert readings.pages("물때.html") == ["# 물때표\n\n만조는 오후입니다."]
    assert "| 광주 | 1500000 |" in readings.pages("도시.csv")[0]
    assert "cp949" in readings.documents["도시.csv"].warnings[0]


def test_every_slide_is_a_page(readings: Readings) -> None:
    first, second = readings.pages("ferry.pptx")
    assert first == "# Night ferry\n\n- Leaves at 23:40"
    assert second.startswith("# Fares") and "| Child | 4.50 |" in second


def test_every_sheet_is_a_page_under_its_name(readings: Readings) -> None:
    first, second = readings.pages("ledger.xlsx")
    assert first == "## Ledger 2026\n\n| Item | Sum |\n| - | - |\n| Rope | 12.5 |\n| Lamp | 3 |"
    assert second.startswith("## 요금표\n\n| 구분 | 요금 |")


def test_a_web_page_keeps_its_text_and_drops_its_scripts(readings: Readings) -> None:
    (page,) = readings.pages("tides.html")
    assert "# Tide table" in page and "& 16:37" in page and "| Mon | 4.1 m |" in page and "- neap tide" in page
    assert "hidden" not in page


def test_tables_of_commas_and_asciidoc_are_read(readings: Readings) -> None:
    assert readings.pages("cities.csv") == ["| City | Quay |\n| - | - |\n| Gwangju | North; inner |\n| Busan | South |"]
    assert readings.pages("pump.adoc")[0].startswith("# Pump guide\n\n## Starting\n\nOpen the valve first.\n\n- prime the pump")


def test_markdown_is_not_touched(readings: Readings) -> None:
    assert readings.pages("notes.md") == [make.markdown().decode()]


def test_a_pdf_is_read_in_order_with_headings_columns_and_tables(readings: Readings) -> None:
    first, _ = readings.pages("report.pdf")
    assert first.split("\n\n") == [
        "# Annual Harbour Report",
        "## 1 Introduction",
        "This report covers the year as a whole. It was written by the board, approved by the council and printed once.",
        "## 2 Basin",
        f"{make.LEFT} {make.LEFT} {make.LEFT}",
        "## 3 Cranes",
        f"{make.RIGHT} {make.RIGHT} {make.RIGHT}",
        "| Berth | Depth | Use |\n| - | - | - |\n| A1 | 12.5 m | bulk |\n| B2 | 9 m | passenger ferry |",
    ]


def test_a_pdf_keeps_lists_code_and_tables_without_rules(readings: Readings) -> None:
    _, second = readings.pages("report.pdf")
    assert second.split("\n\n") == [
        "### 3.1 Repairs",
        "The second page has one paragraph with a hyphenated word at the end of its line.",
        "- grease the bearings\n- test the brake, which takes longer than anybody thinks\n    - twice in winter",
        "| Part | Count | Price |\n| - | - | - |\n| Rope | 3 | 12.00 |\n| Lamp | 1 | 7.50 |",
        "```\npump --prime\n  --slowly\n```",
    ]


def test_running_headers_and_footers_are_gone(readings: Readings) -> None:
    text = readings.documents["report.pdf"].markdown
    assert "Harbour Board" not in text and "of 2" not in text


def test_a_page_without_text_makes_a_pdf_partial(readings: Readings) -> None:
    document = readings.documents["mixed.pdf"]
    assert [page.engine for page in document.pages] == ["text", "none"]
    assert document.status == "partial" and document.warnings[0].startswith("page 2: ")


def test_a_pdf_that_takes_too_long_gives_the_pages_it_has() -> None:
    pytest.importorskip("docling")
    from tiny_moa.experts.documents.convert import convert

    convert(make.mixed_pdf(), "warm.pdf", suffix=".pdf", seconds=60)
    answer: Mapping[str, object] = convert(make.long_pdf(60), "long.pdf", suffix=".pdf", seconds=0.2)
    assert answer["status"] == "partial" and answer["out_of_time"] is True
    assert "time was up after" in str(answer["warnings"])


async def test_the_child_loads_neither_torch_nor_transformers(tmp_path: Path) -> None:
    pytest.importorskip("docling")
    child = ChildProcess(WORKER, "the document process")
    await child.start()
    try:
        for name in ("handbook.docx", "report.pdf", "notice.png"):
            content = make.MAKERS[name]() if name in make.MAKERS else scans.saved(scans.notice(), "PNG")
            (tmp_path / name).write_bytes(content)
            request = {"op": "convert", "path": str(tmp_path / name), "name": name, "suffix": Path(name).suffix, "seconds": 30}
            await child.send({"id": 1, "digest": hashlib.sha256(content).hexdigest(), **request})
            with anyio.fail_after(60):
                while (answer := await child.receive()).get("id") is None or "done" in answer:
                    pass
                assert "pages" in answer
        await child.send({"id": 2, "op": "modules"})
        modules = (await child.receive())["modules"]
    finally:
        await child.kill()
    assert "docling.document_converter" in modules
    assert not {"torch", "transformers", "tensorflow"} & set(modules)


async def test_a_file_that_changed_on_the_way_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>new</p>", encoding="utf-8")
    child = ChildProcess(WORKER, "the document process")
    await child.start()
    try:
        await child.send(
            {
                "id": 1,
                "op": "convert",
                "path": str(tmp_path / "a.html"),
                "name": "a.html",
                "suffix": ".html",
                "digest": "0" * 64,
                "seconds": 30,
            }
        )
        with anyio.fail_after(60):
            assert await child.receive() == {"ready": True}
            answer = await child.receive()
    finally:
        await child.kill()
    assert answer["error"] == "DocumentRefused" and "changed while it was read" in answer["message"]
