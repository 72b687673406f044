"""What a question shows on its face: files, quotes, code, languages, and the few sights that settle a route; pure.

A question is read in two parts: its words, in which names are replaced by what they are a name of, and what it carries along
(quotes, code, the text behind a colon), of which the words should not be taken for the request.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_SCRIPTS = {
    "hangul": re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣ]"),
    "kana": re.compile(r"[ぁ-ヿ]"),
    "han": re.compile(r"[一-鿿]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "latin": re.compile(r"[A-Za-zÀ-ɏ]"),
}
_LANGUAGE_OF_SCRIPT = {"hangul": "ko", "kana": "ja", "han": "zh", "arabic": "ar", "cyrillic": "xx"}


_SIGN = 3
"""How many Latin letters one sign of these scripts is worth."""
_LETTER_TELLS = 2
"""A letter that English does not have says as much as this many small words."""


@cache
def _lexicon() -> dict[str, Any]:
    text = resources.files("tiny_moa.brain").joinpath("lexicon.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@dataclass(frozen=True)
class Sight:
    """A question as the classifier sees it.

    Attributes:
        words: The request in lower case, with marks such as `<picture>`, `<quote:other>` or `<lang:own>` in place of names.
        carried: What the request carries along: quotes, code, the text behind the last colon; empty when there is none.
        language: The language it is written in, as ISO 639-1 code; `xx` for one not told apart.
        flags: Further things seen, such as `asks` for a question mark.
        topics: What its words are about, as sections of the lexicon, in the order of their first word.
    """

    words: str
    carried: str
    language: str
    flags: frozenset[str]
    topics: tuple[str, ...]


def look(question: str) -> Sight:
    """See a question: pure, and of any text whatever."""
    text = unicodedata.normalize("NFC", question).strip()
    carried: list[str] = []
    bare = _FENCE.sub(lambda m: _carry(carried, m[0], " <fence> "), text)
    language = language_of(_QUOTE.sub(" ", bare))
    bare = _mask_files(bare)
    bare = _QUOTE.sub(lambda m: _carry(carried, m[0][1:-1], f" <quote:{_kind_of(m[0][1:-1], language)}> "), bare)
    bare = _split_tail(bare, carried, language)
    bare = _mask_code(bare, carried)
    words = _mask_names(bare.lower(), language)
    words = " ".join(words.split())
    topics = tuple(dict.fromkeys(match.lastgroup or "" for match in _topic_matches(words)))
    return Sight(words, "\n".join(carried).lower(), language, frozenset(_flags(text, words)), topics)


def language_of(text: str) -> str:
    """Tell the language of a text by its script, and in Latin letters by small words and letters; English when nothing tells."""
    counts = {script: len(pattern.findall(text)) for script, pattern in _SCRIPTS.items()}
    if counts["hangul"] * _SIGN >= counts["latin"] and counts["hangul"]:
        return "ko"
    if counts["kana"] and (counts["kana"] + counts["han"]) * _SIGN >= counts["latin"]:
        return "ja"
    script = max(counts, key=lambda name: counts[name] * (_SIGN if name == "han" else 1))
    if script != "latin":
        return _LANGUAGE_OF_SCRIPT[script] if counts[script] else "en"
    words = set(re.findall(r"[^\W\d]+", text.lower()))
    scores = {code: len(words & set(small)) for code, small in _lexicon()["stopwords"].items()}
    for code, letters in _lexicon()["letters"].items():
        scores[code] += _LETTER_TELLS * any(letter in letters for letter in text.lower())
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] >= 2 else "en"


# -- marks ------------------------------------------------------------------------------------------------------------

_FENCE = re.compile(r"```.*?(?:```|\Z)|(?<!`)`[^`\n]{2,}`(?!`)", re.DOTALL)
_QUOTE = re.compile(
    r"(?<![\w])'(?=[^\s'])[^'\n]{1,400}(?:(?<=\w)'(?=[a-z]{1,2}\b)[^'\n]{1,400})*'(?![A-Za-z])|\"[^\"\n]{1,400}\"|“[^”]{1,400}”|‘[^’]{1,400}’|「[^」]{1,400}」|『[^』]{1,400}』|«[^»]{1,400}»"
)
_TAIL = re.compile(r"\s?[:\uff1a]\s+(?=\S)|\uff1a(?=\S)")
_CODE = re.compile(
    r"[{};]\s*$|=>|\bdef \w+\(|\bclass \w+[:({]|\bfunction\s*\w*\(|\b\w+\([^)가-힣]*\)\s*[;{]|\bimport \w+|#include|"
    r"\bfor \w+ in \w+|\b(?:SELECT\b.+\bFROM|INSERT INTO|UPDATE \w+ SET|CREATE TABLE)\b|\w+\s*[!=]=\s*\w|\+=|&&|\|\||"
    r"</\w+>|<\w+[^<>]*/>|\bstd::|->|\b(?:int|char|float|let|const|var|public|void)\s+\*?\w+\s*[=;(\[]|\bprintf?\(|console\.log",
    re.MULTILINE,
)
_URL = re.compile(r"https?://\S+|www\.\S+")
_DOC = re.compile(r"\bdoc://\S+|\bfile://\S+")
_PATH = re.compile(r"(?<![\w<:/])(?:~|\.{1,2})?/[\w.@~*+-][\w./@~*+-]*")
_NUMBER = re.compile(r"\d[\d,.]*")
_MATHS = re.compile(
    r"\d\s*[-+*/^×÷=]\s*\(?[\dxyn]|[a-z]\s*\^\s*\d|[a-z]\([a-z]\)\s*=|[∫∑√≤≥π]|\\frac|\b\d+!|x\s*[-+]\s*\d|\d[xyn]\b"
)


def _carry(carried: list[str], text: str, mark: str) -> str:
    carried.append(text)
    return mark


@cache
def _file_pattern() -> re.Pattern[str]:
    kinds = "|".join(f"(?P<{kind}>{endings})" for kind, endings in _lexicon()["files"].items())
    return re.compile(rf"(?:[\w가-힣()@~*+-][\w가-힣().@~*/+-]*)?[\w가-힣)*~]?\.(?:{kinds})(?![A-Za-z0-9_])", re.IGNORECASE)


def _mask_files(text: str) -> str:
    text = _DOC.sub(" <page> ", text)
    text = _URL.sub(" <url> ", text)
    text = _file_pattern().sub(lambda m: f" <{m.lastgroup}> ", text)
    return _PATH.sub(" <path> ", text)


def _kind_of(text: str, language: str) -> str:
    """What a carried text is beside the question's language: its own, other, or code."""
    if _CODE.search(text):
        return "code"
    if not any(pattern.search(text) for pattern in _SCRIPTS.values()):
        return "signs"
    return "own" if language_of(text) == language else "other"


