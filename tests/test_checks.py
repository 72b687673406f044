from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts import checks


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("123 + 456", Fraction(579)),
        ("1,234 × 2", Fraction(2468)),
        ("2^10", Fraction(1024)),
        ("(1/3) * 3", Fraction(1)),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("-(4 - 6)", Fraction(2)),
        ("2^-1", Fraction(1, 2)),
    ],
)
def test_arithmetic_is_exact(expression: str, value: Fraction) -> None:
    assert checks.evaluate(expression) == value


@pytest.mark.parametrize(
    "text", ["", "1/0", "9**9**9", "9^9^9^9", "1 +", "a + 1", "__import__('os')", "7 // 2", "(" * 400 + "1", "1" * 600]
)
def test_what_is_no_arithmetic_or_too_large_has_no_value(text: str) -> None:
    assert checks.evaluate(text) is None


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.sampled_from("+-*"))
def test_arithmetic_agrees_with_python(left: int, right: int, operator: str) -> None:
    assert checks.evaluate(f"({left}) {operator} ({right})") == eval(f"({left}) {operator} ({right})")


@pytest.mark.parametrize(
    "question", ["What is 12 * 7?", "12*7은 얼마야?", "12 * 7 = ?", "Please calculate 12 * 7.", "12 × 7 계산해 줘", "12 * 7"]
)
def test_a_bare_calculation_is_recognised_in_its_wordings(question: str) -> None:
    expression = checks.sole_expression(question)
    assert expression is not None
    assert checks.evaluate(expression) == 84


@pytest.mark.parametrize(
    "question",
    [
        "What is 12 * 7 apples?",
        "Call 555-1234 now",
        "What is 3?",
        "Is 12 * 7 more than 3 * 9?",
        "Tell me about 24/7 shops",
        "version 1.2-3 of it",
    ],
)
def test_a_question_with_other_words_is_not_a_bare_calculation(question: str) -> None:
    assert checks.sole_expression(question) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(Fraction(579), "579"), (Fraction(1, 4), "0.25"), (Fraction(1, 3), "1/3 (about 0.3333333333)"), (Fraction(-7), "-7")],
)
def test_numbers_are_written_exactly(value: Fraction, text: str) -> None:
    assert checks.write_number(value) == text


@given(st.fractions(max_denominator=10**6, min_value=-(10**5), max_value=10**5))
def test_a_written_number_reads_back_as_the_same_value(value: Fraction) -> None:
    assert checks.evaluate(checks.write_number(value).split(" (about")[0]) == value


def test_wrong_steps_are_found_and_right_ones_pass() -> None:
    found = checks.check_equations("First 4 * 6 = 24.\nThen 24 - 5 = 18\nand 10 / 3 = 3.33.")
    assert [check.passed for check in found] == [True, False, True]
    assert "should be 19" in found[1].detail


def test_code_is_taken_out_of_an_unclosed_fence() -> None:
    assert checks.fenced_code("Here:\n```python\nx = 1\n") == "x = 1\n"
    assert checks.fenced_code("```python\nx = 1\n```\nand more") == "x = 1\n"
    assert checks.fenced_code("no code") is None


def test_a_syntax_error_names_its_line() -> None:
    check = checks.check_python("def f(:\n    pass\n")
    assert not check.passed
    assert "line 1" in check.detail
    assert checks.check_python("x = 1\n").passed
    assert not checks.check_python("x = '\0'").passed


def test_calls_are_checked_against_the_schema_of_their_tool() -> None:
    parameters = {"add": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}
    good, missing, stranger = checks.check_calls(
        [{"name": "add", "arguments": {"a": 1}}, {"name": "add", "arguments": {}}, {"name": "sub", "arguments": {}}], parameters
    )
    assert (good.passed, missing.passed, stranger.passed) == (True, False, False)
    assert "'sub'" in stranger.detail
