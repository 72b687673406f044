"""Turns a JSON Schema into a grammar in llama.cpp's notation (GBNF), or says why it cannot; pure.

Bound are form, types, names and their order, choices, lengths and counts up to 512, and integer ranges of at most 512 values.
Left to the caller's check, because a grammar cannot say them: `pattern`, `format`, `multipleOf`, `uniqueItems`, wider ranges
and longer lengths. llama_cpp's own converter is not used: it writes broken grammars for quotes in choices, lets raw line
breaks into strings, drops choices beside a list of types, and fails on a reference at the top.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tiny_moa.errors import SchemaUnsupported

MOST = 512
"""Longest range written out as choices, and largest length or count in the grammar: each step costs llama.cpp a rule."""
_MOST_CHARACTERS = 1 << 18
_REFUSED = (
    "not", "if", "then", "else", "contains", "patternProperties", "propertyNames", "minProperties", "maxProperties",
    "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
)  # fmt: skip
_SAID_BY = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that tell the type of a schema without `type`."""
_NOTES = ("title", "description", "default", "examples", "deprecated", "$schema", "$id", "$comment", "$defs", "definitions")
_FIXED_RULES = {
    "space": '" "?',
    "digits": "[0-9]{1,15}",
    "whole": '"0" | [1-9] [0-9]{0,15}',
    "number": '"-"? positive',
    "positive": 'whole ("." digits)? ([eE] [-+]? [0-9]{1,3})?',
    "integer": '"-"? whole',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "char": r'[ !#-\[\]-~\u00A0-\uD7FF\uE000-\U0010FFFF] | "\\" ["\\/bfnrt]',
    "string": r'"\"" char* "\""',
    "any": "object | array | string | number | boolean | null",
    "object": '"{" (string ":" space any ("," space string ":" space any)*)? "}"',
    "array": '"[" (any ("," space any)*)? "]"',
}

Schema = Mapping[str, Any]


def schema_grammar(schema: Schema) -> str:
    """Give the grammar of a schema, with the rule `root`.

    Objects are written with their properties in the schema's order and, where any are described, with no others unless
    `additionalProperties` says so. References must begin with `#`.

    Raises:
        SchemaUnsupported: It says what a grammar cannot follow, contradicts itself, or is not a JSON Schema.
    """
    try:
        grammar = _Grammar(schema).text()
    except SchemaUnsupported:
        raise
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError) as exc:
        raise SchemaUnsupported(f"the JSON Schema is malformed ({type(exc).__name__}: {exc}); mend it") from exc
    if len(grammar) > _MOST_CHARACTERS:
        raise SchemaUnsupported(
            f"the JSON Schema makes a grammar of {len(grammar)} characters, the most is {_MOST_CHARACTERS}; shorten it"
        )
    return grammar


