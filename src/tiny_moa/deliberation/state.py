"""What a meeting remembers from round to round: records, and the forget gate that keeps the ones worth most; pure.

The paper (arXiv 2601.16863) names a semantic forget gate and gives no equation. Ours keeps records, never prose a small model
summed up: each is worth `gamma^age` times the worth of its kind, and the best are kept as long as they fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["test", "winner", "contested", "verified", "score"]
WORTH: dict[Kind, float] = {"test": 1.0, "winner": 0.9, "contested": 0.7, "verified": 0.5, "score": 0.3}
"""How much a record of each kind is worth when it is new; also the order in which they are shown."""
GAMMA = 0.5
TOKENS = 200
"""Most tokens of a state shown to models of up to 1.5 billion parameters."""

Count = Callable[[str], int]
"""Says how many tokens a text has, exactly or nearly."""


@dataclass(frozen=True)
class Record:
    """One thing a round found out.

    Attributes:
        kind: What it is.
        text: As the next round reads it.
        round: In which round, from 1.
        is_refuted: Whether a later check showed it to be wrong.
    """

    kind: Kind
    text: str
    round: int
    is_refuted: bool = False

    def worth(self, now: int, gamma: float) -> float:
        """Give its worth in round `now`; with gamma 0 only what is new has any, with gamma 1 nothing fades."""
        age = now - self.round
        return WORTH[self.kind] * (1.0 if age == 0 else gamma**age)


def refute(records: Sequence[Record], text: str) -> tuple[Record, ...]:
    """Mark every record of this text as wrong."""
    return tuple(replace(record, is_refuted=True) if record.text == text else record for record in records)


def forget(
    records: Sequence[Record], now: int, count: Count, *, gamma: float = GAMMA, most_tokens: int = TOKENS
) -> tuple[Record, ...]:
    """Keep the records worth most that fit together; what is refuted or worth nothing goes at once.

    Of two with the same text the newer one stays. Ties go to the later round, then to the shorter text.

    Returns:
        What stays, in the order in which it is shown: by kind, then by round.
    """
    if not 0 <= gamma <= 1:
        raise ValueError(f"a gamma of {gamma}; 0 to 1 are possible")
    newest = {record.text: record for record in sorted(records, key=lambda record: record.round)}
    alive = [record for record in newest.values() if not record.is_refuted and record.worth(now, gamma) > 0]
    alive.sort(key=lambda record: (-record.worth(now, gamma), -record.round, len(record.text), record.text))
    kept: list[Record] = []
    for record in alive:
        if count(render([*kept, record])) <= most_tokens:
            kept.append(record)
    return _in_order(kept)


def render(records: Sequence[Record]) -> str:
    """Write a state as the next round reads it, a line each; empty when there is none."""
    return "\n".join(f"- {record.text}" for record in _in_order(records))


def _in_order(records: Sequence[Record]) -> tuple[Record, ...]:
    order = {kind: place for place, kind in enumerate(WORTH)}
    return tuple(sorted(records, key=lambda record: (order[record.kind], record.round, record.text)))
