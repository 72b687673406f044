from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import Reply, ScriptedLauncher
from tests.teams import call_of, scripted_team
from tiny_moa.ask import Answer
from tiny_moa.experts.base import Task
from tiny_moa.experts.reasoning import OPENING
from tiny_moa.experts.solutions import agreed, asks_for_number, group_votes, program_vote, worked_vote
from tiny_moa.models.runtime import CompletionRequest

PROBLEM = "A crate holds 7 rows of 8 jars. 9 jars break. How many jars are whole?"
WORKED = r"There are \(7 \times 8 = 56\) jars, and \(56 - 9 = 47\) are whole. \boxed{47}"
PROGRAM = OPENING + "    jars = 7 * 8\n    return jars - 9\n"
KOREAN = "상자에 병이 7개씩 8줄 있고 9개가 깨졌다. 남은 병은 몇 개인가?"


async def solve(folder: Path, script: Any, problem: str = PROBLEM, *, seconds: float = 60, max_tokens: int = 400) -> Answer:
    async with scripted_team(folder, script) as team:
        return await team.asker.ask_expert("reasoner", Task(problem), call_of(seconds, max_tokens))


async def test_a_program_and_a_worked_solution_that_agree_verify_the_answer(tmp_path: Path) -> None:
    answer = await solve(tmp_path, [WORKED, PROGRAM])
    assert answer.status == "verified"
    assert answer.fields["answer"] == "47"
    assert answer.text.endswith("Answer: 47")
    assert [attempt["way"] for attempt in answer.fields["attempts"]] == ["worked", "program"]
    assert all(attempt["tokens"] > 0 for attempt in answer.fields["attempts"])


async def test_the_last_line_is_in_the_language_of_the_question(tmp_path: Path) -> None:
    assert (await solve(tmp_path, [WORKED, PROGRAM], KOREAN)).text.endswith("정답: 47")


async def test_solutions_that_differ_are_drawn_again_and_the_split_is_told(tmp_path: Path) -> None:
    other = r"\(7 + 8 = 15\), so \boxed{15}"
    launcher = ScriptedLauncher([other, PROGRAM, WORKED, WORKED])
    answer = await solve(tmp_path, launcher)
    assert answer.fields["answer"] == "47"
    assert answer.fields["split"] == {"47": 3, "15": 1}
    assert "47 (3 of 4); 15 (1 of 4)" in answer.notes[0]
    assert launcher.runtimes[0].requests[2].sampling.temperature > 0


async def test_solutions_that_never_agree_are_unverified(tmp_path: Path) -> None:
    numbers = iter(range(100, 200))

    def script(request: CompletionRequest) -> str:
        number = next(numbers)
        return f"{OPENING}    return {number} + 0\n" if request.opening else rf"\boxed{{{number}}}"

    answer = await solve(tmp_path, script)
    assert answer.status == "unverified"
    assert set(answer.fields["split"].values()) == {1}


async def test_agreement_with_a_wrong_step_is_not_verified(tmp_path: Path) -> None:
    wrong = r"\(7 \times 8 = 54\), and \(56 - 9 = 47\). \boxed{47}"
    answer = await solve(tmp_path, lambda request: PROGRAM if request.opening else wrong)
    assert answer.status == "unverified"
    assert any("should be 56" in note for note in answer.notes)


async def test_a_solution_that_goes_in_circles_is_drawn_otherwise(tmp_path: Path) -> None:
    launcher = ScriptedLauncher([Reply("7 7 7 7", finish="repetition"), WORKED, PROGRAM])
    answer = await solve(tmp_path, launcher)
    first, second = launcher.runtimes[0].requests[:2]
    assert answer.fields["answer"] == "47"
    assert (first.sampling.temperature, second.sampling.temperature > 0) == (0.0, True)
    assert any("circles" in note for note in answer.notes)


async def test_all_solutions_together_stay_within_four_times_the_first(tmp_path: Path) -> None:
    numbers = iter(range(100, 200))

    def script(request: CompletionRequest) -> str:
        number = next(numbers)
        words = "and so on " * 50
        return f"{OPENING}    return {number} + 0 # {words}\n" if request.opening else rf"{words} \boxed{{{number}}}"

    answer = await solve(tmp_path, script, max_tokens=2000)
    tokens = [attempt["tokens"] for attempt in answer.fields["attempts"]]
    assert len(tokens) > 3
    assert sum(tokens) <= 4 * tokens[0]


