"""Whether asking a team can be expected to better an answer: only where something can tell a better one; pure."""

from __future__ import annotations

from dataclasses import dataclass

PROVING = 3
"""Stated examples that must pass before code counts as proved: one alone is passed by chance too often."""
TOKENS_SHARE = 8
"""A team that nobody asked for by name may read and write so many times the tokens of one answer."""


@dataclass(frozen=True)
class Case:
    """What is known before a team is asked.

    Attributes:
        examples: Examples the task states that answers are run on.
        is_refuted: Whether the answer there is fails one.
        voters: How many different models of the panel were measured to judge better than chance.
        best_rounds: After how many rounds deliberating with them is best, by the utility of a meeting.
        hindrance: Why no team fits the time or the memory; empty when one does.
    """

    examples: int = 0
    is_refuted: bool = False
    voters: int = 0
    best_rounds: float = 0.0
    hindrance: str = ""


def why_not_deliberate(case: Case) -> str:
    """Say why a team is not worth asking, empty when it is.

    It is when running the task's examples can prove an answer, or can show one to be better than one that fails them; or when
    calibrated voters gain by a round at least. It must fit the time and the memory too.
    """
    if case.hindrance:
        return case.hindrance
    is_told_by_running = case.examples >= PROVING or (case.examples > 0 and case.is_refuted)
    if is_told_by_running or (case.voters and case.best_rounds >= 1):
        return ""
    if case.voters:
        return "those who may vote judge too little better than chance for a round to be worth it"
    if case.examples:
        return "the examples of the task are too few to prove an answer, and no model here is known to judge better than chance"
    return "nothing here can run or prove such answers, and no model here is known to judge them better than chance"
