"""Write the tables of the README from the catalogue, the server and the settings: `python tests/readme_tables.py`."""

from __future__ import annotations

import re
from pathlib import Path

import anyio
from mcp import Client

from tiny_moa import build_team, load_settings
from tiny_moa.catalog import load_catalog
from tiny_moa.server.app import build_server
from tiny_moa.settings import Settings, variable

README = Path(__file__).parents[1] / "README.md"


async def tools_table() -> str:
    """Give a row for each tool: its name, its expert, and the first sentence of its description."""
    by_tool = {spec.tool: spec.title for spec in load_catalog().experts.values() if spec.tool}
    async with Client(build_server(build_team(load_settings({})))) as client:
        tools = (await client.list_tools()).tools
    rows = [
        (f"`{tool.name}`", by_tool.get(tool.name, "the team"), re.split(r"(?<=\.) ", tool.description or "")[0]) for tool in tools
    ]
    return _table(("tool", "who answers", "what it does"), rows)


def experts_table() -> str:
    """Give a row for each expert of the catalogue."""
    catalog = load_catalog()
    rows = []
    for spec in catalog.experts.values():
        model = "no model" if spec.kind in ("documents", "unavailable") else catalog.expert_model(spec, "embedded").title
        rows.append((f"`{spec.label}`", spec.description, model))
    return _table(("expert", "what it is asked", "model in profile `embedded`"), rows)


def settings_table() -> str:
    """Give a row for each setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        rows.append((f"`{variable(name)}`", _shown(field.default), field.description or ""))
    return _table(("variable", "default", "meaning"), rows)


def _shown(default: object) -> str:
    if default in (None, (), ""):
        return "none"
    text = f"{default:g}" if isinstance(default, float) else str(default)
    return f"`{text.lower()}`" if isinstance(default, bool) else f"`{text}`"


def filled(text: str) -> str:
    """Put the tables between their marks."""
    tables = {"tools": anyio.run(tools_table), "experts": experts_table(), "settings": settings_table()}
    for name, table in tables.items():
        text = re.sub(
            rf"(<!-- {name}: .*? -->\n).*?(<!-- /{name} -->)", lambda m, t=table: f"{m[1]}{t}{m[2]}", text, flags=re.DOTALL
        )
    return text


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), encoding="utf-8")
