from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.readme_tables import README, filled
from tiny_moa.catalog import load_catalog

ROOT = Path(__file__).parents[1]
TEXT = README.read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_tables_are_what_the_code_says() -> None:
    assert filled(TEXT) == TEXT, "run: python tests/readme_tables.py"


def test_every_numbered_promise_has_a_test_and_every_marked_test_a_promise() -> None:
    section = TEXT.split("## What is promised")[1].split("\n## ")[0]
    promised = set(re.findall(r"^(\d+)\. ", section, re.MULTILINE))
    files = [*(ROOT / "tests").rglob("test_*.py")]
    marked = {number for file in files for number in re.findall(r"mark\.promise\((\d+)\)", file.read_text("utf-8"))}
    assert promised == marked


def test_the_host_configurations_are_the_files_in_examples() -> None:
    desktop, vscode = (json.loads(block) for block in blocks("json"))
    hosts = ROOT / "examples" / "hosts"
    assert (
        desktop
        == json.loads((hosts / "claude_desktop_config.json").read_text())
        == json.loads((hosts / "cursor_mcp.json").read_text())
    )
    assert vscode == json.loads((hosts / "vscode_mcp.json").read_text())
    assert (hosts / "claude_code.sh").read_text() in blocks("sh")


def test_the_catalogue_of_the_readme_loads(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("\n".join(blocks("toml")), encoding="utf-8")
    catalog = load_catalog(file)
    assert catalog.expert_model(catalog.expert("coder"), "embedded").path == tmp_path / "models" / "my-coder-q4_k_m.gguf"
    assert catalog.expert("poet").cue_pattern is not None


def test_the_gate_runs_the_readmes_two_commands() -> None:
    first, second = (block.strip() for block in blocks("sh") if "uv run" in block)
    gate = (ROOT / ".ci" / "run").read_text()
    assert first.removeprefix("pip install uv && ") in gate
    assert second in gate


def test_the_extras_the_readme_names_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = {
        extra
        for group in re.findall(r"\.\[([\w,]+)\]|--extra (\w+)", TEXT)
        for part in group
        for extra in part.split(",")
        if extra
    }
    assert named <= set(extras)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http|#)([^)]+)\)", TEXT))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_settings_named_in_server_json_exist() -> None:
    described = json.loads((ROOT / "server.json").read_text("utf-8"))
    names = {variable["name"] for variable in described["packages"][0]["environmentVariables"]}
    assert all(f"`{name}`" in TEXT for name in names)


def test_the_command_line_of_the_readme_is_understood() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tiny_moa", "serve", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "--root" in done.stdout
