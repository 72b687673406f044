"""Keeps words whole of which a part is printed differently: docling forgets that no space stood between; child only.

A private character goes before what stands at the text before it without a space, until Markdown is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

GLUE: Final = "\uf8f5"
"""Stands where no space was; a private character that fonts do not use."""
_GLUED = re.compile(rf" ?((?:[*_~`\[]|<\w+>)*){GLUE}")
_BLOCKS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "body", "button", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
     "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "label", "legend", "li",
     "main", "nav", "ol", "option", "p", "pre", "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th",
     "thead", "tr", "ul")
)  # fmt: skip
_BREAKS: Final = frozenset(("br", "img", "input", "hr", "svg", "video", "audio", "object", "iframe"))
_SILENT: Final = frozenset(("pre", "script", "style", "textarea", "title", "head", "template"))


def remove_glue(text: str) -> str:
    """Write what was marked at the text before it, without a space."""
    return _GLUED.sub(r"\1", text) if GLUE in text else text


def glue_html(soup: Any) -> None:
    """Mark the pieces of text of a page that begin where another one ended, in the same block, with no space between."""
    before, block_before = "", None
    for node in list(soup.descendants):
        name = getattr(node, "name", None)
        if name in _BREAKS:
            before = ""
        if name is not None or type(node).__name__ != "NavigableString":
            continue
        text = str(node)
        block = next((parent for parent in node.parents if parent.name in _BLOCKS or parent.name in _SILENT), None)
        if block is not None and block.name in _SILENT:
            continue
        if block is block_before and before and not before.isspace() and text and not text[0].isspace():
            node.replace_with(GLUE + text)
        before, block_before = text[-1:], block


def glue_word(word: Any) -> None:
    """Mark the runs of text of a Word document that begin where another one ended, with no space between."""
    from docx.oxml.ns import qn

    for paragraph in word.element.body.iter(qn("w:p")):
        before: Any = None
        for node in _word_texts(paragraph, qn):
            if _goes_on(before, node):
                node.text = GLUE + node.text
            before = node


def _goes_on(before: Any, node: Any) -> bool:
    """Whether the text of one run begins where that of another ended, without a space."""
    if before is None or node is None or before.getparent() is node.getparent() or not before.text or not node.text:
        return False
    return not before.text[-1].isspace() and not node.text[0].isspace()


def _word_texts(paragraph: Any, qn: Any) -> Iterator[Any]:
    """Give the texts of a paragraph in order, `None` for what stands between them."""
    for node in paragraph.iter():
        if node.tag == qn("w:t"):
            yield node
        elif node.tag in (qn("w:tab"), qn("w:br"), qn("w:drawing"), qn("w:pict"), qn("m:oMath"), qn("w:footnoteReference")):
            yield None


def glue_pieces(document: Any) -> None:
    """Mark the pieces of docling's inline groups that begin where another ended, and take the spaces around all of them.

    For formats whose pieces mostly have their own spaces; where none of a group has, nothing is known.
    """
    from docling_core.types.doc import InlineGroup, TextItem

    for group in document.groups:
        if not isinstance(group, InlineGroup):
            continue
        items = [item for ref in group.children if isinstance(item := ref.resolve(document), TextItem)]
        ends = [(item.text[:1], item.text[-1:]) for item in items]
        keeps_spaces = any(end.isspace() for pair in ends for end in pair)
        for place, item in enumerate(items):
            is_glued = (
                keeps_spaces and place > 0 and all(end and not end.isspace() for end in (ends[place - 1][1], ends[place][0]))
            )
            item.text = (GLUE if is_glued else "") + item.text.strip()
