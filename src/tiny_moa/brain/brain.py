"""The model that plans, answers what no expert needs to, and joins what experts wrote; asks no expert itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import anyio
import anyio.to_thread

from tiny_moa.brain.classifier import Classifier, weighed
from tiny_moa.brain.decompose import leave_language_to_last
from tiny_moa.brain.guards import framed, telling_sentences, without_leaks, without_orders
from tiny_moa.brain.language import answer_language, check_language, language_name
from tiny_moa.brain.merge import hide_code, merged
from tiny_moa.brain.plan import plan_schema, route_by_plan
from tiny_moa.brain.route import BRAIN, Route, Step
from tiny_moa.brain.router import agreed, router_of
from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Abstention, Call, Proposal, TemplatedModel, cut_note, nothing_written, status_of
from tiny_moa.templates import TemplateLibrary

_PLAN_TOKENS = 200
_LEAST_SURE = 0.35
"""Below this probability even the classifier and the model together are guessing, and the model plans."""
_LEAK = "Words of this program's own templates were taken out of the answer."


class Brain:
    """The model that plans, answers what no expert needs to, and joins proposals."""

    def __init__(
        self, model: TemplatedModel, experts: Mapping[str, ExpertSpec], templates: TemplateLibrary,
        classifier: Classifier | None = None, asks_about_a_document: Callable[[str], bool] = lambda text: False,
    ) -> None:  # fmt: skip
        """Take the model, the experts and the words; without a classifier, cues and plans alone route.

        `asks_about_a_document` looks whether a question is about a file that it names and that is here.
        """
        self._model = model
        self._router = router_of(tuple(experts.values()), classifier)
        self._experts = {spec.label: spec for spec in experts.values()}
        self._rewriting = frozenset(spec.name for spec in experts.values() if spec.rewrites)
        self._readers = tuple(spec.name for spec in experts.values() if spec.kind == "documents")
        self._asks_about_a_document = asks_about_a_document
        self._templates = templates
        self._chain = templates.get("brain/chain", holes=("task", "material"))
        self._note = templates.get("brain/note", holes=("expert", "status", "text"))

    async def route(self, question: str, call: Call, *, may_ask_model: bool = True) -> Route:
        """Decide who answers. Never fails: without a usable plan the Brain answers itself.

        Sentences that give orders about routes and plans are not read for it. A model is asked only when the classifier is not
        sure, and only one that was measured to route better than chance.
        """
        if not (words := without_orders(question)):
            return Route((), "fallback", "nothing is asked but orders about plans and prompts")
        router = self._router
        parts = router.choose_parts(words)
        if router.classifier is None:
            route = parts or router.choose(words)
        else:
            route = agreed(router.choose(words) or await self._weigh(words, call, may_ask_model), parts)
        if route is None:
            route = await self._plan(words, call) if may_ask_model else Route((), "fallback", "no cue matches")
        if not route.steps and self._readers and await anyio.to_thread.run_sync(self._asks_about_a_document, words):
            route = Route((Step(self._readers[0], words),), "signals", "it names a document that is here")
        steps = tuple(replace(step, next_best=router.heirs(step.prompt, step.expert)) for step in route.steps)
        route = self._with_whole(replace(route, steps=steps), words, question)
        return leave_language_to_last(route, self._rewriting)

    async def _weigh(self, words: str, call: Call, may_ask_model: bool) -> Route | None:
        """Settle the classifier's doubts by what the model holds probable; `None` when a plan has to."""
        guesses = self._router.guesses(words)
        weight = self._model.spec.routing_weight
        if not (may_ask_model and weight):
            return self._router.route_of(words, guesses[0], "classifier")
        call.listener.stage("routing")
        labels = sorted({guess.labels[0] for guess in guesses})
        try:
            shares, _ = await self._model.score("brain/route", {"question": words}, labels, call)
        except ModelError as exc:
            return self._router.route_of(words, guesses[0], "classifier", f"{' then '.join(guesses[0].labels)}; {exc}")
        best = weighed(guesses, dict(zip(labels, shares, strict=True)), weight)[0]
        return self._router.route_of(words, best, "model") if best.probability >= _LEAST_SURE else None

    def _with_whole(self, route: Route, words: str, question: str) -> Route:
        """Give experts the question itself where they were to get all that was left of it."""
        steps = [replace(step, prompt=question) if step.prompt == words else step for step in route.steps]
        return replace(route, steps=tuple(steps))

    async def _plan(self, question: str, call: Call) -> Route:
        """Have the model plan, bound to the plan's form."""
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
        return self._chain.fill(task=task, material=framed(material))[-1].text

    async def answer(self, prompt: str, call: Call, *, asked: str = "") -> Proposal | Abstention:
        """Answer directly, in the language asked for or else of the question.

        Args:
            prompt: What to answer.
            call: The bounds.
            asked: The user's question, when the prompt is not it.
        """
        code = await anyio.to_thread.run_sync(answer_language, asked or prompt)
        if code == "en":
            return await self._write("brain/answer", {"question": prompt}, call)
        outcome = await self._write("brain/answer_in", {"question": prompt, "language": language_name(code)}, call)
        return outcome if isinstance(outcome, Abstention) else self._in_language(outcome, code)

    def _in_language(self, proposal: Proposal, code: str) -> Proposal:
        """Add what is known of a proposal's language."""
        check, spec = check_language(proposal.text, code), self._model.spec
        note = f"Model {spec.name!r} was not trained to write {language_name(code)}; take its words with care."
        notes = () if code in spec.languages else (note,)
        return replace(proposal, checks=(*proposal.checks, *([check] if check else [])), notes=(*proposal.notes, *notes))

    async def aggregate(self, question: str, proposals: Sequence[Proposal], call: Call) -> Proposal | Abstention:
        """Join proposals into one answer; an abstention when what the model made of them cannot be given."""
        call.listener.stage("combining")
        texts, blocks = hide_code(proposal.text for proposal in proposals)
        notes = "\n\n".join(self._noted(proposal, text) for proposal, text in zip(proposals, texts, strict=True))
        language = language_name(await anyio.to_thread.run_sync(answer_language, question))
        outcome = await self._write("brain/aggregate", {"question": question, "notes": notes, "language": language}, call)
        if isinstance(outcome, Abstention):
            return outcome
        text, checks, wrong = merged(outcome.text, blocks, proposals)
        if wrong := wrong or ("it was cut off" if outcome.status == "partial" else ""):
            return Abstention(BRAIN, f"the answer joined from them was not used, because {wrong}", outcome.attempts)
        known = dict.fromkeys([*(note for proposal in proposals for note in proposal.notes), *outcome.notes])
        return replace(outcome, text=text, checks=checks, notes=tuple(known))

    def _noted(self, proposal: Proposal, text: str) -> str:
        failed = [check.detail or check.what for check in proposal.checks if not check.passed]
        status = "; ".join([proposal.status, *(f"wrong: {detail}" for detail in failed)])
        return self._note.fill(expert=proposal.expert.upper(), status=status, text=framed(text))[-1].text

    def clean(self, proposal: Proposal, question: str) -> Proposal:
        """Take the words of our own templates out of what a model wrote; nothing that was verified is touched."""
        if not proposal.attempts or proposal.status == "verified":
            return proposal
        sentences = telling_sentences(turn.text for t in self._templates.loaded for turn in t.turns if turn.role == "system")
        text, count = without_leaks(proposal.text, sentences, known=question)
        if not count:
            return proposal
        fields = {
            name: without_leaks(value, sentences, known=question)[0] if isinstance(value, str) else value
            for name, value in proposal.fields.items()
        }
        return replace(proposal, text=text, fields=fields, notes=(*proposal.notes, _LEAK))

    async def _write(self, template: str, values: Mapping[str, str], call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(template, values, call)
        if not (text := completion.text.strip()):
            return Abstention(BRAIN, nothing_written(attempt), (attempt,))
        return Proposal(BRAIN, text, status_of(attempt), attempts=(attempt,), notes=cut_note(attempt))
