"""Stands in for the document process: converts nothing, and fails in the way that the file asks for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from tiny_moa.child import Frame, Reply
from tiny_moa.experts.documents.forks import serve_forks

ENVIRON = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HTTPS_PROXY", "HF_TOKEN")


def answer(request: Frame, reply: Reply) -> None:
    """Answer a request as the first word of its file says."""
    text = Path(request["path"]).read_text(encoding="utf-8")
    order, *words = text.split()
    number = request["id"]
    if request["op"] == "look":
        reply({"id": number, "page_count": int(words[0]), "outline": [{"level": 1, "text": "Start", "page": 1}]})
        return
    if order == "crash":
        os._exit(3)
    if order == "hang":
        reply({"id": number, "done": 1, "of": 2})
        threading.Event().wait()
    if order == "refuse":
        reply({"id": number, "error": "DocumentRefused", "message": "refused", "spent": False})
    elif order == "exhaust":
        reply({"id": number, "error": "ConversionFailed", "message": "out of memory", "spent": True})
    else:
        if order == "environ":
            text = " ".join(f"{name}={os.environ.get(name)}" for name in ENVIRON)
        if order == "pid":
            text = str(os.getpid())
        first, last = request.get("pages") or (1, int(words[0]) if order in ("pages", "late") else 1)
        reply({"id": number, **_pages(text, first, last, is_late=order == "late")})


def _pages(text: str, first: int, last: int, *, is_late: bool) -> Frame:
    """Give pages of the text; when it is late, the last one was not reached."""
    pages: list[Frame] = [
        {"number": page, "markdown": f"{text} p{page}" if last > 1 else text, "engine": "text", "warnings": []}
        for page in range(first, last + 1)
    ]
    if is_late:
        pages[-1] |= {"markdown": "", "engine": "none", "warnings": ["not read"]}
    return {
        "passing": text.startswith("passing"),
        "pages": pages,
        "page_count": 1,
        "title": None,
        "status": "partial" if is_late else "ok",
        "warnings": [],
        "pictures": [],
        "out_of_time": is_late and first == 1,
    }


def load() -> Iterator[None]:
    """Load nothing."""
    return iter(())


def nothing() -> None:
    """Prepare nothing."""


if __name__ == "__main__":
    serve_forks(answer, load, nothing)
