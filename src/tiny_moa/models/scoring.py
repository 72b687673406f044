"""Probabilities of labels behind a prompt, as many in one batch as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tiny_moa.errors import WeightsInvalid
from tiny_moa.models.memory import ModelMemory, Steps, Work
from tiny_moa.models.native import NativeContext, NativeModel, Row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    LogProbabilities = npt.NDArray[np.float64]

Label = Sequence[int]


@dataclass(frozen=True)
class PromptPlace:
    """Where a prompt was read: its sequence, its length, and the row of the last batch that holds the logits behind it."""

    sequence: int
    length: int
    row: int


def score_labels(
    labels: Sequence[Label], model: NativeModel, memory: ModelMemory, work: Work, prompt: PromptPlace, slots: Sequence[int]
) -> Steps[tuple[float, ...]]:
    """Give the probability of each label as the whole answer, normalised over the labels.

    Args:
        labels: Their tokens; an empty one is the answer that ends at once.
        model: For its end tokens.
        memory: Where the prompt was read.
        work: The call.
        prompt: The prompt.
        slots: Sequences to compute labels in, one at least.
    """
    import numpy as np

    first = log_probabilities(memory.context, prompt.row)
    totals = np.array([first[label[0]] if label else _end_of(first, model) for label in labels], dtype=np.float64)
    for part in _label_batches(labels, len(slots), memory.batch_tokens):
        rows: list[Row] = []
        wanted: list[tuple[int, int | None]] = []
        for slot, index in zip(slots, part, strict=False):
            memory.copy(prompt.sequence, slot)
            rows += [Row(token, prompt.length + i, slot, True) for i, token in enumerate(labels[index])]
            wanted += [(index, token) for token in (*labels[index][1:], None)]
        yield from memory.decode(rows, work, len(rows))
        for place, (index, token) in enumerate(wanted):
            found = log_probabilities(memory.context, place)
            totals[index] += _end_of(found, model) if token is None else found[token]
    weights = np.exp(totals - totals.max())
    return tuple(float(weight) for weight in weights / weights.sum())


def log_probabilities(context: NativeContext, row: int) -> LogProbabilities:
    """Give the log-probability of every token behind a row of the last batch, as the model computed it.

    Raises:
        WeightsInvalid: The model computed something that is no number.
    """
    import numpy as np

    logits = context.logits(row).astype(np.float64)
    top = logits.max()
    if not np.isfinite(top):
        raise WeightsInvalid("the model computes values that are no numbers; its weights are damaged, fetch the file again")
    shifted = logits - top
    result: Any = shifted - np.log(np.exp(shifted).sum())
    return result  # type: ignore[no-any-return]


def _end_of(found: LogProbabilities, model: NativeModel) -> float:
    """Give the log-probability that the answer ends here, by any of the end tokens."""
    import numpy as np

    return float(np.logaddexp.reduce(found[list(model.ends)]))


def _label_batches(labels: Sequence[Label], slots: int, rows: int) -> Iterator[list[int]]:
    """Group labels, in order, so that each group has enough sequences and fits into a batch; empty labels need none."""
    part: list[int] = []
    used = 0
    for index, label in enumerate(labels):
        if part and (len(part) == slots or used + len(label) > rows):
            yield part
            part, used = [], 0
        if label:
            part.append(index)
            used += len(label)
    if part:
        yield part
