"""Reading documents: find them under the roots, convert them in a child process, give them out in slices."""

from __future__ import annotations

from tiny_moa.experts.documents.document import Document, DocumentRef, Page
from tiny_moa.experts.documents.library import DocumentLibrary
from tiny_moa.experts.documents.paging import Slice, paginate
from tiny_moa.experts.documents.reader import DocumentReader, ReaderStatistics

__all__ = [
    "Document",
    "DocumentLibrary",
    "DocumentReader",
    "DocumentRef",
    "Page",
    "ReaderStatistics",
    "Slice",
    "paginate",
]
