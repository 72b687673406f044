from __future__ import annotations

import ast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.coding.choosing import Candidate, best_of, is_enough
from tiny_moa.experts.coding.examples import ENTRY, Example, as_source, read_examples
from tiny_moa.experts.coding.filling import Gap, trimmed_middle
from tiny_moa.experts.coding.grammars import canonical, check_syntax
from tiny_moa.experts.coding.probes import MAX_PROBES, agree, near, probe_calls
from tiny_moa.experts.coding.source import completed, defined_names, demanded_names, read_stub, renamed
from tiny_moa.experts.coding.trials import Run, Trial, read_tests, run_trials, told, trials_of
from tiny_moa.experts.sandbox import Limits

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)

# -- what a task states ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "examples"),
    [
        ("twice(2) returns 4.", [("twice(2)", "4")]),
        ("For instance twice(2) should return 4, and twice(-1) gives -2", [("twice(2)", "4"), ("twice(-1)", "-2")]),
        ("예: twice(3) → 6", [("twice(3)", "6")]),
        ("twice(3)은 6을 반환한다", [("twice(3)", "6")]),
        ("join(['a', 'b'], sep='-') == 'a-b'", [("join(['a', 'b'], sep='-')", "'a-b'")]),
        ("```\nassert twice(2) == 4\nassert not odd(2)\n```", [("twice(2)", "4"), ("not odd(2)", "")]),
        ("it holds that `assert near(1) == [1,\n  2]`", [("near(1)", "[1, 2]")]),
        (">>> twice(2)\n4\n>>> rows(1)\n[[1],\n [2]]", [("twice(2)", "4"), ("rows(1)", "[[1], [2]]")]),
        (">>> twice(2) == 4", [("twice(2)", "4")]),
        ("Input: nums = [2, 7], target = 9\nOutput: [0, 1]", [(ENTRY + "([2, 7], 9)", "[0, 1]")]),
        ("입력: 3\n출력: 6", [(ENTRY + "(3)", "6")]),
        ("For n = 3 the result should be 6", [(ENTRY + "(3)", "6")]),
        ("open_it(2) is true", [("open_it(2)", "True")]),
        ("twice(2) -> 2 * 2", []),
        ("print(2) gives 2 and def twice(x): returns 3", []),
        ("call twice(n) and it returns 5", []),
        ("Write a sort.", []),
    ],
)
def test_examples_are_read_as_people_write_them(text: str, examples: list[tuple[str, str]]) -> None:
    assert [(example.call, example.want) for example in read_examples(text)] == examples


def test_lines_before_a_doctest_are_its_setup() -> None:
    assert read_examples(">>> xs = [1]\n>>> push(xs, 2)\n[1, 2]") == (Example("push(xs, 2)", "[1, 2]", "xs = [1]"),)


@given(st.text())
def test_any_task_can_be_read(text: str) -> None:
    for example in read_examples(text):
        ast.parse(example.call.replace(ENTRY, "f"))
    read_stub(text)
    demanded_names(text)


@given(PLAIN)
def test_a_result_is_read_whatever_plain_value_it_is(value: object) -> None:
    (example,) = read_examples(f"assert f(1) == {value!r}")
    assert ast.literal_eval(example.want) == value
    assert ast.literal_eval(as_source(repr(value))) == value


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("Write a function named is_even that …", ("is_even",)),
        ("Name the Python function `total`.", ("total",)),
        ("Write the function `total(xs)` which …", ("total",)),
        ("합계를 구하는 total_of라는 함수를 작성해줘", ("total_of",)),
        ("함수 이름은 `total`로 해줘", ("total",)),
        ('Complete:\n\ndef half(x):\n    """Give half."""\n', ("half",)),
        ("Write a function that adds two numbers", ()),
    ],
)
def test_the_names_a_task_demands_are_found(task: str, names: tuple[str, ...]) -> None:
    assert demanded_names(task) == names


# -- source ---------------------------------------------------------------------------------------------------------

STUB = '''Complete it.

from typing import List

def helper(x):
    return math.sqrt(x)

def roots(xs: List[int]):
    """Give the roots."""
'''


def test_a_stub_gives_its_imports_its_helpers_and_what_is_wanted() -> None:
    stub = read_stub(STUB)
    assert (stub.imports, stub.wanted) == (("from typing import List",), ("roots",))
    assert [name for name, _ in stub.helpers] == ["helper"]


