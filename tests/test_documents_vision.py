"""A vision model behind an endpoint reads scans when the user names one; a stand-in on the loopback answers here."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents import make, scans
from tests.test_documents_reader import Recorder
from tiny_moa.experts.documents import Document, DocumentLibrary, DocumentReader
from tiny_moa.experts.documents.blocks import Block
from tiny_moa.experts.documents.layout import Box
from tiny_moa.experts.documents.tables import Table
from tiny_moa.experts.documents.vision import Endpoint, find_endpoint, markdown_boxes
from tiny_moa.settings import load_settings

PAGE = Box(0, 0, 595, 842)
WRITTEN = "# Notice\n\nThe office closes\nat 17:30.\n\n| Fee | EUR |\n|---|---|\n| A1 | 12 |\n\n- bring a pen\n- sign\n"


class StandIn(BaseHTTPRequestHandler):
    """Answers one chat completion a request and keeps what it was asked."""

    asked: ClassVar[list[dict[str, Any]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        answer = json.dumps({"choices": [{"message": {"content": WRITTEN}}]}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    StandIn.asked, StandIn.status = [], 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


async def read(folder: Path, name: str, url: str) -> Document:
    reader = DocumentReader(DocumentLibrary([folder]), environ={"TINY_MOA_VLM_URL": url, "TINY_MOA_VLM_MODEL": "page-reader"})
    try:
        return await reader.read(name, deadline=anyio.current_time() + 120, listener=Recorder())
    finally:
        await reader.aclose()


@pytest.mark.docling
async def test_a_scan_is_read_by_the_vision_model_and_a_page_of_text_is_not(tmp_path: Path, url: str) -> None:
    pytest.importorskip("docling")
    from PIL import Image

    (tmp_path / "mixed.pdf").write_bytes(make.mixed_pdf())
    document = await read(tmp_path, "mixed.pdf", url)
    assert [page.engine for page in document.pages] == ["text", "vlm"] and document.status == "ok"
    assert "| A1 | 12 |" in document.pages[1].markdown and "The office closes at 17:30." in document.pages[1].markdown
    (asked,) = StandIn.asked
    assert asked["model"] == "page-reader"
    image, words = asked["messages"][0]["content"]
    assert words["text"].startswith("Convert this page to Markdown")
    drawn = Image.open(io.BytesIO(base64.b64decode(image["image_url"]["url"].removeprefix("data:image/png;base64,"))))
    assert min(drawn.size) > 800


@pytest.mark.docling
async def test_where_the_vision_model_fails_the_page_is_recognised_and_the_result_says_so(tmp_path: Path, url: str) -> None:
    pytest.importorskip("rapidocr")
    StandIn.status = 500
    (tmp_path / "notice.png").write_bytes(scans.saved(scans.notice(), "PNG"))
    document = await read(tmp_path, "notice.png", url)
    assert document.pages[0].engine == "ocr" and "17:30" in document.markdown
    assert document.status == "partial" and "vision model at '127.0.0.1' did not read" in document.warnings[0]


def test_the_endpoint_is_a_setting() -> None:
    assert find_endpoint({}) is None
    found = find_endpoint({"TINY_MOA_VLM_URL": "http://127.0.0.1:8080/v1/", "TINY_MOA_VLM_MODEL": "m"})
    assert found == Endpoint("http://127.0.0.1:8080/v1/chat/completions", "m") and found.host == "127.0.0.1"
    assert load_settings({"TINY_MOA_VLM_URL": "http://127.0.0.1:8080/v1"}).vlm_url == "http://127.0.0.1:8080/v1"


def test_what_the_model_writes_becomes_blocks_and_tables() -> None:
    heading, paragraph, table, first, second = markdown_boxes(WRITTEN, PAGE)
    assert isinstance(heading, Block) and (heading.kind, heading.text, heading.level) == ("heading", "Notice", 1)
    assert isinstance(paragraph, Block) and paragraph.text == "The office closes at 17:30."
    assert isinstance(table, Table) and [cell.text for cell in table.cells] == ["Fee", "EUR", "A1", "12"]
    assert [(box.text, box.marker) for box in (first, second) if isinstance(box, Block)] == [("bring a pen", "-"), ("sign", "-")]
    (code,) = markdown_boxes("```\nx = 1\n\ny = 2\n```", PAGE)
    assert isinstance(code, Block) and (code.kind, code.text) == ("code", "x = 1\n\ny = 2")


@settings(deadline=None)
@given(st.lists(st.text("ab ", min_size=1, max_size=8), max_size=12))
def test_no_word_of_a_written_page_is_lost(lines: list[str]) -> None:
    boxes = markdown_boxes("\n".join(lines), PAGE)
    assert "".join(box.text for box in boxes if isinstance(box, Block)).replace(" ", "") == "".join("".join(lines).split())
