"""The Document reader among the experts: gives the text of the documents a task names, or answers from it with citations."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import anyio.to_thread

from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import DocumentError
from tiny_moa.experts.base import Abstention, Call, Proposal, Status, Task
from tiny_moa.experts.checks import Check
from tiny_moa.experts.documents.answers import Found, answer_from, check_citations
from tiny_moa.experts.documents.document import Document, DocumentRef
from tiny_moa.experts.documents.library import DocumentLibrary
from tiny_moa.experts.documents.reader import DocumentReader
from tiny_moa.experts.documents.retrieval import Index, Passage

MAX_DOCUMENTS = 3
"""Most documents whose whole text is given for one question."""
MAX_SEARCHED = 200
"""Most documents that one question is answered from."""
_KEPT_INDEXES = 4
_READING_SHARE = 0.8
"""Part of the time that may go into reading; the rest is for finding the answer in what was read."""
_URI = re.compile(r"doc://[^\s<>\"'`]+")
_QUOTED = re.compile(r"[\"'`“”‘’]([^\"'`“”‘’\n]+(?:\.\w{1,8}|/))[\"'`“”‘’]")
_BARE = re.compile(r"(?<![\w/.:])[\w가-힣(~/][\w가-힣()./~+-]*(?:\.[A-Za-z][A-Za-z0-9]{0,7}|/(?=[\s,.;:?!)에의를을]|$))")


_WHOLE = re.compile(
    r"\b(?:summar\w*|translat\w*|rewrit\w*|paraphras\w*|proofread\w*|review|outline|overview|gist|key points|explain|compare)\b"
    r"|요약|번역|정리해|고쳐|설명해|비교해|개요",
    re.IGNORECASE,
)


_ASKS = re.compile(r"[??]|\baccording to\b|나요|까요?\s*$|인가|뭐|무엇|얼마|언제|누구|어디", re.IGNORECASE)


@dataclass(frozen=True)
class _Reading:
    """What could be read for a question, and sentences about what could not."""

    documents: tuple[Document, ...]
    notes: tuple[str, ...]
    is_partial: bool


class DocumentExpert:
    """Gives the text of the documents that a task names by URI, quoted name or plain name, or an answer found in them."""

    def __init__(self, spec: ExpertSpec, library: DocumentLibrary, reader: DocumentReader) -> None:
        self.spec = spec
        self._library = library
        self._reader = reader
        self._indexes: OrderedDict[tuple[object, ...], Index] = OrderedDict()

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`; a document that cannot be read is an abstention with the reason.

        A task that wants an answer gets the sentence that answers it, with its citation, or a statement that the documents
        do not answer it; any other task gets the text. Without named documents an answer is looked for in all of them.
        """
        sources = task.documents or named_documents(task.text)
        if not sources and not task.wants_answer:
            return Abstention(self.spec.name, "the question names no document; give its path under a root, such as 'report.pdf'")
        try:
            refs = await anyio.to_thread.run_sync(self._expand, sources or (".",))
            reading = await self._read(refs[: MAX_SEARCHED if task.wants_answer else MAX_DOCUMENTS], call)
        except DocumentError as exc:
            return Abstention(self.spec.name, str(exc))
        if task.wants_answer:
            return await self._answer(_without(task.text, sources), reading)
        return self._text(reading)

    def _expand(self, sources: Sequence[str]) -> tuple[DocumentRef, ...]:
        found = [ref for source in sources for ref in self._library.expand(source, limit=MAX_SEARCHED)]
        return tuple(dict.fromkeys(found))

    async def _read(self, refs: Sequence[DocumentRef], call: Call) -> _Reading:
        """Read as many documents as the time allows; one that cannot be read is named, and fails the task when it is alone."""
        now = anyio.current_time()
        deadline = now + (call.deadline - now) * _READING_SHARE
        documents: list[Document] = []
        notes: list[str] = []
        for ref in refs:
            if documents and anyio.current_time() >= deadline:
                notes.append(
                    f"{len(refs) - len(documents) - len(notes)} of {len(refs)} documents were not read in time; ask again."
                )
                break
            try:
                document = await self._reader.read(ref.uri, deadline=deadline, listener=call.listener)
            except DocumentError as exc:
                if len(refs) == 1:
                    raise
                notes.append(f"{ref.name} was not read: {exc}.")
                continue
            documents.append(document)
            notes += [f"{ref.name}: {warning}." for warning in document.warnings[:3]]
        is_partial = len(documents) < len(refs) or any(document.status == "partial" for document in documents)
        return _Reading(tuple(documents), tuple(notes), is_partial)

    def _text(self, reading: _Reading) -> Proposal:
        text = "\n\n".join(f"<!-- {document.ref.uri} -->\n{document.markdown}" for document in reading.documents)
        status: Status = "partial" if reading.is_partial else "unverified"
        read = tuple(Check("document", "read from the file", True, document.ref.uri) for document in reading.documents)
        fields = {"documents": [document.ref.uri for document in reading.documents]}
        return Proposal(self.spec.name, text, status, read, fields=fields, notes=reading.notes)

    async def _answer(self, question: str, reading: _Reading) -> Proposal:
        index = await anyio.to_thread.run_sync(self._index, reading.documents)
        passages = await anyio.to_thread.run_sync(index.search, question)
        found = answer_from(question, passages, index)
        names = [document.ref.name for document in reading.documents]
        fields = {
            "documents": [document.ref.uri for document in reading.documents],
            "passages": [_described(passage) for passage in passages],
            "citations": [_described(citation.passage) | {"number": citation.number, "quote": citation.quote}
                          for citation in (found.citations if found else ())],
            "is_answered": found is not None,
        }  # fmt: skip
        status: Status = "partial" if reading.is_partial else "unverified"
        if found is None:
            near = f" The nearest passage is on page {passages[0].chunk.page} of {passages[0].ref.name}." if passages else ""
            text = f"The documents do not say ({_listed(names)}).{near}"
            return Proposal(self.spec.name, text, status, fields=fields, notes=reading.notes)
        return Proposal(self.spec.name, _cited(found), status, check_citations(found), fields=fields, notes=reading.notes)

    def _index(self, documents: Sequence[Document]) -> Index:
        key = tuple((document.ref.uri, hash(document.markdown)) for document in documents)
        if key not in self._indexes:
            self._indexes[key] = Index(documents)
        self._indexes.move_to_end(key)
        while len(self._indexes) > _KEPT_INDEXES:
            self._indexes.popitem(last=False)
        return self._indexes[key]


