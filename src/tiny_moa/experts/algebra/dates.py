"""Questions of the calendar and the clock, English and Korean, as plain numbers; pure.

A date needs its year, an hour its half of the day where that matters. `03/05/2024`, an end before its start and years before
the Gregorian calendar are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tiny_moa.experts.algebra.notation import NotNotation
from tiny_moa.experts.algebra.question import Question

Parts = Mapping[str, str]
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KOREAN_WEEKDAYS: Final = "월화수목금토일"
_MONTH: Final = "|".join(f"{name[:3]}(?:{name[3:]})?" if name[3:] else name for name in _MONTHS)
_DAY: Final = r"\d{1,2}(?:st|nd|rd|th)?"
DATE: Final = rf"(?:(?:{_MONTH})\.? {_DAY},? \d{{4}}|{_DAY}(?: of)? (?:{_MONTH})\.?,? \d{{4}}|\d{{4}}-\d\d-\d\d)"
"""A pattern for a date with its year in English."""
KOREAN_DATE: Final = r"(?:\d{4}년 ?\d{1,2}월 ?\d{1,2}일|\d{4}-\d\d-\d\d|\d{4}\. ?\d{1,2}\. ?\d{1,2}\.?)"
WEEKDAY: Final = "|".join(_WEEKDAYS)
MONTH: Final = _MONTH
CLOCK: Final = r"(?:\d{1,2}:\d\d ?(?:[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?|noon|midnight)"
"""A pattern for a time of the day in English."""
KOREAN_CLOCK: Final = r"(?:(?:오전|오후) ?)?\d{1,2}시(?: ?\d{1,2}분| ?반)?"
_CLOCK_PARTS: Final = re.compile(
    r"(?:(?P<half>오전|오후) ?)?(?P<h>\d{1,2})(?:시|:(?P<m>\d\d))? ?(?:(?P<minutes>\d{1,2})분|(?P<thirty>반))?"
    r"(?P<ap>[ap])?\.?(?:m\.?)?",
    re.IGNORECASE,
)
_FIRST_YEAR: Final = 1583
"""The first whole year of the Gregorian calendar."""
_HALF_DAY: Final = 12 * 60


def date_of(text: str) -> list[int]:
    """Read a date into year, month and day.

    Raises:
        NotNotation: It lies before the Gregorian calendar, or there is no such month.
    """
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    if word := re.search(_MONTH, text, re.IGNORECASE):
        month = next(k for k, name in enumerate(_MONTHS, start=1) if name.startswith(word[0].lower()[:3]))
        day, year = numbers
        numbers = [year, month, day]
    year, month, day = numbers
    if not (_FIRST_YEAR <= year <= 9000 and 1 <= month <= 12 and 1 <= day <= 31):
        raise NotNotation("a date that is not computed")
    return [year, month, day]


def between(parts: Parts) -> Question:
    """The days from one date to another."""
    return Question("calendar", {"what": "between", "from": date_of(parts["since"]), "to": date_of(parts["until"]), **_in(parts)})


def shifted(parts: Parts) -> Question:
    """The date so many days or weeks after or before another."""
    days = int(parts["n"].replace(",", "")) * (7 if parts["unit"].lower() in ("week", "weeks", "주") else 1)
    if days > 1_000_000:
        raise NotNotation("too many days")
    if parts["way"].lower() in ("before", "전", "earlier"):
        days = -days
    return Question("calendar", {"what": "shifted", "from": date_of(parts["since"]), "days": days, **_in(parts)})


def weekday(parts: Parts) -> Question:
    """The day of the week of a date."""
    return Question("calendar", {"what": "weekday", "from": date_of(parts["since"]), **_in(parts)})


def weekday_after(parts: Parts) -> Question:
    """The day of the week so many days after or before another."""
    name = parts["day"].lower()
    at = _KOREAN_WEEKDAYS.index(name) if name in _KOREAN_WEEKDAYS else _WEEKDAYS.index(name)
    days = int(parts["n"].replace(",", ""))
    days = -days if (parts.get("way") or "").lower() in ("before", "ago", "전") else days
    return Question("calendar", {"what": "weekday_after", "at": at, "days": days, **_in(parts)})


def leap(parts: Parts) -> Question:
    """Whether a year is a leap year."""
    if int(parts["y"]) < _FIRST_YEAR:
        raise NotNotation("a year before the calendar")
    return Question("calendar", {"what": "leap", "year": int(parts["y"]), **_in(parts)})


def month_days(parts: Parts) -> Question:
    """How many days a month of a year has, or a year."""
    year, month = int(parts["y"]), parts.get("month") or ""
    if year < _FIRST_YEAR:
        raise NotNotation("a year before the calendar")
    if not month:
        return Question("calendar", {"what": "year_days", "year": year, **_in(parts)})
    _, number, _ = date_of(f"{month} 1, {year}" if not month.isdigit() else f"{year} {month} 1")
    return Question("calendar", {"what": "month_days", "year": year, "month": number, **_in(parts)})


def duration(parts: Parts) -> Question:
    """The hours and minutes from one time of a day to a later one of that day."""
    (start, is_sure), (end, is_sure_too) = _minutes(parts["start"]), _minutes(parts["end"])
    if is_sure != is_sure_too or end <= start:
        raise NotNotation("times that may lie in two halves of the day")
    return Question("calendar", {"what": "duration", "minutes": end - start, "in_minutes": bool(parts.get("mins")), **_in(parts)})


def _minutes(text: str) -> tuple[int, bool]:
    """Minutes since midnight, and whether the half of the day is told."""
    if text.lower() in ("noon", "midnight"):
        return (_HALF_DAY, True) if text.lower() == "noon" else (0, True)
    found = _CLOCK_PARTS.fullmatch(text.strip())
    if not found:
        raise NotNotation("no time of the day")
    hours = int(found["h"])
    minutes = 30 if found["thirty"] else int(found["m"] or found["minutes"] or 0)
    half = {"오전": "a", "오후": "p"}.get(found["half"] or "", (found["ap"] or "").lower())
    if minutes > 59 or hours > 24 or (half and not 1 <= hours <= 12):
        raise NotNotation("no time of the day")
    if half:
        return hours % 12 * 60 + minutes + (_HALF_DAY if half == "p" else 0), True
    return hours * 60 + minutes, False


def _in(parts: Parts) -> dict[str, str]:
    return {"language": "ko" if any(re.search("[가-힣]", text) for text in parts.values()) or parts.get("ko") else "en"}
