"""Joins what llama.cpp logs in pieces into lines for `logging`; calls nothing native."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

logger = logging.getLogger("tiny_moa.llama")

_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.INFO, 4: logging.WARNING}
"""llama.cpp's own numbers: 1 debug, 2 info, 3 warning, 4 error; a load says 170 lines of info and harmless warnings."""
_CONTINUED = 5
_KEPT_LINES = 200


class NativeLog:
    """Joins the pieces llama.cpp logs into lines and hands them to `logging`; keeps the last 200."""

    def __init__(self) -> None:
        self._errors: deque[str] = deque(maxlen=_KEPT_LINES)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._pieces = threading.local()
        self.is_stopping: Callable[[], bool] = lambda: False
        """Says whether the work is being stopped: what llama.cpp then calls errors is what was asked for."""

    def take(self, level: int, text: bytes | None) -> None:
        """Take one piece; a piece of level 5 goes on with the line before it."""
        pieces = self._pieces.__dict__
        if level != _CONTINUED:
            pieces["level"] = level
        *lines, pieces["rest"] = (pieces.get("rest", "") + (text or b"").decode("utf-8", "replace")).split("\n")
        for line in filter(None, lines):
            self._keep(_LEVELS.get(pieces.get("level", 0), logging.DEBUG), line)

    def _keep(self, level: int, line: str) -> None:
        level = logging.DEBUG if self.is_stopping() else level
        self._lines.append(line)
        if level >= logging.WARNING:
            self._errors.append(line)
        logger.log(level, "%s", line)

    def why(self) -> str:
        """Give the newest lines that say what went wrong, and start anew."""
        lines = list(self._errors)[:3] or list(self._lines)[-1:]
        self._errors.clear()
        self._lines.clear()
        return "; ".join(lines) or "no reason given"
