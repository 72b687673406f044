"""How each kind of question is made from the parts of its wording; pure. The wordings themselves are in `english` and `korean`.

A builder takes the named parts of a wording and gives a `Question`. It raises `NotNotation` when a part is no mathematics.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import gcd
from typing import Final

from tiny_moa.experts.algebra.notation import Node, NotNotation, read_relation, variables
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.units import convert as convert_units
from tiny_moa.experts.algebra.units import find_unit
from tiny_moa.experts.algebra.wording import read_list, read_words, strip_particle

Parts = Mapping[str, str]
Builder = Callable[[Parts], Question]
_RELATION_BREAK: Final = re.compile(r"\s*(?:,\s*and\b|\band\b|,|;|\\\\|\n|그리고|이고|하고|와|과|&)\s*", re.IGNORECASE)
_DEFINED: Final = re.compile(
    r"^\s*(?:the (?:function|expression|polynomial|curve)\s+)?(?:[fgh]\s*\(\s*(?P<v>[a-z])\s*\)|y)\s*=\s*(?P<e>.+)$"
)


def number(text: str) -> Node:
    """Read a number or an expression of numbers."""
    node = read_words(text)
    if variables(node):
        raise NotNotation("a number is needed")
    return node


def shown(text: str) -> str:
    """Give an expression as it is shown beside its answer."""
    return " ".join(strip_particle(text).split())


def body(text: str) -> str:
    """Drop `f(x) =` or `y =` in front of an expression."""
    found = _DEFINED.match(text)
    return found["e"] if found else text


def form(op: str, **fixed: object) -> Builder:
    """A builder for an operation on one expression."""

    def built(parts: Parts) -> Question:
        text = body(parts["e"])
        args: dict[str, object] = {"e": read_words(text), "shown": shown(text), **fixed}
        if name := parts.get("v"):
            args["var"] = name
        for key in ("at", "lo", "hi", "to"):
            if written := parts.get(key):
                args[key] = number(written)
        return Question(op, args)

    return built


def value(parts: Parts) -> Question:
    """The value of an expression of numbers."""
    node = number(parts["e"])
    if node[0] in ("n", "c") or (node[0] == "-" and node[1][0] == "n"):
        raise NotNotation("a lone number asks nothing")
    return Question("value", {"e": node, "shown": shown(parts["e"])})


def substituted(parts: Parts) -> Question:
    """The value of an expression with its variables given: "x^2 + y when x = 3 and y = 1", "if f(x) = 2x, what is f(3)"."""
    node, given = read_words(body(parts["e"])), {}
    for part in _RELATION_BREAK.split(strip_particle(parts["given"])):
        sign, left, right = read_relation(part)
        if sign != "=" or left[0] != "v" or variables(right) or left[1] in given:
            raise NotNotation("a value for each variable is needed")
        given[left[1]] = right
    if set(given) != variables(node):
        raise NotNotation("a value for each variable is needed")
    return Question("value", {"e": node, "at": given, "shown": shown(body(parts["e"]))})


def applied(parts: Parts) -> Question:
    """A defined function at a point."""
    if parts["name"] != parts["again"]:
        raise NotNotation("another function")
    node = read_words(parts["e"])
    if not variables(node) <= {parts["v"]}:
        raise NotNotation("a parameter in the function")
    label = f"{parts['name']}({shown(parts['point'])})"
    return Question("value", {"e": node, "at": {parts["v"]: number(parts["point"])}, "shown": label})


def solved(parts: Parts) -> Question:
    """Equations or inequalities to solve."""
    text = re.sub(r"^\{\s*(.*?)\s*\}$", r"\1", strip_particle(parts["r"]))
    relations = [read_relation(_chain_word(part)) for part in _RELATION_BREAK.split(text) if part.strip()]
    if not relations or len(relations) > 5:
        raise NotNotation("an equation is needed")
    args: dict[str, object] = {"relations": relations}
    if names := re.findall(r"[A-Za-z]", re.sub(r"\band\b", " ", parts.get("v") or "")):
        args["unknowns"] = names
    if target := parts.get("t"):
        node = read_words(target)
        if node[0] == "v":
            args["unknowns"] = sorted(set().union(*(variables(one) for one in relations))) if len(relations) > 1 else [node[1]]
        others = set().union(*(variables(one) for one in relations)) - variables(node)
        if node[0] != "v" or (len(relations) > 1 and others):
            args["target"] = node
    if pick := parts.get("pick"):
        args["pick"] = _PICKS[pick.lower().split()[0]]
    if parts.get("real"):
        args["real"] = True
    return Question("solve", args)


_PICKS: Final = {
    "largest": "largest", "greatest": "largest", "smallest": "smallest", "least": "smallest", "positive": "positive",
    "negative": "negative", "sum": "sum", "product": "product", "number": "count", "합": "sum", "곱": "product", "개수": "count",
}  # fmt: skip


def roots(parts: Parts) -> Question:
    """Where an expression is zero."""
    return Question("solve", {"relations": [["=", read_words(body(parts["e"])), ["n", "0"]]]})


def _chain_word(text: str) -> str:
    return re.sub(r"\s+(?:equals|is equal to)\s+", " = ", text, flags=re.IGNORECASE)


def derived(parts: Parts) -> Question:
    """A derivative of some order, perhaps at a point."""
    question = form("derivative")(parts)
    word = (parts.get("order") or "").lower()
    order = _ORDERS.get(word, int(word) if word.isdigit() else 1)
    return Question(question.op, {**question.args, "order": order})


_ORDERS: Final = {
    "": 1, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "twice": 2, "두 번": 2, "세 번": 3, "이계": 2, "삼계": 3,
    "이차": 2, "2계": 2, "3계": 3, "2차": 2, "''": 2, "'": 1,
}  # fmt: skip


def limited(parts: Parts) -> Question:
    """A limit, two-sided unless a side is named."""
    question = form("limit")(parts)
    side = (parts.get("side") or "").lower()
    sign = "+" if side in ("right", "above", "+", "오른쪽", "우") else "-" if side else ""
    return Question(question.op, {**question.args, "side": sign})


def series(parts: Parts) -> Question:
    """A Taylor series up to an order, near zero unless a point is named."""
    question = form("series")({"at": "0", **parts})
    return Question(question.op, {**question.args, "order": int(parts["order"])})


def listed(op: str, of: str) -> Builder:
    """A builder for an operation on a list."""

    def built(parts: Parts) -> Question:
        values = read_list(parts["list"])
        if any(variables(one) for one in values):
            raise NotNotation("a list of numbers is needed")
        return Question(op, {"values": values, "of": of})

    return built


def about(op: str, **fixed: object) -> Builder:
    """A builder for an operation on whole numbers, which are the parts `n`, `lo`, `hi` and `nth`."""

    def built(parts: Parts) -> Question:
        args = {key: number(parts[key]) for key in ("n", "lo", "hi", "nth") if parts.get(key)}
        return Question(op, {**args, **fixed})

    return built


def primes(what: str) -> Builder:
    """A builder for the primes of a range; "between" leaves open whether the ends belong to it."""

    def built(parts: Parts) -> Question:
        args = {key: number(parts[key]) for key in ("lo", "hi")}
        return Question("primes", {**args, "what": what, "open": parts.get("how", "").lower() in ("between", "사이")})

    return built


def divided(op: str, **fixed: object) -> Builder:
    """A builder for an operation on an expression and what it is divided by."""

    def built(parts: Parts) -> Question:
        return Question(op, {"e": number(parts["e"]), "n": number(parts["n"]), "shown": shown(parts["e"]), **fixed})

    return built


def per_cent(shape: str) -> Builder:
    """A builder for percentages: `of`, `which` ("20 is what percent of 80"), `more`, `less`, `change`, `whole`."""

    def built(parts: Parts) -> Question:
        p, base = ["/", number(parts["p"]), ["n", "100"]], number(parts["base"])
        made: Node = {
            "of": ["*", p, base],
            "more": ["*", base, ["+", ["n", "1"], p]],
            "less": ["*", base, ["+", ["n", "1"], ["-", p]]],
            "which": ["*", ["/", number(parts["p"]), base], ["n", "100"]],
            "whole": ["/", base, p],
            "change": ["*", ["/", ["+", number(parts["p"]), ["-", base]], base], ["n", "100"]],
            "fall": ["*", ["/", ["+", base, ["-", number(parts["p"])]], base], ["n", "100"]],
        }[shape]
        return Question("value", {"e": made, "shown": ""}, unit="%" if shape in ("which", "change", "fall") else "")

    return built


def as_per_cent(parts: Parts) -> Question:
    """A number as a percentage."""
    return Question("value", {"e": ["*", number(parts["e"]), ["n", "100"]], "shown": ""}, unit="%")


def in_decimals(parts: Parts) -> Question:
    """A fraction as a decimal number that ends."""
    node = number(parts["e"])
    below = int(parts["e"].strip("()").partition("/")[2])
    if not below or 10**20 % (below // gcd(below, int(parts["e"].strip("()").partition("/")[0]))):
        raise NotNotation("a decimal number that does not end")
    return Question("value", {"e": node, "shown": shown(parts["e"])})


def ratio(parts: Parts) -> Question:
    """A ratio in the smallest whole numbers."""
    if ":" in parts["list"] and "to" in parts["list"]:
        raise NotNotation("two ratios")
    return Question("ratio", {"values": [number(part) for part in re.split(r":|\bto\b", parts["list"])]})


def proportion(parts: Parts) -> Question:
    """Two equal ratios with one unknown."""
    p, q, s, u = (read_words(parts[key]) for key in "pqsu")
    names = sorted(variables(p) | variables(q) | variables(s) | variables(u))
    if len(names) != 1 or parts.get("v", names[0]) != names[0]:
        raise NotNotation("one unknown is needed")
    relation = ["=", ["*", p, u], ["*", q, s]]
    return Question("solve", {"relations": [relation], "target": ["v", names[0]], "unknowns": names})


def extreme(parts: Parts) -> Question:
    """The least or greatest value of a quadratic function."""
    of = "least" if parts["of"].lower() in ("minimum", "least", "smallest", "최솟", "최소") else "greatest"
    return Question("extreme", {"e": read_words(body(parts["e"])), "of": of})


def converted(parts: Parts) -> Question:
    """An amount in another unit."""
    source, target = find_unit(parts["from"]), find_unit(parts["into"])
    if source is None or target is None or source == target:
        raise NotNotation("a unit that is not in the table")
    written = "1" if parts["amount"].lower() in ("a", "an", "one") else parts["amount"]
    amount = number(written)
    zero, one = convert_units(Fraction(0), source, target), convert_units(Fraction(1), source, target)
    if zero is None or one is None:
        raise NotNotation("the two units measure different things")
    node: Node = ["+", ["*", amount, _fraction(one - zero)], _fraction(zero)]
    return Question("value", {"e": node, "shown": f"{shown(written)} {source.symbol}"}, unit=target.symbol)


def _fraction(value: Fraction) -> Node:
    node: Node = ["/", ["n", str(abs(value.numerator))], ["n", str(value.denominator)]]
    return ["-", node] if value < 0 else node


_BASES: Final = {"binary": 2, "octal": 8, "decimal": 10, "hexadecimal": 16, "hex": 16}


def in_base(parts: Parts) -> Question:
    """A number written in another base."""
    old, new = (_base(parts.get(key) or "decimal") for key in ("old", "new"))
    if old == new:
        raise NotNotation("the same base")
    return Question("in_base", {"digits": parts["n"].removeprefix("0x").removeprefix("0b"), "from": old, "to": new})


def _base(name: str) -> int:
    digits = re.search(r"\d+", name)
    return int(digits[0]) if digits else _BASES[name.lower()]


def chosen(parts: Parts) -> Question:
    """How many ways to choose, or to arrange, k of n."""
    n, k = ["n", parts["n"]], ["n", parts["k"]]
    node: Node = ["f", "binomial", n, k]
    if (parts.get("kind") or "C") in ("P", "permutations"):
        node = ["*", node, ["f", "factorial", k]]
    return Question("value", {"e": node, "shown": ""})


def counted_sum(parts: Parts) -> Question:
    """The sum of the whole numbers from one to another, or of the even, odd ones or squares among them."""
    low, high = number(parts.get("lo") or "1"), number(parts["hi"])
    if low[0] != "n" or high[0] != "n" or "." in low[1] + high[1]:
        raise NotNotation("whole numbers are needed")
    first, last, sort = int(low[1]), int(high[1]), (parts.get("sort") or "").lower()
    k: Node = ["v", "k"]
    if sort in ("even", "odd", "짝수", "홀수"):
        rest = 0 if sort in ("even", "짝수") else 1
        first, last = (first + 1 - rest) // 2 if rest == 0 else first // 2, (last - rest) // 2
        k = ["+", ["*", ["n", "2"], ["v", "k"]], ["n", str(rest)]]
    label = "2k" if sort in ("even", "짝수") else "2k + 1" if sort else "k"
    return Question("total", {"e": k, "var": "k", "lo": ["n", str(first)], "hi": ["n", str(last)], "shown": label})
