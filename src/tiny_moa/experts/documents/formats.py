"""Which files are read, and how: one table from the suffix to the format; knows nothing of their contents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Route = Literal["plain", "office", "pdf"]
"""`plain` is read as it is and needs no converter; the others go through docling in the child process."""


@dataclass(frozen=True)
class Format:
    """One format of documents.

    Attributes:
        name: What people call it.
        mime_type: The media type of such a file.
        route: How it becomes Markdown.
        archive: Whether the file is a zip archive, so that its members must be checked before it is opened.
        text: Whether the file is text whose encoding has to be found before it is converted.
    """

    name: str
    mime_type: str
    route: Route
    archive: bool = False
    text: bool = False


_OFFICE = "application/vnd.openxmlformats-officedocument"
_DOCX = Format("DOCX", f"{_OFFICE}.wordprocessingml.document", "office", archive=True)
_PPTX = Format("PPTX", f"{_OFFICE}.presentationml.presentation", "office", archive=True)
_XLSX = Format("XLSX", f"{_OFFICE}.spreadsheetml.sheet", "office", archive=True)
_HTML = Format("HTML", "text/html", "office", text=True)
_CSV = Format("CSV", "text/csv", "office", text=True)
_ASCIIDOC = Format("AsciiDoc", "text/asciidoc", "office", text=True)
_PDF = Format("PDF", "application/pdf", "pdf")
_MARKDOWN = Format("Markdown", "text/markdown", "plain", text=True)
_TEXT = Format("text", "text/plain", "plain", text=True)
_CODE = Format("source code", "text/plain", "plain", text=True)

_TEXT_SUFFIXES = ".txt .text .log .rst .org .tex .srt .vtt"
_CODE_SUFFIXES = (
    ".py .pyi .js .mjs .cjs .ts .tsx .jsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hpp .hh .cs .go .rs .rb .php .pl"
    " .lua .swift .m .r .jl .hs .ml .clj .ex .exs .erl .dart .zig .nim .sql .sh .bash .zsh .fish .ps1 .bat .css .scss .less"
    " .vue .svelte .json .jsonl .yaml .yml .toml .ini .cfg .conf .properties .xml .proto .graphql .tf .cmake .gradle .diff .patch"
)

FORMATS: Final[dict[str, Format]] = {
    ".docx": _DOCX,
    ".docm": _DOCX,
    ".pptx": _PPTX,
    ".pptm": _PPTX,
    ".xlsx": _XLSX,
    ".xlsm": _XLSX,
    ".html": _HTML,
    ".htm": _HTML,
    ".xhtml": _HTML,
    ".csv": _CSV,
    ".tsv": _CSV,
    ".adoc": _ASCIIDOC,
    ".asciidoc": _ASCIIDOC,
    ".pdf": _PDF,
    ".md": _MARKDOWN,
    ".markdown": _MARKDOWN,
    **dict.fromkeys(_TEXT_SUFFIXES.split(), _TEXT),
    **dict.fromkeys(_CODE_SUFFIXES.split(), _CODE),
}
"""Every suffix that is read, in lower case."""

SUPPORTED: Final = "DOCX, PPTX, XLSX, PDF with a text layer, HTML, CSV, AsciiDoc, Markdown, plain text and source code"
"""The formats in words, for messages."""


def find_format(suffix: str) -> Format | None:
    """Give the format of a suffix such as `.pdf`, in any case; `None` when it is not read."""
    return FORMATS.get(suffix.lower())
