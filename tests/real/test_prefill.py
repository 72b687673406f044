"""What a meeting costs to read: all who sit with one model share the prompt of a phase, counted by the real runtime."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.fakes import Recorder
from tests.gguf_files import HYBRIDS, write_random
from tests.test_meeting import Numbers
from tiny_moa.catalog import ModelSpec
from tiny_moa.deliberation.electorate import Standing
from tiny_moa.deliberation.meeting import Meeting
from tiny_moa.deliberation.panel import BALLOT, seat
from tiny_moa.deliberation.rules import Rules
from tiny_moa.experts.base import Call, TemplatedModel
from tiny_moa.models.claims import Budget
from tiny_moa.models.llama import LlamaLauncher
from tiny_moa.models.pool import ModelPool
from tiny_moa.models.weights import Headers
from tiny_moa.templates import TemplateLibrary

pytestmark = pytest.mark.llama
TASK = "How many legs have three spiders and two ants together? Say how you found it. " * 4


class Differing(Numbers):
    """A field in which no two answers are the same, so that there is something to vote on."""

    def is_same(self, first: object, second: object) -> bool:
        return False


@pytest.mark.parametrize("architecture", ["qwen2", *HYBRIDS])
async def test_three_voters_of_one_model_read_at_most_half_of_three_prompts(tmp_path: Path, architecture: str) -> None:
    path = write_random(tmp_path / "m.gguf", architecture)
    spec = ModelSpec(name="m", title="M", path=path, context_tokens=2048, family="qwen")
    standing = Standing(weights={"m": 1.0}, p_right=0.5, balanced_accuracy=0.7)
    async with ModelPool(LlamaLauncher(1), lambda model: path, Budget(1 << 40), inspect=Headers()) as pool:
        members = seat([TemplatedModel(spec, pool, TemplateLibrary())] * 3)
        meeting = Meeting("job", TASK, Differing(), members, standing, Rules(rounds=1))
        found = await meeting.hold(Call(anyio.current_time() + 120, 24, Recorder()))
    for phase in (Differing.template, BALLOT):
        usages = [attempt.usage for attempt in found.attempts if attempt.template.startswith(phase)]
        assert len(usages) == 3, found.missing
        whole = sum(usage.prompt_tokens for usage in usages)
        assert sum(usage.prompt_tokens - usage.cached_tokens for usage in usages) <= whole / 2