def wants_whole(question: str) -> bool:
    """Whether a question is about a document as a whole, such as for a summary, so that no passage answers it."""
    return bool(_WHOLE.search(question))


def named_documents(text: str) -> tuple[str, ...]:
    """Give what a text names as documents or folders: URIs, quoted names with a suffix or a slash, then bare ones."""
    found = [match.rstrip(".,;:!?)") for match in _URI.findall(text)]
    rest = _URI.sub(" ", text)
    found += _QUOTED.findall(rest)
    found += _BARE.findall(_QUOTED.sub(" ", rest))
    return tuple(dict.fromkeys(found))


def asks_about_a_document(text: str, library: DocumentLibrary) -> bool:
    """Whether a text asks something about a document that it names and that is here."""
    if not (_ASKS.search(text) or wants_whole(text)):
        return False
    return any(_is_here(source, library) for source in named_documents(text) if not source.endswith("/"))


def _is_here(source: str, library: DocumentLibrary) -> bool:
    try:
        return bool(library.expand(source, limit=1))
    except DocumentError:
        return False


def _without(question: str, sources: Sequence[str]) -> str:
    """Take the names of documents out of a question: they say where to look, not what for."""
    for source in sorted(sources, key=len, reverse=True):
        question = question.replace(source, " ")
    return question


def _cited(found: Found) -> str:
    return "\n".join((found.text, "", *(citation.line() for citation in found.citations)))


def _described(passage: Passage) -> dict[str, object]:
    return {
        "document": passage.ref.uri,
        "page": passage.chunk.page,
        "section": " > ".join(passage.chunk.section),
        "coverage": round(passage.coverage, 2),
        "text": passage.chunk.text,
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
