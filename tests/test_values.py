from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts import checks
from tiny_moa.experts.algebra.values import (
    plain_equations,
    read_result,
    read_statement,
    read_value,
    same_value,
    value_of,
    write_value,
)


def equal(left: str, right: str) -> bool:
    one, other = read_value(left), read_value(right)
    assert one is not None, left
    assert other is not None, right
    return same_value(one, other)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1,200", "1200"),
        (r"\frac{3}{4}", "0.75"),
        ("$18.00", "18 dollars"),
        ("25%", "25"),
        (r"2\sqrt{3}", "sqrt(12)"),
        ("x = 5", "5"),
        (r"18\text{ cm}^2", "18"),
        (r"90^\circ", "90"),
        ("18개", "18"),
        ("5 miles/hour", "5"),
        ("π/2", "pi / 2"),
        ("8^(1/3)", "2"),
    ],
)
def test_the_same_value_in_two_writings_is_equal(left: str, right: str) -> None:
    assert equal(left, right)


@pytest.mark.parametrize(
    ("left", "right"), [("0.333", "1/3"), ("1.414", r"\sqrt{2}"), ("3.14159", "pi"), ("18", "-18"), ("1200", "1.2")]
)
def test_a_rounded_value_is_another_value(left: str, right: str) -> None:
    assert not equal(left, right)


@pytest.mark.parametrize("text", ["2x", "3 hours and 20 minutes", "(3, 5)", "none of them", "", "9^9^9", "1/0", "sqrt(-1)"])
def test_what_is_not_one_number_has_no_value(text: str) -> None:
    assert read_value(text) is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("18", 18),
        ("18.0", 18),
        ("0.30000000000000004", Fraction(3, 10)),
        ("3.3333333333333335", Fraction(10, 3)),
        ("Fraction(1, 3)", Fraction(1, 3)),
        ("'18 dollars'", 18),
        ("[5]", 5),
    ],
)
def test_what_a_program_gives_back_is_read_as_what_it_stands_for(written: str, value: Fraction | int) -> None:
    found = read_result(written)
    assert found is not None
    assert found.exact == value


@pytest.mark.parametrize(
    "written", ["None", "True", "[1, 2]", "nan", "inf", "1e400", "<function f>", "'x'", "1" * 5000, "Fraction(1, 0)"]
)
def test_what_is_no_number_of_a_program_has_no_value(written: str) -> None:
    assert read_result(written) is None


def test_a_rounded_root_equals_the_root_it_stands_for() -> None:
    found, root = read_result("1.4142135623730951"), read_value("sqrt(2)")
    assert found is not None
    assert root is not None
    assert same_value(found, root)


@pytest.mark.parametrize(
    ("solution", "written", "is_marked"),
    [
        (r"So it is \boxed{\frac{1}{2}}.", r"\frac{1}{2}", True),
        (r"\boxed{3} no, \boxed{4}", "4", True),
        ("Answer: 12 apples", "12 apples", True),
        ("The final answer is $18.\nBye", "$18", True),
        ("정답: 7개", "7개", True),
        ("#### 42", "42", True),
        ("First 5, then 6", "6", False),
    ],
)
def test_the_answer_a_solution_states_is_found(solution: str, written: str, is_marked: bool) -> None:
    found = read_statement(solution)
    assert found is not None
    assert (found.written, found.is_marked) == (written, is_marked)


def test_a_solution_without_a_number_states_nothing() -> None:
    assert read_statement("I do not know.") is None


@pytest.mark.parametrize(
    "solution",
    [
        r"\(12 \times 5 = 60\)",
        "12 miles/day * 5 days/week = 60 miles/week",
        r"\[ \frac{120}{2} = 60 \]",
        r"\$200 \times 30\% = \$60",
    ],
)
def test_equations_are_found_under_latex_units_and_currencies(solution: str) -> None:
    found = checks.check_equations(plain_equations(solution))
    assert [check.passed for check in found] == [True]


@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_values_are_equal_exactly_when_their_fractions_are(left: Fraction, right: Fraction) -> None:
    assert same_value(value_of(left), value_of(right)) == (left == right)


@given(st.fractions(max_denominator=5000, min_value=-(10**6), max_value=10**6))
def test_a_written_value_reads_back(number: Fraction) -> None:
    found = read_value(write_value(value_of(number), ""))
    assert found is not None
    assert found.exact == number


@given(st.text(max_size=80))
def test_any_text_is_a_value_or_none(text: str) -> None:
    read_value(text)
    read_result(text)
    read_statement(text)
    plain_equations(text)
