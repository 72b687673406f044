"""The corpus: documents made by scripts, each with what a person sees in it.

Every entry of `CORPUS` makes one file. What is expected of it is in `tests/data/expected/NAME.toml`: strings in the
order they are read, headings with their level, rows of tables, and strings that must not be there. The expectations were
written from what the scripts put on the page.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.documents import corpus_office, corpus_pdf, corpus_text, scans

EXPECTED = Path(__file__).parents[1] / "data" / "expected"

CORPUS: dict[str, Callable[[], bytes]] = {
    **corpus_office.MAKERS,
    **corpus_text.MAKERS,
    **corpus_pdf.MAKERS,
    "notice.png": lambda: scans.saved(scans.scanned(scans.notice(), degrees=2.5), "PNG"),
    "sideways.jpg": lambda: scans.saved(scans.scanned(scans.notice(), degrees=-1, quarter=90), "JPEG", quality=80),
    "receipt.webp": lambda: scans.saved(scans.scanned(scans.receipt(), degrees=-1.5), "WEBP", quality=85),
}

Check = tuple[str, bool]
"""What is checked, and whether it holds."""


def check_document(name: str, markdown: str) -> Iterator[Check]:
    """Compare the Markdown of a document with its expectations, one check for each string, heading and row."""
    expected: dict[str, Any] = tomllib.loads((EXPECTED / f"{name}.toml").read_text("utf-8"))
    plain = flat(markdown)
    place = 0
    for text in expected.get("order", []):
        found = plain.find(flat(text), place)
        yield f"{name}: {text!r} in order", found >= 0
        place = max(found, place)
    headings = [(len(found[1]), flat(found[2])) for found in re.finditer(r"^(#{1,6}) (.+)$", markdown, re.MULTILINE)]
    for level, text in expected.get("headings", []):
        yield f"{name}: heading {level} {text!r}", (level, flat(text)) in headings
    rows = [
        [flat(cell.replace(r"\|", "|")) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in markdown.splitlines()
        if line.startswith("|")
    ]
    for row in expected.get("rows", []):
        yield f"{name}: row {row}", [flat(cell) for cell in row] in rows
    for text in expected.get("absent", []):
        yield f"{name}: no {text!r}", flat(text) not in plain


def flat(text: str) -> str:
    """Give a text without marks of Markdown, all white space as one space."""
    return re.sub(r"\s+", " ", re.sub(r"\*\*|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|`", "", text)).strip()
