"""Whether a quick answer should be doubted: by what came of it, and by cheap signs of a hard question; pure, asks no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tiny_moa.experts.base import Proposal

MOST_SIGNS = 2
"""So many signs of a hard question are reason enough to doubt an answer that nothing proved."""
_OPINIONS = ("agreement", "answer")
"""Checks that compare solutions with each other."""
_MANY_NUMBERS, _MANY_SENTENCES, _LONG = 4, 4, 400
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE = re.compile(r"[.!?。？！](?:\s|$)|다\.\s")
_SEARCH = re.compile(
    r"\b(?:at (?:most|least)|maxim\w+|minim\w+|largest|smallest|shortest|longest|optimal|how many (?:ways|different)|probability|"
    r"remainder|permutations?|subsequences?|subsets?)\b|최대|최소|경우의 수|확률|나머지|가장 (?:큰|작은|긴|짧은)|부분 ?수열",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|unless|except|each|every|otherwise|twice|half)\b|만약|제외|마다|각각|절반", re.IGNORECASE)


def signs(question: str) -> tuple[str, ...]:
    """Give the signs that a question takes several steps, in words."""
    found = {
        "many numbers": len(_NUMBER.findall(question)) >= _MANY_NUMBERS,
        "many sentences": len(_SENTENCE.findall(question)) >= _MANY_SENTENCES,
        "long": len(question) > _LONG,
        "a search": bool(_SEARCH.search(question)),
        "conditions": len(_CONDITION.findall(question)) >= 2,
    }
    return tuple(sign for sign, is_there in found.items() if is_there)


def doubts(question: str, proposals: Sequence[Proposal]) -> tuple[str, ...]:
    """Say why an answer should be doubted, a sentence's part each; nothing when it is proved, or plain and whole.

    Nobody having answered is a doubt too.
    """
    if not proposals:
        return ("nobody answered",)
    if all(proposal.status == "verified" for proposal in proposals):
        return ()
    found = []
    if any(proposal.status == "partial" for proposal in proposals):
        found.append("the answer was cut off")
    if is_refuted(proposals):
        found.append("a check failed")
    if any(len(proposal.fields.get("split", ())) > 1 for proposal in proposals):
        found.append("solutions differ")
    if len(hard := signs(question)) >= MOST_SIGNS:
        found.append(f"the question looks hard ({', '.join(hard)})")
    return tuple(found)


def is_refuted(proposals: Sequence[Proposal]) -> bool:
    """Whether a check failed that says something of an answer; that others do not agree with it says nothing."""
    return any(not check.passed and check.what not in _OPINIONS for proposal in proposals for check in proposal.checks)
