"""The context of one loaded model: who works in which sequences, which prompt beginnings are kept, and one step of compute.

What takes long is a generator: it yields what it wants to do before every batch, and computes when it is asked to go on.
Between two yields it is alone, so logits are read before anybody else computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from tiny_moa.errors import ContextExceeded
from tiny_moa.models.native import Aborted, CacheFull, ContextSize, NativeContext, NativeModel, Row
from tiny_moa.models.native_adapter import NativeAdapter
from tiny_moa.models.prefix_store import PrefixStore
from tiny_moa.models.prefixes import PrefixIndex, Tokens, starts_with
from tiny_moa.models.runtime import PrefixStatistics
from tiny_moa.models.stopflag import StopFlag
from tiny_moa.models.threads import ThreadTuner
from tiny_moa.models.turns import WRITE_COST, Wish, chunk_tokens

T = TypeVar("T")
Steps = Generator[Wish | None, None, T]
"""A call in progress: it yields what it wants to do next, or `None` while it waits for another call."""
_WEIGHT = 0.3
"""Of the newest chunk in the average time of a token that is read."""


def run_alone(steps: Steps[T]) -> T:
    """Take all steps of a call, one after another, when there is no other; for measurements and tests."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            result: T = ended.value
            return result


class Work:
    """One call: the flag that stops it and the clock that runs while it has its turn."""

    def __init__(self, flag: StopFlag) -> None:
        self.flag = flag
        self._seconds = 0.0
        self._since = time.monotonic()

    def turn(self, wish: Wish | None) -> Steps[None]:
        """Let others go first.

        Raises:
            Aborted: The call was stopped while it waited.
        """
        self._seconds += time.monotonic() - self._since
        try:
            yield wish
        finally:
            self._since = time.monotonic()
        if self.flag.is_raised:
            raise Aborted

    def lap(self) -> float:
        """Give the seconds of its own turns since it was last asked."""
        now = time.monotonic()
        seconds, self._seconds, self._since = self._seconds + now - self._since, 0.0, now
        return seconds


@dataclass(frozen=True)
class Prompt:
    """A rendered and tokenised conversation: what is the same in every call, what follows, and the answer's given beginning."""

    prefix: Tokens
    tail: Tokens
    opening: Tokens = ()

    def __len__(self) -> int:
        return len(self.prefix) + len(self.tail) + len(self.opening)

    @property
    def tokens(self) -> Tokens:
        """All of it."""
        return (*self.prefix, *self.tail, *self.opening)

    @property
    def marks(self) -> tuple[int, int]:
        """Where it is worth keeping: after what is fixed, and where the answer's turn begins."""
        return len(self.prefix), len(self.prefix) + len(self.tail)


