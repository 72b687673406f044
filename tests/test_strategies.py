"""Every strategy on scripted models, and one made up here: ten lines are enough."""

from __future__ import annotations

import anyio
import pytest

from tests.fakes import Recorder, Reply, ScriptedRuntime
from tests.test_meeting import Numbers, for_text, panel, says
from tiny_moa.deliberation.electorate import Standing
from tiny_moa.deliberation.meeting import Verdict
from tiny_moa.deliberation.panel import Seat
from tiny_moa.deliberation.rules import Rules
from tiny_moa.deliberation.strategies import STRATEGIES, Draw, Job, Panel, Strategy, plurality
from tiny_moa.errors import ContextExceeded
from tiny_moa.experts.base import Call
from tiny_moa.models.runtime import CompletionRequest

UNKNOWN = Standing()


def call() -> Call:
    return Call(anyio.current_time() + 60, 64, Recorder())


async def run(strategy: Strategy, members: tuple[Seat, ...], field: Numbers, **rules: object) -> Verdict:
    job = Job("job", "What is it?", field, Rules(**rules))  # type: ignore[arg-type]
    return await strategy.run(job, Panel(members, UNKNOWN), call())


def in_turn(*answers: str) -> ScriptedRuntime:
    return ScriptedRuntime(list(answers))


@pytest.mark.parametrize("depth", list(STRATEGIES))
async def test_a_proof_wins_in_every_strategy(depth: str) -> None:
    async with panel(says("It is 7."), says("It is 5."), says("It is 5.")) as members:
        found = await run(STRATEGIES[depth], members, Numbers(right="7"))
    assert (found.text, found.is_verified, found.reason) == ("It is 7.", True, "verifier")


@pytest.mark.parametrize("depth", list(STRATEGIES))
async def test_no_model_that_fails_makes_a_strategy_fail(depth: str) -> None:
    broken = ScriptedRuntime(Reply(error=ContextExceeded("m", 9, 8)))
    async with panel(broken, says("It is 5."), says("It is 5.")) as members:
        found = await run(STRATEGIES[depth], members, Numbers())
    assert found.missing
    assert found.text in ("", "It is 5.")


@pytest.mark.parametrize("depth", [depth for depth in STRATEGIES if depth != "single"])
async def test_a_spent_budget_ends_every_strategy_with_what_there_is(depth: str) -> None:
    runtimes = [says(f"It is {n}.") for n in (5, 6, 7)]
    async with panel(*runtimes) as members:
        found = await run(STRATEGIES[depth], members, Numbers(), most_tokens=1)
    assert found.text == "It is 5."
    assert sum(len(runtime.requests) for runtime in runtimes) == 1


async def test_one_answer_is_greedy_and_several_are_drawn_side_by_side_with_seeds_of_their_own() -> None:
    answers = iter(["It is 5.", "It is 6.", "It is 5.", "It is 5."])
    seeds = []

    def script(request: CompletionRequest) -> str:
        seeds.append(request.sampling.seed)
        return next(answers)

    async with panel(runtime := ScriptedRuntime(script)) as members:
        await run(STRATEGIES["single"], members, Numbers())
        found = await run(STRATEGIES["repeat"], members, Numbers())
    assert [request.sampling.temperature for request in runtime.requests] == [0.0, 0.7]
    assert len(set(seeds[1:])) == 3
    assert (found.text, found.share) == ("It is 5.", pytest.approx(2 / 3))


async def test_no_more_answers_are_drawn_at_once_than_the_tokens_allow() -> None:
    async with panel(runtime := in_turn("It is 5.", "It is 6.", "It is 5.")) as members:
        found = await run(STRATEGIES["repeat"], members, Numbers(), most_tokens=260)  # the prompt, and 64 for each of two
    assert [found.text, len(found.candidates), len(runtime.requests)] == ["It is 5.", 3, 2]


async def test_every_strategy_begins_with_the_same_draws() -> None:
    """So what is measured of one can be used for another."""
    first: dict[str, int] = {}
    for depth in set(STRATEGIES) - {"single"}:
        async with panel(runtime := says("It is 5."), says("It is 6.")) as members:
            await run(STRATEGIES[depth], members, Numbers())
        first[depth] = runtime.requests[0].sampling.seed
    assert set(first.values()) == {1}


async def test_the_model_that_agrees_most_with_itself_is_believed() -> None:
    async with panel(in_turn("5", "6", "8"), in_turn("7", "7", "6")) as members:
        found = await run(STRATEGIES["compare"], members, Numbers())
    assert (found.text, found.author) == ("7", "m1")


async def test_the_best_model_joins_the_answers_of_all() -> None:
    def joins(request: CompletionRequest) -> str:
        return "So it is 9." if "<candidate C2>" in request.messages[-1].content else "It is 5."

    async with panel(ScriptedRuntime(joins), says("It is 6.")) as members:
        assert (await run(STRATEGIES["combine"], members, Numbers())).text == "So it is 9."


async def test_a_joined_answer_that_a_verifier_refuses_is_not_given() -> None:
    def joins(request: CompletionRequest) -> str:
        return "So it is 9." if "<candidate C2>" in request.messages[-1].content else "It is 5."

    async with panel(ScriptedRuntime(joins), says("It is 6.")) as members:
        assert (await run(STRATEGIES["combine"], members, Numbers(wrong=["9"]))).text == "It is 5."


async def test_a_meeting_without_measured_voters_asks_for_no_ballot() -> None:
    runtimes = [says(f"It is {n}.", for_text("5")) for n in (5, 6, 7)]
    async with panel(*runtimes) as members:
        found = await run(STRATEGIES["deliberate"], members, Numbers())
    assert found.reason == "no voters"
    assert sum(len(runtime.requests) for runtime in runtimes) == 3


async def test_a_strategy_of_ones_own_takes_ten_lines() -> None:
    class Longest:
        name = "the longest of all"

        async def run(self, job: Job, panel: Panel, call: Call) -> Verdict:
            draw = Draw(job, call)
            found = [drawn for member in panel.seats if (drawn := await draw.one(member))]
            chosen = max(found, key=lambda drawn: len(drawn.text), default=None)
            return draw.verdict(chosen, 1 / max(len(found), 1), "rounds")

    async with panel(says("5"), says("It is surely 6."), says("7")) as members:
        assert (await run(Longest(), members, Numbers())).author == "m1"


def test_of_no_answers_none_is_chosen() -> None:
    assert plurality([], Numbers()) == (None, 0.0)


async def test_one_answer_agrees_with_nobody_and_one_that_was_cut_off_says_nothing() -> None:
    async with panel(says("It is 5.")) as members:
        assert (await run(STRATEGIES["repeat"], members, Numbers(), most_tokens=1)).reason == "budget"
    cut = ScriptedRuntime(Reply("It is 7.", finish="length"))
    async with panel(cut) as members:
        found = await run(STRATEGIES["single"], members, Numbers(right="7"))
    assert (found.is_verified, found.finding.value) == (False, None)
