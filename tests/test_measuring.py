"""Measuring models on tasks whose truth is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

import anyio
import pytest

from tests.fakes import Recorder, ScriptedRuntime
from tests.test_meeting import Numbers, panel, says
from tiny_moa.deliberation.measuring import KnownTask, counted, measure, read_tasks
from tiny_moa.deliberation.voters import VoterRecord
from tiny_moa.experts.base import Call
from tiny_moa.models.runtime import CompletionRequest


async def is_seven(text: str) -> bool:
    return "7" in text


TASKS = tuple(KnownTask(f"math-{n}", f"What is it? ({n})", "It is 7.", "It is 6.", is_seven) for n in range(25))


def judge(right: int, wrong: int) -> ScriptedRuntime:
    def votes(offered: Sequence[str], shown: object) -> str:
        assert isinstance(shown, dict)
        said = ", ".join(f'"{label}": {right if "7" in shown[label] else wrong}' for label in offered)
        return f"{{{said}}}"

    return says("It is 7.", votes)


async def measured(runtime: ScriptedRuntime) -> tuple[float, VoterRecord]:
    async with panel(runtime) as (member,):
        call = Call(anyio.current_time() + 60, 64, Recorder())
        found = await measure(member, Numbers(), TASKS, call, lambda part, done, of: None)
    return found.generator.right / found.generator.tasks, found.voter


async def test_a_model_that_knows_is_admitted() -> None:
    share, voter = await measured(judge(9, -9))
    assert share == 1
    assert voter.refusal == ""
    assert voter.asked == 2 * len(TASKS)


@pytest.mark.parametrize(("right", "wrong"), [(9, 9), (-9, -9), (0, 0), (-9, 9)])
async def test_a_model_that_does_not_know_is_not(right: int, wrong: int) -> None:
    _, voter = await measured(judge(right, wrong))
    assert voter.refusal


async def test_a_model_that_goes_by_the_place_is_unsteady() -> None:
    def first(request: CompletionRequest) -> str:
        return "5" if request.schema is None else '{"C1": 9, "C2": -9}'

    share, voter = await measured(ScriptedRuntime(first))
    assert share == 0
    assert (voter.steady, voter.balanced_accuracy) == (0, 0.5)


def test_unread_ballots_count_against_being_readable_only() -> None:
    found = counted(VoterRecord(), [None, (9.0, -9.0)])
    assert (found.asked, found.parsed, found.positives, found.turned) == (2, 1, 1, 0)


async def test_the_tasks_that_come_with_the_product_are_true_to_themselves() -> None:
    async def run_tests(text: str, tests: Sequence[str]) -> bool:
        (code,) = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
        return all(passes(code, test) for test in tests)

    for kind in ("math", "code"):
        tasks = read_tasks(kind, Numbers(), run_tests)
        assert len(tasks) >= 30
        for known in tasks:
            assert await known.truth(known.right), known.task
            assert not await known.truth(known.wrong), known.task


def passes(code: str, test: str) -> bool:
    names: dict[str, object] = {}
    exec(code, names)  # our own tasks, not a model's code
    try:
        return bool(eval(test, names))
    except Exception:  # noqa: BLE001  a wrong answer may fail in any way
        return False
