"""`Asker`: route, propose along the graph, then aggregate; every step within one deadline, every answer with its trace."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from tiny_moa.answer import Answer, Trace, TraceStep, answer_of, proposals_of
from tiny_moa.brain import BRAIN, Brain, Lanes, Route, Step, doubts, final_steps, is_refuted, stages, turns, wants_verbatim
from tiny_moa.deliberation.council import AUTO, AUTOMATIC, COUNCIL, QUICK, Council, automatic_rules
from tiny_moa.deliberation.strategies import STRATEGIES
from tiny_moa.errors import InvalidRequest, NoAnswer, TinyMoAError, UnknownExpert
from tiny_moa.experts.base import Abstention, Call, Expert, Proposal, Task
from tiny_moa.experts.documents.expert import wants_whole
from tiny_moa.models.runtime import Listener, Phase
from tiny_moa.traces import TraceStore, record_of

logger = logging.getLogger(__name__)

MAX_QUESTION_CHARS = 60_000
"""More cannot be read by a small model in the time a host waits; a document belongs under a root."""
_MATERIAL_CHARS = 6_000
_ROUTE_SHARE = 3
"""Routing may take one part in this many of the time."""
_MOST_HEIRS = 2
"""How many may take over from one expert, one after the other, the Brain included."""

DEPTHS = (QUICK, AUTO, *STRATEGIES)
"""What `depth` may be."""
_PATIENCE = 0.8
"""What part of its time an expert may be silent, before another one gets the rest."""


class _FirstWord:
    """Passes on what a listener hears; the first token lifts the limit of a scope."""

    def __init__(self, listener: Listener, scope: anyio.CancelScope) -> None:
        self._listener = listener
        self._scope = scope

    def stage(self, name: str) -> None:
        self._listener.stage(name)

    def phase(self, phase: Phase, subject: str) -> None:
        self._listener.phase(phase, subject)

    def wrote(self, text: str) -> None:
        self._scope.deadline = math.inf
        self._listener.wrote(text)


@dataclass
class _Run:
    """One question on its way.

    Attributes:
        question: What was asked.
        call: The bounds of the whole.
        began: Time on the event loop's clock.
        route: Who is to answer.
        done: What was done so far.
        standing: For each step of the route that came to something, where in `done` it stands.
        documents: Documents and folders the caller gave.
        superseded: What in `done` the answer does not rest on.
        is_verbatim: Whether a document's text is wanted as it is.
    """

    question: str
    call: Call
    began: float
    route: Route = field(default_factory=lambda: Route((), "fallback"))
    done: list[TraceStep] = field(default_factory=list)
    standing: dict[Step, int] = field(default_factory=dict)
    documents: tuple[str, ...] = ()
    superseded: tuple[int, ...] = ()

    @property
    def is_verbatim(self) -> bool:
        return wants_verbatim(self.question)

    def share(self, parts: int) -> Call:
        """The call with an equal share of the time that is left."""
        now = anyio.current_time()
        left = (self.call.deadline - now) / max(parts, 1)
        return self.call.until(now + left) if parts > 1 else self.call

    def written(self, steps: Sequence[Step]) -> list[Proposal]:
        """What stands for these steps, in their order."""
        return proposals_of(self.done[self.standing[step]] for step in steps if step in self.standing)


class Asker:
    """The whole pipeline over one team of experts."""

    def __init__(
        self, brain: Brain, experts: Mapping[str, Expert], traces: TraceStore | None = None, council: Council | None = None
    ) -> None:
        self._brain = brain
        self._council = council
        self._traces = traces
        self._experts = experts
        self._titles = {name: expert.spec.title for name, expert in experts.items()} | {BRAIN: "Brain", COUNCIL: "Council"}
        self._material = frozenset(name for name in experts if self._is_material(name))
        self._rewriting = frozenset(name for name, expert in experts.items() if expert.spec.rewrites)

    async def ask(self, question: str, call: Call, *, documents: Sequence[str] = (), depth: str = QUICK) -> Answer:
        """Answer a question by whoever is best for it.

        Args:
            question: In any language; documents are named by their path under a root or their `doc://` URI.
            call: The bounds.
            documents: Documents and folders to answer from, whatever the question names.
            depth: How a whole team answers what its best member could not prove; see `deliberation.STRATEGIES`. `auto` asks
                one when the answer is doubtful and something here can tell a better one.

        Raises:
            InvalidRequest: The question is empty or too long, or there is no such depth.
            NoAnswer: Every expert abstained, the Brain included.
        """
        check_text("question", question)
        check_depth(depth)
        run = _Run(question, call, anyio.current_time(), documents=tuple(documents))
        reader = next(filter(self._is_document, self._experts), None) if documents else None
        if reader is not None:
            run.route = Route((Step(reader, question),), "caller", "documents were given")
        else:
            run.route = await self._brain.route(question, run.share(_ROUTE_SHARE))
        route_seconds = anyio.current_time() - run.began
        if self._may_deepen(run, depth, call):  # the other half is for the council
            run.call = call.until(run.began + (call.deadline - run.began) / 2)
        await self._follow(run)
        parts = await self._deepen(run, depth, call, await self._finish(run))
        trace = Trace(run.route, route_seconds, tuple(run.done), tuple(parts), question, run.superseded)
        return await self._kept(trace, anyio.current_time() - run.began)

    async def ask_expert(self, name: str, task: Task, call: Call) -> Answer:
        """Ask one expert, without routing.

        Raises:
            UnknownExpert: There is none of that name.
            InvalidRequest: The task is empty or too long.
            NoAnswer: The expert abstained.
            TinyMoAError: What it raised, unchanged.
        """
        if (expert := self._experts.get(name)) is None:
            raise UnknownExpert(name, self._experts)
        check_text("task", task.text)
        run = _Run(task.text, call, anyio.current_time(), Route((Step(name, task.text),), "caller"))
        call.listener.stage(name)
        try:
            outcome = await expert.propose(task, call)
        except TinyMoAError as exc:
            trace = self._alone(run, name, Abstention(name, str(exc)))
            await self._keep(trace, anyio.current_time() - run.began, failure=str(exc))
            raise
        if isinstance(outcome, Proposal):
            outcome = self._brain.clean(outcome, task.text)
        return await self._kept(self._alone(run, name, outcome), anyio.current_time() - run.began)

    def _alone(self, run: _Run, name: str, outcome: Proposal | Abstention) -> Trace:
        step = TraceStep.of(name, run.question, outcome, anyio.current_time() - run.began)
        return Trace(run.route, 0.0, (step,), (0,), run.question)

    async def _kept(self, trace: Trace, seconds: float) -> Answer:
        """Put the answer together and keep its trace, also when there is no answer."""
        try:
            answer = answer_of(trace, seconds, self._titles)
        except NoAnswer as exc:
            await self._keep(trace, seconds, failure=str(exc))
            raise
        return replace(answer, trace_id=await self._keep(trace, seconds, answer=answer))

    async def _keep(self, trace: Trace, seconds: float, *, answer: Answer | None = None, failure: str = "") -> str:
        if self._traces is None:
            return ""
        return await self._traces.keep(record_of(trace, seconds, answer=answer, failure=failure, titles=self._titles))

    # -- the graph ------------------------------------------------------------------------------------------------------

    async def _follow(self, run: _Run) -> None:
        """Run the steps of the route, priority by priority; lanes of one priority go side by side."""
        graph = stages(run.route.steps, self._lane_of)
        left = sum(map(turns, graph)) + self._is_finished_by_brain(run)
        material = ""
        for lanes in graph:
            await self._stage(run, lanes, material, left)
            left -= turns(lanes)
            fresh = run.written([step for lane in lanes for step in lane])
            material = "\n\n".join(proposal.text for proposal in fresh) or material

    async def _stage(self, run: _Run, lanes: Lanes, material: str, left: int) -> None:
        async def follow(lane: Sequence[Step]) -> None:
            for place, step in enumerate(lane):
                await self._step(run, step, material, left - place)

        if len(lanes) == 1:
            await follow(lanes[0])
            return
        async with anyio.create_task_group() as group:
            for lane in lanes:
                group.start_soon(follow, lane)

    async def _step(self, run: _Run, step: Step, material: str, left: int) -> None:
        """Have a step done by its expert, else by the next best, else by the Brain."""
        if self._is_without_material(run, step):
            outcome = Abstention(step.expert, "there is nothing to work on, because what comes before it could not be read")
            run.done.append(TraceStep.of(step.expert, step.prompt, outcome, 0.0, anyio.current_time() - run.began))
            return
        prompt = self._brain.continue_with(step.prompt, material, max_chars=_MATERIAL_CHARS) if material else step.prompt
        for name in dict.fromkeys((step.expert, *self._heirs(run, step))):
            call = run.share(left)
            work = (
                self._brain.answer(prompt, call, asked=run.question)
                if name == BRAIN
                else self._heard(name, self._task(run, name, prompt), call)
            )
            instead_of = "" if name == step.expert else step.expert
            place = await self._record(run, name, prompt, work, instead_of=instead_of)
            if isinstance(run.done[place].outcome, Proposal):
                run.standing[step] = place
                return

    def _task(self, run: _Run, name: str, prompt: str) -> Task:
        """Say what an expert is asked; a document's reader answers by itself what only it is asked."""
        if not self._is_document(name):
            return Task(prompt)
        is_alone = len(run.route.steps) == 1 and not run.is_verbatim and not wants_whole(run.question)
        return Task(prompt, documents=run.documents, wants_answer=is_alone)

    async def _heard(self, name: str, task: Task, call: Call) -> Proposal | Abstention:
        """Have an expert propose; one that is still silent when most of its time is gone leaves the rest to who takes over."""
        if self._is_document(name):
            return await self._experts[name].propose(task, call)
        patience = max(0.0, call.deadline - anyio.current_time()) * _PATIENCE
        with anyio.move_on_after(patience) as scope:
            return await self._experts[name].propose(task, replace(call, listener=_FirstWord(call.listener, scope)))
        return Abstention(name, f"it had written nothing after {patience:.1f} s")

    def _heirs(self, run: _Run, step: Step) -> Sequence[str]:
        """Who takes over from an expert that does not answer: nobody where only it could know what to say."""
        if step.expert in self._material and (self._is_document(step.expert) or len(run.route.steps) > 1):
            return ()
        able = self._experts.keys() - self._material | {BRAIN}
        others = [name for name in step.next_best if name != step.expert and name in able]
        return tuple(dict.fromkeys([*others[: _MOST_HEIRS - 1], BRAIN]))

    def _is_without_material(self, run: _Run, step: Step) -> bool:
        """Whether a step was to work on material that nobody gave; an answer would be a guess."""
        sources = [s for s in run.route.steps if s.priority < step.priority and s.expert in self._material]
        return bool(sources) and not any(source in run.standing for source in sources)

    # -- the end --------------------------------------------------------------------------------------------------------

    def _finals(self, run: _Run) -> tuple[Step, ...]:
        return final_steps(run.route.steps, material=self._material, rewriting=self._rewriting)

    def _is_finished_by_brain(self, run: _Run) -> bool:
        """Whether the Brain has work after the route when all goes well, so that time is kept for it."""
        finals = self._finals(run)
        return len(finals) > 1 or (any(self._is_document(step.expert) for step in finals) and not run.is_verbatim)

    async def _finish(self, run: _Run) -> Sequence[int]:
        """Add what the Brain has to: the whole answer, one drawn from a document, a merge, or nothing; give the parts."""
        if not run.route.steps:
            return await self._by_brain(run, run.question, self._brain.answer(run.question, run.call), ())
        places = self._parts(run)
        places = places or sorted(run.standing.values())[-1:]
        proposals = proposals_of(run.done[place] for place in places)
        if any("citations" in proposal.fields for proposal in proposals):
            return places  # the documents' own words; a model would only blur them
        if not run.is_verbatim and any(self._is_document(proposal.expert) for proposal in proposals):
            text = "\n\n".join(proposal.text for proposal in proposals)
            prompt = self._brain.continue_with(run.question, text, max_chars=_MATERIAL_CHARS)
            return await self._by_brain(run, prompt, self._brain.answer(prompt, run.call, asked=run.question), places)
        if len(proposals) > 1:
            work = self._brain.aggregate(run.question, proposals, run.call)
            return await self._by_brain(run, run.question, work, places)
        return places

    def _parts(self, run: _Run) -> list[int]:
        """Where what the answer is made of stands: the final steps, and code that what came after it does not hold."""
        finals = [run.standing[step] for step in self._finals(run) if step in run.standing]
        texts = [proposal.text for proposal in proposals_of(run.done[place] for place in finals)]
        for place in run.standing.values():
            outcome = run.done[place].outcome
            code = str(outcome.fields.get("code", "")) if isinstance(outcome, Proposal) else ""
            if code.strip() and not any(code.strip() in text for text in texts):
                finals.append(place)
        return sorted(set(finals))

    async def _by_brain(
        self, run: _Run, prompt: str, work: Awaitable[Proposal | Abstention], otherwise: Sequence[int]
    ) -> Sequence[int]:
        place = await self._record(run, BRAIN, prompt, work)
        return (place,) if isinstance(run.done[place].outcome, Proposal) else otherwise

    async def _deepen(self, run: _Run, depth: str, call: Call, parts: Sequence[int]) -> Sequence[int]:
        """Have a council answer what nobody proved; its answer counts when it was proved, agreed on or voted for."""
        kind = self._kind_of(run)
        if depth == QUICK or self._council is None or kind is None:
            return parts
        found = proposals_of(run.done[place] for place in parts)
        if found and all(proposal.status == "verified" for proposal in found):
            return parts
        run.call, rules = call, None
        if depth == AUTO:
            if not (reasons := doubts(run.question, found)):
                return parts
            if why := self._council.why_not(run.question, kind, call, is_refuted=is_refuted(found)):
                silent = Abstention(COUNCIL, f"it was not asked, though {', '.join(reasons)}: {why}")
                run.done.append(TraceStep.of(COUNCIL, run.question, silent, 0.0, anyio.current_time() - run.began))
                return parts
            depth, rules = AUTOMATIC, automatic_rules(call.max_tokens)
        place = await self._record(run, COUNCIL, run.question, self._council.answer(run.question, kind, depth, call, rules))
        outcome = run.done[place].outcome
        if not isinstance(outcome, Proposal) or not _is_better(outcome, found, kind):
            return parts
        run.superseded = tuple(range(place))
        return (place,)

    def _may_deepen(self, run: _Run, depth: str, call: Call) -> bool:
        """Whether a council may be asked when the answer is there, so that time is kept for it."""
        kind = self._kind_of(run)
        if depth == QUICK or self._council is None or kind is None:
            return False
        return depth != AUTO or not self._council.why_not(run.question, kind, call, is_refuted=True)

    def _kind_of(self, run: _Run) -> str | None:
        """What kind of task a council would be given; `None` for documents, calls, commands and work in several steps."""
        if not run.route.steps:
            return "open"
        kind = self._experts[run.route.steps[0].expert].spec.kind if len(run.route.steps) == 1 else ""
        return kind if kind in ("math", "code") else None

    # -- experts --------------------------------------------------------------------------------------------------------

    def _is_material(self, expert: str) -> bool:
        """Whether an expert gives what others work on; one that is not there gives none, and is missed."""
        return self._experts[expert].spec.kind in ("documents", "unavailable")

    def _is_document(self, expert: str) -> bool:
        return expert in self._experts and self._experts[expert].spec.kind == "documents"

    def _lane_of(self, expert: str) -> str:
        return "documents" if self._is_document(expert) else "models"

    async def _record(
        self, run: _Run, name: str, prompt: str, work: Awaitable[Proposal | Abstention], *, instead_of: str = ""
    ) -> int:
        """Await one expert's work and give its place; an error of ours is an abstention with its text as the reason."""
        run.call.listener.stage(name)
        began = anyio.current_time()
        outcome: Proposal | Abstention
        try:
            outcome = await work
        except TinyMoAError as exc:
            logger.info("%s abstains: %s", name, type(exc).__name__)
            outcome = Abstention(name, str(exc))
        if isinstance(outcome, Proposal):
            outcome = self._brain.clean(outcome, run.question)
        step = TraceStep.of(name, prompt, outcome, anyio.current_time() - began, began - run.began)
        run.done.append(replace(step, instead_of=instead_of))
        return len(run.done) - 1


def _is_better(outcome: Proposal, found: Sequence[Proposal], kind: str) -> bool:
    """Whether a council's answer is given instead of what was found: it was settled, or its code runs and the other's fails."""
    if not found or outcome.fields["meeting"]["is_settled"]:
        return True
    return kind == "code" and is_refuted(found) and not is_refuted([outcome])


def check_depth(depth: str) -> None:
    """Refuse a depth there is not.

    Raises:
        InvalidRequest: It is that.
    """
    if depth not in DEPTHS:
        raise InvalidRequest(f"no depth {depth!r}; choose one of: {', '.join(DEPTHS)}")


def check_text(name: str, text: str) -> None:
    """Refuse an empty or overlong text.

    Raises:
        InvalidRequest: It is one of the two.
    """
    if not text.strip():
        raise InvalidRequest(f"the {name} is empty; say what you want to know")
    if len(text) > MAX_QUESTION_CHARS:
        raise InvalidRequest(
            f"the {name} has {len(text)} characters and at most {MAX_QUESTION_CHARS} are read; "
            "shorten it, or put the text into a file under a root and name the file"
        )
