"""Turns the wording of a question into a `Question`, when all of it is understood; pure, runs and evaluates nothing.

A wording must match whole and each part of it must be notation, so a word too many means that it is not a closed form.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from tiny_moa.experts.algebra.english import ENGLISH
from tiny_moa.experts.algebra.forms import Builder
from tiny_moa.experts.algebra.korean import KOREAN
from tiny_moa.experts.algebra.notation import NotNotation
from tiny_moa.experts.algebra.question import Question
from tiny_moa.experts.algebra.spoken import in_digits
from tiny_moa.experts.algebra.told import TOLD, TOLD_KOREAN
from tiny_moa.experts.algebra.wording import split_places, strip_particle, strip_words

MAX_CHARS: Final = 500
"""A longer question is a story."""
_HANGUL: Final = re.compile(r"[가-힣]")
_ENDING: Final = re.compile(r"(?<=[가-힣])[을를은는이가]$")
_AS_FRACTION: Final = re.compile(r"\b(?:as|to|into) an? (?:\w+ )?fraction|분수로\s", re.IGNORECASE)


def read_question(text: str) -> Question | None:
    """Read a question in English or Korean.

    Returns:
        What is asked, or `None` when any part of it is not understood, or can be understood in two ways.
    """
    if len(text) > MAX_CHARS:
        return None
    plain, places = split_places(strip_words(text))
    plain = strip_words(plain)
    if not plain:
        return None
    for version in (plain, *in_digits(plain)):
        if question := _understood(version):
            return _rounded(_as_fraction(question, text), places)
    return None


def _as_fraction(question: Question, text: str) -> Question:
    """Have a number written as a fraction where the question names that form."""
    wants = question.op in ("value", "simplify") and _AS_FRACTION.search(text)
    return replace(question, args={**question.args, "fraction": True}) if wants else question


def _understood(plain: str) -> Question | None:
    for pattern, build in _wordings(bool(_HANGUL.search(plain))):
        for candidate in dict.fromkeys((plain, _ENDING.sub("", plain), strip_particle(plain))):
            if (found := pattern.fullmatch(candidate)) and (question := _built(build, found)):
                return question
    return None


def _built(build: Builder, found: re.Match[str]) -> Question | None:
    parts: dict[str, str] = {}
    for name, text in found.groupdict().items():
        plain = name.rstrip("0123456789")
        if text is not None and not parts.get(plain):
            parts[plain] = text.strip()
    try:
        return build(parts)
    except (NotNotation, KeyError, ValueError):
        return None


def _rounded(question: Question, places: int | None) -> Question | None:
    if places is None:
        return question
    if question.op not in ("value", "statistics") or question.args.get("of") == "mode":
        return None
    return replace(question, args={**question.args, "places": places})


@lru_cache(maxsize=2)
def _wordings(is_korean: bool) -> tuple[tuple[re.Pattern[str], Builder], ...]:
    table = (*KOREAN, *ENGLISH, *TOLD_KOREAN) if is_korean else (*ENGLISH, *TOLD)
    return tuple((re.compile(pattern, re.IGNORECASE), build) for pattern, build in table)
