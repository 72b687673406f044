"""Draws tokens: llama.cpp's sampler chain for one answer, and a grammar that is asked only about the token drawn."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tiny_moa.errors import SchemaUnsupported, WeightsInvalid, WorkerFailed
from tiny_moa.models.native import NativeContext, NativeModel, load_library

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PENALTY_WINDOW = 64
"""How many of the last tokens written the penalties count; llama.cpp's own default."""
_DRY_BASE, _DRY_LENGTH, _DRY_WINDOW = 1.75, 2, 1024
_DRY_BREAKERS = (b"\n", b":", b'"', b"*")
"""DRY's own defaults but for the window, which they make as long as the context."""
_NEVER = float("-inf")


@dataclass(frozen=True)
class SamplerOptions:
    """How tokens are drawn: the catalogue's `Sampling` as plain values, so that the worker needs no validation library."""

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    dry_multiplier: float = 0.0
    seed: int = 1

    @property
    def remembers(self) -> bool:
        """Whether a token's chances depend on those written before it."""
        return self.repeat_penalty != 1.0 or any((self.frequency_penalty, self.presence_penalty, self.dry_multiplier))


class Sampler:
    """Draws the tokens of one answer; a context manager that frees what it holds.

    With a grammar, a token is drawn freely and tested alone; only when it is refused is the whole vocabulary tested.
    That gives the text of testing everything first at a twentieth of the time.
    """

    def __init__(self, model: NativeModel, options: SamplerOptions, grammar: str | None = None) -> None:
        """Build the chain.

        Raises:
            SchemaUnsupported: llama.cpp cannot read the grammar.
        """
        self._api = load_library().api
        self._model = model
        self._is_greedy = options.temperature <= 0 and not options.remembers
        self._is_testable = not options.remembers
        self._rules = self._read_grammar(grammar) if grammar is not None else None
        self._chain = self._build_chain(options)
        self._table: tuple[npt.NDArray[Any], npt.NDArray[np.int32]] | None = None

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for sampler in (self._chain, self._rules):
            if sampler:
                self._api.llama_sampler_free(sampler)
        self._chain = self._rules = None

    def begin(self, opening: Sequence[int]) -> None:
        """Let the grammar take the tokens the answer is made to begin with.

        Raises:
            SchemaUnsupported: No answer the schema allows begins like that.
        """
        for token in opening if self._rules else ():
            if not self._is_permitted(token):
                raise SchemaUnsupported("no answer that fits the JSON Schema begins with the given opening; change one of them")
            self._api.llama_sampler_accept(self._rules, token)

    def draw(self, context: NativeContext, row: int) -> int:
        """Draw the next token behind a row of the last batch; an end token only where the grammar is satisfied.

        Raises:
            WeightsInvalid: The model computed something that is no number.
            SchemaUnsupported: No token of the vocabulary can go on as the schema wants.
        """
        logits = context.logits(row)
        likeliest = int(logits.argmax())  # of values that are no numbers it is the first of those
        if not logits[likeliest] < float("inf"):
            raise WeightsInvalid("the model computes values that are no numbers; its weights are damaged, fetch the file again")
        if self._is_greedy:
            token = likeliest
        elif self._rules is None or self._is_testable:
            token = self._api.llama_sampler_sample(self._chain, context.pointer, row)
        else:  # a token that is refused must not count as written
            token = self._draw(logits, bound=False)
        if self._rules:
            token = self._bound(token, logits)
        return token

    def _bound(self, token: int, logits: npt.NDArray[np.float32]) -> int:
        """Give the token if the grammar permits it, another one otherwise, and let everybody know."""
        if not self._is_permitted(token):
            token = self._draw(logits, bound=True)
        if not self._is_testable:
            self._api.llama_sampler_accept(self._chain, token)
        if not self._model.is_end(token):
            self._api.llama_sampler_accept(self._rules, token)
        return token

    def _draw(self, logits: npt.NDArray[np.float32], *, bound: bool) -> int:
        if self._table is None:
            self._table = _candidates(self._model.n_vocabulary)
        table, tokens = self._table
        table["id"], table["logit"], table["p"] = tokens, logits, 0.0
        pointer = table.ctypes.data_as(self._api.llama_token_data_p)
        every = self._api.llama_token_data_array(pointer, len(table), -1, False)
        if bound:
            self._api.llama_sampler_apply(self._rules, ctypes.byref(every))
        self._api.llama_sampler_apply(self._chain, ctypes.byref(every))
        chosen = every.data[every.selected]
        if bound and chosen.logit == _NEVER:  # accepting it would end the process
            raise SchemaUnsupported("the model has no token to go on as the JSON Schema wants; write the schema more simply")
        return int(chosen.id)

    def _is_permitted(self, token: int) -> bool:
        one = (self._api.llama_token_data * 1)(self._api.llama_token_data(token, 1.0, 0.0))
        self._api.llama_sampler_apply(self._rules, ctypes.byref(self._api.llama_token_data_array(one, 1, -1, False)))
        return bool(one[0].logit != _NEVER)

    def _read_grammar(self, grammar: str) -> Any:
        rules = self._api.llama_sampler_init_grammar(self._model.vocabulary, grammar.encode(), b"root")
        if not rules:  # NULL in a chain is a segmentation fault
            raise SchemaUnsupported("llama.cpp cannot read the grammar of the JSON Schema; write the schema more simply")
        return rules

    def _build_chain(self, options: SamplerOptions) -> Any:
        """The order is llama.cpp's own: penalties, then cuts, then temperature; the last one must be one that chooses."""
        api = self._api
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        steps = []
        if options.repeat_penalty != 1.0 or options.frequency_penalty or options.presence_penalty:
            strengths = (options.repeat_penalty, options.frequency_penalty, options.presence_penalty)
            steps.append(api.llama_sampler_init_penalties(self._model.n_vocabulary, PENALTY_WINDOW, *strengths))
        if options.dry_multiplier:
            breakers = (ctypes.c_char_p * len(_DRY_BREAKERS))(*_DRY_BREAKERS)
            dry = (options.dry_multiplier, _DRY_BASE, _DRY_LENGTH, _DRY_WINDOW, breakers, len(breakers))
            steps.append(api.llama_sampler_init_dry(self._model.vocabulary, *dry))
        if options.temperature <= 0:
            steps.append(api.llama_sampler_init_greedy())
        else:
            steps += [api.llama_sampler_init_top_k(options.top_k), api.llama_sampler_init_top_p(options.top_p, 1)]
            steps += [api.llama_sampler_init_min_p(options.min_p, 1), api.llama_sampler_init_temp(options.temperature)]
            steps.append(api.llama_sampler_init_dist(options.seed))
        if not all(steps):  # NULL in a chain is a segmentation fault
            raise WorkerFailed("llama.cpp makes no sampler; call again")
        for step in steps:
            api.llama_sampler_chain_add(chain, step)
        return chain


def _candidates(n_vocabulary: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    import numpy as np

    table = np.zeros(n_vocabulary, np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)]))
    return table, np.arange(n_vocabulary, dtype=np.int32)
