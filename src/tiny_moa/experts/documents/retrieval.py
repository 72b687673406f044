"""Finds the passages of some documents that a question is about: BM25 over their terms; asks no model."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from tiny_moa.experts.documents.chunks import Chunk, chunk_pages
from tiny_moa.experts.documents.document import Document, DocumentRef
from tiny_moa.experts.documents.terms import content_terms, terms_of

MAX_PASSAGES: Final = 5
_ELSEWHERE: Final = 0.6
"""What a word counts for that stands elsewhere in the passage's document: its subject is often named only once."""
_COVERAGE_WEIGHT: Final = 0.6
"""How much a passage gains by holding all words of the question, against one that repeats some of them."""


@dataclass(frozen=True)
class Passage:
    """A passage that a question may be answered from.

    Attributes:
        ref: Its document.
        chunk: Its text, page and section.
        score: How well it fits, 0 or more; comparable within one question only.
        coverage: The share, by weight, of the question's words that it holds, from 0 to 1; words that stand elsewhere in its
            document count in part.
    """

    ref: DocumentRef
    chunk: Chunk
    score: float
    coverage: float


class Index:
    """The passages of some documents, with their terms."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._places = [(document, chunk) for document in documents for chunk in chunk_pages(document.pages)]
        self._terms = [terms_of(chunk.text) + self._context(document, chunk) for document, chunk in self._places]
        self._sets = [frozenset(terms) for terms in self._terms]
        self._around: dict[DocumentRef, set[str]] = {}
        for (document, _), held in zip(self._places, self._sets, strict=True):
            self._around.setdefault(document.ref, set()).update(held)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """All passages, in order."""
        return tuple(chunk for _, chunk in self._places)

    def search(self, question: str, limit: int = MAX_PASSAGES) -> tuple[Passage, ...]:
        """Give the passages that fit a question best, the best first; none when it has no word in common with any."""
        groups = content_terms(question)
        terms = [term for group in groups for term in group]
        if not self._places or not terms:
            return ()
        scores = self._scores(terms)
        best = max(scores, default=0.0) or 1.0
        passages = []
        for (document, chunk), held, score in zip(self._places, self._sets, scores, strict=True):
            own = self.coverage(groups, held)
            if score > 0 and own > 0:
                whole = _ELSEWHERE * self.coverage(groups, self._around[document.ref]) + (1 - _ELSEWHERE) * own
                mixed = (1 - _COVERAGE_WEIGHT) * score / best + _COVERAGE_WEIGHT * own
                passages.append(Passage(document.ref, chunk, mixed, whole))
        return tuple(sorted(passages, key=lambda passage: -passage.score)[:limit])

    def coverage(self, groups: Sequence[Sequence[str]], held: Set[str]) -> float:
        """Give the share of a question's words that some terms hold; rare words weigh more, unknown ones most."""
        weights = [max(map(self.weight, group)) for group in groups]
        found = [sum(term in held for term in group) / len(group) for group in groups]
        return sum(w * f for w, f in zip(weights, found, strict=True)) / sum(weights)

    def weight(self, term: str) -> float:
        """Give how much a term tells passages apart."""
        n = len(self._sets)
        found = self._frequencies.get(term, 0)
        return math.log(1 + (n - found + 0.5) / (found + 0.5))

    @cached_property
    def _frequencies(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for held in self._sets:
            for term in held:
                counted[term] = counted.get(term, 0) + 1
        return counted

    def _scores(self, terms: Sequence[str]) -> list[float]:
        known = [term for term in dict.fromkeys(terms) if term in self._frequencies]
        return [float(score) for score in self._ranker.get_scores(known)] if known else [0.0] * len(self._places)

    @cached_property
    def _ranker(self) -> Any:
        import bm25s

        ranker = bm25s.BM25(method="lucene")
        ranker.index(self._terms, show_progress=False)
        return ranker

    def _context(self, document: Document, chunk: Chunk) -> list[str]:
        """Give the terms of what stands over a passage: its document's name and title, and its sections."""
        return terms_of(" ".join((document.ref.path.stem, document.title, *chunk.section)))
