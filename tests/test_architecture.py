from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import tiny_moa
from tiny_moa import errors

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "tiny_moa").rglob("*.py"))
PUBLIC = ["Call", "Settings", "Team", "TinyMoAError", "__version__", "build_team", "load_settings"]


def test_the_public_names_are_the_agreed_ones() -> None:
    assert sorted(tiny_moa.__all__) == PUBLIC
    assert all(getattr(tiny_moa, name) is not None for name in PUBLIC)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tiny_moa.no_such_name


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT / "src")))
def test_files_stay_short_and_every_public_name_is_described(file: Path) -> None:
    source = file.read_text("utf-8")
    assert len(source.splitlines()) <= 400
    tree = ast.parse(source)
    assert ast.get_docstring(tree) or not tree.body, "a module begins with its one job"
    nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    undescribed = [node.name for node in nodes if not node.name.startswith("_") and not ast.get_docstring(node)]
    assert undescribed == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT / "src")))
def test_functions_stay_short_and_take_few_arguments(file: Path) -> None:
    functions = [
        node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for function in functions:
        body = function.body[1:] if ast.get_docstring(function) else function.body
        nested = any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in body)
        assert nested or not body or body[-1].end_lineno - body[0].lineno < 35, function.name  # type: ignore[operator]
        is_tool = any("server.tool(" in ast.unparse(decorator) for decorator in function.decorator_list)
        most = 11 if is_tool else 8  # the arguments of a tool are its schema, what a host may say one by one
        assert len(function.args.posonlyargs + function.args.args + function.args.kwonlyargs) <= most, function.name


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    real = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.TinyMoAError)}
    assert drawn == real - {"TinyMoAError"}


def test_importing_a_worker_loads_no_protocol_and_little_else() -> None:
    program = (
        "import sys, tiny_moa.models.worker, tiny_moa.experts.documents.worker, tiny_moa.experts.algebra.worker; "
        "heavy = {'mcp', 'pydantic', 'rich', 'llama_cpp', 'docling', 'sympy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_every_installed_package_is_pinned_to_its_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    pins: dict[str, set[str]] = {}
    for line in project["tool"]["uv"]["constraint-dependencies"]:
        name, version = line.split(" ;")[0].split("==")
        pins.setdefault(name, set()).add(version)
    installed = {re.sub(r"[-_.]+", "-", d.name).lower(): d.version for d in metadata.distributions()}
    strangers = {name: version for name, version in installed.items() if version not in pins.get(name, set())}
    assert set(strangers) <= {"tiny-moa", "pip", "setuptools", "wheel", "uv"}


def test_nothing_pulls_a_gpu_build_or_a_deep_learning_framework() -> None:
    installed = {d.name.lower() for d in metadata.distributions()}
    assert not {name for name in installed if name.startswith(("nvidia", "torch", "tensorflow", "triton", "transformers"))}


def test_no_registry_host_and_no_lock_file_is_in_the_repository() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    assert "uv.lock" not in files
    hosts = re.compile("py" + r"pi\.org|pythonhos" + "ted|npm" + r"js\.")
    texts = [ROOT / name for name in files if name.endswith((".py", ".toml", ".md", ".json", ".sh", "run"))]
    assert [str(file) for file in texts if file.is_file() and hosts.search(file.read_text("utf-8"))] == []
