"""The Coder: writes code that is parsed, run against tests and examples in a sandbox and mended, or explains code it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from tiny_moa.catalog import ExpertSpec
from tiny_moa.errors import InvalidRequest
from tiny_moa.experts import checks
from tiny_moa.experts.base import Abstention, Attempt, Call, Proposal, Task, TemplatedModel, cut_note, nothing_written, status_of
from tiny_moa.experts.coding.choosing import Candidate, is_enough
from tiny_moa.experts.coding.examples import read_examples
from tiny_moa.experts.coding.filling import Gap, trimmed_middle
from tiny_moa.experts.coding.grammars import canonical, check_syntax
from tiny_moa.experts.coding.search import REPAIR_TEMPLATE, Found, Goal, Search, checks_of, unrun
from tiny_moa.experts.coding.source import called_names, demanded_names, read_stub
from tiny_moa.experts.coding.trials import Trial, read_tests, run_trials
from tiny_moa.experts.sandbox import Limits
from tiny_moa.models.runtime import Completion

EXPLAIN_TEMPLATE = "experts/explain_code"
MIDDLE_TEMPLATE = "experts/coder_middle"
TEMPLATES = {
    EXPLAIN_TEMPLATE: ("task",),
    MIDDLE_TEMPLATE: ("language", "prefix", "suffix", "task"),
    REPAIR_TEMPLATE: ("code", "failure", "language", "task"),
}
"""The templates every Coder uses besides its own, with their holes."""
MAX_REQUEST_CHARS = 60_000
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]{0,30}")
_SHOWN = re.compile(
    r"```|<material>|\bdef \w+\(|\bclass \w+[:(]|;\s*$|\bthis (?:code|function|script|snippet)\b|이\s*(?:코드|함수)", re.MULTILINE
)
_ABOUT = re.compile(r"\b(?:explain|describe|review|what does|why does|summari[sz]e)\b|설명|뭐\s*하는|리뷰|요약", re.IGNORECASE)


class CodeExpert:
    """Writes code for a task, fills a gap in code, or speaks about code the task shows."""

    def __init__(
        self, spec: ExpertSpec, model: TemplatedModel, algorithms: TemplatedModel | None = None, *, limits: Limits | None = None
    ) -> None:  # fmt: skip
        """Take the model for functions and completion, and the one for algorithms; without one the first does both.

        Args:
            spec: Its table.
            model: Writes functions, and fills gaps.
            algorithms: Writes algorithms.
            limits: What one run of written code may take.
        """
        self.spec = spec
        self._model = model
        self._algorithms = algorithms or model
        self._limits = limits or Limits()

    async def propose(self, task: Task, call: Call) -> Proposal | Abstention:
        """See `Expert.propose`.

        Raises:
            InvalidRequest: The language is not the name of one, the tests cannot be compiled, or the request is too long.
        """
        if not _LANGUAGE.fullmatch(task.language):
            raise InvalidRequest(
                f"language {task.language[:40]!r} is not the name of a programming language; give one such as 'python'"
            )
        if (size := len(task.text) + len(task.tests) + len(task.prefix) + len(task.suffix)) > MAX_REQUEST_CHARS:
            raise InvalidRequest(
                f"the request has {size} characters and at most {MAX_REQUEST_CHARS} are read; send only the code that matters"
            )
        if task.prefix or task.suffix:
            return await self._fill(task, call)
        if not task.tests and asks_about_code(task.text):
            return await self._explain(task, call)
        return await self._write(task, call)

    async def _write(self, task: Task, call: Call) -> Proposal | Abstention:
        goal = goal_of(task, self.spec.template)
        model = self._algorithms if is_algorithmic(task.text, self.spec) else self._model
        found = await Search(goal, model, call, self._limits).run()
        if found.candidate is None:
            return Abstention(self.spec.name, "the model wrote no code")
        status = "verified" if found.is_verified else status_of(found.last)
        notes = (*found.notes, *_limits_of(goal, found), *cut_note(found.last))
        fields = {"code": found.candidate.code, "language": goal.language}
        text = _fenced(found.candidate.code, goal.language)
        return Proposal(self.spec.name, text, status, found.checks, found.attempts, fields, notes)

    async def _fill(self, task: Task, call: Call) -> Proposal | Abstention:
        """Write what belongs into a gap, by the model's own marks or else in words, and try the whole."""
        language = canonical(task.language)
        given, gap = given_tests(task, language), Gap(task.prefix, task.suffix, language)
        completion, attempt = await self._model.fill_in(task.prefix, task.suffix, call) or await self._middle(
            task, language, call
        )
        middle = trimmed_middle(completion.text, gap)
        if not middle.strip():
            return Abstention(self.spec.name, "the model wrote nothing for the gap")
        whole = gap.filled(middle)
        syntax = checks.check_python(whole) if language == "python" else check_syntax(whole, language)
        runs = await run_trials(whole, given, self._limits, deadline=call.deadline)
        candidate = Candidate(whole, is_parsed=syntax is not None and syntax.passed, runs=runs)
        status = "verified" if is_enough(candidate, is_confirmed=False) else status_of(attempt)
        found = (*((syntax,) if syntax else ()), *checks_of(runs))
        notes = (*(() if syntax else (_NOT_PARSED.format(language),)), *unrun(runs), *cut_note(attempt))
        fields = {"code": middle, "whole": whole, "language": language}
        return Proposal(self.spec.name, _fenced(middle, language), status, found, (attempt,), fields, notes)

    async def _middle(self, task: Task, language: str, call: Call) -> tuple[Completion, Attempt]:
        """Ask for the code of a gap in words."""
        values = {"task": task.text, "language": language, "prefix": task.prefix, "suffix": task.suffix}
        opening = f"```{language}\n"
        completion, attempt = await self._model.write(MIDDLE_TEMPLATE, values, call, opening=opening, stops=("\n```",))
        return replace(completion, text=checks.fenced_code(completion.text) or ""), attempt

    async def _explain(self, task: Task, call: Call) -> Proposal | Abstention:
        completion, attempt = await self._model.write(EXPLAIN_TEMPLATE, {"task": task.text}, call)
        if not (text := completion.text.strip()):
            return Abstention(self.spec.name, nothing_written(attempt))
        return Proposal(self.spec.name, text, status_of(attempt), attempts=(attempt,), notes=cut_note(attempt))


