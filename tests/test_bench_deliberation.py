"""The benchmark of the council: what it measures and shares, what it keeps, its figures, and items over scripted models."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.fakes import Recorder, Reply, ScriptedLauncher, ScriptedRuntime
from tests.pools import spec
from tests.teams import write_catalog
from tests.test_bench_experts import BARE
from tiny_moa import Team, build_team, load_settings
from tiny_moa.deliberation.rules import Rules
from tiny_moa.deliberation.strategies import STRATEGIES
from tiny_moa.models.runtime import CompletionRequest, LoadOptions, Message, Runtime

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ITEM = {"id": "a-1", "task": "math", "input": "Two bags hold 3 nuts each. How many nuts?", "expected": "6"}
ANSWER = "3 + 3 = 6\nAnswer: 6"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    """The module; the ones it imports are found beside it."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec_ = importlib.util.spec_from_file_location("bench_deliberation", BENCHMARKS / "deliberation.py")
        assert spec_ is not None
        assert spec_.loader is not None
        module = importlib.util.module_from_spec(spec_)
        sys.modules[spec_.name] = module
        spec_.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BENCHMARKS))


def scorer(item: object, output: str) -> dict[str, float]:
    return {"score": float("6" in output)}


def bench_of(benchmark: ModuleType, team: Team, replies: Any) -> Any:
    return benchmark.Bench(team, replies, scorer, 60.0, 64)


def remembering_team(benchmark: ModuleType, folder: Path, launcher: ScriptedLauncher, replies: Any) -> Team:
    settings = load_settings({}, catalog=write_catalog(folder, BARE), traces=False)
    return build_team(settings, launch=benchmark.RememberingLauncher(launcher, replies), classifier=lambda: None)


def test_everything_is_measured_the_bare_member_first(benchmark: ModuleType) -> None:
    found = benchmark.ways(Rules(), ablates=False)
    assert [way.name for way in found[:2]] == ["solo", "ask"]
    assert {way.name for way in found} >= set(STRATEGIES)
    taken_out = benchmark.ways(Rules(), ablates=True)[len(found) :]
    assert {way.rules.form for way in taken_out} == {"intensity", "mean", "strict"}
    assert {way.rules.gamma for way in taken_out} == {0.0, 0.5, 1.0}
    assert any(not way.rules.masks_own for way in taken_out)
    assert any(way.is_alone for way in taken_out)
    assert [way.name for way in benchmark.chosen(found, "repeat, solo")] == ["solo", "repeat"]
    with pytest.raises(benchmark.Unusable, match="no strategy 'profound'; choose among: solo, ask"):
        benchmark.chosen(found, "profound")


async def test_every_way_answers_an_item_and_is_scored_and_counted(benchmark: ModuleType, tmp_path: Path) -> None:
    replies = benchmark.Replies()
    async with remembering_team(benchmark, tmp_path, ScriptedLauncher(ANSWER), replies) as team:
        bench = bench_of(benchmark, team, replies)
        outcomes = {way.name: await bench.measure(way, ITEM) for way in benchmark.ways(Rules(), ablates=True)}
    assert {outcome.score for outcome in outcomes.values()} == {1.0}
    assert {outcome.oracle for outcome in outcomes.values()} == {1.0}
    assert all(outcome.tokens > outcome.read > 0 for outcome in outcomes.values())
    assert outcomes["vote"].tokens == outcomes["repeat"].tokens  # nobody votes, so both are three answers of one model


async def test_a_model_that_fails_is_no_end_of_the_measurement(benchmark: ModuleType, tmp_path: Path) -> None:
    replies = benchmark.Replies()
    async with remembering_team(benchmark, tmp_path, ScriptedLauncher(""), replies) as team:
        bench = bench_of(benchmark, team, replies)
        for name in ("solo", "ask", "repeat"):
            (way,) = benchmark.chosen(benchmark.ways(Rules(), ablates=False), name)
            outcome = await bench.measure(way, ITEM)
            assert (outcome.score, outcome.output) == (0.0, "")


