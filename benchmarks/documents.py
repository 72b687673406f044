"""Our document tool beside docling-mcp and docling-rs-mcp: the same files over stdio, in one run.

    uv run --extra local --group dev python benchmarks/documents.py [--docling-mcp CMD] [--docling-rs-mcp CMD] [--long 300]

The others are not installed by this project; give the command of each from an environment of its own:

    python -m venv rs && rs/bin/pip install docling-rs-mcp==2.52.7
    python -m venv dm && dm/bin/pip install "docling-mcp[local]==3.3.0"
    --docling-rs-mcp rs/bin/docling-rs-mcp --docling-mcp "dm/bin/docling-mcp-server --transport stdio"

Prints for each server that was given the time until `tools/list`, the first and the second conversion of every file, the
memory of all its processes at the end, and how many of the checks its text passes: strings that must be there, in order.
Then, for ours alone: a long PDF (first part, progress, whole, again, cancelled), and how soon it answers after bad files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import queue
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.documents import make
from tests.test_documents_bad import FILES as BAD_FILES

CHECKS: dict[str, tuple[str, ...]] = {
    "handbook.docx": ("# Harbour handbook", "## Berths", "<closed> & its key", "key_of_berth_14", "Northern quay", "| A1", "007"),
    "ledger.xlsx": ("Ledger 2026", "Rope", "12.5", "요금표"),
    "tides.html": ("# Tide table", "16:37", "4.1 m", "neap tide"),
    "ferry.pptx": ("Night ferry", "Leaves at 23:40", "Fares", "4.50"),
    "report.pdf": ("# Annual Harbour Report", "1 Introduction", make.LEFT, make.RIGHT, "| A1", "| Part", "| Rope"),
    "안내서.pdf": ("항만 안내서", "제14선석은 준설 공사로", "문의하십시오"),
}
WAIT_SECONDS = 180.0
Json = dict[str, Any]


class Silent(Exception):
    """A server did not answer."""


class Server:
    """A server over stdio, spoken to without any client library."""

    def __init__(self, command: Sequence[str], environ: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **environ}
        )
        self._answers: queue.Queue[Json] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._number = 0
        self.progress: list[tuple[float, str]] = []

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(json.loads(line))

    def send(self, method: str, **parameters: Any) -> int:
        """Send a request and give its number."""
        assert self._process.stdin is not None
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        return self._number

    def note(self, method: str, **parameters: Any) -> None:
        """Send a notification."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters}).encode() + b"\n")
        self._process.stdin.flush()

    def wait(self, number: int) -> Json:
        """Wait for the answer to a request; progress on the way is kept."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                answer = self._answers.get(timeout=max(until - time.monotonic(), 0.01))
            except queue.Empty:
                raise Silent(f"no answer within {WAIT_SECONDS} s") from None
            if answer.get("method") == "notifications/progress":
                self.progress.append((time.monotonic(), str(answer["params"].get("message"))))
            if answer.get("id") == number and "method" not in answer:
                return answer

    def start(self) -> float:
        """Shake hands, list the tools, and give how long that took since the process began."""
        began = time.monotonic()
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "documents", "version": "1"}}
        self.wait(self.send("initialize", **hello))
        self.note("notifications/initialized")
        self.wait(self.send("tools/list"))
        return time.monotonic() - began

    def call(self, tool: str, arguments: Json) -> Json:
        """Call a tool; gives its result, or an error as a result."""
        token = f"p{self._number + 1}"
        answer = self.wait(self.send("tools/call", name=tool, arguments=arguments, _meta={"progressToken": token}))
        failed: Json = {"isError": True, "content": [{"text": str(answer.get("error"))}]}
        result: Json = answer.get("result", failed)
        return result

    def memory_mib(self) -> float:
        """Give the resident memory of the server and everything below it."""
        return sum(map(_resident_mib, [self._process.pid, *_below(self._process.pid)]))

    def processes(self) -> int:
        """Count the server's processes."""
        return 1 + len(_below(self._process.pid))

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()


def _below(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(entry.read_text().rpartition(")")[2].split()[1]), []).append(int(entry.parent.name))
        except OSError:
            continue
    found = parents.get(pid, [])
    return found + [deeper for child in found for deeper in _below(child)]


def _resident_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def text_of(result: Json) -> str:
    """Give the text of a result, empty for an error."""
    return "" if result.get("isError") else "\n".join(block.get("text", "") for block in result.get("content", ()))


def ours(server: Server, file: Path) -> str:
    """Convert with this project."""
    return text_of(server.call("parse_document", {"source": file.name}))


def docling_rs(server: Server, file: Path) -> str:
    """Convert with docling-rs-mcp."""
    return text_of(server.call("convert_to_markdown", {"uri": str(file)}))


def docling_mcp(server: Server, file: Path) -> str:
    """Convert with docling-mcp, which takes two calls."""
    made = server.call("convert_document_into_docling_document", {"source": str(file)})
    key = (made.get("structuredContent") or {}).get("document_key")
    return text_of(server.call("export_docling_document_to_markdown", {"document_key": key})) if key else ""


def passed(text: str, expected: Sequence[str]) -> int:
    """Count the strings that are in the text, in order."""
    place, count = 0, 0
    for string in expected:
        if (found := text.find(string, place)) >= 0:
            place, count = found + len(string), count + 1
    return count


