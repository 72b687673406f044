"""Makes docling's document of Markdown, plain text and source code, which are else read as they are; child process only."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from tiny_moa.experts.documents.formats import Format
from tiny_moa.experts.documents.texts import decode_text

_FRONT_MATTER = re.compile(r"\A(?:\ufeff)?---[ \t]*\r?\n.*?\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
"""What docling would take for a heading."""
_BLANK = re.compile(r"\r?\n[ \t]*\r?\n\s*")


def plain_markdown(content: bytes, name: str) -> bytes:
    """Give Markdown as docling reads it: without what stands before it for other programs, in UTF-8."""
    text, _ = decode_text(content, name)
    return _FRONT_MATTER.sub("", text, count=1).encode("utf-8", "replace")


def plain_document(content: bytes, name: str, document_format: Format) -> Any:
    """Make docling's document of a text, a paragraph for each of its own, or of a program, one piece of code."""
    from docling_core.types.doc import DocItemLabel, DoclingDocument

    text, _ = decode_text(content, name)
    document = DoclingDocument(name=PurePath(name).stem)
    if document_format.name == "source code":
        document.add_code(text=text)
        return document
    for paragraph in _BLANK.split(text.strip()):
        if paragraph.strip():
            document.add_text(DocItemLabel.TEXT, paragraph)
    return document
