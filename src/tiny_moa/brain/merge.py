"""Several proposals as one answer: put under headings, and what they disagree about; pure, asks no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tiny_moa.experts.base import Proposal


def under_headings(proposals: Sequence[Proposal], titles: Mapping[str, str]) -> str:
    """Put proposals under headings, unchanged: the answer when joining them fails."""
    return "\n\n".join(f"## {titles.get(proposal.expert, proposal.expert)}\n\n{proposal.text}" for proposal in proposals)


def disagreements(proposals: Sequence[Proposal], titles: Mapping[str, str]) -> list[str]:
    """Say in one line that experts state different answers to the same thing; nothing when they agree or only one states one.

    Only answers that stand side by side as values are compared; a number in prose is not.
    """
    stated = {proposal.expert: str(proposal.fields["answer"]) for proposal in proposals if proposal.fields.get("answer")}
    if len(set(stated.values())) < 2:
        return []
    said = ", ".join(f"{titles.get(expert, expert)} says {answer}" for expert, answer in stated.items())
    return [f"The experts disagree: {said}."]
