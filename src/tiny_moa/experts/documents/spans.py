"""Which pages are wanted, and in which spans a long document is read; pure."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Final

from tiny_moa.errors import InvalidRequest

WHOLE_PAGES: Final = 24
"""A document of up to so many pages is read in one go."""
FIRST_SPAN_PAGES: Final = 4
"""Pages of the first span of a longer one: few, so that its beginning is there soon."""
SPAN_PAGES: Final = 16
"""Pages of each further span; running headers are found by comparing the pages of a span."""
_LEAST_PAGES: Final = 4
"""A last span of fewer pages is joined to the one before."""
_PART = re.compile(r"(\d{1,6})?\s*(-)?\s*(\d{1,6})?")


@dataclass(frozen=True)
class PageSet:
    """Some pages of a document.

    Attributes:
        ranges: First and last page of each range, ascending and apart; the last may lie beyond the document.
    """

    ranges: tuple[tuple[int, int], ...] = ((1, sys.maxsize),)

    def __contains__(self, number: int) -> bool:
        """Tell whether a page is among them."""
        return any(first <= number <= last for first, last in self.ranges)

    @property
    def first(self) -> int:
        """The first page of all."""
        return self.ranges[0][0]

    @property
    def is_everything(self) -> bool:
        """Whether no page of any document is left out."""
        return self.ranges == ((1, sys.maxsize),)

    def within(self, page_count: int) -> tuple[tuple[int, int], ...]:
        """Give the ranges cut to a document of so many pages."""
        return tuple((first, min(last, page_count)) for first, last in self.ranges if first <= page_count)

    def starting_at(self, page: int) -> PageSet:
        """Give those from a page on."""
        return PageSet(tuple((max(first, page), last) for first, last in self.ranges if last >= page) or ((page, page),))


EVERYTHING: Final = PageSet()


def parse_pages(text: str) -> PageSet:
    """Read pages as people write them: `3`, `1-3,7`, `5-` (from 5 on), `-4` (up to 4); all of them when empty.

    Raises:
        InvalidRequest: It is none of these.
    """
    if not text.strip():
        return EVERYTHING
    ranges = sorted(_parse_part(part.strip(), text) for part in text.replace("\u2013", "-").split(","))
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return PageSet(tuple(joined))


def _parse_part(part: str, text: str) -> tuple[int, int]:
    match = _PART.fullmatch(part)
    if match and (match[1] or match[3]):
        first = int(match[1] or 1)
        last = int(match[3]) if match[3] else (sys.maxsize if match[2] else first)
        if 1 <= first <= last:
            return first, last
    raise InvalidRequest(f"pages={text!r} is not understood; write for example '3', '1-3,7' or '5-', from 1 on")


def span_from(page: int, page_count: int) -> tuple[int, int]:
    """Give the span that is read when a page is wanted: its first and last page.

    Spans lie on a fixed grid, so that what was read for one page serves the others of the span.
    """
    if page_count <= WHOLE_PAGES:
        return 1, page_count
    if page <= FIRST_SPAN_PAGES:
        return 1, FIRST_SPAN_PAGES
    first = page - (page - FIRST_SPAN_PAGES - 1) % SPAN_PAGES
    if page_count - first + 1 < _LEAST_PAGES and first > FIRST_SPAN_PAGES + 1:
        first -= SPAN_PAGES
    last = first + SPAN_PAGES - 1
    return first, page_count if page_count - last < _LEAST_PAGES else last
