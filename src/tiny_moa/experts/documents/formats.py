"""Which files are read, and how: one table from the suffix to the format; knows nothing of their contents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Route = Literal["plain", "office", "pdf", "picture"]
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
        input_format: docling's value for it, empty when docling does not read it for us.
        suffix: The suffix under which docling knows it, where files with other ones are the same.
    """

    name: str
    mime_type: str
    route: Route
    archive: bool = False
    text: bool = False
    input_format: str = ""
    suffix: str = ""


def _office(name: str, mime_type: str, suffix: str, input_format: str = "") -> Format:
    return Format(name, mime_type, "office", archive=True, input_format=input_format or suffix[1:], suffix=suffix)


def _markup(name: str, mime_type: str, suffix: str, input_format: str = "") -> Format:
    return Format(name, mime_type, "office", text=True, input_format=input_format or suffix[1:], suffix=suffix)


_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
_PICTURE = "picture"
_TEXT = Format("text", "text/plain", "plain", text=True)
_CODE = Format("source code", "text/plain", "plain", text=True)

_TEXT_SUFFIXES = ".txt .text .log .rst .org .srt"
_CODE_SUFFIXES = (
    ".py .pyi .js .mjs .cjs .ts .tsx .jsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hpp .hh .cs .go .rs .rb .php .pl"
    " .lua .swift .m .r .jl .hs .ml .clj .ex .exs .erl .dart .zig .nim .sql .sh .bash .zsh .fish .ps1 .bat .css .scss .less"
    " .vue .svelte .json .jsonl .yaml .yml .toml .ini .cfg .conf .properties .xml .proto .graphql .tf .cmake .gradle .diff .patch"
)
_BY_SUFFIXES: Final = {
    ".docx .docm .dotx .dotm": _office("DOCX", f"{_OOXML}.wordprocessingml.document", ".docx"),
    ".pptx .pptm .potx .potm .ppsx .ppsm": _office("PPTX", f"{_OOXML}.presentationml.presentation", ".pptx"),
    ".xlsx .xlsm .xltx .xltm": _office("XLSX", f"{_OOXML}.spreadsheetml.sheet", ".xlsx"),
    ".odt .ott": _office("ODT", f"{_ODF}.text", ".odt"),
    ".ods .ots": _office("ODS", f"{_ODF}.spreadsheet", ".ods"),
    ".odp .otp": _office("ODP", f"{_ODF}.presentation", ".odp"),
    ".epub": _office("EPUB", "application/epub+zip", ".epub"),
    ".html .htm .xhtml": _markup("HTML", "text/html", ".html"),
    ".mhtml .mht": Format("MHTML", "multipart/related", "office", input_format="mhtml", suffix=".mhtml"),
    ".eml": Format("email", "message/rfc822", "office", input_format="email", suffix=".eml"),
    ".msg": Format("email", "application/vnd.ms-outlook", "office", input_format="email", suffix=".msg"),
    ".csv .tsv": _markup("CSV", "text/csv", ".csv"),
    ".adoc .asciidoc .asc": _markup("AsciiDoc", "text/asciidoc", ".adoc", "asciidoc"),
    ".tex .latex": _markup("LaTeX", "text/x-tex", ".tex", "latex"),
    ".vtt": _markup("WebVTT", "text/vtt", ".vtt"),
    ".nxml": _markup("JATS", "application/xml", ".nxml", "xml_jats"),
    ".dclg": _markup("DocLang", "application/xml", ".dclg", "xml_doclang"),
    ".dclx": _office("DocLang archive", "application/zip", ".dclx"),
    ".boxnote": _markup("Box note", "application/json", ".boxnote"),
    ".pages": _office("Pages", "application/vnd.apple.pages", ".pages", "iwork_pages"),
    ".key": _office("Keynote", "application/vnd.apple.keynote", ".key", "iwork_keynote"),
    ".numbers": _office("Numbers", "application/vnd.apple.numbers", ".numbers", "iwork_numbers"),
    ".pdf": Format("PDF", "application/pdf", "pdf", input_format="pdf", suffix=".pdf"),
    ".png": Format(_PICTURE, "image/png", "picture", input_format="image"),
    ".jpg .jpeg": Format(_PICTURE, "image/jpeg", "picture", input_format="image"),
    ".tif .tiff": Format(_PICTURE, "image/tiff", "picture", input_format="image"),
    ".webp": Format(_PICTURE, "image/webp", "picture", input_format="image"),
    ".bmp": Format(_PICTURE, "image/bmp", "picture", input_format="image"),
    ".gif": Format(_PICTURE, "image/gif", "picture", input_format="image"),
    ".md .markdown .qmd .rmd": Format("Markdown", "text/markdown", "plain", text=True, input_format="md"),
    _TEXT_SUFFIXES: _TEXT,
    _CODE_SUFFIXES: _CODE,
}

