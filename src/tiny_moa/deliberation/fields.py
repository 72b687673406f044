"""What a kind of task lets be known of an answer without a language model: its value, sameness, proof; asks no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tiny_moa.experts.checks import Check


@dataclass(frozen=True)
class Finding:
    """What was found of an answer.

    Attributes:
        value: What it says, in a form that can be compared; `None` when that could not be read.
        proof: 1 when the answer was shown to be right, -1 when it was shown to be wrong, 0 when nothing could tell.
        fact: What the next round should know of it, at most a line; empty when there is nothing.
        checks: What was checked.
    """

    value: Any = None
    proof: int = 0
    fact: str = ""
    checks: tuple[Check, ...] = ()


class Field(Protocol):
    """One class of tasks."""

    @property
    def name(self) -> str:
        """Its name, under which models are calibrated: `math`, `code` or `open`."""

    @property
    def template(self) -> str:
        """The words in which a member is asked to answer; their holes are `task` and `state`."""

    async def look(self, task: str, text: str) -> Finding:
        """Read an answer and try to prove or refute it."""

    def is_same(self, first: Any, second: Any) -> bool:
        """Whether two values mean the same."""

    def examples(self, task: str) -> int:
        """Say how many examples a task states that answers are run on."""


async def look_at(field: Field, task: str, text: str, *, is_whole: bool) -> Finding:
    """Look at an answer; one that was cut off has no value and proves nothing."""
    return await field.look(task, text) if is_whole else Finding(fact="an answer was cut off before its end")


class OpenField:
    """Everything else: answers are the same when their words are, and nothing can be proved."""

    name = "open"
    template = "deliberation/propose_open"

    async def look(self, task: str, text: str) -> Finding:
        """Give the words as the value, without case and punctuation."""
        words = "".join(char if char.isalnum() else " " for char in text.casefold()).split()
        return Finding(" ".join(words) or None)

    def is_same(self, first: Any, second: Any) -> bool:
        """Whether the words are the same."""
        return bool(first == second)

    def examples(self, task: str) -> int:
        """Nothing is run."""
        return 0
