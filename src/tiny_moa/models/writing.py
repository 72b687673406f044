"""Answers while they are written: one or several behind the same prompt, computed as one batch for each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tiny_moa.models.answer_text import AnswerText, is_looping
from tiny_moa.models.memory import ModelMemory, Steps, Work
from tiny_moa.models.native import Aborted, NativeModel, Row
from tiny_moa.models.runtime import Completion, Finish, Usage
from tiny_moa.models.sampling import Sampler
from tiny_moa.models.scoring import log_probabilities

LOOP_CHECK_TOKENS = 16
"""How many tokens are written between two looks for a loop."""

Report = Callable[[str, str, int], None]
"""Called with ("phase", its name, 0) and ("token", the text that became printable, the answer's number)."""


@dataclass(frozen=True)
class AnswerOptions:
    """What an answer is bound to: its number in a fan-out, its length, and whether its log-probabilities are wanted."""

    number: int
    max_tokens: int
    wants_log_probabilities: bool = False


class Answer:
    """One answer: its sequence, its sampler and its text so far."""

    def __init__(self, options: AnswerOptions, sampler: Sampler, text: AnswerText, sequence: int, position: int) -> None:
        self._options = options
        self._sampler = sampler
        self._text = text
        self._sequence = sequence
        self._position = position
        self._token = -1
        self._log_probabilities: list[float] = []
        self.written = 0
        self.seconds = 0.0
        self.finish: Finish | None = None

    @property
    def tokens_left(self) -> int:
        """How many tokens it may still get."""
        return self._options.max_tokens - self.written

    def row(self) -> Row:
        """Give the token just written, as what is to be computed next."""
        return Row(self._token, self._position + self.written - 1, self._sequence, True)

    def take(self, model: NativeModel, memory: ModelMemory, row: int, report: Report) -> None:
        """Draw the next token from a row of the last batch; `finish` is set when it was the last."""
        token = self._sampler.draw(memory.context, row)
        if model.is_end(token):
            self.finish = "stop"
            return
        if self._options.wants_log_probabilities:
            self._log_probabilities.append(float(log_probabilities(memory.context, row)[token]))
        self._token = token
        self.written += 1
        report("token", self._text.add(model.piece(token)), self._options.number)
        if self._text.is_stopped:
            self.finish = "stop"
        elif self.written % LOOP_CHECK_TOKENS == 0 and is_looping(self._text.text):
            self.finish = "repetition"
        elif not self.tokens_left:
            self.finish = "length"

    def completion(self, usage: Usage, report: Report) -> Completion:
        """End it and give it; what was held back is reported."""
        if rest := self._text.finish():
            report("token", rest, self._options.number)
        return Completion(self._text.text, self.finish or "deadline", usage, tuple(self._log_probabilities))


def write(
    answers: Sequence[Answer], model: NativeModel, memory: ModelMemory, work: Work, row: int, report: Report
) -> Steps[None]:
    """Write answers to their ends, or until the call is stopped; all begin at one row of the last batch.

    A finished answer leaves the batch. The time of a step is shared by the answers in it.
    """
    live = list(answers)
    rows = [row] * len(live)
    while live:
        for answer, place in zip(live, rows, strict=True):
            answer.take(model, memory, place, report)
        seconds = work.lap() / len(live)
        for answer in live:
            answer.seconds += seconds
        live = [answer for answer in live if answer.finish is None]
        rows = list(range(len(live)))
        if live:
            try:
                yield from memory.decode([answer.row() for answer in live], work, sum(answer.tokens_left for answer in live))
            except Aborted:
                return
