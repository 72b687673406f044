"""The links of a page: from the words they stand on to the pieces of a paragraph; pure, builds on `layout`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tiny_moa.experts.documents.layout import Box, Run

Links = tuple[tuple[str, str], ...]
"""What leads somewhere, and where to, in the order of the text."""


def link_words(words: Sequence[Run], links: Sequence[tuple[Box, str]]) -> list[Run]:
    """Give the words, those whose middle is inside the place of a link with its address."""
    if not links:
        return list(words)

    def linked(word: Run) -> Run:
        x = (word.left + word.right) / 2
        found = (to for box, to in links if box.left <= x <= box.right and box.top <= word.middle <= box.bottom)
        return replace(word, link=next(found, ""))

    return [linked(word) for word in words]


def join_links(lines: Sequence[Run]) -> Links:
    """Give the links of a paragraph's lines, each line's by itself."""
    return tuple(link for line in lines for link in line.links)


def is_link_divided(line: Run, below: Run) -> bool:
    """Whether a line ends with a link with which the one close below begins."""
    if not line.links or not below.links or not 0 < below.middle - line.middle < 2 * line.height:
        return False
    (printed, address), (printed_below, address_below) = line.links[-1], below.links[0]
    return address == address_below and line.text.endswith(printed) and below.text.startswith(printed_below)


def is_address_divided(line: str, below: str, addresses: Sequence[str]) -> bool:
    """Whether an address that is printed as itself goes on in the line below, of those that the lines lead to."""
    parts = line.split()[-1:] + below.split()[:1]
    return len(parts) == 2 and any(len(parts[0]) > 3 and _bare("".join(parts)) in address.lower() for address in addresses)


def split_links(text: str, links: Links) -> list[tuple[str, str]]:
    """Divide a text into pieces, each with the address it leads to or none; together they are the text.

    Pieces that follow each other with one address are one. An address that is printed as itself, or whose words are
    not in the text as they were in its lines, is no piece of its own.
    """
    pieces: list[tuple[str, str]] = []
    done = 0
    for printed, link in links:
        words = printed.rstrip(",.;:") or printed
        start = text.find(words, done)
        if start < 0:
            continue
        if pieces and pieces[-1][1] == link and not text[done:start].strip():
            before = pieces.pop()[0] + text[done:start]
            words_so_far = before + words
        else:
            pieces += [(text[done:start], "")] if start > done else []
            words_so_far = words
        pieces.append((words_so_far, link))
        done = start + len(words)
    return _without_own([*pieces, (text[done:], "")] if done < len(text) else pieces)


def _without_own(pieces: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Make addresses that are printed as themselves, over several lines, part of the text around them."""
    found: list[tuple[str, str]] = []
    for text, link in pieces:
        address = "" if _bare(text) == _bare(link) else link
        if found and not address and not found[-1][1]:
            found[-1] = (found[-1][0] + text, "")
        else:
            found.append((text, address))
    return found


def _bare(address: str) -> str:
    for scheme in ("mailto:", "https://", "http://"):
        address = address.removeprefix(scheme)
    return address.rstrip("/.,;)").lower()
