"""Averages and spreads, computed exactly and rounded once, as Python's own are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

StatisticsError = ValueError


def _ratio(value: Any) -> tuple[int, int]:
    """A number as a fraction, exactly; of floats every one is a whole number over a power of two."""
    if isinstance(value, int):
        return int(value), 1
    if not isinstance(value, float) or value != value or value in (math.inf, -math.inf):
        raise NotImplementedError("monty has no exact fraction of such a number")
    below = 1
    while value != int(value):
        value, below = value * 2, below * 2
    return int(value), below


def _total(values: list[Any]) -> tuple[int, int]:
    top, below = 0, 1
    for value in values:
        a, b = _ratio(value)
        top, below = top * b + a * below, below * b
        common = math.gcd(top, below)
        top, below = top // common, below // common
    return top, below


def _written(top: int, below: int, values: list[Any]) -> Any:
    """A fraction as the kind of number the data are; of whole ones a float where it must be."""
    if top % below == 0 and not sum(isinstance(value, float) for value in values):
        return top // below
    return top / below


def _filled(data: Iterable[Any], least: int, what: str) -> list[Any]:
    values = list(data)
    if len(values) < least:
        raise ValueError(what)
    return values


def mean(data: Iterable[Any]) -> Any:
    """The arithmetic mean."""
    values = _filled(data, 1, "mean requires at least one data point")
    top, below = _total(values)
    return _written(top, below * len(values), values)


def fmean(data: Iterable[Any]) -> float:
    """The arithmetic mean as a float."""
    values = [float(value) for value in _filled(data, 1, "fmean requires at least one data point")]
    return math.fsum(values) / len(values)


def median(data: Iterable[Any]) -> Any:
    """The middle, or the mean of the two in the middle."""
    values = sorted(_filled(data, 1, "no median for empty data"))
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def median_low(data: Iterable[Any]) -> Any:
    """The middle, or the lower of the two in the middle."""
    values = sorted(_filled(data, 1, "no median for empty data"))
    return values[(len(values) - 1) // 2]


def median_high(data: Iterable[Any]) -> Any:
    """The middle, or the higher of the two in the middle."""
    values = sorted(_filled(data, 1, "no median for empty data"))
    return values[len(values) // 2]


def _counted(values: Iterable[Any]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def mode(data: Iterable[Any]) -> Any:
    """The value that comes most often, the first of those."""
    counts = _counted(_filled(data, 1, "no mode for empty data"))
    return max(counts, key=lambda value: counts[value])


def multimode(data: Iterable[Any]) -> list[Any]:
    """All the values that come most often."""
    counts = _counted(data)
    most = max(counts.values(), default=0)
    return [value for value, count in counts.items() if count == most]


def _spread(values: list[Any]) -> tuple[int, int]:
    """The sum of the squared distances from the mean: the sum of the squares, less the square of the sum over their number."""
    a, b = _total(values)
    c, d = 0, 1
    for value in values:
        top, below = _ratio(value)
        c, d = c * below * below + top * top * d, d * below * below
        common = math.gcd(c, d)
        c, d = c // common, d // common
    n = len(values)
    top, below = n * c * b * b - a * a * d, n * d * b * b
    common = math.gcd(top, below)
    return top // common, below // common


def pvariance(data: Iterable[Any]) -> Any:
    """The variance of a whole population."""
    values = _filled(data, 1, "pvariance requires at least one data point")
    top, below = _spread(values)
    return _written(top, below * len(values), values)


def variance(data: Iterable[Any]) -> Any:
    """The variance of a sample."""
    values = _filled(data, 2, "variance requires at least two data points")
    top, below = _spread(values)
    return _written(top, below * (len(values) - 1), values)


def _root(top: int, below: int) -> float:
    """The square root of a fraction, rounded once: of a whole number with bits to spare, the last one set if it is inexact."""
    if top == 0:
        return 0.0
    shift = max(0, 120 - len(bin(top)) + len(bin(below))) // 2 + 1
    scaled = (top << (2 * shift)) // below
    whole = math.isqrt(scaled)
    if whole * whole * below != top << (2 * shift):
        whole |= 1
    return whole / (1 << shift)


def pstdev(data: Iterable[Any]) -> float:
    """The standard deviation of a whole population."""
    values = _filled(data, 1, "pstdev requires at least one data point")
    top, below = _spread(values)
    return _root(top, below * len(values))


def stdev(data: Iterable[Any]) -> float:
    """The standard deviation of a sample."""
    values = _filled(data, 2, "stdev requires at least two data points")
    top, below = _spread(values)
    return _root(top, below * (len(values) - 1))
