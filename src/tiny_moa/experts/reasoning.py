"""Has the Reasoner solve one problem in two ways, a worked solution and a program, and again when they disagree."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import anyio

from tiny_moa.errors import ModelError
from tiny_moa.experts.base import Attempt, Call, TemplatedModel
from tiny_moa.experts.sandbox import Outcome, run_program
from tiny_moa.experts.solutions import Vote, Way, group_votes, program_vote, worked_vote
from tiny_moa.models.runtime import Completion

OPENING: Final = "```python\ndef solution():\n"
"""What a program begins with; left to itself a small model answers in words."""
PROGRAM_TEMPLATE: Final = "experts/reasoner_program"
TOKENS_SHARE: Final = 4
"""All solutions together take at most so many times the tokens of the first worked one."""
_LIVELY: Final = {"temperature": 0.7, "seed": 11}
"""How further solutions are drawn, so that they differ."""
_UNSTUCK: Final = {"temperature": 0.7, "seed": 23, "repeat_penalty": 1.1}
"""How a solution is drawn again after one that went in circles."""
_LEAST_SECONDS: Final = 3.0
"""With less time than that nothing more is begun."""
_LEAST_FIRST: Final = 100
"""A shorter first solution counts as so long: it has often left out what mattered."""
_LEAST_TOKENS: Final = 32
"""With fewer tokens than that no solution gets to its end."""
_IMPORTS: Final = "import math\n"

Runner = Callable[[str], Awaitable[Outcome]]


@dataclass
class Work:
    """What was gathered for one problem.

    Attributes:
        votes: The answers, in the order they came.
        attempts: The model's work behind them, with how each was asked.
        texts: Worked solutions as written, those without an answer included.
        notes: What went wrong on the way.
        is_hurried: Whether a solution was left out for want of time.
    """

    votes: list[Vote] = field(default_factory=list)
    attempts: list[tuple[Way, Attempt, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_hurried: bool = False

    def seconds_of(self, way: str | None) -> float:
        """How long the longest solution of a way took; 0 when there was none."""
        taken = (attempt.usage.read_seconds + attempt.usage.write_seconds for one, attempt, _ in self.attempts if one == way)
        return max(taken, default=0.0)

    @property
    def tokens(self) -> int:
        """Tokens written so far."""
        return sum(attempt.usage.completion_tokens for _, attempt, _ in self.attempts)


class Reasoning:
    """Solves problems by one model.

    Args:
        model: The Reasoner.
        template: The template of the worked solution.
        run: What runs programs; the sandbox unless a test puts another.
    """

    def __init__(self, model: TemplatedModel, template: str, *, run: Runner = run_program) -> None:
        self._model = model
        self._template = template
        self._run = run

    async def solve(self, problem: str, call: Call, *, wants_number: bool = True) -> Work:
        """Solve a problem: in words, by a program, and when those do not agree by further samples within the bounds.

        Args:
            problem: The problem.
            call: The bounds; the deadline gives what there is by then.
            wants_number: Whether answers can be compared; without that the worked solution is all.

        Raises:
            ModelError: The model could not write even the first solution.
        """
        work = Work()
        await self._worked(work, problem, call)
        if not wants_number:
            return work
        first = max(work.tokens, _LEAST_FIRST)
        for step, way in ((self._program, None), (self._more_worked, "worked"), (self._more_programs, "program")):
            tokens = first * TOKENS_SHARE - work.tokens
            if _is_settled(work) or tokens < _LEAST_TOKENS:
                break
            if not _has_time(call, work.seconds_of(way)):
                work.is_hurried = True
                continue
            try:
                await step(work, problem, _within(call, tokens))
            except ModelError as exc:
                work.notes.append(f"A further solution failed: {exc}")
                break
        if work.is_hurried:
            work.notes.append("There was no time for a further solution; allow more seconds.")
        return work

    async def _worked(self, work: Work, problem: str, call: Call) -> None:
        """The model's own best solution; drawn otherwise when it goes in circles."""
        for sampling in ({}, _UNSTUCK):
            written = await self._model.write(self._template, {"task": problem}, call, sampling=sampling)
            self._take_worked(work, problem, *written)
            if written[1].finish != "repetition" or not _has_time(call):
                return
            work.notes.append("A solution went in circles and was drawn anew.")

    def _take_worked(self, work: Work, problem: str, completion: Completion, attempt: Attempt) -> None:
        text = completion.text.strip()
        is_whole = attempt.finish == "stop" and bool(text)
        vote = worked_vote(problem, text) if is_whole else None
        work.attempts.append(("worked", attempt, vote.written if vote else ""))
        if is_whole or not work.texts:
            work.texts.append(text)
        if vote is not None:
            work.votes.append(vote)

    async def _program(self, work: Work, problem: str, call: Call) -> None:
        written = await self._model.write(PROGRAM_TEMPLATE, {"task": problem}, call, **_program_options({}))
        await self._take_program(work, problem, *written)

    async def _more_worked(self, work: Work, problem: str, call: Call) -> None:
        for written in await self._model.sample(self._template, {"task": problem}, _half(call), 2, sampling=_LIVELY):
            self._take_worked(work, problem, *written)

    async def _more_programs(self, work: Work, problem: str, call: Call) -> None:
        for written in await self._model.sample(PROGRAM_TEMPLATE, {"task": problem}, _half(call), 2, **_program_options(_LIVELY)):
            await self._take_program(work, problem, *written)

    async def _take_program(self, work: Work, problem: str, completion: Completion, attempt: Attempt) -> None:
        source = source_of(completion.text) if attempt.finish == "stop" else ""
        vote = None
        if source:
            outcome = await self._run(f"{_IMPORTS}{source}\n\nsolution()\n")
            vote = program_vote(problem, source, outcome.value) if outcome.kind == "finished" else None
            if vote is None:
                work.notes.append(f"A program gave no answer: {outcome.error or outcome.value or 'nothing'}"[:200])
        work.attempts.append(("program", attempt, vote.written if vote else ""))
        if vote is not None:
            work.votes.append(vote)


def source_of(text: str) -> str:
    """Take the program out of what the model wrote behind the opening."""
    return re.split(r"^```", text.removeprefix("```python\n"), maxsplit=1, flags=re.MULTILINE)[0].rstrip()


def _program_options(sampling: Mapping[str, Any]) -> dict[str, Any]:
    return {"opening": OPENING, "stops": ("\n```",), "sampling": sampling}


def _is_settled(work: Work) -> bool:
    """Whether the largest group was found in both ways, and is more than half of all."""
    groups = group_votes(work.votes)
    if not groups:
        return False
    return len(groups[0].ways) == 2 and 2 * len(groups[0].votes) > len(work.votes)


def _has_time(call: Call, seconds: float = 0.0) -> bool:
    return call.deadline - anyio.current_time() > max(seconds, _LEAST_SECONDS)


def _within(call: Call, tokens: int) -> Call:
    return replace(call, max_tokens=max(min(call.max_tokens, tokens), 1))


def _half(call: Call) -> Call:
    """The bounds of each of two samples."""
    return _within(call, call.max_tokens // 2)
