"""Looks for code that passes: asks the model, tries what it wrote, feeds a failing case back, draws more; within one deadline."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import anyio

from tiny_moa.errors import ModelError
from tiny_moa.experts import checks
from tiny_moa.experts.base import Attempt, Call, Task, TemplatedModel
from tiny_moa.experts.checks import Check
from tiny_moa.experts.coding.choosing import Candidate, best_of, is_enough
from tiny_moa.experts.coding.examples import Example, read_examples
from tiny_moa.experts.coding.grammars import check_syntax
from tiny_moa.experts.coding.probes import agree, probe_calls, probe_program, read_outputs
from tiny_moa.experts.coding.source import Stub, completed, defined_names, renamed
from tiny_moa.experts.coding.trials import Run, Trial, run_trials, told, trials_of
from tiny_moa.experts.sandbox import Limits, run_program
from tiny_moa.models.runtime import Completion

logger = logging.getLogger(__name__)

REPAIR_TEMPLATE = "experts/coder_repair"
REPAIRS = 1
"""How often a failing case is fed back."""
SAMPLES = 4
"""How many answers are drawn when that did not help; one for a language whose code can only be parsed."""
OPINIONS = 2
"""How many answers are drawn at most to agree with one that passes few trials."""
_DRAWN = {"temperature": 0.7, "top_p": 0.95, "top_k": 40, "repeat_penalty": 1.0}


@dataclass(frozen=True)
class Goal:
    """What code must be.

    Attributes:
        task: The task.
        language: Its language by its usual name.
        template: The template that asks for it.
        names: The names it must define.
        given: The caller's tests.
        examples: What the task states.
        stub: The beginning of a program the task shows.
    """

    task: Task
    language: str
    template: str
    names: tuple[str, ...] = ()
    given: tuple[Trial, ...] = ()
    examples: tuple[Example, ...] = ()
    stub: Stub = field(default_factory=Stub)

    @property
    def is_python(self) -> bool:
        """Whether it can be run here."""
        return self.language == "python"

    def entry(self, code: str) -> str:
        """Give the function that examples without a name mean: the one demanded, or the last one the code defines."""
        names = defined_names(code)
        wanted = [name for name in self.names if name in names]
        return wanted[-1] if wanted else names[-1] if names else ""


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        candidate: The best code; `None` when the model wrote none.
        is_verified: Whether it passed enough.
        checks: What was checked of it.
        attempts: Every time the model wrote, in order.
        last: The attempt the candidate is from.
        notes: What else should be known.
    """

    candidate: Candidate | None
    is_verified: bool
    checks: tuple[Check, ...]
    attempts: tuple[Attempt, ...]
    last: Attempt
    notes: tuple[str, ...] = ()


