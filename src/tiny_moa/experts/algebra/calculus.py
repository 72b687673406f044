"""Calculus in the worker: derivatives, integrals, limits, sums and series, each checked by numbers where numbers can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from tiny_moa.experts.algebra.operations import (
    Declined,
    Exact,
    build,
    decimal,
    exact_number,
    is_elementary,
    number_answer,
    same_function,
    same_number,
    write,
)

_DIGITS = 80
"""Numbers near a point have so many digits: a rational number would be raised to powers exactly."""
_UNSOLVED = (sp.Integral, sp.Sum, sp.Product, sp.Limit, sp.Derivative, sp.Subs)


def _variable(args: Mapping[str, Any], expr: Any) -> Any:
    names = sorted(map(str, expr.free_symbols))
    name = args.get("var") or (names[0] if len(names) == 1 else "x" if "x" in names or not names else "")
    if not name:
        raise Declined("the variable is not named")
    return sp.Symbol(name)


def _settled(made: Any) -> Any:
    if made is None or made.has(*_UNSOLVED) or made.has(sp.nan, sp.zoo):
        raise Declined("there is no closed form")
    return made


def derivative(args: Mapping[str, Any]) -> Exact:
    """A derivative, or its value at a point; checked against a difference quotient."""
    expr = build(args["e"])
    var, order = _variable(args, expr), int(args.get("order", 1))
    if order > 20:
        raise Declined("so many derivatives")
    made = _settled(sp.diff(expr, var, order))
    made = min((made, sp.simplify(made), sp.factor(made) if made.is_polynomial() else made), key=sp.count_ops)
    if made.is_polynomial(var):
        made = sp.expand(made)
    _check_quotient(sp.diff(expr, var, order - 1), made, var)
    shown = f"d{'' if order == 1 else f'^{order}'}/d{var}{'' if order == 1 else f'^{order}'} ({args['shown']}) = {write(made)}"
    checks = (("derivative", "difference quotient at a point"),)
    if "at" not in args:
        return Exact(write(made), (shown,), checks, "", (write(made),))
    point = exact_number(_settled(made.subs(var, build(args["at"]))))
    return Exact(
        write(point), (shown, f"at {var} = {write(build(args['at']))}: {write(point)}"), checks, decimal(point), (write(point),)
    )


def _check_quotient(before: Any, made: Any, var: Any) -> None:
    """Compare a derivative with a central difference at the first point where both are real numbers."""
    others = {name: sp.Rational(7, 5) for name in before.free_symbols - {var}}
    step = sp.Rational(1, 10**8)
    for point in (sp.Rational(37, 100), sp.Rational(131, 100), sp.Rational(7, 3)):
        near, far = (before.subs(others).subs(var, sp.Float(point + d, _DIGITS)) for d in (-step, step))
        quotient, wanted = sp.N((far - near) / (2 * step), 30), sp.N(made.subs(others).subs(var, sp.Float(point, _DIGITS)), 30)
        if quotient.is_real and wanted.is_real:
            if abs(quotient - wanted) > sp.Float("1e-9") * (1 + abs(wanted)):
                raise Declined("the derivative differs from its difference quotient")
            return
    raise Declined("the derivative could not be checked")


def integral(args: Mapping[str, Any]) -> Exact:
    """An antiderivative, checked by deriving it, or a definite integral, checked by quadrature."""
    expr = build(args["e"])
    var = _variable(args, expr)
    if "lo" in args:
        return _definite(expr, var, args)
    made = _settled(sp.integrate(expr, var))
    plain = min((made, sp.simplify(made)), key=sp.count_ops)
    plain = sp.expand(plain) if plain.is_polynomial(var) else plain
    if plain.has(sp.Piecewise) or not is_elementary(plain) or not same_function(sp.diff(plain, var), expr):
        raise Declined("the antiderivative does not derive back")
    answer = f"{write(plain)} + C"
    return Exact(
        answer, (f"integral of {args['shown']} d{var} = {answer}",), (("antiderivative", "derived back"),), "", (answer,)
    )


def _definite(expr: Any, var: Any, args: Mapping[str, Any]) -> Exact:
    low, high = build(args["lo"]), build(args["hi"])
    if expr.free_symbols - {var} or low.free_symbols or high.free_symbols:
        raise Declined("limits or parameters that are not numbers")
    made = exact_number(_settled(sp.integrate(expr, (var, low, high))))
    if made.is_infinite:
        raise Declined("the integral diverges")
    numeric = sp.Integral(expr, (var, low, high)).evalf(15)
    if not numeric.is_number or abs(sp.N(made, 20) - numeric) > sp.Float("1e-8") * (1 + abs(numeric)):
        raise Declined("the integral differs from quadrature")
    shown = f"integral of {args['shown']} d{var} from {write(low)} to {write(high)} = {write(made)}"
    return Exact(write(made), (shown,), (("integral", "quadrature"),), decimal(made), (write(made),))


def limit(args: Mapping[str, Any]) -> Exact:
    """A limit; two-sided ones must agree from both sides, finite ones must be what values nearby go to."""
    expr = build(args["e"])
    var, point, side = sp.Symbol(args["var"]), build(args["to"]), args.get("side", "")
    if expr.free_symbols - {var}:
        raise Declined("a parameter in the limit")
    made = exact_number(_settled(sp.limit(expr, var, point, side or ("+" if point.is_infinite else "+-"))))
    if made.is_finite:
        _check_nearby(expr, var, point, made, side)
    shown = f"limit of {args['shown']} as {var} goes to {write(point)}{side} = {write(made)}"
    return Exact(write(made), (shown,), (("limit", "values nearby"),), decimal(made), (write(made),))


def _check_nearby(expr: Any, var: Any, point: Any, made: Any, side: str) -> None:
    step = sp.Rational(1, 10**6)
    near = (10**6 if point == sp.oo else -(10**6)) if point.is_infinite else point + (-step if side == "-" else step)
    found = sp.N(expr.subs(var, sp.Float(near, _DIGITS)), 20)
    if not found.is_number or abs(found - sp.N(made, 20)) > sp.Float("1e-2") * (1 + abs(made)):
        raise Declined("values nearby do not go to the limit")


def total(args: Mapping[str, Any]) -> Exact:
    """A sum or a product over whole numbers; finite ones with at most 2,000 terms are also added up one by one."""
    var, low, high = sp.Symbol(args["var"]), build(args["lo"]), build(args["hi"])
    expr, is_product = build(args["e"]), args.get("of") == "product"
    if (
        not low.is_Integer
        or not (high.is_Integer or high == sp.oo)
        or (high.is_Integer and high < low)
        or expr.free_symbols - {var}
    ):
        raise Declined("bounds that are not whole numbers")
    made = _settled((sp.product if is_product else sp.summation)(expr, (var, low, high)))
    how = "closed form"
    if high.is_Integer and high - low < 2000:
        terms = [expr.subs(var, k) for k in range(int(low), int(high) + 1)]
        found = sp.Mul(*terms) if is_product else sp.Add(*terms)
        how = "term by term"
    elif high == sp.oo:
        found, how = sp.Sum(expr, (var, low, high)).evalf(20), "numeric sum"
    else:
        found = made
    made = exact_number(made)
    if not (same_number(made, found) if how != "numeric sum" else abs(sp.N(made, 20) - found) < sp.Float("1e-8")):
        raise Declined("the sum differs from its terms")
    shown = f"{'product' if is_product else 'sum'} of {args['shown']} for {var} = {write(low)} to {write(high)} = {write(made)}"
    return Exact(write(made), (shown,), (("sum", how),), decimal(made), (write(made),))


def series(args: Mapping[str, Any]) -> Exact:
    """The terms of a Taylor series up to an order, checked by the derivatives at the point."""
    expr = build(args["e"])
    var, point, order = _variable(args, expr), build(args["at"]), int(args["order"])
    if order > 12 or expr.free_symbols - {var}:
        raise Declined("a series of that order")
    terms = [_settled(sp.diff(expr, var, k).subs(var, point)) / sp.factorial(k) * (var - point) ** k for k in range(order + 1)]
    made = sp.Add(*terms)
    if sp.simplify(sp.series(expr, var, point, order + 1).removeO() - made) != 0:
        raise Declined("the series differs from its derivatives")
    answer = " + ".join(write(term) for term in terms if term != 0).replace("+ -", "- ") or "0"
    shown = f"{args['shown']} near {var} = {write(point)}, up to order {order}: {answer}"
    return Exact(answer, (shown,), (("series", "derivatives at the point"),), "", (answer,))


def extreme(args: Mapping[str, Any]) -> Exact:
    """The least or greatest value of a quadratic function, or where it is."""
    expr = build(args["e"])
    var = _variable(args, expr)
    if not expr.is_polynomial(var) or sp.degree(expr, var) != 2 or expr.free_symbols != {var}:
        raise Declined("the extreme value of what is no quadratic")
    a, b, c = sp.Poly(expr, var).all_coeffs()
    if (a > 0) != (args["of"] == "least"):
        raise Declined("a quadratic that has no such value")
    at = -b / (2 * a)
    made = exact_number(c - b**2 / (4 * a))
    if not same_number(made, expr.subs(var, at)):
        raise Declined("the two ways of computing differ")
    number = exact_number(at) if args.get("where") else made
    return number_answer(number, {}, (("value", "put back at the vertex"),), (f"vertex: ({write(at)}, {write(made)})",))


def completed_square(args: Mapping[str, Any]) -> Exact:
    """A quadratic as a square and a number."""
    expr = build(args["e"])
    var = _variable(args, expr)
    if not expr.is_polynomial(var) or sp.degree(expr, var) != 2 or expr.free_symbols != {var}:
        raise Declined("the square of what is no quadratic")
    a, b, c = sp.Poly(expr, var).all_coeffs()
    made = sp.Add(sp.Mul(a, (var + b / (2 * a)) ** 2, evaluate=False), c - b**2 / (4 * a), evaluate=False)
    if a == 1:
        made = sp.Add((var + b / 2) ** 2, c - b**2 / 4, evaluate=False)
    if sp.expand(made) - sp.expand(expr) != 0:
        raise Declined("the two forms differ")
    return Exact(write(made), (f"{args['shown']} = {write(made)}",), (("value", "multiplied out again"),), "", (write(made),))
