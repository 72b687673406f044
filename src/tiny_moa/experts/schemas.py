"""JSON Schemas that others wrote: what is wrong with one, and what is wrong with arguments for it; pure.

A schema must not reach outside itself, and checking against it must end: references lead to a place of the schema, and a
pattern that may take exponential time is tried on short texts only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

_SAME_VALUE = frozenset(("allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"))
"""The keywords whose schemas are for the value itself, not for a part of it."""
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
MOST_DEEP = 60
"""How deep the objects of a schema may be inside each other."""
MOST_SEARCHED = 24
"""Longest text that a pattern with repeats inside repeats is tried on: its time may double with every sign."""
_REPEAT = re.compile(r"[*+]|\{\d+,\}|\{\d*,\d{2,}\}")


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a JSON Schema; `None` when nothing is."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if _depth_exceeds(schema, MOST_DEEP):
        return f"it is more than {MOST_DEEP} levels deep"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        hint = f"; the types are {', '.join(TYPES)}" if exc.json_path.endswith(".type") else ""
        return f"at {exc.json_path}: {exc.message}{hint}"
    return _reference_fault(schema) or _name_pattern_fault(schema)


def argument_fault(arguments: Any, schema: Mapping[str, Any]) -> str | None:
    """Say what is wrong with arguments for a schema that has no fault; `None` when nothing is."""
    from jsonschema.exceptions import best_match

    try:
        fault = best_match(validator_of(schema).iter_errors(arguments))
    except RecursionError:
        return "they are nested too deeply to be checked"
    return fault.message if fault else None


def validator_of(schema: Mapping[str, Any]) -> Any:
    """Give a validator of a schema that has no fault, whose `iter_errors` lists what is wrong with a value."""
    return _validator_class()(schema)


def _depth_exceeds(value: Any, most: int) -> bool:
    if not isinstance(value, Mapping | list):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return most == 0 or any(_depth_exceeds(one, most - 1) for one in inner)


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _reference_fault(schema: Mapping[str, Any]) -> str | None:
    """Follow every reference: each must lead to a place of this schema, and none back to itself for one and the same value."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root = dict(schema)
    resource = DRAFT202012.create_resource(root)
    base = resource.id() or ""
    resolver = Registry().with_resource(base, resource).resolver(base)
    beside: dict[int, list[Mapping[str, Any]]] = {}
    for one in _objects(root):
        beside[id(one)] = list(_parts_beside(one))
        for reference in (one.get("$ref"), one.get("$dynamicRef")):
            if not isinstance(reference, str):
                continue
            try:
                place = resolver.lookup(reference).contents
            except Unresolvable:
                return f"the reference {reference!r} leads nowhere; define it inside the schema, such as in `$defs`"
            beside[id(one)] += [place] if isinstance(place, Mapping) else []
    circle = next((one for one in _objects(root) if _leads_back(one, beside)), None)
    if circle is None:
        return None
    reference = circle.get("$ref", circle.get("$dynamicRef"))
    return (
        f"the reference {reference!r} leads to itself"
        if isinstance(reference, str)
        else "its parts demand each other in a circle"
    )


def _parts_beside(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas inside a schema that the same value must be checked against."""
    for name, part in schema.items():
        if name in _SAME_VALUE:
            inner = part if isinstance(part, list) else list(part.values()) if name == "dependentSchemas" else [part]
            yield from (one for one in inner if isinstance(one, Mapping))


def _leads_back(start: Mapping[str, Any], beside: Mapping[int, Sequence[Mapping[str, Any]]]) -> bool:
    """Whether a schema comes back to itself without a step into the value."""
    seen: set[int] = set()
    waiting = list(beside[id(start)])
    while waiting:
        one = waiting.pop()
        if one is start:
            return True
        if id(one) not in seen:
            seen.add(id(one))
            waiting += beside.get(id(one), ())
    return False


def _name_pattern_fault(schema: Mapping[str, Any]) -> str | None:
    for one in _objects(schema):
        names = one.get("patternProperties")
        for pattern in names if isinstance(names, Mapping) else ():
            if may_take_forever(pattern):
                return f"the pattern {pattern!r} has repeats inside repeats, which may take for ever; write it without"
    return None


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend

    def pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if not validator.is_type(instance, "string"):
            return
        if may_take_forever(wanted) and len(instance) > MOST_SEARCHED:
            yield ValidationError(f"a text of {len(instance)} signs is too long to be tried on the pattern {wanted!r}")
        elif not re.search(wanted, instance):
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    return extend(Draft202012Validator, {"pattern": pattern})


@lru_cache(maxsize=1_000)
def may_take_forever(pattern: str) -> bool:
    """Tell whether a pattern repeats without bound what may itself have several lengths or forms, or refers back.

    Such a pattern can take exponential time; every other takes a power of the length.
    """
    varies, at = [False], 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            varies[-1] |= pattern[at + 1 : at + 2].isdigit()
            at += 2
            continue
        if sign == "[":
            at = _class_end(pattern, at)
            continue
        if sign == "(":
            varies.append(False)
            at += 2 if pattern.startswith("(?", at) else 1
            continue
        if sign == ")" and len(varies) > 1:
            inner = varies.pop()
            if inner and _REPEAT.match(pattern, at + 1):
                return True
            varies[-1] |= inner
        elif sign in "|?" or _REPEAT.match(pattern, at):
            varies[-1] = True
        at += 1
    return False


def _class_end(pattern: str, at: int) -> int:
    """The place behind a class such as `[^]a]`."""
    at += 2 if pattern.startswith("[^", at) else 1
    if pattern.startswith("]", at):
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
