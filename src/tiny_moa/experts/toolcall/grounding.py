"""Finds the values of a call in the request it serves: copied, spelled otherwise, computed from its numbers, or nowhere; pure.

A small model fills an argument sooner than it says that nothing was said about it. A value that stands in the request, in
its words or figures, was not made up; one that stands nowhere may be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:/\d+)?|(?<=[A-Za-z가-힣$€£¥₩(])\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[^\W_]+")
_ENGLISH: Mapping[str, int | Fraction] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "a": 1, "an": 1, "single": 1, "once": 1, "first": 1, "double": 2, "twice": 2, "both": 2, "pair": 2, "second": 2, "triple": 3,
    "dozen": 12, "half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3), "thirds": Fraction(1, 3),
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_KOREAN: Mapping[str, int | Fraction] = {
    "하나": 1, "한": 1, "둘": 2, "두": 2, "셋": 3, "세": 3, "넷": 4, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8,
    "아홉": 9, "열": 10, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50, "반": Fraction(1, 2), "절반": Fraction(1, 2),
}  # fmt: skip
_SCALES = {
    "hundred": 10**2, "thousand": 10**3, "k": 10**3, "million": 10**6, "m": 10**6, "billion": 10**9, "bn": 10**9,
    "trillion": 10**12, "백": 10**2, "천": 10**3, "만": 10**4, "십만": 10**5, "백만": 10**6, "천만": 10**7, "억": 10**8,
    "조": 10**12,
}  # fmt: skip
_SCALED = re.compile(
    r"(\d[\d,]*(?:\.\d+)?)\s*(hundred|thousand|million|billion|trillion|bn|[km](?![a-z])|십만|백만|천만|백|천|만|억|조)"
)
_TIME = re.compile(r"(\d{1,2})(?::\d\d)?\s*(?:a\.?m|p\.?m|o'clock|시)|\bat (\d{1,2})\b")
_FACTORS = tuple(Fraction(factor) for factor in ("1", "100", "1000", "60", "3600", "24", "7", "12", "1000000"))
"""What a number is often multiplied or divided by on the way into an argument: per cent, units, time."""
_NAMED_ELSEWHERE = {"$ref", "allOf", "anyOf", "oneOf", "patternProperties"}
_BESIDE = r"(?:\s*,\s*(?:and)?|\s+(?:and|&)|\s*(?:및|그리고|이?랑|하고|와|과|,))\s*[$€£¥₩]?"
"""What stands between two figures of one list."""
MOST_LISTED = 20
"""So many figures are looked at, since each is searched for."""
_OVERLONG = re.compile(r"[\d.,]{41,}")
"""Longer numbers are not read: no argument is one, and looking for their parts takes long."""
_LONGEST_WORD = 40
_ALIKE = 0.8
"""How alike two words must be, by difflib's measure, to count as one word in two forms."""


@dataclass(frozen=True)
class Grounding:
    """Where a value comes from.

    Attributes:
        path: The argument, with the way into it, such as `filters.year`.
        value: The value.
        source: `request` when it stands there, `derived` when a number there gives it, `choice` when the schema lists it or
            it is a truth value, `default` when it is the schema's; empty when it is from nowhere.
        is_required: Whether the argument may not be left out.
    """

    path: str
    value: Any
    source: str
    is_required: bool


def ground(arguments: Mapping[str, Any], schema: Mapping[str, Any], request: str) -> tuple[Grounding, ...]:
    """Find every value of a call's arguments in the request.

    Args:
        arguments: The arguments, valid against the schema.
        schema: The tool's JSON Schema.
        request: What was asked.
    """
    return tuple(_grounded("", arguments, schema, Said(request), is_required=True))


def without_guesses(arguments: Mapping[str, Any], schema: Mapping[str, Any], request: str) -> dict[str, Any]:
    """Leave out the optional arguments at the top that the request does not speak of, and those the schema does not name.

    An argument stays when any part of it is in the request. A choice stays too when the request is in another script than
    its words, which nothing here translates; a truth value when the request holds a word of the argument's name. One that
    is not named stays where `additionalProperties` invites it.
    """
    required, said = schema.get("required", ()), Said(request)
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", _NAMED_ELSEWHERE & schema.keys())
    return {
        name: value
        for name, value in arguments.items()
        if name in required or (_is_spoken_of(name, value, properties[name], said) if name in properties else others)
    }


def _is_spoken_of(name: str, value: Any, schema: Any, said: Said) -> bool:
    found = list(_grounded(name, value, schema, said, is_required=False))
    if any(one.source in ("request", "derived") for one in found):
        return True
    if any(isinstance(one.value, bool) for one in found):
        return any(said.text(word) for word in re.split(r"[_\W]+", name) if len(word) > 3)
    return any(one.source == "choice" and not said.shares_script(str(one.value)) for one in found)


def _grounded(path: str, value: Any, schema: Any, said: Said, *, is_required: bool) -> Iterator[Grounding]:
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, Mapping):
        properties, required = schema.get("properties", {}), schema.get("required", ())
        for name, inner in value.items():
            below = f"{path}.{name}" if path else name
            yield from _grounded(below, inner, properties.get(name), said, is_required=is_required and name in required)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _grounded(path, inner, schema.get("items"), said, is_required=is_required)
    else:
        yield Grounding(path, value, _source(value, schema, said), is_required)


