"""Equations, systems and inequalities in the worker; every solution is put back into what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from tiny_moa.experts.algebra.operations import Declined, Exact, build, decimal, exact_number, relation, same_number, write

_MAX_SOLUTIONS = 12
Solution = dict[Any, Any]


def solve(args: Mapping[str, Any]) -> Exact:
    """The solutions of equations, or what is asked about them: a target's value, the largest, their sum, how many.

    Inequalities and absolute values are solved over the reals, equations over the complex numbers.
    """
    nodes: Sequence[Any] = args["relations"]
    is_real = bool(args.get("real")) or any(node[0] != "=" for node in nodes) or "abs" in str(nodes)
    relations = [relation(node, real=is_real) for node in nodes]
    unknowns = _unknowns(args, relations, is_real=is_real)
    if any(node[0] != "=" for node in nodes):
        return _inequality(relations, unknowns, args)
    solutions = _solutions(relations, unknowns)
    if is_real:
        solutions = [one for one in solutions if all(value.is_real is not False for value in one.values())]
    _put_back(relations, solutions)
    return _asked(solutions, unknowns, args, is_real=is_real)


def _unknowns(args: Mapping[str, Any], relations: Sequence[Any], *, is_real: bool) -> list[Any]:
    free = sorted(set().union(*(one.free_symbols for one in relations)), key=str)
    named = args.get("unknowns")
    if not named:
        if len(free) != len(relations) and not (
            len(relations) == 1 and any(str(name) == "x" for name in free) and len(free) == 1
        ):
            raise Declined("as many equations as unknowns are needed, or the unknown named")
        return free
    chosen = [sp.Symbol(name, real=True) if is_real else sp.Symbol(name) for name in named]
    if not set(chosen) <= set(free):
        raise Declined("an unknown that is in no equation")
    return chosen


def _solutions(relations: Sequence[Any], unknowns: Sequence[Any]) -> list[Solution]:
    if len(relations) == len(unknowns) == 1:
        found = _single(relations[0], unknowns[0])
    else:
        found = sp.solve(list(relations), list(unknowns), dict=True)
    if not found or len(found) > _MAX_SOLUTIONS or any(set(one) != set(unknowns) for one in found):
        raise Declined("no finite list of solutions")
    made = [{name: sp.simplify(one[name]) for name in unknowns} for one in found]
    return sorted(made, key=lambda one: [_order(one[name]) for name in unknowns])


def _single(equation: Any, unknown: Any) -> list[Solution]:
    """The solutions of one equation; a polynomial over numbers must give as many as its degree, repeated ones counted."""
    difference = sp.together(equation.lhs - equation.rhs)
    top = sp.numer(difference)
    if top.is_polynomial(unknown) and not (top.free_symbols - {unknown}) and not difference.has(sp.Abs):
        roots = sp.roots(sp.Poly(top, unknown))
        if sum(roots.values()) != sp.degree(top, unknown):
            raise Declined("a polynomial whose roots have no closed form")
        return [{unknown: root} for root in roots if sp.simplify(sp.denom(difference).subs(unknown, root)) != 0]
    for domain in (sp.S.Reals,) if unknown.is_real else (sp.S.Complexes, sp.S.Reals):
        found = sp.solveset(equation, unknown, domain=domain)
        if isinstance(found, sp.FiniteSet):
            return [{unknown: one} for one in found]
    if difference.free_symbols - {unknown}:
        return list(sp.solve(equation, [unknown], dict=True))
    raise Declined("no finite set of solutions")


def _order(value: Any) -> tuple[float, float, str]:
    if value.free_symbols:
        return 0.0, 0.0, str(value)
    number = complex(sp.N(value))
    return round(number.real, 12), round(number.imag, 12), ""


def _put_back(relations: Sequence[Any], solutions: Sequence[Solution]) -> None:
    for solution in solutions:
        for one in relations:
            left, right = one.lhs.subs(solution), one.rhs.subs(solution)
            is_same = sp.simplify(left - right) == 0 if (left - right).free_symbols else same_number(left, right)
            if not is_same:
                raise Declined("a solution does not fit when it is put back")


def _asked(solutions: Sequence[Solution], unknowns: Sequence[Any], args: Mapping[str, Any], *, is_real: bool) -> Exact:
    check = ("solutions", f"{len(solutions)} put back into the question")
    pick = args.get("pick")
    if target := args.get("target"):
        expr = build(target, real=is_real)
        return _one_number({sp.simplify(expr.subs(one)) for one in solutions}, check)
    if pick and pick != "all":
        if len(unknowns) != 1:
            raise Declined("a choice among solutions of several unknowns")
        if pick in ("sum", "product", "count"):
            _check_plain_roots(args["relations"][0], solutions, unknowns[0], is_real=is_real)
        return _picked([one[unknowns[0]] for one in solutions], str(pick), check)
    written = [" and ".join(f"{name} = {write(one[name])}" for name in unknowns) for one in solutions]
    answer = " or ".join(f"({text})" if len(unknowns) > 1 and len(solutions) > 1 else text for text in written)
    values = tuple(write(one[name]) for one in solutions for name in unknowns)
    near = decimal(solutions[0][unknowns[0]]) if len(values) == 1 and not solutions[0][unknowns[0]].free_symbols else ""
    return Exact(answer, (), (check,), near if near != values[0] else "", values)


def _check_plain_roots(node: Any, solutions: Sequence[Solution], unknown: Any, *, is_real: bool) -> None:
    """Decline where it matters whether repeated or complex roots count."""
    equation = relation(node, real=is_real)
    top = sp.numer(sp.together(equation.lhs - equation.rhs))
    if top.is_polynomial(unknown) and sp.degree(top, unknown) != len(solutions) and not is_real:
        raise Declined("roots that come more than once may be counted once or more often")
    if any(not one[unknown].is_real for one in solutions):
        raise Declined("roots that are not real may be counted or not")


def _picked(values: Sequence[Any], pick: str, check: tuple[str, str]) -> Exact:
    """What is asked about the solutions of one equation."""
    if pick in ("sum", "product", "count"):
        made = {"sum": sp.Add(*values), "product": sp.Mul(*values), "count": sp.Integer(len(values))}[pick]
        return _one_number({sp.simplify(made)}, check)
    if any(not value.is_real for value in values):
        raise Declined("solutions that are not real have no order")
    if pick in ("positive", "negative"):
        return _one_number({value for value in values if (value > 0 if pick == "positive" else value < 0)}, check)
    return _one_number({max(values, key=sp.N) if pick == "largest" else min(values, key=sp.N)}, check)


def _one_number(values: set[Any], check: tuple[str, str]) -> Exact:
    if len(values) != 1:
        raise Declined("not one value")
    (value,) = values
    made = value if value.free_symbols else exact_number(value)
    return Exact(write(made), (), (check,), "" if made.free_symbols else decimal(made), (write(made),))


def _inequality(relations: Sequence[Any], unknowns: Sequence[Any], args: Mapping[str, Any]) -> Exact:
    if len(unknowns) != 1 or args.get("pick") or args.get("target"):
        raise Declined("an inequality of several unknowns")
    (unknown,) = unknowns
    found = sp.S.Reals
    for one in relations:
        found = found.intersect(one.as_set() if not isinstance(one, sp.Eq) else sp.solveset(one, unknown, sp.S.Reals))
    if not isinstance(found, sp.Interval | sp.Union | sp.FiniteSet) or found is sp.S.EmptySet:
        raise Declined("no set of solutions that can be written")
    _check_members(found, relations, unknown)
    parts = found.args if isinstance(found, sp.Union) else (found,)
    answer = " or ".join(_interval(part, unknown) for part in parts)
    return Exact(answer, (), (("solutions", "points inside and outside put back into the question"),), "", (answer,))


def _check_members(found: Any, relations: Sequence[Any], unknown: Any) -> None:
    """A handful of points must be in the set exactly when they fit."""
    edges = [edge for edge in found.boundary if edge.is_finite] if isinstance(found.boundary, sp.FiniteSet) else []
    for point in [sp.Integer(0), *(edge + step for edge in edges for step in (sp.Rational(-1, 1000), 0, sp.Rational(1, 1000)))]:
        fits = all(one.subs(unknown, point) == sp.true for one in relations)
        if fits != (found.contains(point) == sp.true):
            raise Declined("a point does not fit when it is put back")


def _interval(part: Any, unknown: Any) -> str:
    if isinstance(part, sp.FiniteSet):
        return " or ".join(f"{unknown} = {write(value)}" for value in part)
    low = "" if part.start.is_infinite else f"{write(part.start)} {'<' if part.left_open else '<='} "
    high = "" if part.end.is_infinite else f" {'<' if part.right_open else '<='} {write(part.end)}"
    if not low and high:
        return f"{unknown}{high}"
    if low and not high:
        return f"{unknown} {'>' if part.left_open else '>='} {write(part.start)}"
    return f"{low}{unknown}{high}"
