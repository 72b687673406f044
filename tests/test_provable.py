"""Mathematics and code as fields of a meeting: values, sameness, and what running proves. The sandbox is the real one."""

from __future__ import annotations

import pytest

from tiny_moa.deliberation.fields import Finding
from tiny_moa.deliberation.provable import CodeField, MathField
from tiny_moa.experts.sandbox import Limits

TASK = "Write `double(n)`. Examples: double(2) returns 4, double(5) returns 10, double(0) returns 0."
RIGHT = "```python\ndef double(n):\n    return 2 * n\n```"
ALSO_RIGHT = "```python\ndef double(n):\n    return n + n\n```"
WRONG = "```python\ndef double(n):\n    return n ** 2\n```"


async def look(text: str, task: str = TASK) -> Finding:
    return await CodeField(Limits()).look(task, text)


@pytest.mark.parametrize(("one", "other", "same"), [("\\boxed{1/2}", "Answer: 0.5", True), ("Answer: 7", "Answer: 8", False)])
async def test_numbers_are_the_same_by_value(one: str, other: str, same: bool) -> None:
    field = MathField()
    first, second = [(await field.look("x", text)).value for text in (one, other)]
    assert field.is_same(first, second) is same


async def test_a_wrong_equation_is_a_fact_and_no_refutation() -> None:
    found = await MathField().look("x", "3 * 4 = 13\nAnswer: 13")
    assert found.proof == 0
    assert "a step is wrong" in found.fact


async def test_an_answer_without_a_number_has_no_value() -> None:
    assert (await MathField().look("x", "I do not know.")).value is None


async def test_stated_examples_prove_and_refute() -> None:
    right, wrong = await look(RIGHT), await look(WRONG)
    assert (right.proof, wrong.proof) == (1, -1)
    assert all(check.passed for check in right.checks)
    assert "double(5)" in wrong.fact


async def test_programs_that_do_the_same_are_the_same_answer() -> None:
    field = CodeField(Limits())
    right, also, wrong = [(await look(text)).value for text in (RIGHT, ALSO_RIGHT, WRONG)]
    assert field.is_same(right, also)
    assert not field.is_same(right, wrong)


async def test_without_examples_nothing_is_proved() -> None:
    assert (await look(RIGHT, "Write `double(n)`.")).proof == 0


@pytest.mark.parametrize("text", ["No code at all.", "```python\ndef double(n:\n```"])
async def test_what_is_no_code_is_refuted(text: str) -> None:
    assert (await look(text)).proof == -1


HOSTILE = [
    "while True: pass",
    "return [0] * 10**11",
    "return double(n)",
    "import os; return os.listdir('/')",
    "return open('/etc/passwd').read()",
]


@pytest.mark.parametrize("body", HOSTILE)
async def test_hostile_code_proves_nothing_and_ends(body: str) -> None:
    assert (await look(f"```python\ndef double(n):\n    {body}\n```")).proof <= 0


async def test_tests_of_a_known_task_are_run() -> None:
    field = CodeField(Limits())
    assert await field.passes(RIGHT, ["double(3) == 6", "double(-1) == -2"])
    assert not await field.passes(WRONG, ["double(3) == 6"])
    assert not await field.passes("nothing", ["double(3) == 6"])
