"""Reads a request for a translation: into which language, and of which text; pure but for its table of names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_MATERIAL = re.compile(r"<material>\n?(.*?)\n?</material>", re.DOTALL)
_ENGLISH_VERB = r"translat\w*|how (?:do|would|can) (?:you|i|we) say|how to say|what is the \w+ for|\bsay\b"
_VERB = rf"{_ENGLISH_VERB}|번역|옮겨|바꿔|통역|뭐라고|어떻게 말"
_POLITE = frozenset(("please", "부탁해", "부탁해요", "부탁드립니다"))
_SAYS_TRANSLATE = re.compile(_VERB, re.IGNORECASE)
_QUOTED = re.compile(r"```.*?```|“([^”]+)”|\"([^\"]+)\"|‘([^’]+)’|(?<!\w)'([^']+)'(?!\w)|「([^」]+)」", re.DOTALL)
_MOST_ORDER = 120
"""A first line longer than this is text, not an order to translate."""


@dataclass(frozen=True)
class Wanted:
    """What is to be translated.

    Attributes:
        target: The language's code; English or Korean when the request names none, whichever the text is not in.
        is_named: Whether the request names the language.
        text: The text, `None` when the request holds none apart from itself.
    """

    target: str
    is_named: bool
    text: str | None


@cache
def languages() -> Mapping[str, Mapping[str, object]]:
    """Give the table of languages by code: names in English and Korean, and the letters they are written with."""
    table: Mapping[str, Mapping[str, object]] = json.loads(
        resources.files("tiny_moa.experts.translate").joinpath("languages.json").read_text("utf-8")
    )
    return table


@cache
def _named_as(tongue: str) -> Mapping[str, str]:
    return {str(name).lower(): code for code, entry in languages().items() for name in _listed(entry[tongue])}


def _listed(names: object) -> list[object]:
    return list(names) if isinstance(names, list) else []


@cache
def _target_pattern() -> re.Pattern[str]:
    english, korean = "|".join(_named_as("english")), "|".join(_named_as("korean"))
    behind = rf"\b(?:in|into|to)\s+(?:the\s+)?({english})\b|\bthe ({english}) (?:for|of)\b"
    before = rf"({korean})\s*(?:으로|로)|({english})(?:으로|로)\b"
    return re.compile(f"{behind}|{before}", re.IGNORECASE)


def english_name(code: str) -> str:
    """Give a language's name in English."""
    return str(_listed(languages()[code]["english"])[0])


def read_request(request: str) -> Wanted:
    """Find the language and the text of a request.

    The text is the material of an earlier expert; else what follows the order behind a colon or a line's end, or stands
    before it; else what is quoted.
    """
    order, text = _parted(request)
    target = _target(order)
    if target is None:
        return Wanted("en" if _is_korean(text or request) else "ko", False, text)
    return Wanted(target, True, text)


def _parted(request: str) -> tuple[str, str | None]:
    if material := _MATERIAL.search(request):
        return request[: material.start()], material[1].strip() or None
    for order, text in (_first_colon(request), _first_line(request), _last_line(request)):
        if text.strip() and _is_order(order):
            return order, _unquoted(text)
    if _SAYS_TRANSLATE.search(request) and (quoted := _QUOTED.search(request)):
        text = next((group for group in quoted.groups() if group is not None), quoted[0])
        return request.replace(quoted[0], " ", 1), text
    return request, None


def _is_order(line: str) -> bool:
    """Whether a line asks for a translation: it says so, or names a language and says nothing else."""
    if len(line) > _MOST_ORDER:
        return False
    rest = _target_pattern().sub(" ", line)
    return bool(_SAYS_TRANSLATE.search(line)) or (rest != line and _POLITE.issuperset(re.findall(r"\w+", rest.lower())))


def _first_colon(request: str) -> tuple[str, str]:
    order, colon, text = request.partition(":")
    return (order, text) if colon and "\n" not in order and not text.startswith("//") else ("", "")


def _first_line(request: str) -> tuple[str, str]:
    order, _, text = request.strip().partition("\n")
    return order, text


def _last_line(request: str) -> tuple[str, str]:
    text, _, order = request.strip().rpartition("\n")
    return order, text


def _unquoted(text: str) -> str:
    text = text.strip()
    whole = _QUOTED.fullmatch(text)
    return next((group for group in whole.groups() if group is not None), text) if whole else text


def _target(order: str) -> str | None:
    found = None
    for match in _target_pattern().finditer(order):
        name = next(group for group in match.groups() if group).lower()
        found = _named_as("english").get(name) or _named_as("korean")[name]
    return found


def _is_korean(text: str) -> bool:
    hangul = len(re.findall(r"[가-힣]", text))
    return hangul > len(re.findall(r"[A-Za-z]", text))