def _split_tail(text: str, carried: list[str], language: str) -> str:
    """Cut off what stands behind the first colon, if it is text to work on."""
    match = _TAIL.search(text)
    if match is None or match.start() < 3:
        return text
    tail = text[match.end() :]
    if not tail.strip() or (tail.strip().startswith("<") and len(tail.split()) < 2):
        return text
    carried.append(tail)
    return f"{text[: match.start()]} <tail:{_kind_of(tail, language)}> "


def _mask_code(text: str, carried: list[str]) -> str:
    """Mark code that stands in the open."""
    if (match := _CODE.search(text)) is None:
        return text
    carried.append(text[match.start() :])
    return f"{text} <code>"


@cache
def _name_pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    marks = {name: code for code, names in _lexicon()["languages"].items() for name in names}
    marks |= {name: kind for kind, names in _lexicon()["kinds"].items() for name in names}
    latin = sorted((re.escape(n) for n in marks if n.isascii()), key=len, reverse=True)
    others = sorted((re.escape(n) for n in marks if not n.isascii()), key=len, reverse=True)
    return re.compile(rf"(?<![a-z<:/])(?:{'|'.join(latin)})(?![a-z+#>])|(?:{'|'.join(others)})"), marks


def _mask_names(text: str, language: str) -> str:
    """Put marks behind names of languages and of programs; the name of a language is replaced, others stay."""
    pattern, marks = _name_pattern()

    def mark(match: re.Match[str]) -> str:
        kind = marks[match[0]]
        if kind in _lexicon()["kinds"]:
            return f"{match[0]} <{kind}> "
        return f" <lang:{'own' if kind == language else 'other'}> "

    return _NUMBER.sub("0", pattern.sub(mark, text))


_WHOLE_SYLLABLES = 3
"""Names of fewer Korean syllables count at the beginning of a word only: too many words hold them by chance."""


def _is_spaceless(name: str) -> bool:
    """Whether a name is written in a script that puts endings or other words right behind it."""
    return any(_SCRIPTS[script].search(name) for script in ("hangul", "kana", "han"))


_MANY_BRANCHES = 3


def _any_of(names: Iterable[str]) -> str:
    """A pattern of any of some names: alternatives are slow, so beginnings are shared and the first letter is looked at first."""
    tails: dict[str, list[str]] = {}
    for name in names:
        tails.setdefault(name[:1], []).append(name[1:])
    branches = [re.escape(head) + (_any_of(rest) if any(rest) else "") for head, rest in tails.items() if head]
    heads = "".join(re.escape(head) for head in tails)
    guard = f"(?=[{heads}])" if len(branches) > _MANY_BRANCHES else ""
    return f"(?:{guard}(?:{'|'.join(branches)})){'?' if '' in tails else ''}"


