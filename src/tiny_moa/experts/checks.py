"""Checks that are not a language model: exact arithmetic, parses, schemas; pure functions that decide and do nothing.

A check that passes says only what it says. It makes an answer *verified* when it settles the answer itself, as exact
arithmetic does; that code parses leaves the code unverified.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic_core import from_json

from tiny_moa.experts.schemas import argument_fault

_MAX_DIGITS = 2_000
"""Exact arithmetic stops before a number of more digits: 9**9**9 must not hang the server."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: What was checked, such as `result` or `syntax`.
        how: By which means, such as `exact arithmetic`.
        passed: The outcome.
        detail: What was found, in a few words.
    """

    what: str
    how: str
    passed: bool
    detail: str = ""


# -- arithmetic -----------------------------------------------------------------------------------------------------

_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "·": "*", "^": "**", "（": "(", "）": ")"})
_EXPRESSION = re.compile(r"[-+(]*\s*\d[\d\s.,+\-*/^()×÷−·]*")
_OPERATOR = re.compile(r"\d\s*\)*\s*[-+*/^×÷−·]")
_FILLER = re.compile(
    r"\b(?:what|whats|is|are|the|how|much|calculate|compute|evaluate|work|out|solve|please|result|value|of|equals?|exactly|me|tell|find)\b"
    r"|계산|해\s*줘|해\s*주세요|하세요|얼마(?:야|예요|인가요|입니까|지)?|뭐야|무엇(?:입니까|인가요)?|[은는을를의]|값|결과|[\s?=.,!:'’]",
    re.IGNORECASE,
)
_EQUATION = re.compile(
    r"(?<![\w.,)=*/+-])([-(]*\d[\d\s.,+\-*/^()×÷−·]*[-+*/^×÷−·][\d\s.,+\-*/^()×÷−·]*?)\s*=\s*(-?\d[\d,]*(?:\.\d+)?)"
)


def evaluate(expression: str) -> Fraction | None:
    """Give the exact value of an arithmetic expression.

    Knows whole and decimal numbers with thousands commas, + - * / ^, brackets. `^` is a power, with whole exponents.

    Returns:
        The value, or `None` when the text is not such an expression, divides by zero, or would be too large.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", expression.translate(_SIGNS)).strip()
    if not text or len(text) > 500 or not re.fullmatch(r"[\d\s.+\-*/()]+", text) or "//" in text:
        return None
    try:
        return _value(ast.parse(text, mode="eval").body, text)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr, source: str) -> Fraction:
    match node:
        case ast.Constant():
            return Fraction(ast.get_source_segment(source, node) or "")  # as written: a float would round it
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, source)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, source)
        case ast.BinOp(left=left, op=operator, right=right):
            return _bounded(_combine(_value(left, source), operator, _value(right, source)))
    raise ValueError("not arithmetic")


def _combine(left: Fraction, operator: ast.operator, right: Fraction) -> Fraction:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if right.denominator == 1 and abs(right) * max(_digits(left), 1) <= _MAX_DIGITS:
            return left ** int(right)
    raise ValueError("not arithmetic")


def _digits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) // 3


def _bounded(value: Fraction) -> Fraction:
    if _digits(value) > _MAX_DIGITS * 2:
        raise ValueError("too large")
    return value


def sole_expression(question: str) -> str | None:
    """Give the arithmetic expression that is the whole question, apart from words such as "what is" or "계산해 줘".

    Returns:
        The expression as written, or `None` when the question says anything else.
    """
    found = [match[0].strip(" .,") for match in _EXPRESSION.finditer(question)]
    if len(found) != 1 or not _OPERATOR.search(found[0]):
        return None
    rest = question.replace(found[0], " ", 1)
    return found[0] if not _FILLER.sub("", rest) else None


_MAX_PLACES = 20


def write_number(value: Fraction) -> str:
    """Write an exact value: whole, as a decimal of at most 20 places, or else as a fraction with its decimal value beside it."""
    if value.denominator == 1:
        return str(value.numerator)
    places = next((places for places in range(1, _MAX_PLACES + 1) if 10**places % value.denominator == 0), None)
    if places is None:
        return f"{value.numerator}/{value.denominator} (about {float(value):.10g})"
    whole, rest = divmod(abs(value.numerator) * 10**places // value.denominator, 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{places}}"


def check_equations(text: str) -> tuple[Check, ...]:
    """Recompute every `a + b = c` of a text exactly; decimals on the right may be rounded to the digits written."""
    checks = []
    for left, right in _EQUATION.findall(text):
        value, stated = evaluate(left), evaluate(right)
        if value is None or stated is None:
            continue
        digits = len(right.partition(".")[2])
        tolerance = Fraction(1, 2 * 10**digits) if digits else Fraction(0)
        passed = abs(value - stated) <= tolerance
        detail = f"{left.strip()} = {right}" + ("" if passed else f", should be {write_number(value)}")
        checks.append(Check("equation", "exact arithmetic", passed, detail))
    return tuple(checks)


# -- code -----------------------------------------------------------------------------------------------------------

_FENCE = re.compile(r"^```[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


def fenced_code(text: str) -> str | None:
    """Give the content of the first fenced block, also when its closing fence is missing; `None` without a block."""
    found = _FENCE.search(text)
    return found[2].rstrip() + "\n" if found else None


def check_python(code: str) -> Check:
    """Parse Python source; nothing is run."""
    try:
        ast.parse(code)
    except SyntaxError as exc:
        return Check("syntax", "Python parser", False, f"line {exc.lineno}: {exc.msg}")
    except (ValueError, RecursionError, MemoryError) as exc:
        return Check("syntax", "Python parser", False, str(exc) or type(exc).__name__)
    return Check("syntax", "Python parser", True)


# -- calls ----------------------------------------------------------------------------------------------------------


def check_calls(calls: Sequence[Mapping[str, Any]], parameters: Mapping[str, Mapping[str, Any]]) -> tuple[Check, ...]:
    """Validate each call's arguments against the schema of the tool it names.

    Args:
        calls: Objects with `name` and `arguments`.
        parameters: The JSON Schema of each tool's arguments.
    """
    return tuple(_check_call(call, parameters) for call in calls)


def _check_call(call: Mapping[str, Any], parameters: Mapping[str, Mapping[str, Any]]) -> Check:
    name = str(call.get("name"))
    if name not in parameters:
        return Check("call", "tool list", False, f"there is no tool {name!r}")
    fault = argument_fault(call.get("arguments"), parameters[name])
    return Check("call", "JSON Schema", fault is None, f"{name}: {fault}" if fault else name)


def parse_json(text: str, *, may_be_cut: bool = False) -> Any:
    """Read JSON, or `None` when the text is not JSON.

    With `may_be_cut`, JSON that stops in the middle gives what was complete by then; half a text is dropped.
    """
    try:
        return from_json(text, allow_partial=may_be_cut)
    except ValueError:
        return None
