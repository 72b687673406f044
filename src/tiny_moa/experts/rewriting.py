"""Rewrites programs so that the sandbox's interpreter, a subset of Python, can run them; every change keeps what they compute.

Modules that it lacks come in front as text, from `sandbox_modules`. Statements and methods that it lacks become calls of small
functions that do the same. What cannot be changed surely stays, so that the interpreter refuses it. Pure; runs nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib import import_module

from tiny_moa.experts.spare_texts import (
    BUILT_IN,
    CLASS_METHODS,
    HOLDERS,
    MODULES,
    REFERENCES,
    helper_texts,
    module_text,
    public_names,
)

ADDED = {"functools": frozenset({"wraps"})}
"""What is added to modules that the interpreter has itself."""
_STARRED = ("math", "itertools", "functools", "collections", "bisect", "random", "typing")
"""Modules of the interpreter of which everything may be imported at once."""
_METHODS = {"bit_length": 0, "bit_count": 0, "is_integer": 0, "translate": 1}
_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def rewritten(source: str) -> str:
    """Give a program that computes the same in the sandbox; the same text when there is nothing to change.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: The source does not parse.
    """
    tree = ast.parse(source)
    rewriter = _Rewriter(tree)
    changed = rewriter.visit(tree)
    if not (rewriter.helpers or rewriter.modules or rewriter.references or rewriter.has_changed):
        return source
    helpers = "".join(f"{helper_texts()[name]}\n" for name in sorted(rewriter.helpers))
    modules = "".join(module_text(name) for name in sorted(rewriter.modules))
    references = "".join(REFERENCES[kind](name, method) for kind, name, method in sorted(rewriter.references))
    return f"{modules}{helpers}{references}\n{ast.unparse(ast.fix_missing_locations(changed))}\n"


class _Rewriter(ast.NodeTransformer):
    """One pass over a program; says which helpers and modules it came to need."""

    def __init__(self, tree: ast.Module) -> None:
        self.helpers: set[str] = set()
        self.modules: set[str] = set()
        self.references: set[tuple[str, str, str]] = set()
        self._called: set[int] = set()
        self.has_changed = False
        self._bound = _bound_names(tree)
        self._read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self._aliases = {
            one.asname or one.name: one.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for one in node.names
            if (one.asname or one.name) not in self._bound
        }
        self._has_fractions = any(_names_module(node, "fractions") for node in ast.walk(tree))
        self._sorts_by = _sorting_only(tree)

    # -- imports ----------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.AST]:
        """Replace modules that the interpreter lacks by those put in front."""
        made: list[ast.AST] = []
        for one in node.names:
            if one.name in MODULES and one.name not in ADDED:
                made.append(self._assigned(one.asname or one.name, self._module(one.name)))
            else:
                made.append(ast.Import([one]))
        return node if all(isinstance(one, ast.Import) for one in made) else made

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.AST]:
        """Replace names of such modules; of a star, take the names that the program reads."""
        name, names = node.module or "", node.names
        if name == "__future__":
            return ast.Pass()  # it must stand first, and changes nothing here
        if node.level or (name not in MODULES and name not in _STARRED):
            return node
        if names[0].name == "*":
            names = [ast.alias(one) for one in self._starred(name)]
            self.has_changed = True
        ours = ADDED[name] if name in ADDED else public_names(name) if name in MODULES else frozenset()
        made: list[ast.AST] = []
        for one in names:
            if one.name in ours:
                value = ast.Attribute(self._module(name), one.name, ast.Load())
                made.append(self._assigned(one.asname or one.name, value))
            elif not (one.name == "cmp_to_key" and self._sorts_by):
                made.append(ast.ImportFrom(name, [one], 0))
        return made or ast.Pass()

    def _starred(self, name: str) -> list[str]:
        known = public_names(name) if name in MODULES and name not in ADDED else frozenset(dir(import_module(name)))
        return sorted(one for one in known & self._read - self._bound if not one.startswith("_"))

    def _module(self, name: str) -> ast.Name:
        self.modules.add(name)
        return ast.Name(f"_module_{name}_", ast.Load())

    def _assigned(self, name: str, value: ast.expr) -> ast.Assign:
        return ast.Assign([ast.Name(name, ast.Store())], value)

    # -- statements and calls ---------------------------------------------------------------------------------------

    def visit_Delete(self, node: ast.Delete) -> ast.AST | list[ast.AST]:
        """Take items out by a call; names cannot be deleted."""
        self.generic_visit(node)
        if not all(isinstance(target, ast.Subscript) for target in node.targets):
            return node
        calls: list[ast.AST] = []
        for target in node.targets:
            assert isinstance(target, ast.Subscript)
            call = self._helped("_delete_", [_loading(target.value), _key(target.slice)])
            calls.append(ast.Expr(call))
        return calls

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Leave the limit of recursion to the sandbox; have lists sorted by comparisons."""
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr == "setrecursionlimit" and _is_alias(call.func.value, self._aliases, "sys"):
                self.has_changed = True
                return ast.Pass()
            if self._sorts_by and _is_sort(call) and _comparison(call):
                self.generic_visit(node)
                target, made = call.func.value, self._sorted(call, call.func.value)
                return ast.Assign([ast.Subscript(_loading(target), ast.Slice(), ast.Store())], made)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace methods that the interpreter lacks."""
        self._called.add(id(node.func))
        self.generic_visit(node)
        if self._sorts_by and _is_name(node.func, "sorted") and len(node.args) == 1 and _comparison(node):
            return self._sorted(node, node.args[0])
        if not isinstance(node.func, ast.Attribute) or node.keywords:
            return node
        holder, method = node.func.value, node.func.attr
        if method == "maketrans" and _is_name(holder, "str") and "str" not in self._bound and 1 <= len(node.args) <= 3:
            return self._helped("_maketrans_", node.args)
        if _METHODS.get(method) == len(node.args):
            return self._helped(f"_{method}_", [holder, *node.args])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Take what was added to one of the interpreter's modules from there."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.attr in ADDED.get(self._aliases.get(node.value.id, ""), ()):
            return ast.Attribute(self._module(self._aliases[node.value.id]), node.attr, ast.Load())
        return self._reference(node) if isinstance(node.ctx, ast.Load) else node

    def _reference(self, node: ast.Attribute) -> ast.AST:
        """Make functions of methods that are not called where they stand."""
        name, method = node.value.id if isinstance(node.value, ast.Name) else "", node.attr
        if method.startswith("_") or method in CLASS_METHODS or name in self._aliases:
            return node
        if name in BUILT_IN and name not in self._bound:
            if method in _METHODS:
                self.helpers.add(f"_{method}_")
                return ast.Name(f"_{method}_", ast.Load())
            if hasattr(HOLDERS[name], method):
                self.references.add(("free", name, method))
                return ast.Name(f"_{name}_{method}_", ast.Load())
        if id(node) in self._called or not any(hasattr(holder, method) for holder in HOLDERS.values()):
            return node
        self.references.add(("bound", "", method))
        return ast.Call(ast.Name(f"_bound_{method}_", ast.Load()), [node.value], [])

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Have fractions compared by their own methods."""
        self.generic_visit(node)
        sign = _SIGNS.get(type(node.ops[0]))
        if not self._has_fractions or len(node.ops) != 1 or sign is None:
            return node
        self._module("fractions")
        return self._helped("_compared_", [ast.Constant(sign), node.left, *node.comparators])

    def _sorted(self, call: ast.Call, items: ast.expr) -> ast.Call:
        compare = _comparison(call)
        assert compare is not None
        return self._helped("_sorted_by_", [items, compare], [one for one in call.keywords if one.arg == "reverse"])

    def _helped(self, helper: str, args: list[ast.expr], keywords: list[ast.keyword] | None = None) -> ast.Call:
        self.helpers.add(helper)
        return ast.Call(ast.Name(helper, ast.Load()), args, keywords or [])


