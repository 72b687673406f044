"""Whole numbers and lists of numbers in the worker: divisors, primes, remainders, bases, statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import gcd
from typing import Any

import sympy as sp

from tiny_moa.experts.algebra.notation import Node
from tiny_moa.experts.algebra.operations import Declined, Exact, build, exact_number, number_answer, write

_MAX_DIGITS = 40
"""Numbers of more digits are not factored."""
_MAX_LISTED = 200


def _whole(node: Node, *, least: int = 1, digits: int = _MAX_DIGITS) -> int:
    value = build(node)
    if not value.is_Integer or value < least or value >= 10**digits:
        raise Declined(f"a whole number from {least} with at most {digits} digits is needed")
    return int(value)


def _exact(answer: str, line: str, what: str, how: str) -> Exact:
    return Exact(answer, (line,) if line else (), ((what, how),), "", (answer,))


def common(args: Mapping[str, Any]) -> Exact:
    """The greatest common divisor or the least common multiple of a list."""
    values = [_whole(node, digits=200) for node in args["values"]]
    name = args["of"]
    made = int((sp.igcd if name == "gcd" else sp.ilcm)(*values))
    step: Callable[[int, int], int] = gcd if name == "gcd" else lambda a, b: a * b // gcd(a, b)
    if made != reduce(step, values):
        raise Declined("the two ways of computing differ")
    return _exact(str(made), f"{name}({', '.join(map(str, values))}) = {made}", name, "Euclid's algorithm")


def _factors(number: int) -> dict[int, int]:
    found = {int(prime): int(times) for prime, times in sp.factorint(number).items()}
    product = 1
    for prime, times in found.items():
        product *= prime**times
    if product != number or not all(sp.isprime(prime) for prime in found if prime > 1):
        raise Declined("the factors do not multiply back")
    return found


def factors(args: Mapping[str, Any]) -> Exact:
    """The prime factors of a number, or which, how many, the largest or the sum of the distinct ones."""
    number = _whole(args["n"], least=2)
    found = _factors(number)
    product = " * ".join(f"{prime}^{times}" if times > 1 else str(prime) for prime, times in found.items())
    what = args.get("what", "product")
    answers = {
        "product": product, "list": ", ".join(map(str, found)), "count": str(len(found)),
        "sum": str(sum(found)), "largest": str(max(found)), "smallest": str(min(found)),
    }  # fmt: skip
    return _exact(answers[what], f"{number} = {product}", "factors", "multiplied back, each proved prime")


def divisors(args: Mapping[str, Any]) -> Exact:
    """The positive divisors of a number: all, how many, or their sum."""
    number = _whole(args["n"])
    count, total = 1, 1
    for prime, times in _factors(number).items() if number > 1 else ():
        count *= times + 1
        total *= (prime ** (times + 1) - 1) // (prime - 1)
    if args["what"] in ("count", "sum"):
        made = count if args["what"] == "count" else total
        return _exact(str(made), "", "divisors", "from the prime factors, multiplied back")
    if count > _MAX_LISTED:
        raise Declined("too many divisors to list")
    listed = [int(one) for one in sp.divisors(number)]
    if any(number % one for one in listed) or len(listed) != count:
        raise Declined("the list of divisors is not complete")
    return _exact(", ".join(map(str, listed)), "", "divisors", "each divides; the number of them follows from the prime factors")


def is_prime(args: Mapping[str, Any]) -> Exact:
    """Whether a number is prime; a composite one comes with its factors."""
    number = _whole(args["n"], least=0)
    if sp.isprime(number):
        return _exact("yes", f"{number} is a prime number", "prime", "primality test")
    if number < 2:
        return _exact("no", f"{number} is not a prime number", "prime", "by definition")
    product = " * ".join(str(prime) for prime, times in _factors(number).items() for _ in range(times))
    return _exact("no", f"{number} = {product}", "prime", "factors multiplied back")


def primes(args: Mapping[str, Any]) -> Exact:
    """The primes of a range, ends included: all, how many, or their sum; or the n-th prime."""
    if "nth" in args:
        nth = _whole(args["nth"], digits=5)
        made = int(sp.prime(nth))
        if int(sp.primepi(made)) != nth:
            raise Declined("the count of primes differs")
        return _exact(str(made), "", "prime", "counted again")
    low, high = _whole(args["lo"], least=0, digits=6), _whole(args["hi"], least=0, digits=6)
    if args.get("open") and (sp.isprime(low) or sp.isprime(high)):
        raise Declined("an end of the range is prime, and may belong to it or not")
    found = [int(one) for one in sp.primerange(low, high + 1)]
    if args["what"] in ("count", "sum"):
        made = len(found) if args["what"] == "count" else sum(found)
        return _exact(str(made), "", "primes", "sieve")
    if not 0 < len(found) <= _MAX_LISTED:
        raise Declined("too many primes to list, or none")
    return _exact(", ".join(map(str, found)), "", "primes", "sieve")


def next_prime(args: Mapping[str, Any]) -> Exact:
    """The first prime above a number, or the last one below it."""
    number, is_above = _whole(args["n"], least=0, digits=18), args["way"] == "above"
    if not is_above and number <= 2:
        raise Declined("no prime is smaller")
    made = int(sp.nextprime(number) if is_above else sp.prevprime(number))
    step = range(number + 1, made) if is_above else range(made + 1, number)
    if not sp.isprime(made) or any(sp.isprime(one) for one in step):
        raise Declined("another prime lies nearer")
    return _exact(str(made), "", "prime", "no number between is prime")


def ratio(args: Mapping[str, Any]) -> Exact:
    """A ratio of numbers in the smallest whole numbers."""
    values = [exact_number(build(node)) for node in args["values"]]
    if len(values) < 2 or not all(value.is_Rational and value > 0 for value in values):
        raise Declined("a ratio of positive fractions is needed")
    scale = reduce(lambda a, b: a * b // gcd(a, b), (int(value.q) for value in values))
    wholes = [int(value * scale) for value in values]
    least = reduce(gcd, wholes)
    parts = [whole // least for whole in wholes]
    if any(sp.Rational(a, b) != left / right for a, b, left, right in zip(parts, parts[1:], values, values[1:], strict=False)):
        raise Declined("the two ratios differ")
    return _exact(":".join(map(str, parts)), "", "ratio", "divided out again")


def several(args: Mapping[str, Any]) -> Exact:
    """Several numbers side by side, such as the coordinates of a point."""
    values = [exact_number(build(node)) for node in args["parts"]]
    if any(value.free_symbols or not value.is_real for value in values):
        raise Declined("a list of numbers is needed")
    written = tuple(write(value) for value in values)
    answer = f"({', '.join(written)})" if args.get("is_point") else ", ".join(written)
    return Exact(answer, (), (("values", "exact arithmetic"),), "", written)


# -- remainders -----------------------------------------------------------------------------------------------------


def remainder(args: Mapping[str, Any]) -> Exact:
    """The remainder of an expression by a number; powers are taken modulo it, so that they may be huge."""
    modulus = _whole(args["n"])
    made = _residue(args["e"], modulus)
    return _exact(str(made), f"{args['shown']} mod {modulus} = {made}", "remainder", "modular arithmetic")


def _residue(node: Node, modulus: int) -> int:
    sort, rest = node[0], node[1:]
    if sort == "^":
        exponent = build(rest[1])
        if not exponent.is_Integer or abs(exponent) >= 10**200:
            raise Declined("an exponent that is not whole")
        return _modular_power(_residue(rest[0], modulus), int(exponent), modulus)
    if sort in "+*-":
        parts = [_residue(part, modulus) for part in rest]
        made = -parts[0] if sort == "-" else parts[0] + parts[1] if sort == "+" else parts[0] * parts[1]
        return made % modulus
    value = build(node)
    if not value.is_Integer:
        raise Declined("the remainder of what is not whole")
    return int(value) % modulus


def _modular_power(base: int, exponent: int, modulus: int) -> int:
    try:
        return pow(base, exponent, modulus)
    except ValueError as exc:
        raise Declined("there is no such inverse") from exc


def quotient(args: Mapping[str, Any]) -> Exact:
    """The whole quotient of two numbers, with the remainder beside it when both are asked for."""
    left, right = build(args["e"]), _whole(args["n"])
    if not left.is_Integer or left < 0:
        raise Declined("a quotient of what is not a whole number")
    whole, rest = divmod(int(left), right)
    answer = f"quotient {whole}, remainder {rest}" if args.get("both") else str(whole)
    return _exact(answer, f"{left} = {right} * {whole} + {rest}", "quotient", "multiplied back")


def inverse(args: Mapping[str, Any]) -> Exact:
    """The inverse of a number modulo another."""
    modulus = _whole(args["n"], least=2)
    number = _residue(args["e"], modulus)
    made = _modular_power(number, -1, modulus)
    if number * made % modulus != 1:
        raise Declined("the inverse does not multiply to 1")
    return _exact(str(made), f"{number} * {made} mod {modulus} = 1", "inverse", "multiplied back")


def in_base(args: Mapping[str, Any]) -> Exact:
    """A whole number written in one base, in another."""
    digits, old, new = str(args["digits"]).lower(), int(args["from"]), int(args["to"])
    if not (2 <= old <= 36 and 2 <= new <= 36) or len(digits) > 60:
        raise Declined("a base from 2 to 36 is needed")
    try:
        value = int(digits, old)
    except ValueError as exc:
        raise Declined("digits that the base does not have") from exc
    rest, written = value, ""
    while rest or not written:
        rest, digit = divmod(rest, new)
        written = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + written
    if int(written, new) != value:
        raise Declined("the digits do not read back")
    answer = written.upper()
    return _exact(answer, f"{digits.upper()} in base {old} = {answer} in base {new}", "digits", "read back")


# -- lists ----------------------------------------------------------------------------------------------------------


def statistics(args: Mapping[str, Any]) -> Exact:
    """One statistic of a list of numbers; variance and deviation are the population's unless the sample's are asked for."""
    values = [exact_number(build(node)) for node in args["values"]]
    if len(values) < 2 or any(value.free_symbols or not value.is_real for value in values):
        raise Declined("a list of numbers is needed")
    name = str(args["of"])
    if name == "mode":
        return _mode(values)
    made = exact_number(_STATISTICS[name.removeprefix("sample ")](values, 1 if name.startswith("sample ") else 0))
    shown = f"{name} of {', '.join(write(value) for value in values)} = {write(made)}"
    notes: tuple[str, ...] = (shown,)
    if name in ("variance", "standard deviation"):
        other = exact_number(_STATISTICS[name](values, 1))
        notes = (f"of a sample (divided by {len(values) - 1}): {write(other)}", f"{shown} (divided by {len(values)})")
    return number_answer(made, args, ((name, "exact fractions"),), notes)


def _mode(values: Sequence[Any]) -> Exact:
    counts = Counter(values)
    most = max(counts.values())
    found = [value for value in dict.fromkeys(values) if counts[value] == most]
    if len(found) == len(counts) and most == 1:
        raise Declined("no value comes more than once")
    answer = ", ".join(write(value) for value in sorted(found))
    return _exact(answer, f"{answer}: {most} times", "mode", "counted")


def _median(values: Sequence[Any]) -> Any:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _variance(values: Sequence[Any], less: int) -> Any:
    mean = sp.Add(*values) / len(values)
    return sp.Add(*((value - mean) ** 2 for value in values)) / (len(values) - less)


_STATISTICS: Mapping[str, Callable[[Sequence[Any], int], Any]] = {
    "mean": lambda values, less: sp.Add(*values) / len(values),
    "median": lambda values, less: _median(values),
    "range": lambda values, less: max(values) - min(values),
    "sum": lambda values, less: sp.Add(*values),
    "product": lambda values, less: sp.Mul(*values),
    "largest": lambda values, less: max(values),
    "smallest": lambda values, less: min(values),
    "variance": _variance,
    "standard deviation": lambda values, less: sp.sqrt(_variance(values, less)),
}
