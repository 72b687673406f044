"""The reader keeps one child, kills it when it must, and never lets a failure spoil the next call."""

from __future__ import annotations

import importlib.util
import itertools
import os
import select
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tiny_moa.errors import ConversionFailed, DocumentRefused, DocumentsMissing, InvalidRequest
from tiny_moa.experts.documents import DocumentCache, DocumentLibrary, DocumentReader, Reading, parse_pages
from tiny_moa.experts.documents import reader as reader_module

FAKE = "tests.documents.fake_worker"
REPOSITORY = Path(__file__).parents[1]
COUNT = itertools.count()


class Recorder:
    """Writes down the phases it hears."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, str]] = []

    def phase(self, phase: str, subject: str) -> None:
        self.phases.append((phase, subject))

    def wrote(self, text: str) -> None:
        raise AssertionError("a document is not written by a model")


def soon(seconds: float = 20) -> float:
    return anyio.current_time() + seconds


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[DocumentReader]:
    for order in ("echo one", "echo two", "crash", "hang", "refuse", "exhaust", "environ", "pid"):
        (tmp_path / f"{order.replace(' ', '_')}.html").write_text(order, encoding="utf-8")
    for order, pages in (("pages", 60), ("late", 9)):
        (tmp_path / f"{order}.pdf").write_text(f"{order} {pages}", encoding="utf-8")
    made = DocumentReader(
        DocumentLibrary([tmp_path]), environ={"PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "0"}, worker=FAKE
    )
    yield made
    await made.aclose()


def is_running(reader: DocumentReader) -> bool:
    return reader.statistics().is_running


async def test_a_document_is_converted_once_and_then_kept(reader: DocumentReader) -> None:
    listener = Recorder()
    first = await reader.read("echo_one.html", deadline=soon(), listener=listener)
    again = await reader.read("doc://echo_one.html", deadline=soon(), listener=listener)
    assert (first.markdown, first.status, first.from_cache) == ("echo one", "ok", False)
    assert (again.markdown, again.from_cache) == ("echo one", True)
    assert listener.phases == [("converting", "echo_one.html")]
    statistics = reader.statistics()
    assert (statistics.conversions, statistics.cache_hits, statistics.cached, statistics.restarts) == (1, 1, 1, 0)


async def test_a_changed_file_is_converted_again(reader: DocumentReader, tmp_path: Path) -> None:
    await reader.read("echo_one.html", deadline=soon(), listener=Recorder())
    (tmp_path / "echo_one.html").write_text("echo new", encoding="utf-8")
    assert (await reader.read("echo_one.html", deadline=soon(), listener=Recorder())).markdown == "echo new"


async def test_one_child_serves_all_calls_at_once_in_turn(reader: DocumentReader) -> None:
    listener = Recorder()
    found: list[str] = []

    async def read(source: str) -> None:
        found.append((await reader.read(source, deadline=soon(), listener=listener)).markdown)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read, "echo_one.html")
        tasks.start_soon(read, "echo_two.html")
    assert sorted(found) == ["echo one", "echo two"]
    assert ("queued", "echo_one.html") in listener.phases or ("queued", "echo_two.html") in listener.phases
    assert reader.statistics().restarts == 0


async def worker_pid(reader: DocumentReader, folder: Path) -> int:
    """Have the worker say its number; the file is new each time, so that it is asked."""
    file = folder / f"pid_{next(COUNT)}.html"
    file.write_text(f"pid {file.name}", encoding="utf-8")
    return int((await reader.read(file.name, deadline=soon(), listener=Recorder())).markdown)


def is_gone(pid: int) -> bool:
    """Wait until a process has ended; False when it does not."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 20)[0])
    finally:
        os.close(process)


async def test_a_deadline_ends_the_worker_and_the_next_call_forks_another(reader: DocumentReader, tmp_path: Path) -> None:
    pid = await worker_pid(reader, tmp_path)
    with pytest.raises(ConversionFailed, match="TINY_MOA_DEADLINE_SECONDS"):
        await reader.read("hang.html", deadline=soon(0.3), listener=Recorder())
    assert await worker_pid(reader, tmp_path) != pid
    assert is_gone(pid)
    assert reader.statistics().restarts == 1


