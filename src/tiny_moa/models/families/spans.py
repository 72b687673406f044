"""Finds where a bracketed expression ends in a text around it; pure."""

from __future__ import annotations

_CLOSERS = {"(": ")", "[": "]", "{": "}"}


def closing(text: str, start: int) -> int | None:
    """Give the position after the bracket that closes the one at `start`; `None` when it is never closed.

    Brackets in quoted texts do not count; a backslash in them guards the next sign.
    """
    expected: list[str] = []
    position, quote = start, ""
    while position < len(text):
        sign = text[position]
        if quote:
            if sign == "\\":
                position += 1
            elif sign == quote:
                quote = ""
        elif sign in "'\"":
            quote = sign
        elif sign in _CLOSERS:
            expected.append(_CLOSERS[sign])
        elif sign in ")]}":
            if expected.pop() != sign:
                return None
            if not expected:
                return position + 1
        position += 1
    return None