def compare(name: str, server: Server, convert: Callable[[Server, Path], str], folder: Path) -> None:
    """Measure one server over all files and print it."""
    listed = server.start()
    at_list = server.memory_mib()
    right, firsts, seconds = 0, list[float](), list[float]()
    for file, expected in CHECKS.items():
        for times in (firsts, seconds):
            began = time.monotonic()
            text = convert(server, folder / file)
            times.append(time.monotonic() - began)
        right += passed(text, expected)
    total = sum(map(len, CHECKS.values()))
    print(
        f"{name:16} tools/list {listed:5.2f} s   checks {right}/{total}   memory {at_list:.0f} -> {server.memory_mib():.0f} MiB"
    )
    for label, times in (("first", firsts), ("again", seconds)):
        print(f"{'':16} {label:6}" + "  ".join(f"{file} {t:.2f}" for file, t in zip(CHECKS, times, strict=True)))
    server.stop()


def long_document(server: Server, folder: Path, pages: int) -> None:
    """Measure a long PDF: its first part, the whole, the whole again, and a cancelled reading."""
    server.call("parse_document", {"source": "tides.html"})
    (folder / "long.pdf").write_bytes(make.long_pdf(pages))
    (folder / "other.pdf").write_bytes(make.long_pdf(pages + 1))
    began = time.monotonic()
    first = server.call("parse_document", {"source": "long.pdf"})["structuredContent"]
    print(f"{pages} pages: first part (page {first['pages']} of {first['page_count']}) {time.monotonic() - began:.2f} s", end="")
    memory = server.memory_mib()
    server.progress.clear()
    for label in ("whole", "again"):
        began = time.monotonic()
        server.wait(server.send("resources/read", uri="doc://long.pdf", _meta={"progressToken": label}))
        print(f", {label} {time.monotonic() - began:.2f} s", end="")
    print(f", {len(server.progress)} signs of progress, memory {memory:.0f} -> {server.memory_mib():.0f} MiB")
    number = server.send("resources/read", uri="doc://other.pdf")
    time.sleep(2)
    server.note("notifications/cancelled", requestId=number)
    began = time.monotonic()
    server.call("parse_document", {"source": "cities.csv", "pages": "1"})
    print(f"after a cancelled reading the next call took {time.monotonic() - began:.2f} s")


def bad_files(server: Server, folder: Path) -> None:
    """Measure how soon the server answers after each bad file, with a document that it has to convert anew."""
    slowest, errors = ("", 0.0), 0
    for number, (name, maker) in enumerate(BAD_FILES.items()):
        (folder / name).write_bytes(bytes(maker()))
        began = time.monotonic()
        result = server.call("parse_document", {"source": name, "deadline_seconds": 20})
        took = time.monotonic() - began
        errors += bool(result.get("isError"))
        (folder / "good.html").write_text(f"<p>good {number}</p>", encoding="utf-8")
        began = time.monotonic()
        assert f"good {number}" in text_of(server.call("parse_document", {"source": "good.html"}))
        after = time.monotonic() - began
        slowest = max(slowest, (name, after), key=lambda pair: pair[1])
        words = text_of({**result, "isError": False}).replace("\n", " ")[:90]
        print(f"  {name!r:20} {took:5.2f} s, next call {after:.2f} s: {words}")
    print(f"{errors} of {len(BAD_FILES)} bad files are errors; slowest next call {slowest[1]:.2f} s after {slowest[0]!r}")
    print(f"processes {server.processes()}, memory {server.memory_mib():.0f} MiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Document servers side by side.")
    parser.add_argument("--docling-mcp", metavar="CMD", help="command of docling-mcp, local mode over stdio")
    parser.add_argument("--docling-rs-mcp", metavar="CMD", help="command of docling-rs-mcp")
    parser.add_argument("--long", type=int, default=300, help="pages of the long PDF")
    given = parser.parse_args()
    print(
        f"{datetime.now(UTC).date()}  Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = make.make_documents(Path(scratch))
        own = [sys.executable, "-m", "tiny_moa", "serve", "--root", scratch]
        with tempfile.TemporaryDirectory() as cache:
            compare("tiny-moa", Server(own, {"XDG_CACHE_HOME": cache}), ours, folder)
        rivals = (("docling-rs-mcp", given.docling_rs_mcp, docling_rs), ("docling-mcp", given.docling_mcp, docling_mcp))
        for name, command, convert in rivals:
            if not command:
                print(f"{name:16} absent: no command was given")
                continue
            roots = ["--root", scratch] if name == "docling-rs-mcp" else []
            server = Server([*shlex.split(command), *roots], {"DOCLING_MCP_CONVERSION_MODE": "local"})
            try:
                compare(name, server, convert, folder)
            except (Silent, BrokenPipeError) as exc:
                print(f"{name:16} not measured: {exc}")
                server.stop()
        with tempfile.TemporaryDirectory() as cache:
            server = Server(own, {"XDG_CACHE_HOME": cache, "TINY_MOA_DEADLINE_SECONDS": "170"})
            server.start()
            long_document(server, folder, given.long)
            bad_files(server, folder)
            server.stop()


if __name__ == "__main__":
    main()
