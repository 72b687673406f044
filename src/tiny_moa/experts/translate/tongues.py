"""Looks whether a text is in a language: by its letters, and where several languages share them by a trained detector."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tiny_moa.experts.checks import Check
from tiny_moa.experts.translate.masks import plain
from tiny_moa.experts.translate.wanted import english_name, languages

_LETTERS: Mapping[str, str] = {
    "hangul": r"[가-힣ㄱ-ㅎㅏ-ㅣ]", "kana": r"[ぁ-ヿ]", "han": r"[\u4e00-\u9fff]", "latin": r"[A-Za-zÀ-ɏḀ-ỿ]",
    "cyrillic": r"[Ѐ-ӿ]", "greek": r"[Ͱ-Ͽἀ-῿]", "arabic": r"[\u0600-\u06ff]", "hebrew": r"[\u0590-\u05ff]",
    "devanagari": r"[\u0900-\u097f]", "thai": r"[\u0e00-\u0e7f]",
}  # fmt: skip
_LEAST_SHARE = 0.4
"""How many of a text's letters must be the language's own; names and terms keep theirs. Japanese counts its Han letters too."""
_LEAST_LETTERS = 25
"""The detector is asked about longer texts only: it errs on a few words."""


def check_language(text: str, target: str) -> Check | None:
    """Look whether a translation, with its marks, is in the language; `None` when that cannot be told."""
    letters = re.findall(r"[^\W\d_]", plain(text))
    if not letters:
        return None
    script = str(languages()[target]["letters"])
    if not _has_letters("".join(letters), script):
        return Check("language", "letters", False, f"the text is not written as {english_name(target)} is")
    shared = [code for code, entry in languages().items() if entry["letters"] == script]
    if len(shared) == 1 or len(letters) < _LEAST_LETTERS:
        return Check("language", "letters", True, target) if len(shared) == 1 else None
    import py3langid

    found, _ = py3langid.classify(plain(text))
    detail = target if found == target else f"reads as {found!r}, not as {english_name(target)}"
    return Check("language", "py3langid", found == target, detail)


def _has_letters(letters: str, script: str) -> bool:
    own = len(re.findall(_LETTERS[script], letters))
    if script == "kana":
        return own > 0 and own + len(re.findall(_LETTERS["han"], letters)) >= _LEAST_SHARE * len(letters)
    if script == "han" and re.search(_LETTERS["kana"], letters):
        return False
    return own >= _LEAST_SHARE * len(letters)
