"""A team that answers, and what its answers say they rest on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.fakes import Recorder, ScriptedRuntime
from tests.test_calibration import JUDGE
from tests.test_meeting import Numbers, for_text, panel, says
from tiny_moa import build_team, load_settings
from tiny_moa.deliberation.calibration import Calibration, Measured, key
from tiny_moa.deliberation.council import COUNCIL, Council, Eligible, Present
from tiny_moa.deliberation.strategies import STRATEGIES
from tiny_moa.deliberation.voters import GeneratorRecord
from tiny_moa.errors import InvalidRequest
from tiny_moa.experts.base import Abstention, Call, Proposal


def known(**records: Measured) -> Calibration:
    return Calibration({key(model, model, "t", "math"): record for model, record in records.items()})


@asynccontextmanager
async def council(
    *runtimes: ScriptedRuntime, field: Numbers | None = None, calibration: Calibration | None = None, here: int = 9
) -> AsyncIterator[Council]:
    async with panel(*runtimes) as members:
        models = [member.model for member in members]
        names = [model.spec.name for model in models][:here]
        team = Eligible(
            {"math": models},
            {"math": field or Numbers()},
            lambda spec: Present(spec.name, 1000) if spec.name in names else None,
            lambda: calibration or Calibration(),
            "t",
            10_000,
        )
        yield Council(team)


async def answer(team: Council, depth: str = "deliberate") -> Proposal | Abstention:
    return await team.answer("What is it?", "math", depth, Call(anyio.current_time() + 600, 64, Recorder()))


async def test_a_proved_answer_is_verified_and_says_how_it_was_found() -> None:
    async with council(says("It is 5."), says("It is 7."), field=Numbers(right="7")) as team:
        found = await answer(team)
    assert isinstance(found, Proposal)
    assert (found.expert, found.text, found.status) == (COUNCIL, "It is 7.", "verified")
    assert found.fields["meeting"]["reason"] == "verifier"
    assert [entry["kind"] for entry in found.minutes[:2]] == ["plan", "opened"]


async def test_without_measured_judges_the_answer_says_that_nobody_voted() -> None:
    async with council(says("It is 5."), says("It is 6."), says("It is 7.")) as team:
        found = await answer(team)
    assert isinstance(found, Proposal)
    assert found.status == "unverified"
    assert "Nobody voted" in found.notes[0]
    assert "never measured" in found.notes[0]


async def test_agreement_is_never_sold_as_proof() -> None:
    async with council(says("It is 5."), says("It is 5."), says("It is 5.")) as team:
        found = await answer(team)
    assert isinstance(found, Proposal)
    assert found.status == "unverified"
    assert "not a proof" in " ".join(found.notes)


async def test_one_model_sits_as_three_of_its_answers() -> None:
    async with council(says("It is 5.")) as team:
        found = await answer(team)
    assert isinstance(found, Proposal)
    assert found.fields["meeting"]["members"] == ["m0", "m0#2", "m0#3"]
    assert any("errors are alike" in note for note in found.notes)


async def test_the_best_measured_author_sits_first() -> None:
    records: Mapping[str, Measured] = {
        "m0": Measured(GeneratorRecord(5, 40), JUDGE),
        "m1": Measured(GeneratorRecord(30, 40), JUDGE),
        "m2": Measured(GeneratorRecord(9, 40), JUDGE),
    }
    runtimes = [says(f"It is {n}.", for_text("6")) for n in (5, 6, 7)]
    async with council(*runtimes, calibration=known(**records)) as team:
        choice, panel_ = team.choose("math", Call(anyio.current_time() + 600, 64, Recorder()), 2)
        assert choice.mode == "dynamic"
        assert panel_.seats[0].name == "m1"
        found = await answer(team)
    assert isinstance(found, Proposal)
    assert (found.text, found.fields["meeting"]["reason"]) == ("It is 6.", "evidence")


async def test_models_that_are_not_here_do_not_sit() -> None:
    async with council(says("It is 5."), says("It is 6."), here=1) as team:
        found = await answer(team, "single")
        assert isinstance(found, Proposal)
        assert set(found.fields["meeting"]["members"]) == {"m0", "m0#2", "m0#3"}
    async with council(says("It is 5."), here=0) as team:
        with pytest.raises(InvalidRequest, match="tiny-moa doctor"):
            await answer(team)


async def test_a_team_that_says_nothing_abstains_with_the_reasons() -> None:
    async with council(says("")) as team:
        found = await answer(team)
    assert isinstance(found, Abstention)
    assert "wrote nothing" in found.reason


async def test_an_unknown_depth_is_refused_with_the_ones_there_are() -> None:
    async with council(says("It is 5.")) as team:
        with pytest.raises(InvalidRequest, match=", ".join(STRATEGIES)):
            await answer(team, "profound")


def test_the_model_that_comes_with_this_was_measured_and_has_no_vote() -> None:
    council = build_team(load_settings({})).council
    for kind in ("math", "code"):
        known = council.measured(kind)["smollm2-135m"]
        assert known.generator.tasks >= 30, "the words of meetings changed: run `tiny-moa calibrate` and keep what it writes"
        assert known.voter.asked >= 60
        assert "chance" in known.voter.refusal
