"""What the worker does with a question: SymPy's exact answer, and a check of it by another way. Runs only in the child.

Every operation gives an `Exact`: the answer as written, lines that lead to it, and what was checked. A question that SymPy
leaves unsolved, or whose numbers would be too large, is `Declined`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add, mul, neg, truediv
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from tiny_moa.experts.algebra.notation import Node

_MAX_BITS = 20_000
"""Powers and factorials stop before a number of more bits."""
_NEAR = sp.Float("1e-25", 30)
_POINTS = (sp.Rational(37, 100), sp.Rational(131, 100), sp.Rational(-73, 100), sp.Rational(289, 100))
"""Where two expressions are compared: no zeros, poles or symmetries of what people usually write."""


class Declined(Exception):
    """There is no exact answer that we would vouch for."""


@dataclass(frozen=True)
class Exact:
    """An exact answer.

    Attributes:
        answer: The answer as written.
        lines: What is shown before it.
        checks: Pairs of what was looked at and how; all of them passed.
        approximate: The answer as a decimal number, when it is a number that is not whole.
    """

    answer: str
    lines: tuple[str, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    approximate: str = ""
    values: tuple[str, ...] = field(default=())


class _Writer(StrPrinter):  # type: ignore[misc]
    """Writes as people type: `x^2`, `e`, `i`, `ln`."""

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:  # noqa: N802
        return str(super()._print_Pow(expr, rational=rational)).replace("**", "^")

    def _print_ImaginaryUnit(self, expr: Any) -> str:  # noqa: N802
        return "i"

    def _print_Exp1(self, expr: Any) -> str:  # noqa: N802
        return "e"

    def _print_ExpBase(self, expr: Any) -> str:  # noqa: N802
        return str(self._print_Pow(sp.Pow(sp.E, expr.args[0], evaluate=False)))

    def _print_exp(self, expr: Any) -> str:
        inner = self._print(expr.args[0])
        return f"e^{inner}" if expr.args[0].is_Symbol or (expr.args[0].is_Integer and expr.args[0] >= 0) else f"e^({inner})"

    def _print_log(self, expr: Any) -> str:
        return f"ln({self._print(expr.args[0])})"

    def _print_Abs(self, expr: Any) -> str:  # noqa: N802
        return f"abs({self._print(expr.args[0])})"

    def _print_Infinity(self, expr: Any) -> str:  # noqa: N802
        return "infinity"

    def _print_NegativeInfinity(self, expr: Any) -> str:  # noqa: N802
        return "-infinity"


def write(expr: Any) -> str:
    """Write an expression as people type it."""
    return str(_Writer({"order": None}).doprint(expr)).replace("**", "^")


# -- from trees -----------------------------------------------------------------------------------------------------


def build(node: Node, *, real: bool = False) -> Any:
    """Turn a tree into an expression; numbers that would be too large are declined before they are computed."""
    sort, rest = node[0], node[1:]
    if sort == "n":
        return sp.Rational(rest[0])
    if sort == "v":
        return sp.Symbol(rest[0], real=True) if real else sp.Symbol(rest[0])
    if sort == "c":
        return {"pi": sp.pi, "E": sp.E, "I": sp.I, "oo": sp.oo}[rest[0]]
    if sort == "f":
        return _function(rest[0], [build(part, real=real) for part in rest[1:]])
    parts = [build(part, real=real) for part in rest]
    if sort == "^":
        return _power(*parts)
    if sort == "/" and parts[1].is_zero:
        raise Declined("a division by zero")
    operators: dict[str, Callable[..., Any]] = {"+": add, "*": mul, "/": truediv, "-": neg}
    return _defined(operators[sort](*parts))


def _defined(value: Any) -> Any:
    if value.has(sp.nan, sp.zoo):
        raise Declined("the value is not defined")
    return value


def _power(base: Any, exponent: Any) -> Any:
    if base.is_zero and exponent.is_nonpositive:
        raise Declined("a power of zero that is not defined")
    if base.is_Rational and exponent.is_Rational:
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if abs(exponent) * bits > _MAX_BITS and base not in (0, 1, -1):
            raise Declined("the number would be too large")
    if exponent.is_Integer and abs(exponent) > 200 and not base.is_number:
        raise Declined("the power would be too large")
    return _defined(sp.Pow(base, exponent))


def _function(name: str, values: Sequence[Any]) -> Any:
    first = values[0]
    if name == "factorial":
        if not (first.is_Integer and 0 <= first <= 2000) and not first.is_Symbol:
            raise Declined("a factorial of that")
        return sp.factorial(first)
    if name == "binomial":
        if not all(value.is_Integer and 0 <= value <= 5000 for value in values):
            raise Declined("a number of choices of that")
        return sp.binomial(*values)
    if name in ("gcd", "lcm"):
        if not all(value.is_Integer for value in values):
            raise Declined("divisors of what is not whole")
        return {"gcd": sp.gcd_list, "lcm": sp.lcm_list}[name](list(values))
    if name in ("sin", "cos", "tan", "sec", "csc", "cot") and first.is_number and first != 0 and not first.has(sp.pi):
        raise Declined("an angle that may mean degrees or radians")
    if name in ("log", "root"):
        return _defined(sp.log(first, values[1]) if name == "log" else _root(first, values[1]))
    made = {"ceil": sp.ceiling, "abs": sp.Abs, "cbrt": lambda a: _root(a, sp.Integer(3)), "ln": sp.log}.get(name) or getattr(
        sp, name
    )
    return _defined(made(first))


def _root(value: Any, index: Any) -> Any:
    if not (index.is_Integer and 2 <= index <= 100):
        raise Declined("a root of that order")
    return sp.real_root(value, index) if value.is_number and value.is_real else sp.root(value, index)


def relation(node: Node, *, real: bool = False) -> Any:
    """Turn a relation's tree into SymPy's; one that holds always or never is declined."""
    left, right = build(node[1], real=real), build(node[2], real=real)
    made = {"=": sp.Eq, "<": sp.Lt, ">": sp.Gt, "<=": sp.Le, ">=": sp.Ge, "!=": sp.Ne}[node[0]](left, right)
    if made in (sp.true, sp.false):
        raise Declined("the relation holds " + ("always" if made == sp.true else "never"))
    return made


# -- numbers and forms ----------------------------------------------------------------------------------------------


_ELEMENTARY = (
    sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.sec, sp.csc, sp.cot, sp.asin, sp.acos, sp.atan, sp.sinh, sp.cosh, sp.tanh, sp.Abs,
    sp.floor, sp.ceiling, sp.factorial,
)  # fmt: skip


def is_elementary(expr: Any) -> bool:
    """Whether an expression has only functions that people learn at school."""
    return all(isinstance(part, _ELEMENTARY) for part in expr.atoms(sp.Function))


def exact_number(value: Any) -> Any:
    """Simplify a number; decline what is no closed form."""
    plain = sp.nsimplify(value) if value.is_Float else value if value.is_Rational else sp.simplify(value)
    if plain.is_Rational or plain in (sp.oo, -sp.oo):
        return plain
    if plain.free_symbols or not plain.is_number or not is_elementary(plain) or plain.has(sp.Integral, sp.Sum, sp.Limit):
        raise Declined("the value has no closed form")
    radical = sp.radsimp(plain) if plain.is_algebraic else plain
    return min((plain, radical), key=sp.count_ops)


def decimal(value: Any) -> str:
    """Give a real number that is not whole as a decimal of ten digits; empty for others."""
    if value.is_Integer or not value.is_real or value.is_infinite:
        return ""
    return str(sp.N(value, 10)).rstrip("0").rstrip(".") if "e" not in str(sp.N(value, 10)) else str(sp.N(value, 10))


def number_answer(
    number: Any, args: Mapping[str, Any], checks: tuple[tuple[str, str], ...], lines: tuple[str, ...] = ()
) -> Exact:
    """Give an exact number as the answer, rounded when so many `places` are asked for."""
    written, near = ("" if args.get("fraction") else _terminating(number)) or write(number), decimal(number)
    shown = str(args.get("shown", ""))
    lines = lines or ((f"{shown} = {written}",) if shown else ())
    if (places := args.get("places")) is not None:
        written, near = _rounded(number, int(places)), ""
    return Exact(written, lines, checks, near if near != written else "", (written,))


def _rounded(number: Any, places: int) -> str:
    """A real number to so many places, halves away from zero."""
    if not number.is_real or number.is_infinite:
        raise Declined("a rounded value of what is no real number")
    whole = int(sp.floor(abs(number) * 10**places + sp.Rational(1, 2)))
    left, right = divmod(whole, 10**places)
    sign = "-" if number < 0 and whole else ""
    return f"{sign}{left}.{right:0{places}}" if places else f"{sign}{left}"


def _number(value: Any, args: Mapping[str, Any]) -> Exact:
    answer = exact_number(value)
    if not same_number(answer, value):
        raise Declined("the two ways of computing differ")
    return number_answer(answer, args, (("value", "exact arithmetic and 30 digits"),))


def _terminating(value: Any) -> str:
    """A fraction whose denominator has only twos and fives, as the decimal number it is."""
    if not value.is_Rational or value.is_Integer:
        return ""
    places = next((n for n in range(1, 21) if 10**n % int(value.q) == 0), 0)
    if not places:
        return ""
    whole, part = divmod(abs(int(value.p)) * 10**places // int(value.q), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{places}}"


def same_number(left: Any, right: Any) -> bool:
    """Compare two numbers by 30 digits."""
    if left == right:
        return True
    a, b = sp.N(left, 40, maxn=400), sp.N(right, 40, maxn=400)
    return bool(abs(a - b) <= _NEAR * (1 + abs(b)))


def same_function(left: Any, right: Any) -> bool:
    """Compare two expressions at four points for each variable; points where either is not defined are left out."""
    names = sorted(left.free_symbols | right.free_symbols, key=str)
    compared = 0
    for shift in range(len(_POINTS)):
        point = {name: abs(_POINTS[(shift + k) % 4]) if shift < 2 else _POINTS[(shift + k) % 4] for k, name in enumerate(names)}
        a, b = (sp.N(side.subs(point), 30) for side in (left, right))
        if not (a.is_number and b.is_number) or a.has(sp.nan, sp.zoo) or b.has(sp.nan, sp.zoo):
            continue
        compared += 1
        if not abs(a - b) <= sp.Float("1e-15") * (1 + abs(b)):
            return False
    return compared >= 2


def value(args: Mapping[str, Any]) -> Exact:
    """The exact value of an expression, after putting in what its variables are."""
    expr = build(args["e"])
    for name, node in args.get("at", {}).items():
        expr = expr.subs(sp.Symbol(name), build(node))
    if expr.free_symbols:
        raise Declined("a variable has no value")
    return _number(_defined(expr), args)


def _form(change: Callable[[Any], Any], args: Mapping[str, Any], how: str) -> Exact:
    expr = build(args["e"])
    if not expr.free_symbols:
        return _number(expr, args)
    made = change(expr)
    if made.has(sp.nan, sp.zoo) or not same_function(expr, made):
        raise Declined("the two forms differ")
    return Exact(write(made), (f"{args['shown']} = {write(made)}",), (("value", how),), "", (write(made),))


def simplify(args: Mapping[str, Any]) -> Exact:
    """A shorter form of an expression."""

    def shortest(expr: Any) -> Any:
        return min(
            (sp.simplify(expr), sp.cancel(expr), sp.expand(expr), sp.radsimp(expr)),
            key=lambda made: (sp.count_ops(made), len(str(made))),
        )

    return _form(shortest, args, "compared at four points")


def expand(args: Mapping[str, Any]) -> Exact:
    """An expression multiplied out."""
    return _form(sp.expand, args, "compared at four points")


def factor(args: Mapping[str, Any]) -> Exact:
    """An expression as a product over the integers."""
    return _form(sp.factor, args, "multiplied out and compared at four points")
