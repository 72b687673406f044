"""The benchmark of the experts: what it refuses, its figures, and one whole measurement over scripted models."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client

from tests.teams import scripted_team
from tiny_moa.catalog import load_catalog
from tiny_moa.server.app import build_server

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
BARE = """
[experts.bare_math]
title = "Bare"
description = "bare"
kind = "chat"
template = "experts/multilingual"
tool = "bare_math"
"""
ITEM = {"id": "a-1", "kind": "easy", "task": "math", "input": "What is 2 + 3?", "expected": "5"}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_experts", BENCHMARKS / "experts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_experts"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


experts = load()


async def test_a_set_is_measured_through_the_tools_and_keeps_both_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = scripted_team(tmp_path, "I think it is 6", catalog=BARE)
    experts.check_opponents(team, {"math"})
    kept: list[int] = []

    def scorer(item: dict[str, str], output: str) -> dict[str, float]:
        return {"score": float(item["expected"] in output)}

    async with Client(build_server(team)) as client:
        pairs = await experts.measure(client, [ITEM, ITEM], scorer, {}, lambda so_far: kept.append(len(so_far)))
    assert kept == [1, 2]
    figures = experts.summary(pairs, 1)
    assert (pairs[0].bare.output, pairs[0].bare.status) == ("I think it is 6", "unverified")
    assert (figures["bare"]["score"], figures["tool"]["score"]) == (0.0, 1.0)
    assert figures["verified"]["right"] == 2
    assert figures["kinds"] == {"easy": {"n": 2, "bare": 0.0, "tool": 2.0}}
    experts.show("set", figures)
    assert "verified 100.0%: 2/2 right" in capsys.readouterr().out
    assert figures["difference"]["interval"] == (1.0, 1.0)


def test_an_opponent_with_another_model_is_refused(tmp_path: Path) -> None:
    other = BARE + 'model = "qwen2.5-coder-0.5b"\n'
    with pytest.raises(experts.Unusable, match="give both one model"):
        experts.check_opponents(scripted_team(tmp_path, "", catalog=other), {"math"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read the set"),
        ("", "holds no items"),
        ("{", "not JSON"),
        ("[1]", "an item is an object"),
        (json.dumps({**ITEM, "task": "route"}), "no expert tool is measured"),
        (json.dumps({**ITEM, "task": "call"}), "no 'tools'"),
    ],
)
def test_a_set_that_cannot_be_used_names_the_fault(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "set.jsonl"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(experts.Unusable, match=words):
        experts.read_set(file, 0, 1)


@pytest.mark.parametrize(
    ("source", "words"), [(None, "there is no scorer"), ("1 /", "cannot be run"), ("x = 1", "has no function score_record")]
)
def test_a_scorer_that_cannot_be_used_names_the_fault(tmp_path: Path, source: str | None, words: str) -> None:
    file = tmp_path / "scorer.py"
    if source is not None:
        file.write_text(source, "utf-8")
    with pytest.raises(experts.Unusable, match=words):
        experts.load_scorer(file)


def test_a_draw_of_items_is_the_same_for_the_same_seed_and_keeps_their_order(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text("\n".join(json.dumps({**ITEM, "id": str(number)}) for number in range(50)), "utf-8")
    drawn = [int(item["id"]) for item in experts.read_set(file, 10, 7)]
    assert drawn == sorted(drawn) and len(set(drawn)) == 10
    assert drawn == [int(item["id"]) for item in experts.read_set(file, 10, 7)]


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_interval_of_a_share_holds_the_share(hits: int, n: int) -> None:
    hits = min(hits, n)
    low, high = experts.wilson(hits, n)
    assert -1e-9 <= low <= hits / n + 1e-9 and hits / n - 1e-9 <= high <= 1 + 1e-9


def test_the_stand_in_catalogue_gives_every_tool_and_its_opponent_one_model() -> None:
    catalog = load_catalog(BENCHMARKS / "catalogs" / "standin.toml")
    for profile in (name for name in catalog.profiles if name.startswith("standin")):
        for task, door in experts.DOORS.items():
            ours, bare = catalog.experts[door.expert], catalog.experts[f"bare_{task}"]
            assert catalog.expert_model(ours, profile) == catalog.expert_model(bare, profile)
            assert ours.tool == door.tool