async def test_progress_counts_pages_while_a_document_is_converted(reader: DocumentReader) -> None:
    class Stopper(Recorder):
        """Stops the reading at the first page, for it never ends."""

        def phase(self, phase: str, subject: str) -> None:
            super().phase(phase, subject)
            if " of " in subject:
                scope.cancel()

    listener = Stopper()
    with anyio.CancelScope() as scope:
        await reader.read("hang.html", deadline=soon(60), listener=listener)
    assert ("converting", "hang.html, 1 of 2 pages") in listener.phases


async def test_a_process_whose_server_is_gone_leaves_no_worker(reader: DocumentReader, tmp_path: Path) -> None:
    pid = await worker_pid(reader, tmp_path)
    await reader.aclose()
    assert is_gone(pid)


async def test_a_long_document_is_read_only_as_far_as_it_is_wanted(reader: DocumentReader) -> None:
    begin = await reader.read("pages.pdf", deadline=soon(), listener=Recorder(), reading=Reading(enough_characters=20))
    assert [page.number for page in begin.pages] == [1, 2, 3, 4]
    assert (begin.page_count, begin.status) == (60, "ok")
    some = await reader.read("pages.pdf", deadline=soon(), listener=Recorder(), reading=Reading(parse_pages("3,30-31")))
    assert [page.number for page in some.pages] == [3, 30, 31]
    assert reader.statistics().conversions == 2
    rest = await reader.read("pages.pdf", deadline=soon(), listener=Recorder())
    assert [page.number for page in rest.pages] == list(range(1, 61))
    assert reader.statistics().conversions == 5
    assert await reader.outline("pages.pdf", deadline=soon(), listener=Recorder()) == [{"level": 1, "text": "Start", "page": 1}]


async def test_pages_that_a_document_does_not_have_are_an_error(reader: DocumentReader) -> None:
    with pytest.raises(InvalidRequest, match="pages 1 to 60"):
        await reader.read("pages.pdf", deadline=soon(), listener=Recorder(), reading=Reading(parse_pages("61-")))


async def test_what_was_read_before_the_deadline_is_kept_and_the_next_call_goes_on(reader: DocumentReader) -> None:
    first = await reader.read("late.pdf", deadline=soon(), listener=Recorder())
    assert (first.status, len(first.pages), first.page_count) == ("partial", 8, 9)
    assert first.warnings == ("time was up after 8 of 9 pages; call again: what was read is kept",)


async def test_another_process_reads_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pages.pdf").write_text("pages 30", encoding="utf-8")
    for conversions in (3, 0):
        cache = DocumentCache(tmp_path / "cache", 1 << 20)
        reader = DocumentReader(
            DocumentLibrary([tmp_path / "docs"]), cache=cache, environ={"PYTHONPATH": str(REPOSITORY)}, worker=FAKE
        )
        document = await reader.read("pages.pdf", deadline=soon(), listener=Recorder())
        assert (len(document.pages), reader.statistics().conversions) == (30, conversions)
        assert document.from_cache is (conversions == 0)
        await reader.aclose()


async def test_a_deadline_that_has_passed_fails_at_once(reader: DocumentReader) -> None:
    with pytest.raises(ConversionFailed):
        await reader.read("echo_one.html", deadline=soon(-1), listener=Recorder())


async def test_a_cancelled_call_leaves_no_child_at_work(reader: DocumentReader) -> None:
    await reader.read("echo_one.html", deadline=soon(), listener=Recorder())
    with anyio.move_on_after(0.3) as scope:
        await reader.read("hang.html", deadline=soon(), listener=Recorder())
    assert scope.cancelled_caught
    assert reader.statistics().restarts == 1
    assert (await reader.read("echo_two.html", deadline=soon(), listener=Recorder())).markdown == "echo two"


async def test_a_waiting_call_that_is_cancelled_does_not_disturb_the_child(reader: DocumentReader) -> None:
    async def wait_in_vain() -> None:
        with pytest.raises(ConversionFailed):
            await reader.read("echo_two.html", deadline=soon(0.2), listener=Recorder())

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: reader.read("hang.html", deadline=soon(), listener=Recorder()))
            await anyio.wait_all_tasks_blocked()
            await wait_in_vain()
            assert is_running(reader)
            tasks.cancel_scope.cancel()
    assert (await reader.read("echo_two.html", deadline=soon(), listener=Recorder())).markdown == "echo two"


