"""Sums told as steps: "multiply 36 by 125, then add 4", "17과 29를 더한 다음 3을 곱하면", and a number found from them; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tiny_moa.experts.algebra.notation import Node, NotNotation, variables
from tiny_moa.experts.algebra.phrases import UNKNOWN, joined, read_phrase, read_unit
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.wording import read_words

Parts = Mapping[str, str]
_VERBS: Final = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_FIRST: Final = re.compile(
    r"(?P<verb>add|subtract|multiply|divide) (?P<a>.+?) (?P<how>and|to|from|by|with) (?P<b>.+)", re.IGNORECASE
)
_WAYS: Final = {"add": ("and", "to", "with"), "subtract": ("from",), "multiply": ("by", "and", "with"), "divide": ("by",)}
_NEXT: Final = re.compile(
    r"(?P<verb>add|subtract)(?: to it)? (?P<n>-?[\d.,/]+)|"
    r"(?P<verb2>multiply|divide)(?: it| that| this| the (?:result|sum|product|difference|quotient|answer))? by (?P<m>-?[\d.,/]+)",
    re.IGNORECASE,
)
_THEN: Final = re.compile(r",?\s+(?:and\s+)?then\s+|,?\s+and\s+(?=(?:add|subtract|multiply|divide)\b)", re.IGNORECASE)


def told(parts: Parts) -> Question:
    """The value of steps told in English."""
    first, *rest = _THEN.split(parts["e"])
    node = _first_step(first)
    for step in rest:
        found = _NEXT.fullmatch(step.strip(" ,"))
        if not found:
            raise NotNotation("a step that is not known")
        verb = (found["verb"] or found["verb2"]).lower()
        node = joined(_VERBS[verb], node, read_words(found["n"] or found["m"]))
    return Question("value", {"e": node, "shown": ""})


def _first_step(text: str) -> Node:
    found = _FIRST.fullmatch(text)
    if not found or found["how"].lower() not in _WAYS[found["verb"].lower()]:
        raise NotNotation("a step that is not known")
    verb, left, right = found["verb"].lower(), read_unit(found["a"]), read_unit(found["b"])
    if variables(left) | variables(right):
        raise NotNotation("a number is needed")
    if verb == "subtract" or (verb == "add" and found["how"].lower() == "to"):
        left, right = right, left
    return joined(_VERBS[verb], left, right)


def _operand(text: str) -> Node:
    node = read_phrase(text)
    if variables(node):
        raise NotNotation("a number is needed")
    return node


def phrase(parts: Parts) -> Question:
    """The value of a phrase of numbers."""
    node = _operand(parts["e"])
    if node[0] in ("n", "/") and not re.search("[a-z]", parts["e"], re.IGNORECASE):
        raise NotNotation("a lone number asks nothing")
    return Question("value", {"e": node, "shown": ""})


def number_sought(parts: Parts) -> Question:
    """The number that an English sentence tells of."""
    left, right = read_phrase(parts["l"]), read_phrase(parts["r"])
    if not variables(left) | variables(right):
        raise NotNotation("no number is sought")
    return Question("solve", {"relations": [["=", left, right]], "target": UNKNOWN, "unknowns": [UNKNOWN[1]]})


def two_numbers(parts: Parts) -> Question:
    """Two numbers of which sum and difference are known, or one of them, or their product."""
    total, difference = read_words(parts["sum"]), read_words(parts["diff"])
    large: Node = ["/", joined("+", total, difference), ["n", "2"]]
    small: Node = ["/", joined("-", total, difference), ["n", "2"]]
    which = " ".join((parts.get("which") or "").lower().split())
    if which in ("larger", "greater", "bigger", "큰"):
        return Question("value", {"e": large, "shown": ""})
    if which in ("smaller", "lesser", "작은"):
        return Question("value", {"e": small, "shown": ""})
    if which in ("product", "곱"):
        return Question("value", {"e": ["*", large, small], "shown": ""})
    return Question("several", {"parts": [large, small], "least": difference})


# -- Korean ---------------------------------------------------------------------------------------------------------

_SIGNS: Final = {"더": "+", "빼": "-", "뺀": "-", "뺐": "-", "곱": "*", "나": "/"}
_VERB: Final = (
    r"(?P<verb>(?:더|곱)(?:하면|한|하고|해서|하여|했더니|하였더니)|빼면|뺀|빼고|빼서|뺐더니|"
    r"나(?:누면|눈|누고|눠서|누어서|누었더니|눴더니))"
)
_STEP: Final = re.compile(r"(?P<n>[^가-힣\s]+(?:의 (?:세)?제곱)?)\s*(?P<how>을|를|으로|로)\s*(?:더\s+)?" + _VERB)
_START: Final = re.compile(
    r"(?P<a>어떤 (?:자연수|정수|수)|(?:어떤|이) 수|[^가-힣]+?(?:의 (?:세)?제곱)?)\s*(?P<to>에다가|에다|에서|에|을|를|와|과)\s*"
)
_BRACKETS: Final = re.compile(r"\([^()]*\)")
_OPEN_SIGN: Final = re.compile(r"[\w)]\s*[-+*×÷]")
_LINK: Final = re.compile(
    r"\s*(?:다음에?|후에?|뒤에?|나서)?,?\s*(?:(?:값|수|결과)(?:에서|에|을|를))?\s*(?:다시\s+|거기에\s+|거기에서\s+)?"
)
_ALLOWED: Final = {
    "+": (("에", "에다", "에다가", "와", "과"), ("을", "를")), "*": (("에", "에다", "에다가", "와", "과"), ("을", "를")),
    "-": (("에서",), ("을", "를")), "/": (("을", "를"), ("으로", "로")),
}  # fmt: skip


def told_in_korean(parts: Parts) -> Question:
    """The value of steps told in Korean."""
    node = _korean_steps(parts["e"])
    if variables(node):
        raise NotNotation("a number is needed")
    return Question("value", {"e": node, "shown": ""})


def number_sought_in_korean(parts: Parts) -> Question:
    """The number that a Korean sentence of steps tells of."""
    node = _korean_steps(parts["e"])
    if not variables(node):
        raise NotNotation("no number is sought")
    relation = ["=", node, read_words(parts["r"])]
    return Question("solve", {"relations": [relation], "target": UNKNOWN, "unknowns": [UNKNOWN[1]]})


def _korean_steps(text: str) -> Node:
    text = " ".join(text.split())
    start = _START.match(text)
    if not start:
        raise NotNotation("a step that is not known")
    node: Node = UNKNOWN if start["a"].endswith("수") else _plain_number(start["a"])
    at, particle = start.end(), start["to"]
    for count in range(8):
        step = _STEP.match(text, at)
        if not step:
            raise NotNotation("a step that is not known")
        sign = _SIGNS[step["verb"][0]]
        firsts, seconds = _ALLOWED[sign]
        if (count == 0 and particle not in firsts) or step["how"] not in seconds or "%" in text:
            raise NotNotation("a step that can be read in two ways")
        node = joined(sign, node, _plain_number(step["n"]))
        if (at := step.end()) == len(text):
            return node
        if not (link := _LINK.match(text, at)) or link.end() == len(text):
            raise NotNotation("a step that is not known")
        at = link.end()
    raise NotNotation("too many steps")


def _plain_number(text: str) -> Node:
    """A number, a root or power of one: of "3 + 4에 5를 곱하면" nobody knows what is multiplied."""
    if _OPEN_SIGN.search(_BRACKETS.sub("0", text)):
        raise NotNotation("a sum beside a step")
    node = read_words(text)
    if variables(node):
        raise NotNotation("a number is needed")
    return node