FORMATS: Final[dict[str, Format]] = {suffix: kind for suffixes, kind in _BY_SUFFIXES.items() for suffix in suffixes.split()}
"""Every suffix that is read, in lower case."""

LEFT_OUT: Final = {
    "doc": "Word 97 files need LibreOffice; save as .docx",
    "ppt": "PowerPoint 97 files need LibreOffice; save as .pptx",
    "xls": "Excel 97 files need LibreOffice; save as .xlsx",
    "rtf": "rich text needs LibreOffice; save as .docx",
    "xml_uspto": "has no suffix of its own: XML is read as it is",
    "xml_xbrl": "needs a processor of 150 MB that loads taxonomies from the network: XML is read as it is",
    "mets_gbs": "scanned books in a tar archive need docling's layout model; give the pictures of the pages",
    "json_docling": "has no suffix of its own: JSON is read as it is",
    "audio": "needs a speech model, and there is none among the experts",
    "video": "needs a speech model, and there is none among the experts",
    "ebcdic": "needs a description of its records that a file does not carry",
    "afp": "print streams need the fonts of their printer",
}
"""docling's formats that are not read, and why."""

_NOT_READ: Final = {
    ".doc .dot": "Word 97 files are not read; save it as .docx, or run: soffice --convert-to docx",
    ".ppt .pps .pot": "PowerPoint 97 files are not read; save it as .pptx, or run: soffice --convert-to pptx",
    ".xls .xlt .xlsb": "old and binary Excel files are not read; save it as .xlsx, or run: soffice --convert-to xlsx",
    ".rtf": "rich text is not read; save it as .docx, or run: soffice --convert-to docx",
    ".hwp .hwpx": "files of Hangul are not read; save it as .docx or PDF in Hangul",
    ".wpd .wps .odg .pub .vsd .vsdx": "it is not read; save it as PDF in its program",
    ".mets .tar .tgz .gz .zip .7z .rar": "archives and the scanned books in them are not read;"
    " unpack it and give its files, such as the pictures of its pages",
    ".mp3 .wav .m4a .ogg .flac .mp4 .avi .mov .mkv .webm": "speech is not read; give its transcript, such as .vtt, .srt or .txt",
    ".heic .heif .avif .svg .psd .ai .eps": "pictures of this kind are not read; save it as PNG, JPEG or PDF",
}
_WHAT_TO_DO: Final = {suffix: said for suffixes, said in _NOT_READ.items() for suffix in suffixes.split()}

SUPPORTED: Final = (
    "DOCX, PPTX, XLSX, ODT, ODS, ODP, PDF, pictures (PNG, JPEG, TIFF, WEBP, BMP, GIF), HTML, EPUB, email, CSV, AsciiDoc, LaTeX, "
    "Markdown, plain text and source code"
)
"""The formats in words, for messages."""


def find_format(suffix: str) -> Format | None:
    """Give the format of a suffix such as `.pdf`, in any case; `None` when it is not read."""
    return FORMATS.get(suffix.lower())


def why_not_read(suffix: str) -> str:
    """Say why files of a suffix are not read and what to do instead, in words that follow the name of the file."""
    return _WHAT_TO_DO.get(suffix.lower(), f"{suffix or 'files without a suffix'} are not read; supported are {SUPPORTED}")
