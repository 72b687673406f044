"""Writes a part of docling's document as Markdown, and repairs what docling's own writer loses; child process only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from tiny_moa.experts.documents.anchors import write_anchors
from tiny_moa.experts.documents.glue import remove_glue
from tiny_moa.experts.documents.quotes import write_quotes

PICTURE: Final = "<!-- image -->"
"""What stands in the place of a picture."""
NOTES: Final = "Notes: "
"""What stands before a speaker's notes."""
_CLOSING = re.compile(r"[,.;:!?)\]}»”’%…、。]")
_OPENING = ("(", "[", "{", "«", "“", "‘")
_STRAY_SPACE = re.compile(r"(?<=[\w)\]*]) (?=[,.](?:\s|$))")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_RULE_CELL = re.compile(r":?-{1,}:?")


def markdown_writer(document: Any) -> Callable[[Any], str]:
    """Give a function that turns a node of docling's document into Markdown.

    Other than docling's writer it names the language of code, keeps the notes of slides, puts no space before a comma
    after bold words, and writes every table in the same compact form.
    """
    from docling_core.transforms.serializer.markdown import MarkdownDocSerializer, MarkdownParams
    from docling_core.types.doc import ContentLayer

    parameters = MarkdownParams(
        layers={ContentLayer.BODY}, escape_html=False, escape_underscores=False, compact_tables=True, image_placeholder=PICTURE
    )
    text, inline = _serializers()
    with_notes = parameters.model_copy(update={"layers": {ContentLayer.BODY, ContentLayer.NOTES}})
    write_body = MarkdownDocSerializer(doc=document, params=parameters, text_serializer=text, inline_serializer=inline)
    write_slide = MarkdownDocSerializer(doc=document, params=with_notes, text_serializer=text, inline_serializer=inline)

    def write(node: Any) -> str:
        is_slide = str(getattr(node, "name", "")).startswith("slide-")
        serializer = write_slide if is_slide else write_body
        markdown = str(serializer.serialize(item=None if node is document.body else node).text).strip("\n")
        return tidy(markdown) if markdown.replace(PICTURE, "").strip() else ""

    return write


def _serializers() -> tuple[Any, Any]:
    from docling_core.transforms.serializer.common import create_ser_result
    from docling_core.transforms.serializer.markdown import MarkdownInlineSerializer, MarkdownTextSerializer
    from docling_core.types.doc import CodeItem, ContentLayer

    class TextSerializer(MarkdownTextSerializer):  # type: ignore[misc]
        """docling's, with the language of code and a word before notes."""

        def serialize(self, *, item: Any, **kwargs: Any) -> Any:
            result = super().serialize(item=item, **kwargs)
            if isinstance(item, CodeItem) and result.text.startswith("```"):
                return result.model_copy(update={"text": _with_language(result.text, item)})
            if item.content_layer == ContentLayer.NOTES and result.text:
                return result.model_copy(update={"text": NOTES + result.text})
            return result

    class InlineSerializer(MarkdownInlineSerializer):  # type: ignore[misc]
        """docling's, with spaces only where a sentence has them."""

        def serialize(self, *, item: Any, doc_serializer: Any, **kwargs: Any) -> Any:
            kwargs.pop("is_inline_scope", None)
            level, visited = kwargs.pop("list_level", 0), kwargs.pop("visited", None)
            parts = doc_serializer.get_parts(
                item=item, list_level=level, is_inline_scope=True, visited=set() if visited is None else visited, **_own(kwargs)
            )
            printed = [part for part in parts if part.text]
            text = join_pieces([part.text for part in printed], raised=[_is_raised(part) for part in printed])
            return create_ser_result(text=text, span_source=parts)

    return TextSerializer(), InlineSerializer()


def _own(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Leave out the document, which the writer of a document adds itself."""
    return {name: value for name, value in kwargs.items() if name != "doc"}


def _with_language(block: str, item: Any) -> str:
    language = str(getattr(item.code_language, "value", "") or "").lower()
    fence = _FENCE.match(block)
    if fence is None or language in ("", "unknown"):
        return block
    return f"{fence[0]}{language}{block[fence.end() :]}"


def _is_raised(part: Any) -> bool:
    """Whether a piece is an index or exponent."""
    formatting = getattr(part.spans[0].item, "formatting", None) if part.spans else None
    return formatting is not None and formatting.script.value in ("sub", "super")


def join_pieces(pieces: Sequence[str], *, raised: Sequence[bool] = ()) -> str:
    """Join the differently printed pieces of a sentence, with a space where a sentence has one.

    Punctuation stands at the piece before, an opening bracket at the piece after. An index stands at its letter, and a
    capital after it as in H2O.
    """
    text, was_raised = "", False
    for piece, is_raised in zip(pieces, [*raised, *[False] * (len(pieces) - len(raised))], strict=True):
        is_close = not text or _CLOSING.match(piece) or text.endswith((*_OPENING, "\n", " "))
        is_close = is_close or is_raised or (was_raised and piece[:1].isupper())
        text = text + piece if is_close else f"{text} {piece}"
        was_raised = is_raised
    return text


def tidy(markdown: str) -> str:
    """Write the rows of tables compactly, with `|` inside a cell escaped as Markdown does; code stays as it is.

    A space that docling put before a comma or full stop goes, and marks of quotes become `>`.
    """
    lines: list[str] = []
    fence = ""
    for line in map(write_quotes, write_anchors(remove_glue(markdown)).split("\n")):
        mark = _FENCE.match(line.lstrip())
        if mark and (not fence or mark[0].startswith(fence)):
            fence = "" if fence else mark[0]
        is_row = not fence and len(line) > 2 and line.lstrip().startswith("|") and line.rstrip().endswith("|")
        if is_row and line.startswith(" ") and lines and lines[-1]:
            lines.append("")  # a table in a list, whose first row alone docling indents
        lines.append(_tidy_row(line.strip()) if is_row else line if fence else _STRAY_SPACE.sub("", line.replace("\u2060", "")))
    return "\n".join(lines)


def _tidy_row(row: str) -> str:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    if cells and all(_RULE_CELL.fullmatch(cell) for cell in cells):
        return "| " + " | ".join("-" for _ in cells) + " |"
    return "| " + " | ".join(_tidy_cell(cell.replace("&#124;", r"\|")) for cell in cells) + " |"


def _tidy_cell(cell: str) -> str:
    """Leave one space where docling put its own beside one of the text's."""
    return cell if "`" in cell else re.sub(" {2,}", " ", cell)
