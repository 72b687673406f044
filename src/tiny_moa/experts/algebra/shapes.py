"""Plane and solid figures: one measure from others, by the names and formulas of shapes.toml, English and Korean; pure.

A formula is used when the measures given are exactly those it needs, all in one unit or all in none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tiny_moa.experts.algebra.notation import Node, NotNotation, read_expression, variables
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.units import find_unit
from tiny_moa.experts.algebra.values import read_value
from tiny_moa.experts.algebra.wording import read_words

Parts = Mapping[str, str]

_FILE: Final = Path(__file__).with_name("shapes.toml")
_SAID: Final = tomllib.loads(_FILE.read_text("utf-8"))
_DIMENSIONS: Final = {"area": 2, "surface": 2, "lateral": 2, "volume": 3}


def _by_name(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: key for key, names in table.items() for name in names}


def _alternatives(names: Mapping[str, str]) -> str:
    return "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))


_SHAPE_OF: Final = _by_name(_SAID["figures"])
_MEASURE_OF: Final = _by_name(_SAID["sought"])
_GIVEN_OF: Final = _by_name(_SAID["given"])
SHAPE: Final = _alternatives(_SHAPE_OF)
"""A pattern for the name of a figure."""
MEASURE: Final = _alternatives(_MEASURE_OF)
"""A pattern for the name of what is sought."""
_GIVEN_NAME: Final = _alternatives(_GIVEN_OF)
_AMOUNT: Final = (
    r"(?P<n>\d*(?:√|\\?sqrt[({]?)\d+[)}]?|\d+(?:[.,/]\d+)*(?:\s*\*?\s*(?:pi(?![a-z])|π))?)"
    r"\s*(?P<unit>(?:mm|cm|m|km|in|inch(?:es)?|ft|foot|feet|yd|yards?|(?:centi|milli|kilo)?met(?:er|re)s?)(?![A-Za-z])|(?:센티|밀리|킬로)?미터)?"
)
_ENGLISH: Final = re.compile(
    rf"\s*(?:an? |one |its |the |each |all )?(?P<name>{_GIVEN_NAME})(?: lengths?)?(?: is| are| of| equal to| =)*\s+{_AMOUNT}\s*",
    re.IGNORECASE,
)
_KOREAN: Final = re.compile(
    rf"\s*(?:각각\s*)?(?P<name>{_GIVEN_NAME})\s*[가이은는]?\s*(?:각각\s*)?{_AMOUNT}\s*(?:이고|이며|인|고)?\s*"
)
_MORE: Final = re.compile(rf"\s*(?:,\s*and\s|,|and\s|와|과|by\s|×|x\s)\s*{_AMOUNT}\s*(?:인)?\s*", re.IGNORECASE)
_SEPARATOR: Final = re.compile(r"\s*(?:,\s*and\s|,|and\s|와|과|이고|이며)?\s*")
_LETTERS: Final = {"a": "amn", "b": "bB", "u": "uv", "p": "pq"}
"""What several measures of one name are called in the formulas."""
_TABLE: Final = {
    (figure, sought, frozenset(given.split())): formula
    for figure, rows in _SAID["formulas"].items()
    for sought, given, formula in rows
}


def measured(parts: Parts) -> Question:
    """A measure of a figure from others."""
    shape = _SHAPE_OF[" ".join(parts["shape"].lower().split())]
    measure = _MEASURE_OF[" ".join(parts["measure"].lower().split())]
    written, unit = _given(parts["dims"])
    formula = _TABLE.get((shape, measure, frozenset(written)))
    if formula is None or not _is_possible(written):
        raise NotNotation("no formula for these measures")
    dimension = _DIMENSIONS.get(measure, 1)
    symbol = f"{unit}^{dimension}" if unit and dimension > 1 else unit
    shown = f"{formula} with {', '.join(f'{name} = {text}' for name, text in written.items())}"
    at = {name: _amount(text) for name, text in written.items()}
    return Question("value", {"e": read_expression(formula), "at": at, "shown": shown}, unit=symbol)


def _given(text: str) -> tuple[dict[str, str], str]:
    """Read "base 10 cm and height 7 cm" into measures by their letters, and their unit."""
    found: list[tuple[str, str]] = []
    units: set[str] = set()
    at, letter = 0, ""
    while at < len(text):
        if match := _ENGLISH.match(text, at) or _KOREAN.match(text, at):
            letter = _GIVEN_OF[" ".join(match["name"].lower().split())]
        elif not (letter in _LETTERS and (match := _MORE.match(text, at))):
            raise NotNotation("a measure that is not known")
        found.append((letter, match["n"]))
        units.add(_unit(match["unit"], squared=letter == "A"))
        at = match.end()
        if not _MORE.match(text, at):
            at = _SEPARATOR.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing at all too
    if len(units) != 1:
        raise NotNotation("measures in several units")
    return _lettered(found), units.pop()


def _lettered(found: Sequence[tuple[str, str]]) -> dict[str, str]:
    named: dict[str, str] = {}
    for letter, text in found:
        name = next((one for one in _LETTERS.get(letter, letter) if one not in named), None)
        if name is None:
            raise NotNotation("a measure that comes twice")
        named[name] = text
    return named


def _amount(text: str) -> Node:
    node = read_words(text)
    if variables(node):
        raise NotNotation("a number is needed")
    return node


def _unit(text: str | None, *, squared: bool) -> str:
    if not text:
        return ""
    unit = find_unit(text)
    if unit is None or unit.kind != "length" or squared:
        raise NotNotation("a unit that is no length")
    return unit.symbol


def _is_possible(written: Mapping[str, str]) -> bool:
    """Whether a figure has such measures: none is zero, a hypotenuse is the longest, any two sides outdo the third."""
    values = {name: read_value(text) for name, text in written.items()}
    sizes = {name: value.decimal for name, value in values.items() if value}
    if len(sizes) < len(written) or min(sizes.values()) <= 0:
        return False
    if "n" in sizes:
        return 2 * max(sizes[name] for name in "amn") < sum(sizes[name] for name in "amn")
    if "k" in sizes and len(sizes) == 2:
        return all(2 * size < sizes["k"] for name, size in sizes.items() if name != "k")
    return "c" not in sizes or sizes["c"] > sizes["u"]