async def test_a_crash_is_an_error_and_the_next_call_works(reader: DocumentReader) -> None:
    with pytest.raises(ConversionFailed, match=r"'crash\.html' ended the process"):
        await reader.read("crash.html", deadline=soon(), listener=Recorder())
    assert (await reader.read("echo_one.html", deadline=soon(), listener=Recorder())).markdown == "echo one"


async def test_a_child_short_of_memory_is_replaced_and_one_that_refuses_is_kept(reader: DocumentReader, tmp_path: Path) -> None:
    with pytest.raises(DocumentRefused, match="refused"):
        await reader.read("refuse.html", deadline=soon(), listener=Recorder())
    pid = await worker_pid(reader, tmp_path)
    with pytest.raises(ConversionFailed, match="out of memory"):
        await reader.read("exhaust.html", deadline=soon(), listener=Recorder())
    assert await worker_pid(reader, tmp_path) != pid
    assert is_gone(pid)


async def test_the_child_is_told_to_stay_offline_whatever_the_caller_says(
    reader: DocumentReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("HF_TOKEN", "secret")
    document = await reader.read("environ.html", deadline=soon(), listener=Recorder())
    assert document.markdown == "HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HTTPS_PROXY= HF_TOKEN="


async def test_old_documents_leave_the_cache_first(reader: DocumentReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "MAX_HELD", 1)
    for source in ("echo_one.html", "echo_two.html", "echo_one.html"):
        document = await reader.read(source, deadline=soon(), listener=Recorder())
        assert not document.from_cache
    assert reader.statistics().cached == 1


async def test_closing_twice_is_harmless(reader: DocumentReader) -> None:
    await reader.read("echo_one.html", deadline=soon(), listener=Recorder())
    await reader.aclose()
    await reader.aclose()
    assert not is_running(reader)


async def test_text_is_read_as_it_is_without_a_child(tmp_path: Path) -> None:
    texts = {"notes.md": "---\na: b\n---\n# T | <x>\n", "code.py": "x_y = '<a>'\n", "메모.txt": "한국어\r\n둘째 줄"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
    reader = DocumentReader(DocumentLibrary([tmp_path]), worker="no.such.module")
    for name, text in texts.items():
        document = await reader.read(name, deadline=soon(), listener=Recorder())
        assert (document.pages[0].markdown, document.status, document.title) == (text, "ok", Path(name).stem)
    assert not is_running(reader)


@pytest.mark.parametrize(("content", "message"), [(b"", "0 bytes"), (b" \n\t", "only white space")])
async def test_a_document_without_text_is_never_a_success(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "empty.md").write_bytes(content)
    with pytest.raises(ConversionFailed, match=message):
        await DocumentReader(DocumentLibrary([tmp_path])).read("empty.md", deadline=soon(), listener=Recorder())


async def test_without_docling_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.html").write_text("<p>a</p>", encoding="utf-8")
    # nothing else can take an installed package away
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DocumentsMissing, match=r'pip install "tiny-moa\[documents\]"'):
        await DocumentReader(DocumentLibrary([tmp_path])).read("a.html", deadline=soon(), listener=Recorder())


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_the_worker_cannot_reach_any_network() -> None:
    code = (
        "import socket; from tiny_moa.experts.documents.worker import forbid_network; forbid_network()\n"
        "for call in (lambda: socket.create_connection(('127.0.0.1', 9)), lambda: socket.getaddrinfo('localhost', 80)):\n"
        "    try: call()\n"
        "    except PermissionError as exc: print(exc)\n"
    )
    assert run_python(code).stdout.count("the document process has no network") == 2


def test_the_worker_fails_an_allocation_over_its_cap() -> None:
    code = (
        "from tiny_moa.experts.documents.memory import cap_memory; cap_memory(1 << 30)\n"
        "try: bytearray(2 << 30)\n"
        "except MemoryError: print('capped')\n"
    )
    assert run_python(code).stdout == "capped\n"


def test_importing_the_package_imports_no_docling() -> None:
    code = "import sys, tiny_moa.experts.documents; print([name for name in sys.modules if name.startswith('docling')])"
    assert run_python(code).stdout == "[]\n"