class ModelMemory:
    """An open context. Its sequences are numbered: those of kept beginnings first, then those that calls work in."""

    def __init__(
        self, model: NativeModel, size: ContextSize, kept: tuple[int, int], tuner: ThreadTuner, store: PrefixStore | None,
        adapter: NativeAdapter | None = None,
    ) -> None:  # fmt: skip
        """Open the context and read back what was stored; `kept` says how many fixed beginnings and turns' ends may be kept.

        Raises:
            WorkerFailed: There is no memory for it, or the adapter cannot be applied.
        """
        self._context = NativeContext(model, size, tuner.threads)
        if adapter is not None:
            adapter.apply(self._context)
        self._name = model.name
        self._store = store
        self._index = PrefixIndex(fixed=kept[0], turn_ends=kept[1], budget_tokens=self._context.cells // 2)
        self._free = list(range(sum(kept), size.sequences))
        self._free_cells = self._context.cells
        self._queue: list[object] = []
        self._coming: list[Tokens] = []
        self._read_seconds: float | None = None
        self.tuner = tuner
        self.evaluated_tokens = 0
        self.calls: Callable[[], int] = lambda: 1
        """Says how many calls are in flight."""
        self._restore()

    @property
    def cells(self) -> int:
        """Tokens that all sequences may hold together."""
        return self._context.cells

    @property
    def batch_tokens(self) -> int:
        """Longest batch."""
        return self._context.batch_tokens

    @property
    def context(self) -> NativeContext:
        """The context itself, for whoever reads logits."""
        return self._context

    def kept(self) -> tuple[PrefixStatistics, ...]:
        """Say what is kept, the one used longest ago first."""
        return tuple(PrefixStatistics(len(kept.tokens), kept.hits) for kept in self._index.by_use())

    # -- sequences ----------------------------------------------------------------------------------------------------

    def wait(self, sequences: int, cells: int, work: Work) -> Steps[None]:
        """Wait, in order of arrival, until that much is free; what a call needs it takes at once, so nobody waits in a circle.

        Raises:
            Aborted: The call was stopped while it waited.
        """
        ticket = object()
        self._queue.append(ticket)
        try:
            while self._queue[0] is not ticket or len(self._free) < sequences or self._free_cells < cells:
                yield from work.turn(None)
        finally:
            self._queue.remove(ticket)

    @contextmanager
    def lend(self, sequences: int, cells: int) -> Iterator[list[int]]:
        """Lend empty sequences and promise cells; called right after `wait`."""
        lent = [self._free.pop() for _ in range(sequences)]
        self._free_cells -= cells
        try:
            yield lent
        finally:
            for sequence in lent:
                self._context.drop(sequence)
            self._free += lent
            self._free_cells += cells

    def copy(self, source: int, target: int) -> None:
        """Make one sequence the same text as another."""
        self._context.copy(source, target)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, prompt: Prompt, sequence: int, work: Work) -> Steps[tuple[int, int]]:
        """Read a prompt, from the longest beginning that is kept; keep it up to each of its marks.

        Returns:
            How many tokens were copied instead, and the row of the last batch that has the logits.
        """
        tokens, fixed = prompt.tokens, prompt.prefix
        while self._is_coming(tokens):
            yield from work.turn(None)
        position = cached = self._copy_kept(tokens, sequence)
        is_new = bool(fixed) and len(fixed) > cached
        if is_new:
            self._coming.append(fixed)
        try:
            for mark in sorted({*prompt.marks, len(prompt)}):
                if mark > position:
                    row = yield from self._feed(tokens, (position, mark), sequence, work)
                    position = mark
                    if mark in prompt.marks:
                        self._keep(tokens[:mark], sequence, is_fixed=mark == len(fixed))
                if is_new and mark == len(fixed):
                    self._coming.remove(fixed)
                    is_new = False
        finally:
            if is_new:
                self._coming.remove(fixed)
        return cached, row

    def _is_coming(self, tokens: Tokens) -> bool:
        """Whether another call is reading a beginning of these tokens that is longer than what is kept."""
        kept = self._index.longest(tokens)
        have = len(kept.tokens) if kept else 0
        return any(have < len(coming) < len(tokens) and starts_with(tokens, coming) for coming in self._coming)

    def _copy_kept(self, tokens: Tokens, sequence: int) -> int:
        kept = self._index.longest(tokens)
        if kept is None:
            return 0
        self._index.use(kept)
        self._context.copy(kept.sequence, sequence)
        return len(kept.tokens)

    def _keep(self, tokens: Tokens, sequence: int, *, is_fixed: bool) -> None:
        place, emptied = self._index.place(tokens, is_fixed=is_fixed)
        for each in emptied:
            self._context.drop(each)
        if place is not None:
            self._context.copy(sequence, place.sequence)

    def _feed(self, tokens: Tokens, part: tuple[int, int], sequence: int, work: Work) -> Steps[int]:
        """Read a part of a prompt chunk by chunk; gives the row of its last token, which has logits if it ends the prompt."""
        (start, end), last = part, len(tokens) - 1
        while True:
            chunk = chunk_tokens(self.batch_tokens, self.calls(), self._read_seconds)
            stop = min(start + chunk, end)
            yield from work.turn(Wish(stop - start, len(tokens) - start))
            rows = [Row(tokens[i], i, sequence, i == last) for i in range(start, stop)]
            seconds = self._decode(rows, work.flag) / len(rows)
            if len(rows) >= min(self.batch_tokens, 8):
                known = seconds if self._read_seconds is None else self._read_seconds
                self._read_seconds = known + _WEIGHT * (seconds - known)
            if stop == end:
                return len(rows) - 1
            start = stop

    # -- computing ----------------------------------------------------------------------------------------------------

    def decode(self, rows: Sequence[Row], work: Work, tokens_left: int) -> Steps[None]:
        """Compute a batch in the next turn, of a call that has so many tokens left to write."""
        yield from work.turn(Wish(WRITE_COST * len(rows), WRITE_COST * tokens_left))
        seconds = self._decode(rows, work.flag)
        if len(rows) == 1:
            before = self.tuner.threads
            self.tuner = self.tuner.after(seconds)
            if self.tuner.threads != before:
                self._context.use_threads(self.tuner.threads)

    def _decode(self, rows: Sequence[Row], flag: StopFlag) -> float:
        """Compute a batch; kept beginnings give way when the cache is full. Gives the seconds it took."""
        while True:
            began = time.monotonic()
            try:
                self._context.decode(rows, flag)
            except CacheFull:
                if not len(self._index):
                    raise ContextExceeded(self._name, rows[-1].position + 1, self.cells) from None
                self._context.drop(self._index.evict())
            else:
                self.evaluated_tokens += len(rows)
                return time.monotonic() - began

    # -- storing ------------------------------------------------------------------------------------------------------

    def _restore(self) -> None:
        """Read back stored beginnings, newest first, as long as there is room without giving up another."""
        if self._store is None:
            return
        for stored in self._store.load():
            if not self._index.has_room(stored.tokens):
                continue
            place, _ = self._index.place(stored.tokens, is_fixed=True)
            if place is not None and not self._context.restore(place.sequence, stored.state, len(stored.tokens)):
                self._index.forget(place)
                self._store.reject(stored)

    def store(self) -> None:
        """Write the beginnings that are the same in every call to files; conversations are never written."""
        if self._store is None:
            return
        for kept in filter(lambda kept: kept.is_fixed, self._index.by_use()):
            if self._store.has(kept.tokens):
                self._store.used(kept.tokens)
            elif state := self._context.state(kept.sequence):
                self._store.save(kept.tokens, state)

    def close(self) -> None:
        """Free the context; harmless when done already."""
        self._context.close()
