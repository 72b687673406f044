from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_moa.errors import SchemaUnsupported
from tiny_moa.models.grammar import schema_grammar
from tiny_moa.models.opening_grammar import grammar_after

LETTERS = st.characters(exclude_categories=("Cc", "Cs"))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(LETTERS, max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=5,
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 4}, "size": {"enum": ["big", 'a "b" \\ c']}},
    "required": ["city", "size"],
}


def root(grammar: str) -> str:
    return next(line.removeprefix("root ::= ") for line in grammar.splitlines() if line.startswith("root ::= "))


def may_end(grammar: str) -> bool:
    return '""' in root(grammar).split(" | ")


@given(st.lists(ANYTHING, max_size=3), st.data())
def test_every_beginning_of_an_allowed_answer_can_be_gone_on_with(value: list[Any], data: st.DataObject) -> None:
    grammar, text = schema_grammar({"type": "array"}), json.dumps(value, ensure_ascii=False)
    cut = data.draw(st.integers(0, len(text) - 1))
    after = grammar_after(grammar, text[:cut])
    assert not may_end(after)
    assert may_end(grammar_after(after, text[cut:]))


@pytest.mark.parametrize("cut", range(1, len('{"city": "Rome", "size": "big"}')))
def test_going_on_in_two_steps_is_going_on_in_one(cut: int) -> None:
    grammar, text = schema_grammar(CITY), '{"city": "Rome", "size": "big"}'
    assert not may_end(grammar_after(grammar, text[:cut]))
    assert may_end(grammar_after(grammar_after(grammar, text[:cut]), text[cut:]))


@pytest.mark.parametrize("opening", ["[", '{"town', '{"city": 5', '{"city": "Paris', '{"city": "Rome"}', '{"city": "a\n'])
def test_an_opening_no_answer_begins_with_is_refused(opening: str) -> None:
    with pytest.raises(SchemaUnsupported, match="begins with the given opening"):
        grammar_after(schema_grammar(CITY), opening)


def test_what_is_left_of_a_length_is_kept() -> None:
    after = grammar_after(schema_grammar({"type": "string", "maxLength": 4}), '"ab')
    assert root(after) == r'char{0,2} "\""'


def test_no_opening_changes_nothing() -> None:
    grammar = schema_grammar(CITY)
    assert sorted(grammar_after(grammar, "").splitlines()) == sorted(grammar.splitlines())


def test_a_choice_with_quotes_and_backslashes_is_followed() -> None:
    after = grammar_after(schema_grammar(CITY), '{"city": "", "size": "a \\"b')
    assert root(after).startswith(r'"\\"')
