"""The texts that are put in front of rewritten programs: modules, helpers and methods as functions. Pure; runs nothing."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("sandbox_modules")
MODULES = frozenset(path.stem for path in FOLDER.glob("[!_]*.py"))
"""The modules that are put in front of programs, whole or in part."""
HOLDERS: Mapping[str, type] = {
    "str": str, "list": list, "dict": dict, "set": set, "frozenset": frozenset, "tuple": tuple, "bytes": bytes, "int": int,
    "float": float, "Counter": Counter, "defaultdict": defaultdict, "deque": deque,
}  # fmt: skip
"""The types whose methods the interpreter calls, but does not give as values: `key=counts.get`, `map(str.upper, words)`."""
BUILT_IN = frozenset(HOLDERS) - {"Counter", "defaultdict", "deque"}
"""Those of them that need no import."""
CLASS_METHODS = frozenset({"maketrans", "fromkeys", "from_bytes", "fromhex"})
"""Methods of the types themselves."""

# -- methods as values ----------------------------------------------------------------------------------------------


def _free(holder: str, method: str) -> str:
    """A method of a type, as `str.upper` is: a function of a value of that type."""
    return f"""
def _{holder}_{method}_(holder, *args, **named):
    if not isinstance(holder, {holder}):
        raise TypeError("descriptor '{method}' for '{holder}' objects doesn't apply to a '" + type(holder).__name__ + "' object")
    return holder.{method}(*args, **named)
"""


def _bound(_: str, method: str) -> str:
    """A method of a value, as `counts.get` is; what is no method of a library's type is taken as it is."""
    holders = [name for name, holder in HOLDERS.items() if hasattr(holder, method)]
    imported = [name for name in holders if name not in BUILT_IN]
    imports = f"    from collections import {', '.join(imported)}\n" if imported else ""
    return f"""
def _bound_{method}_(holder):
{imports}    if isinstance(holder, ({", ".join(holders)},)):
        return lambda *args, **named: holder.{method}(*args, **named)
    return holder.{method}
"""


REFERENCES = {"free": _free, "bound": _bound}
"""The texts of methods as functions, by whether they are taken from a type or from a value."""


# -- the modules ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def public_names(module: str) -> frozenset[str]:
    """Give what a module of ours defines."""
    return frozenset(name for name in _defined(ast.parse(_text(module))) if not name.startswith("_"))


def _text(module: str) -> str:
    return (FOLDER / f"{module}.py").read_text("utf-8")


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from (one.id for one in ast.walk(target) if isinstance(one, ast.Name))


@lru_cache(maxsize=32)
def module_text(module: str) -> str:
    """Give the text that makes a module of ours into an object with its public names."""
    tree = ast.parse(_text(module))
    body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) or _is_docstring(node))]
    plain = ast.Module([_Plain().visit(node) for node in body], [])
    inner = "\n".join(f"    {line}" for line in ast.unparse(ast.fix_missing_locations(plain)).splitlines())
    names = "".join(f"    made.{name} = {name}\n" for name in sorted(public_names(module)))
    extra = f"_Fraction_ = _module_{module}_.Fraction\n" if module == "fractions" else ""
    return (
        f"class _Module_{module}_:\n    pass\n"
        f"def _load_{module}_():\n{inner}\n    made = _Module_{module}_()\n{names}    return made\n"
        f"_module_{module}_ = _load_{module}_()\n{extra}"
    )


@lru_cache(maxsize=1)
def helper_texts() -> Mapping[str, str]:
    """Give each helper's text by its name."""
    functions = [node for node in ast.parse(_text("_helpers")).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(ast.fix_missing_locations(_Plain().visit(node))) for node in functions}


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Plain(ast.NodeTransformer):
    """Takes annotations and docstrings out."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without what is said of its values."""
        self.generic_visit(node)
        node.returns = None
        for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg):
            if one is not None:
                one.annotation = None
        node.body = [part for part in node.body if not _is_docstring(part)] or [ast.Pass()]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class without its docstring."""
        self.generic_visit(node)
        node.body = [part for part in node.body if not _is_docstring(part)] or [ast.Pass()]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """An assignment without what is said of its value."""
        self.generic_visit(node)
        return node if node.value is None else ast.Assign([node.target], node.value)
