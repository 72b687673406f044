"""Builds HTML out of the parts in `page.html`: every text is escaped, only what was built out of parts is not escaped again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib import resources

_PART = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE)
_HOLE = re.compile(r"\{\{(\w+)\}\}")


class Html(str):
    """Text that is HTML already."""


@cache
def parts() -> Mapping[str, str]:
    """Give the parts of the page by name."""
    source = resources.files("tiny_moa.traces").joinpath("page.html").read_text("utf-8")
    pieces = _PART.split(source)[1:]
    return {name: text.strip("\n") for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


@cache
def page_words() -> Mapping[str, str]:
    """Give the words of the page by name."""
    return dict(line.split("=", 1) for line in parts()["words"].splitlines())


def fill(part: str, **values: object) -> Html:
    """Fill a part; a value that is not HTML already is escaped."""

    def value(hole: re.Match[str]) -> str:
        given = values[hole[1]]
        return given if isinstance(given, Html) else escape(str(given))

    return Html(_HOLE.sub(value, parts()[part]))


def joined(pieces: Iterable[Html]) -> Html:
    """Put pieces one behind the other."""
    return Html("".join(pieces))
