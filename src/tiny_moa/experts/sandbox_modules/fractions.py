"""Exact fractions; their order is asked by the program's own `<`, which is rewritten to ask them."""

from __future__ import annotations

import math
from typing import Any


def _read(text: str) -> tuple[int, int]:
    left, slash, right = text.strip().partition("/")
    if slash:
        return int(left), int(right)
    whole, dot, part = left.partition(".")
    if not dot:
        return int(whole), 1
    if not part.isdigit():
        raise ValueError(f"Invalid literal for Fraction: {text!r}")
    sign = -1 if whole.startswith("-") else 1
    return sign * (int(whole.lstrip("+-") or "0") * 10 ** len(part) + int(part)), 10 ** len(part)


def _of_float(value: float) -> tuple[int, int]:
    below = 1
    while value != int(value):
        value, below = value * 2, below * 2
    return int(value), below


class Fraction:
    """A fraction in lowest terms, with a denominator above zero."""

    numerator: int
    denominator: int

    def __init__(self, numerator: Any = 0, denominator: Any = None) -> None:
        if isinstance(numerator, str):
            top, below = _read(numerator)
        elif isinstance(numerator, float):
            top, below = _of_float(numerator)
        elif isinstance(numerator, Fraction):
            top, below = numerator.numerator, numerator.denominator
        elif isinstance(numerator, int):
            top, below = int(numerator), 1
        else:
            raise TypeError("argument should be a string or a Rational instance")
        if denominator is not None:
            other = denominator if isinstance(denominator, Fraction) else Fraction(denominator)
            top, below = top * other.denominator, below * other.numerator
        if below == 0:
            raise ZeroDivisionError(f"Fraction({top}, 0)")
        common = math.gcd(top, below) * (-1 if below < 0 else 1)
        self.numerator = top // common
        self.denominator = below // common

    def __repr__(self) -> str:
        return f"Fraction({self.numerator}, {self.denominator})"

    def __str__(self) -> str:
        return str(self.numerator) if self.denominator == 1 else f"{self.numerator}/{self.denominator}"

    def __hash__(self) -> int:
        return hash(self.numerator) if self.denominator == 1 else hash((self.numerator, self.denominator))

    def __bool__(self) -> bool:
        return self.numerator != 0

    def __int__(self) -> int:
        return self.numerator // self.denominator if self.numerator >= 0 else -(-self.numerator // self.denominator)

    def __float__(self) -> float:
        return self.numerator / self.denominator

    def __round__(self, ndigits: int | None = None) -> Any:
        if ndigits is None:
            floor, rest = divmod(self.numerator, self.denominator)
            if rest * 2 < self.denominator or (rest * 2 == self.denominator and floor % 2 == 0):
                return floor
            return floor + 1
        shift = 10 ** (ndigits if ndigits >= 0 else -ndigits)
        if ndigits > 0:
            return Fraction(round(self * shift), shift)
        return Fraction(round(self / shift) * shift)

    def __neg__(self) -> Any:
        return Fraction(-self.numerator, self.denominator)

    def __abs__(self) -> Any:
        return Fraction(-self.numerator if self.numerator < 0 else self.numerator, self.denominator)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Fraction):
            return self.numerator == other.numerator and self.denominator == other.denominator
        if isinstance(other, int):
            return self.denominator == 1 and self.numerator == other
        if isinstance(other, float):
            return other == other and other not in (math.inf, -math.inf) and self == Fraction(other)
        return False

    def _less(self, other: Any) -> bool:
        if other in (math.inf, -math.inf):
            return bool(other > 0)
        other = other if isinstance(other, Fraction) else Fraction(other)
        return bool(self.numerator * other.denominator < other.numerator * self.denominator)

    def __lt__(self, other: Any) -> bool:
        return self._less(other)

    def __le__(self, other: Any) -> bool:
        return self._less(other) or self == other

    def __gt__(self, other: Any) -> bool:
        return not self._less(other) and not self == other

    def __ge__(self, other: Any) -> bool:
        return not self._less(other)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) + other
        other = other if isinstance(other, Fraction) else Fraction(other)
        top = self.numerator * other.denominator + other.numerator * self.denominator
        return Fraction(top, self.denominator * other.denominator)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) * other
        other = other if isinstance(other, Fraction) else Fraction(other)
        return Fraction(self.numerator * other.numerator, self.denominator * other.denominator)

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) / other
        return Fraction(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        if isinstance(other, float):
            return other / float(self)
        return Fraction(other, self)

    def __floordiv__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) // other
        quotient = Fraction(self, other)
        return quotient.numerator // quotient.denominator

    def __mod__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) % other
        return self - other * (self // other)

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, Fraction) and other.denominator == 1:
            other = other.numerator
        if not isinstance(other, int):
            return float(self) ** float(other)
        if other >= 0:
            return Fraction(self.numerator**other, self.denominator**other)
        return Fraction(self.denominator**-other, self.numerator**-other)

    def limit_denominator(self, max_denominator: int = 1_000_000) -> Any:
        """The nearest fraction whose denominator is not above a bound."""
        if max_denominator < 1:
            raise ValueError("max_denominator should be at least 1")
        if self.denominator <= max_denominator:
            return Fraction(self)
        p0, q0, p1, q1 = 0, 1, 1, 0
        n, d = self.numerator, self.denominator
        while True:
            a = n // d
            if q0 + a * q1 > max_denominator:
                break
            p0, q0, p1, q1 = p1, q1, p0 + a * p1, q0 + a * q1
            n, d = d, n - a * d
        k = (max_denominator - q0) // q1
        if 2 * d * (q0 + k * q1) <= self.denominator:
            return Fraction(p1, q1)
        return Fraction(p0 + k * p1, q0 + k * q1)
