"""Reads tool calls out of what models write: Python-like, JSON in tags, plain JSON, FunctionGemma's; nothing is evaluated.

Each reader gives the calls in order, nothing when there is no sign of one, and raises `CallsUnreadable`, and only that, when
there is a sign and no whole call: half of a list of calls is not acted upon.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from tiny_moa.errors import CallsUnreadable
from tiny_moa.models.families.spans import closing

MOST_CHARACTERS = 65_536
"""A longer text is refused: no small model writes that much to call a tool."""
_MOST_STARTS = 64
"""How many places of a text are tried as the beginning of a call."""
_MOST_DEPTH = 64
_MOST_INTEGER = 2**256
_FAULTS = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, TypeError)


@dataclass(frozen=True)
class ToolCall:
    """One call: a tool's name and its arguments as JSON values; neither was checked against any tool."""

    name: str
    arguments: dict[str, Any]


def _unreadable(text: str, why: object) -> NoReturn:
    shown = text.strip()[:80]
    raise CallsUnreadable(f"the model wrote {shown!r}, which begins as a tool call and is none ({why}); ask again") from None


def _bounded(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        _unreadable(text, f"{len(text)} characters, {MOST_CHARACTERS} are read")
    return text


def _unfenced(text: str) -> str:
    """Take a Markdown fence away that stands around the whole text."""
    found = re.fullmatch(r"\s*```\w*\n(.*?)\n?```\s*", text, re.DOTALL)
    return found[1] if found else text


def _blocks(text: str, begin: str, end: str) -> list[str] | None:
    """Give what stands between marks, `None` when there is no opening mark; the last closing mark may be missing."""
    first, *rest = text.split(begin)
    if not rest:
        return [first.split(end)[0]] if end in first else None
    return [piece.split(end)[0] for piece in rest]


# -- JSON -----------------------------------------------------------------------------------------------------------


def read_tagged(text: str) -> tuple[ToolCall, ...]:
    """Read JSON between `<tool_call>` and `</tool_call>`: an object, several, or a list; without tags as plain JSON."""
    blocks = _blocks(_bounded(text), "<tool_call>", "</tool_call>")
    if blocks is None:
        return read_json(text)
    calls: list[ToolCall] = []
    for block in blocks:
        try:
            calls += [_call_of(value) for value in _flat(_json_values(_unfenced(block)))]
        except _FAULTS as exc:
            _unreadable(block, exc)
    return tuple(calls)


def read_json(text: str) -> tuple[ToolCall, ...]:
    """Read plain JSON: a list of calls or one, alone or in a text; other JSON and other texts are no calls."""
    text = _unfenced(_bounded(text))
    for start in _starts(r"[\[{]", text):
        try:
            value, _ = _DECODER.raw_decode(text, start)
            if found := [_call_of(one) for one in _flat([value])]:
                return tuple(found + _following(text, start))
        except _FAULTS:
            continue
    if re.search(r"[\[{]\s*[\[{]?\s*['\"](?:name|function)['\"]\s*:", text):
        _unreadable(text, "not whole JSON")
    return ()


def _following(text: str, start: int) -> list[ToolCall]:
    """Read the objects that directly follow a first one."""
    found: list[ToolCall] = []
    _, end = _DECODER.raw_decode(text, start)
    while (gap := re.compile(r"[\s,;]*(?=\{)").match(text, end)) is not None:
        value, end = _DECODER.raw_decode(text, gap.end())
        found.append(_call_of(value))
    return found


def _starts(pattern: str, text: str) -> Iterator[int]:
    for count, found in enumerate(re.finditer(pattern, text)):
        if count == _MOST_STARTS:
            return
        yield found.start()


def _json_values(text: str) -> list[Any]:
    """Give every JSON value of a text that holds nothing else."""
    values, position = [], 0
    while rest := text[position:].lstrip(" \t\r\n,;"):
        value, end = _DECODER.raw_decode(rest)
        position = len(text) - len(rest) + end
        values.append(value)
    if not values:
        raise ValueError("empty")
    return values


def _flat(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def _call_of(value: Any) -> ToolCall:
    """Read one call object, as the several vendors spell it.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
        raise ValueError("no name")
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments, _ = _DECODER.raw_decode(arguments.strip() or "{}")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are no object")
    return _made(value["name"], arguments)


def _made(name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(_checked(name, 1), _checked(arguments, _MOST_DEPTH))


def _checked(value: Any, depth: int) -> Any:
    """Give back a JSON value; refuse what could not be written as JSON again and what is nested without end."""
    if not depth:
        raise ValueError("nested too deeply")
    match value:
        case dict():
            return {_checked(key, 1): _checked(item, depth - 1) for key, item in value.items()}
        case list():
            return [_checked(item, depth - 1) for item in value]
        case str():
            value.encode()  # half of a surrogate pair is no text
        case float() if not math.isfinite(value):
            raise ValueError("not a finite number")
        case int() if abs(value) >= _MOST_INTEGER:
            raise ValueError("too large a number")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


# -- Python-like ----------------------------------------------------------------------------------------------------

_CALL_START = r"\[\s*[A-Za-z_][\w.-]*\s*\("
_BARE_CALL = re.compile(r"[A-Za-z_][\w.-]*\s*\(")
_NAMES = {"true": True, "false": False, "null": None, "none": None, "True": True, "False": False, "None": None}


def read_pythonic(text: str) -> tuple[ToolCall, ...]:
    """Read `[name(key='value'), ...]`, with or without LFM's marks around it; JSON is understood as well.

    Values are Python literals or JSON literals. Arguments without a name are refused: there is no telling which they are.
    """
    blocks = _blocks(_bounded(text), "<|tool_call_start|>", "<|tool_call_end|>")
    if blocks is not None:
        return tuple(call for block in blocks for call in _pythonic_block(block))
    for start in _starts(_CALL_START, text):
        end = closing(text, start)
        if end is None and re.search(r"\)\s*\]\s*$", text):
            end = len(text)  # a quotation mark inside a text hid the end
        if end is not None:
            return _python_calls(text[start:end])
        _unreadable(text[start:], "the list is not closed")
    alone = _unfenced(text).strip()
    if _BARE_CALL.match(alone) and alone.endswith(")"):
        return _python_calls(f"[{alone}]")
    return read_json(text)


def _pythonic_block(block: str) -> tuple[ToolCall, ...]:
    block = _unfenced(block).strip()
    if re.match(r"[\[{]\s*[{\"]", block) or block in ("[]", "[ ]"):
        try:
            return tuple(_call_of(value) for value in _flat(_json_values(block)))
        except _FAULTS as exc:
            _unreadable(block, exc)
    return _python_calls(block if block.startswith("[") else f"[{block}]")


def _python_calls(source: str) -> tuple[ToolCall, ...]:
    try:
        try:
            nodes = _python_list(source)
        except SyntaxError:
            nodes = _python_list(_requoted(source))
        return tuple(_python_call(node) for node in nodes)
    except _FAULTS as exc:
        _unreadable(source, exc)


def _python_list(source: str) -> list[ast.expr]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the parser warns of odd escapes in strings, which are the model's business
        tree = ast.parse(source.strip(), mode="eval")
    if not isinstance(tree.body, ast.List) or not tree.body.elts:
        raise ValueError("no calls")
    return tree.body.elts


def _requoted(source: str) -> str:
    """Write texts with quotation marks or line ends inside as Python would.

    LFM2.5's own template puts texts between quotation marks as they are, so that is what the model learnt. Such a text ends
    where the next argument or the end of the call follows.
    """
    pieces, at = [], 0
    while found := re.compile(r"=\s*(['\"])").search(source, at):
        end = re.compile(found[1] + r"(?=\s*(?:,\s*[A-Za-z_]\w*\s*=|\)\s*(?:,|\]|$)))").search(source, found.end())
        if end is None:
            raise ValueError("a text is not closed")
        inside = source[found.end() : end.start()].replace(f"\\{found[1]}", found[1])
        pieces.append(source[at : found.start(1)] + repr(inside))
        at = end.end()
    return "".join(pieces) + source[at:]


def _python_call(node: ast.expr) -> ToolCall:
    prefix = ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):  # a tool's name with a dash reads as a subtraction
        prefix, node = f"{_dotted(node.left)}-", node.right
    if not isinstance(node, ast.Call) or node.args:
        raise ValueError("not a call with named arguments")
    arguments: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in arguments:
            raise ValueError("an argument without a name, or twice")
        arguments[keyword.arg] = _literal(keyword.value, _MOST_DEPTH)
    return _made(prefix + _dotted(node.func), arguments)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f"{_dotted(left)}-{_dotted(right)}"
    raise ValueError("not a name")


def _literal(node: ast.expr, depth: int) -> Any:
    """Give the JSON value of a literal; nothing is looked up and nothing computed but a sign."""
    if not depth:
        raise ValueError("nested too deeply")
    match node:
        case ast.Constant(value=bool() | str() | int() | float() | None):
            return node.value
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_literal(item, depth - 1) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(key): _literal(value, depth - 1) for key, value in zip(keys, values, strict=True)}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as number)):
            if not isinstance(number, bool):
                return -number if isinstance(sign, ast.USub) else number
    raise ValueError("not a literal")


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError("not a text as key")


# -- FunctionGemma --------------------------------------------------------------------------------------------------


def read_declared(text: str) -> tuple[ToolCall, ...]:
    """Read `call:name{key:<escape>text<escape>,...}`, with or without FunctionGemma's marks around it."""
    from tiny_moa.models.families.declared import CallText

    blocks = _blocks(_bounded(text), "<start_function_call>", "<end_function_call>")
    pieces = blocks if blocks is not None else [text[start:] for start in _starts(r"\bcall:\s*[A-Za-z_]", text)][:1]
    calls: list[ToolCall] = []
    for piece in pieces:
        try:
            calls += [_made(name, arguments) for name, arguments in CallText(piece).calls()]
        except _FAULTS as exc:
            _unreadable(piece, exc)
    return tuple(calls)
