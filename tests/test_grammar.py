"""Tests of turning JSON Schemas into grammars; that the grammars bind is shown in test_engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import SchemaUnsupported
from tiny_moa.models.grammar import MOST, schema_grammar


def _rules(schema: Any) -> dict[str, str]:
    return dict(line.split(" ::= ", 1) for line in schema_grammar(schema).rstrip("\n").split("\n"))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"not": {}}, "'not'"),
        ({"if": {}, "then": {}}, "'if'"),
        ({"properties": {"a": {"patternProperties": {}}}}, "'patternProperties'"),
        ({"$ref": "https://example.org/schema"}, "leads out"),
        ({"$ref": "#/$defs/absent"}, "KeyError"),
        ({"type": "text"}, "'text' is no type"),
        ({"enum": []}, "without choices"),
        (False, "allows nothing"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "above"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no number"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "differently"),
        ({"properties": 3}, "malformed"),
        ([], "malformed"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "lacks"),
        ({"const": float("nan")}, "malformed"),
        ({"allOf": [{"$ref": "#"}, {"title": "again"}, {"type": "object"}]}, "malformed"),
        ({"enum": ["x" * 1000 + str(number) for number in range(300)]}, "grammar of"),
    ],
)
def test_a_schema_no_grammar_can_follow_says_why(schema: Any, why: str) -> None:
    with pytest.raises(SchemaUnsupported, match=why):
        schema_grammar(schema)


def test_a_short_range_of_integers_is_written_out() -> None:
    assert _rules({"type": "integer", "minimum": -1, "exclusiveMaximum": 2})["root"] == '"-1" | "0" | "1"'


def test_a_wide_range_keeps_the_sign() -> None:
    assert _rules({"type": "integer", "minimum": 0})["root"] == "whole"
    assert _rules({"type": "number", "minimum": 0.5, "maximum": 1})["root"] == "positive"
    assert _rules({"type": "integer", "maximum": 5})["root"] == "integer"


@pytest.mark.parametrize(("length", "bound"), [(MOST, f"char{{0,{MOST}}}"), (MOST + 1, "char{0,}")])
def test_a_length_is_bound_up_to_a_limit(length: int, bound: str) -> None:
    assert bound in _rules({"type": "string", "maxLength": length})["root"]


def test_choices_are_escaped_for_both_notations() -> None:
    assert _rules({"const": 'a"b\\c\nd 한'})["root"] == r'"\"a\\\"b\\\\c\\nd 한\""'


def test_a_recursive_schema_becomes_a_recursive_rule() -> None:
    tree = {
        "$ref": "#/$defs/T",
        "$defs": {"T": {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/T"}}}}},
    }
    rules = _rules(tree)
    assert sum(rules["root"] in rule for name, rule in rules.items() if name != "root") == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
SCHEMA = st.recursive(
    st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"]).map(lambda kind: {"type": kind})
    | st.lists(JSON, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    lambda inner: (
        st.dictionaries(st.text(max_size=4), inner, max_size=3).map(lambda found: {"type": "object", "properties": found})
        | st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found})
        | inner.map(lambda item: {"type": "array", "items": item, "maxItems": 3})
    ),
    max_leaves=8,
)


@given(SCHEMA)
def test_every_rule_that_is_used_exists(schema: Any) -> None:
    rules = _rules(schema)
    for rule in rules.values():
        bare = re.sub(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]', " ", rule)
        assert set(re.findall(r"[a-z]\w*", bare)) <= rules.keys()