_NOT_PARSED = "There is no parser for {} here; this code was not checked."


def goal_of(task: Task, template: str) -> Goal:
    """Read out of a task what its code must be.

    Raises:
        InvalidRequest: The tests cannot be compiled, or are not for Python.
    """
    language = canonical(task.language)
    given = given_tests(task, language)
    if language != "python":
        return Goal(task, language, template)
    stub = read_stub(task.text)
    demanded = called_names(task.tests) or demanded_names(task.text)
    known = {*demanded, *(name for name, _ in stub.helpers)}
    calls = [(example, called_names(f"{example.setup}\n{example.call}")) for example in read_examples(task.text)]
    if demanded:  # a task may state other facts, such as what a root is
        calls = [(example, names) for example, names in calls if known.issuperset(names)]
    examples = tuple(example for example, _ in calls)
    return Goal(task, language, template, demanded or _in_order(names for _, names in calls), given, examples, stub)


def _in_order(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


def given_tests(task: Task, language: str) -> tuple[Trial, ...]:
    """Read the caller's tests.

    Raises:
        InvalidRequest: They cannot be compiled, or are not for Python.
    """
    if not task.tests.strip():
        return ()
    if language != "python":
        raise InvalidRequest(f"tests are run for Python only, and the language is {language!r}; leave the tests out")
    return read_tests(task.tests)


def is_algorithmic(text: str, spec: ExpertSpec) -> bool:
    """Whether a task is rather an algorithm or logic than a function to write down or to complete."""
    return not read_stub(text).wanted and any(re.search(cue, text, re.IGNORECASE) for cue in spec.defers_cues)


def asks_about_code(text: str) -> bool:
    """Whether a task shows code and asks about it, rather than for new code."""
    return bool(_ABOUT.search(text)) and bool(_SHOWN.search(text))


def _limits_of(goal: Goal, found: Found) -> tuple[str, ...]:
    """Say how far the checks go."""
    if not goal.is_python:
        return ("The code was parsed and not run: only Python is.",) if found.checks else (_NOT_PARSED.format(goal.language),)
    candidate = found.candidate
    if candidate is not None and candidate.passes_all and not found.is_verified:
        return ("It passes all that was run, which is too few or too much alike to call it verified; give more tests.",)
    if candidate is not None and candidate.is_parsed and not candidate.runs:
        return ("Neither tests nor examples were given, so the code was parsed and not run.",)
    return ()


def _fenced(code: str, language: str) -> str:
    return f"```{language}\n{code}{'' if code.endswith(chr(10)) else chr(10)}```"
