"""Points, polygons and counted arrangements: short formulas of whole numbers behind a wording; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from math import factorial, prod
from typing import Final

from tiny_moa.experts.algebra.forms import Builder, number
from tiny_moa.experts.algebra.notation import Node, NotNotation
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.spoken import korean_number

Parts = Mapping[str, str]
_POLYGONS: Final = {
    "triangle": 3, "quadrilateral": 4, "pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8, "nonagon": 9, "decagon": 10,
    "dodecagon": 12,
}  # fmt: skip
_MOST: Final = 1_000


def _ends(parts: Parts) -> tuple[Node, Node, Node, Node]:
    return number(parts["xa"]), number(parts["ya"]), number(parts["xb"]), number(parts["yb"])


def _less(left: Node, right: Node) -> Node:
    return ["+", left, ["-", right]]


def distance(parts: Parts) -> Question:
    """The distance between two points."""
    xa, ya, xb, yb = _ends(parts)
    squares: Node = ["+", ["^", _less(xb, xa), ["n", "2"]], ["^", _less(yb, ya), ["n", "2"]]]
    return Question("value", {"e": ["f", "sqrt", squares], "shown": ""})


def slope(parts: Parts) -> Question:
    """The slope of the line through two points."""
    xa, ya, xb, yb = _ends(parts)
    return Question("value", {"e": ["/", _less(yb, ya), _less(xb, xa)], "shown": ""})


def midpoint(parts: Parts) -> Question:
    """The point halfway between two."""
    xa, ya, xb, yb = _ends(parts)
    halves = [["/", ["+", one, other], ["n", "2"]] for one, other in ((xa, xb), (ya, yb))]
    return Question("several", {"parts": halves, "is_point": True})


def polygon(what: str) -> Builder:
    """A builder for a polygon's angles, `sum` and `each` in degrees, or its `diagonals`."""

    def built(parts: Parts) -> Question:
        n = _corners(parts["polygon"])
        if what == "diagonals":
            return _counted(n * (n - 3) // 2)
        total: Node = ["*", ["n", str(n - 2)], ["n", "180"]]
        return Question("value", {"e": ["/", total, ["n", str(n)]] if what == "each" else total, "shown": ""}, unit="°")

    return built


def _corners(name: str) -> int:
    digits = re.search(r"\d+", name)
    n = int(digits[0]) if digits else _POLYGONS.get(name.lower(), 0) or korean_number(name) or 0
    if not 3 <= n <= _MOST:
        raise NotNotation("no such polygon")
    return n


def _counted(count: int) -> Question:
    return Question("value", {"e": ["n", str(count)], "shown": ""})


def arranged(parts: Parts) -> Question:
    """In how many ways so many different things stand in a row."""
    return Question("value", {"e": ["f", "factorial", ["n", parts["n"]]], "shown": f"{parts['n']}!"})


def lettered(parts: Parts) -> Question:
    """In how many different ways the letters of a word stand in a row."""
    counts = Counter(parts["word"].upper())
    if not parts["word"].isupper():
        raise NotNotation("a word in capitals is needed")
    below = prod(factorial(count) for count in counts.values())
    node: Node = ["/", ["f", "factorial", ["n", str(len(parts["word"]))]], ["n", str(below)]]
    return Question("value", {"e": node, "shown": f"{len(parts['word'])}! / {below}"})


def thrown(parts: Parts) -> Question:
    """How many outcomes so many throws of a coin or a die have."""
    return Question("value", {"e": ["^", ["n", "2" if parts["die"] == "동전" else "6"], ["n", parts["k"]]], "shown": ""})


def first_odd(parts: Parts) -> Question:
    """The sum of the first odd numbers."""
    return Question("value", {"e": ["^", ["n", parts["k"]], ["n", "2"]], "shown": f"{parts['k']}^2"})


def fibonacci(parts: Parts) -> Question:
    """The n-th Fibonacci number, counted 1, 1, 2, 3."""
    n = int(parts["k"])
    if not 1 <= n <= _MOST:
        raise NotNotation("a Fibonacci number that is not computed")
    a, b = 1, 1
    for _ in range(n - 1):
        a, b = b, a + b
    return Question("value", {"e": ["n", str(a)], "shown": f"Fibonacci number {n} of 1, 1, 2, 3, ..."})
