"""What several solutions of one problem say together: votes, groups of equal answers, and when they settle it; pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tiny_moa.experts import checks
from tiny_moa.experts.algebra.values import (
    Value,
    plain_equations,
    read_result,
    read_statement,
    same_value,
    write_value,
)

_PROOF = re.compile(r"\b(?:prove|proof|show that|explain|why|derive|describe)\b|증명|설명|이유|보이시오|보여라", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|twice|double|triple|quarter)\b"
    r"|\bhow (?:many|much)\b|(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열)\s*(?:개|명|번|배|장|마리|시간|살|권|대)|절반|몇|얼마",
    re.IGNORECASE,
)

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_COMMON = frozenset(map(Fraction, ("0", "1", "2", "0.5", "7", "10", "12", "24", "30", "52", "60", "100", "365", "1000")))
"""Numbers that need no naming: halves, calendars, clocks, dozens and percentages."""
_SPOKEN = {
    "three": "3", "four": "4", "five": "5", "six": "6", "eight": "8", "nine": "9", "eleven": "11", "quarter": "0.25",
    "third": "3",
    "fourth": "4", "fifth": "5", "thrice": "3", "triple": "3", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50",
    "dime": "10", "nickel": "5", "pentagon": "5", "hexagon": "6", "octagon": "8", "yard": "3", "quarters": "4",
    "세": "3", "네": "4", "다섯": "5", "여섯": "6", "여덟": "8", "아홉": "9",
}  # fmt: skip

Way = Literal["program", "worked"]


@dataclass(frozen=True)
class Vote:
    """One solution's answer.

    Attributes:
        way: How it was found.
        written: The answer as written.
        value: Its value, `None` when it is no number; such a vote is of no group.
        text: The whole solution: the words, or the program.
        equations: The equations found in the words, recomputed.
        is_sound: Whether everything that can be checked in the solution by itself holds: a program ran, and computes with
            the numbers of the problem; a worked solution marks its answer, has equations with the numbers of the problem, and
            all of them recompute, one of them giving the answer.
    """

    way: Way
    written: str
    value: Value | None
    text: str
    equations: tuple[checks.Check, ...] = ()
    is_sound: bool = False


@dataclass(frozen=True)
class Group:
    """Votes for equal values, in the order they came."""

    votes: tuple[Vote, ...]

    @property
    def value(self) -> Value:
        """The value they share."""
        value = self.votes[0].value
        assert value is not None
        return value

    @property
    def ways(self) -> frozenset[Way]:
        """The ways by which it was found."""
        return frozenset(vote.way for vote in self.votes)

    @property
    def written(self) -> str:
        """The value, written plainly."""
        return write_value(self.value, self.votes[0].written)


def worked_vote(problem: str, text: str) -> Vote | None:
    """Read a worked solution of a problem; `None` when it states no answer at all."""
    stated = read_statement(text)
    if stated is None:
        return None
    plain = plain_equations(text)
    equations = checks.check_equations(plain)
    is_sound = stated.is_marked and bool(equations) and all(check.passed for check in equations)
    is_sound = is_sound and stated.value is not None and _is_derived(stated.value, equations)
    is_sound = is_sound and not _left_out(problem, {number for check in equations for number in _read_numbers(check.detail)})
    return Vote("worked", stated.written, stated.value, text, equations, is_sound)


def _is_derived(value: Value, equations: Sequence[checks.Check]) -> bool:
    """Whether some equation gives this value."""
    found = (check.detail.rpartition("=")[2] for check in equations)
    return any(number is not None and number == value.exact for number in map(checks.evaluate, found))


def _read_numbers(text: str) -> frozenset[Fraction]:
    return frozenset(number for number in map(checks.evaluate, _NUMBER.findall(text)) if number is not None)


def _left_out(problem: str, used: AbstractSet[Fraction]) -> set[Fraction]:
    """Give the numbers that a problem names and that are not used, not as shares either; 1 needs no mention.

    Two readings of a problem that leave out the same number agree for the wrong reason; that is the commonest way.
    """
    return {number for number in _read_numbers(problem) - used - {1} if not _shares(number) & used}


def _shares(number: Fraction) -> set[Fraction]:
    """What a number of per cent may be written as; those of 100 are numbers that stand everywhere."""
    return {number / 100, 1 - number / 100, 1 + number / 100} - {0, 1, 2}


def program_vote(problem: str, source: str, result: str) -> Vote | None:
    """Read what a program for a problem gave back; `None` when it gave nothing that is a number."""
    value = read_result(result)
    return None if value is None else Vote("program", result, value, source, (), _fits(problem, source))


def _fits(problem: str, source: str) -> bool:
    """Whether a program computes, with every number that the problem names and hardly any other."""
    try:
        tree = ast.parse(source)
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if not any(isinstance(node, ast.BinOp | ast.AugAssign | ast.Compare) for node in nodes):
        return False
    used = _constants(nodes)
    spoken = {Fraction(value) for word, value in _SPOKEN.items() if word in problem.lower()}
    known = _read_numbers(problem) | spoken | _COMMON
    shares = {share for number in _read_numbers(problem) for share in _shares(number)}
    idle = {id(node) for node in _idle(nodes)}
    return not _left_out(problem, _constants(node for node in nodes if id(node) not in idle)) and used <= known | shares


def _constants(nodes: Iterable[ast.AST]) -> set[Fraction]:
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return {Fraction(str(value)) for value in values if type(value) in (int, float)}


def _idle(nodes: Sequence[ast.AST]) -> list[ast.AST]:
    """Give what is assigned to names that nothing reads: it takes no part in the result."""
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    idle = [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) and target.id not in read for target in node.targets)
    ]
    return [inner for value in idle for inner in ast.walk(value)]


def group_votes(votes: Sequence[Vote]) -> tuple[Group, ...]:
    """Put equal answers together: the largest group first, and of equally large ones the one found in more ways, then first."""
    groups: list[list[Vote]] = []
    for vote in votes:
        if vote.value is None:
            continue
        home = next((group for group in groups if same_value(group[0].value or vote.value, vote.value)), None)
        groups.append([vote]) if home is None else home.append(vote)
    made = [Group(tuple(group)) for group in groups]
    return tuple(
        sorted(made, key=lambda group: (-len(group.votes), -len(group.ways), -sum(vote.is_sound for vote in group.votes)))
    )


def agreed(group: Group) -> bool:
    """Whether a program and a worked solution, each sound by itself, agree in a group."""
    return {vote.way for vote in group.votes if vote.is_sound} == {"program", "worked"}


def asks_for_number(problem: str) -> bool:
    """Tell whether a problem names a quantity and wants no proof or explanation, so that answers to it can be compared."""
    return bool(_QUANTITY.search(problem)) and not _PROOF.search(problem)
