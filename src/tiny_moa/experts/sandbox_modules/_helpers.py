"""Methods and statements that the interpreter lacks, as functions; each goes in front of a program by itself."""

from __future__ import annotations

from typing import Any

_Fraction_: Any = ()


def _delete_(holder: Any, key: Any) -> Any:
    """Take an item or a slice out of a list, a dictionary, a deque or whatever knows how."""
    from collections import deque

    if isinstance(holder, deque):
        size = len(holder)
        if not -size <= key < size:
            raise IndexError("deque index out of range")
        holder.rotate(-key)
        holder.popleft()
        holder.rotate(key if key >= 0 else key + 1)
    elif isinstance(key, slice) and isinstance(holder, list):
        places = set(list(range(len(holder)))[key])
        holder[:] = [item for place, item in enumerate(holder) if place not in places]
    elif isinstance(holder, (list, dict)):
        holder.pop(key)
    else:
        holder.__delitem__(key)


def _bit_length_(value: Any) -> Any:
    """How many bits a whole number has."""
    return len(bin(value).lstrip("-0b")) if isinstance(value, int) else value.bit_length()


def _bit_count_(value: Any) -> Any:
    """How many bits of a whole number are set."""
    return bin(value).count("1") if isinstance(value, int) else value.bit_count()


def _is_integer_(value: Any) -> Any:
    """Whether a float is whole."""
    if isinstance(value, float):
        return value == value and value not in (float("inf"), float("-inf")) and value == int(value)
    return value.is_integer()


def _translate_(text: Any, table: Any) -> Any:
    """A text with its signs replaced by a table."""
    if not isinstance(text, str):
        return text.translate(table)
    made = []
    for sign in text:
        code = ord(sign)
        try:
            new = table[code]
        except LookupError:
            new = sign
        made.append("" if new is None else chr(new) if isinstance(new, int) else new)
    return "".join(made)


def _maketrans_(first: Any, second: Any = None, third: Any = "") -> Any:
    """A table for that."""
    if second is None:
        return {ord(key) if isinstance(key, str) else key: value for key, value in first.items()}
    if len(first) != len(second):
        raise ValueError("the first two maketrans arguments must have equal length")
    table: dict[int, Any] = {ord(a): ord(b) for a, b in zip(first, second, strict=True)}
    for sign in third:
        table[ord(sign)] = None
    return table


def _sorted_by_(items: Any, compare: Any, reverse: Any = False) -> Any:
    """A list sorted by a comparison of two, as a stable merge sort."""
    items = list(items)
    if reverse:
        items.reverse()
    width = 1
    while width < len(items):
        merged = []
        for start in range(0, len(items), 2 * width):
            left, right = items[start : start + width], items[start + width : start + 2 * width]
            a = b = 0
            while a < len(left) and b < len(right):
                if compare(right[b], left[a]) < 0:
                    merged.append(right[b])
                    b += 1
                else:
                    merged.append(left[a])
                    a += 1
            merged += left[a:] + right[b:]
        items, width = merged, 2 * width
    if reverse:
        items.reverse()
    return items


def _compared_(sign: Any, left: Any, right: Any) -> Any:
    """Two values of which either may be a fraction, compared."""
    if isinstance(right, _Fraction_) and not isinstance(left, _Fraction_):
        sign, left, right = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}[sign], right, left
    if isinstance(left, _Fraction_):
        if sign in "<>":
            return left.__lt__(right) if sign == "<" else left.__gt__(right)
        return left.__le__(right) if sign == "<=" else left.__ge__(right)
    if sign in "<>":
        return left < right if sign == "<" else left > right
    return left <= right if sign == "<=" else left >= right
