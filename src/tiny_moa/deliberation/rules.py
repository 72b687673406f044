"""How meetings are held, and the reasons for which they end; values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tiny_moa.deliberation.ballots import Form
from tiny_moa.deliberation.state import GAMMA, TOKENS
from tiny_moa.deliberation.stopping import EFFORT

Reason = Literal["verifier", "agreement", "evidence", "combined", "no voters", "rounds", "budget", "deadline", "nobody answered"]
"""Why a meeting ended."""


@dataclass(frozen=True)
class Rules:
    """How meetings are held.

    Attributes:
        rounds: Most rounds.
        temperature: At which members propose; ballots are always greedy.
        seed: Of the proposals; member number k adds k, each round after the first 1,000.
        agreement: The share of proposals in one class at which no ballot is needed.
        gamma: How fast the state forgets: 0 at once, 1 never.
        state_tokens: Most tokens of the state.
        form: How credits become votes.
        by_verdict: Whether voters say of each answer if it is right, and their probability counts, instead of giving credits;
            `None` takes the way in which more is known of them.
        masks_own: Whether nobody votes on its own answer; off only to measure what that costs.
        masks_family: Whether nobody votes on answers of its model's family where another family votes; the same.
        weighs_kin: Whether voters that err alike count less; the same.
        effort: The share of what there is to be found out at which it is enough.
        most_tokens: Tokens that may be read and written in all, `None` for no bound but the deadline.
    """

    rounds: int = 2
    temperature: float = 0.7
    seed: int = 1
    agreement: float = 2 / 3
    gamma: float = GAMMA
    state_tokens: int = TOKENS
    form: Form = "intensity"
    by_verdict: bool | None = None
    masks_own: bool = True
    masks_family: bool = True
    weighs_kin: bool = True
    effort: float = EFFORT
    most_tokens: int | None = None