class Search:
    """One search; used once."""

    def __init__(self, goal: Goal, model: TemplatedModel, call: Call, limits: Limits) -> None:
        self._goal = goal
        self._limits = limits
        self._model = model
        self._call = call
        self._attempts: list[Attempt] = []
        self._found: list[tuple[Candidate, Attempt]] = []
        self._seconds = 0.0

    async def run(self) -> Found:
        """Search until something passes, the plan is at its end, or there is no time for another answer.

        Raises:
            ModelError: The model could not write the first answer; when it cannot write a later one, the search ends there.
        """
        await self._ask(1, {})
        is_confirmed = False
        try:
            await self._mend()
            is_confirmed = await self._confirm()
        except ModelError as exc:
            logger.info("no further answer: %s", exc)
        return self._result(is_confirmed=is_confirmed)

    async def _mend(self) -> None:
        if not self._found:  # a model without a word for a task is not asked again
            return
        for _ in range(REPAIRS):
            if not self._best.is_right and self._has_time:
                await self._repair()
        if not self._best.is_right and self._has_time:
            await self._ask(SAMPLES if self._goal.is_python else 1, _DRAWN)

    # -- asking -------------------------------------------------------------------------------------------------------

    @property
    def _best(self) -> Candidate:
        return best_of([candidate for candidate, _ in self._found])

    @property
    def _has_time(self) -> bool:
        return anyio.current_time() + 1.2 * self._seconds < self._call.deadline

    @property
    def _values(self) -> dict[str, str]:
        return {"task": self._goal.task.text, "language": self._goal.language}

    async def _ask(self, n: int, sampling: dict[str, float]) -> None:
        await self._write(self._goal.template, self._values, n, sampling)

    async def _repair(self) -> None:
        """Show the model its best code and what speaks against it."""
        best = self._best
        failure = f"it must define {', '.join(best.lacking)}" if best.lacking else "it does not parse"
        if best.failed:
            failure = told(best.failed[0])
        await self._write(REPAIR_TEMPLATE, {**self._values, "code": best.code, "failure": failure}, 1, {})

    async def _write(self, template: str, values: dict[str, str], n: int, sampling: dict[str, float]) -> None:
        began = anyio.current_time()
        opening, stops = f"```{self._goal.language}\n", ("\n```",)
        if n == 1:
            one = await self._model.write(template, values, self._call, opening=opening, stops=stops, sampling=sampling)
            written: Sequence[tuple[Completion, Attempt]] = (one,)
        else:
            written = await self._model.sample(template, values, self._call, n, opening=opening, stops=stops, sampling=sampling)
        self._seconds = max(self._seconds, anyio.current_time() - began)
        for completion, attempt in written:
            self._attempts.append(attempt)
            if (code := checks.fenced_code(completion.text)) and code.strip():
                self._found.append((await self._tried(code), attempt))

    # -- trying -------------------------------------------------------------------------------------------------------

    async def _tried(self, code: str) -> Candidate:
        """Mend what needs no model, parse, run; code that was there before is not run again."""
        goal = self._goal
        if not goal.is_python:
            syntax = check_syntax(code, goal.language)
            return Candidate(code, syntax is None or syntax.passed)
        code = completed(renamed(code, goal.names), goal.stub)
        for candidate, _ in self._found:
            if candidate.code == code:
                return candidate
        if not checks.check_python(code).passed:
            return Candidate(code, is_parsed=False)
        names = defined_names(code)
        lacking = tuple(name for name in goal.names if name not in names)
        trials = (*goal.given, *trials_of(goal.examples, goal.entry(code)))
        runs = await run_trials(code, trials, self._limits, deadline=self._call.deadline)
        return Candidate(code, is_parsed=True, lacking=lacking, runs=runs)

    async def _confirm(self) -> bool:
        """Draw an independent answer that passes too, and compare both on inputs no model chose."""
        passing = [candidate for candidate, _ in self._found if candidate.passes_all]
        if not passing or is_enough(passing[0], is_confirmed=False):
            return False
        calls = probe_calls([*self._goal.examples, *read_examples(self._goal.task.tests)], self._goal.entry(passing[0].code))
        outputs = [await self._outputs(candidate.code, calls) for candidate in passing]
        for _ in range(OPINIONS):
            if (pair := _agreeing(outputs)) is not None or not calls or not self._has_time:
                break
            before = len(self._found)
            await self._ask(1, _DRAWN | {"seed": len(self._attempts)})
            for candidate, _ in self._found[before:]:
                if candidate.passes_all:
                    passing.append(candidate)
                    outputs.append(await self._outputs(candidate.code, calls))
        else:
            pair = _agreeing(outputs)
        if pair is not None:
            self._prefer(passing[pair])
        return pair is not None

    def _prefer(self, candidate: Candidate) -> None:
        self._found.sort(key=lambda each: each[0] is not candidate)

    async def _outputs(self, code: str, calls: Sequence[str]) -> tuple[str, ...]:
        """Run the code on the calls; an empty text for each that raised, and none at all when the run did not finish."""
        bounds = self._limits.within(self._call.deadline - anyio.current_time())
        if not calls or bounds is None:
            return ()
        outcome = await run_program(f"{code}\n{probe_program(calls)}", limits=bounds)
        return read_outputs(outcome.value) if outcome.kind == "finished" else ()

    # -- the end ------------------------------------------------------------------------------------------------------

    def _result(self, *, is_confirmed: bool) -> Found:
        attempts = tuple(self._attempts)
        if not self._found:
            return Found(None, False, (), attempts, attempts[-1])
        best = self._best
        last = next(attempt for candidate, attempt in self._found if candidate is best)
        is_verified = is_enough(best, is_confirmed=is_confirmed)
        return Found(best, is_verified, self._checks(best, is_confirmed=is_confirmed), attempts, last, unrun(best.runs))

    def _checks(self, best: Candidate, *, is_confirmed: bool) -> tuple[Check, ...]:
        goal = self._goal
        if not goal.is_python:
            syntax = check_syntax(best.code, goal.language)
            return (syntax,) if syntax else ()
        found = [checks.check_python(best.code)]
        if best.lacking:
            found.append(Check("names", "Python parser", False, f"the code does not define {', '.join(best.lacking)}"))
        found += checks_of(best.runs)
        if is_confirmed:
            found.append(Check("agreement", "other inputs, run in a sandbox", True, "two answers drawn apart give the same"))
        return tuple(found)


def _agreeing(outputs: Sequence[Sequence[str]]) -> int | None:
    """Give the first program that a later one agrees with, `None` when no two do."""
    for index, one in enumerate(outputs):
        if any(agree(one, other) for other in outputs[index + 1 :]):
            return index
    return None


def checks_of(runs: Iterable[Run]) -> tuple[Check, ...]:
    """Give the runs that told something as checks."""
    return tuple(
        Check(
            "test" if run.trial.is_given else "example",
            "run in a sandbox",
            run.verdict == "passed",
            run.trial.title if run.verdict == "passed" else f"{run.trial.title}: {run.detail}",
        )
        for run in runs
        if run.verdict != "unrun"
    )


def unrun(runs: Iterable[Run]) -> tuple[str, ...]:
    """Say what could not be run, and why, once for each reason."""
    reasons: dict[str, list[str]] = {}
    for run in runs:
        if run.verdict == "unrun":
            reasons.setdefault(run.detail, []).append(run.trial.title)
    return tuple(f"Could not be run, because {why}: {'; '.join(titles)}." for why, titles in reasons.items())
