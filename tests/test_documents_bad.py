"""Files made to hurt: each is a clear error of its kind, no process is left behind, and the next document is read."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from tests.documents import make
from tests.documents.pdf import protect, write_pdf
from tests.fakes import Recorder
from tiny_moa.errors import ConversionFailed, DocumentError, DocumentRefused, OutsideRoots
from tiny_moa.experts.documents import DocumentLibrary, DocumentReader

LEFT_BYTES = 1_600 << 20
"""What the document process and its worker may hold together after everything."""


def archive(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("[Content_Types].xml", "<Types/>")
        written.writestr(name, content)
    return packed.getvalue()


def nested_zip() -> bytes:
    """A Word file that holds a zip of a zip of zeros."""
    inner = archive("zeros", bytes(30 << 20))
    return archive("word/embeddings/a.zip", archive("b.zip", inner))


def entity_bomb() -> bytes:
    """A Word file whose text is a thousand million copies of a word, by entities."""
    names = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
    xml = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{"".join(names)}]><d>&e9;</d>'
    return archive("word/document.xml", xml.encode())


def many_objects() -> bytes:
    """A PDF with a hundred thousand objects that nothing needs, and one page."""
    content = write_pdf([make._scan()])
    body, tail = content.split(b"xref\n", 1)
    extra = b"".join(b"%d 0 obj\n<< /A [1 2 3] >>\nendobj\n" % (1000 + n) for n in range(100_000))
    return body + extra + b"xref\n" + tail  # the table is at the wrong place now, so that every object is looked at


def huge_image() -> bytes:
    """A PNG of 20000 x 20000 points in a few hundred kilobytes."""

    def part(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    head = (20_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(20_001)) for _ in range(20_000)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def wide_table() -> bytes:
    """A web page with a table of 100,000 cells."""
    return b"<table>" + (b"<tr>" + b"<td>x" * 100) * 1_000 + b"</table>"


FILES: dict[str, Callable[[], bytes]] = {
    "zero_pages.pdf": lambda: write_pdf([]),
    "html.pdf": lambda: b"<html><body>no PDF</body></html>",
    "empty.pdf": lambda: b"",
    "empty.docx": lambda: b"",
    "truncated.pdf": lambda: make.text_pdf()[:600],
    "secret.pdf": make.secret_pdf,
    "bomb.docx": make.bomb_docx,
    "nested_zip.docx": nested_zip,
    "entities.docx": entity_bomb,
    "large_part.docx": lambda: archive("word/document.xml", b"<w:p/>" * 10_000_000),
    "wide_table.html": wide_table,
    "owner_only.pdf": lambda: protect(write_pdf([make._scan()]), ""),
    "entities.html": lambda: b"<!DOCTYPE html [<!ENTITY a 'aaaa'>]>" + b"<div>" * 20_000,
    "far.xlsx": make.far_cell_xlsx,
    "objects.pdf": many_objects,
    "huge.png": huge_image,
    "no\nname.txt": lambda: b"text",
    "unknown.bin": lambda: bytes(range(256)),
}
READ_ANYWAY = {"objects.pdf", "owner_only.pdf"}
"""Odd, and readable when there is OCR."""
IMPATIENT = {"wide_table.html": 3.0}
"""Seconds given to what would be read in the end."""


def descendants(pid: int) -> list[int]:
    """Give the processes below one, by the system's own table."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    below = parents.get(pid, [])
    return below + [deeper for child in below for deeper in descendants(child)]


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.docling
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks at processes as Linux shows them")
async def test_every_bad_file_is_an_error_and_a_good_one_is_read_after_it(tmp_path: Path) -> None:
    pytest.importorskip("docling")
    (tmp_path / "good.html").write_text("<h1>Good</h1>", encoding="utf-8")
    for name, maker in FILES.items():
        (tmp_path / name).write_bytes(maker())
    before = set(descendants(os.getpid()))
    reader = DocumentReader(DocumentLibrary([tmp_path]))
    errors: dict[str, DocumentError] = {}
    try:
        for number, name in enumerate(FILES):
            try:
                await reader.read(name, deadline=anyio.current_time() + IMPATIENT.get(name, 60), listener=Recorder())
            except DocumentError as exc:
                errors[name] = exc
            (tmp_path / "good.html").write_text(f"<h1>Good {number}</h1>", encoding="utf-8")
            good = await reader.read("good.html", deadline=anyio.current_time() + 60, listener=Recorder())
            assert good.markdown == f"# Good {number}"
        left = set(descendants(os.getpid())) - before
        assert len(left) <= 2
        assert sum(map(resident_bytes, left)) < LEFT_BYTES
    finally:
        await reader.aclose()
    assert set(errors) >= set(FILES) - READ_ANYWAY
    assert all(type(error) is not DocumentError and len(str(error)) < 500 for error in errors.values())
    assert not any(str(tmp_path) in str(error) for error in errors.values())
    assert set(descendants(os.getpid())) - before == set()


def reader_of(folder: Path) -> DocumentReader:
    return DocumentReader(DocumentLibrary([folder]), worker="no.such.module")


async def test_a_pipe_a_device_and_a_link_out_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    os.mkfifo(tmp_path / "root" / "pipe.txt")
    (tmp_path / "root" / "zero.txt").symlink_to("/dev/zero")
    (tmp_path / "root" / "link.txt").symlink_to(tmp_path / "secret.txt")
    reader = reader_of(tmp_path / "root")
    for name, kind in (("pipe.txt", DocumentRefused), ("zero.txt", OutsideRoots), ("link.txt", OutsideRoots)):
        with anyio.fail_after(10), pytest.raises(kind):
            await reader.read(name, deadline=anyio.current_time() + 60, listener=Recorder())


async def test_a_file_that_becomes_a_pipe_after_it_was_found_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    library = DocumentLibrary([tmp_path])
    ref = library.locate("a.txt")
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    monkeypatch.setattr(library, "locate", lambda source: ref)  # the moment between finding and opening
    with anyio.fail_after(10), pytest.raises(DocumentRefused, match="not a plain file"):
        await DocumentReader(library).read("a.txt", deadline=anyio.current_time() + 60, listener=Recorder())


async def test_a_file_that_grew_after_it_was_found_is_refused_and_read_at_the_next_call(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    library = DocumentLibrary([tmp_path])
    ref = library.locate("a.txt")
    (tmp_path / "a.txt").write_text("more text", encoding="utf-8")
    reader = DocumentReader(library)
    old, library.locate = library.locate, lambda source: ref  # type: ignore[method-assign]
    with pytest.raises(DocumentRefused, match="was changed while it was read"):
        await reader.read("a.txt", deadline=anyio.current_time() + 60, listener=Recorder())
    library.locate = old  # type: ignore[method-assign]
    assert (await reader.read("a.txt", deadline=anyio.current_time() + 60, listener=Recorder())).markdown == "more text"


async def test_texts_made_to_hurt_a_parser_are_read_as_they_are(tmp_path: Path) -> None:
    texts = {
        "line.md": "word " * 2_000_000,
        "quotes.md": ">" * 5_000 + " deep",
        "bomb.xml": '<!DOCTYPE d [<!ENTITY a "b">]><d>&a;</d>',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        document = await reader_of(tmp_path).read(name, deadline=anyio.current_time() + 60, listener=Recorder())
        assert document.markdown.strip() == text.strip()
    (tmp_path / "blank.txt").write_text(" ", encoding="utf-8")
    with pytest.raises(ConversionFailed):
        await reader_of(tmp_path).read("blank.txt", deadline=anyio.current_time() + 60, listener=Recorder())
