"""An expert that differs from others in words only: its template is all there is to it."""

from __future__ import annotations

from tiny_moa.catalog import ExpertSpec
from tiny_moa.experts.base import Abstention, Call, Proposal, Task, TemplatedModel, cut_note, nothing_written, status_of


class ChatExpert:
    """Answers a task in the words of its template, which has the one hole `task`."""

    def __init__(self, spec: ExpertSpec, model: TemplatedModel) -> None:
        self.spec = spec
        self._model = model

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        completion, attempt = await self._model.write(self.spec.template, {"task": task.text}, call)
        text = completion.text.strip()
        if not text:
            return Abstention(self.spec.name, nothing_written(attempt))
        return Proposal(self.spec.name, text, status_of(attempt), attempts=(attempt,), notes=cut_note(attempt))


class UnavailableExpert:
    """Stands in the catalogue for something this version cannot do, and says so."""

    def __init__(self, spec: ExpertSpec) -> None:
        self.spec = spec

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """Abstain with the catalogue's reason."""
        return Abstention(self.spec.name, self.spec.reason or "not available")
