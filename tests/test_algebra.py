from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from tiny_moa.experts.algebra.client import AlgebraClient, Solved
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.reader import read_question
from tiny_moa.experts.algebra.units import UNITS, convert, find_unit

CASES = {
    "What is 3/8 + 1/6?": "13/24",
    "sqrt(75)": "5*sqrt(3)",
    "What is sqrt(7) to 3 decimal places?": "2.646",
    "2/3 to the nearest hundredth": "0.67",
    "Simplify (a^2 - b^2)/(a - b)": "a + b",
    "(m+2)(m-2)를 전개해 주세요": "m^2 - 4",
    "Factor y^2 + 7y + 12": "(y + 3)*(y + 4)",
    "Solve 4t - 9 = 11 for t": "t = 5",
    "solve z^2 = -4": "z = -2*i or z = 2*i",
    "Solve 3^x = 81": "x = 4",
    "x + y = 9, x - y = 1인 연립방정식을 풀어줘": "x = 5 and y = 4",
    "Find the sum of the roots of 2x^2 - 9x + 4 = 0": "9/2",
    "If 2a + 5 = 17, what is a^2?": "36",
    "Solve 3 - 2x < 7": "x > -2",
    "부등식 x^2 >= 25를 풀어줘": "x <= -5 or x >= 5",
    "What is the derivative of cos(x)?": "-sin(x)",
    "second derivative of x^3 at x = 4": "24",
    "Integrate 3x^2 from 1 to 2": "7",
    "x e^x를 적분해줘": "(x - 1)*e^x + C",
    "limit of (x^2-4)/(x-2) as x approaches 2": "4",
    "sum of 1/2^k for k = 0 to infinity": "2",
    "gcd(84, 36)": "12",
    "8, 12의 최소공배수": "24",
    "Is 221 a prime number?": "no",
    "84를 소인수분해해줘": "2^2 * 3 * 7",
    "How many divisors does 48 have?": "10",
    "What is the remainder when 7^50 is divided by 13?": "10",
    "3^{-1} mod 11": "4",
    "median of 4, 8, 15, 16": "11.5",
    "4, 8, 15의 평균": "9",
    "standard deviation of 1, 3": "1",
    "Write 45 in binary": "101101",
    "72 km/h를 m/s로": "20",
    "화씨 50도는 섭씨 몇 도야?": "10",
    "80의 35%": "28",
    "primes from 7 to 20": "7, 11, 13, 17, 19",
    "20과 30 사이의 소수": "23, 29",
    "How many seconds are in an hour?": "3600",
    "What is 2/3 of 12?": "8",
    "roots of z^2 - 5z": "z = 0 or z = 5",
    "1 + 2 + ... + 40": "820",
    "중앙값: 9, 2, 5": "5",
    "10에서 40까지 더하면?": "775",
    "Evaluate a^2 - b when a = 5 and b = 7": "18",
    "f(x) = 2x + 3일 때 f(4)의 값은?": "11",
}


@asynccontextmanager
async def algebra(**options: float) -> AsyncIterator[AlgebraClient]:
    client = AlgebraClient(**options)  # type: ignore[arg-type]
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: AlgebraClient, text: str) -> Solved | str:
    question = read_question(text)
    assert question is not None, text
    return await client.solve(question, deadline=anyio.current_time() + 60)


async def test_closed_forms_are_answered_exactly_and_each_answer_was_checked() -> None:
    async with algebra(seconds=60) as client:
        answers = {text: await ask(client, text) for text in CASES}
    assert {text: solved.answer if isinstance(solved, Solved) else solved for text, solved in answers.items()} == CASES
    assert all(isinstance(solved, Solved) and solved.checks for solved in answers.values())


NO_ANSWER = (
    "9**9**9**9",
    "1/(2-2)",
    "solve x^5 - x - 1 = 0",
    "solve 0x = 0",
    "solve x^2 < -1",
    "sin(30)",
    "limit of 1/x as x approaches 0",
    "integral of e^(x^2) from 1 to 2",
    "integral of e^(x^2)",
    "(10^300)!",
    "mean of 4, 1/0",
    "y = 2x + 1",
    "integrate 1/x from 0 to 1",
    "2^-1 mod 4",
    "primes between 7 and 20",
    "sum of the roots of x^2 - 2x + 1 = 0",
    "number of solutions of x^3 = 27",
    "solve (x^2 - 1)/(x - 1) = 2",
)


async def test_what_has_no_answer_is_declined_and_the_next_question_works() -> None:
    async with algebra(seconds=60) as client:
        answers = {text: await ask(client, text) for text in NO_ANSWER}
        solved = await ask(client, "gcd(84, 36)")
    assert [text for text, answer in answers.items() if isinstance(answer, Solved)] == []
    assert isinstance(solved, Solved)


async def test_a_question_that_takes_too_long_ends_its_child_and_the_next_one_gets_another() -> None:
    async with algebra(seconds=0.5) as client:
        await client.solve(Question("value", {"e": ["n", "1"]}), deadline=anyio.current_time() + 60)
        first = client.pid
        slow = Question(
            "expand", {"e": ["^", ["+", ["+", ["v", "x"], ["v", "y"]], ["+", ["v", "z"], ["v", "w"]]], ["n", "190"]], "shown": ""}
        )
        assert isinstance(await client.solve(slow, deadline=anyio.current_time() + 60), str)
        assert client.pid is None
        solved = await client.solve(Question("value", {"e": ["n", "2"]}), deadline=anyio.current_time() + 60)
        assert isinstance(solved, Solved)
        assert client.pid != first


async def test_a_deadline_ends_the_child() -> None:
    async with algebra() as client:
        assert "time" in str(await client.solve(Question("value", {"e": ["n", "1"]}), deadline=anyio.current_time()))
        assert client.pid is None


async def test_a_child_that_was_killed_is_replaced() -> None:
    async with algebra(seconds=60) as client:
        await ask(client, "gcd(84, 36)")
        assert client.pid is not None
        os.kill(client.pid, 9)
        await ask(client, "gcd(84, 36)")
        assert isinstance(await ask(client, "gcd(84, 36)"), Solved)


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="the limit is read from /proc")
async def test_the_child_may_not_take_more_than_its_memory() -> None:
    async with algebra(seconds=60) as client:
        await ask(client, "gcd(84, 36)")
        limits = await anyio.Path(f"/proc/{client.pid}/limits").read_text("ascii")
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert int(line.split()[3]) <= 1 << 30


def test_the_server_loads_no_algebra() -> None:
    program = "import sys, tiny_moa.server.app; assert not {'sympy', 'mpmath', 'pydantic_monty'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


async def test_an_operation_that_is_none_is_declined() -> None:
    async with algebra(seconds=60) as client:
        assert isinstance(await client.solve(Question("no such thing"), deadline=anyio.current_time() + 60), str)


def test_a_unit_converted_there_and_back_is_the_same_amount() -> None:
    for name in UNITS:
        unit = find_unit(name)
        assert unit is not None
        for other in UNITS.values():
            there = convert(unit.factor, unit, other)
            assert (there is None) == (unit.kind != other.kind)
            assert there is None or convert(there, other, unit) == unit.factor
