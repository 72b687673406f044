"""Exports docling's document as pages of Markdown, each in time linear in its size; runs in the child process only.

Slides, sheets and the pages of our PDF pipeline are groups at the top of docling's document. Exporting group by group
looks at every item once, where docling's own export of one page looks at the whole document.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tiny_moa.experts.documents.markdown import markdown_writer

Json = dict[str, Any]

PAGE_GROUP: Final = "page-"
"""Names of the groups that stand for pages begin so; a number from 1 on follows."""
_SLIDE_GROUP: Final = "slide-"
"""The same for slides in docling, with a number from 0 on."""
_MIDNIGHT = re.compile(r"\| (\d{4}-\d\d-\d\d) 00:00:00(?= \|)")
_DAY: Final = r"| \1"
"""A sheet's day without a time, which docling gives one."""
_NOT_READ: Final = "not read"


def export_pages(result: Any, engines: Mapping[int, str] | None, *, first: int = 1, last: int = sys.maxsize) -> list[Json]:
    """Export the pages of docling's result from `first` to `last`, in order and without gaps.

    A sheet begins with its name as a heading, which docling leaves out.

    Args:
        result: What docling made.
        engines: Of a PDF, what read each page that was parsed; a page without text has the engine `none`.
        first: First page that is given.
        last: Last page that is given.
    """
    document = result.document
    groups = _page_groups(document)
    export = markdown_writer(document)
    if not groups:
        return [_page(1, export(document.body))]
    last = min(last, max(*groups, result.input.page_count or 0))
    pages = []
    for number in range(first, last + 1):
        markdown = _page_text(groups[number], export) if number in groups else ""
        page = _page(number, markdown)
        if engines is not None:
            page["engine"] = engines.get(number, "none") if markdown else "none"
            page["warnings"] = [] if number in engines else [_NOT_READ]
        pages.append(page)
    return pages


def find_title(document: Any) -> str | None:
    """Give the first title of docling's document, `None` when it has none."""
    for item in document.texts:
        if item.label.value == "title" and item.text.strip():
            return str(item.text).strip()
    return None


def _page_groups(document: Any) -> dict[int, Any]:
    """Give the groups that stand for pages, slides or sheets, by number."""
    groups: dict[int, Any] = {}
    n_sheets = 0
    for child in document.body.children:
        node = child.resolve(document)
        name = str(getattr(node, "name", ""))
        if node.label.value == "sheet":
            n_sheets += 1
            groups[n_sheets] = node
        elif name.startswith(PAGE_GROUP) and name[len(PAGE_GROUP) :].isdigit():
            groups[int(name[len(PAGE_GROUP) :])] = node
        elif name.startswith(_SLIDE_GROUP) and name[len(_SLIDE_GROUP) :].isdigit():
            groups[int(name[len(_SLIDE_GROUP) :]) + 1] = node
    return groups


def _page_text(group: Any, export: Any) -> str:
    if group.content_layer.value != "body":
        return ""  # a hidden sheet
    markdown = str(export(group))
    if group.label.value != "sheet" or not markdown:
        return markdown
    return f"## {group.name}\n\n{_MIDNIGHT.sub(_DAY, markdown)}"


def _page(number: int, markdown: str) -> Json:
    return {"number": number, "markdown": markdown, "engine": "text", "warnings": []}


def summarise_warnings(pages: Sequence[Json]) -> list[str]:
    """Say each warning of the pages once, with the pages it is about, such as `pages 2-4, 9: ...`."""
    numbers: dict[str, list[int]] = {}
    for page in pages:
        for warning in page["warnings"]:
            numbers.setdefault(warning, []).append(page["number"])
    return [f"{'pages' if len(found) > 1 else 'page'} {_ranges(found)}: {warning}" for warning, found in numbers.items()]


def _ranges(numbers: Sequence[int]) -> str:
    """Write ascending numbers with ranges for those that follow each other."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, found)) for found in ranges)
