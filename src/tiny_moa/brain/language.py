"""Which language a text is in, which one an answer is wanted in, and whether it came in that; asks no model.

Scripts decide first. Of the languages in Latin letters a statistical identifier tells, loaded when it is first needed; where it
is not installed or not sure, such a text counts as English.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from tiny_moa.experts.checks import Check

_SCRIPTS = {
    "ko": re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]"),
    "ja": re.compile(r"[ぁ-ヿ]"),
    "zh": re.compile(r"[一-鿿]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "latin": re.compile(r"[A-Za-zÀ-ɏ]"),
}
_LATIN = ("en", "fr", "de", "es")
_ENGLISH = re.compile(r"\b(?:the|what|is|are|how|why|who|when|where|of|and|you|your|please|with|tell|give|write|explain)\b", re.I)
_SURE = 0.9
_LEAST_LETTERS = 8
"""Of fewer letters nothing can be told."""
_LEAST_TOLD = 40
"""Of fewer letters an answer is not blamed."""
_CARRIED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\"[^\"\n]+\"|“[^”]+”|(?<!\w)'[^'\n]+'(?!\w)|「[^」]+」|https?://\S+", re.DOTALL
)
"""What a text carries along; it may be in any language."""


@cache
def _languages() -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(resources.files("tiny_moa.brain").joinpath("languages.json").read_text("utf-8"))
    return found


def language_name(code: str) -> str:
    """Give a language's English name; the code itself when it has none here."""
    return str(_languages()[code]["name"]) if code in _languages() else code


def language_of(text: str) -> str:
    """Tell the language of a text as ISO 639-1 code, quotes and code left out; English when nothing tells.

    May take a second the first time it sees a text in Latin letters that is not plainly English.
    """
    bare = _CARRIED.sub(" ", text)
    counts = {code: len(script.findall(bare)) for code, script in _SCRIPTS.items()}
    if counts["ko"] and counts["ko"] * 3 >= counts["latin"]:  # a syllable sign holds some three letters
        return "ko"
    if counts["ja"] and (counts["ja"] + counts["zh"]) * 3 >= counts["latin"]:
        return "ja"
    code = max(counts, key=lambda name: counts[name])
    if code != "latin":
        return code if counts[code] else "en"
    return _latin_language(bare) if counts["latin"] >= _LEAST_LETTERS else "en"


def _latin_language(text: str) -> str:
    if text.isascii() and _ENGLISH.search(text):
        return "en"
    identifier = _identifier()
    if identifier is None:
        return "en"
    code, probability = identifier.classify(text)
    return str(code) if probability >= _SURE else "en"


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        return None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LATIN)
    return identifier


@cache
def _demand() -> re.Pattern[str]:
    """A language that is asked for: `in Korean`, `into French`, `한국어로`; not one that is translated from."""
    named = "|".join(f"(?P<{code}>{'|'.join(map(re.escape, entry['called']))})" for code, entry in _languages().items())
    return re.compile(rf"\b(?:in|into|to)\s+(?:{named})\b|(?:{named.replace('(?P<', '(?P<k_')})로\s*", re.IGNORECASE)


def wanted_language(text: str) -> str | None:
    """Give the language that a request explicitly wants its answer in, the last one named; `None` when it names none."""
    found = None
    for match in _demand().finditer(_CARRIED.sub(" ", text)):
        found = next(name.removeprefix("k_") for name, value in match.groupdict().items() if value)
    return found


def without_demand(text: str) -> str:
    """Take the words that want a language out of a request, for the expert whose answer another one translates."""
    bare = _demand().sub("", text)
    return re.sub(r"[ \t]{2,}", " ", re.sub(r"\s+([?.!,:])", r"\1", bare)).strip()


def answer_language(question: str) -> str:
    """Give the language an answer should be in: the one asked for, else the question's."""
    return wanted_language(question) or language_of(question)


def check_language(text: str, code: str) -> Check | None:
    """Look whether an answer is in the language it should be; `None` when it is too short to tell, or is all code and numbers."""
    bare = _CARRIED.sub(" ", text)
    letters = sum(len(script.findall(bare)) for script in _SCRIPTS.values())
    if letters < (_LEAST_TOLD if code in _LATIN else 2):  # names and single words look like any language in Latin letters
        return None
    found = language_of(bare)
    detail = language_name(code) if found == code else f"it is in {language_name(found)}, not in {language_name(code)}"
    return Check("language", "script and statistics", found == code, detail)
