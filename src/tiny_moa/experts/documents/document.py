"""The values that stand for documents: where one is, and what was read from it; does no work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Engine = Literal["text", "ocr", "layout", "vlm", "none"]
"""What read a page: the text the file holds, character recognition, a layout model, a vision model, or nothing could."""

Status = Literal["ok", "partial"]


@dataclass(frozen=True)
class DocumentRef:
    """One document under the roots, by name and by place.

    Attributes:
        uri: `doc://` and the percent-encoded path below the root; the same file always has the same URI.
        name: The file's own name.
        path: The real file, links resolved; for opening it, not for showing it.
        size_bytes: Its size when it was looked up.
        suffix: The suffix in lower case, with its dot.
        mime_type: The media type that the suffix stands for.
    """

    uri: str
    name: str
    path: Path
    size_bytes: int
    suffix: str
    mime_type: str


@dataclass(frozen=True)
class Page:
    """One page as Markdown: a page of a PDF, a slide, a sheet, or the whole of a document that has no pages.

    Attributes:
        number: From 1 on.
        markdown: Its text; empty when nothing could be read.
        engine: What read it.
        warnings: Sentences about what is missing from it.
    """

    number: int
    markdown: str
    engine: Engine = "text"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture in a document; its bitmap is made when it is asked for.

    Attributes:
        number: From 1 on, over what was read.
        page: The page it is on.
        caption: The words under it, empty when there are none.
        box: Where it is on the page, as left, top, right, bottom in points from the upper left corner; `None` when
            the format has no places.
    """

    number: int
    page: int
    caption: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Document:
    """What was read from one document.

    Attributes:
        ref: Which document.
        pages: The pages that were asked for, in order; of a whole document at least one has text.
        title: The title it gives itself; the file's name when it gives none.
        status: `partial` when something is missing; the warnings then say what.
        warnings: Sentences about the whole document and its pages.
        seconds: How long this call took.
        from_cache: Whether the pages were kept from an earlier call.
        page_count: How many pages the document has, those included that were not asked for.
        pictures: The pictures on `pages`, in order.
    """

    ref: DocumentRef
    pages: tuple[Page, ...]
    title: str
    status: Status = "ok"
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    from_cache: bool = False
    page_count: int = 1
    pictures: tuple[Picture, ...] = ()

    @property
    def markdown(self) -> str:
        """The text of all pages that have text, joined by blank lines."""
        return "\n\n".join(page.markdown.strip("\n") for page in self.pages if page.markdown.strip())
