"""Counts a meeting's ballots again from its minutes, and says whether they come to what was written; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiny_moa.deliberation.audit import Entry, first_broken
from tiny_moa.deliberation.ballots import Ballot, Candidate, Form, tally
from tiny_moa.errors import DeliberationError


@dataclass(frozen=True)
class Replayed:
    """What counting again gave.

    Attributes:
        tallies: How many tallies there are.
        winners: The winner of each, in order.
        differences: What came out otherwise than it was written, a sentence each; empty when all is as it was.
    """

    tallies: int
    winners: tuple[str, ...]
    differences: tuple[str, ...]


def replay(minutes: Sequence[Entry], *, form: Form = "intensity", masks_own: bool = True) -> Replayed:
    """Count again.

    Raises:
        DeliberationError: The minutes were changed after they were written, or are not those of a meeting.
    """
    if (place := first_broken(minutes)) is not None:
        raise DeliberationError(
            f"entry {place + 1} of {len(minutes)} was changed after it was written; these minutes prove nothing"
        )
    winners, differences = [], []
    ballots: list[Ballot] = []
    try:
        for entry in minutes:
            if entry.kind == "ballots":
                ballots = [Ballot(said["voter"], said["credits"]) for said in entry.body["ballots"]]
            elif entry.kind == "tally" and entry.body["quorum"]:
                known = entry.body["candidates"]
                candidates = [Candidate(label, c["author"], c["prior"], c["length"]) for label, c in known.items()]
                counted = tally(ballots, candidates, weights=entry.body["weights"], form=form, masks_own=masks_own)
                winners.append(counted.winner)
                if counted.winner != entry.body["winner"]:
                    said = entry.body["winner"]
                    differences.append(f"round {entry.body['round']}: {counted.winner} wins, and {said} was written")
    except (KeyError, TypeError, AttributeError) as exc:
        raise DeliberationError(f"these are not the minutes of a meeting: {exc!r} is missing or of another form") from exc
    return Replayed(len(winners), tuple(winners), tuple(differences))
