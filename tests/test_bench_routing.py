from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from benchmarks.routing import confusion, fit_weight, interval, report, run_cues, run_model, run_router, whole_list

from tests.fakes import ScriptedLauncher, ScriptedRuntime
from tests.teams import scripted_team
from tiny_moa.models.runtime import CompletionRequest

ITEMS = [
    {"id": 1, "input": "19 * 21", "lang": "en", "expected": {"route": ["REASONER"], "accept": []}},
    {"id": 2, "input": "Translate 'see you soon' into Spanish", "lang": "en", "expected": {"route": ["MULTILINGUAL"]}},
    {
        "id": 3,
        "input": "of which seven, mostly on the left",
        "lang": "xx",
        "expected": {"route": ["DIRECT"], "accept": [["OCR"]]},
    },
]


def prefers_linux(_: CompletionRequest, labels: Sequence[str]) -> list[float]:
    return [0.9 if label == "LINUX" else 0.1 / 7 for label in labels]


async def test_every_router_is_asked_everything_and_every_figure_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher = ScriptedLauncher(build=lambda spec: ScriptedRuntime(name=spec.name, scores=prefers_linux))
    async with scripted_team(tmp_path, launcher, classifies=True) as team:
        router, cues = await run_router(team, ITEMS), run_cues(team, ITEMS)
        model, opinions = await run_model(team, "smollm2-135m", ITEMS)
        assert router.routes[:2] == [("REASONER",), ("MULTILINGUAL",)]
        assert router.steps[:2] == ["signals", "classifier"]
        assert model.routes == [("LINUX",)] * 3
        for run in (router, cues, model):
            report(run, ITEMS, whole_list)
        confusion(router, ITEMS)
        fit_weight(team, ITEMS, opinions)
    out = capsys.readouterr().out
    assert "decided by signals: 33% of the questions, 100.0% right" in out
    assert "smollm2-135m alone: 0.0% (0 of 3" in out
    assert "where the classifier is unsure (1 items)" in out


def test_a_share_comes_with_its_interval_and_accepted_routes_count() -> None:
    assert interval(0, 0) == "no items"
    assert interval(50, 100).startswith("50.0% (50 of 100; 40.4% to 59.6%")
    assert whole_list(("OCR",), ITEMS[2]["expected"])
    assert not whole_list(("OCR", "REASONER"), json.loads('{"route": ["OCR"], "accept": []}'))
