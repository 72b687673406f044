"""Arithmetic and geometric progressions, told by their first terms or by what makes them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Final

from tiny_moa.experts.algebra.forms import number
from tiny_moa.experts.algebra.notation import Node, NotNotation
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.values import read_value
from tiny_moa.experts.algebra.wording import read_list

Parts = Mapping[str, str]
_ARITHMETIC: Final = ("arithmetic", "등차")
_MAX_TERMS: Final = 10_000


def term(parts: Parts) -> Question:
    """The n-th term."""
    first, step, is_arithmetic = _progression(parts)
    steps: Node = ["n", str(_count(parts) - 1)]
    node: Node = ["+", first, ["*", step, steps]] if is_arithmetic else ["*", first, ["^", step, steps]]
    return Question("value", {"e": node, "shown": ""})


def total(parts: Parts) -> Question:
    """The sum of the first n terms."""
    first, step, is_arithmetic = _progression(parts)
    count = _count(parts)
    n: Node = ["n", str(count)]
    if is_arithmetic:
        last: Node = ["+", first, ["*", step, ["n", str(count - 1)]]]
        return Question("value", {"e": ["/", ["*", n, ["+", first, last]], ["n", "2"]], "shown": ""})
    top: Node = ["+", ["^", step, n], ["-", ["n", "1"]]]
    return Question("value", {"e": ["/", ["*", first, top], ["+", step, ["-", ["n", "1"]]]], "shown": ""})


def endless_total(parts: Parts) -> Question:
    """The sum of a geometric progression without end."""
    first, step, is_arithmetic = _progression({"kind": "geometric", **parts})
    ratio = _ratio_of(parts)
    if is_arithmetic or not abs(ratio) < 1:
        raise NotNotation("a sum without end that has no value")
    return Question("value", {"e": ["/", first, ["+", ["n", "1"], ["-", step]]], "shown": ""})


def _count(parts: Parts) -> int:
    count = int(parts["k"])
    if not 1 <= count <= _MAX_TERMS:
        raise NotNotation("a number of terms that is not computed")
    return count


def _progression(parts: Parts) -> tuple[Node, Node, bool]:
    is_arithmetic = parts["kind"].lower() in _ARITHMETIC
    if parts.get("first"):
        return number(parts["first"]), number(parts["step"]), is_arithmetic
    terms = _terms(parts)
    step = terms[1] - terms[0] if is_arithmetic else terms[1] / terms[0]
    return _node(terms[0]), _node(step), is_arithmetic


def _ratio_of(parts: Parts) -> Fraction:
    if parts.get("first"):
        return _exact(parts["step"])
    terms = _terms({"kind": "geometric", **parts})
    return terms[1] / terms[0]


def _terms(parts: Parts) -> list[Fraction]:
    """The first terms; three or more, which follow one rule."""
    separators = parts["list"].strip().strip(",+").replace("…", "").replace("...", "").strip(" ,+")
    written = separators.replace(" + ", ", ") if " + " in separators else separators
    read_list(written)
    terms = [_exact(text) for text in written.replace("，", ",").split(",")]
    is_arithmetic = parts["kind"].lower() in _ARITHMETIC
    if len(terms) < 3 or (not is_arithmetic and not all(terms)):
        raise NotNotation("three terms are needed")
    steps = {b - a if is_arithmetic else b / a for a, b in pairwise(terms)}
    if len(steps) != 1:
        raise NotNotation("terms that follow another rule")
    return terms


def _exact(text: str) -> Fraction:
    value = read_value(text)
    if value is None or value.exact is None:
        raise NotNotation("a number is needed")
    return value.exact


def _node(value: Fraction) -> Node:
    node: Node = ["/", ["n", str(abs(value.numerator))], ["n", str(value.denominator)]]
    return ["-", node] if value < 0 else node
