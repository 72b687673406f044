"""What people see in documents of 31 kinds is in their Markdown: at least 95 of 100 checks hold, and none was lost."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.documents.corpus import CORPUS, EXPECTED, Check, check_document
from tests.test_documents_reader import Recorder
from tiny_moa.experts.documents import DocumentLibrary, DocumentReader

pytestmark = pytest.mark.docling

LEAST_SHARE = 0.95
_PICTURES = {"notice.png", "sideways.jpg", "receipt.webp", "mixed.pdf"}


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Check]]:
    """Every document read once by one reader, and compared with its expectations."""
    pytest.importorskip("docling")
    pytest.importorskip("rapidocr")
    folder = tmp_path_factory.mktemp("corpus")
    for name, maker in CORPUS.items():
        (folder / name).write_bytes(maker())
    found: dict[str, list[Check]] = {}

    async def read_all() -> None:
        reader = DocumentReader(DocumentLibrary([folder]))
        for name in CORPUS:
            document = await reader.read(name, deadline=anyio.current_time() + 300, listener=Recorder())
            found[name] = list(check_document(name, document.markdown))
            engines = {page.engine for page in document.pages}
            found[name].append((f"{name}: read by {sorted(engines)}", ("ocr" in engines) == (name in _PICTURES)))
        await reader.aclose()

    anyio.run(read_all)
    return found


def test_every_document_has_expectations_and_the_other_way_round() -> None:
    assert {Path(name).name for name in CORPUS} == {file.name.removesuffix(".toml") for file in EXPECTED.glob("*.toml")}
    assert len(CORPUS) >= 25


def test_nearly_all_that_people_see_is_there(checks: dict[str, list[Check]]) -> None:
    every = [check for found in checks.values() for check in found]
    failed = [what for what, holds in every if not holds]
    assert len(every) >= 250
    assert len(failed) <= (1 - LEAST_SHARE) * len(every), "\n".join(failed)


@pytest.mark.parametrize("name", CORPUS)
def test_no_document_loses_more_than_a_quarter(checks: dict[str, list[Check]], name: str) -> None:
    failed = [what for what, holds in checks[name] if not holds]
    assert 4 * len(failed) <= len(checks[name]), "\n".join(failed)
