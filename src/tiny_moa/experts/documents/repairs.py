"""Puts right what docling hangs up in the wrong place of its document; runs in the child process only."""

from __future__ import annotations

from typing import Any


def free_lists(document: Any) -> None:
    """Move headings, and what follows them, out of the lists of a document, to the place after their list.

    Where a Word file has a list before its first heading, docling hangs everything that follows into the list.
    """
    from docling_core.types.doc import ListGroup, SectionHeaderItem, TitleItem

    for group in [group for group in document.groups if isinstance(group, ListGroup) and group.parent is not None]:
        children = [ref.resolve(document) for ref in group.children]
        first = next((at for at, child in enumerate(children) if isinstance(child, SectionHeaderItem | TitleItem)), None)
        if first is None:
            continue
        parent = group.parent.resolve(document)
        place = [ref.cref for ref in parent.children].index(group.self_ref) + 1
        parent.children[place:place] = group.children[first:]
        del group.children[first:]
        for child in children[first:]:
            child.parent = parent.get_ref()


def show_footnotes(document: Any) -> None:
    """Have the footnotes of a document written after its text; docling puts them among what stands at the pages' edges."""
    from docling_core.types.doc import ContentLayer, DocItemLabel

    for item in document.texts:
        if item.label == DocItemLabel.FOOTNOTE and item.content_layer == ContentLayer.FURNITURE:
            item.content_layer = ContentLayer.BODY
