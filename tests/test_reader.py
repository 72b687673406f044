from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts.algebra.reader import read_question


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("What is 3/8 + 1/6?", "value"),
        ("8의 세제곱 더하기 1은 얼마야?", "value"),
        ("Please simplify (a^2 - b^2)/(a - b).", "simplify"),
        ("(a+b)(a-b)를 전개해 주세요", "expand"),
        ("Factor y^2 + 7y + 12", "factor"),
        ("t^2 - 16을 인수분해하시오", "factor"),
        ("Solve 4t - 9 = 11 for t", "solve"),
        ("방정식 3x + 2 = 14를 풀어줘", "solve"),
        ("If 2a + 5 = 17, what is a?", "solve"),
        ("x + y = 9, x - y = 1인 연립방정식을 풀어줘", "solve"),
        ("What is the derivative of cos(x) with respect to x?", "derivative"),
        ("sin(x)를 미분해줘", "derivative"),
        ("Integrate 3x^2 from 1 to 2", "integral"),
        ("2x를 0부터 1까지 적분", "integral"),
        ("Find the limit of (x^2-4)/(x-2) as x approaches 2", "limit"),
        ("gcd(84, 36)", "common"),
        ("8, 12의 최소공배수를 구해줘", "common"),
        ("Is 221 a prime number?", "is_prime"),
        ("84를 소인수분해해줘", "factors"),
        ("How many divisors does 48 have?", "divisors"),
        ("What is the remainder when 7^50 is divided by 13?", "remainder"),
        ("50을 6으로 나눈 나머지는?", "remainder"),
        ("median of 4, 8, 15, 16, 23", "statistics"),
        ("4, 8, 15의 평균은?", "statistics"),
        ("Convert 3 miles to km", "value"),
        ("2 kg을 g으로 바꿔줘", "value"),
        ("What is 35% of 80?", "value"),
        ("80의 35%는?", "value"),
        ("Write 45 in binary", "in_base"),
        ("sum of k^2 for k = 1 to 5", "total"),
    ],
)
def test_wordings_of_closed_forms_are_read(text: str, op: str) -> None:
    question = read_question(text)
    assert question is not None
    assert question.op == op


@pytest.mark.parametrize(
    "text",
    [
        "What is 3/8 + 1/6 of a cake?",
        "A train goes 60 km in 2 hours. How fast is it?",
        "Solve the mystery of 3 = x ghosts",
        "Convert 3 gallons to liters",
        "Convert 3 miles to kg",
        "Is 7 a lucky number?",
        "average of my 3 grades",
        "factor in the cost",
        "derivative of the market",
        "사과 3개와 배 4개의 합은?",
        "24/7 매장 알려줘",
        "What is 5 plus the number of moons?",
        "mean of 1,234,567",
        "50% of 80 + 10",
        "sum of the integers between 1 and 10",
        "hello",
        "7",
        "",
        "x" * 5000,
    ],
)
def test_a_word_too_many_makes_it_no_closed_form(text: str) -> None:
    assert read_question(text) is None


def test_rounding_is_part_of_the_question() -> None:
    question = read_question("What is sqrt(7) to 3 decimal places?")
    assert question is not None
    assert question.args["places"] == 3


_WORDS = """
    solve what is the gcd of derivative integrate limit mean 12 18 x y = + - * / ^ ( ) 2 3 , and for to km m
    의 을 를 미분 적분 평균 최대공약수 % prime
"""
_pieces = st.sampled_from(_WORDS.split())


@given(st.lists(_pieces, max_size=12).map(" ".join))
def test_any_question_is_read_into_what_fits_the_wire_or_not_at_all(text: str) -> None:
    question = read_question(text)
    if question is not None:
        assert json.loads(json.dumps(dict(question.args))) == dict(question.args)


@given(st.text(max_size=100))
def test_any_text_can_be_asked(text: str) -> None:
    read_question(text)
