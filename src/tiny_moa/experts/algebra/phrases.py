"""English phrases of numbers: "5 less than twice the sum of 3 and 4", and of one unknown: "a number increased by 9"; pure.

A phrase must have exactly one reading. Behind an "of" or a "than" nothing may follow that could belong inside or outside:
"the square of 3 plus 4" is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tiny_moa.experts.algebra.notation import Node, NotNotation, read_expression, variables

UNKNOWN: Final[Node] = ["v", "n"]
_NUMBER: Final = re.compile(r"-?\d[\d.,/]*|\(-?\d[^a-z()]*\)")
_UNKNOWN: Final = re.compile(r"(?:a|the|some|an unknown|a certain|the same) number|the original number", re.IGNORECASE)
_SUMS: Final = (
    (" plus ", "+"), (" increased by ", "+"), (" minus ", "-"), (" decreased by ", "-"), (" diminished by ", "-"),
)  # fmt: skip
_PRODUCTS: Final = ((" times ", "*"), (" multiplied by ", "*"), (" divided by ", "/"))
_PREFIXES: Final = (
    (re.compile(r"(?:twice|double)\s+"), "2", False), (re.compile(r"(?:triple|thrice)\s+"), "3", False),
    (re.compile(r"half(?: of)?\s+"), "1/2", True), (re.compile(r"(\d+/\d+) of\s+"), "", True),
)  # fmt: skip
_OF_TWO: Final = re.compile(r"(?:the )?(sum|product|quotient|difference)(?: of| between) ")
_OF_ONE: Final = re.compile(r"(?:the )?(square|cube|square root|cube root|negative|opposite|reciprocal) of ")
_THAN: Final = re.compile(r"(-?[\d.,/]+) (more than|greater than|less than|fewer than|added to|subtracted from) ")
_MAX_CHARS: Final = 120


@dataclass(frozen=True)
class _Reading:
    """One reading; it is open when words behind it could belong to its last part."""

    node: Node
    is_open: bool = False


Reader = Callable[[str], Iterator[_Reading]]


def read_phrase(text: str) -> Node:
    """Read a phrase whole.

    Raises:
        NotNotation: It is none, or has two readings.
    """
    plain = " ".join(text.lower().split())
    if len(plain) > _MAX_CHARS or "%" in plain:
        raise NotNotation("no phrase of numbers")
    found = list(_sums(plain))
    if len(found) != 1:
        raise NotNotation("no phrase of numbers, or one with two readings")
    return found[0].node


def read_unit(text: str) -> Node:
    """Read a phrase that no sign word parts: "twice 8", and not "4 plus 5", of which a step may mean the first part only.

    Raises:
        NotNotation: It is none, or has two readings.
    """
    found = list(_units(" ".join(text.lower().split())))
    if len(found) != 1 or len(text) > _MAX_CHARS:
        raise NotNotation("no number by itself")
    return found[0].node


def joined(sign: str, left: Node, right: Node) -> Node:
    """Give a node of two parts; a difference is a sum with what is taken away negated."""
    return ["+", left, ["-", right]] if sign == "-" else [sign, left, right]


def _sums(text: str) -> Iterator[_Reading]:
    yield from _infix(text, _SUMS, _sums, _products)
    yield from _products(text)


def _products(text: str) -> Iterator[_Reading]:
    yield from _infix(text, _PRODUCTS, _products, _units)
    yield from _units(text)


def _infix(text: str, words: Sequence[tuple[str, str]], lefts: Reader, rights: Reader) -> Iterator[_Reading]:
    for word, sign in words:
        for found in re.finditer(re.escape(word), text):
            for right in rights(text[found.end() :]):
                for left in lefts(text[: found.start()]):
                    if not left.is_open:
                        yield _Reading(joined(sign, left.node, right.node), right.is_open)


def _units(text: str) -> Iterator[_Reading]:
    if _UNKNOWN.fullmatch(text):
        yield _Reading(UNKNOWN)
    elif _NUMBER.fullmatch(text):
        yield _Reading(_number(text))
    for pattern, factor, is_open in _PREFIXES:
        if found := pattern.match(text):
            for inner in _units(text[found.end() :]):
                node = _number(factor or found[1])
                yield _Reading(["*", node, inner.node], is_open or inner.is_open)
    yield from _of(text)


def _of(text: str) -> Iterator[_Reading]:
    if found := _OF_TWO.match(text):
        rest = text[found.end() :]
        for cut in re.finditer(r",? and ", rest):
            for left in _products(rest[: cut.start()]):
                for right in _units(rest[cut.end() :]):
                    if node := _of_two(found[1], left.node, right.node):
                        yield _Reading(node, is_open=True)
    if found := _OF_ONE.match(text):
        for inner in _units(text[found.end() :]):
            yield _Reading(_of_one(found[1], inner.node), is_open=True)
    if found := _THAN.match(text):
        for inner in _products(text[found.end() :]):
            sign = "-" if found[2].startswith(("less", "fewer", "subtracted")) else "+"
            yield _Reading(joined(sign, inner.node, _number(found[1])), is_open=True)


def _of_two(name: str, left: Node, right: Node) -> Node | None:
    if name == "difference":  # of two numbers it is the larger less the smaller; with an unknown, nobody knows which that is
        return None if variables(left) | variables(right) else ["f", "abs", joined("-", left, right)]
    return joined({"sum": "+", "product": "*", "quotient": "/"}[name], left, right)


def _of_one(name: str, inner: Node) -> Node:
    if name in ("square", "cube"):
        return ["^", inner, ["n", "2" if name == "square" else "3"]]
    if name.endswith("root"):
        return ["f", "sqrt" if name.startswith("square") else "cbrt", inner]
    return ["/", ["n", "1"], inner] if name == "reciprocal" else ["-", inner]


def _number(text: str) -> Node:
    return read_expression(text)
