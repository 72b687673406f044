"""Inputs that no model chose: neighbours of the inputs a task states, on which two programs can be compared; pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tiny_moa.experts.coding.examples import ENTRY, Example

MAX_PROBES = 16


def probe_calls(examples: Iterable[Example], entry: str) -> tuple[str, ...]:
    """Give calls of the function with neighbours of the inputs that examples call it with, at most sixteen.

    Each changes one argument a little, so that types and shapes stay what the function expects.
    """
    per_example = [list(_neighbours(arguments)) for arguments in _stated_arguments(examples, entry)]
    stated = {_written(entry, arguments) for arguments in _stated_arguments(examples, entry)}
    found: dict[str, None] = {}
    for row in range(max(map(len, per_example), default=0)):
        for variants in per_example:
            if row < len(variants) and (call := _written(entry, variants[row])) not in stated:
                found.setdefault(call)
    return tuple(found)[:MAX_PROBES]


def probe_program(calls: Sequence[str]) -> str:
    """Give the source that computes all calls: its value is the list of their results as text, empty where one raised."""
    parts = "\n".join(f"_probe_(lambda: {call})" for call in calls)
    head = "_found_ = []\ndef _probe_(call):\n    try:\n        _found_.append(repr(call())[:200])\n    except Exception:\n"
    return f"{head}        _found_.append('')\n{parts}\n_found_"


def read_outputs(value: str) -> tuple[str, ...]:
    """Read the value of a probe program; nothing when it is not one."""
    try:
        return tuple(map(str, ast.literal_eval(value)))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return ()


def agree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two programs gave the same on the inputs: three at least on which both gave something, and no two different."""
    both = [(first, second) for first, second in zip(one, other, strict=False) if first and second]
    return len(both) >= _LEAST and all(first == second for first, second in both)


_LEAST = 3


def _stated_arguments(examples: Iterable[Example], entry: str) -> Iterator[list[Any]]:
    for example in examples:
        try:
            node = ast.parse(example.call.replace(ENTRY, entry), mode="eval")
        except SyntaxError:
            continue
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == entry and not call.keywords:
                try:
                    yield [ast.literal_eval(value) for value in call.args]
                except (ValueError, TypeError, SyntaxError):
                    continue


def _written(entry: str, arguments: Sequence[Any]) -> str:
    return f"{entry}({', '.join(map(repr, arguments))})"


def _neighbours(arguments: list[Any]) -> Iterator[list[Any]]:
    """Change one argument at a time, the mildest changes of all arguments first."""
    variants = [list(near(value)) for value in arguments]
    for row in range(max(map(len, variants), default=0)):
        for position, found in enumerate(variants):
            if row < len(found):
                yield [*arguments[:position], found[row], *arguments[position + 1 :]]


def near(value: Any) -> Iterator[Any]:
    """Give values of the same type near a value; nothing for types it does not know."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value + 2, abs(value) * 2 + 1, max(value - 1, 0), value + 10, abs(value) // 2)
        case float():
            yield from (value + 1.0, value / 2, value + 0.25)
        case str():
            yield from _near_text(value)
        case list() | tuple():
            yield from _near_row(value)
        case set():
            yield from (set(items) for items in _near_row(sorted(value, key=repr)))
        case dict():
            items = list(value.items())
            yield from (dict(items[1:]), dict(items[::-1]), dict(items[:-1]))


def _near_text(value: str) -> Iterator[str]:
    yield from (value[::-1], value + value[:1], value[1:], value + value, value.swapcase(), value[: len(value) // 2])


def _near_row(value: Any) -> Iterator[Any]:
    """Neighbours of a list or tuple: another order, one more, one fewer, one changed."""
    yield from (value[::-1], value + value[:1], value[1:])
    for position in range(min(len(value), 3)):
        changed = next(iter(near(value[position])), None)
        if changed is not None:
            yield value[:position] + type(value)([changed]) + value[position + 1 :]
    yield from (value + value, value[: len(value) // 2])