async def test_what_asks_for_no_number_is_answered_in_words_alone(tmp_path: Path) -> None:
    launcher = ScriptedLauncher(["Suppose there were finitely many."])
    answer = await solve(tmp_path, launcher, "Prove that there are infinitely many primes.")
    assert answer.text == "Suppose there were finitely many."
    assert len(launcher.runtimes[0].requests) == 1


async def test_a_closed_form_needs_no_model(tmp_path: Path) -> None:
    launcher = ScriptedLauncher("unused")
    answer = await solve(tmp_path, launcher, "Solve 5u - 3 = 12 for u")
    assert (answer.status, answer.fields["answer"]) == ("verified", "u = 3")
    assert answer.checks
    assert all(check.passed for check in answer.checks)
    assert launcher.launches == []


async def test_a_closed_form_without_an_answer_goes_to_the_model_and_says_so(tmp_path: Path) -> None:
    answer = await solve(tmp_path, lambda request: PROGRAM if request.opening else WORKED, "9**9**9")
    assert any("too large" in note for note in answer.notes)


HOSTILE = (
    "    while True: pass",
    "    return [0] * 10**10",
    "    x = []\n    while True: x.append('a' * 10**6)",
    "    def f(n): return f(n + 1)\n    return f(0)",
    "    return open('/etc/passwd').read()",
    "    import socket\n    return socket.create_connection(('127.0.0.1', 9))",
    "    return __import__('os').system('true')",
    "    import os\n    return os.environ",
    "    return 9 ** 9 ** 9",
    "    raise SystemExit(3)",
    "    return 'x' * 10**9",
    "    return (((((",
)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
async def test_hostile_programs_end_and_leave_the_memory_flat(tmp_path: Path) -> None:
    current = ["    return 12"]

    def script(request: CompletionRequest) -> str:
        return f"{OPENING}{current[0]}\n" if request.opening else r"It is \boxed{12}."

    async with scripted_team(tmp_path, script) as team:
        await team.asker.ask_expert("reasoner", Task("What is 3 more than 9 apples?"), call_of(120))
        before = resident_bytes()
        for current[0] in HOSTILE:
            answer = await team.asker.ask_expert("reasoner", Task("What is 3 more than 9 apples?"), call_of(120))
            assert answer.status == "unverified"
            assert answer.fields["answer"] == "12"
            assert any("gave no answer" in note for note in answer.notes)
        after = resident_bytes()
    assert after - before < 64 << 20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


# -- votes ----------------------------------------------------------------------------------------------------------


def test_votes_for_equal_values_are_one_group_whatever_they_look_like() -> None:
    votes = [
        worked_vote("3 of 4", r"\boxed{\frac{3}{4}}"),
        program_vote("3 of 4", "def solution(): return 3 / 4", "0.75"),
        worked_vote("3 of 4", "Answer: 1"),
    ]
    groups = group_votes([vote for vote in votes if vote])
    assert [len(group.votes) for group in groups] == [2, 1]
    assert groups[0].written == "0.75"


@pytest.mark.parametrize(
    ("worked", "source", "settles"),
    [
        (WORKED, "def solution(): return 7 * 8 - 9", True),
        (WORKED, "def solution(): return 47", False),
        (WORKED, "def solution(): return 56 - 9", False),
        (WORKED, "def solution(): return 7 * 8 - 9 + 17 - 17", False),
        (WORKED, "def solution():\n    spent = 9\n    return 7 * 8 - 18 / 2", False),
        (WORKED, "def solution():\n    spent = 9\n    return 7 * 8 - spent", True),
        (r"It is \boxed{47}.", "def solution(): return 7 * 8 - 9", False),
        (r"\(40 + 7 = 47\), so \boxed{47}", "def solution(): return 7 * 8 - 9", False),
        (r"\(7 \times 8 = 55\), \(56 - 9 = 47\), \boxed{47}", "def solution(): return 7 * 8 - 9", False),
        (r"\(7 \times 8 = 56\) \boxed{47}", "def solution(): return 7 * 8 - 9", False),
        ("7 * 8 = 56, 56 - 9 = 47", "def solution(): return 7 * 8 - 9", False),
    ],
)
def test_only_sound_solutions_in_both_ways_settle_an_answer(worked: str, source: str, settles: bool) -> None:
    votes = [vote for vote in (worked_vote(PROBLEM, worked), program_vote(PROBLEM, source, "47")) if vote]
    (group,) = group_votes(votes)
    assert agreed(group) == settles


def test_a_proof_and_a_question_without_a_quantity_want_no_number() -> None:
    assert asks_for_number("How many legs do 3 dogs have?")
    assert asks_for_number("사과가 몇 개인가?")
    assert not asks_for_number("Prove that 2 is prime.")
    assert not asks_for_number("Write it")
