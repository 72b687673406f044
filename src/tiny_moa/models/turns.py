"""Whose turn it is among the calls of one model; pure.

Every call has spent so much work; the one that has spent least goes next, so calls share the machine evenly however
unlike their steps are. A newcomer starts at the clock, which is what an even share has come to, so it neither overtakes
for ever nor waits for what others had before. A call with little left may go a little before its share.
Source: weighted fair queueing by virtual time (Demers, Keshav and Shenker, 1989); the head start is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WRITE_COST = 2.0
"""What a token written costs beside one that is read in a chunk; a 1.5B model on two cores: 22 and 45 tokens a second."""
SHORT_WORK = 64.0
"""Work left, in tokens read, up to which a call goes first: one chunk, or an answer of 32 tokens."""
HEAD_START = 128.0
"""How much further than its share a short call may be; it bounds how long anyone waits for short ones."""
_STEP_SECONDS = 0.5
"""How long one chunk may take while others wait."""
LEAST_CHUNK = 16


@dataclass(frozen=True)
class Wish:
    """What a call wants to do in its next turn.

    Attributes:
        cost: Work of that turn, in tokens read.
        left: Work left altogether, at most.
    """

    cost: float
    left: float


@dataclass(frozen=True)
class Standing:
    """One call in the row: what it has spent, counted from the clock when it came, and what it has left."""

    spent: float
    left: float


def next_turn(standings: Sequence[Standing]) -> int:
    """Give the index of the call whose turn it is; one at least is given, and ties go to the earlier.

    Nobody starves: a call waits until each of the others has spent `HEAD_START` and one step more than it has, at most.
    """
    return min(range(len(standings)), key=lambda index: _place(standings[index]))


def _place(standing: Standing) -> float:
    return standing.spent - (HEAD_START if standing.left <= SHORT_WORK else 0.0)


def clock_after(clock: float, cost: float, calls: int) -> float:
    """Give the clock after a turn: work done is an even share of it further for each of the calls."""
    return clock + cost / max(calls, 1)


def chunk_tokens(most: int, calls: int, seconds_per_token: float | None) -> int:
    """Give how many tokens of a prompt to read in one turn.

    Alone a call reads `most` at once, because a stop reaches into its own chunk. Beside others a chunk takes half a second
    at most, because their stops do not; what is not measured yet is taken to be slow.
    """
    if calls <= 1:
        return most
    if seconds_per_token is None:
        return min(most, LEAST_CHUNK)
    fitting = most if seconds_per_token * most <= _STEP_SECONDS else int(_STEP_SECONDS / seconds_per_token)
    return max(min(most, LEAST_CHUNK), fitting)
