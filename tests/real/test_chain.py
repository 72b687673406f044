from __future__ import annotations

import anyio
import pytest

from tests.fakes import Recorder
from tiny_moa import build_team, load_settings
from tiny_moa.experts.base import Call, Proposal
from tiny_moa.traces import TraceStore, traces_folder


@pytest.mark.llama
async def test_with_a_real_model_the_second_of_a_chain_reads_what_the_first_wrote() -> None:
    question = "Explain what this code does in Korean:\n```python\ndef double(n):\n    return 2 * n\n```"
    async with build_team(load_settings({})) as team:
        call = Call(anyio.current_time() + 120, 24, Recorder())
        answer = await team.asker.ask(question, call)
    first, second = answer.trace.steps[:2]
    assert (first.expert, second.expert) == ("coder", "multilingual")
    assert first.models == ("smollm2-135m",)
    assert isinstance(first.outcome, Proposal)
    assert first.outcome.text in second.prompt
    kept = TraceStore(traces_folder()).load(answer.trace_id)
    assert kept["steps"][0]["text"] in kept["steps"][1]["prompt"]