async def test_a_run_goes_on_where_it_was_ended_and_another_one_is_refused(benchmark: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    sets = {"a": [ITEM, {**ITEM, "id": "a-2"}], "b": [{**ITEM, "id": "b-1"}]}
    wanted = benchmark.chosen(benchmark.ways(Rules(), ablates=False), "solo,repeat")

    async def measured(items: dict[str, list[dict[str, str]]]) -> tuple[Any, ScriptedLauncher]:
        replies, launcher = benchmark.Replies(), ScriptedLauncher(ANSWER)
        kept = benchmark.Kept(file, {"tokens": 1500}, {})
        async with remembering_team(benchmark, tmp_path, launcher, replies) as team:
            await benchmark.measure(bench_of(benchmark, team, replies), wanted, items, kept)
        return kept, launcher

    await measured({"a": sets["a"][:1]})
    kept, launcher = await measured(sets)
    assert {name: [len(found) for found in by_way.values()] for name, by_way in kept.sets.items()} == {"a": [2, 2], "b": [1, 1]}
    again, launcher = await measured(sets)
    assert again.sets == kept.sets
    assert launcher.launches == []
    with pytest.raises(benchmark.Unusable, match=r"was measured with \{'tokens': 1500\}"):
        benchmark.Kept(file, {"tokens": 900}, {})
    file.write_text("[]", "utf-8")
    with pytest.raises(benchmark.Unusable, match="is not what this wrote"):
        benchmark.Kept(file, {"tokens": 1500}, {})


def test_differences_are_those_on_the_items_both_answered(benchmark: ModuleType) -> None:
    one = benchmark.Outcome("a", 1.0, 1.0, "rounds", True, 100, 60, 2.0, "6")
    alone = {"a": one, "b": replace(one, score=0.0)}
    team = {"a": one, "b": replace(one, score=1.0, oracle=1.0, is_verified=False), "c": replace(one, score=0.0)}
    found = benchmark.figures(team, alone, 1)
    assert (found["n"], found["pairs"], found["difference"], found["verified"], found["verified_right"]) == (3, 2, 0.5, 2, 1)
    assert found["difference_interval"][0] <= 0.5 <= found["difference_interval"][1]
    shown = benchmark.table("set", {"solo": alone, "team": team, "none": {}}, "solo", 1)
    assert "+50.0% [+0.0%, +100.0%]" in shown
    assert "none" not in shown
    assert "no pairs" in benchmark.table("set", {"team": team}, "solo", 1)


# -- remembered replies -----------------------------------------------------------------------------------------------

REQUEST = CompletionRequest((Message("user", "How many?"),), 64)


async def remembering(benchmark: ModuleType, runtime: ScriptedRuntime, replies: Any) -> Runtime:
    launcher = ScriptedLauncher(build=lambda spec_: runtime)
    found: Runtime = await benchmark.RememberingLauncher(launcher, replies)(spec("m"), Path("m.gguf"), LoadOptions())
    return found


async def test_the_same_request_is_drawn_once_and_counted_every_time(benchmark: ModuleType, tmp_path: Path) -> None:
    replies = benchmark.Replies(tmp_path / "replies.jsonl")
    model = await remembering(benchmark, inner := ScriptedRuntime("one two"), replies)
    costs = []
    for _ in range(2):
        replies.begin()
        await model.sample(REQUEST, 3, deadline=1e9, listener=Recorder())
        await model.complete(REQUEST, deadline=1e9, listener=Recorder())
        costs.append((replies.cost.read, replies.cost.written, replies.cost.copied))
    assert costs[0] == costs[1]
    assert costs[0][1] == 4 * 2
    assert costs[0][0] == costs[0][2], "the second call of a run reads the prompt again, which counts once"
    assert len(inner.requests) == 1
    elsewhere = await remembering(benchmark, fresh := ScriptedRuntime("other"), benchmark.Replies(tmp_path / "replies.jsonl"))
    assert (await elsewhere.complete(REQUEST, deadline=1e9, listener=Recorder())).text == "one two"
    assert not fresh.requests


async def test_other_requests_and_what_a_deadline_cut_off_are_drawn_anew(benchmark: ModuleType) -> None:
    replies = benchmark.Replies()
    model = await remembering(benchmark, inner := ScriptedRuntime(Reply("one two", finish="deadline")), replies)
    for request in (REQUEST, REQUEST, replace(REQUEST, max_tokens=5), replace(REQUEST, opening="It")):
        await model.complete(request, deadline=1e9, listener=Recorder())
    assert (len(inner.requests), len(replies)) == (4, 0)


async def test_scores_are_remembered_with_the_tokens_that_were_read(benchmark: ModuleType) -> None:
    replies = benchmark.Replies()
    model = await remembering(benchmark, inner := ScriptedRuntime(scores=lambda request, labels: [3.0, 1.0]), replies)
    read = []
    for _ in range(2):
        replies.begin()
        assert await model.score(REQUEST, ["Yes", "No"], deadline=1e9) == (0.75, 0.25)
        read.append(replies.cost.read)
    assert read[0] == read[1] > 0
    assert len(inner.requests) == 1


def test_a_reply_whose_line_was_cut_off_is_forgotten(benchmark: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    replies = benchmark.Replies(file)
    replies.keep("a", {"scores": [1.0], "tokens": 3, "seconds": 0.1, "more": "one\u2028line \ud800"})
    file.write_text(file.read_text("utf-8") + '{"key": "b", "sco', "utf-8")
    assert len(benchmark.Replies(file)) == 1
    assert [json.loads(line)["key"] for line in file.read_text("utf-8").splitlines()] == ["a"]
