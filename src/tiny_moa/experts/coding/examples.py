"""Reads what a task says its code must do: doctests, asserts, "f(2) returns 4", input and output; pure, runs nothing."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

MAX_EXAMPLES = 12
_MAX_CHARS, _MAX_TRIED = 12_000, 60
"""How far into a task, and at how many places, examples are looked for: a text made to be slow must not be."""
ENTRY = "{entry}"
"""Stands for the name of the function where the task did not say it."""


@dataclass(frozen=True)
class Example:
    """One call and its result, as a task states them.

    Attributes:
        call: Source of the call; it begins with `ENTRY` where the task gives inputs and outputs only.
        want: Source of the result; empty when `call` is a claim that must hold.
        setup: Statements to run before.
    """

    call: str
    want: str = ""
    setup: str = ""


_ARROW = r"==>|=>|->|→|➞|⟶|⇒|↦|===?|="
_WORDS = (
    r"(?:should|must|will|would|shall)?\s*(?:returns?|be|equals?|gives?|yields?|outputs?|produces?|evaluates?\s+to|is|results?\s+in)"
    r"(?:\s+equal\s+to)?"
)
_KOREAN = r"(?:은|는|이|가|의\s*(?:결과|값|출력|반환값)(?:은|는|이|가)?|[을를]\s*(?:호출|실행|입력|계산)하면|→)(?:\s*결과는)?"
_CONNECTOR = re.compile(rf"[`'\"]?\s*(?:#\s*)?(?:{_ARROW}|{_WORDS}|{_KOREAN}|:)\s*[`:]?\s*", re.IGNORECASE)
_CALL = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(")
_NUMBER = re.compile(r"-?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?(?![A-Za-z0-9_(]|\.\d|\s*[*/%+]\s*\d)")
_NAMED = re.compile(r"(?:True|False|None|true|false|null)\b")
_BOTH = re.compile(
    r"(?:\binputs?|입력)\s*\d*\s*[:：=]\s*`?(?P<args>[^\n]{1,300}?)`?\s*[,;|]?\s*(?:\n\s*)?(?:[-*>]\s*)?(?:=>|->|→)?\s*"
    r"(?:\boutputs?|출력|결과)\s*\d*\s*[:：=]\s*`?(?P<want>[^\n]+)",
    re.IGNORECASE,
)
_FOR = re.compile(
    r"\b(?:for|given|with)\s+`?(?P<args>\w+\s*=[^\n]{1,300}?)`?\s*,?\s+(?:the\s+|your\s+)?(?:output|result|answer|function|return\s+value|it)\s+"
    r"(?:should|must|will|would)?\s*(?:be|is|return|returns|equals?|give|gives)\s+`?(?P<want>[^\n]+)",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"^[ \t]*>>>[ \t]?(.*)$")
_MORE = re.compile(r"^[ \t]*\.\.\.[ \t]?(.*)$")


def read_examples(text: str) -> tuple[Example, ...]:
    """Give the examples of a task in order, without repeats, at most twelve; of a very long task, those near its beginning."""
    doctests, rest = _doctests(text[:_MAX_CHARS])
    asserts, rest = _asserts(rest)
    found = [*doctests, *asserts, *_calls(rest), *_pairs(rest)]
    return tuple(dict.fromkeys(found))[:MAX_EXAMPLES]


# -- doctests -------------------------------------------------------------------------------------------------------


def _doctests(text: str) -> tuple[list[Example], str]:
    """Give the doctests and the text without them; statements before a call are its setup."""
    found: list[Example] = []
    rest: list[str] = []
    setup: list[str] = []
    lines = text.split("\n")
    while lines:
        line = lines.pop(0)
        if not (prompt := _PROMPT.match(line)):
            rest.append(line)
            continue
        source = [prompt[1]]
        while lines and (more := _MORE.match(lines[0])):
            source.append(more[1])
            lines.pop(0)
        want = _doctest_result(lines)
        call = "\n".join(source).strip()
        if want and _parses(call, "eval") and (value := as_source(want)):
            found.append(Example(call, value, "\n".join(setup)))
        elif not want and _is_claim(call):
            found.append(replace(example_of(f"assert {call}"), setup="\n".join(setup)))
        elif not want and _parses(call, "exec"):
            setup.append(call)
    return found, "\n".join(rest)


def _is_claim(call: str) -> bool:
    """Whether a line says that a call equals a value: many write their doctests so, without a result below."""
    return (
        _parses(call, "eval")
        and isinstance(node := ast.parse(call, mode="eval").body, ast.Compare)
        and isinstance(node.ops[0], ast.Eq)
    )


def _doctest_result(lines: list[str]) -> str:
    """Take the lines of a result off the front."""
    taken: list[str] = []
    while (
        len(taken) < _MAX_TRIED
        and lines
        and lines[0].strip()
        and not _PROMPT.match(lines[0])
        and not lines[0].strip().startswith(('"""', "'''", "```"))
    ):
        taken.append(lines.pop(0).strip())
        if as_source("\n".join(taken)) and not _goes_on(lines):
            break
    return "\n".join(taken)


def _goes_on(lines: list[str]) -> bool:
    return bool(lines) and bool(lines[0].strip()[:1] in tuple("])},"))


# -- asserts --------------------------------------------------------------------------------------------------------


def _asserts(text: str) -> tuple[list[Example], str]:
    """Give the asserts and the text without them."""
    found: list[Example] = []
    rest, position = "", 0
    for match in islice(re.finditer(r"\bassert\b", text), _MAX_TRIED):
        if match.start() < position or not (source := _statement(text[match.start() :])):
            continue
        rest += text[position : match.start()]
        position = match.start() + len(source)
        found.append(example_of(source))
    return found, rest + text[position:]


def _statement(text: str) -> str:
    """Give the longest beginning of a text, of six lines at most, that is one assert."""
    lines = text.split("\n")[:6]
    for count in range(1, len(lines) + 1):
        whole = "\n".join(lines[:count])
        found = islice(re.finditer(r"[`.,;]|\s(?:and|or)\s", whole), _MAX_TRIED)
        ends = [len(whole), *(match.start() for match in found)]
        for end in sorted(ends, reverse=True):
            source = whole[:end].rstrip(" `.,;")
            if _parses(source, "exec") and isinstance(ast.parse(source).body[0], ast.Assert):
                return source
    return ""