def test_code_gets_the_imports_and_helpers_it_forgot() -> None:
    code = "def roots(xs: List[int]):\n    return [helper(x) for x in xs]\n"
    whole = completed(code, read_stub(STUB))
    assert whole.endswith(code)
    assert defined_names(whole) == ("helper", "roots")
    assert "from typing import List\n" in whole
    assert "import math\n" in whole


@pytest.mark.parametrize("code", ["def f(x):\n    return x\n", "import math\nx = math.pi\n", "def f(:\n", "x = unheard_of\n"])
def test_code_that_lacks_nothing_known_stays_as_it_is_to_the_byte(code: str) -> None:
    assert completed(code, read_stub(STUB)) == code


@pytest.mark.parametrize(
    ("code", "wanted", "new"),
    [
        ("def add(a, b):\n    return add(a, b)\n", ["plus"], "def plus(a, b):\n    return plus(a, b)\n"),
        ("def add(a):\n    return 'add'\n", ["plus"], "def plus(a):\n    return 'add'\n"),
        ("def add(a): pass\ndef sub(a): pass\n", ["plus"], None),
        ("def add(plus): pass\n", ["plus"], None),
        ("def add(a): pass\n", ["add"], None),
        ("def add(a): pass\n", [], None),
    ],
)
def test_the_one_function_gets_the_one_name_demanded(code: str, wanted: list[str], new: str | None) -> None:
    assert renamed(code, wanted) == (code if new is None else new)


# -- trials ---------------------------------------------------------------------------------------------------------

TWICE = "def twice(x):\n    return x * 2\n"


async def verdicts(code: str, tests: str) -> list[str]:
    return [run.verdict for run in await run_trials(code, read_tests(tests), Limits())]


async def test_asserts_calls_and_test_functions_are_run_one_by_one() -> None:
    tests = """n = 2
assert twice(n) == 4
assert twice(n) == 5
def test_it():
    assert twice(1) == 2
for k in (1, 2):
    assert twice(k) > 1
"""
    assert await verdicts(TWICE, tests) == ["passed", "failed", "passed", "passed"]


async def test_a_failing_trial_tells_what_came_and_a_lack_of_the_sandbox_fails_nothing() -> None:
    (failed,) = await run_trials(TWICE, read_tests("assert twice(3) == 7"), Limits())
    assert told(failed) == "twice(3) == 7, but it gives 6"
    (unrun,) = await run_trials("import numpy\n" + TWICE, read_tests("assert twice(3) == 6"), Limits())
    assert (unrun.verdict, unrun.detail) == ("unrun", "the sandbox lacks the module numpy")


async def test_once_a_limit_or_the_deadline_is_hit_the_rest_is_left() -> None:
    trials = read_tests("assert twice(1) == 2\nassert twice(2) == 4")
    loops = "def twice(x):\n    while True: pass\n"
    assert [run.verdict for run in await run_trials(loops, trials, Limits(seconds=0.1))] == ["failed", "unrun"]
    late = await run_trials(TWICE, trials, Limits(), deadline=anyio.current_time())
    assert {(run.verdict, run.detail) for run in late} == {("unrun", "the deadline came first")}
    short = await run_trials(loops, trials, Limits(seconds=60), deadline=anyio.current_time() + 1)
    assert {(run.verdict, run.detail) for run in short} == {("unrun", "the deadline came first")}


async def test_code_that_ends_early_passes_nothing() -> None:
    assert await verdicts(TWICE + "raise SystemExit\n", "assert twice(1) == 2") == ["failed"]


async def test_an_example_allows_for_rounding_and_a_test_does_not() -> None:
    code = "def third(x):\n    return x / 3\n"
    (stated,) = await run_trials(code, trials_of([Example("third(1)", "0.33333333")]), Limits())
    (given_,) = await run_trials(code, read_tests("assert third(1) == 0.33333333"), Limits())
    assert (stated.verdict, given_.verdict) == ("passed", "failed")


def test_an_example_without_a_name_needs_the_codes_name() -> None:
    example = Example(ENTRY + "(3)", "6")
    assert trials_of([example]) == ()
    assert trials_of([example], "twice")[0].title == "twice(3) == 6"


@pytest.mark.parametrize("tests", ["assert f(1 == 2", "x = 1", "assert f(1)\n" * 30, "(" * 5000])
def test_tests_that_cannot_be_used_are_refused(tests: str) -> None:
    with pytest.raises(InvalidRequest, match="the tests"):
        read_tests(tests)


# -- choosing -------------------------------------------------------------------------------------------------------

