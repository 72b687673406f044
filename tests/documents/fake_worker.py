"""Stands in for the document process: converts nothing, and fails in the way that the file asks for."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tiny_moa.child import Frame, Reply, serve_child

ENVIRON = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HTTPS_PROXY", "HF_TOKEN")


def answer(request: Frame, reply: Reply) -> None:
    """Answer a request as the first word of its file says."""
    text = Path(request["path"]).read_text(encoding="utf-8")
    order = text.split()[0]
    if order == "crash":
        os._exit(3)
    if order == "hang":
        threading.Event().wait()
    if order == "refuse":
        reply({"id": request["id"], "error": "DocumentRefused", "message": "refused", "spent": False})
    elif order == "exhaust":
        reply({"id": request["id"], "error": "ConversionFailed", "message": "out of memory", "spent": True})
    else:
        if order == "environ":
            text = " ".join(f"{name}={os.environ.get(name)}" for name in ENVIRON)
        page = {"number": 1, "markdown": text, "engine": "text", "warnings": []}
        is_late = order == "late"
        status = "partial" if is_late else "ok"
        reply(
            {
                "id": request["id"],
                "pages": [page],
                "title": None,
                "status": status,
                "warnings": ["time was up"] if is_late else [],
                "format": "HTML",
                "out_of_time": is_late,
            }
        )


if __name__ == "__main__":
    serve_child(answer)