def example_of(source: str) -> Example:
    """Turn the source of one assert into an example: `a == b` is a call and its result, anything else a claim."""
    statement = ast.parse(source).body[0]
    assert isinstance(statement, ast.Assert)
    match statement.test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return Example(ast.unparse(left), ast.unparse(right))
        case test:
            return Example(ast.unparse(test))


# -- calls in prose -------------------------------------------------------------------------------------------------


def _calls(text: str) -> Iterator[Example]:
    """Find `f(2) → 4` and the same in words."""
    for match in islice(_CALL.finditer(text), _MAX_TRIED):
        if match[1] in dir(builtins) or re.search(r"\b(?:def|class)\s*$", text[: match.start()]):
            continue
        if not (arguments := _balanced(text, match.end() - 1)):
            continue
        call = match[1] + arguments
        if not _is_literal_call(call):
            continue
        rest = text[match.end() - 1 + len(arguments) :]
        if (joined := _CONNECTOR.match(rest)) and (want := literal_at(rest[joined.end() :])):
            yield Example(call, want)


def _pairs(text: str) -> Iterator[Example]:
    """Find `Input: 3` with `Output: 6` behind it, and `For n = 3 the result should be 6`."""
    for match in (*_BOTH.finditer(text), *_FOR.finditer(text)):
        arguments, want = match["args"].strip(" `.;,"), literal_at(match["want"])
        if want and _is_literal_call(call := f"f({arguments})"):
            node = ast.parse(call, mode="eval").body
            assert isinstance(node, ast.Call)
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if values:
                yield Example(ENTRY + "(" + ", ".join(ast.unparse(value) for value in values) + ")", want)


def _is_literal_call(call: str) -> bool:
    """Whether a text is one call whose arguments are plain values."""
    if not _parses(call, "eval"):
        return False
    node = ast.parse(call, mode="eval").body
    if not isinstance(node, ast.Call):
        return False
    return all(_is_literal(value) for value in [*node.args, *(keyword.value for keyword in node.keywords)])


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _balanced(text: str, start: int) -> str:
    """Give the bracketed text that begins at `start`, `` when it does not end within 2,000 characters."""
    depth, quote, position = 0, "", start
    while position < min(len(text), start + 2_000):
        letter = text[position]
        if quote:
            if letter == "\\":
                position += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0:
                return text[start : position + 1]
        position += 1
    return ""


def literal_at(text: str) -> str:
    """Give the source of the plain value a text begins with, empty when it begins with none."""
    text = text.lstrip()
    if text[:1] in ("(", "[", "{") and text:
        found = _balanced(text, 0)
    elif quoted := re.match(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", text):
        found = quoted[0]
    elif value := _NUMBER.match(text) or _NAMED.match(text):
        found = {"true": "True", "false": "False", "null": "None"}.get(value[0], value[0])
    else:
        return ""
    return as_source(found)


def as_source(text: str) -> str:
    """Give a text that is a plain Python value as one line of source, empty when it is no such value."""
    text = text.strip()
    if text == "set()":
        return text
    if not _parses(text, "eval") or not _is_literal(node := ast.parse(text, mode="eval").body):
        return ""
    return ast.unparse(node)


def _parses(source: str, mode: str) -> bool:
    try:
        body = ast.parse(source, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return mode == "eval" or bool(getattr(body, "body", ()))
