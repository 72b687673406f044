"""The benchmark of the council: what it measures, its figures, and one item over scripted models."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tests.teams import scripted_team
from tiny_moa.deliberation.meeting import Rules
from tiny_moa.deliberation.strategies import STRATEGIES

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ITEM = {"id": "a-1", "task": "math", "input": "Two bags hold 3 nuts each. How many nuts?", "expected": "6"}


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("bench_deliberation", BENCHMARKS / "deliberation.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def scorer(item: object, output: str) -> dict[str, float]:
    return {"score": float("6" in output)}


def test_every_strategy_is_measured_the_best_member_alone_first(benchmark: ModuleType) -> None:
    found = benchmark.variants(Rules(), ablates=False)
    assert len(found) == len(STRATEGIES)
    assert "best solo" in found[0].name
    taken_out = [variant for variant in benchmark.variants(Rules(), ablates=True) if variant not in found]
    assert {variant.rules.form for variant in taken_out} == {"intensity", "mean", "strict"}
    assert any(not variant.rules.masks_own for variant in taken_out)
    assert any(variant.is_alone for variant in taken_out)


async def test_one_item_is_answered_scored_and_counted(benchmark: ModuleType, tmp_path: Path) -> None:
    async with scripted_team(tmp_path, "3 + 3 = 6\nAnswer: 6") as team:
        outcomes = [
            await benchmark.answer(variant, team.council, ITEM, scorer, (60.0, 64))
            for variant in benchmark.variants(Rules(), ablates=True)
        ]
    assert {outcome.score for outcome in outcomes} == {1.0}
    assert {outcome.oracle for outcome in outcomes} == {1.0}
    assert all(outcome.tokens > 0 for outcome in outcomes)


def test_differences_are_those_from_the_best_member_alone(benchmark: ModuleType) -> None:
    one = benchmark.Outcome("a", 1.0, 1.0, "rounds", True, 100, 60, 2.0, "6")
    alone = [one, replace(one, score=0.0)]
    team = [one, replace(one, score=1.0, oracle=1.0, is_verified=False)]
    found = benchmark.figures(team, alone, 1)
    assert (found["score"], found["difference"], found["verified"], found["verified_right"]) == (1.0, 0.5, 1, 1)
    assert found["difference_interval"][0] <= 0.5 <= found["difference_interval"][1]