def _bound_names(tree: ast.Module) -> frozenset[str]:
    """The names that a program gives a meaning of its own, imports apart."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return frozenset(bound)


def _names_module(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == name
    return isinstance(node, ast.Import) and any(one.name == name for one in node.names)


def _sorting_only(tree: ast.Module) -> bool:
    """Whether `cmp_to_key` comes only as the key of `sorted(...)` and of `.sort(...)` by itself."""
    uses = sum(_is_cmp_to_key(node) for node in ast.walk(tree))
    keyed = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _comparison(node):
            keyed += _is_name(node.func, "sorted") and len(node.args) == 1
        if isinstance(node, ast.Expr) and isinstance(call := node.value, ast.Call) and _comparison(call):
            keyed += _is_sort(call)
    return uses > 0 and uses == keyed


def _is_sort(call: ast.Call) -> bool:
    """Whether a call sorts a list that a name stands for, so that the name may be read twice."""
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr == "sort" and not call.args
    return is_method and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)


def _is_cmp_to_key(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "cmp_to_key") or (
        isinstance(node, ast.Attribute) and node.attr == "cmp_to_key" and _is_name(node.value, "functools")
    )


def _comparison(call: ast.Call) -> ast.expr | None:
    """The function compared by, when a call's `key` is `cmp_to_key(...)` and nothing but `reverse` stands beside it."""
    if {keyword.arg for keyword in call.keywords} - {"key", "reverse"}:
        return None
    for keyword in call.keywords:
        key = keyword.value
        if keyword.arg == "key" and isinstance(key, ast.Call) and len(key.args) == 1 and _is_cmp_to_key(key.func):
            return key.args[0]
    return None


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_alias(node: ast.AST, aliases: Mapping[str, str], module: str) -> bool:
    return isinstance(node, ast.Name) and aliases.get(node.id) == module


def _loading(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


def _key(node: ast.expr) -> ast.expr:
    if not isinstance(node, ast.Slice):
        return node
    parts: list[ast.expr] = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
    return ast.Call(ast.Name("slice", ast.Load()), parts, [])


# -- what cannot be helped ------------------------------------------------------------------------------------------

_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
_IGNORED = (
    (re.compile(r"TypeError: object of type '(\w+)' has no len\(\)"), ("__len__",)),
    (re.compile(r"TypeError: '[<>]=?' not supported between instances of '(\w+)' and '(\w+)'"), _ORDER),
    (re.compile(r"TypeError: '(\w+)' object is not reversible"), ("__reversed__", "__len__")),
    (re.compile(r"AttributeError: '(\w+)' object has no attribute '\w+'"), ("__getattr__", "__getattribute__")),
)


def ignored_method(source: str, error: str) -> str:
    """Name the method of a program's own class that the interpreter ignored, so that it raised an error; empty for none."""
    for pattern, methods in _IGNORED:
        if not (found := pattern.match(error)):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and node.name in found.groups():
                own = [one.name for one in node.body if isinstance(one, ast.FunctionDef) and one.name in methods]
                if own:
                    return f"the method {own[0]} of classes"
    return ""
