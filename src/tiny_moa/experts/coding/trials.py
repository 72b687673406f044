"""Turns examples and tests into small programs, runs them beside the code in the sandbox, and reads how they went."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import anyio

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.coding.examples import ENTRY, Example, example_of
from tiny_moa.experts.sandbox import Limits, Outcome, run_program

Verdict = Literal["passed", "failed", "unrun"]
MAX_TRIALS = 24
_SHOWN_CHARS = 160
_JUDGE = f"""
def _judged_(got, want):
    same = got == want
    if not same and isinstance(got, (int, float)) and isinstance(want, (int, float)):
        same = abs(got - want) <= 1e-6 * max(1, abs(want))
    return [bool(same), repr(got)[:{_SHOWN_CHARS}], repr(want)[:{_SHOWN_CHARS}]]
"""


@dataclass(frozen=True)
class Trial:
    """One thing code must do.

    Attributes:
        title: As a person reads it.
        program: Source to run behind the code; its value is `[passed, got, want]`.
        want: What the code is to give, as source; for a claim its truth, for a test that only has to run its title.
        is_given: Whether the caller gave it as a test; otherwise the task states it.
    """

    title: str
    program: str
    want: str = ""
    is_given: bool = False


@dataclass(frozen=True)
class Run:
    """How one trial went.

    Attributes:
        trial: The trial.
        verdict: `unrun` when the sandbox lacks what it needs, or there was no time.
        detail: What came instead of what was wanted, or why it did not run.
    """

    trial: Trial
    verdict: Verdict
    detail: str = ""


def trials_of(examples: Iterable[Example], entry: str = "") -> tuple[Trial, ...]:
    """Turn a task's examples into trials; those that need the function's name are left out while it is unknown."""
    found = []
    for example in examples:
        if ENTRY in example.call and not entry:
            continue
        call = example.call.replace(ENTRY, entry)
        found.append(_trial(call, example.want, example.setup))
    return tuple(found)


def read_tests(tests: str) -> tuple[Trial, ...]:
    """Turn a caller's tests into trials: each assert, each call, each `test_` function, in order; the rest is their setup.

    Raises:
        InvalidRequest: They cannot be compiled, hold no test, or are too many.
    """
    try:
        body = ast.parse(tests).body
    except SyntaxError as exc:
        where = f"line {exc.lineno}: {(exc.text or '').strip()[:80]!r}"
        raise InvalidRequest(f"the tests cannot be compiled, {exc.msg} in {where}; give Python asserts") from exc
    except (ValueError, RecursionError, MemoryError) as exc:
        raise InvalidRequest(f"the tests cannot be compiled ({exc or type(exc).__name__}); give Python asserts") from exc
    setup: list[str] = []
    found: list[Trial] = []
    for node in body:
        source = ast.unparse(node)
        before = "\n".join(setup)
        if isinstance(node, ast.Assert):
            example = example_of(source)
            found.append(_trial(example.call, example.want, before, is_given=True))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not node.args.args:
            found.append(_runs(f"{node.name}()", f"{before}\n{source}\n{node.name}()"))
        elif _is_test(node):
            found.append(_runs(source, f"{before}\n{source}"))
        else:
            setup.append(source)
    if not 1 <= len(found) <= MAX_TRIALS:
        raise InvalidRequest(f"the tests hold {len(found)} asserts or calls; give 1 to {MAX_TRIALS}, such as `assert f(2) == 4`")
    return tuple(found)


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    is_plain = isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try)
    return is_plain and any(isinstance(inner, ast.Assert) for inner in ast.walk(node))


def _trial(call: str, want: str, setup: str, *, is_given: bool = False) -> Trial:
    """A call and its result; without a result, a claim that must hold. What a caller's test compares is compared exactly."""
    if not want:
        return Trial(call, f"{setup}\n[bool({call}), '', '']", str(not call.startswith("not ")), is_given)
    if is_given:
        judge = f"(lambda got, want: [bool(got == want), repr(got)[:{_SHOWN_CHARS}], repr(want)[:{_SHOWN_CHARS}]])"
        return Trial(f"{call} == {want}", f"{setup}\n{judge}({call}, {want})", want, is_given)
    return Trial(f"{call} == {want}", f"{_JUDGE}\n{setup}\n_judged_({call}, {want})", want)


def _runs(title: str, program: str) -> Trial:
    title = " ".join(title.split())
    return Trial(title, f"{program}\n[True, '', '']", title, is_given=True)


async def run_trials(code: str, trials: Sequence[Trial], limits: Limits, *, deadline: float = math.inf) -> tuple[Run, ...]:
    """Run every trial behind the code, each in a process of its own.

    Once one did not end in time, or the deadline has come, the rest is left: each would take as long.
    """
    runs: list[Run] = []
    reason = ""
    for trial in trials:
        run, reason = (Run(trial, "unrun", reason), reason) if reason else await _run(code, trial, limits, deadline)
        runs.append(run)
    return tuple(runs)


async def _run(code: str, trial: Trial, limits: Limits, deadline: float) -> tuple[Run, str]:
    """Run one trial; also gives why no other should be run, empty when they may."""
    bounds = limits.within(deadline - anyio.current_time())
    if bounds is None:
        return Run(trial, "unrun", _LATE), _LATE
    outcome = await run_program(f"{code}\n{trial.program}\n", limits=bounds)
    if outcome.kind == "timeout" and bounds != limits:  # it was given less time than a run has
        return Run(trial, "unrun", _LATE), _LATE
    return _read(trial, outcome), "an earlier one did not end in time" if outcome.kind == "timeout" else ""


_LATE = "the deadline came first"
_HIT = {"timeout": "it does not end in time", "memory": "it takes too much memory", "recursion": "it recurses too deeply"}


def _read(trial: Trial, outcome: Outcome) -> Run:
    """Turn the outcome of a trial's program into its verdict; the sandbox's own limits fail nothing."""
    if outcome.kind == "finished":
        return _read_value(trial, outcome.value)
    if outcome.kind == "refused":
        return Run(trial, "unrun", f"the sandbox lacks {outcome.error}")
    if outcome.kind == "crashed":
        return Run(trial, "unrun", "the sandbox broke down")
    return Run(trial, "failed", _HIT.get(outcome.kind) or f"it raises {outcome.error[:_SHOWN_CHARS]}")


def _read_value(trial: Trial, value: str) -> Run:
    try:
        passed, got, _ = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return Run(trial, "failed", "it ends before the test does")
    if passed is True:
        return Run(trial, "passed")
    return Run(trial, "failed", f"it gives {got}" if got else "it does not hold")


def told(run: Run, *, max_chars: int = 200) -> str:
    """Say in a line for the model what went wrong: the call, what was wanted, what came; some 60 tokens at most."""
    title = run.trial.title if len(run.trial.title) <= max_chars else run.trial.title[: max_chars - 1] + "…"
    return re.sub(r"\s+", " ", f"{title}, but {run.detail[: max_chars // 2]}")
