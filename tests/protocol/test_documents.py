"""Documents through the tool and the resources, in both protocol eras: parts, forms, addresses, errors."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ResourceTemplateReference

from tests.documents import make
from tests.teams import scripted_team
from tiny_moa.server.app import build_server

Mode = Literal["auto", "legacy"]
BOTH_ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
LONG = "\n\n".join(f"## Part {part}\n\n" + "The quay is long and the words are many. " * 60 for part in range(1, 31))


def client_of(folder: Path, mode: Mode = "auto", **settings: Any) -> Client:
    (folder / "docs").mkdir(exist_ok=True)
    return Client(build_server(scripted_team(folder, "", roots=[folder / "docs"], **settings)), mode=mode)


def write(folder: Path, name: str, content: str | bytes) -> None:
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / name).write_bytes(content.encode() if isinstance(content, str) else content)


def values(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


@BOTH_ERAS
async def test_a_long_document_comes_in_parts_with_its_outline_first(tmp_path: Path, mode: Mode) -> None:
    write(tmp_path, "long.md", LONG)
    async with client_of(tmp_path, mode) as client:
        parts = [values(await client.call_tool("parse_document", {"source": "long.md"}))]
        while parts[-1]["next"]:
            arguments = {"source": "long.md", "next": parts[-1]["next"]}
            parts.append(values(await client.call_tool("parse_document", arguments)))
    assert len(parts) > 2
    assert [heading["text"] for heading in parts[0]["outline"]] == [f"Part {part}" for part in range(1, 31)]
    assert "outline" not in parts[1]
    assert "".join(part["text"] for part in parts) == LONG
    assert all(len(part["text"]) <= 24_000 for part in parts)


@BOTH_ERAS
async def test_a_file_can_come_with_the_call(tmp_path: Path, mode: Mode) -> None:
    content = base64.b64encode("이름;값\n부두;3\n".encode()).decode()
    async with client_of(tmp_path, mode) as client:
        read = values(await client.call_tool("parse_document", {"source": "notes.txt", "content": content}))
        assert (read["uri"], read["text"]) == ("upload:notes.txt", "이름;값\n부두;3\n")
        for source, sent, words in (
            ("x.txt", "§", "is not base64"),
            ("x.exe", content, "format that is read"),
            ("", content, ""),
        ):
            result = await client.call_tool("parse_document", {"source": source, "content": sent})
            assert result.is_error
            assert words in str(result.content)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("html", "<h2>Fees</h2>\n<table>"),
        ("text", "Fees\n\nShip\tFee\nTug\t3"),
        ("chunks", '{"text": "| Ship | Fee |\\n| - | - |\\n| Tug | 3 |", "page": 1, "section": ["Fees"]}'),
        ("markdown", "## Fees\n\n| Ship | Fee |\n| - | - |\n| Tug | 3 |"),
    ],
)
async def test_a_document_is_given_in_the_form_that_is_wanted(tmp_path: Path, form: str, expected: str) -> None:
    write(tmp_path, "a.md", "## Fees\n\n| Ship | Fee |\n| - | - |\n| Tug | 3 |")
    async with client_of(tmp_path) as client:
        arguments = {"source": "a.md", "format": form, "tables": "records"}
        read = values(await client.call_tool("parse_document", arguments))
        assert read["text"].startswith(expected)
        assert read["tables"] == [{"table": "1.1", "page": 1, "caption": "Fees", "records": [{"Ship": "Tug", "Fee": "3"}]}]


@BOTH_ERAS
async def test_what_belongs_to_a_document_has_an_address(tmp_path: Path, mode: Mode) -> None:
    write(tmp_path, "a b.md", "# Harbour\n\n## Fees\n\n| Ship | Fee |\n| - | - |\n| Tug | 3, or 4 |")
    async with client_of(tmp_path, mode) as client:
        templates = [template.uri_template for template in (await client.list_resource_templates()).resource_templates]
        assert templates[-1] == "doc://{+path}" and len(templates) == 5

        async def read(part: str) -> str:
            (content,) = (await client.read_resource(f"doc://a%20b.md{part}")).contents
            return str(content.text)  # type: ignore[union-attr]

        assert list(csv.reader(io.StringIO(await read("/table/1")))) == [["Ship", "Fee"], ["Tug", "3, or 4"]]
        assert await read("/table/1.1") == await read("/table/1")
        assert await read("/outline") == "- Harbour (page 1)\n  - Fees (page 1)"
        assert await read("/page/1") == await read("")
        for part in ("/page/2", "/page/0", "/page/x", "/table/2", "/image/1", "/nothing"):
            with pytest.raises(MCPError) as caught:
                await read(part)
            assert caught.value.error.code == -32602
        reference = ResourceTemplateReference(uri="doc://{+path}/table/{n}")
        completed = await client.complete(reference, {"name": "n", "value": ""}, context_arguments={"path": "a b.md"})
        assert completed.completion.values == ["1"]


async def test_hosts_that_are_allowed_are_said_to_be_reached(tmp_path: Path) -> None:
    async with client_of(tmp_path, url_hosts=("example.org",)) as client:
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == "parse_document"]
        assert tool.annotations is not None and tool.annotations.open_world_hint
        result = await client.call_tool("parse_document", {"source": "http://127.0.0.1:9/a.md"})
        assert result.is_error and "not among those allowed" in str(result.content)


@pytest.mark.docling
async def test_a_pdf_gives_pages_pictures_and_doclings_json(tmp_path: Path) -> None:
    pytest.importorskip("docling")
    write(tmp_path, "report.pdf", make.text_pdf())
    write(tmp_path, "secret.pdf", make.protected_pdf("open sesame"))
    async with client_of(tmp_path) as client:
        second = values(await client.call_tool("parse_document", {"source": "report.pdf", "pages": "2", "tables": "csv"}))
        assert (second["pages"], second["page_count"], second["engines"], second["next"]) == ("2", 2, {"text": "2"}, None)
        assert second["tables"][0]["csv"].startswith("Part,Count,Price\nRope,3,12.00")
        found = values(await client.call_tool("parse_document", {"source": "report.pdf", "format": "json"}))
        assert json.loads(found["text"])["schema_name"] == "DoclingDocument"
        for password, words in (("", "protected by a password"), ("wrong", "does not open it")):
            result = await client.call_tool("parse_document", {"source": "secret.pdf", "password": password})
            assert result.is_error and words in str(result.content)
        opened = values(await client.call_tool("parse_document", {"source": "secret.pdf", "password": "open sesame"}))
        assert "Dredging of the inner basin" in opened["text"]
