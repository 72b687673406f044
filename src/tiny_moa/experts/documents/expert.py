"""The Document reader among the experts: finds the documents a question names and gives their text; reads none itself."""

from __future__ import annotations

import re

from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import DocumentError
from tiny_moa.experts.base import Abstention, Call, Proposal, Status, Task
from tiny_moa.experts.checks import Check
from tiny_moa.experts.documents.library import DocumentLibrary
from tiny_moa.experts.documents.reader import DocumentReader

MAX_DOCUMENTS = 3
"""Most documents that one question is answered from."""
_URI = re.compile(r"doc://[^\s<>\"'`]+")
_QUOTED = re.compile(r"[\"'`“”‘’]([^\"'`“”‘’\n]+\.\w{1,8})[\"'`“”‘’]")
_BARE = re.compile(r"(?<![\w/.:])[\w가-힣(~/][\w가-힣()./~+-]*\.[A-Za-z][A-Za-z0-9]{0,7}")


class DocumentExpert:
    """Gives the text of the documents that a task names by URI, quoted name or plain name."""

    def __init__(self, spec: ExpertSpec, library: DocumentLibrary, reader: DocumentReader) -> None:
        self.spec = spec
        self._library = library
        self._reader = reader

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`; a document that cannot be read is an abstention with the reason."""
        sources = named_documents(task.text)
        if not sources:
            return Abstention(self.spec.name, "the question names no document; give its path under a root, such as 'report.pdf'")
        try:
            documents = [await self._reader.read(source, deadline=call.deadline, listener=call.listener) for source in sources]
        except DocumentError as exc:
            return Abstention(self.spec.name, str(exc))
        text = "\n\n".join(f"<!-- {document.ref.uri} -->\n{document.markdown}" for document in documents)
        status: Status = "partial" if any(document.status == "partial" for document in documents) else "unverified"
        read = tuple(Check("document", "read from the file", True, document.ref.uri) for document in documents)
        notes = tuple(warning for document in documents for warning in document.warnings[:3])
        fields = {"documents": [document.ref.uri for document in documents]}
        return Proposal(self.spec.name, text, status, read, fields=fields, notes=notes)


def named_documents(text: str) -> tuple[str, ...]:
    """Give what a text names as documents, at most three: URIs, quoted names with a suffix, then bare ones."""
    found = [match.rstrip(".,;:!?)") for match in _URI.findall(text)]
    rest = _URI.sub(" ", text)
    found += _QUOTED.findall(rest)
    found += _BARE.findall(_QUOTED.sub(" ", rest))
    return tuple(dict.fromkeys(found))[:MAX_DOCUMENTS]
