"""A document process that loads two things in parts and tells which worker answered, with how much loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tiny_moa.child import Frame, Reply
from tiny_moa.experts.documents.forks import serve_forks

LOADED: list[str] = []


def load() -> Iterator[None]:
    """Load `first`, and `others` when nobody asks."""
    LOADED.append("first")
    yield
    LOADED.append("others")
    yield


def answer(request: Frame, reply: Reply) -> None:
    """Say what the process had loaded when this worker was forked; what is asked for `kept` is worth keeping."""
    reply({"id": request["id"], "loaded": LOADED, "worker": os.getpid(), "kept": bool(request.get("kept"))})


def nothing() -> None:
    """Prepare nothing."""


if __name__ == "__main__":
    serve_forks(answer, load, nothing)
