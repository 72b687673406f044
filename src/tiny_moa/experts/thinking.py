"""Thinking within a budget: a model that thinks too long is stopped, its thought is closed, and it is made to answer.

Only a thought that the model opened itself with `<think>` is seen to be open. A family whose chat template opens it is bound by
its tokens alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import anyio

from tiny_moa.models.families.thoughts import CLOSE, is_open_thought
from tiny_moa.models.runtime import Completion, CompletionRequest, Listener, Phase, Runtime, Usage


@dataclass(frozen=True)
class ThinkingBudget:
    """How long a model may think.

    Attributes:
        tokens: Most tokens of a thought.
        until: Time on the event loop's clock at which a thought that is still open ends.
        answer_tokens: What is then left for the answer.
    """

    tokens: int
    until: float
    answer_tokens: int


class _Watch:
    """Passes on what a listener hears, and stops the writing when the thought has spent its budget."""

    def __init__(self, listener: Listener, budget: ThinkingBudget, scope: anyio.CancelScope) -> None:
        self._listener = listener
        self._budget = budget
        self._scope = scope
        self._began = anyio.current_time()
        self.text = ""
        self.tokens = 0

    def stage(self, name: str) -> None:
        self._listener.stage(name)

    def phase(self, phase: Phase, subject: str) -> None:
        self._listener.phase(phase, subject)

    def wrote(self, text: str) -> None:
        self._listener.wrote(text)
        self.text += text
        self.tokens += 1
        is_spent = self.tokens >= self._budget.tokens or anyio.current_time() >= self._budget.until
        if is_spent and is_open_thought(self.text):
            self._scope.cancel()

    @property
    def usage(self) -> Usage:
        """What the stopped thought cost, as far as it was heard."""
        return Usage(completion_tokens=self.tokens, write_seconds=anyio.current_time() - self._began)


async def complete_in_budget(
    runtime: Runtime, request: CompletionRequest, budget: ThinkingBudget, *, deadline: float, listener: Listener
) -> tuple[Completion, bool]:
    """Complete a request; a thought that spends its budget is closed, and the answer is written behind it.

    Returns:
        The completion, thoughts included, and whether the thought was ended for it.

    Raises:
        ModelError: As the runtime does.
    """
    with anyio.CancelScope() as scope:
        watch = _Watch(listener, budget, scope)
        return await runtime.complete(request, deadline=deadline, listener=watch), False
    thought = watch.usage
    closed = f"{watch.text.rstrip()}\n{CLOSE}\n\n"
    forced = replace(request, opening=closed, max_tokens=budget.answer_tokens)
    answered = await runtime.complete(forced, deadline=deadline, listener=listener)
    return replace(answered, usage=thought + answered.usage), True
