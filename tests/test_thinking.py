from __future__ import annotations

import runpy
from pathlib import Path

import anyio
import pytest

from tests.fakes import Recorder, Reply, ScriptedLauncher, ScriptedRuntime
from tests.teams import call_of, scripted_team
from tiny_moa.experts.base import Proposal, TemplatedModel
from tiny_moa.experts.thinking import ThinkingBudget, complete_in_budget
from tiny_moa.models.families.thoughts import is_open_thought
from tiny_moa.models.runtime import CompletionRequest, Message

REQUEST = CompletionRequest((Message("user", "Why?"),), 100)
LONG = "<think>" + " hm" * 60 + "</think> Because."


async def complete(runtime: ScriptedRuntime, *, tokens: int = 1000, seconds: float = 60.0) -> tuple[str, bool, int]:
    budget = ThinkingBudget(tokens, anyio.current_time() + seconds, 20)
    completion, was_cut = await complete_in_budget(
        runtime, REQUEST, budget, deadline=anyio.current_time() + 60, listener=Recorder()
    )
    return completion.text, was_cut, completion.usage.completion_tokens


async def test_a_thought_within_its_budget_is_left_alone() -> None:
    runtime = ScriptedRuntime([LONG])
    text, was_cut, _ = await complete(runtime)
    assert (text, was_cut, len(runtime.requests)) == (LONG, False, 1)


@pytest.mark.parametrize(("tokens", "seconds"), [(10, 60.0), (1000, 0.0)])
async def test_a_thought_beyond_its_tokens_or_seconds_is_closed_and_answered(tokens: int, seconds: float) -> None:
    runtime = ScriptedRuntime([LONG, "Therefore."])
    text, was_cut, written = await complete(runtime, tokens=tokens, seconds=seconds)
    assert was_cut
    opening = runtime.requests[1].opening
    assert opening.startswith("<think>")
    assert opening.endswith("\n</think>\n\n")
    assert opening.count("hm") < 60
    assert text == f"{opening}Therefore."
    assert runtime.requests[1].max_tokens == 20
    assert written > tokens or tokens == 1000, "the thought's tokens are counted too"


async def test_an_answer_without_a_thought_is_never_cut() -> None:
    runtime = ScriptedRuntime(["word " * 50])
    _, was_cut, _ = await complete(runtime, tokens=5, seconds=0.0)
    assert not was_cut


async def test_cancelling_from_outside_is_no_spent_budget() -> None:
    runtime = ScriptedRuntime([Reply(LONG, wait=anyio.Event(), after=3)])
    with anyio.move_on_after(0.05) as scope:
        await complete(runtime)
    assert scope.cancelled_caught
    assert len(runtime.requests) == 1


def test_a_thought_is_open_from_its_mark_to_its_end() -> None:
    assert is_open_thought(" <think> so")
    assert not is_open_thought("<think> so </think>")
    assert not is_open_thought("so <think>")


async def test_the_thought_is_kept_with_the_attempt_and_not_in_the_answer(tmp_path: Path) -> None:
    launcher = ScriptedLauncher([LONG, "Because of the light."])
    async with scripted_team(tmp_path, launcher, catalog="thinking_tokens = 8") as team:
        proposal = await team.brain.answer("Why is the sky blue?", call_of())
    assert isinstance(proposal, Proposal)
    assert proposal.text == "Because of the light."
    (attempt,) = proposal.attempts
    assert attempt.thoughts.startswith("hm")
    assert "ended by its budget" in attempt.thoughts


async def test_the_experiment_asks_each_model_in_every_role(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "thinking.py"))
    plan = '{"thinking": "t", "agents": [{"name": "CODER", "prompt": "tidy it", "priority": 1}], "direct_answer": false}'
    item = {"input": "tidy it", "expected": {"route": ["CODER"]}}
    launcher = ScriptedLauncher(lambda request: plan if request.schema else "<think>hm</think>Answer: 7")
    async with scripted_team(tmp_path, launcher, catalog="thinking_tokens = 50") as team:
        spec = team.catalog.models["smollm2-135m"]
        model = TemplatedModel(spec, team.pool, team.templates)
        roles = experiment["roles_of"](team, lambda item, output: {"score": float("7" in output)}, 60.0)
        found = {name: await experiment["measure"](role, model, [item]) for name, role in roles.items()}
    assert {name: (one.is_right, one.thought > 0) for name, (one,) in found.items() if name != "router"} == {
        "planner": (True, False),
        "answerer": (True, True),
    }
    experiment["show"]("answerer", {"a": found["answerer"], "b": found["planner"]})
    assert "they differ on 0 items" in capsys.readouterr().out
