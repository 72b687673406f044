"""The two fields in which answers can be compared as values, and some proved: mathematics and Python code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tiny_moa.deliberation.fields import Finding
from tiny_moa.deliberation.prospect import PROVING
from tiny_moa.experts.algebra.values import read_statement, same_value
from tiny_moa.experts.checks import Check, check_equations, check_python, fenced_code
from tiny_moa.experts.coding.examples import read_examples
from tiny_moa.experts.coding.probes import probe_calls, probe_program, read_outputs
from tiny_moa.experts.coding.source import completed, defined_names, demanded_names, read_stub
from tiny_moa.experts.coding.trials import Run, read_tests, run_trials, told, trials_of
from tiny_moa.experts.sandbox import Limits, run_program


class MathField:
    """Problems whose answer is a number: values are compared exactly. A wrong equation is a fact, not a refutation."""

    name = "math"
    template = "deliberation/propose_math"

    async def look(self, task: str, text: str) -> Finding:
        """Read the stated answer and recompute the equations."""
        stated = read_statement(text)
        equations = check_equations(text)
        wrong = [check for check in equations if not check.passed]
        fact = f"a step is wrong: {wrong[0].what}, {wrong[0].detail}" if wrong else ""
        return Finding(stated.value if stated else None, 0, fact, equations)

    def is_same(self, first: Any, second: Any) -> bool:
        """Whether two values are equal."""
        return same_value(first, second)

    def examples(self, task: str) -> int:
        """Nothing is run."""
        return 0


class CodeField:
    """Python functions: the examples of the task prove and refute; where they do not, equal outputs are the same answer."""

    name = "code"
    template = "deliberation/propose_code"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def look(self, task: str, text: str) -> Finding:
        """Run the code on the examples the task states, and on neighbours of their inputs."""
        code = self._code(task, text)
        if code is None:
            return Finding(None, -1, "an answer held no code")
        syntax = check_python(code)
        names = demanded_names(task) or defined_names(code)
        if not syntax.passed or not names:
            return Finding(None, -1, f"the code does not parse: {syntax.detail}"[:160], (syntax,))
        examples = read_examples(task)
        runs = await run_trials(code, trials_of(examples, names[0]), self._limits)
        outputs = await self._outputs(code, probe_calls(examples, names[0]))
        ran = [run for run in runs if run.verdict != "unrun"]
        failed = [run for run in ran if run.verdict == "failed"]
        proof = -1 if failed else 1 if len(ran) >= PROVING else 0
        value = (*(run.verdict for run in runs), *outputs) or code
        return Finding(value, proof, told(failed[0]) if failed else "", (syntax, *map(_check, runs)))

    def is_same(self, first: Any, second: Any) -> bool:
        """Whether two programs did the same on all inputs."""
        return bool(first == second)

    def examples(self, task: str) -> int:
        """Count the examples that can be read out of the task."""
        return len(read_examples(task))

    async def passes(self, text: str, tests: Sequence[str]) -> bool:
        """Whether the code of an answer passes tests, each an expression that must be true."""
        if (code := fenced_code(text)) is None:
            return False
        trials = read_tests("\n".join(f"assert {test}" for test in tests))
        return all(run.verdict == "passed" for run in await run_trials(code, trials, self._limits))

    def _code(self, task: str, text: str) -> str | None:
        found = fenced_code(text)
        return completed(found, read_stub(task)) if found is not None else None

    async def _outputs(self, code: str, calls: Sequence[str]) -> tuple[str, ...]:
        if not calls:
            return ()
        outcome = await run_program(f"{code}\n{probe_program(calls)}", limits=self._limits)
        return read_outputs(outcome.value) if outcome.kind == "finished" else ("it did not end",)


def _check(run: Run) -> Check:
    return Check(run.trial.title, "run in the sandbox", run.verdict == "passed", run.detail)
