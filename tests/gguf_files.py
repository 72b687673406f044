"""Writes the tiny GGUF files the tests run: random models of five architectures, and parrots whose answer is known.

The files are real ones that go through the real engine, half a megabyte each, and the same on every run. A parrot has
all-zero blocks, a one-hot embedding and an output matrix that maps each token to its successor: after the newline that ends
the chat prompt it says its first word, after each word the next, and after the last it ends its turn or begins again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGUFWriter, TokenType

ARCHITECTURES = ("llama", "qwen2", "lfm2", "falcon-h1", "gemma3")
HYBRIDS = ("lfm2", "falcon-h1")
CONTEXT_TOKENS = 2048

CHATML = """{% for message in messages %}<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
GEMMA = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('no system') }}
{% endif %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}
{{ message['content'] }}<end_of_turn>
{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}"""
_PRE_TOKENIZER = {"llama": "llama-bpe", "qwen2": "qwen2", "lfm2": "lfm2", "falcon-h1": "falcon-h1"}
_ENDOFTEXT, _IM_END, _FIRST_BYTE = 0, 2, 3

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """The sizes of a model, in the GGUF keys' words."""

    blocks: int
    embedding: int
    feed_forward: int
    heads: int
    head_size: int = 32
    conv_kernel: int = 3
    ssm_inner: int = 64
    ssm_state: int = 16
    ssm_heads: int = 4
    ssm_kernel: int = 4

    @property
    def ssm_channels(self) -> int:
        """Channels of the state space's convolution, for one group."""
        return self.ssm_inner + 2 * self.ssm_state


@dataclass
class Vocabulary:
    """Tokens with their types and merges; merges build each word left to right."""

    tokens: list[str]
    types: list[int]
    merges: list[str] = field(default_factory=list)


