"""The Reasoner: closed forms exactly and without a model; else a model's solutions in two ways, compared as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tiny_moa.catalog import ExpertSpec
from tiny_moa.experts import checks
from tiny_moa.experts.algebra.client import AlgebraClient, Solved
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.base import Abstention, Call, Proposal, Status, Task, TemplatedModel, cut_note, nothing_written, status_of
from tiny_moa.experts.reasoning import Reasoning, Runner, Work
from tiny_moa.experts.sandbox import run_program
from tiny_moa.experts.solutions import Group, Vote, agreed, asks_for_number, group_votes

_HANGUL: Final = re.compile(r"[가-힣]")
_FRACTION: Final = re.compile(r"-?\d+/\d+")
_YES_NO: Final = {"yes": "예", "no": "아니요"}


class MathExpert:
    """Solves a problem.

    A closed form is answered exactly and is verified. Of anything else the model writes a worked solution and a program;
    that both are sound and agree, and none says otherwise, verifies the answer; the split is reported when they differ.

    Args:
        spec: Its table in the catalogue.
        model: The Reasoner.
        algebra: What computes closed forms.
        run: What runs programs.
    """

    def __init__(self, spec: ExpertSpec, model: TemplatedModel, algebra: AlgebraClient, *, run: Runner = run_program) -> None:
        self.spec = spec
        self._algebra = algebra
        self._reasoning = Reasoning(model, spec.template, run=run)

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`."""
        from tiny_moa.experts.algebra.reader import read_question

        if plain := self._compute(task.text):
            return plain
        tried: tuple[str, ...] = ()
        if question := read_question(task.text):
            solved = await self._algebra.solve(question, deadline=call.deadline)
            if isinstance(solved, Solved):
                return self._exact(task.text, question, solved)
            tried = (f"An exact answer was tried and not given: {solved}.",)
        return await self._reason(task.text, call, tried)

    def _compute(self, text: str) -> Proposal | None:
        """Sums of plain numbers, without even a child process."""
        expression = checks.sole_expression(text)
        value = checks.evaluate(expression) if expression and not ("÷" in expression and "/" in expression) else None
        if expression is None or value is None:
            return None
        result, _, about = checks.write_number(value).partition(" (")
        line = f"{expression} = {result}" + (f" ({about}\n{_final(result, text)}" if about else "")
        check = checks.Check("result", "exact arithmetic", True, f"{expression} = {result}")
        return Proposal(self.spec.name, line, "verified", (check,), fields={"answer": result})

    def _exact(self, text: str, question: Question, solved: Solved) -> Proposal:
        answer = solved.answer
        if question.op == "is_prime" and _HANGUL.search(text):
            answer = _YES_NO.get(answer, answer)
        near = (f"about {solved.approximate}",) if solved.approximate else ()
        if question.unit and solved.approximate and _FRACTION.fullmatch(answer):  # nobody wants 78125/12573 miles
            answer, near = solved.approximate, (f"exactly {answer}, rounded to ten digits:",)
        answer += question.unit if question.unit in ("%", "°") else f" {question.unit}".rstrip()
        found = tuple(checks.Check(what, how, True, solved.answer) for what, how in solved.checks)
        fields = {"answer": answer, "values": list(solved.values), "operation": question.op}
        return Proposal(self.spec.name, "\n".join((*solved.lines, *near, _final(answer, text))), "verified", found, fields=fields)

    async def _reason(self, text: str, call: Call, tried: tuple[str, ...]) -> Proposal | Abstention:
        wants_number = asks_for_number(text)
        work = await self._reasoning.solve(text, call, wants_number=wants_number)
        first = work.attempts[0][1]
        groups = group_votes(work.votes)
        if not any(work.texts) and not groups:
            return Abstention(self.spec.name, nothing_written(first))
        notes = (*tried, *work.notes, *cut_note(replace(first, finish="stop") if groups else first))
        if not groups or not wants_number:
            return self._words(work, notes)
        return self._decided(text, work, groups, notes)

    def _words(self, work: Work, notes: tuple[str, ...]) -> Proposal:
        """A solution whose answer is no number: its equations are all that can be checked."""
        text = next(filter(None, reversed(work.texts)), "")
        vote = next((vote for vote in work.votes if vote.text == text), None)
        equations = vote.equations if vote else checks.check_equations(text)
        fields: dict[str, Any] = {"answer": vote.written} if vote else {}
        attempts = tuple(attempt for _, attempt, _ in work.attempts)
        fields["attempts"] = _attempts(work)
        return Proposal(
            self.spec.name, text, status_of(attempts[-1]), equations, attempts, fields, (*_wrong_steps(equations), *notes)
        )  # fmt: skip

    def _decided(self, text: str, work: Work, groups: Sequence[Group], notes: tuple[str, ...]) -> Proposal:
        """The answer most solutions give, and whether that settles it."""
        best = groups[0]
        shown = max(best.votes, key=lambda vote: (vote.way == "worked", vote.is_sound))
        split = {group.written: len(group.votes) for group in groups}
        is_verified = agreed(best) and len(best.votes) == len(work.votes)
        found = (*shown.equations, _agreement(best, len(work.votes), passed=is_verified))
        fields = {"answer": best.written, "split": split, "attempts": _attempts(work)}
        parted = "; ".join(f"{answer} ({count} of {len(work.votes)})" for answer, count in split.items())
        notes = (*((f"The solutions differ: {parted}.",) if len(groups) > 1 else ()), *_wrong_steps(shown.equations), *notes)
        status: Status = "verified" if is_verified else "unverified"
        attempts = tuple(attempt for _, attempt, _ in work.attempts)
        return Proposal(self.spec.name, _shown(shown, best.written, text), status, found, attempts, fields, notes)


def _final(answer: str, question: str) -> str:
    """The last line, in the language of the question."""
    return f"정답: {answer}" if _HANGUL.search(question) else f"Answer: {answer}"


def _shown(vote: Vote, answer: str, question: str) -> str:
    body = vote.text if vote.way == "worked" else f"```python\n{vote.text}\n```"
    last = _final(answer, question)
    return body if body.endswith(last) else f"{body}\n\n{last}"


def _agreement(best: Group, votes: int, *, passed: bool) -> checks.Check:
    ways = " and ".join(sorted({"program": "a program run", "worked": "a worked solution"}[way] for way in best.ways))
    return checks.Check(
        "answer", "two ways compared", passed, f"{len(best.votes)} of {votes} solutions, by {ways}, give {best.written}"
    )


def _wrong_steps(equations: Sequence[checks.Check]) -> tuple[str, ...]:
    return tuple(f"A step is wrong: {check.detail}." for check in equations if not check.passed)[:3]


def _attempts(work: Work) -> list[Mapping[str, Any]]:
    return [
        {
            "way": way, "answer": answer, "finish": attempt.finish, "tokens": attempt.usage.completion_tokens,
            "seconds": round(attempt.usage.read_seconds + attempt.usage.write_seconds, 2),
        }
        for way, attempt, answer in work.attempts
    ]  # fmt: skip