@cache
def _topic_patterns() -> tuple[re.Pattern[str], ...]:
    """One pattern for each topic: a word may belong to several."""
    patterns = []
    for topic, names in _lexicon()["topics"].items():
        latin = [name for name in names if name.isascii() or not _is_spaceless(name)]
        short = [name for name in names if _is_spaceless(name) and len(name) < _WHOLE_SYLLABLES]
        longer = [name for name in names if _is_spaceless(name) and len(name) >= _WHOLE_SYLLABLES]
        kinds = [rf"(?<![\w<:]){_any_of(latin)}(?![^\W\d_가-힣]|>)" if latin else ""]
        kinds += [rf"(?<![가-힣]){_any_of(short)}" if short else "", _any_of(longer) if longer else ""]
        patterns.append(re.compile(rf"(?P<{topic}>{'|'.join(filter(None, kinds))})"))
    return tuple(patterns)


def _topic_matches(words: str) -> list[re.Match[str]]:
    found = [match for pattern in _topic_patterns() if (match := pattern.search(words))]
    return sorted(found, key=lambda match: match.start())


def _flags(text: str, words: str) -> Iterator[str]:
    yield from (f"mark:{mark}" for mark in set(re.findall(r"<[\w:]+>", words)))
    if text.rstrip().endswith(("?", "\uff1f", "\u061f")):
        yield "asks"
    if _MATHS.search(text):
        yield "maths"
    if _CODE.search(text):
        yield "code"
    if "\n" in text:
        yield "lines"
    numbers = len(_NUMBER.findall(text))
    yield f"numbers:{min(numbers, 3)}"
    yield f"length:{min(len(text) // 40, 6)}"
    scripts = [script for script, pattern in _SCRIPTS.items() if pattern.search(text)]
    yield "scripts:" + "+".join(scripts)
    if len(set(re.findall(r"<lang:\w+>", words))) > 1 or words.count("<lang:") > 1:
        yield "languages"


# -- sights that settle a route -----------------------------------------------------------------------------------------

_ARITHMETIC = re.compile(r"[\s\d+*/^().,%=?×÷-]*\d\s*[-+*/^×÷]\s*\(?-?\d[\s\d+*/^().,%=?×÷-]*")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d+-\d+-\d+")
_PROMPT_LINE = re.compile(r"(?:[\w.-]+@[\w.-]+:[^\s$#]*)?[$#] ?(?=[a-z./~])\S.*")
_BARE_FILE = re.compile(r"\s*<(picture|page|sound|film)>\s*[.!]?\s*")


def certain(question: str) -> tuple[tuple[str, ...], str] | None:
    """Give the labels of a question that is nothing but one clear thing, and what it is.

    Returns:
        The labels in order and the reason, or `None` when words have to be weighed.
    """
    for labels, reason, holds in _CERTAIN:
        if holds(question.strip()):
            return labels, reason
    return None


def _is_arithmetic(text: str) -> bool:
    return len(text) < 400 and _ARITHMETIC.fullmatch(text) is not None and _DATE.fullmatch(text) is None


def _is_shell_prompt(text: str) -> bool:
    return "\n" not in text and _PROMPT_LINE.fullmatch(text) is not None


def _is_code_alone(text: str) -> bool:
    return text.startswith("```") and not _SHELL_FENCE.match(text) and not _FENCE.sub("", text).strip() and len(text) > 6


def _is_shell_alone(text: str) -> bool:
    return _SHELL_FENCE.match(text) is not None and not _FENCE.sub("", text).strip()


_SHELL_FENCE = re.compile(r"```(?:sh|bash|zsh|shell|console)\b")


def _is_tool_list(text: str) -> bool:
    """Whether tools are offered in the form of JSON Schemas, beside a request."""
    return len(re.findall(r'"name"\s*:', text)) >= 1 and bool(re.search(r'"(?:parameters|input_?[sS]chema)"\s*:\s*\{', text))


def _is_file(*kinds: str) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        match = _BARE_FILE.fullmatch(_mask_files(text)) if len(text) < 300 and "\n" not in text else None
        return match is not None and match[1] in kinds

    return holds


_CERTAIN: tuple[tuple[tuple[str, ...], str, Callable[[str], bool]], ...] = (
    (("REASONER",), "an arithmetic expression", _is_arithmetic),
    (("LINUX",), "a shell prompt", _is_shell_prompt),
    (("LINUX",), "a block of shell commands", _is_shell_alone),
    (("CODER",), "a block of code", _is_code_alone),
    (("TOOL_CALLER",), "a list of tools", _is_tool_list),
    (("OCR",), "a document or picture", _is_file("picture", "page")),
    (("AUDIO",), "a recording", _is_file("sound", "film")),
)
