"""What may follow the beginning of an answer that is bound by a grammar; pure.

The first engine lets the grammar take an answer's given opening before it draws. xllamacpp always starts a grammar anew behind
the prompt, so the grammar itself is moved on: past each character of the opening, as llama.cpp moves its stacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tiny_moa.errors import SchemaUnsupported

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[\w-]+|\{\d*,?\d*\}|[()|*+?]')
_TIMES = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True)
class _Letter:
    """One character: its notation, and the same as a regular expression."""

    notation: str
    pattern: str


@dataclass(frozen=True)
class _Name:
    """Another rule."""

    name: str


@dataclass(frozen=True)
class _Choice:
    """One of several rows."""

    rows: tuple[_Row, ...]


@dataclass(frozen=True)
class _Times:
    """A thing several times; without limit when `high` is `None`."""

    thing: _Thing
    low: int
    high: int | None


_Thing = _Letter | _Name | _Choice | _Times
_Row = tuple[_Thing, ...]


def grammar_after(grammar: str, opening: str) -> str:
    """Give the grammar of what may follow `opening` in an answer that `grammar` allows.

    Args:
        grammar: What `schema_grammar` gives.
        opening: The beginning of the answer.

    Raises:
        SchemaUnsupported: No answer begins like that.
    """
    lines = dict(line.split(" ::= ", 1) for line in grammar.splitlines())
    walk = _Walk({name: _read(body) for name, body in lines.items()})
    rows = set(walk.rules["root"].rows)
    for letter in opening:
        rows = {row[1:] for begun in rows for row in walk.letters(begun) if row and _fits(row[0], letter)}
        if not rows:
            raise SchemaUnsupported("no answer that fits the JSON Schema begins with the given opening; change one of them")
    lines["root"] = _written(_Choice(tuple(sorted(rows, key=repr))))
    return "".join(f"{name} ::= {body}\n" for name, body in lines.items())


class _Walk(NamedTuple):
    """Finds what a row can begin with."""

    rules: Mapping[str, _Choice]

    def letters(self, row: _Row) -> Iterator[_Row]:
        """Give the rows a row can be read as that begin with a letter, or the empty one."""
        if not row or isinstance(row[0], _Letter):
            yield row
            return
        first, rest = row[0], row[1:]
        if isinstance(first, _Times):
            if first.high != 0:
                fewer = _Times(first.thing, max(first.low - 1, 0), None if first.high is None else first.high - 1)
                yield from self.letters((first.thing, fewer, *rest))
            if first.low == 0:
                yield from self.letters(rest)
            return
        choice = self.rules[first.name] if isinstance(first, _Name) else first
        for alternative in choice.rows:
            yield from self.letters((*alternative, *rest))


def _fits(thing: _Thing, letter: str) -> bool:
    return isinstance(thing, _Letter) and re.fullmatch(thing.pattern, letter, re.DOTALL) is not None


def _read(body: str) -> _Choice:
    tokens = _TOKEN.findall(body)[::-1]
    return _read_choice(tokens)


def _read_choice(tokens: list[str]) -> _Choice:
    """Read up to the closing bracket or the end; the tokens are in reverse order and used up."""
    rows: list[list[_Thing]] = [[]]
    while tokens and (token := tokens.pop()) != ")":
        row = rows[-1]
        if token == "|":
            rows.append([])
        elif token in _TIMES:
            row.append(_Times(row.pop(), *_TIMES[token]))
        elif token[0] == "{":
            low, _, high = token[1:-1].partition(",")
            row.append(_Times(row.pop(), int(low), int(high) if high else None))
        elif token[0] == "(":
            row.append(_read_choice(tokens))
        elif token[0] == '"':
            letters = tuple(_literal(letter) for letter in re.sub(r"\\(.)", r"\1", token[1:-1]))
            row.append(letters[0] if len(letters) == 1 else _Choice((letters,)))
        else:
            row.append(_Letter(token, token) if token[0] == "[" else _Name(token))
    return _Choice(tuple(tuple(row) for row in rows))


def _literal(letter: str) -> _Letter:
    return _Letter('"' + letter.replace("\\", "\\\\").replace('"', '\\"') + '"', re.escape(letter))


def _written(thing: _Thing) -> str:
    """Write a thing in the grammar's notation."""
    if isinstance(thing, _Letter):
        return thing.notation
    if isinstance(thing, _Name):
        return thing.name
    if isinstance(thing, _Choice):
        return " | ".join(" ".join(_part(part) for part in row) or '""' for row in thing.rows)
    return f"{_grouped(thing.thing)}{{{thing.low},{'' if thing.high is None else thing.high}}}"


def _part(thing: _Thing) -> str:
    return f"({_written(thing)})" if isinstance(thing, _Choice) else _written(thing)


def _grouped(thing: _Thing) -> str:
    return f"({_written(thing)})" if isinstance(thing, _Choice | _Times) else _written(thing)