PASSED, OTHER, FAILED, UNRUN = (
    Run(Trial(title, "", title[0]), verdict)
    for title, verdict in (("a", "passed"), ("b", "passed"), ("c", "failed"), ("d", "unrun"))
)
CANDIDATES = st.builds(
    Candidate,
    st.text(max_size=3),
    st.booleans(),
    st.sampled_from([(), ("f",)]),
    st.lists(st.sampled_from([PASSED, OTHER, FAILED, UNRUN]), max_size=5).map(tuple),
)


@given(st.lists(CANDIDATES, min_size=1))
def test_whoever_passes_everything_is_never_beaten_by_one_that_fails(candidates: list[Candidate]) -> None:
    best = best_of(candidates)
    assert best.is_right or not any(candidate.is_right for candidate in candidates)


@given(CANDIDATES, st.booleans())
def test_verified_code_has_passed_everything(candidate: Candidate, is_confirmed: bool) -> None:
    if is_enough(candidate, is_confirmed=is_confirmed):
        assert candidate.runs
        assert all(run.verdict == "passed" for run in candidate.runs)
        assert candidate.is_parsed
        assert not candidate.lacking


@pytest.mark.parametrize(
    ("wants", "alone", "agreed"),
    [
        ("", False, False),
        ("1", False, False),
        ("12", False, True),
        ("123", True, True),
        ("111", False, False),
        ("112", True, True),
    ],
)
def test_one_trial_or_one_result_is_never_enough_and_two_need_agreement(wants: str, alone: bool, agreed: bool) -> None:
    runs = tuple(Run(Trial(f"t{number}", "", want), "passed") for number, want in enumerate(wants))
    candidate = Candidate("x", is_parsed=True, runs=runs)
    assert [is_enough(candidate, is_confirmed=confirmed) for confirmed in (False, True)] == [alone, agreed]


# -- probes ---------------------------------------------------------------------------------------------------------


@given(PLAIN)
def test_neighbours_keep_the_type(value: object) -> None:
    assert all(type(other) is type(value) for other in near(value))


@given(st.lists(PLAIN, min_size=1, max_size=3))
def test_probes_are_calls_that_were_not_stated(arguments: list[object]) -> None:
    example = Example(f"f({', '.join(map(repr, arguments))})", "1")
    calls = probe_calls([example], "f")
    assert len(calls) <= MAX_PROBES
    assert example.call not in calls
    assert all(isinstance(ast.parse(call, mode="eval").body, ast.Call) for call in calls)


@pytest.mark.parametrize(
    ("one", "other", "agreed"),
    [("abc", "abc", True), ("abcd", "abcx", False), (["a", "b", ""], ["a", "b", "c"], False), ("", "", False)],
)
def test_agreement_needs_three_equal_results_and_none_that_differs(one: str, other: str, agreed: bool) -> None:
    assert agree(one, other) is agreed


# -- gaps and other languages ---------------------------------------------------------------------------------------


def test_a_middle_ends_where_the_code_behind_begins_again() -> None:
    gap = Gap("def f(n):\n", "\nprint(f(10))\n", "python")
    assert trimmed_middle("    return n\n\nprint(f(10))\nprint(f(11))", gap) == "    return n\n"


def test_a_middle_is_cut_to_what_parses_and_kept_when_nothing_does() -> None:
    gap = Gap("x = [\n", "]\n", "python")
    assert trimmed_middle("1,\n2,\n}\n", gap) == "1,\n2,\n"
    assert trimmed_middle("}}}", gap) == "}}}"


@pytest.mark.parametrize(
    ("language", "right", "wrong"),
    [
        ("js", "const f = (x) => x * 2;", "const f = (x => ;"),
        ("ts", "const x: number = 1;", "const x: number = ;"),
        ("java", "class A { int f() { return 1; } }", "class A { int f( { } }"),
        ("c", "int main(void) { return 0; }", "int main(void) { return 0 }"),
        ("C++", "int main() { auto x = 1; }", "int main() { auto x = ; }"),
        ("rust", "fn main() { let x = 1; }", "fn main() { let = 1; }"),
        ("golang", "package main\nfunc main() {}\n", "package main\nfunc main( {}\n"),
        ("sh", "if true; then echo a; fi", "if true; then echo a"),
    ],
)
def test_other_languages_are_parsed_by_their_grammars(language: str, right: str, wrong: str) -> None:
    checks = [check_syntax(code, canonical(language)) for code in (right, wrong)]
    assert [check.passed for check in checks if check] == [True, False]


def test_a_language_without_a_grammar_gets_no_check() -> None:
    assert check_syntax("x", "cobol") is None
