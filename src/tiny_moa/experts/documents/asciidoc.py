"""Rewrites AsciiDoc into the part of it that docling understands; pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tiny_moa.experts.documents.quotes import MARK

_ATTRIBUTE = re.compile(r":([\w-]+):\s+(.+)")
_HOLE = re.compile(r"(?<!\\)\{([\w-]+)\}")
_LINK = re.compile(r"(?:link:)?((?:https?|ftp|mailto)://?[^\s\[\]<>]+|(?<=link:)[^\s\[\]]+)\[([^\]\n]*)\]")
_CROSS = re.compile(r"<<([^,>\n]+)(?:,\s*([^>\n]+))?>>")
_ANCHOR = re.compile(r"\[\[[^\]\n]+\]\]|\[#[\w-]+\](?=\S)")
_TERM = re.compile(r"(\S.*?):{2,4}(?:\s+(.*))?")
_FOOTNOTE = re.compile(r"footnote:\w*\[([^\]\n]+)\]")
_CELL = re.compile(r"(?:(?:^|(?<=\s))((?:\d+\*|\d+(?:\.\d+)?\+|\.\d+\+)?[<^>]?(?:\.[<^>])?[adehlmsv]?))?(?<!\\)\|")
"""A bar, with the spans, alignment and style of its cell before it."""
_TITLE = re.compile(r"\.[^\s.]")
_TABLE_EDGES = ("|===", ",===")
_VERBATIM = ("----", "....", "```", "++++")
_INITIAL = re.compile(r"([A-Za-z]\.|\d+\.)\s+\S")
"""An author's initial, which looks like the number of a list item."""


def prepare_asciidoc(text: str) -> str:
    """Rewrite a document so that docling loses nothing of it.

    Tables get one row a line and plain cells, attributes are put in, links become those of Markdown, cross references
    their words, terms of description lists words before a colon; the lines of author and revision stay lines of their
    own. Listings are not touched.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    state = _State()
    written: list[str] = []
    for number, line in enumerate(lines):
        if state.table is not None:
            if line.strip() in _TABLE_EDGES:
                written += ["|===", *table_rows(state.table, state.attributes), "|==="]
                state.table, state.attributes = None, ""
            else:
                state.table.append(line)
        elif state.fence or line.strip()[:4] in _VERBATIM:
            state.fence = "" if line.strip() == state.fence else state.fence or line.strip()
            written.append(line)
        elif line.strip() in _TABLE_EDGES:
            state.table = []
            state.attributes += " format=csv" if line.startswith(",") else ""
        elif line.strip() == "____":
            written += _quote_edge(state)
            state.before = ""
        else:
            written += _rewrite(line, number, state)
            if _TITLE.match(line) and written[-2:-1] and written[-2].startswith("[source"):
                written[-2:] = written[:-3:-1]  # the language stands right before its listing
            state.before = line.strip()
    return "\n".join(written + (state.table or []))


@dataclass
class _State:
    """Where in the document the reading is."""

    table: list[str] | None = None
    attributes: str = ""
    fence: str = ""
    in_quote: bool = False
    quoted: str = ""
    before: str = ""
    in_header: bool = False
    values: dict[str, str] = field(default_factory=dict)


def _quote_edge(state: _State) -> list[str]:
    """Begin or end a block quote; at its end comes whose words they are, where that is said."""
    state.in_quote = not state.in_quote
    if state.in_quote:
        state.quoted = _quoted(state.attributes)
        state.attributes = ""
        return [""]
    return ["", f"{MARK}— {state.quoted}", ""] if state.quoted else [""]


def _quoted(attributes: str) -> str:
    said = [part.strip().strip('"') for part in attributes.strip("[] ").split(",")[1:]]
    return ", ".join(filter(None, said))


def _rewrite(line: str, number: int, state: _State) -> list[str]:
    if re.match(r"\[.*\]\s*$", line):
        state.attributes = line
        return [line]
    if found := _ATTRIBUTE.fullmatch(line.strip()):
        state.values[found[1]] = found[2].strip()
        return [line]
    if line.startswith("= ") and number < 20:
        state.in_header = True
        return [line]
    if not line.strip() or line.strip() == "'''":
        state.in_header = False
        return [""]
    if not line.startswith((".", "|", "image::")) or line.startswith(". "):
        state.attributes = ""
    begins = state.in_quote and not state.before
    text = (MARK if begins and not line.startswith(("*", ".", "-")) else "") + _inline(line, state.values)
    if state.in_header:  # the author, then the revision
        return ["", "\u2060" + text if _INITIAL.match(text) else text, ""]
    if (term := _TERM.fullmatch(text)) and not text.startswith(("image:", "include:", "http", "|", "//")):
        return ["", f"{term[1]}: {term[2]}", ""] if term[2] else ["", f"{term[1]}:"]
    return [text]


def _inline(line: str, values: dict[str, str]) -> str:
    line = _HOLE.sub(lambda found: values.get(found[1], found[0]), line)
    line = _LINK.sub(lambda found: f"[{found[2].rstrip('^') or found[1]}]({found[1]})", line)
    line = _CROSS.sub(lambda found: found[2] or found[1].strip("_#").replace("_", " "), line)
    line = _FOOTNOTE.sub(r" (\1)", line)
    return _ANCHOR.sub("", line) if not line.startswith("[") else line


def table_rows(lines: Sequence[str], attributes: str) -> list[str]:
    """Give the rows of a table, one a line, each cell after its bar.

    Cells may stand one on a line, several on a line, and go on over lines. How many make a row is said by the
    attributes, or by the first line that has cells.
    """
    if "format=csv" in attributes:
        return ["|" + " |".join(cell.replace("|", "¦") or " " for cell in row) for row in csv.reader(lines) if row]
    width = _declared_width(attributes) or next((len(_cells(line)) for line in lines if _cells(line)), 0)
    cells: list[str] = []
    for line in lines:
        first = _CELL.search(line)
        if cells and (rest := line[: first.start() if first else len(line)].strip()):
            cells[-1] = f"{cells[-1]} {rest}".strip()
        cells += _cells(line)
    width = max(width, 1)
    rows = [cells[start : start + width] for start in range(0, len(cells), width)]
    return ["|" + " |".join(cell or " " for cell in row) for row in rows]


def _declared_width(attributes: str) -> int:
    found = re.search(r"cols\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^,\]]+))", attributes)
    if not found:
        return 0
    columns = (found[1] or found[2] or found[3] or "").strip()
    if columns.isdigit():
        return int(columns)
    return sum(int(times[1]) if (times := re.match(r"(\d+)\*", part.strip())) else 1 for part in re.split("[,;]", columns))


def _cells(line: str) -> list[str]:
    """Give the cells that begin on a line; one that spans columns is given as often as it has columns."""
    marks = list(_CELL.finditer(line))
    ends = [*(mark.start() for mark in marks[1:]), len(line)]
    cells: list[str] = []
    for mark, end in zip(marks, ends, strict=False):
        times = re.match(r"(\d+)(?:\.\d+)?[+*]", mark[1] or "")
        cells += [line[mark.end() : end].replace(r"\|", "¦").strip()] * (int(times[1]) if times else 1)
    return cells
