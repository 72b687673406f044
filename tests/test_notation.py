from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.experts import checks
from tiny_moa.experts.algebra.notation import NotNotation, depth, read_expression, read_relation, variables
from tiny_moa.experts.algebra.values import read_value


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("2x", ["*", ["n", "2"], ["v", "x"]]),
        ("-2^2", ["-", ["^", ["n", "2"], ["n", "2"]]]),
        ("x²", ["^", ["v", "x"], ["n", "2"]]),
        (r"\frac{1}{2}", ["/", ["n", "1"], ["n", "2"]]),
        (r"\sqrt[3]{8}", ["f", "root", ["n", "8"], ["n", "3"]]),
        ("|x|", ["f", "abs", ["v", "x"]]),
        ("3 1/2", ["+", ["n", "3"], ["/", ["n", "1"], ["n", "2"]]]),
        (r"3\frac{1}{2}", ["+", ["n", "3"], ["/", ["n", "1"], ["n", "2"]]]),
        ("1,234", ["n", "1234"]),
        ("xy", ["*", ["v", "x"], ["v", "y"]]),
        ("sin^2 x", ["^", ["f", "sin", ["v", "x"]], ["n", "2"]]),
        ("log_2 8", ["f", "log", ["n", "8"], ["n", "2"]]),
        ("50%", ["/", ["n", "50"], ["n", "100"]]),
        ("3!", ["f", "factorial", ["n", "3"]]),
    ],
)
def test_notation_becomes_a_tree(text: str, node: list[object]) -> None:
    assert read_expression(text) == node


def test_a_slash_beside_the_sign_of_division_writes_a_fraction() -> None:
    assert read_expression("3/4 ÷ 2/5") == read_expression("(3/4) / (2/5)")


@pytest.mark.parametrize(
    "text",
    [
        "1/2x",
        "log 100",
        "2 3",
        "10 % 3",
        "sin^-1 x",
        "f(2)",
        "what",
        "is",
        "1 +",
        "(1",
        "",
        "1//2",
        "__import__('os')",
        "x.y",
        "\\input{a}",
    ],
)
def test_what_is_no_notation_or_has_two_meanings_is_refused(text: str) -> None:
    with pytest.raises(NotNotation):
        read_expression(text)


@pytest.mark.parametrize(
    "text", ["(" * 300 + "1" + ")" * 300, "-" * 500 + "1", "1" * 300, "1+" * 299 + "1", "2^" * 250 + "2", "√" * 300 + "2"]
)
def test_a_hostile_expression_is_read_or_refused_but_never_deep(text: str) -> None:
    with suppress(NotNotation):
        assert depth(read_expression(text)) < 200


def test_a_relation_has_one_sign() -> None:
    assert read_relation(r"x \le 3") == ["<=", ["v", "x"], ["n", "3"]]
    for text in ("x", "1 < x < 3"):
        with pytest.raises(NotNotation):
            read_relation(text)


@given(st.text(alphabet="0123456789xyzabe+-*/^()[]{}|.,!%°√π \\fracsqrtlogdivtimes=<>", max_size=60))
def test_any_text_is_a_tree_fit_for_the_wire_or_refused(text: str) -> None:
    try:
        node = read_expression(text)
    except NotNotation:
        return
    assert json.loads(json.dumps(node)) == node
    assert all(isinstance(name, str) for name in variables(node))


_numbers = st.integers(0, 999).map(str)
_expressions = st.recursive(
    _numbers, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"), max_leaves=8
)


@given(_expressions)
def test_arithmetic_means_the_same_to_both_readers(text: str) -> None:
    value = read_value(text)
    assert value is not None
    assert value.exact == checks.evaluate(text)