def _source(value: Any, schema: Mapping[str, Any], said: Said) -> str:
    if isinstance(value, bool) or value is None:
        return "choice"
    is_number = isinstance(value, int | float)
    if found := said.number(Fraction(str(value))) if is_number else "request" * said.text(str(value)):
        return found
    if "default" in schema and schema["default"] == value:
        return "default"
    return "choice" if "enum" in schema or "const" in schema else ""


def unused_numbers(found: Sequence[Grounding], request: str) -> tuple[str, ...]:
    """Give the figures of a request that no value of its calls holds or comes from: a sign that a call is missing."""
    values = [Said(str(one.value)) for one in found]
    figures = dict.fromkeys(_NUMBER.findall(_OVERLONG.sub(" ", unicodedata.normalize("NFKC", request).casefold())))
    return tuple(figure for figure in figures if not any(_is_in(figure, value) for value in values))


def listed_numbers(figures: Sequence[str], request: str) -> tuple[str, ...]:
    """Give those figures that a request lists beside another, such as the 20 of "10 and 20 years": each wants its own call."""
    plain = _OVERLONG.sub(" ", unicodedata.normalize("NFKC", request).casefold())
    return tuple(
        figure
        for figure in figures[:MOST_LISTED]
        if re.search(rf"\d(?:\s*[^\W\d_]+){{0,2}}?{_BESIDE}{re.escape(figure)}(?![\w.]*\d)", plain)
        or re.search(rf"(?<![\d.,]){re.escape(figure)}(?:\s*[^\W\d_]+){{0,2}}?{_BESIDE}[-+$€£¥₩]?\d", plain)
    )


def _is_in(figure: str, value: Said) -> bool:
    return any(value.number(number) for number in Said(figure).numbers) or any(
        Said(figure).number(number) for number in value.numbers
    )


class Said:
    """What a request says, in words and in numbers."""

    def __init__(self, request: str) -> None:
        plain = unicodedata.normalize("NFKC", request).casefold()
        self._plain = plain
        self._joined = _joined(plain)
        self._words = tuple(dict.fromkeys(_WORD.findall(plain)))
        countable = _OVERLONG.sub(" ", plain)
        self.numbers = frozenset((*_numbers(countable, _WORD.findall(countable)), *_times(countable)))

    def number(self, value: Fraction) -> str:
        """Give `request` or `derived`, or nothing when no number of the request leads to the value."""
        if value in self.numbers or -value in self.numbers:
            return "request"
        found = any(abs(value) in (abs(number) * factor, abs(number) / factor) for number in self.numbers for factor in _FACTORS)
        return "derived" if found else ""

    def shares_script(self, text: str) -> bool:
        """Whether the request has words in the letters of a text: Latin ones, or any others."""
        return any(word.isascii() == text.isascii() and not word.isdecimal() for word in self._words)

    def text(self, value: str) -> bool:
        """Whether a text stands in the request, or at least half of its words do, in some form."""
        plain = unicodedata.normalize("NFKC", value).casefold()
        joined = _joined(plain)
        if not joined or joined in self._joined:
            return True
        words = _WORD.findall(plain)
        known = sum(self._has_word(word) for word in words)
        return bool(words) and 2 * known >= len(words)

    def _has_word(self, word: str) -> bool:
        if word.isdecimal():
            return len(word) <= _LONGEST_WORD and Fraction(word) in self.numbers
        return any(_is_form_of(word, said) for said in self._words)


def _joined(text: str) -> str:
    return "".join(_WORD.findall(text))


def _is_form_of(one: str, other: str) -> bool:
    """Whether two words are one word in two forms: equal, the one begins the other, or nearly spelled alike."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    least = 2 if not short.isascii() else 4
    if len(short) < least:
        return False
    if long.startswith(short[: max(least, len(short) - 1)]):
        return True
    is_near = len(short) > 3 and len(long) <= min(_LONGEST_WORD, 2 * len(short))
    return is_near and SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _numbers(plain: str, words: Sequence[str]) -> Iterator[Fraction]:
    for found in _NUMBER.findall(plain):
        whole, _, below = found.replace(",", "").partition("/")
        yield Fraction(whole)
        if below and int(below):
            yield Fraction(whole) / int(below)
    for number, scale in _SCALED.findall(plain):
        yield Fraction(number.replace(",", "")) * _SCALES[scale]
    for first, second in zip(words, [*words[1:], ""], strict=False):
        if (value := _said(first)) is None:
            continue
        yield value
        if second in _SCALES:
            yield value * _SCALES[second]
        elif (more := _said(second)) is not None and value >= 20 and more < 10:
            yield value + more


def _times(plain: str) -> Iterator[Fraction]:
    """Give what a time of the day may be written as: its hours by 24, and no minutes."""
    for hour in (int(found[1] or found[2]) for found in _TIME.finditer(plain) if int(found[1] or found[2]) <= 12):
        yield from (Fraction(hour % 12), Fraction(hour % 12 + 12))
        yield Fraction(0)


def _said(word: str) -> Fraction | None:
    if word in _ENGLISH:
        return Fraction(_ENGLISH[word])
    named = (value for name, value in _KOREAN.items() if word == name or (word.startswith(name) and len(name) > 1))
    value = next(named, None)
    return None if value is None else Fraction(value)