class _Grammar:
    """Collects the rules of one schema; every method gives an expression in the grammar's notation."""

    def __init__(self, schema: Schema) -> None:
        self._document = schema
        self._rules = dict(_FIXED_RULES)
        self._references: dict[str, str] = {}

    def text(self) -> str:
        self._rules["root"] = self._expression(self._document)
        return "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items()) + "\n"

    def _rule(self, expression: str) -> str:
        """Give an expression a name, so that it can be repeated and stand beside others."""
        name = f"r{len(self._rules)}"
        self._rules[name] = expression
        return name

    def _expression(self, schema: Any) -> str:
        if schema is True:
            return "any"
        if schema is False:
            raise SchemaUnsupported("a schema that is false allows nothing; take it out of the JSON Schema")
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        if refused := [key for key in _REFUSED if key in schema]:
            raise SchemaUnsupported(
                f"{refused[0]!r} cannot be kept while writing; take it out of the JSON Schema, or ask for free text"
            )
        for several in ("allOf", "anyOf", "oneOf"):
            if several in schema:
                return self._combination(several, schema)
        if "const" in schema or "enum" in schema:
            return _choices(schema.get("enum", [schema.get("const")]))
        return self._of_type(schema)

    def _of_type(self, schema: Schema) -> str:
        kind = schema.get("type") or next((kind for kind, keys in _SAID_BY.items() if any(key in schema for key in keys)), "any")
        if isinstance(kind, list):
            return _alternatives(self._rule(self._of_type({**schema, "type": one})) for one in kind)
        makers: dict[str, Callable[[Schema], str]] = {"object": self._object, "array": self._array, "string": self._string}
        if kind in makers:
            return makers[kind](schema)
        if kind in ("integer", "number"):
            return _number(kind, schema)
        if kind not in ("boolean", "null", "any"):
            raise SchemaUnsupported(
                f"{kind!r} is no type of a JSON Schema; use object, array, string, number, integer, boolean or null"
            )
        return str(kind)

    def _reference(self, reference: str) -> str:
        if reference not in self._references:
            target = self._target(reference)
            self._references[reference] = name = self._rule("")
            self._rules[name] = self._expression(target)  # which may refer to this rule again
        return self._references[reference]

    def _combination(self, several: str, schema: Schema) -> str:
        """Say `allOf` as one schema, the others as alternatives that each say what stands beside them too."""
        beside = {key: value for key, value in schema.items() if key != several and key not in _NOTES}
        parts = schema[several]
        if several != "allOf":
            whole = [_merged(beside, self._resolved(part)) if beside else part for part in parts]
            return _alternatives(self._rule(self._expression(part)) for part in whole)
        if len(parts) == 1 and not beside:
            return self._expression(parts[0])
        for part in parts:
            beside = _merged(beside, self._resolved(part))
        return self._expression(beside)

    def _resolved(self, schema: Any) -> Any:
        """Follow a reference, if it is one, to the schema it stands for."""
        return self._target(schema["$ref"]) if isinstance(schema, Mapping) and "$ref" in schema else schema

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#"):
            raise SchemaUnsupported(f"the reference {reference!r} leads out of the JSON Schema; copy what it means to '$defs'")
        target: Any = self._document
        for step in filter(None, reference[1:].split("/")):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        return target

    def _object(self, schema: Schema) -> str:
        required, described = set(schema.get("required", ())), schema.get("properties", {})
        others = schema.get("additionalProperties", not described)
        if (absent := sorted(required - set(described))) and schema.get("additionalProperties") is False:
            raise SchemaUnsupported(
                f"'required' names {absent[0]!r}, which 'properties' lacks and nothing else allows; describe it"
            )
        properties = {**described, **dict.fromkeys(absent, others or True)}
        members = [(self._member(name, value), name in required) for name, value in properties.items()]
        if others is not False:
            other = self._rule(f'string ":" space {self._rule(self._expression(others))}')
            members.append((self._rule(f'{other} ("," space {other})*'), False))
        return f'"{{" {self._rule(self._members(members))} "}}"'

    def _member(self, name: str, schema: Any) -> str:
        return self._rule(f'{_literal(name)} ":" space {self._rule(self._expression(schema))}')

    def _members(self, members: list[tuple[str, bool]]) -> str:
        """Say members in order, the optional ones leavable, with commas between those that are there.

        Built from the end: `rest` is what may follow a member, so each alternative names the first one that is there.
        """
        firsts: list[str] = []
        rest, is_leavable = '""', True
        for member, is_required in reversed(members):
            firsts = [] if is_required else firsts
            firsts.insert(0, f"{member} {rest}")
            is_leavable = is_leavable and not is_required
            following = f'"," space {member}'
            rest = self._rule(f"{following} {rest}" if is_required else f"({following})? {rest}")
        return _alternatives([*firsts, *(['""'] if is_leavable else [])])

    def _array(self, schema: Schema) -> str:
        first = schema.get("prefixItems", schema["items"] if isinstance(schema.get("items"), list) else [])
        heads = [self._rule(self._expression(item)) for item in first]
        if heads:
            return '"[" ' + ' "," space '.join(heads) + ' "]"'
        if schema.get("items") is False or schema.get("maxItems") == 0:
            return '"[" "]"'
        low, high = _limits(schema, "minItems", "maxItems")
        item = self._rule(self._expression(schema.get("items", True)))
        more = f'{item} ("," space {item}){_repeat(max(low - 1, 0), None if high is None else high - 1)}'
        return f'"[" {more} "]"' if low else f'"[" ({more})? "]"'

    def _string(self, schema: Schema) -> str:
        low, high = _limits(schema, "minLength", "maxLength")
        return rf'"\"" char{_repeat(low, high)} "\""'


def _merged(one: Any, other: Any) -> dict[str, Any]:
    """Say two schemas at once."""
    merged = dict(one)
    for key, value in other.items():
        if key == "properties":
            merged[key] = {**merged.get(key, {}), **value}
        elif key == "required":
            merged[key] = [*merged.get(key, ()), *value]
        elif key not in merged or key in _NOTES:
            merged[key] = value
        elif merged[key] != value:
            raise SchemaUnsupported(f"two schemas that hold at once say {key!r} differently; write them as one")
    return merged


def _number(kind: str, schema: Schema) -> str:
    """Write a short range of integers out; of any other range only the sign is kept."""
    low, high = _lowest(schema), _highest(schema)
    if low > high:
        raise SchemaUnsupported(f"no number is between {low} and {high}; nothing satisfies the JSON Schema")
    if kind == "integer" and high - low < MOST:
        return _choices(range(math.ceil(low), math.floor(high) + 1))
    if low >= 0:
        return "whole" if kind == "integer" else "positive"
    return kind


def _lowest(schema: Schema) -> float:
    """Give the lower limit; one that excludes itself is moved up to the next integer when the schema wants one."""
    exclusive = schema.get("exclusiveMinimum", -math.inf)
    step = math.floor(exclusive) + 1 if schema.get("type") == "integer" and exclusive > -math.inf else exclusive
    return float(max(schema.get("minimum", -math.inf), step))


def _highest(schema: Schema) -> float:
    exclusive = schema.get("exclusiveMaximum", math.inf)
    step = math.ceil(exclusive) - 1 if schema.get("type") == "integer" and exclusive < math.inf else exclusive
    return float(min(schema.get("maximum", math.inf), step))


def _limits(schema: Schema, least: str, most: str) -> tuple[int, int | None]:
    """Give two limits of a length; what is above `MOST` is left to the caller's check."""
    low, high = int(schema.get(least, 0)), schema.get(most)
    if high is not None and low > high:
        raise SchemaUnsupported(f"{least!r} {low} is above {most!r} {high}; nothing satisfies the JSON Schema")
    return (low if low <= MOST else 0), (None if high is None or high > MOST else int(high))


def _repeat(low: int, high: int | None) -> str:
    return f"{{{low},{'' if high is None else high}}}"


def _choices(values: Iterable[Any]) -> str:
    found = [_literal(value) for value in values]
    if not found:
        raise SchemaUnsupported("an 'enum' without choices allows nothing; give it one")
    return _alternatives(found)


def _literal(value: Any) -> str:
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _alternatives(expressions: Iterable[str]) -> str:
    return " | ".join(expressions)
