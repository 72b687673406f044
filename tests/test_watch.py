"""A client hears when a document changes, comes or goes, in both protocol eras."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from tests.teams import scripted_team
from tiny_moa.server.app import build_server
from tiny_moa.server.watch import changes

SEEN = st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 2), st.integers(0, 2)))


@given(SEEN, SEEN)
def test_what_is_the_same_is_no_change_and_what_differs_is_one(before: Any, now: Any) -> None:
    assert changes(before, before) == ((), False)
    changed, is_other_list = changes(before, now)
    assert (not changed and not is_other_list) == (before == now)


async def test_a_client_of_the_older_protocol_hears_of_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_moa.server.watch.PAUSE_SECONDS", 0.01)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("one", encoding="utf-8")
    heard: dict[str, anyio.Event] = {
        name: anyio.Event() for name in ("notifications/resources/updated", "notifications/resources/list_changed")
    }

    async def on_message(message: Any) -> None:
        if (method := getattr(message, "method", "")) in heard:
            heard[method].set()

    server = build_server(scripted_team(tmp_path, "", roots=[tmp_path / "docs"]))
    async with Client(server, mode="legacy", message_handler=on_message) as client:
        await client.read_resource("doc://a.md")
        with anyio.fail_after(30):
            for event in ("updated", "list_changed"):
                for count in itertools.count(1):
                    name = "a.md" if event == "updated" else f"{count}.md"
                    (tmp_path / "docs" / name).write_text("x" * count, encoding="utf-8")
                    await client.list_resources()
                    if heard[f"notifications/resources/{event}"].is_set():
                        break


async def test_a_client_that_listens_hears_of_its_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_moa.server.watch.PAUSE_SECONDS", 0.01)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("one", encoding="utf-8")
    server = build_server(scripted_team(tmp_path, "", roots=[tmp_path / "docs"]))
    heard = anyio.Event()
    async with Client(server) as client, client.listen(resource_subscriptions=["doc://a.md"]) as events:

        async def hear() -> None:
            async for event in events:
                assert getattr(event, "uri", "") == "doc://a.md"
                heard.set()
                return

        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(hear)
                text = "two"
                while not heard.is_set():
                    text += "."
                    (tmp_path / "docs" / "a.md").write_text(text, encoding="utf-8")
                    await client.read_resource("doc://a.md")
