"""Answers as values: what a model or a program wrote, as an exact number that can be compared; pure.

Understood are whole and decimal numbers, thousands separators, fractions, roots, pi, powers, LaTeX, percent signs, currency
signs and units behind the number. A text that is none of these has no value and equals nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException, localcontext
from fractions import Fraction
from itertools import islice
from math import isfinite
from typing import Final

from tiny_moa.experts.algebra.notation import Node, NotNotation, read_expression

_DIGITS: Final = 60
_PI: Final = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_CLOSE: Final = Decimal("1e-40")
_CLOSE_FLOAT: Final = Decimal("1e-9")
_MAX_BITS: Final = 20_000


@dataclass(frozen=True)
class Value:
    """One number.

    Attributes:
        exact: It as a fraction; `None` for an irrational number.
        decimal: It to 60 digits.
        is_float: Whether it was computed with rounding, so that only about ten digits of it count.
    """

    exact: Fraction | None
    decimal: Decimal
    is_float: bool = False


def value_of(number: Fraction | int) -> Value:
    """Give the value of an exact number."""
    exact = Fraction(number)
    with localcontext() as context:
        context.prec = _DIGITS
        return Value(exact, Decimal(exact.numerator) / Decimal(exact.denominator))


def same_value(left: Value, right: Value) -> bool:
    """Tell whether two values are equal: exactly where both are exact, to 40 digits else, to 9 when either was rounded."""
    if left.exact is not None and right.exact is not None and not (left.is_float or right.is_float):
        return left.exact == right.exact
    close = _CLOSE_FLOAT if left.is_float or right.is_float else _CLOSE
    with localcontext() as context:
        context.prec = _DIGITS
        return abs(left.decimal - right.decimal) <= close * max(abs(left.decimal), abs(right.decimal))


def write_value(value: Value, written: str) -> str:
    """Write a value plainly: a whole number, a short decimal or a fraction; an irrational one as it was written."""
    if value.exact is None:
        return written
    number = value.exact
    if number.denominator == 1:
        return str(number.numerator)
    places = next((n for n in range(1, 9) if 10**n % number.denominator == 0), None)
    return f"{number.numerator}/{number.denominator}" if places is None else f"{float(number):.{places}f}"


# -- from texts -----------------------------------------------------------------------------------------------------

_DECORATION: Final = re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf)\s*\{([^{}]*)\}")
_CURRENCY: Final = re.compile(r"^(?:US)?\s*(?:\\?[$€£₩¥]|\bUSD\b|\bEUR\b)\s*")
_UNIT: Final = re.compile(
    r"(?:\s+[A-Za-z°]|\s*[가-힣]|\s*[A-Za-z]{2}|(?<=\d)\s*\\?[%°€$₩])[A-Za-z가-힣/²³%^.\s\\°-]*(?:\^?\{?[23]\}?)?$"
)


def read_value(text: str) -> Value | None:
    """Read an answer; `None` when it is not one number. A percent sign is read as a unit: 25% is 25."""
    plain = _DECORATION.sub(r" \1 ", text).replace("**", "" if text.startswith("**") else "^")
    plain = re.sub(r"\\[()\[\]]|(?<!\\)\$(?=\S*\$)", " ", plain).replace("\\!", "").strip(" \t\n.:,`*")
    if "=" in plain:
        plain = plain.rpartition("=")[2].strip()
    plain = _CURRENCY.sub("", plain).strip().strip("$").strip()
    for candidate in dict.fromkeys((plain, _UNIT.sub("", plain).strip())):
        if candidate and (value := _read(candidate)):
            return value
    return None


def _read(text: str) -> Value | None:
    if re.search(r"(?:\\?%|\^?\{?\\circ\}?|°)\s*$", text):
        text = re.sub(r"\s*(?:\\?%|\^?\{?\\circ\}?|°)\s*$", "", text)
    try:
        with localcontext() as context:
            context.prec = _DIGITS
            return _evaluated(read_expression(text))
    except (NotNotation, ArithmeticError, DecimalException, ValueError):
        return None


def _evaluated(node: Node) -> Value:
    made = _number(node)
    return value_of(made) if isinstance(made, Fraction) else Value(None, made)


def _number(node: Node) -> Fraction | Decimal:
    sort, rest = node[0], node[1:]
    if sort == "n":
        return Fraction(rest[0])
    if sort == "c" and rest[0] == "pi":
        return _PI
    if sort == "f":
        return _function(rest[0], [_number(part) for part in rest[1:]])
    if sort in ("v", "c"):
        raise NotNotation("a letter has no value")
    parts = [_number(part) for part in rest]
    if sort == "-":
        return -parts[0]
    left, right = parts
    if sort == "^":
        return _power(left, right)
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        left, right = _decimal(left), _decimal(right)
        return left + right if sort == "+" else left * right if sort == "*" else left / right
    return left + right if sort == "+" else left * right if sort == "*" else left / right


def _decimal(number: Fraction | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(number.numerator) / Decimal(number.denominator)


def _power(base: Fraction | Decimal, exponent: Fraction | Decimal) -> Fraction | Decimal:
    if not isinstance(exponent, Fraction) or abs(exponent) > 5_000:
        raise NotNotation("an exponent that is not a small fraction")
    if exponent.denominator != 1:
        return _power(_root(base, exponent.denominator), Fraction(exponent.numerator))
    if isinstance(base, Fraction):
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent) > _MAX_BITS:
            raise NotNotation("a number that is too large")
        return Fraction(base ** int(exponent))
    return base ** int(exponent)


def _function(name: str, values: Sequence[Fraction | Decimal]) -> Fraction | Decimal:
    first = values[0]
    if name == "abs":
        return -first if first < 0 else first
    if name in ("sqrt", "cbrt", "root"):
        index = values[1] if name == "root" else Fraction(2 if name == "sqrt" else 3)
        if not isinstance(index, Fraction) or index.denominator != 1 or not 2 <= index <= 20:
            raise NotNotation("a root of that order")
        return _root(first, int(index))
    raise NotNotation(f"{name} is not computed here")


def _root(value: Fraction | Decimal, index: int) -> Fraction | Decimal:
    if value < 0:
        if index % 2 == 0:
            raise NotNotation("an even root of a negative number")
        return -_root(-value, index)
    if isinstance(value, Fraction):
        top, bottom = _whole_root(value.numerator, index), _whole_root(value.denominator, index)
        if top is not None and bottom is not None:
            return Fraction(top, bottom)
    return _decimal(value).sqrt() if index == 2 else _decimal(value) ** (Decimal(1) / index) if value else Decimal(0)


def _whole_root(value: int, index: int) -> int | None:
    low, high = 0, 1 << (value.bit_length() // index + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**index < value else (low, middle)
    return low if low**index == value else None


def read_result(written: str) -> Value | None:
    """Read the `repr` of what a program gave back; a float is taken for the simple fraction it stands for."""
    written = written.strip()
    if found := re.fullmatch(r"Fraction\((-?\d{1,200}), (\d{1,200})\)", written):
        return value_of(Fraction(int(found[1]), int(found[2]))) if int(found[2]) else None
    if found := re.fullmatch(r"Decimal\('(.{1,200})'\)", written):
        return read_value(found[1])
    if len(written) > 200:
        return None
    try:
        result = ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(result, list | tuple) and len(result) == 1:
        (result,) = result
    if isinstance(result, bool):
        return None
    if isinstance(result, int):
        return value_of(result)
    if isinstance(result, float) and isfinite(result):
        near = Fraction(result).limit_denominator(10_000)
        is_near = abs(near - Fraction(result)) <= Fraction(1, 10**12) * max(int(abs(result)), 1)
        return value_of(near) if is_near else Value(None, Decimal(result), is_float=True)
    return read_value(result) if isinstance(result, str) else None


# -- what a solution states -----------------------------------------------------------------------------------------

_CUE: Final = re.compile(
    r"(?:^|\n)\s*####\s*|(?:final\s+answer|answer|정답|(?<![가-힣])답)\**\s*(?:is|are|은|는|이|[:=])\s*[:=]?[ \t]*\**",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?")


@dataclass(frozen=True)
class Statement:
    """The answer that a solution states.

    Attributes:
        written: Its text.
        value: Its value, `None` when it is not one number.
        is_marked: Whether it stood in a box or behind a word such as "Answer:", and is not just the last number.
    """

    written: str
    value: Value | None
    is_marked: bool


def read_statement(solution: str) -> Statement | None:
    """Find the answer in a worked solution: the last box, else what follows the last cue, else the last number."""
    for written in _marked(solution):
        value = read_value(written)
        if value is None and (found := _NUMBER.findall(written.split("\n")[0])) and len(found) == 1:
            value = read_value(found[0])
        return Statement(written, value, is_marked=True)
    numbers = _NUMBER.findall(solution.replace("{,}", ""))
    return Statement(numbers[-1], read_value(numbers[-1]), is_marked=False) if numbers else None


def _marked(solution: str) -> Iterator[str]:
    for found in reversed(list(re.finditer(r"\\f?boxed\s*\{", solution))):
        if content := _braced(solution[found.end() :]):
            yield content
    for found in islice(reversed(list(_CUE.finditer(solution))), 3):
        line = solution[found.end() :].strip().split("\n")[0].strip()
        if line:
            yield re.split(r"(?<=[\w)}])\.\s", line)[0].rstrip(".")


def _braced(text: str) -> str:
    level = 1
    for at, sign in enumerate(text):
        level += (sign == "{") - (sign == "}")
        if not level:
            return text[:at].strip()
    return ""


# -- equations of a solution ----------------------------------------------------------------------------------------

_LATEX_SIGNS: Final = (
    (re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}"), " "),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "*"),
    (re.compile(r"\\div(?![A-Za-z])"), "/"),
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"((\1)/(\2))"),
    (re.compile(r"\\left|\\right|\\[,!;:()\[\] ]|\\?\$|\*\*(?=\d)|&|€|£|₩"), " "),
    (re.compile(r"(?<=\d)\s*\\?%"), "/100"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"(?<=[\d)])[ \t]*(?:[A-Za-z]{2,}[ \t]*(?:/[ \t]*[A-Za-z]+|per [A-Za-z]+)?[ \t]*){1,3}(?=[-+*/×÷=)])"), " "),
    (re.compile(r"(?<![\w)])x(?![\w(])|(?<=\d)\s*x\s*(?=\d)"), "*"),
)


def plain_equations(solution: str) -> str:
    """Write a solution's LaTeX signs, units and currencies out of its equations, so that arithmetic can be found in it."""
    for pattern, sign in _LATEX_SIGNS:
        solution = pattern.sub(sign, solution)
    return solution
