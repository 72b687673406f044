"""What a kind of task lets be known of an answer without a language model: its value, sameness, proof; asks no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tiny_moa.experts.checks import Check


@dataclass(frozen=True)
class Finding:
    """What a verifier found.

    Attributes:
        proof: 1 when the answer was shown to be right, -1 when it was shown to be wrong, 0 when nothing could tell.
        fact: What the next round should know of it, at most a line; empty when there is nothing.
        checks: What was checked.
    """

    proof: int = 0
    fact: str = ""
    checks: tuple[Check, ...] = ()


class Field(Protocol):
    """One class of tasks."""

    @property
    def name(self) -> str:
        """Its name, under which models are calibrated: `math`, `code` or `open`."""

    def words(self, task: str) -> str:
        """Give the task as members are asked it, with the form an answer must have."""

    def read(self, text: str) -> Any:
        """Give an answer's value, `None` when there is none in the text."""

    def is_same(self, first: Any, second: Any) -> bool:
        """Whether two values mean the same."""

    async def verify(self, task: str, text: str) -> Finding:
        """Look whether an answer is right."""


class OpenField:
    """Everything else: answers are the same when their words are, and nothing can be proved."""

    name = "open"

    def words(self, task: str) -> str:
        """Give the task as it is."""
        return task

    def read(self, text: str) -> Any:
        """Give the words, without case and punctuation."""
        words = "".join(char if char.isalnum() else " " for char in text.casefold()).split()
        return " ".join(words) or None

    def is_same(self, first: Any, second: Any) -> bool:
        """Whether the words are the same."""
        return bool(first == second)

    async def verify(self, task: str, text: str) -> Finding:
        """Find nothing."""
        return Finding()
