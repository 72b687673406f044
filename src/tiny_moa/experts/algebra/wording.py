"""The words around mathematics, in English and Korean: what may be dropped, and words that mean a sign; pure.

Only words that change nothing are dropped. What is left must be a form the reader knows, whole.
"""

from __future__ import annotations

import re
from typing import Final

from tiny_moa.experts.algebra.notation import Node, NotNotation, read_expression

_MATH_MARKS: Final = re.compile(r"\\\(|\\\)|\\\[|\\\]|\$\$|(?<!\\)\$")
_POPULATION: Final = re.compile(r"\(\s*(?:모집단|모분산|모표준\s*편차|(?:as a |of the )?population)\s*\)")
"""Statistics are the population's unless the sample's are asked for, so these change nothing."""
_LEADING: Final = re.compile(
    r"^(?:(?:please|kindly|hi|hello|hey|ok|so|can you|could you|would you|will you|help me(?: to)?|i need(?: you)?(?: to know)?|"
    r"i want(?: you)?(?: to know)?|i'd like(?: you)? to|tell me|show me|give me|let me know|find(?: out)?|get|what(?:'s|s| is| are| was)|"
    r"how much (?:is|are)|what (?:do you|do i|will i|does one) get (?:when|if) (?:you|i|one)|calculate|compute|evaluate|determine|work out|figure out|"
    r"the (?:exact |numerical |numeric )?(?:value|result|answer) (?:of|to)|question|problem|q|"
    r"다음(?:의|을|를)?(?: 식(?:의|을|를)?)?|다음 중)\b[\s,:]*)+",
    re.IGNORECASE,
)
_TRAILING: Final = re.compile(
    r"(?:[\s,]*(?:please|for me|exactly|thanks|thank you|step by step|show your work|and show (?:your|the) (?:work|steps)|"
    r"equals?(?: to)?(?: what)?|is(?: what| equal to)?|as a (?:simplified |common )?fraction)|\s*=\s*\?*|\s*(?:[?.。？]+|(?<![\d)\w])!+))$",
    re.IGNORECASE,
)
_TRAILING_KO: Final = re.compile(
    r"(?:[\s,]*(?:계산|구|알려|말|답|풀이|설명|(?<![가-힣])값을 구|결과를 구)\s*(?:해\s*줘(?:요)?|해\s*주세요|해\s*주십시오|하여라|해라|하시오|하세요|하라|해|줘(?:요)?|"
    r"주세요|해 줄래|해줄래|할래|하면)|[\s,]*얼마(?:야|예요|에요|인가요|입니까|인가|이니|니|지|죠|일까요|일까|인지)?|"
    r"[\s,]*(?:뭐|무엇)(?:야|예요|에요|인가요|입니까|인가|이니|니|지|죠|일까요|일까|인지|이야)?|[\s,]*뭔가요|[\s,]*뭐지|"
    r"[\s,]*몇(?:이야|이에요|인가요|입니까|인가|이니|이지|이죠|일까요|일까)|\s*은\s*$|\s*는\s*$|\s*=\s*\?*|"
    r"(?<=[해개분리환히약])\s*(?:해\s*줘(?:요)?|해\s*주세요|해\s*주십시오|하시오|하세요|하십시오|하여라|해라|해\s*봐))$"
)
_PARTICLE: Final = re.compile(r"\s*(?:의\s*)?(?:값|결과|정답|답)?\s*[을를은는이가]?$")
_PLACES: Final = re.compile(
    r"[\s,(]*(?:(?:rounded|round|correct|accurate)?\s*to (?:the nearest )?(?P<n>\d|one|two|three|four|five|six) (?:decimal places?|decimals?|d\.?p\.?)"
    r"|(?:rounded |round )?to the nearest (?P<word>integer|whole number|tenth|hundredth|thousandth))\)?$",
    re.IGNORECASE,
)
_NAMES: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NEAREST: Final = {"integer": 0, "whole number": 0, "tenth": 1, "hundredth": 2, "thousandth": 3}
_ORDINALS: Final = {
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
}
_SIGN_WORDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), sign)
    for pattern, sign in (
        (r"\bto the power of\b|\bto the power\b|\braised to the(?: power of)?\b|\braised to\b", "^"),
        (r"\b(?:multiplied by|times)\b|(?<=[\d)])\s+x\s+(?=[\d(])", " * "),
        (r"\bdivided by\b", " / "),
        (r"(?<=[\w)])\s*\bplus\b", " + "),
        (r"\bminus\b|\bnegative (?=\d)", " - "),
        (r"(?<=\d)\s+factorial\b", "!"),
        (r"\s*\bsquared\b", "^2"),
        (r"\s*\bcubed\b", "^3"),
        (r"\bthe square root of\b|\bsquare root of\b|\bsquare root\b", " sqrt "),
        (r"\bthe cube root of\b|\bcube root of\b", " cbrt "),
        (r"\bthe absolute value of\b|\babsolute value of\b", " abs "),
        (r"(?<=\d)\s*degrees?\b|(?<=\d)\s*도(?![가-힣])", "°"),
        (r"\bpercent\b|\bper cent\b|퍼센트|프로(?![가-힣])", "%"),
        (r"(?:의)?\s*(?:네제곱)", "^4"),
        (r"(?:의)?\s*(?:세제곱)(?!근)", "^3"),
        (r"(?:의)?\s*(?<!\d)제곱(?!근)", "^2"),
        (r"의\s*(\d+)\s*(?:제곱|승)(?!근)", r"^\1"),
        (r"\s*더하기\s*", " + "),
        (r"\s*빼기\s*", " - "),
        (r"\s*곱하기\s*", " * "),
        (r"\s*나누기\s*", " / "),
        (r"\s*(?:팩토리얼|계승)", "!"),
        (r"루트\s*(?=[\d(])|제곱근\s*(?=[\d(])", " sqrt "),
    )
)
_OPEN_ROOT: Final = re.compile(
    r"(?:\broot of|\bvalue of|루트|(?<![의 ])\s제곱근|^제곱근)\s*[\d.]+\s*(?:[-+*/×÷]|plus|minus|times|multiplied|divided|더하기|빼기|곱하기|나누기)"
    r"(?!\s*(?:the )?(?:square |cube )?(?:root|루트|제곱근))",
    re.IGNORECASE,
)
_OPEN_SIGN: Final = re.compile(r"^(?:minus|negative)\s+[\d.]+\s*(?:squared|cubed|to the|raised)", re.IGNORECASE)
_LIST_WORDS: Final = re.compile(r"\s*(?:,\s*and\b|\band\b|,|;|와|과|그리고|하고)\s*", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")


def strip_words(text: str) -> str:
    """Drop politeness, "what is", "계산해 줘" and the like from both ends, and the marks around LaTeX."""
    text = " ".join(_POPULATION.sub(" ", _MATH_MARKS.sub(" ", text)).replace("’", "'").split())
    before = None
    while before != text:
        before = text
        text = _LEADING.sub("", text, count=1)
        text = _TRAILING_KO.sub("", _TRAILING.sub("", text)).strip(" ,:")
    return text


def strip_particle(text: str) -> str:
    """Drop a Korean particle, and "의 값", from the end."""
    return _PARTICLE.sub("", text).strip() if re.search(r"[가-힣]$", text) else text


def split_places(text: str) -> tuple[str, int | None]:
    """Part "to 2 decimal places" from the end of a question."""
    found = _PLACES.search(text)
    if found is None:
        return text, None
    if word := found["word"]:
        return text[: found.start()], _NEAREST[word.lower()]
    return text[: found.start()], int(_NAMES.get(found["n"].lower(), found["n"]))


def read_words(text: str) -> Node:
    """Read an expression in which signs may be words: "12 times 7", "3의 제곱 더하기 1".

    Raises:
        NotNotation: Anything else is left, or a root or a minus said in words may end before the next sign or behind it.
    """
    text = strip_particle(text.strip())
    if _OPEN_ROOT.search(text) or _OPEN_SIGN.search(text):
        raise NotNotation("a word that may reach over the next sign")
    text = re.sub(r"\bto the (\w+) power\b", lambda m: f"^{_ordinal(m[1])}", text, flags=re.IGNORECASE)
    for pattern, sign in _SIGN_WORDS:
        text = pattern.sub(sign, text)
    return read_expression(text.strip())


def _ordinal(word: str) -> int:
    """The number of `third`, `3rd`, `10th`."""
    if word.lower() in _ORDINALS:
        return _ORDINALS[word.lower()]
    digits = re.fullmatch(r"(\d+)(?:st|nd|rd|th)", word)
    if not digits:
        raise NotNotation(f"{word!r} is no ordinal")
    return int(digits[1])


def read_list(text: str) -> list[Node]:
    """Read "12, 18 and 24" and "12와 18" as expressions; a comma with a blank always parts, one without only when it must.

    Raises:
        NotNotation: It is no list of two or more, or its commas can be read in two ways.
    """
    text = re.sub(
        r"^(?:the )?(?:numbers?|list|data(?: set)?|set|values|following|데이터|자료|변량|수)?[\s:]*",
        "",
        text.strip(),
        flags=re.IGNORECASE,
    )
    text = re.sub(r"^[\[({]\s*(.*?)\s*[\])}]$", r"\1", text).strip()
    parts = [part for part in re.split(r"\s*(?:,\s+and\b|\band\b|,\s+|;|와|과|그리고|하고)\s*", text) if part]
    if len(parts) < 2 or (any("," in part for part in parts) and ", " not in text):
        if len(_THOUSANDS.findall(text)) and text.count(",") > 1:
            raise NotNotation("the commas of the list can be read in two ways")
        parts = [part for part in _LIST_WORDS.split(text) if part]
    if len(parts) < 2 or len(parts) > 200:
        raise NotNotation("a list has two parts or more")
    return [read_words(part) for part in parts]
