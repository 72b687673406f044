"""The contract of `test_runtime`, asserted on xllamacpp; what it does otherwise stands here in place of the original."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from tests.contract.test_runtime import *  # noqa: F403  every assertion, also those to come
from tests.contract.test_runtime import QUESTION, SAYS, Open, _soon
from tests.fakes import Recorder
from tests.gguf_files import CONTEXT_TOKENS, write_parrot
from tiny_moa.catalog import ModelSpec
from tiny_moa.models.runtime import CompletionRequest, LoadOptions, Message, Runtime
from tiny_moa.models.xllama import XllamaLauncher

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.llama,
    pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the package xllamacpp is not installed"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_runtime(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    """Give a function that opens a runtime which says given words; a living one is used again."""
    folder = tmp_path_factory.mktemp("weights")
    opened: dict[tuple[str, ...], Runtime] = {}

    async def open_(words: Sequence[str]) -> Runtime:
        key = tuple(words)
        if key not in opened or not opened[key].is_alive:
            path = write_parrot(folder / f"{len(opened)}.gguf", words)
            spec = ModelSpec(name="parrot", title="Parrot", path=path, context_tokens=CONTEXT_TOKENS)
            opened[key] = await XllamaLauncher(1)(spec, path, LoadOptions(CONTEXT_TOKENS))
        return opened[key]

    yield open_
    for runtime in opened.values():
        await runtime.aclose()


async def test_fixed_messages_are_read_once(open_runtime: Open) -> None:
    """The server copies whatever a prompt has in common with an earlier one, be it only the first mark."""
    runtime = await open_runtime(SAYS)
    fixed = (Message("system", "These words are the same in every call of this test."), QUESTION[1])
    request = CompletionRequest(fixed, 50, fixed_messages=1)
    first = await runtime.complete(request, deadline=_soon(), listener=Recorder())
    second = await runtime.complete(request, deadline=_soon(), listener=Recorder())
    assert first.usage.cached_tokens < second.usage.cached_tokens < second.usage.prompt_tokens
    assert second.text == first.text
