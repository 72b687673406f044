"""Which prompt beginnings are kept, found again and given up; pure: it knows sequence numbers and computes nothing.

A beginning is only ever used whole, and a longer one is made from it by reading on, because the state of hybrid models can
neither be cut nor be taken from the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Tokens = tuple[int, ...]


@dataclass
class KeptPrefix:
    """A kept beginning.

    Attributes:
        tokens: What was read.
        sequence: Where it is kept.
        is_fixed: Whether it is the same in every call, rather than the end of one conversation's turn.
        hits: How often it was used.
        used_at: When it was used last, in uses of the index.
    """

    tokens: Tokens
    sequence: int
    is_fixed: bool
    hits: int = 0
    used_at: int = 0


class PrefixIndex:
    """The kept beginnings of one context: so many fixed ones, so many ends of turns, and all within a budget of tokens.

    Every conversation leaves an end of a turn, and few are ever gone on with; so these never take the place of what is the
    same in every call.
    """

    def __init__(self, *, fixed: int, turn_ends: int, budget_tokens: int) -> None:
        """Take the first `fixed + turn_ends` sequences."""
        self._free = {True: list(range(fixed)), False: list(range(fixed, fixed + turn_ends))}
        self._budget = budget_tokens
        self._kept: dict[Tokens, KeptPrefix] = {}
        self._clock = 0

    def __len__(self) -> int:
        return len(self._kept)

    def by_use(self) -> list[KeptPrefix]:
        """Give what is kept, the one used longest ago first."""
        return sorted(self._kept.values(), key=lambda kept: kept.used_at)

    def longest(self, tokens: Tokens) -> KeptPrefix | None:
        """Give the longest kept beginning that ends before the last of the tokens: that one must be read for its logits."""
        fitting = [kept for kept in self._kept.values() if len(kept.tokens) < len(tokens) and starts_with(tokens, kept.tokens)]
        return max(fitting, key=lambda kept: len(kept.tokens), default=None)

    def use(self, kept: KeptPrefix) -> None:
        """Count a use."""
        kept.hits += 1
        self._touch(kept)

    def has_room(self, tokens: Tokens) -> bool:
        """Whether these tokens can be kept as a fixed beginning without giving up another."""
        return bool(tokens and self._free[True]) and self._cells(tokens) <= self._budget

    def place(self, tokens: Tokens, *, is_fixed: bool) -> tuple[KeptPrefix | None, list[int]]:
        """Make a place for a beginning.

        Returns:
            Its new entry, `None` when it is kept already or there can be no place for it; and the sequences that gave way.
        """
        if tokens in self._kept:
            self._touch(self._kept[tokens])
            return None, []
        emptied: list[int] = []
        while not self._free[is_fixed]:
            victim = self._victim(lambda kept: kept.is_fixed == is_fixed)
            if victim is None:
                return None, emptied
            emptied.append(self.forget(victim))
        while self._cells(tokens) > self._budget:
            victim = self._victim(lambda kept: is_fixed or not kept.is_fixed)
            if victim is None:
                return None, emptied
            emptied.append(self.forget(victim))
        kept = KeptPrefix(tokens, self._free[is_fixed].pop(), is_fixed)
        self._kept[tokens] = kept
        self._touch(kept)
        return kept, emptied

    def evict(self) -> int:
        """Give up one beginning, and give its sequence.

        Raises:
            LookupError: Nothing is kept.
        """
        victim = self._victim(lambda kept: True)
        if victim is None:
            raise LookupError("no beginning is kept")
        return self.forget(victim)

    def forget(self, kept: KeptPrefix) -> int:
        """Give up a certain beginning, and give its sequence."""
        del self._kept[kept.tokens]
        self._free[kept.is_fixed].append(kept.sequence)
        return kept.sequence

    def _victim(self, may_go: Callable[[KeptPrefix], bool]) -> KeptPrefix | None:
        """Choose what goes: a turn's end nobody used, then what was used longest ago."""
        fitting = filter(may_go, self._kept.values())
        return min(fitting, key=lambda kept: (kept.is_fixed or kept.hits > 0, kept.used_at), default=None)

    def _touch(self, kept: KeptPrefix) -> None:
        self._clock += 1
        kept.used_at = self._clock

    def _cells(self, more: Tokens) -> int:
        """Count the cells of all that is kept and of one more; what extends another shares its cells."""
        every = sorted([*self._kept, more])
        shared = 0
        for index, tokens in enumerate(every):
            shared += max((len(one) for one in every[:index] if starts_with(tokens, one)), default=0)
        return sum(map(len, every)) - shared


def starts_with(tokens: Tokens, beginning: Tokens) -> bool:
    """Whether the tokens begin with others."""
    return tokens[: len(beginning)] == beginning
