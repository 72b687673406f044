"""Operators as functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def add(a: Any, b: Any) -> Any:
    """Give `a + b`."""
    return a + b


def sub(a: Any, b: Any) -> Any:
    """Give `a - b`."""
    return a - b


def mul(a: Any, b: Any) -> Any:
    """Give `a * b`."""
    return a * b


def truediv(a: Any, b: Any) -> Any:
    """Give `a / b`."""
    return a / b


def floordiv(a: Any, b: Any) -> Any:
    """Give `a // b`."""
    return a // b


def mod(a: Any, b: Any) -> Any:
    """Give `a % b`."""
    return a % b


def pow(a: Any, b: Any) -> Any:
    """Give `a ** b`."""
    return a**b


def lshift(a: Any, b: Any) -> Any:
    """Give `a << b`."""
    return a << b


def rshift(a: Any, b: Any) -> Any:
    """Give `a >> b`."""
    return a >> b


def and_(a: Any, b: Any) -> Any:
    """Give `a & b`."""
    return a & b


def or_(a: Any, b: Any) -> Any:
    """Give `a | b`."""
    return a | b


def xor(a: Any, b: Any) -> Any:
    """Give `a ^ b`."""
    return a ^ b


def neg(a: Any) -> Any:
    """Give `-a`."""
    return -a


def pos(a: Any) -> Any:
    """Give `+a`."""
    return +a


def invert(a: Any) -> Any:
    """Give `~a`."""
    return ~a


def inv(a: Any) -> Any:
    """Give `~a`."""
    return ~a


def abs(a: Any) -> Any:
    """Give `a if a >= 0 else -a`."""
    return a if a >= 0 else -a


def not_(a: Any) -> bool:
    """Give `not a`."""
    return not a


def truth(a: Any) -> bool:
    """Give `bool(a)`."""
    return bool(a)


def lt(a: Any, b: Any) -> Any:
    """Give `a < b`."""
    return a < b


def le(a: Any, b: Any) -> Any:
    """Give `a <= b`."""
    return a <= b


def eq(a: Any, b: Any) -> Any:
    """Give `a == b`."""
    return a == b


def ne(a: Any, b: Any) -> Any:
    """Give `a != b`."""
    return a != b


def ge(a: Any, b: Any) -> Any:
    """Give `a >= b`."""
    return a >= b


def gt(a: Any, b: Any) -> Any:
    """Give `a > b`."""
    return a > b


def is_(a: Any, b: Any) -> bool:
    """Give `a is b`."""
    return a is b


def is_not(a: Any, b: Any) -> bool:
    """Give `a is not b`."""
    return a is not b


def contains(a: Any, b: Any) -> bool:
    """Give `b in a`."""
    return b in a


def getitem(a: Any, b: Any) -> Any:
    """Give `a[b]`."""
    return a[b]


def setitem(a: Any, b: Any, c: Any) -> None:
    """Put an item at a place."""
    a[b] = c


def countOf(a: Iterable[Any], b: Any) -> int:
    """Count how often an item comes."""
    return sum([1 for one in a if one is b or one == b])


def indexOf(a: Iterable[Any], b: Any) -> int:
    """Find where an item comes first."""
    for at, one in enumerate(a):
        if one is b or one == b:
            return at
    raise ValueError("sequence.index(x): x not in sequence")


def itemgetter(item: Any, *items: Any) -> Callable[[Any], Any]:
    """Give a function that takes an item, or several."""
    if not items:
        return lambda value: value[item]
    return lambda value: tuple([value[one] for one in (item, *items)])


def attrgetter(attr: str, *attrs: str) -> Callable[[Any], Any]:
    """Give a function that takes an attribute, or several."""

    def one_of(value: Any, path: str) -> Any:
        for name in path.split("."):
            value = getattr(value, name)
        return value

    if not attrs:
        return lambda value: one_of(value, attr)
    return lambda value: tuple([one_of(value, name) for name in (attr, *attrs)])
