"""The context of one loaded model: who works in which sequences, which prompt beginnings are kept, and one step of compute.

A call that has the context for itself computes the same numbers, to the last bit, whatever came before it: it lies in the first
cells, no part of a prompt is read in a batch so small that it rounds otherwise, and a kept beginning is put back as it was.
Beside others it lies in other cells, where sums are rounded in another order.

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
from tiny_moa.models.reading import chunk_end, marks, stops
from tiny_moa.models.runtime import KEPT_SHARE, PrefixStatistics
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

    def marks(self, window: int) -> tuple[int, int]:
        """Where it is worth keeping for a model with such a window: after what is fixed, and where the answer's turn begins."""
        return marks(len(self.prefix), len(self.prefix) + len(self.tail), len(self), window)


class ModelMemory:
    """An open context, whose sequences calls work in, and beginnings that are kept beside it."""

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
        self._index = PrefixIndex(fixed=kept[0], turn_ends=kept[1], budget_tokens=int(self._context.cells * KEPT_SHARE))
        self._window = model.window
        self._free = list(range(size.sequences))
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
            if len(self._free) == self._context.sequences:
                self._context.clear()

    def copy(self, source: int, target: int) -> None:
        """Make one sequence the same text as another."""
        self._context.copy(source, target)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, prompt: Prompt, sequence: int, work: Work) -> Steps[tuple[int, int]]:
        """Read a prompt, from the longest beginning that is kept; keep it up to each of its marks.

        Returns:
            How many tokens were copied instead, and the row of the last batch that has the logits.
        """
        tokens, places = prompt.tokens, prompt.marks(self._window)
        while self._is_coming(tokens):
            yield from work.turn(None)
        position = cached = self._put_back(tokens, sequence)
        parts = stops(cached, places, len(prompt))
        fixed = tokens[: places[0]] if places[0] in parts else ()
        if fixed:
            self._coming.append(fixed)
        try:
            for stop in parts:
                row = yield from self._feed(tokens, (position, stop), sequence, work)
                position = stop
                if stop in places:
                    self._keep(tokens[:stop], sequence, is_fixed=stop == places[0])
                if fixed and stop == len(fixed):
                    self._coming.remove(fixed)
                    fixed = ()
        finally:
            if fixed:
                self._coming.remove(fixed)
        return cached, row

    def _is_coming(self, tokens: Tokens) -> bool:
        """Whether another call is reading a beginning of these tokens that is longer than what is kept."""
        kept = self._index.longest(tokens)
        have = len(kept.tokens) if kept else 0
        return any(have < len(coming) < len(tokens) and starts_with(tokens, coming) for coming in self._coming)

    def _put_back(self, tokens: Tokens, sequence: int) -> int:
        """Fill a sequence with the longest beginning that is kept; gives its length."""
        while (kept := self._index.longest(tokens)) is not None:
            if self._context.restore(sequence, kept.state, len(kept.tokens)):
                self._index.use(kept)
                return len(kept.tokens)
            self._index.forget(kept)
        return 0

    def _keep(self, tokens: Tokens, sequence: int, *, is_fixed: bool) -> None:
        if self._index.wants(tokens, is_fixed=is_fixed) and (state := self._context.state(sequence)):
            self._index.keep(tokens, state, is_fixed=is_fixed)

    def _feed(self, tokens: Tokens, part: tuple[int, int], sequence: int, work: Work) -> Steps[int]:
        """Read a part of a prompt chunk by chunk; gives the row of its last token, which has logits if it ends the prompt."""
        (start, end), last = part, len(tokens) - 1
        while True:
            chunk = chunk_tokens(self.batch_tokens, self.calls(), self._read_seconds)
            stop = chunk_end(start, end, chunk)
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
        """Compute a batch; gives the seconds it took."""
        began = time.monotonic()
        try:
            self._context.decode(rows, flag)
        except CacheFull:
            raise ContextExceeded(self._name, rows[-1].position + 1, self.cells) from None
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
            if self._context.restore(0, stored.state, len(stored.tokens)):
                self._index.keep(stored.tokens, stored.state, is_fixed=True)
            else:
                self._store.reject(stored)
        self._context.clear()

    def store(self) -> None:
        """Write the beginnings that are the same in every call to files; conversations are never written."""
        if self._store is None:
            return
        for kept in filter(lambda kept: kept.is_fixed, self._index.by_use()):
            if self._store.has(kept.tokens):
                self._store.used(kept.tokens)
            else:
                self._store.save(kept.tokens, kept.state)

    def close(self) -> None:
        """Free the context; harmless when done already."""
        self._context.close()
