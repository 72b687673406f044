"""Has the picture of a page read by a vision model behind an OpenAI-compatible endpoint; in the child process only.

The endpoint is the user's setting, and the only address that the process may connect to.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from tiny_moa.errors import ConversionFailed
from tiny_moa.experts.documents.blocks import Block
from tiny_moa.experts.documents.layout import MARKER, Box
from tiny_moa.experts.documents.tables import Cell, Table
from tiny_moa.templates import TemplateLibrary

logger = logging.getLogger(__name__)

TEMPLATE: Final = "experts/page"
MAX_TOKENS: Final = 4096
MAX_ANSWER_BYTES: Final = 4 << 20
_FENCE = re.compile(r"^```\w*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.+)$")
_RULE = re.compile(r"^\|?[\s:|-]+\|?$")


@dataclass(frozen=True)
class Endpoint:
    """Where a vision model answers.

    Attributes:
        url: Of its chat completions.
        model: The model's name there.
    """

    url: str
    model: str

    @property
    def host(self) -> str:
        """The host's name."""
        return urlsplit(self.url).hostname or ""


def find_endpoint(environ: Mapping[str, str] = os.environ) -> Endpoint | None:
    """Give the endpoint that the settings name, `None` for none."""
    url = environ.get("TINY_MOA_VLM_URL", "")
    if not url:
        return None
    if not url.rstrip("/").endswith("/chat/completions"):
        url = f"{url.rstrip('/')}/chat/completions"
    return Endpoint(url, environ.get("TINY_MOA_VLM_MODEL", "") or "default")


def read_picture(endpoint: Endpoint, picture: Any, *, seconds: float) -> str:
    """Give what the model writes about the picture of a page.

    Raises:
        ConversionFailed: The endpoint does not answer in time, answers with an error, or writes nothing.
    """
    import urllib.request

    drawn = io.BytesIO()
    picture.convert("RGB").save(drawn, "PNG")
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(drawn.getvalue()).decode()}"}}
    turns = TemplateLibrary().get(TEMPLATE, holes=()).fill()
    messages = [{"role": turn.role, "content": [shown, {"type": "text", "text": turn.text}]} for turn in turns]
    body = {"model": endpoint.model, "messages": messages, "temperature": 0, "max_tokens": MAX_TOKENS}
    request = urllib.request.Request(endpoint.url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=max(seconds, 1.0)) as answer:
            written = json.loads(answer.read(MAX_ANSWER_BYTES))["choices"][0]["message"]["content"]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as exc:
        logger.warning("the vision model did not read a page: %s", exc)
        raise ConversionFailed(f"the vision model at {endpoint.host!r} did not read the page: {type(exc).__name__}") from exc
    if not isinstance(written, str) or not written.strip():
        raise ConversionFailed(f"the vision model at {endpoint.host!r} wrote nothing about the page")
    return written.strip()


def markdown_boxes(text: str, page: Box) -> list[Box]:
    """Make blocks and tables, all at the place of the page, out of Markdown."""
    place = (page.left, page.top, page.right, page.bottom)
    lines = text.splitlines()
    if lines and _FENCE.match(lines[0]) and lines[-1].strip() == "```" and "markdown" in lines[0]:
        lines = lines[1:-1]
    boxes: list[Box] = []
    held: list[str] = []
    fenced: list[str] | None = None
    for line in lines:
        if fenced is not None and not line.strip().startswith("```"):
            fenced.append(line)
        elif fenced is not None:
            boxes.append(Block(*place, "code", "\n".join(fenced)))
            fenced = None
        elif line.strip() and not _begins(line, held):
            held.append(line)
        else:
            boxes += _finish(held, place)
            fenced = [] if _FENCE.match(line.strip()) else None
            held = [line] if line.strip() and fenced is None else []
    boxes += _finish(held, place)
    return boxes if fenced is None else [*boxes, Block(*place, "code", "\n".join(fenced))]


def _begins(line: str, held: Sequence[str]) -> bool:
    """Whether a line begins something other than the lines before it."""
    if _FENCE.match(line.strip()) or _stands_alone(line):
        return True
    return bool(held) and (_HEADING.match(held[-1]) is not None or _is_row(line) != _is_row(held[-1]))


def _is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def _stands_alone(line: str) -> bool:
    """Whether a line is a heading or an item of a list."""
    first, space, _ = line.strip().partition(" ")
    return bool(_HEADING.match(line)) or bool(space and MARKER.fullmatch(first))


def _finish(lines: list[str], place: tuple[float, float, float, float]) -> list[Box]:
    if not lines:
        return []
    if _is_row(lines[0]):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if not _RULE.match(line.strip())]
        width = max(map(len, rows), default=0)
        cells = [Cell(row[c] if c < len(row) else "", r, c) for r, row in enumerate(rows) for c in range(width)]
        return [Table(*place, tuple(cells), len(rows), width)] if rows else []
    text = " ".join(line.strip() for line in lines)
    if heading := _HEADING.match(text):
        return [Block(*place, "heading", heading[2], len(heading[1]))]
    marker, space, rest = text.partition(" ")
    if space and MARKER.fullmatch(marker):
        indent = len(lines[0]) - len(lines[0].lstrip())
        return [Block(*place, "item", rest, indent // 2, "-" if marker in "*-" else marker)]
    return [Block(*place, "paragraph", text)]
