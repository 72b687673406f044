"""docling's standard pipeline as a tier: found, chosen by the page, and never in the way of a page's text."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.documents import corpus_pdf, make
from tests.documents.layout_pipeline import Region, scripted_pipeline
from tests.documents.pdf import PdfPage, write_pdf
from tests.teams import scripted_team
from tests.test_documents_reader import FAKE, REPOSITORY, Recorder, soon
from tiny_moa.doctor import diagnose
from tiny_moa.errors import ConversionFailed, SettingsError
from tiny_moa.experts.documents import DocumentCache, DocumentLibrary, DocumentReader
from tiny_moa.experts.documents.artifacts import (
    LAYOUT_FILES,
    LAYOUT_MODEL,
    PACKAGES,
    TABLE_FOLDER,
    TABLE_MODEL,
    TABLE_REVISION,
    find_layout,
)
from tiny_moa.experts.documents.content import Content
from tiny_moa.experts.documents.layout import Run
from tiny_moa.experts.documents.loading import hidden_models
from tiny_moa.experts.documents.placed import LEFT_OUT, NOTHING_FOUND, REPEATED
from tiny_moa.experts.documents.standard import LayoutModels, LayoutReader
from tiny_moa.experts.documents.versions import name_versions
from tiny_moa.server.describe import describe_status
from tiny_moa.settings import load_settings

NOTICE: Sequence[Region] = (
    ("section_header", 48, 60, 400, 86),
    ("text", 48, 95, 560, 140),
    ("list_item", 48, 150, 560, 166),
    ("list_item", 48, 166, 560, 182),
    ("table", 48, 195, 352, 272),
    ("code", 48, 290, 400, 330),
    ("page_footer", 48, 800, 400, 825),
)


@pytest.fixture
def full_docling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it look as if full docling was installed, which this environment must not have."""
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: real("json") if name in PACKAGES else real(name, *rest))


def write_artifacts(folder: Path, *, tables: bool = False) -> Path:
    write_files(folder / LAYOUT_MODEL, LAYOUT_FILES)
    if tables:
        write_files(folder / TABLE_MODEL / TABLE_FOLDER, ("tm_config.json", "tableformer_accurate.safetensors"))
    return folder


def write_files(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{}", encoding="utf-8")


def notice_pdf() -> bytes:
    """A page with everything that the model has a label for."""
    page = PdfPage()
    page.text(50, 80, "Opening hours", size=18, font="F2")
    page.text(50, 110, "The office “North” is open from nine to five. Prices are on the")
    page.text(50, 122, "harbour pages.")
    page.link(50, 112, 120, 126, "https://example.org/prices")
    page.text(50, 162, "• bring a pen")
    page.text(50, 178, "• sign")
    page.table(50, 200, [100, 100, 100], [("Berth", "Depth", "Use"), ("A1", "12.5 m", "bulk"), ("B2", "9 m", "ferry")])
    page.text(50, 303, "def open():", font="F3")
    page.text(50, 315, "    return True", font="F3")
    page.text(50, 815, "Harbour office, print 7")
    return write_pdf([page])


def turned_pdf() -> bytes:
    """A page whose text runs upwards."""
    page = PdfPage()
    for number in range(8):
        at = 100 + 20 * number
        page.commands.append(f"BT /F1 12 Tf 0 1 -1 0 {at} 120 Tm (Line {number} runs up along the side of the page.) Tj ET")
    return write_pdf([page])


def read(
    content: bytes, load: Callable[[], Any], *, seconds: float = 120, wanted: tuple[int, int] = (1, 99)
) -> tuple[list[Mapping[str, Any]], Mapping[str, Any], Any]:
    """Read a PDF with these models; gives its pages, what was recorded, and docling's document."""
    pytest.importorskip("docling")
    from tiny_moa.experts.documents.export import export_pages
    from tiny_moa.experts.documents.loading import load_for_pdf
    from tiny_moa.experts.documents.pdf import PageRecord, read_pdf

    load_for_pdf()
    record = PageRecord()
    result = read_pdf(content, wanted, 120, None, record, LayoutReader(LayoutModels(load), content, seconds))
    pages = export_pages(result, record.engines, first=wanted[0], last=wanted[1])
    return pages, vars(record), result.document


def test_without_full_docling_the_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = importlib.util.find_spec
    # The absence of installed packages can only be shown by hiding them.
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in PACKAGES else real(name, *rest))
    tier = find_layout({"TINY_MOA_DOCLING_MODELS": str(write_artifacts(tmp_path))})
    assert (tier.folder, tier.key) == (None, "none")
    assert "no torch" in tier.detail and 'pip install "docling' in tier.remedy
    finding = next(found for found in diagnose({}, {}) if found.what == "layout model")
    assert (finding.is_good, finding.detail) == (None, tier.detail)


