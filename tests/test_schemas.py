from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tiny_moa.experts.schemas import MOST_SEARCHED, argument_fault, may_take_forever, schema_fault


def having(part: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": part}, **more}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = having(schema)
    return schema


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (having({"type": "text"}), "the types are object, array"),
        (having({"$ref": "#/$defs/none"}), "leads nowhere"),
        (having({"$ref": "http://example.com/a.json"}), "leads nowhere"),
        (having({"$ref": "#/properties/x"}), "leads to itself"),
        (having({"$dynamicRef": "#node"}), "leads nowhere"),
        (having({"$ref": "#/$defs/a"}, **{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}), "leads to itself"),
        ({"type": "object", "allOf": [{"$ref": "#"}]}, "in a circle"),
        (having({"anyOf": [{"type": "null"}, {"not": {"$ref": "#/properties/x"}}]}), "in a circle"),
        (having({"type": "string", "pattern": "("}), "pattern"),
        ({"type": "object", "patternProperties": {"(a+)+$": {}}}, "repeats inside repeats"),
        (nested(300), "levels deep"),
    ],
)
def test_a_schema_that_cannot_be_followed_names_its_fault(schema: dict[str, Any], words: str) -> None:
    assert words in str(schema_fault(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {},
        having(True),
        having({"$ref": "#/$defs/a"}, **{"$defs": {"a": {"type": "string"}}}),
        having({"$ref": "#/definitions/a"}, definitions={"a": {"type": "string"}}),
        having({"type": "array", "items": {"$ref": "#"}}),
        {"$id": "https://example.com/tool", **having({"$ref": "#/$defs/a"}, **{"$defs": {"a": {}}})},
        having({"$ref": "#word"}, **{"$defs": {"a": {"$anchor": "word", "type": "string"}}}),
        having({"enum": [{"$ref": 3}]}),
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
    ],
)
def test_a_schema_that_leads_into_itself_has_no_fault(schema: dict[str, Any]) -> None:
    assert schema_fault(schema) is None
    assert argument_fault({}, schema) is None


def test_a_pattern_that_may_take_forever_is_not_tried_on_a_long_text() -> None:
    schema = having({"type": "string", "pattern": "(a+)+$"})
    assert argument_fault({"x": "aaa"}, schema) is None
    assert "does not match" in str(argument_fault({"x": "aab"}, schema))
    assert "too long" in str(argument_fault({"x": "a" * (MOST_SEARCHED + 20) + "!"}, schema))


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|aa)*", "([a-z]+)*$", "((a{1,3})b?)+", r"(\w+\s?)*", "(a*)*", "(?:x?)+", r"((a)\2)+"]
)
def test_repeats_of_what_varies_are_found(pattern: str) -> None:
    assert may_take_forever(pattern)


@pytest.mark.parametrize(
    "pattern", ["^[a-z]+$", r"^\d{4}-\d{2}-\d{2}$", "(ab)+", r"^(\d{3}-)*\d{4}$", "[(a+)+]", r"\(a+\)+", "a{2,5}", "^(x|y)$", ""]
)
def test_plain_patterns_are_tried_on_any_text(pattern: str) -> None:
    assert not may_take_forever(pattern)


@given(st.text("ab()[]{}*+?|\\1,2^$.", max_size=14))
def test_any_pattern_can_be_judged(pattern: str) -> None:
    assert may_take_forever(pattern) in (True, False)


_PARTS = st.sampled_from(["a", "b", "[ab]", "a?", "b{2}", "(ab)", "(a|b)", "a+", "(ab)*", "(ab)+b", "a*"])


@given(st.lists(_PARTS, max_size=5).map("".join), st.text("ab", max_size=12))
def test_a_pattern_means_what_it_means_to_the_library(pattern: str, text: str) -> None:
    schema = having({"type": "string", "pattern": pattern})
    is_valid = Draft202012Validator(schema).is_valid({"x": text})
    assert (argument_fault({"x": text}, schema) is None) == is_valid == (re.search(pattern, text) is not None)
