"""The model that plans, answers what no expert needs to, and joins what experts wrote; asks no expert itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tiny_moa.brain.plan import plan_schema, route_by_plan
from tiny_moa.brain.route import Route, route_by_cues
from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Abstention, Call, Proposal, TemplatedModel, cut_note, status_of
from tiny_moa.templates import TemplateLibrary

BRAIN = "brain"
"""Who answers when no expert is asked; not a name in the catalogue."""
_PLAN_TOKENS = 200


class Brain:
    """The model that plans, answers what no expert needs to, and joins proposals."""

    def __init__(self, model: TemplatedModel, experts: Mapping[str, ExpertSpec], templates: TemplateLibrary) -> None:
        self._model = model
        self._experts = {spec.label: spec for spec in experts.values()}
        self._chain = templates.get("brain/chain", holes=("task", "material"))

    async def route(self, question: str, call: Call) -> Route:
        """Decide who answers. Never fails: without a usable plan the Brain answers itself."""
        if (route := route_by_cues(question, self._experts.values())) is not None:
            return route
        call.listener.stage("routing")
        experts = "\n".join(f"{label}: {spec.description}" for label, spec in self._experts.items())
        bounded = Call(call.deadline, min(call.max_tokens, _PLAN_TOKENS), call.listener)
        try:
            completion, _ = await self._model.write(
                "brain/plan", {"experts": experts, "question": question}, bounded, schema=plan_schema(list(self._experts))
            )
        except ModelError as exc:
            return Route((), "fallback", str(exc))
        route = route_by_plan(completion.text, question, self._experts)
        return route or Route((), "fallback", f"the plan was not usable ({completion.finish})")

    def continue_with(self, task: str, material: str, *, max_chars: int) -> str:
        """Write what the next expert of a chain is asked: its task and what the earlier ones wrote, marked as data.

        Material beyond `max_chars` characters is cut, and the cut is marked.
        """
        if len(material) > max_chars:
            material = material[:max_chars] + f"\n[… {len(material) - max_chars} more characters left out]"
        closed = material.replace("</material>", "</ material>")
        return self._chain.fill(task=task, material=closed)[-1].text

    async def answer(self, question: str, call: Call) -> Proposal | Abstention:
        """Answer directly."""
        return await self._write("brain/answer", {"question": question}, call)

    async def aggregate(self, question: str, proposals: Sequence[Proposal], call: Call) -> Proposal | Abstention:
        """Join proposals that stand side by side into one answer."""
        call.listener.stage("combining")
        notes = "\n\n".join(f"Notes of {proposal.expert.upper()}:\n{proposal.text}" for proposal in proposals)
        return await self._write("brain/aggregate", {"question": question, "notes": notes}, call)

    async def _write(self, template: str, values: Mapping[str, str], call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(template, values, call)
        if not (text := completion.text.strip()):
            return Abstention(BRAIN, "the model wrote nothing")
        return Proposal(BRAIN, text, status_of(attempt), attempts=(attempt,), notes=cut_note(attempt))
