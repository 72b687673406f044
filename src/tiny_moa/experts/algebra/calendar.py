"""The calendar and the clock in the worker: days between dates, days of the week, hours and minutes; each by two ways."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from tiny_moa.experts.algebra.operations import Declined, Exact

_ENGLISH = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_KOREAN = ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_GREGORIAN = "the Gregorian calendar, by two ways of counting"


def calendar(args: Mapping[str, Any]) -> Exact:
    """What is asked of dates or times: `what` names it."""
    is_korean = args.get("language") == "ko"
    answer, line = _WHAT[args["what"]](args, is_korean)
    how = "hours and minutes" if args["what"] == "duration" else _GREGORIAN
    return Exact(answer, (line,) if line else (), ((str(args["what"]).replace("_", " "), how),), "", (answer,))


def _date(parts: Any) -> date:
    try:
        return date(*(int(part) for part in parts))
    except ValueError as exc:
        raise Declined("there is no such date") from exc


def _written(day: date, is_korean: bool) -> str:
    if is_korean:
        return f"{day.year}년 {day.month}월 {day.day}일"
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def day_number(year: int, month: int, day: int) -> int:
    """Give a date's number by the March-based formula, independent of the library; day 1 is January 1 of year 1.

    Source: the civil-from-days algorithm that counts years from March, as in Howard Hinnant's "chrono-compatible low-level date
    algorithms".
    """
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 305


def _sure(day: date) -> date:
    if day_number(day.year, day.month, day.day) != day.toordinal():
        raise Declined("the two ways of counting differ")
    return day


def _between(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    first, last = _sure(_date(args["from"])), _sure(_date(args["to"]))
    if last < first:
        raise Declined("the second date lies before the first")
    days = (last - first).days
    line = f"{_written(first, is_korean)} + {days} = {_written(last, is_korean)}"
    return (f"{days}일" if is_korean else f"{days} day{'s' * (days != 1)}"), line


def _shifted(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    first, days = _sure(_date(args["from"])), int(args["days"])
    try:
        last = _sure(first + timedelta(days=days))
    except OverflowError as exc:
        raise Declined("a date beyond the calendar") from exc
    return _written(last, is_korean), f"{_written(first, is_korean)} {'+' if days >= 0 else '-'} {abs(days)}"


def _name(at: int, is_korean: bool) -> str:
    return (_KOREAN if is_korean else _ENGLISH)[at % 7]


def _weekday(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    day = _sure(_date(args["from"]))
    return _name(day.weekday(), is_korean), _written(day, is_korean)


def _weekday_after(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    at, days = int(args["at"]), int(args["days"])
    return _name(at + days, is_korean), f"{abs(days)} = 7 * {abs(days) // 7} + {abs(days) % 7}"


def _leap(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    is_leap = isleap(int(args["year"]))
    yes, no = ("예", "아니요") if is_korean else ("yes", "no")
    return (yes if is_leap else no), ""


def _month_days(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    days = monthrange(int(args["year"]), int(args["month"]))[1]
    return (f"{days}일" if is_korean else str(days)), ""


def _year_days(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    days = 366 if isleap(int(args["year"])) else 365
    return (f"{days}일" if is_korean else str(days)), ""


def _duration(args: Mapping[str, Any], is_korean: bool) -> tuple[str, str]:
    hours, minutes = divmod(int(args["minutes"]), 60)
    if args.get("in_minutes"):
        return (f"{args['minutes']}분" if is_korean else f"{args['minutes']} minutes"), ""
    units = ("시간", "분") if is_korean else (f" hour{'s' * (hours != 1)}", f" minute{'s' * (minutes != 1)}")
    written = [f"{amount}{unit}" for amount, unit in zip((hours, minutes), units, strict=True) if amount]
    return " ".join(written), ""


_WHAT: Mapping[str, Callable[[Mapping[str, Any], bool], tuple[str, str]]] = {
    "between": _between, "shifted": _shifted, "weekday": _weekday, "weekday_after": _weekday_after, "leap": _leap,
    "month_days": _month_days, "year_days": _year_days, "duration": _duration,
}  # fmt: skip
