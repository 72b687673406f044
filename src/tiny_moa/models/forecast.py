"""Says what a model will take of the memory from its header alone; pure arithmetic with measured constants.

The forecast is what the worker's process holds at most: `Rss` of `/proc/PID/smaps_rollup`, mapped weights included, after
a batch in which every row wanted its logits. It is for our own engine: mapped, extra buffers off, batches of 64.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from tiny_moa.models.gguf import Header
from tiny_moa.models.runtime import KEPT_PREFIXES, KEPT_SHARE, KEPT_TURN_ENDS, MOST_SAMPLES, KvType, LoadOptions

PROCESS_BYTES = 50 << 20
"""Python, numpy and llama.cpp's libraries in a worker without a model: 27.6 MiB of its own, 22.6 MiB of files."""
SEQUENCES = MOST_SAMPLES + 1
"""Sequences the engine opens for calls to work in."""
BATCH_TOKENS = 64
"""Rows of the engine's batch, each of which may want its logits."""
_CELL_STEP = 256
"""llama.cpp rounds the cells of the cache up to this."""
_KV_BYTES: dict[KvType, float] = {"f16": 2.0, "q8_0": 34 / 32}
_Q8_BLOCK = 32
_TOKEN_BYTES, _PIECE_BYTES = 258, 150
"""What one token of a byte-pair (49,152 and 151,936 measured) or sentence-piece vocabulary (262,144) takes."""
_LOGIT_COPIES = 2
"""The batch's logits lie in the compute buffer and, copied, in the output buffer."""
_DRAW_BYTES = 36
"""Sampling and log-probabilities, for each token of the vocabulary."""
_GRAPH_BYTES = 5 << 20


@dataclass(frozen=True)
class Forecast:
    """The bytes of a model by what they are for.

    Attributes:
        process: The worker without a model.
        weights: The tensors, mapped from the file; other processes that map the same file share them.
        repack: A second copy of some weights; 0, for our engine keeps none.
        kv: The cache of keys and values.
        recurrent: The states of convolutions and state spaces, one for each sequence.
        vocabulary: The tokens and what finds them.
        kept: Prompt beginnings that are kept beside the cache, when there are as many as may be.
        compute: Buffers for one batch, its logits and the sampling.
        adapter: The tensors of a LoRA adapter, which are copied.
    """

    process: int
    weights: int
    repack: int
    kv: int
    recurrent: int
    vocabulary: int
    kept: int
    compute: int
    adapter: int = 0

    @property
    def total(self) -> int:
        """Everything together."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def parked(self) -> int:
        """What is left when the context is freed."""
        return self.process + self.weights + self.repack + self.vocabulary + self.adapter


def forecast(header: Header, options: LoadOptions) -> Forecast:
    """Say what the worker of a model will hold.

    Within 5 % of what was measured on three real files and 8 MiB on random ones of five architectures (llama-cpp-python
    0.3.36, Linux, x86-64); the test of the real memory repeats the measurement.
    """
    tokens, embedding = header.n_vocabulary, header.number("embedding_length")
    widest = max(header.number("feed_forward_length", block) for block in _blocks(header)) or 4 * embedding
    logits = _LOGIT_COPIES * BATCH_TOKENS * tokens * 4
    return Forecast(
        process=PROCESS_BYTES,
        weights=header.weights_bytes,
        repack=0,
        kv=(kv := _kv_bytes(header, options)),
        recurrent=_state_bytes(header) * SEQUENCES,
        vocabulary=tokens * (_TOKEN_BYTES if "tokenizer.ggml.merges" in header.values else _PIECE_BYTES),
        kept=int(kv * KEPT_SHARE) + _state_bytes(header) * (KEPT_PREFIXES + KEPT_TURN_ENDS),
        compute=_GRAPH_BYTES + BATCH_TOKENS * 4 * (3 * embedding + 2 * widest) + tokens * _DRAW_BYTES + logits,
        adapter=options.adapter.bytes if options.adapter else 0,
    )


def allows_quantised_cache(header: Header) -> bool:
    """Whether the cache can be stored as `q8_0`: its blocks must fill every head."""
    return all(size % _Q8_BLOCK == 0 for block in _blocks(header) for size in _head_sizes(header, block))


def cells(header: Header, context_tokens: int) -> int:
    """Give the cells of the cache that is opened for a context, at most what the model was trained for."""
    return -(-min(context_tokens, header.number("context_length")) // _CELL_STEP) * _CELL_STEP


def _blocks(header: Header) -> range:
    return range(header.number("block_count"))


def _head_sizes(header: Header, block: int) -> tuple[int, int]:
    """The length of a key and of a value in one head."""
    size = header.number("embedding_length") // max(header.number("attention.head_count", block), 1)
    return header.number("attention.key_length", default=size), header.number("attention.value_length", default=size)


def _kv_bytes(header: Header, options: LoadOptions) -> int:
    width = 0
    for block in _blocks(header):
        heads = header.number("attention.head_count_kv", block, default=header.number("attention.head_count", block))
        width += heads * sum(_head_sizes(header, block))
    return int(cells(header, options.context_tokens) * width * _KV_BYTES[options.kv_type])


def _state_bytes(header: Header) -> int:
    """One sequence's states: a short convolution in each block without attention (lfm2), a state space in each (mamba2)."""
    total, embedding = 0, header.number("embedding_length")
    for block in _blocks(header):
        if (length := header.number("shortconv.l_cache")) and not header.number("attention.head_count_kv", block):
            total += 4 * (length - 1) * embedding
        if inner := header.number("ssm.inner_size", block):
            state, groups = header.number("ssm.state_size", block), header.number("ssm.group_count", block)
            total += 4 * ((header.number("ssm.conv_kernel", block) - 1) * (inner + 2 * groups * state) + state * inner)
    return total
