"""What has been read of one document so far, page by page; decides nothing about reading more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tiny_moa.errors import ConversionFailed
from tiny_moa.experts.documents.document import Document, DocumentRef, Page, Picture, Status
from tiny_moa.experts.documents.export import summarise_warnings
from tiny_moa.experts.documents.sources import Content
from tiny_moa.experts.documents.spans import PageSet
from tiny_moa.experts.documents.texts import decode_text

_NOT_READ: Final = "not read"
"""The warning of a page that the time was too short for."""
_KEPT = ("title", "warnings", "page_count", "format")


class Held:
    """The pages of one document that were read.

    Attributes:
        key: What the document and everything that decides its text are known by.
        is_secret: Whether a password opened it; such a document is kept in memory only.
        page_count: How many pages it has; `None` until that is known, 0 when it cannot be opened.
        bookmarks: The outline that a PDF brings with it.
        pages: The pages that were read, by number.
    """

    def __init__(self, key: str, *, is_secret: bool = False) -> None:
        self.key = key
        self.is_secret = is_secret
        self.page_count: int | None = None
        self.bookmarks: list[Mapping[str, Any]] = []
        self.pages: dict[int, Page] = {}
        self._pictures: dict[int, tuple[Mapping[str, Any], ...]] = {}
        self._title: str | None = None
        self._general: list[str] = []
        self.characters = 0

    def covers(self, number: int) -> bool:
        """Tell whether a page was read."""
        return number in self.pages

    def has_any(self, wanted: PageSet) -> bool:
        """Tell whether one of the wanted pages was read."""
        return any(number in wanted for number in self.pages)

    def first_missing(self, start: int, wanted: int) -> int:
        """Give the first page from `start` to `wanted` that was not read."""
        return next((number for number in range(start, wanted) if number not in self.pages), wanted)

    def count_characters(self, wanted: PageSet, before: int) -> int:
        """Count the characters of the wanted pages before a page."""
        return sum(len(page.markdown) for number, page in self.pages.items() if number < before and number in wanted)

    def add(self, answer: Mapping[str, Any]) -> int:
        """Take the pages of an answer, up to the first that the time was too short for; gives how many were taken."""
        read = 0
        for page in answer["pages"]:
            if _NOT_READ in page["warnings"] and answer.get("out_of_time"):
                break
            number = int(page["number"])
            self.characters += len(page["markdown"]) - len(self.pages[number].markdown if number in self.pages else "")
            self.pages[number] = Page(number, page["markdown"], page["engine"], tuple(page["warnings"]))
            self._pictures[number] = tuple(found for found in answer.get("pictures", ()) if found["page"] == number)
            read += 1
        self.page_count = self.page_count or int(answer.get("page_count", len(self.pages)))
        self._title = self._title or answer.get("title")
        said = set(summarise_warnings(answer["pages"]))
        general = [warning for warning in answer["warnings"] if warning not in said and not warning.startswith("time was up")]
        self._general += [warning for warning in general if warning not in self._general]
        return read

    def entry(self, answer: Mapping[str, Any], read: int) -> Mapping[str, Any]:
        """Give what of an answer is worth keeping on disk: its first `read` pages."""
        pages = answer["pages"][:read]
        numbers = {page["number"] for page in pages}
        pictures = [found for found in answer.get("pictures", ()) if found["page"] in numbers]
        return {name: answer[name] for name in _KEPT if name in answer} | {"pages": pages, "pictures": pictures}

    def check_text(self, name: str) -> None:
        """Refuse a document that was read to its end and has no text.

        Raises:
            ConversionFailed: That is so.
        """
        if self.page_count and len(self.pages) == self.page_count and not any(p.markdown.strip() for p in self.pages.values()):
            warned = sorted({warning for page in self.pages.values() for warning in page.warnings})
            reason = f": {'; '.join(warned)}" if warned else ""
            raise ConversionFailed(f"{name!r} has no text that could be read on its {self.page_count} pages{reason}")

    def document(self, ref: DocumentRef, wanted: PageSet, *, is_whole: bool) -> Document:
        """Give the pages that were read and are wanted as a document."""
        pages = tuple(self.pages[number] for number in sorted(self.pages) if number in wanted)
        warnings = self._general + summarise_warnings([{"number": page.number, "warnings": page.warnings} for page in pages])
        if not is_whole:
            warnings.insert(0, f"time was up after {len(pages)} of {self.page_count} pages; call again: what was read is kept")
            if not pages:
                raise ConversionFailed(f"{ref.name!r}: the time was too short for one page; raise deadline_seconds")
        is_partial = not is_whole or any(page.warnings for page in pages)
        status: Status = "partial" if is_partial else "ok"
        document = Document(ref, pages, self._title or ref.path.stem, status, tuple(warnings))
        return replace(document, page_count=self.page_count or len(pages), pictures=self._numbered(wanted))

    def _numbered(self, wanted: PageSet) -> tuple[Picture, ...]:
        """Number the pictures of all pages read, and give those of the wanted ones."""
        found = [words for number in sorted(self._pictures) for words in self._pictures[number]]
        numbered = [
            Picture(index, words["page"], words["caption"], tuple(words["box"]) if words["box"] else None)
            for index, words in enumerate(found, 1)
        ]
        return tuple(picture for picture in numbered if picture.page in wanted)


def held_text(content: Content) -> Mapping[str, Any]:
    """Give a plain text as the answer that a converter would give, its words unchanged.

    Raises:
        DocumentRefused: It is not text.
        ConversionFailed: It has only white space.
    """
    text, warning = decode_text(content.content, content.ref.name)
    if not text.strip():
        raise ConversionFailed(f"{content.ref.name!r} has only white space")
    page = {"number": 1, "markdown": text, "engine": "text", "warnings": []}
    return {"pages": [page], "page_count": 1, "title": None, "warnings": [warning] if warning else []}
