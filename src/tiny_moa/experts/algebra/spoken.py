"""Numbers said in words, English and Korean, as digits: "one hundred twenty", "백이십삼", "서른둘", "5분의 3"; pure.

Only words that are a whole number by themselves are replaced. What is no number stays, so that it is refused later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_SMALL: Final = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19,
}  # fmt: skip
_TENS: Final = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES: Final = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_NUMBER_WORD: Final = "|".join((*_SMALL, *_TENS, "hundred", *_SCALES))
_ENGLISH: Final = re.compile(
    rf"\b(?:{_NUMBER_WORD})(?:(?:\s+|-)(?:and\s+(?=(?:{_NUMBER_WORD})\b))?(?:{_NUMBER_WORD}))*\b", re.IGNORECASE
)
_PARTS: Final = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10,
}  # fmt: skip
_PART: Final = re.compile(
    r"\b(?:(?P<one>an?|one|1)\s+(?P<part>half|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth)"
    r"|(?P<many>\d|two|three|four|five|six|seven|eight|nine)[\s-]+"
    r"(?P<parts>halve|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth)s)(?=\s+(?:of\b|plus|minus|times|divided|multiplied|and\b)|\s*$)",
    re.IGNORECASE,
)
_JOINING: Final = re.compile(r"\b(?:sum|product|difference|average|mean|gcd|lcm|between|divisor|multiple)\b", re.IGNORECASE)

_DIGITS: Final = dict(zip("일이삼사오육칠팔구", range(1, 10), strict=True))
_PLACES: Final = {"십": 10, "백": 100, "천": 1_000}
_MYRIADS: Final = {"만": 10**4, "억": 10**8}
_NATIVE_TENS: Final = dict(
    zip(("열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"), range(10, 100, 10), strict=True)
)
_NATIVE: Final = dict(
    zip(("하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉"), range(1, 10), strict=True), 한=1, 두=2, 세=3, 네=4
)
_KOREAN: Final = re.compile(
    rf"(?<![가-힣A-Za-z\d.])(?=[가-힣])(?P<number>(?:{'|'.join(_NATIVE_TENS)})?(?:{'|'.join(_NATIVE)})?|[일이삼사오육칠팔구십백천만억]+)"
    r"(?=[은는이가을를의에과와]?(?:\s|$)|에서|으로|분의|[?.,])"
)
_BASE: Final = re.compile(r"(?<![가-힣])([이삼사오육칠팔구십]+)(?=진(?:수|법))")
_SPEED: Final = re.compile(r"(초속|분속|시속)\s*(\d[\d.,]*|몇)\s*(km|m|킬로미터|미터)(?![A-Za-z/])")
_PER: Final = {"초속": "s", "분속": "min", "시속": "h"}
_METRES: Final = {"km": "km", "m": "m", "킬로미터": "km", "미터": "m"}
_OVER: Final = re.compile(r"(?<![\w.])(\d+)\s*분의\s*(\d+)(?![\d.])")
_MIXED: Final = re.compile(r"(?<![\w./])(\d+)\s*[와과]\s*(\d+/\d+|\(\d+/\d+\))")
_KOREAN_SIGN: Final = re.compile(r"더하기|빼기|곱하기|나누기|\s[-+*/×÷]\s")


def in_digits(text: str) -> Iterator[str]:
    """Give a text with its number words as digits, then with Korean mixed numbers joined too, where that changes it.

    `2와 1/3` is a mixed number only beside a sign: "2와 1/3 더하기 1"; elsewhere it is a list of two.
    """
    plain = _korean(_english(_PART.sub(_part, text)))
    if plain != text:
        yield plain
    if _KOREAN_SIGN.search(plain) and (joined := _MIXED.sub(r"(\1 + \2)", plain)) != plain:
        yield joined


def _part(found: re.Match[str]) -> str:
    if found["one"]:
        return f"1/{_PARTS[found['part'].lower()]}"
    many = found["many"].lower()
    return f"{_SMALL.get(many, many)}/{_PARTS[found['parts'].lower().replace('halve', 'half')]}"


def _english(text: str) -> str:
    joins = _JOINING.search(text) is not None

    def written(found: re.Match[str]) -> str:
        words = re.split(r"[\s-]+", found[0].lower())
        before = {words[at - 1] for at, word in enumerate(words) if word == "and"}
        if before - {"hundred", *_SCALES} or (before and joins):  # "the sum of one hundred and five" is one number or two
            return found[0]
        value = _english_value([word for word in words if word != "and"])
        return found[0] if value is None else str(value)

    return _ENGLISH.sub(written, text)


def _english_value(words: list[str]) -> int | None:
    """The number of words such as `two thousand three hundred five`; `None` when they are several numbers side by side."""
    total, last_scale = 0, 10**12
    group: list[str] = []
    for word in (*words, ""):
        if word and word not in _SCALES:
            group.append(word)
            continue
        value = _below_thousand(group)
        scale = _SCALES.get(word, 1)
        if value is None or scale >= last_scale or (value == 0 and len(words) > 1 and (word or group)):
            return None
        total, last_scale, group = total + value * scale, scale, []
        if word == words[-1] and word in _SCALES:
            break
    return total


def _below_thousand(words: list[str]) -> int | None:
    if not words:
        return None
    value, rest = 0, list(words)
    if len(rest) > 1 and rest[1] == "hundred" and 1 <= _SMALL.get(rest[0], 0) <= 99:
        value, rest = 100 * _SMALL[rest[0]], rest[2:]
    if rest and rest[0] in _TENS:
        value, rest = value + _TENS[rest[0]], rest[1:]
        if rest and 1 <= _SMALL.get(rest[0], 0) <= 9:
            value, rest = value + _SMALL[rest[0]], rest[1:]
    elif rest and rest[0] in _SMALL:
        value, rest = value + _SMALL[rest[0]], rest[1:]
    return None if rest else value


def _korean(text: str) -> str:
    text = _SPEED.sub(lambda found: f"{found[2]} {_METRES[found[3]]}/{_PER[found[1]]}", text)
    text = _BASE.sub(lambda found: str(korean_number(found[1])), text)

    def written(found: re.Match[str]) -> str:
        value = korean_number(found["number"])
        return found[0] if value is None else str(value)

    return _OVER.sub(r"(\2/\1)", _KOREAN.sub(written, text))


def korean_number(word: str) -> int | None:
    """Give the number of a Korean word, Sino-Korean or native; `None` when it is no well-formed number."""
    for tens, value in (("", 0), *_NATIVE_TENS.items()):
        rest = word.removeprefix(tens) if word.startswith(tens) else None
        if rest is not None and (rest in _NATIVE or (tens and not rest)):
            return value + _NATIVE.get(rest, 0)
    total, last = 0, 10**12
    for group, myriad in re.findall(r"([일이삼사오육칠팔구십백천]*)([만억]|$)", word):
        if not group and not myriad:
            continue
        below, scale = _below_myriad(group) if group else 1, _MYRIADS.get(myriad, 1)
        if below is None or scale >= last:
            return None
        total, last = total + below * scale, scale
    return total or None


def _below_myriad(group: str) -> int | None:
    total, digit, last = 0, 0, 10_000
    for sign in group:
        if sign in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[sign]
        else:
            if _PLACES[sign] >= last:
                return None
            last = _PLACES[sign]
            total, digit = total + (digit or 1) * last, 0
    return total + digit
