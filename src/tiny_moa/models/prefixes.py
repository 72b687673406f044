"""Which prompt beginnings are kept, found again and given up; pure: it holds what others read and computes nothing.

They are kept beside the context, as what it held of them, not in it: so they take no cells from calls, and a text lies in the
same cells whatever is kept. A beginning is only ever used whole, and a longer one is made from it by reading on, because the
state of hybrid models can neither be cut nor be taken from the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tiny_moa.models.reading import LEAST_ROWS

Tokens = tuple[int, ...]


@dataclass
class KeptPrefix:
    """A kept beginning.

    Attributes:
        tokens: What was read.
        state: What the context held then.
        is_fixed: Whether it is the same in every call, rather than the end of one conversation's turn.
        hits: How often it was used.
        used_at: When it was used last, in uses of the index.
    """

    tokens: Tokens
    state: bytearray
    is_fixed: bool
    hits: int = 0
    used_at: int = 0


class PrefixIndex:
    """The kept beginnings of one context: so many fixed ones, so many ends of turns, and all within a budget of tokens.

    Every conversation leaves an end of a turn, and few are ever gone on with; so these never take the place of what is the
    same in every call.
    """

    def __init__(self, *, fixed: int, turn_ends: int, budget_tokens: int) -> None:
        """Take how many of each kind there may be, and how many tokens they may have together."""
        self._most = {True: fixed, False: turn_ends}
        self._budget = budget_tokens
        self._kept: dict[Tokens, KeptPrefix] = {}
        self._clock = 0

    def __len__(self) -> int:
        return len(self._kept)

    def by_use(self) -> list[KeptPrefix]:
        """Give what is kept, the one used longest ago first."""
        return sorted(self._kept.values(), key=lambda kept: kept.used_at)

    def longest(self, tokens: Tokens) -> KeptPrefix | None:
        """Give the longest kept beginning that leaves enough tokens to read: at least the last one, for its logits."""
        most = len(tokens) - LEAST_ROWS
        fitting = [kept for kept in self._kept.values() if len(kept.tokens) <= most and starts_with(tokens, kept.tokens)]
        return max(fitting, key=lambda kept: len(kept.tokens), default=None)

    def use(self, kept: KeptPrefix) -> None:
        """Count a use."""
        kept.hits += 1
        self._touch(kept)

    def has_room(self, tokens: Tokens) -> bool:
        """Whether these tokens can be kept as a fixed beginning without giving up another."""
        return bool(tokens) and self._count(is_fixed=True) < self._most[True] and self._tokens + len(tokens) <= self._budget

    def wants(self, tokens: Tokens, *, is_fixed: bool) -> bool:
        """Whether a beginning is to be kept; one that is kept already is used so, and others give way to a new one."""
        if tokens in self._kept:
            self._touch(self._kept[tokens])
            return False
        if not tokens or len(tokens) > self._budget:
            return False
        while self._count(is_fixed=is_fixed) >= self._most[is_fixed]:
            if not self._give_up(lambda kept: kept.is_fixed == is_fixed):
                return False
        while self._tokens + len(tokens) > self._budget:
            if not self._give_up(lambda kept: is_fixed or not kept.is_fixed):
                return False
        return True

    def keep(self, tokens: Tokens, state: bytearray, *, is_fixed: bool) -> KeptPrefix:
        """Keep what is wanted."""
        kept = self._kept[tokens] = KeptPrefix(tokens, state, is_fixed)
        self._touch(kept)
        return kept

    def forget(self, kept: KeptPrefix) -> None:
        """Give up a certain beginning."""
        del self._kept[kept.tokens]

    def _give_up(self, may_go: Callable[[KeptPrefix], bool]) -> bool:
        """Give up one beginning; says whether there was one."""
        if (victim := self._victim(may_go)) is None:
            return False
        self.forget(victim)
        return True

    def _victim(self, may_go: Callable[[KeptPrefix], bool]) -> KeptPrefix | None:
        """Choose what goes: a turn's end nobody used, then what was used longest ago."""
        fitting = filter(may_go, self._kept.values())
        return min(fitting, key=lambda kept: (kept.is_fixed or kept.hits > 0, kept.used_at), default=None)

    def _touch(self, kept: KeptPrefix) -> None:
        self._clock += 1
        kept.used_at = self._clock

    def _count(self, *, is_fixed: bool) -> int:
        return sum(kept.is_fixed == is_fixed for kept in self._kept.values())

    @property
    def _tokens(self) -> int:
        return sum(map(len, self._kept))


def starts_with(tokens: Tokens, beginning: Tokens) -> bool:
    """Whether the tokens begin with others."""
    return tokens[: len(beginning)] == beginning