@pytest.mark.usefixtures("full_docling")
def test_the_files_are_looked_for_where_docling_puts_them(tmp_path: Path) -> None:
    usual = tmp_path / ".cache" / "docling" / "models"
    missing = find_layout({"HOME": str(tmp_path)})
    assert missing.folder is None and str(usual) in missing.detail and "docling-tools models download" in missing.remedy
    write_artifacts(usual)
    assert find_layout({"HOME": str(tmp_path)}).folder == usual
    own = write_artifacts(tmp_path / "own", tables=True)
    named = find_layout({"HOME": str(tmp_path), "DOCLING_ARTIFACTS_PATH": str(own)})
    assert (named.folder, named.artifacts, named.has_tables) == (own, own, True)
    assert named.summary == "used, with its table model"


@pytest.mark.usefixtures("full_docling")
def test_what_docling_fetched_by_itself_is_found_in_the_cache_of_the_hub(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    for model, revision, files, below in (
        (LAYOUT_MODEL, "main", LAYOUT_FILES, ""),
        (TABLE_MODEL, TABLE_REVISION, ("tm_config.json", "tableformer_accurate.safetensors"), TABLE_FOLDER),
    ):
        write_files(hub / f"models--{model}" / "snapshots" / "0a1b" / below, files)
        (hub / f"models--{model}" / "refs").mkdir()
        (hub / f"models--{model}" / "refs" / revision).write_text("0a1b", encoding="ascii")
    tier = find_layout({"HOME": str(tmp_path), "HF_HOME": str(tmp_path)})
    assert (tier.folder, tier.artifacts, tier.has_tables) == (hub, None, True)
    (hub / f"models--{LAYOUT_MODEL}" / "refs" / "main").write_text("ffff", encoding="ascii")
    assert find_layout({"HOME": str(tmp_path), "HF_HUB_CACHE": str(hub)}).folder is None


@pytest.mark.usefixtures("full_docling")
def test_the_folder_that_is_set_is_the_only_one(tmp_path: Path) -> None:
    write_artifacts(tmp_path / ".cache" / "docling" / "models")
    (tmp_path / "empty").mkdir()
    tier = find_layout({"HOME": str(tmp_path), "TINY_MOA_DOCLING_MODELS": str(tmp_path / "empty")})
    assert tier.folder is None and tier.detail == f"its files are not in {tmp_path / 'empty'}"


@pytest.mark.usefixtures("full_docling")
def test_each_file_is_needed_and_changes_the_key(tmp_path: Path) -> None:
    environ = {"TINY_MOA_DOCLING_MODELS": str(write_artifacts(tmp_path))}
    keys = {find_layout(environ).key}
    for name in LAYOUT_FILES:
        (tmp_path / LAYOUT_MODEL / name).write_text("{...}", encoding="utf-8")
        keys.add(find_layout(environ).key)
    write_artifacts(tmp_path, tables=True)
    keys.add(find_layout(environ).key)
    assert len(keys) == len(LAYOUT_FILES) + 2
    for name in LAYOUT_FILES:
        (tmp_path / LAYOUT_MODEL / name).unlink()
        assert find_layout(environ).folder is None
        write_artifacts(tmp_path)


@pytest.mark.usefixtures("full_docling")
def test_the_tier_can_be_turned_off_and_is_told_apart_in_the_cache(tmp_path: Path) -> None:
    environ = {"TINY_MOA_DOCLING_MODELS": str(write_artifacts(tmp_path))}
    off = find_layout({**environ, "TINY_MOA_LAYOUT": "off"})
    assert (off.folder, off.summary) == (None, "not used: turned off by TINY_MOA_LAYOUT")
    names = {name_versions(given) for given in (environ, {**environ, "TINY_MOA_LAYOUT": "off"})}
    assert len(names) == 2


def test_settings_refuse_what_is_neither_auto_nor_off_and_a_folder_that_is_none(tmp_path: Path) -> None:
    assert load_settings({"TINY_MOA_LAYOUT": "off", "TINY_MOA_DOCLING_MODELS": str(tmp_path)}).layout == "off"
    with pytest.raises(SettingsError, match="TINY_MOA_LAYOUT"):
        load_settings({"TINY_MOA_LAYOUT": "sometimes"})
    with pytest.raises(SettingsError, match="docling-tools models download"):
        load_settings({"TINY_MOA_DOCLING_MODELS": str(tmp_path / "gone")})


async def test_the_status_says_in_one_line_whether_the_tier_is_used(tmp_path: Path) -> None:
    said = describe_status(scripted_team(tmp_path, ""))["documents"]["layout"]
    assert said.startswith(("used", "not used: ")) and "\n" not in said


def test_hidden_models_cannot_be_imported_in_the_body_alone() -> None:
    before = {name: sys.modules.get(name) for name in ("torch", "transformers", "torchvision")}
    with hidden_models(), pytest.raises(ImportError):
        importlib.import_module("transformers" if "transformers" not in before or not before["transformers"] else "gone")
    assert {name: sys.modules.get(name) for name in before} == before


@pytest.mark.docling
def test_the_model_says_what_is_what_and_the_page_keeps_its_words() -> None:
    asked: list[int] = []
    (page,), record, document = read(notice_pdf(), lambda: scripted_pipeline({1: NOTICE}, asked))
    assert (asked, page["engine"], record["warnings"], record["is_passing"]) == ([1], "layout", {}, False)
    markdown = page["markdown"]
    assert markdown.startswith("# Opening hours\n\nThe office “North” is open")
    assert "[harbour pages](https://example.org/prices)" in markdown
    assert "- bring a pen\n- sign" in markdown
    assert "| A1 | 12.5 m | bulk |" in markdown and markdown.count("12.5 m") == 1
    assert "```\ndef open():\n    return True\n```" in markdown
    assert "print 7" not in markdown
    assert [text.text for text in document.texts if text.content_layer.value == "furniture"] == ["Harbour office, print 7"]


@pytest.mark.docling
def test_the_cells_are_those_of_the_table_model_where_there_is_one() -> None:
    rows = [["Berth", "Depth", "Use"], ["A1", "12.5 m, bulk", ""], ["B2", "9 m", "ferry"]]
    (page,), _, document = read(notice_pdf(), lambda: scripted_pipeline({1: NOTICE}, [], rows=rows))
    (table,) = document.tables
    assert "| A1 | 12.5 m, bulk | 12.5 m, bulk |" in page["markdown"]
    assert [(cell.text, cell.col_span) for cell in table.data.table_cells if cell.start_row_offset_idx == 1] == [
        ("A1", 1), ("12.5 m, bulk", 2),
    ]  # fmt: skip


@pytest.mark.docling
def test_only_the_pages_that_are_wanted_are_shown_to_the_model() -> None:
    asked: list[int] = []
    everything: Sequence[Region] = (("text", 10, 10, 585, 830),)
    pages, _, _ = read(make.long_pdf(9), lambda: scripted_pipeline({5: everything, 6: everything}, asked), wanted=(5, 6))
    assert sorted(asked) == [5, 6]
    assert [(page["number"], page["engine"]) for page in pages] == [(5, "layout"), (6, "layout")]


@pytest.mark.docling
def test_running_headers_that_the_model_took_for_text_are_furniture_all_the_same() -> None:
    whole: Sequence[Region] = (("text", 40, 15, 200, 40), ("section_header", 40, 60, 500, 90), ("text", 40, 810, 400, 835))
    asked: list[int] = []
    regions = {1: [*whole, ("text", 40, 95, 560, 500)], 2: [*whole, ("text", 40, 92, 560, 500)]}
    pages, _, _ = read(make.text_pdf(), lambda: scripted_pipeline(regions, asked))
    assert [page["engine"] for page in pages] == ["layout", "layout"]
    assert not any("Page 1 of 2" in page["markdown"] or "Harbour Board" in page["markdown"] for page in pages)
    assert pages[0]["markdown"].startswith("# Annual Harbour Report")


@pytest.mark.docling
@pytest.mark.parametrize(
    ("regions", "confidence", "said"),
    [
        ([], 0.9, NOTHING_FOUND),
        ([("text", 40, 60, 300, 90)], 0.9, NOTHING_FOUND),
        ([("picture", 40, 50, 560, 500)], 0.9, LEFT_OUT),
        (NOTICE, 0.3, NOTHING_FOUND),
    ],
)
def test_a_page_that_the_model_makes_little_of_is_read_without_it(
    regions: Sequence[Region], confidence: float, said: str
) -> None:
    (page,), record, _ = read(notice_pdf(), lambda: scripted_pipeline({1: regions}, [], confidence=confidence))
    assert (page["engine"], record["warnings"], record["is_passing"]) == ("text", {1: [said]}, False)
    assert "| A1 | 12.5 m | bulk |" in page["markdown"] and "print 7" in page["markdown"]


@pytest.mark.docling
def test_a_page_on_which_the_model_fails_is_read_without_it_and_the_others_with_it() -> None:
    content = make.long_pdf(3)
    everything: Sequence[Region] = (("text", 10, 10, 585, 830),)
    asked: list[int] = []
    pages, record, _ = read(content, lambda: scripted_pipeline({1: everything, 3: everything}, asked))
    assert sorted(asked) == [1, 2, 3]
    assert [page["engine"] for page in pages] == ["layout", "text", "layout"]
    assert record["warnings"] == {2: ["the layout model could not read the page"]} and record["is_passing"]
    assert all(page["markdown"] for page in pages)


@pytest.mark.docling
@pytest.mark.parametrize("maker", [corpus_pdf.hebrew_pdf, turned_pdf])
def test_pages_of_a_kind_that_the_model_does_not_know_are_not_shown_to_it(maker: Callable[[], bytes]) -> None:
    asked: list[int] = []
    pages, record, _ = read(maker(), lambda: scripted_pipeline({}, asked))
    assert (asked, [page["engine"] for page in pages], record["warnings"]) == ([], ["text"], {})


@pytest.mark.docling
def test_a_scan_is_left_to_character_recognition() -> None:
    pytest.importorskip("rapidocr")
    asked: list[int] = []
    pages, _, _ = read(corpus_pdf.mixed_pdf(), lambda: scripted_pipeline({1: [("text", 10, 10, 585, 830)]}, asked))
    assert (asked, [page["engine"] for page in pages]) == ([1], ["layout", "ocr"])


@pytest.mark.docling
def test_models_that_cannot_be_loaded_are_tried_once_and_every_page_says_so() -> None:
    tried: list[int] = []

    def load() -> Any:
        tried.append(1)
        raise OSError("truncated")

    pages, record, _ = read(make.long_pdf(3), load)
    assert len(tried) == 1 and [page["engine"] for page in pages] == ["text"] * 3
    said = "the layout model could not be loaded: OSError; TINY_MOA_LAYOUT=off reads without it"
    assert record["warnings"] == {number: [said] for number in (1, 2, 3)} and record["is_passing"]


@pytest.mark.docling
def test_models_that_load_for_too_long_are_not_waited_for() -> None:
    gate = threading.Event()
    try:
        pages, record, _ = read(make.long_pdf(2), gate.wait, seconds=0.01)
    finally:
        gate.set()
    assert [page["engine"] for page in pages] == ["text", "text"]
    assert all("not ready in time" in warning for (warning,) in record["warnings"].values())
    assert not record["is_stuck"]


class Stuck:
    """A pipeline that is not done with a page before it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.pipeline_options = type("Options", (), {"document_timeout": None})()

    def execute(self, in_doc: Any, raises_on_error: bool) -> Any:
        self.gate.wait()
        raise RuntimeError("let go")


@pytest.mark.docling
def test_a_page_that_does_not_end_is_given_up_and_its_process_is_not_used_again() -> None:
    pytest.importorskip("docling")
    stuck = Stuck()
    models = LayoutModels(lambda: stuck)
    models.wait(60)
    try:
        with pytest.raises(ConversionFailed, match="not ready in time"):
            models.read_page(make.long_pdf(1), 1, 0.01, grace=0.01)
        assert models.is_stuck
    finally:
        stuck.gate.set()


@pytest.mark.docling
def test_a_page_has_no_time_left_after_the_last_second() -> None:
    models = LayoutModels(Stuck)
    models.wait(60)
    with pytest.raises(ConversionFailed, match="no time left"):
        models.read_page(b"", 1, 0, grace=1)
    assert not models.is_stuck


@pytest.mark.docling
def test_a_conversion_with_broken_models_gives_the_pages_all_the_same(
    full_docling: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("docling")
    from tiny_moa.experts.documents.convert import convert

    for name, value in {"TINY_MOA_DOCLING_MODELS": str(write_artifacts(tmp_path)), "HF_HUB_OFFLINE": "1"}.items():
        monkeypatch.setenv(name, value)
    answer = convert(make.text_pdf(), "report.pdf", suffix=".pdf", seconds=120)
    assert [page["engine"] for page in answer["pages"]] == ["text", "text"] and answer["passing"] is True
    assert answer["status"] == "partial" and "pages 1-2: the layout model could not be loaded" in answer["warnings"][0]
    monkeypatch.setenv("TINY_MOA_LAYOUT", "off")
    answer = convert(make.text_pdf(), "report.pdf", suffix=".pdf", seconds=120)
    assert (answer["status"], answer["warnings"], answer["passing"]) == ("ok", [], False)


async def test_pages_that_another_try_may_read_better_are_not_kept_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "one.html").write_text("passing", encoding="utf-8")
    for _ in range(2):
        cache = DocumentCache(tmp_path / "cache", 1 << 20)
        library = DocumentLibrary([tmp_path / "docs"])
        reader = DocumentReader(library, cache=cache, environ={"PYTHONPATH": str(REPOSITORY)}, worker=FAKE)
        try:
            document = await reader.read("one.html", deadline=soon(), listener=Recorder())
        finally:
            await reader.aclose()
        assert not document.from_cache


@pytest.mark.docling
def test_what_is_used_of_docling_is_there() -> None:
    pytest.importorskip("docling")
    from docling.backend.docling_parse_backend import ThreadedDoclingParseDocumentBackend
    from docling.datamodel.document import InputDocument
    from docling.datamodel.pipeline_options import LayoutObjectDetectionOptions, ThreadedPdfPipelineOptions
    from docling.document_converter import PdfFormatOption
    from docling.models.stages.table_structure.table_structure_model import TableStructureModel
    from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline

    usual = PdfFormatOption()
    assert (usual.pipeline_cls, usual.backend) == (StandardPdfPipeline, ThreadedDoclingParseDocumentBackend)
    assert list(inspect.signature(StandardPdfPipeline).parameters) == ["pipeline_options"]
    layout = LayoutObjectDetectionOptions().model_spec
    assert (layout.repo_id.replace("/", "--"), layout.revision) == (LAYOUT_MODEL, "main")
    tables = TableStructureModel
    assert (tables._model_repo_folder, f"{tables._model_path}/accurate") == (TABLE_MODEL, TABLE_FOLDER)
    assert f'revision="{TABLE_REVISION}"' in inspect.getsource(tables.download_models)
    execute = inspect.signature(StandardPdfPipeline.execute).parameters
    assert list(execute)[:3] == ["self", "in_doc", "raises_on_error"] and execute["progress"].default is None
    assert list(execute)[:3] == list(inspect.signature(Stuck.execute).parameters)
    assert {"format", "backend", "filename", "limits"} <= set(inspect.signature(InputDocument.__init__).parameters)
    used = {"artifacts_path", "do_ocr", "do_table_structure", "accelerator_options", "document_timeout"}
    assert used | {"stage_shutdown_timeout_seconds"} <= set(ThreadedPdfPipelineOptions.model_fields)


@pytest.mark.docling
def test_a_page_whose_text_came_twice_is_read_without_the_model() -> None:
    pytest.importorskip("docling")
    from docling_core.types.doc import BoundingBox, CoordOrigin, DocItemLabel, DoclingDocument, ProvenanceItem, Size

    from tiny_moa.experts.documents.placed import place

    document = DoclingDocument(name="twice")
    document.add_page(page_no=1, size=Size(width=100, height=100))
    where = BoundingBox(l=0, t=0, r=90, b=20, coord_origin=CoordOrigin.TOPLEFT)
    for _ in range(2):
        document.add_text(DocItemLabel.TEXT, "hello", prov=ProvenanceItem(page_no=1, bbox=where, charspan=(0, 5)))
    cluster = type("Cluster", (), {"cells": [type("Cell", (), {"text": "hello"})], "children": [], "confidence": 0.9})
    layout = type("Layout", (), {"clusters": [cluster]})
    page = type("Page", (), {"predictions": type("Predictions", (), {"layout": layout})})
    result = type("Result", (), {"document": document, "pages": [page]})
    with pytest.raises(ConversionFailed, match=REPEATED):
        place(result, 1, Content(100, 100, (Run(0, 0, 90, 20, "hello"),)))
