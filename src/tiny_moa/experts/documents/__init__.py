"""Reading documents: find them, convert them in a child process, keep what was read, give it out in slices."""

from __future__ import annotations

from tiny_moa.experts.documents.cache import DocumentCache, cache_folder
from tiny_moa.experts.documents.document import Document, DocumentRef, Page, Picture
from tiny_moa.experts.documents.fetch import Fetcher
from tiny_moa.experts.documents.library import DocumentLibrary
from tiny_moa.experts.documents.reader import DocumentReader, ReaderStatistics, Reading
from tiny_moa.experts.documents.sources import Source, Upload, decode_upload
from tiny_moa.experts.documents.spans import PageSet, parse_pages

__all__ = [
    "Document",
    "DocumentCache",
    "DocumentLibrary",
    "DocumentReader",
    "DocumentRef",
    "Fetcher",
    "Page",
    "PageSet",
    "Picture",
    "ReaderStatistics",
    "Reading",
    "Source",
    "Upload",
    "cache_folder",
    "decode_upload",
    "parse_pages",
]
