"""Reads a tldr-pages checkout that the user points to, as further candidates; nothing of it is shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tiny_moa.experts.commands.quoting import SLOT
from tiny_moa.experts.commands.table import Row

_EXAMPLE = re.compile(r"^- (?P<text>[^\n]+?):?\s*\n\s*\n`(?P<command>[^\n]+)`", re.MULTILINE)
_HOLE = re.compile(r"\{\{(?P<text>.+?)\}\}")
_EITHER = re.compile(r"\[(?P<short>-{1,2}[\w?-]+)\|(?P<long>--?[\w-]+)\]")
_NUMBER = re.compile(r"\d+")
_MOST_PAGES = 20_000


def read_tldr(folder: Path) -> Iterator[Row]:
    """Give a row for each example of the pages in `common` and `linux` below a `pages` folder.

    A Korean page beside them (`pages.ko`) adds its wording to the same example. Pages that are not in the form are
    passed over.
    """
    for part in ("common", "linux"):
        for page in sorted((folder / part).glob("*.md"))[:_MOST_PAGES]:
            korean = folder.with_name(folder.name + ".ko") / part / page.name
            texts = dict(_examples(korean)) if korean.is_file() else {}
            for command, text in _examples(page):
                translated = texts.get(command, "")
                slots = " ".join("{" + match["name"] + "}" for match in SLOT.finditer(command))
                english = [text, f"{text} {slots}", f"{page.stem} {text} {slots}"]
                yield {"run": command, "en": english, "ko": [f"{translated} {slots}"] if translated else [], "source": "tldr"}


def _examples(page: Path) -> Iterator[tuple[str, str]]:
    try:
        source = page.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for match in _EXAMPLE.finditer(source):
        yield fill_holes(match["command"]), re.sub(r"\[(\w)\]", r"\1", match["text"])


def fill_holes(command: str) -> str:
    """Turn `{{path/to/file}}` into a slot of ours, `{file}`, and `{{[-a|--all]}}` into the long option."""
    counts: dict[str, int] = {}

    def put(match: re.Match[str]) -> str:
        text = match["text"]
        either = _EITHER.fullmatch(text)
        if either:
            return either["long"]
        slot = _slot(text)
        counts[slot] = counts.get(slot, 0) + 1
        return "{" + slot + (str(counts[slot]) if counts[slot] > 1 else "") + "}"

    return _HOLE.sub(put, re.sub(r"(?<!\{)\{(?!\{)|(?<!\})\}(?!\})", lambda brace: brace[0], command))


def _slot(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return "n"
    if "://" in text:
        return "url"
    for word, slot in (
        ("director", "dir"),
        ("folder", "dir"),
        ("path/", "file"),
        ("file", "file"),
        ("user", "user"),
        ("group", "group"),
        ("host", "host"),
        ("port", "port"),
    ):
        if word in text:
            return slot
    return "text"
