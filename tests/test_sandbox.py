from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts.sandbox import Limits, Outcome, missing_feature, run_program

SHORT = Limits(seconds=0.5)


def resident_mib() -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) // 1024


def child_processes() -> list[str]:
    """The command names of the living children of this process."""
    names = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended while we looked
            head, _, rest = path.read_text().rpartition(")")
            if int(rest.split()[1]) == os.getpid() and rest.split()[0] != "Z":
                names.append(head.partition("(")[2])
    return names


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2", "3"),
        ("x = 2; x * 3  # six", "6"),
        ("'한글' + (\n  'é'\n)", "'한글é'"),
        ("def f(n):\n    return [n]\n\nf(\n    (1, 'a')\n)\n", "[(1, 'a')]"),
        ("import math\nmath.gcd(12, 18)", "6"),
        ("x = 1", ""),
        ("", ""),
        ("if True:\n    5", ""),
    ],
)
async def test_a_program_gives_the_value_of_its_last_expression(source: str, value: str) -> None:
    assert await run_program(source) == Outcome("finished", value=value)


async def test_what_a_program_prints_comes_back_and_not_on_our_streams(capfd: pytest.CaptureFixture[str]) -> None:
    assert (await run_program("print('hi')\n7")).printed == "hi\n"
    assert capfd.readouterr().out == ""


async def test_a_long_value_is_cut_where_the_limit_says() -> None:
    outcome = await run_program("'a' * 1000000", limits=Limits(value_chars=10))
    assert outcome.value == "'aaaaaaaaa"


HOSTILE = {
    "an endless loop": ("while True: pass", {"timeout"}),
    "an endless loop that catches everything": (
        "while True:\n try:\n  while True: pass\n except BaseException: pass",
        {"timeout"},
    ),
    "a list of 10 GB": ("x = [0] * 1_250_000_000\nlen(x)", {"memory", "timeout"}),
    "a list that grows": ("x = []\nwhile True: x.append('a' * 1000)", {"memory", "timeout"}),
    "a tower of powers": ("10 ** 10 ** 10", {"memory", "timeout"}),
    "a number that squares itself": ("x = 3\nwhile True: x = x * x", {"memory", "timeout"}),
    "deep recursion": ("def f(n): return f(n + 1)\nf(0)", {"recursion"}),
    "a print without end": ("while True: print('a' * 10000)", {"memory", "timeout"}),
    "a huge print": ("print('a' * 50_000_000)", {"memory", "timeout"}),
    "a regex bomb": ("import re\nre.match(r'(a|a)*\\1$', 'a' * 50 + 'b')", {"finished", "timeout", "raised"}),
    "a regex that is huge": ("import re\nre.compile('((a{1,100}){1,100}){1,100}')", {"finished", "memory", "raised", "timeout"}),
    "a text times ten billion": ("'ab' * 10 ** 10", {"memory", "timeout"}),
    "brackets in brackets": ("(" * 20_000 + "1" + ")" * 20_000, {"raised", "recursion"}),
    "signs before signs": ("-" * 50_000 + "1", {"recursion"}),
    "a sum of many": ("+".join(["1"] * 40_000), {"recursion"}),
    "blocks in blocks": ("\n".join(" " * n + "if 1:" for n in range(300)) + "\n" + " " * 301 + "pass", {"raised"}),
    "a value in a value": ("x = []\nfor i in range(100000): x = [x]\nx", {"finished", "recursion"}),
    "a value with itself inside": ("x = []\nx.append(x)\nx", {"finished"}),
    "a replaced repr": ("repr = lambda x: [[0] * 9] * 9\n_shown_value_ = repr\n5", {"finished"}),
    "a file": ("open('/etc/passwd').read()", {"refused"}),
    "a file by its path": ("from pathlib import Path\nPath('/etc/passwd').read_text()", {"refused"}),
    "the environment": ("import os\nos.getenv('HOME')", {"refused"}),
    "a socket": ("import socket\nsocket.socket()", {"refused"}),
    "a command": ("import subprocess\nsubprocess.run(['id'])", {"refused"}),
    "an import by the back door": ("__import__('os').system('id')", {"refused"}),
    "the class tree": ("().__class__.__base__.__subclasses__()", {"refused", "raised"}),
    "a long sleep": ("import time\ntime.sleep(1000)", {"finished"}),
    "an exit": ("raise SystemExit", {"raised"}),
    "a source of 1 MB": ("x = 1\n" * 200_000, {"refused"}),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_program_ends_as_an_outcome(name: str) -> None:
    source, kinds = HOSTILE[name]
    outcome = await run_program(source, limits=SHORT)
    assert outcome.kind in kinds
    assert len(outcome.value) <= SHORT.value_chars
    assert "root:" not in outcome.value + outcome.printed


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_hostile_programs_leave_our_memory_flat_and_no_process_behind() -> None:
    await run_program("1")
    before = resident_mib()
    for source, _ in HOSTILE.values():
        await run_program(source, limits=Limits(seconds=0.05))
    assert resident_mib() - before < 64
    assert "monty" not in child_processes()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_cancelled_run_ends_its_process() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(run_program, "while True: pass")
        with anyio.fail_after(60):
            while "monty" not in child_processes():
                await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    with anyio.fail_after(60):
        while "monty" in child_processes():
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("import numpy", "the module numpy"),
        ("from collections import OrderedDict", "collections.OrderedDict"),
        ("def f():\n    yield 1", "yield expressions"),
        ("x = [1]\ndel x", "'del' statement"),
        ("class A(int): pass", "class inheritance and metaclasses"),
        ("'{a}'.format_map({'a': 1})", "str.format_map"),
        ("globals()", "the function globals()"),
    ],
)
async def test_what_the_sandbox_lacks_is_no_fault_of_the_program(source: str, missing: str) -> None:
    outcome = await run_program(source)
    assert (outcome.kind, outcome.error) == ("refused", missing)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("[].push(1)", "AttributeError: 'list' object has no attribute 'push'"),
        ("nothing", "NameError: name 'nothing' is not defined"),
        ("raise TimeoutError('mine')", "TimeoutError: mine"),
        ("def f(:", "SyntaxError: invalid syntax (line 1)"),
    ],
)
async def test_a_fault_of_the_program_is_raised(source: str, error: str) -> None:
    assert await run_program(source) == Outcome("raised", error=error)


@given(st.text())
def test_any_error_text_is_read(text: str) -> None:
    assert isinstance(missing_feature(text), str)


ENDS = "import anyio\nfrom tiny_moa.experts.sandbox import Limits, run_program\n"
ENDS += "async def main(): await run_program('while True: pass', limits=Limits(seconds=0.1))\nanyio.run(main)\n"


async def test_a_python_that_ran_programs_ends_in_peace() -> None:
    codes: list[int | None] = []

    async def end_one() -> None:
        codes.append((await anyio.run_process([sys.executable, "-c", ENDS], check=False)).returncode)

    async with anyio.create_task_group() as group:  # several, for it went wrong one time in three
        for _ in range(5):
            group.start_soon(end_one)
    assert codes == [0] * 5


async def test_a_sandbox_that_cannot_be_started_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/no/such/program")
    outcome = await run_program("1")
    assert outcome.kind == "refused"
    assert outcome.error.startswith("a process of its own, which cannot be started here")
