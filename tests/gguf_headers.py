"""Writes GGUF headers byte by byte, for tests that need a file that holds together, or one that just does not."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

U32, F32, STRING, ARRAY = 4, 6, 8, 9
KEYS: Mapping[str, tuple[int, Any]] = {
    "general.architecture": (STRING, "llama"),
    "llama.context_length": (U32, 8192),
    "llama.embedding_length": (U32, 256),
    "llama.block_count": (U32, 2),
    "llama.feed_forward_length": (U32, 512),
    "llama.attention.head_count": (U32, 4),
    "llama.attention.head_count_kv": (U32, 2),
    "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5),
    "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "b", "c"])),
    "tokenizer.ggml.token_type": (ARRAY, (U32, [1, 1, 3])),
    "tokenizer.ggml.merges": (ARRAY, (STRING, ["a b"])),
}
"""A model of nothing: enough for the header check and the forecast, too little for an engine."""
TENSORS = (("token_embd.weight", (256, 3), 0, 0),)
"""Name, dimensions, type and offset of each tensor."""


def text(value: str | bytes) -> bytes:
    """Write a text as GGUF does."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def value(kind: int, content: Any) -> bytes:
    """Write a value without its type."""
    if kind == STRING:
        return text(content)
    if kind == ARRAY:
        item, items = content
        return struct.pack("<IQ", item, len(items)) + b"".join(value(item, each) for each in items)
    return struct.pack("<" + {0: "B", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 12: "d"}[kind], content)


def header_bytes(
    keys: Mapping[str, tuple[int, Any]] | Sequence[tuple[str, tuple[int, Any]]] = KEYS,
    tensors: Sequence[tuple[str, tuple[int, ...], int, int]] = TENSORS,
    *,
    version: int = 3,
    data_bytes: int = 3072,
) -> bytes:
    """Write a whole file: the header, padding to 32 bytes, and zeros for data."""
    pairs = list(keys.items()) if isinstance(keys, Mapping) else list(keys)
    raw = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs))
    raw += b"".join(text(key) + struct.pack("<I", kind) + value(kind, content) for key, (kind, content) in pairs)
    for name, dimensions, kind, offset in tensors:
        raw += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset)
    return raw + bytes(-len(raw) % 32 + data_bytes)


def write_dummy(path: Path) -> Path:
    """Write a file that passes every check made before an engine opens it."""
    path.write_bytes(header_bytes())
    return path
