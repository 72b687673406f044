"""Reads and mends Python source: which names it defines, which a task demands, what it forgot to import; pure, runs nothing."""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MODULES = """
    bisect collections copy datetime functools hashlib heapq itertools json math operator random re string
"""
_MEMBERS = {
    "typing": """
        Any Callable Deque Dict FrozenSet Generator Iterable Iterator List Literal Mapping Optional Sequence Set Tuple Union
    """,
    "collections": "Counter OrderedDict defaultdict deque namedtuple",
    "functools": "cache lru_cache reduce",
    "itertools": "accumulate combinations permutations product zip_longest",
    "math": "ceil factorial floor gcd isqrt sqrt",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "dataclasses": "dataclass",
}
_IMPORTS = {module: f"import {module}" for module in _MODULES.split()} | {
    name: f"from {module} import {name}" for module, names in _MEMBERS.items() for name in names.split()
}
"""How a name that everybody knows comes into a module."""
_NAME = r"(?<![A-Za-z0-9_])[`'\"]?([A-Za-z_][A-Za-z0-9_]{0,60})(?![A-Za-z0-9_])[`'\"]?"
_DEMANDS = (
    re.compile(rf"\b(?:function|method|class)\s+(?:named|called|with\s+the\s+name)\s+{_NAME}", re.IGNORECASE),
    re.compile(r"\b(?:function|method|class)\s+[`'\"]([A-Za-z_]\w*)(?:\([^`\n]*\))?[`'\"]", re.IGNORECASE),
    re.compile(rf"\b(?:name|call)\s+(?:it|the\s+(?:\w+\s+)?(?:function|method|class))\s+{_NAME}", re.IGNORECASE),
    re.compile(rf"(?:함수|메서드|클래스)(?:의)?\s*(?:이름은|이름을|이름:|명은)\s*{_NAME}"),
    re.compile(rf"{_NAME}\s*(?:이라는|라는|란|이란)\s*(?:이름의\s*)?(?:파이썬\s*)?(?:함수|메서드|클래스)"),
    re.compile(r"`([A-Za-z_]\w*)(?:\([^`\n]*\))?`\s*(?:함수|메서드|클래스|function\b|method\b)"),
)


@dataclass(frozen=True)
class Stub:
    """The beginning of a program that a task shows and wants completed.

    Attributes:
        imports: Its import statements.
        helpers: Source of the functions it gives with their bodies, by name.
        wanted: The functions without a body, a docstring apart.
    """

    imports: tuple[str, ...] = ()
    helpers: tuple[tuple[str, str], ...] = ()
    wanted: tuple[str, ...] = ()


def parsed(source: str) -> ast.Module | None:
    """Parse a source, `None` when it does not parse."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined_names(source: str) -> tuple[str, ...]:
    """Give the functions and classes a source defines at its top, in order; none when it does not parse."""
    tree = parsed(source)
    return tuple(node.name for node in tree.body if isinstance(node, _DEFINITIONS)) if tree else ()


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def called_names(source: str) -> tuple[str, ...]:
    """Give the names a source calls and neither defines, imports nor assigns, in order."""
    tree = parsed(source)
    if tree is None:
        return ()
    known = _bound(tree) | set(dir(builtins))
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return tuple(dict.fromkeys(name for name in calls if name not in known))


def demanded_names(task: str) -> tuple[str, ...]:
    """Give the names a task's words say the code must define: "a function named f", "`f` 함수"; not those of its examples."""
    found = [match[1] for pattern in _DEMANDS for match in pattern.finditer(task[:_MAX_CHARS])]
    stubs = read_stub(task).wanted
    return tuple(dict.fromkeys([*stubs, *(name for name in found if name.lower() not in _NO_NAMES)]))


_NO_WORDS = """
    a an and as by for from in is it of on or that the this to which with named called 이름
"""
_NO_NAMES = frozenset(_NO_WORDS.split())


def read_stub(task: str) -> Stub:
    """Find the beginning of a program in a task: the longest run of lines that parses, from the first that looks like code."""
    lines = task.split("\n")[:_MAX_LINES]
    starts = [number for number, line in enumerate(lines) if re.match(r"(?:from\s+\w|import\s+\w|def\s+\w|class\s+\w|@\w)", line)]
    for start in starts[:3]:
        end = len(lines)
        while end > start:
            code = "\n".join("" if line.startswith("```") else line for line in lines[start:end])
            try:
                return _stub_of(ast.parse(code), code)
            except SyntaxError as exc:  # nothing that holds the fault parses
                end = min(end - 1, start + (exc.lineno or 1) - 1)
            except (ValueError, RecursionError, MemoryError):
                break
    return Stub()


_MAX_LINES, _MAX_CHARS = 300, 12_000


def _stub_of(tree: ast.Module, code: str) -> Stub:
    functions = [node for node in tree.body if isinstance(node, _DEFINITIONS)]
    wanted = tuple(node.name for node in functions if _is_empty(node.body))
    helpers = [(node.name, ast.get_source_segment(code, node) or "") for node in functions if node.name not in wanted]
    imports = tuple(ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    return Stub(imports, tuple(helpers), wanted) if wanted else Stub()


def _is_empty(body: Sequence[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body
    )


# -- mending --------------------------------------------------------------------------------------------------------


def completed(source: str, stub: Stub) -> str:
    """Give a source what it uses and forgot: the stub's imports and helpers, and imports that everybody knows.

    A source that does not parse, or that lacks nothing, is given back as it is, byte for byte.
    """
    tree = parsed(source)
    if tree is None or "__future__" in source:
        return source
    lacking = _used(tree) - _bound(tree) - set(dir(builtins))
    heads: list[str] = []
    for statement in stub.imports:
        if node := parsed(statement):
            names = _bound(node)
            if names & lacking:
                heads.append(statement)
                lacking -= names
    helpers = [text for name, text in stub.helpers if name in lacking]
    for text in helpers:
        if node := parsed(text):
            lacking = (lacking | (_used(node) - _bound(node) - _bound(tree) - set(dir(builtins)))) - _bound(node)
    heads += sorted({_IMPORTS[name] for name in lacking if name in _IMPORTS})
    if not heads and not helpers:
        return source
    return "\n".join([*heads, ""]) + "".join(f"\n\n{text}\n" for text in helpers) + "\n\n" + source.lstrip("\n")


def renamed(source: str, wanted: Iterable[str]) -> str:
    """Give the one function a source defines the one name that is wanted of it; any other case is given back unchanged."""
    have = [name for name in defined_names(source) if not name.startswith("_")]
    lacking = [name for name in dict.fromkeys(wanted) if name not in have]
    if len(have) != 1 or len(lacking) != 1 or lacking[0] in _all_names(source):
        return source
    old, new = have[0], lacking[0]
    lines = source.splitlines(keepends=True)
    for token in reversed(_tokens(source)):
        if token.type == tokenize.NAME and token.string == old:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + new + line[column + len(old) :]
    return "".join(lines)


def _tokens(source: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return []


def _all_names(source: str) -> set[str]:
    return {token.string for token in _tokens(source) if token.type == tokenize.NAME}


def _used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _bound(tree: ast.Module) -> set[str]:
    """Give every name a module binds anywhere; scopes do not matter, for a name bound anywhere is not forgotten."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
    return found
