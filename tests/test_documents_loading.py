"""docling in parts: what a PDF needs first, the rest while nobody asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.documents.pdf import PdfPage, write_pdf
from tiny_moa.child import ChildProcess
from tiny_moa.experts.documents.forks import CAN_FORK

ROOT = str(Path(__file__).parents[1])
LOADER = "tests.documents.slow_loader"
SAFETY_SECONDS = 60


@pytest.mark.skipif(not CAN_FORK, reason="workers are forked on POSIX only")
async def test_the_first_request_waits_for_the_first_part_and_a_later_worker_has_all_parts() -> None:
    child = ChildProcess(LOADER, "the loader", {"PYTHONPATH": ROOT})
    seen: list[dict[str, Any]] = []
    with anyio.fail_after(SAFETY_SECONDS):
        try:
            await child.start()
            while not seen or seen[-1]["loaded"] != ["first", "others"]:
                await child.send({"id": len(seen)})
                while (frame := await child.receive()).get("id") != len(seen):
                    pass
                seen.append(frame)
                await anyio.sleep(0.01)
        finally:
            await child.kill()
    assert all(frame["loaded"][0] == "first" for frame in seen)
    assert len({frame["worker"] for frame in seen}) == len({len(frame["loaded"]) for frame in seen})


@pytest.mark.skipif(not CAN_FORK, reason="workers are forked on POSIX only")
async def test_a_worker_that_loaded_something_of_its_own_outlives_the_loading_of_the_rest() -> None:
    child = ChildProcess(LOADER, "the loader", {"PYTHONPATH": ROOT})
    workers: set[int] = set()
    with anyio.fail_after(SAFETY_SECONDS):
        try:
            await child.start()
            for number in range(20):
                await child.send({"id": number, "kept": True})
                while (frame := await child.receive()).get("id") != number:
                    pass
                workers.add(frame["worker"])
                await anyio.sleep(0.01)
        finally:
            await child.kill()
    assert len(workers) == 1


@pytest.mark.docling
def test_a_pdf_is_read_without_pandas_or_the_libraries_of_other_formats() -> None:
    pytest.importorskip("docling")
    page = PdfPage()
    page.text(72, 72, "Read before the rest is there")
    others = ["pandas", "docx", "pptx", "openpyxl", "odfdo", "docling.document_converter"]
    code = (
        "import sys\n"
        "from tiny_moa.experts.documents.loading import load_docling\n"
        "parts = load_docling(); next(parts)\n"
        "from tiny_moa.experts.documents.convert import convert\n"
        f"print(convert({write_pdf([page])!r}, 'a.pdf', suffix='.pdf', seconds=60)['pages'][0]['markdown'])\n"
        f"print([name for name in {others} if name in sys.modules])\n"
        "for _ in parts: pass\n"
        "from docling_core.types.doc import DoclingDocument, TableCell, TableData\n"
        "cells = [TableCell(text=text, start_row_offset_idx=row, end_row_offset_idx=row + 1, start_col_offset_idx=0,\n"
        "                   end_col_offset_idx=1, column_header=row == 0) for row, text in enumerate(('Name', 'Ada'))]\n"
        "table = DoclingDocument(name='a').add_table(TableData(num_rows=2, num_cols=1, table_cells=cells))\n"
        "print(table.export_to_dataframe().to_dict('list'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.stdout.splitlines() == ["Read before the rest is there", "[]", "{'Name': ['Ada']}"], done.stderr


@pytest.mark.docling
def test_a_format_whose_library_is_missing_stops_no_other() -> None:
    pytest.importorskip("docling")
    code = (
        "import sys\n"
        "sys.modules['odfdo'] = None\n"
        "from tiny_moa.experts.documents.loading import load_docling\n"
        "for _ in load_docling(): pass\n"
        "print([name for name in ('docx', 'pptx', 'docling.backend.latex_backend') if name not in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=SAFETY_SECONDS, check=False)
    assert done.stdout == "[]\n", done.stderr
