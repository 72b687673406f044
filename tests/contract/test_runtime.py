"""What every runtime does, asserted alike on the scripted one and on llama.cpp with parrots whose answer is known."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import anyio
import pytest
import pytest_asyncio

from tests.fakes import Recorder, Reply, ScriptedRuntime
from tests.gguf_files import CONTEXT_TOKENS, write_parrot
from tiny_moa.catalog import ModelSpec
from tiny_moa.errors import ContextExceeded, DeadlineExceeded, InvalidRequest, WorkerFailed
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.runtime import MOST_SAMPLES, Completion, CompletionRequest, LoadOptions, Message, Piece, Runtime

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAYS = ("Paris", " is", " the", " capital", " of", " France", ".")
LONG = tuple(f" word{number}" for number in range(900))
QUESTION = (Message("system", "You are a parrot and say what you say."), Message("user", "What is the capital of France?"))
GUARD_SECONDS = 60

Open = Callable[[Sequence[str]], Awaitable[Runtime]]


ENGINES = [pytest.param(architecture, marks=pytest.mark.llama) for architecture in ("qwen2", "llama", "lfm2", "falcon-h1")]


@pytest_asyncio.fixture(params=["scripted", *ENGINES], scope="module", loop_scope="module")
async def open_runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    """Give a function that opens a runtime which says given words; a living one is used again."""
    folder = tmp_path_factory.mktemp("weights")
    opened: dict[tuple[str, ...], Runtime] = {}

    async def open_(words: Sequence[str]) -> Runtime:
        key = tuple(words)
        if key not in opened or not opened[key].is_alive:
            path = folder / f"{len(opened)}.gguf"
            opened[key] = _scripted(words) if request.param == "scripted" else await _llama(path, words, request.param)
        return opened[key]

    yield open_
    for runtime in opened.values():
        await runtime.aclose()


def _scripted(words: Sequence[str]) -> Runtime:
    """Answer by the words; the long answer waits for ever after some of them, as if the model were slow."""
    reply = Reply("".join(words), wait=anyio.Event() if words is LONG else None, after=20)
    return ScriptedRuntime(reply, context_tokens=CONTEXT_TOKENS)


async def _llama(path: Path, words: Sequence[str], architecture: str) -> Runtime:
    write_parrot(path, words, architecture=architecture)
    return await LlamaLauncher(1)(ModelSpec(name="parrot", title="Parrot", path=path), path, LoadOptions(CONTEXT_TOKENS))


def _soon() -> float:
    return anyio.current_time() + GUARD_SECONDS


async def test_the_streamed_text_is_the_final_text(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(SAYS), Recorder()
    completion = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=heard)
    assert completion.text == heard.text == "Paris is the capital of France."
    assert completion.finish == "stop"


async def test_a_listener_hears_reading_then_writing(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(SAYS), Recorder()
    await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=heard)
    assert [phase for phase, _ in heard.phases] == ["reading", "writing"]


@pytest.mark.parametrize(
    ("stops", "text"), [((" of",), "Paris is the capital"), ((" France", "cap"), "Paris is the "), (("s the c",), "Paris i")]
)
async def test_an_answer_ends_before_the_first_stop(open_runtime: Open, stops: tuple[str, ...], text: str) -> None:
    runtime, heard = await open_runtime(SAYS), Recorder()
    completion = await runtime.complete(CompletionRequest(QUESTION, 50, stops=stops), deadline=_soon(), listener=heard)
    assert (completion.text, completion.finish, heard.text) == (text, "stop", text)


async def test_an_unfinished_stop_is_part_of_the_answer(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(SAYS), Recorder()
    completion = await runtime.complete(CompletionRequest(QUESTION, 50, stops=("France. The",)), deadline=_soon(), listener=heard)
    assert completion.text == heard.text == "Paris is the capital of France."


async def test_max_tokens_ends_an_answer(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    completion = await runtime.complete(CompletionRequest(QUESTION, 3), deadline=_soon(), listener=Recorder())
    assert (completion.text, completion.finish) == ("Paris is the", "length")
    assert completion.usage.completion_tokens == 3


async def test_an_opening_is_part_of_the_answer(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(SAYS), Recorder()
    request = CompletionRequest(QUESTION, 2, opening="Well:\n", stops=("Well",))
    completion = await runtime.complete(request, deadline=_soon(), listener=heard)
    assert completion.text == heard.text == "Well:\nParis is"
    assert completion.usage.completion_tokens == 2


async def test_fixed_messages_are_read_once(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    fixed = (Message("system", "These words are the same in every call of this test."), QUESTION[1])
    request = CompletionRequest(fixed, 50, fixed_messages=1)
    first = await runtime.complete(request, deadline=_soon(), listener=Recorder())
    second = await runtime.complete(request, deadline=_soon(), listener=Recorder())
    assert first.usage.cached_tokens == 0 < second.usage.cached_tokens < second.usage.prompt_tokens
    assert second.text == first.text


async def test_every_message_may_be_fixed(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    for _ in range(2):
        completion = await runtime.complete(
            CompletionRequest(QUESTION, 50, fixed_messages=2), deadline=_soon(), listener=Recorder()
        )
        assert completion.text == "".join(SAYS)


async def test_statistics_count_what_was_done(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    before = runtime.statistics()
    completion = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder())
    after = runtime.statistics()
    assert after.requests - before.requests == 1
    assert after.generated_tokens - before.generated_tokens == completion.usage.completion_tokens == len(SAYS)
    assert after.evaluated_tokens > before.evaluated_tokens


async def test_a_deadline_in_the_past_gives_no_text_and_a_usable_runtime(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    completion = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=-math.inf, listener=Recorder())
    assert (completion.text, completion.finish) == ("", "deadline")
    again = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(SAYS)


async def test_a_deadline_gives_the_text_so_far(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(LONG), Recorder()
    with anyio.fail_after(GUARD_SECONDS):
        completion = await runtime.complete(
            CompletionRequest(QUESTION, 1000), deadline=anyio.current_time() + 0.2, listener=heard
        )
    assert completion.finish == "deadline"
    assert completion.text == heard.text
    assert "".join(LONG).startswith(completion.text)
    assert runtime.is_alive


async def test_a_cancelled_call_writes_no_further_token(open_runtime: Open) -> None:
    runtime = await open_runtime(LONG)
    with anyio.fail_after(GUARD_SECONDS), anyio.CancelScope() as scope:
        heard = Recorder(on_token=lambda count: scope.cancel() if count == 10 else None)
        await runtime.complete(CompletionRequest(QUESTION, 1000), deadline=_soon(), listener=heard)
    assert scope.cancelled_caught
    assert len(heard.tokens) >= 10
    before = runtime.statistics()
    request = CompletionRequest(QUESTION, 5)
    completion = await runtime.complete(request, deadline=_soon(), listener=Recorder())
    after = runtime.statistics()
    assert completion.text == "".join(LONG[:5])
    assert after.generated_tokens - before.generated_tokens == 5
    assert after.requests - before.requests == 1


async def test_a_prompt_that_does_not_fit_is_refused(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    request = CompletionRequest((Message("user", "- " * CONTEXT_TOKENS),), 1)
    with pytest.raises(ContextExceeded) as caught:
        await runtime.complete(request, deadline=_soon(), listener=Recorder())
    assert caught.value.context_tokens == CONTEXT_TOKENS < caught.value.prompt_tokens
    again = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(SAYS)


async def test_a_fan_out_gives_as_many_answers_as_were_asked_for(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(SAYS), Recorder()
    completions = await runtime.sample(CompletionRequest(QUESTION, 50, stops=(".",)), 3, deadline=_soon(), listener=heard)
    assert [completion.text for completion in completions] == ["Paris is the capital of France"] * 3
    assert {completion.finish for completion in completions} == {"stop"}
    assert sum(completion.usage.completion_tokens for completion in completions) == 3 * len(SAYS)
    assert [phase for phase, _ in heard.phases] == ["reading", "writing"]
    assert sorted(heard.text) == sorted("".join(completion.text for completion in completions))


async def test_a_fan_out_reads_its_prompt_once(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    before = runtime.statistics().evaluated_tokens
    completions = await runtime.sample(CompletionRequest(QUESTION, 1), 4, deadline=_soon(), listener=Recorder())
    read = [completion.usage.prompt_tokens - completion.usage.cached_tokens for completion in completions]
    assert read[1:] == [0, 0, 0]
    assert runtime.statistics().evaluated_tokens - before <= read[0] + 4


@pytest.mark.parametrize("n", [0, MOST_SAMPLES + 1])
async def test_a_fan_out_of_impossible_size_is_refused(open_runtime: Open, n: int) -> None:
    runtime = await open_runtime(SAYS)
    with pytest.raises(InvalidRequest):
        await runtime.sample(CompletionRequest(QUESTION, 5), n, deadline=_soon(), listener=Recorder())


async def test_a_deadline_gives_what_each_answer_has_so_far(open_runtime: Open) -> None:
    runtime, heard = await open_runtime(LONG), Recorder()
    with anyio.fail_after(GUARD_SECONDS):
        completions = await runtime.sample(
            CompletionRequest(QUESTION, 900), 2, deadline=anyio.current_time() + 0.2, listener=heard
        )
    assert {completion.finish for completion in completions} == {"deadline"}
    assert all("".join(LONG).startswith(completion.text) for completion in completions)
    assert runtime.is_alive


async def test_log_probabilities_are_given_when_wanted(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    wanted = CompletionRequest(QUESTION, 50, wants_log_probabilities=True)
    completion = await runtime.complete(wanted, deadline=_soon(), listener=Recorder())
    assert len(completion.log_probabilities) == completion.usage.completion_tokens == len(SAYS)
    assert all(value <= 0 for value in completion.log_probabilities)
    plain = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder())
    assert plain.log_probabilities == ()


async def test_a_raw_prompt_is_answered_without_a_conversation(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    short, long = (CompletionRequest((), 5, raw=(Piece("a " * n),)) for n in (3, 30))
    completions = [await runtime.complete(request, deadline=_soon(), listener=Recorder()) for request in (short, long)]
    assert 0 < completions[0].usage.prompt_tokens < completions[1].usage.prompt_tokens


# -- calls at once ----------------------------------------------------------------------------------------------------


async def test_calls_at_once_each_get_their_own_answer(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    assert runtime.slots >= 2
    got: dict[int, tuple[Completion, Recorder]] = {}

    async def ask(max_tokens: int) -> None:
        heard = Recorder()
        request = CompletionRequest(QUESTION, max_tokens)
        got[max_tokens] = await runtime.complete(request, deadline=_soon(), listener=heard), heard

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            for max_tokens in range(1, runtime.slots + 1):
                group.start_soon(ask, max_tokens)
    for max_tokens, (completion, heard) in got.items():
        assert completion.text == heard.text == "".join(SAYS[:max_tokens])


async def test_a_short_call_does_not_wait_for_a_long_one(open_runtime: Open) -> None:
    runtime, is_begun = await open_runtime(LONG), anyio.Event()
    heard = Recorder(on_token=lambda count: is_begun.set())
    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:

            async def write_long() -> None:
                await runtime.complete(CompletionRequest(QUESTION, 900), deadline=_soon(), listener=heard)

            group.start_soon(write_long)
            await is_begun.wait()
            short = await runtime.complete(CompletionRequest(QUESTION, 5), deadline=_soon(), listener=Recorder())
            group.cancel_scope.cancel()
    assert short.text == "".join(LONG[:5])
    assert len(heard.tokens) < len(LONG)


async def test_a_cancelled_call_harms_no_other(open_runtime: Open) -> None:
    runtime = await open_runtime(LONG)
    texts: list[str] = []

    async def ask(max_tokens: int, cancel_at: int | None) -> None:
        with anyio.CancelScope() as scope:
            heard = Recorder(on_token=lambda count: scope.cancel() if count == cancel_at else None)
            completion = await runtime.complete(CompletionRequest(QUESTION, max_tokens), deadline=_soon(), listener=heard)
            texts.append(completion.text)

    with anyio.fail_after(GUARD_SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, 900, 3)
            group.start_soon(ask, 19, None)
            group.start_soon(ask, 900, 1)
    assert texts == ["".join(LONG[:19])]
    again = await runtime.complete(CompletionRequest(QUESTION, 5), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(LONG[:5])


async def test_a_parked_runtime_wakes_at_the_next_call(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    await runtime.complete(CompletionRequest(QUESTION, 50, fixed_messages=1), deadline=_soon(), listener=Recorder())
    assert not runtime.is_parked
    before = runtime.statistics()
    await runtime.park()
    assert runtime.is_parked
    assert runtime.is_alive
    assert runtime.statistics().generated_tokens == before.generated_tokens
    await runtime.park()
    again = await runtime.complete(CompletionRequest(QUESTION, 50, fixed_messages=1), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(SAYS)
    assert not runtime.is_parked
    assert runtime.resident_bytes() >= 0


async def test_scores_of_labels_sum_to_one(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    scores = await runtime.score(CompletionRequest(QUESTION, 1), ["yes", "no", "perhaps"], deadline=_soon())
    assert len(scores) == 3
    assert all(score >= 0 for score in scores)
    assert sum(scores) == pytest.approx(1)


async def test_scoring_after_the_deadline_raises(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)
    with pytest.raises(DeadlineExceeded):
        await runtime.score(CompletionRequest(QUESTION, 1), ["yes", "no"], deadline=-math.inf)
    assert runtime.is_alive


async def test_a_listener_that_fails_leaves_the_runtime_usable(open_runtime: Open) -> None:
    runtime = await open_runtime(SAYS)

    def fail(count: int) -> None:
        raise LookupError(count)

    with pytest.raises(LookupError):
        await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder(on_token=fail))
    again = await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder())
    assert again.text == "".join(SAYS)


async def test_a_closed_runtime_refuses_calls(open_runtime: Open) -> None:
    runtime = await open_runtime(("closed",))
    await runtime.aclose()
    await runtime.aclose()
    assert not runtime.is_alive
    with pytest.raises(WorkerFailed):
        await runtime.complete(CompletionRequest(QUESTION, 50), deadline=_soon(), listener=Recorder())
