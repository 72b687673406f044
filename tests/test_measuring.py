"""Measuring models on tasks whose truth is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest

from tests.fakes import Recorder, Reply, ScriptedRuntime
from tests.test_meeting import Numbers, panel, says
from tiny_moa.deliberation.calibration import Measured
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
        found = await measure(member, Numbers(), TASKS, call, lambda part, done, so_far: None)
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


async def go_on(runtime: ScriptedRuntime, known: Measured, n: int) -> tuple[Measured, list[Measured]]:
    said: list[Measured] = []
    async with panel(runtime) as (member,):
        call = Call(anyio.current_time() + 60, 64, Recorder())
        found = await measure(member, Numbers(), TASKS[:n], call, lambda part, done, so_far: said.append(so_far), known)
    return found, said


async def test_what_was_measured_is_not_measured_again_and_every_step_is_said() -> None:
    first, said = await go_on(judge(9, -9), Measured(), 2)
    steps = [(m.generator.tasks, m.voter.asked, len(m.chances)) for m in said]
    assert steps == [(0, 0, 0), (1, 0, 0), (1, 2, 0), (1, 2, 1), (2, 2, 1), (2, 4, 1), (2, 4, 2)]
    assert said[-1] == first
    runtime = judge(9, -9)
    second, _ = await go_on(runtime, first, 4)
    whole, _ = await go_on(judge(9, -9), Measured(), 4)
    assert len(runtime.requests) == 2 * 5
    assert replace(second, read_rate=0, write_rate=0) == replace(whole, read_rate=0, write_rate=0)


async def test_a_measurement_from_before_verdicts_were_kept_stands() -> None:
    old, _ = await go_on(judge(9, -9), Measured(), 3)
    old = replace(old, verdicts={})
    runtime = judge(9, -9)
    assert (await go_on(runtime, old, 3))[0] == old
    assert not runtime.requests
    more, _ = await go_on(judge(9, -9), old, 4)
    assert (more.generator.tasks, more.voter.asked) == (4, 8)


async def test_a_judge_that_says_yes_to_all_may_still_know_by_its_probabilities() -> None:
    def likes_right(request: CompletionRequest, labels: Sequence[str]) -> Sequence[float]:
        return [0.99, 0.01] if "7" in request.messages[-1].content.split("Answer:")[1] else [0.9, 0.1]

    runtime = ScriptedRuntime(lambda request: "It is 7." if request.schema is None else '{"C1": 9, "C2": 4}', scores=likes_right)
    async with panel(runtime) as (member,):
        call = Call(anyio.current_time() + 60, 64, Recorder())
        found = await measure(member, Numbers(), TASKS, call, lambda part, done, so_far: None)
    assert found.voter.weight == 0
    assert found.judge.balanced_accuracy == 1
    assert found.refusal == ""


async def test_a_deadline_in_the_middle_leaves_what_was_counted() -> None:
    runtime = ScriptedRuntime([Reply("It is 7."), Reply('{"C1": 9, "C2": -9}'), Reply("{", wait=anyio.Event())])
    async with panel(runtime) as (member,):
        call = Call(anyio.current_time() + 3, 64, Recorder())
        found = await measure(member, Numbers(), TASKS, call, lambda part, done, so_far: None)
    assert (found.generator.tasks, found.voter.asked, dict(found.verdicts)) == (1, 0, {})


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