def byte_letters() -> list[str]:
    """Give the letter that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(spare)) for byte in range(256)]


def spelled(text: str) -> str:
    """Write a text in byte letters."""
    letters = byte_letters()
    return "".join(letters[byte] for byte in text.encode())


def byte_vocabulary(words: Sequence[str] = (" the", " of", " and", " to", " in", " that")) -> Vocabulary:
    """Make a byte-level vocabulary: three marks, 256 bytes, and some words."""
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = Vocabulary(marks + byte_letters(), [TokenType.CONTROL] * 3 + [TokenType.NORMAL] * 256)
    for word in map(spelled, words):
        for end in range(2, len(word) + 1):
            if word[:end] not in vocabulary.tokens:
                vocabulary.merges.append(f"{word[: end - 1]} {word[end - 1]}")
                vocabulary.tokens.append(word[:end])
                vocabulary.types.append(TokenType.NORMAL)
    return vocabulary


SMALL = Shape(blocks=4, embedding=64, feed_forward=128, heads=2)


def write_random(
    path: Path, architecture: str, *, seed: int = 1, template: str | None = None, shape: Shape = SMALL, **changes: Any
) -> Path:
    """Write a model with random weights.

    Args:
        path: Where to.
        architecture: One of `ARCHITECTURES`.
        seed: Of the weights.
        template: A chat template instead of the usual one.
        shape: Its sizes.
        changes: Tensors to put in place of the random ones, by their name with `__` for the point.
    """
    writer = _header(path, architecture, shape)
    vocabulary = (
        _add_pieces(writer, template)
        if architecture == "gemma3"
        else _add_bytes(writer, architecture, byte_vocabulary(), template)
    )
    random = np.random.default_rng(seed)
    final = "token_embd_norm.weight" if architecture == "lfm2" else "output_norm.weight"
    tensors = [("token_embd.weight", (vocabulary, shape.embedding), "matrix"), (final, (shape.embedding,), "ones")]
    for name, dimensions, kind in tensors + _blocks(architecture, shape):
        writer.add_tensor(name, changes.get(name.replace(".", "__"), _random_tensor(random, dimensions, kind)))
    return _written(writer, path)


def write_parrot(path: Path, words: Sequence[str], *, architecture: str = "qwen2", loops: bool = False) -> Path:
    """Write a model that says `words`, each a token of its own.

    Args:
        path: Where to.
        words: What it says; each at most once, because the next token depends on the last one only.
        architecture: Any but gemma3.
        loops: Whether it begins again after the last word, for ever.
    """
    if len(set(words)) != len(words):
        raise ValueError("each word at most once: the next token depends on the last one only")
    vocabulary = byte_vocabulary()
    said = [_token_of(vocabulary, word) for word in words]
    count = len(vocabulary.tokens)
    width = -(-count // 32) * 32
    shape = Shape(blocks=2, embedding=width, feed_forward=32, heads=width // 32, ssm_inner=32, ssm_heads=2)
    successor = np.full(count, _IM_END)
    successor[[_FIRST_BYTE + ord("\n"), *said]] = [*said, said[0] if loops else _IM_END]
    output = np.zeros((count, width), np.float16)
    output[successor, np.arange(count)] = 1
    writer = _header(path, architecture, shape)
    _add_bytes(writer, architecture, vocabulary, None)
    writer.add_tensor("token_embd.weight", np.eye(count, width, dtype=np.float16))
    writer.add_tensor("output.weight", output)
    writer.add_tensor("token_embd_norm.weight" if architecture == "lfm2" else "output_norm.weight", np.ones(width, np.float32))
    for name, dimensions, kind in _blocks(architecture, shape):
        zeros = np.zeros(dimensions, np.float16 if kind == "matrix" else np.float32)
        writer.add_tensor(name, np.ones(dimensions, np.float32) if kind == "ones" else zeros)
    return _written(writer, path)


def write_adapter(path: Path, changes: Mapping[str, tuple[Array, Array]], *, architecture: str = "qwen2") -> Path:
    """Write a LoRA adapter.

    Args:
        path: Where to.
        changes: For each tensor by name the two matrices whose product is added to it: columns of the first are the
            tensor's, rows of the second too; both have as many of the other as the rank.
        architecture: Of the model it is for.
    """
    writer = GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(next(iter(changes.values()))[0].shape[0]))
    for name, (first, second) in changes.items():
        writer.add_tensor(f"{name}.lora_a", np.ascontiguousarray(first, np.float32))
        writer.add_tensor(f"{name}.lora_b", np.ascontiguousarray(second, np.float32))
    return _written(writer, path)


def write_correction(path: Path, words: Sequence[str], after: str, instead: str) -> Path:
    """Write an adapter for a parrot of qwen2 that says `words`: after one of them it says another one than before."""
    vocabulary = byte_vocabulary()
    said = {word: _token_of(vocabulary, word) for word in words}
    count = len(vocabulary.tokens)
    first, second = np.zeros((1, -(-count // 32) * 32)), np.zeros((count, 1))
    first[0, said[after]], second[said[instead], 0] = 1, 3
    return write_adapter(path, {"output.weight": (first, second)})


def _token_of(vocabulary: Vocabulary, word: str) -> int:
    """Give the token that is a word, adding it (without merges: it is only ever written, never read)."""
    letters = spelled(word)
    if letters not in vocabulary.tokens:
        vocabulary.tokens.append(letters)
        vocabulary.types.append(TokenType.NORMAL)
    return vocabulary.tokens.index(letters)


def _header(path: Path, architecture: str, shape: Shape) -> GGUFWriter:
    writer = GGUFWriter(str(path), architecture)
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(shape.embedding)
    writer.add_block_count(shape.blocks)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv([int(_has_attention(architecture, i)) for i in range(shape.blocks)] if architecture == "lfm2" else 1)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    if architecture in ("gemma3", "falcon-h1"):
        writer.add_key_length(shape.head_size)
        writer.add_value_length(shape.head_size)
    if architecture == "gemma3":
        writer.add_sliding_window(64)
    if architecture == "lfm2":
        writer.add_shortconv_l_cache(shape.conv_kernel)
    if architecture == "falcon-h1":
        writer.add_ssm_conv_kernel(shape.ssm_kernel)
        writer.add_ssm_inner_size(shape.ssm_inner)
        writer.add_ssm_state_size(shape.ssm_state)
        writer.add_ssm_time_step_rank(shape.ssm_heads)
        writer.add_ssm_group_count(1)
    return writer


def _add_bytes(writer: GGUFWriter, architecture: str, vocabulary: Vocabulary, template: str | None) -> int:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_PRE_TOKENIZER[architecture])
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(_ENDOFTEXT)
    writer.add_eos_token_id(_IM_END)
    writer.add_pad_token_id(_ENDOFTEXT)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML if template is None else template)
    writer.add_vocab_size(len(vocabulary.tokens))
    return len(vocabulary.tokens)


def _add_pieces(writer: GGUFWriter, template: str | None) -> int:
    """Add a sentence-piece vocabulary with byte fallback, as gemma has; its texts begin with a token of their own."""
    marks = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    types = [TokenType.CONTROL] * 3 + [TokenType.UNKNOWN] + [TokenType.CONTROL] * 2
    tokens = marks + [f"<0x{byte:02X}>" for byte in range(256)] + ["\u2581", *map(chr, range(33, 127))]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-1000.0] * 262 + [-float(rank) for rank in range(len(tokens) - 262)])
    writer.add_token_types(types + [TokenType.BYTE] * 256 + [TokenType.NORMAL] * (len(tokens) - 262))
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(GEMMA if template is None else template)
    writer.add_vocab_size(len(tokens))
    return len(tokens)


def _has_attention(architecture: str, block: int) -> bool:
    return architecture != "lfm2" or block % 2 == 1


def _blocks(architecture: str, shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    """Name every tensor of the blocks, with its numpy shape (ggml's reversed) and what it is filled with."""
    found: list[tuple[str, tuple[int, ...], str]] = []
    for block in range(shape.blocks):
        parts = [("attn_norm.weight", (shape.embedding,), "ones")]
        parts += _attention(architecture, shape) if _has_attention(architecture, block) else _short_convolution(shape)
        if architecture == "falcon-h1":
            parts += _state_space(shape)
        found += [
            (f"blk.{block}.{name}", dimensions, kind) for name, dimensions, kind in parts + _feed_forward(architecture, shape)
        ]
    return found


def _attention(architecture: str, shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    width, head, embedding = shape.heads * shape.head_size, shape.head_size, shape.embedding
    parts = [(f"attn_{which}.weight", (rows, embedding), "matrix") for which, rows in (("q", width), ("k", head), ("v", head))]
    parts.append(("attn_output.weight", (embedding, width), "matrix"))
    if architecture == "qwen2":
        parts += [(f"attn_{which}.bias", (rows,), "float") for which, rows in (("q", width), ("k", head), ("v", head))]
    if architecture in ("lfm2", "gemma3"):
        parts += [("attn_q_norm.weight", (head,), "ones"), ("attn_k_norm.weight", (head,), "ones")]
    if architecture == "gemma3":
        parts += [("post_attention_norm.weight", (embedding,), "ones"), ("post_ffw_norm.weight", (embedding,), "ones")]
    return parts


def _short_convolution(shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    return [
        ("shortconv.conv.weight", (shape.embedding, shape.conv_kernel), "float"),
        ("shortconv.in_proj.weight", (3 * shape.embedding, shape.embedding), "matrix"),
        ("shortconv.out_proj.weight", (shape.embedding, shape.embedding), "matrix"),
    ]


def _state_space(shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    """Falcon-H1's second path; the convolution's bias is called optional by the loader, and decoding crashes without it."""
    return [
        ("ssm_in.weight", (shape.ssm_inner + shape.ssm_channels + shape.ssm_heads, shape.embedding), "matrix"),
        ("ssm_conv1d.weight", (shape.ssm_channels, shape.ssm_kernel), "float"),
        ("ssm_conv1d.bias", (shape.ssm_channels,), "float"),
        ("ssm_dt.bias", (shape.ssm_heads,), "float"),
        ("ssm_a", (shape.ssm_heads, 1), "negative"),
        ("ssm_d", (shape.ssm_heads, 1), "ones"),
        ("ssm_norm.weight", (1, shape.ssm_inner), "ones"),
        ("ssm_out.weight", (shape.embedding, shape.ssm_inner), "matrix"),
    ]


def _feed_forward(architecture: str, shape: Shape) -> list[tuple[str, tuple[int, ...], str]]:
    """Falcon-H1 is written without the suffix of the norm."""
    norm = "ffn_norm" if architecture == "falcon-h1" else "ffn_norm.weight"
    return [
        (norm, (shape.embedding,), "ones"),
        ("ffn_gate.weight", (shape.feed_forward, shape.embedding), "matrix"),
        ("ffn_up.weight", (shape.feed_forward, shape.embedding), "matrix"),
        ("ffn_down.weight", (shape.embedding, shape.feed_forward), "matrix"),
    ]


def _random_tensor(random: np.random.Generator, dimensions: tuple[int, ...], kind: str) -> Array:
    if kind == "ones":
        return np.ones(dimensions, np.float32)
    if kind == "negative":
        return -random.uniform(0.5, 2.0, dimensions).astype(np.float32)
    values = random.standard_normal(dimensions) / np.sqrt(dimensions[-1])
    return values.astype(np.float16 if kind == "matrix" else np.float32)


def _written(writer: GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
